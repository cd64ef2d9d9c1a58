//! `principals.toml`: who may act, in which groups, and a job's purposes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Entity;
use serde::Deserialize;
use toml::Spanned;

use super::error::{PRINCIPALS, Problem};
use crate::{Principal, PrincipalKind, PrincipalName};

/// A principal of the bundle, ready to be asked about.
pub(super) struct Listed {
    pub(super) principal: Principal,
    /// Declared by a job; empty for people.
    pub(super) purposes: BTreeSet<String>,
    /// The principal as Cedar sees it.
    pub(super) entity: Entity,
}

/// A principal as the file states it, its names already checked.
pub(super) struct Stated {
    pub(super) principal: Principal,
    pub(super) purposes: BTreeSet<String>,
    /// Where the name and each group stand in the file, for messages.
    pub(super) offset: usize,
    pub(super) group_offsets: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    people: BTreeMap<Spanned<String>, Person>,
    #[serde(default)]
    jobs: BTreeMap<Spanned<String>, Job>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    groups: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    groups: Vec<Spanned<String>>,
    purposes: Vec<Spanned<String>>,
}

/// Reads the file; what is wrong with it goes to `problems`.
pub(super) fn parse(source: &str, problems: &mut Vec<Problem>) -> BTreeMap<PrincipalName, Stated> {
    let file: File = match toml::from_str(source) {
        Ok(file) => file,
        Err(error) => {
            let offset = error.span().map(|span| span.start);
            problems.push(Problem::at(
                PRINCIPALS,
                source,
                offset,
                error.message().to_owned(),
            ));
            return BTreeMap::new();
        }
    };
    let mut reader = Reader {
        source,
        problems,
        stated: BTreeMap::new(),
    };
    for (name, person) in file.people {
        reader.add(PrincipalKind::Person, name, person.groups, Vec::new());
    }
    for (name, job) in file.jobs {
        reader.add(PrincipalKind::Job, name, job.groups, job.purposes);
    }
    reader.stated
}

struct Reader<'a> {
    source: &'a str,
    problems: &'a mut Vec<Problem>,
    stated: BTreeMap<PrincipalName, Stated>,
}

impl Reader<'_> {
    fn add(
        &mut self,
        kind: PrincipalKind,
        name: Spanned<String>,
        groups: Vec<Spanned<String>>,
        purposes: Vec<Spanned<String>>,
    ) {
        let offset = name.span().start;
        let name = match name.get_ref().parse::<PrincipalName>() {
            Ok(name) => name,
            Err(error) => {
                return self.problem(offset, format!("the name of a {}: {error}", kind.as_str()));
            }
        };
        if groups.is_empty() {
            let text = format!(
                "`{name}` is in no group, so it may do nothing: list one in `groups` or remove it"
            );
            self.problem(offset, text);
        }
        if self.stated.contains_key(&name) {
            let text = format!(
                "`{name}` is listed as a person and as a job: a name is also the user name to \
                 connect with, so give one of them another"
            );
            return self.problem(offset, text);
        }
        let group_offsets = self.distinct(groups, "group");
        let purposes = self.distinct(purposes, "purpose").into_keys().collect();
        let principal = Principal {
            name: name.clone(),
            kind,
            groups: group_offsets.keys().cloned().collect(),
        };
        self.stated.insert(
            name,
            Stated {
                principal,
                purposes,
                offset,
                group_offsets,
            },
        );
    }

    /// The words with their places; a word that is no name or stands twice is a problem.
    fn distinct(&mut self, words: Vec<Spanned<String>>, what: &str) -> BTreeMap<String, usize> {
        let mut distinct = BTreeMap::new();
        for word in words {
            let offset = word.span().start;
            let word = word.into_inner();
            if let Err(error) = word.parse::<PrincipalName>() {
                self.problem(offset, format!("the name of a {what}: {error}"));
                continue;
            }
            match distinct.entry(word) {
                Entry::Vacant(free) => drop(free.insert(offset)),
                Entry::Occupied(taken) => {
                    let text = format!("{what} `{}` is listed twice: remove one", taken.key());
                    self.problem(offset, text);
                }
            }
        }
        distinct
    }

    fn problem(&mut self, offset: usize, text: String) {
        self.problems
            .push(Problem::at(PRINCIPALS, self.source, Some(offset), text));
    }
}
