//! From the text of a bundle to a schema and one set of policies that agree with each other.

use std::collections::{BTreeMap, HashSet};
use std::mem;

use cedar_policy::{PolicyId, PolicySet, Schema, ValidationError, ValidationMode, Validator};
use miette::Diagnostic;

use super::error::{Problem, SCHEMA, offset};

/// Parses the schema. A warning is a problem too: a bundle is either clear or mended.
pub(super) fn schema(source: &str, problems: &mut Vec<Problem>) -> Option<Schema> {
    match Schema::from_cedarschema_str(source) {
        Ok((schema, warnings)) => {
            problems.extend(warnings.map(|warning| Problem::cedar(SCHEMA, source, &warning)));
            Some(schema)
        }
        Err(error) => {
            problems.extend(each(&error).map(|error| Problem::cedar(SCHEMA, source, error)));
            None
        }
    }
}

/// Parses every file into one set, whose ids are the `@id` annotations, and validates it strictly.
pub(super) fn policies(
    files: &[(&str, &str)],
    schema: Option<&Schema>,
    problems: &mut Vec<Problem>,
) -> PolicySet {
    let mut collection = Collection {
        set: PolicySet::new(),
        places: BTreeMap::new(),
        problems,
    };
    for (name, source) in files {
        collection.add_file(name, source);
    }
    if let Some(schema) = schema {
        collection.validate(schema);
    }
    collection.set
}

/// Where a policy came from.
struct Place<'a> {
    file: &'a str,
    source: &'a str,
    offset: Option<usize>,
}

impl Place<'_> {
    fn problem(&self, text: String) -> Problem {
        Problem::at(self.file, self.source, self.offset, text)
    }
}

struct Collection<'a> {
    set: PolicySet,
    places: BTreeMap<String, Place<'a>>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Collection<'a> {
    fn add_file(&mut self, file: &'a str, source: &'a str) {
        let parsed: PolicySet = match source.parse() {
            Ok(parsed) => parsed,
            Err(errors) => {
                let errors = each(&errors).map(|error| Problem::cedar(file, source, error));
                return self.problems.extend(errors);
            }
        };
        if let Some(template) = parsed.templates().next() {
            let text =
                "a template (`?principal`, `?resource`) has nobody to fill it: write a policy";
            let offset = source.find(&template.to_string());
            self.problems
                .push(Problem::at(file, source, offset, text.to_owned()));
        }
        for policy in parsed.policies() {
            // The text of a parsed policy is printed as it was written, so it is found where it stands.
            let place = Place {
                file,
                source,
                offset: source.find(&policy.to_string()),
            };
            self.add(policy, place);
        }
    }

    fn add(&mut self, policy: &cedar_policy::Policy, place: Place<'a>) {
        let id = policy.annotation("id").unwrap_or_default();
        if let Some(text) = self.refuse(id) {
            let Place {
                file,
                source,
                offset,
            } = place;
            return self.problems.push(Problem::at(file, source, offset, text));
        }
        match self.set.add(policy.new_id(PolicyId::new(id))) {
            Ok(()) => drop(self.places.insert(id.to_owned(), place)),
            Err(error) => {
                let Place {
                    file,
                    source,
                    offset,
                } = place;
                self.problems
                    .push(Problem::at(file, source, offset, error.to_string()));
            }
        }
    }

    /// Ids stand in audit entries, so each policy has one, and it is short and plain.
    fn refuse(&self, id: &str) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
            return Some(
                "a policy needs an id for the audit log: put `@id(\"…\")` before it, with 1 to 64 \
                 characters of `a-z`, `0-9`, `-`"
                    .to_owned(),
            );
        }
        let first = self.places.get(id)?;
        Some(format!(
            "policy id `{id}` stands in `{}` already: choose another",
            first.file
        ))
    }

    fn validate(&mut self, schema: &Schema) {
        let result = Validator::new(schema.clone()).validate(&self.set, ValidationMode::Strict);
        let mut errors: Vec<_> = result.validation_errors().collect();
        errors.sort_by_cached_key(ToString::to_string);
        // Cedar repeats an error for each action that the policy is about: one of a kind and place is enough.
        let mut told = HashSet::new();
        for error in errors {
            if told.insert((error.policy_id(), offset(error), mem::discriminant(error))) {
                let problem = self.invalid(error.policy_id(), error);
                self.problems.push(match error {
                    // Cedar's own advice is whichever action has about as many letters.
                    ValidationError::UnrecognizedActionId(_) => {
                        let text = format!("{error}: `{SCHEMA}` lists all that there are");
                        Problem { text, ..problem }
                    }
                    _ => problem,
                });
            }
        }
        // A warning, such as a policy that can never apply, most often follows from an error of the same policy.
        let wrong: HashSet<_> = told.into_iter().map(|(id, _, _)| id).collect();
        for warning in result.validation_warnings() {
            if !wrong.contains(warning.policy_id()) {
                let problem = self.invalid(warning.policy_id(), warning);
                self.problems.push(problem);
            }
        }
    }

    fn invalid(&self, id: &PolicyId, diagnostic: &dyn Diagnostic) -> Problem {
        let id: &str = id.as_ref();
        let Some(place) = self.places.get(id) else {
            return Problem::cedar(id, "", diagnostic);
        };
        let problem = Problem::cedar(place.file, place.source, diagnostic);
        let line = problem.line.or_else(|| place.problem(String::new()).line);
        Problem { line, ..problem }
    }
}

/// Cedar returns several errors as the first one with the rest related to it.
fn each(error: &dyn Diagnostic) -> impl Iterator<Item = &dyn Diagnostic> {
    std::iter::once(error).chain(error.related().into_iter().flatten())
}
