//! The one place that speaks Cedar's data model: entities and requests from questions, answers from responses.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::error::Error;

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema,
};
use privet_classify::Class;

use super::action::Target;
use super::cache::Question;
use super::error::{PRINCIPALS, Problem, SCHEMA};
use super::principals::{Listed, Stated};
use super::{Action, Decision};
use crate::{Environment, PrincipalKind, PrincipalName};

/// Cedar, with the bundle's schema and policies.
pub(super) struct Engine {
    schema: Schema,
    policies: PolicySet,
    /// The schema's actions with the groups that they are in.
    actions: Entities,
    authorizer: Authorizer,
    environment: Environment,
    types: Types,
}

/// The schema's entity types, parsed once.
struct Types {
    action: EntityTypeName,
    group: EntityTypeName,
    person: EntityTypeName,
    job: EntityTypeName,
    subject: EntityTypeName,
    environment: EntityTypeName,
    tenant: EntityTypeName,
    source: EntityTypeName,
    class: EntityTypeName,
    field: EntityTypeName,
}

impl Types {
    fn parse() -> Option<Self> {
        let parse = |name: &str| name.parse::<EntityTypeName>().ok();
        Some(Self {
            action: parse("Action")?,
            group: parse("Group")?,
            person: parse("Person")?,
            job: parse("Job")?,
            subject: parse("Subject")?,
            environment: parse("Environment")?,
            tenant: parse("Tenant")?,
            source: parse("Source")?,
            class: parse("Class")?,
            field: parse("Field")?,
        })
    }
}

impl Engine {
    /// Checks that the schema is about the questions that Privet asks: a schema that knows other actions, or wants
    /// other attributes, would deny everything and say so only in the log.
    pub(super) fn new(
        schema: Schema,
        policies: PolicySet,
        environment: Environment,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let types = Types::parse()?;
        let actions = match schema.action_entities() {
            Ok(actions) => actions,
            Err(error) => {
                problems.push(schema_problem(text(error)));
                return None;
            }
        };
        let engine = Self {
            schema,
            actions,
            policies,
            authorizer: Authorizer::new(),
            environment,
            types,
        };
        let before = problems.len();
        engine.check_actions(problems);
        if problems.len() == before {
            engine.check_questions(problems);
        }
        (problems.len() == before).then_some(engine)
    }

    /// Makes each principal an entity of the schema; a group that the schema does not list is a problem.
    pub(super) fn check_principals(
        &self,
        stated: BTreeMap<PrincipalName, Stated>,
        source: &str,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<PrincipalName, Listed> {
        let mut listed = BTreeMap::new();
        for (name, stated) in stated {
            for (group, offset) in &stated.group_offsets {
                if self.check_group(group).is_err() {
                    let text = format!(
                        "group `{group}` is not known: use one of those that `{SCHEMA}` lists under \
                         `entity Group`, or add it there"
                    );
                    problems.push(Problem::at(PRINCIPALS, source, Some(*offset), text));
                }
            }
            match self.principal(&stated) {
                Ok(entity) => {
                    let Stated {
                        principal,
                        purposes,
                        ..
                    } = stated;
                    listed.insert(
                        name,
                        Listed {
                            principal,
                            purposes,
                            entity,
                        },
                    );
                }
                Err(text) => {
                    problems.push(Problem::at(PRINCIPALS, source, Some(stated.offset), text));
                }
            }
        }
        listed
    }

    /// What every subject is to policy: nobody in particular.
    pub(super) fn any_subject(&self) -> Entity {
        Entity::with_uid(uid(&self.types.subject, "any"))
    }

    /// Asks Cedar. An error on the way is a denial: Cedar itself would skip a policy that fails, and skipping a
    /// `forbid` permits.
    pub(super) fn evaluate(&self, principal: Entity, question: &Question<'_>) -> Decision {
        let (request, entities) = match self.request(principal, question) {
            Ok(asked) => asked,
            Err(problem) => {
                tracing::error!(action = %question.action, problem, "policy question refused");
                return Decision::default_deny();
            }
        };
        let response = self
            .authorizer
            .is_authorized(&request, &self.policies, &entities);
        let mut allowed = response.decision() == cedar_policy::Decision::Allow;
        let mut policies: Vec<Box<str>> = response
            .diagnostics()
            .reason()
            .map(|id| AsRef::<str>::as_ref(id).into())
            .collect();
        for error in response.diagnostics().errors() {
            tracing::error!(action = %question.action, problem = %error, "policy failed");
            allowed = false;
        }
        policies.sort_unstable();
        Decision {
            allowed,
            policies: policies.into(),
        }
    }

    fn request(
        &self,
        principal: Entity,
        question: &Question<'_>,
    ) -> Result<(Request, Entities), String> {
        let resource = self.resource(question)?;
        let action = uid(&self.types.action, question.action.as_str());
        let purpose = question.purpose.map(|purpose| {
            (
                "purpose".to_owned(),
                RestrictedExpression::new_string(purpose.to_owned()),
            )
        });
        let flags = [("is_self", question.is_self), ("grant", question.grant)]
            .map(|(name, flag)| (name.to_owned(), RestrictedExpression::new_bool(flag)));
        let context = Context::from_pairs(flags.into_iter().chain(purpose)).map_err(text)?;
        let request = Request::new(
            principal.uid(),
            action.clone(),
            resource.uid(),
            context,
            Some(&self.schema),
        )
        .map_err(text)?;
        // Without the schema, which would cost more than all the rest: that principals and resources fit it was
        // checked when the bundle was loaded, and questions differ only in names. An action has its groups with it.
        let action = self.actions.get(&action).ok_or("no such action")?.clone();
        let entities =
            Entities::from_entities([principal, action, resource], None).map_err(text)?;
        Ok((request, entities))
    }

    /// The resource of a question. All that it lies in, near and far, stands as its parents: entities between them
    /// would say the same and cost Cedar a closure to compute.
    fn resource(&self, question: &Question<'_>) -> Result<Entity, String> {
        let types = &self.types;
        let environment = uid(&types.environment, self.environment.as_str());
        let tenant = uid(&types.tenant, question.tenant);
        let source = question.source.map(|source| uid(&types.source, source));
        let (resource, parents): (_, HashSet<_>) = match (question.action.target(), source) {
            (Target::Field, source) => {
                let (field, class) = question
                    .field
                    .ok_or("an action on fields without a field")?;
                let class = uid(&types.class, class.as_str());
                let parents = [class, tenant, environment].into_iter().chain(source);
                (uid(&types.field, field), parents.collect())
            }
            (Target::Source, Some(source)) => (source, HashSet::from([tenant, environment])),
            (Target::Source | Target::Tenant, _) => (tenant, HashSet::from([environment])),
        };
        Ok(Entity::new_no_attrs(resource, parents))
    }

    fn principal(&self, stated: &Stated) -> Result<Entity, String> {
        let name = stated.principal.name.as_str();
        let groups = stated.principal.groups.iter();
        let groups = groups.map(|group| uid(&self.types.group, group)).collect();
        match stated.principal.kind {
            PrincipalKind::Job => self.job(name, groups, &stated.purposes),
            PrincipalKind::Person | PrincipalKind::Subject => Ok(self.person(name, groups)),
        }
    }

    fn person(&self, name: &str, groups: HashSet<EntityUid>) -> Entity {
        Entity::new_no_attrs(uid(&self.types.person, name), groups)
    }

    fn job(
        &self,
        name: &str,
        groups: HashSet<EntityUid>,
        purposes: &BTreeSet<String>,
    ) -> Result<Entity, String> {
        let purposes = purposes
            .iter()
            .cloned()
            .map(RestrictedExpression::new_string);
        let purposes = RestrictedExpression::new_set(purposes);
        let attributes = HashMap::from([("purposes".to_owned(), purposes)]);
        Entity::new(uid(&self.types.job, name), attributes, groups).map_err(text)
    }

    fn check_group(&self, group: &str) -> Result<(), String> {
        let groups = HashSet::from([uid(&self.types.group, group)]);
        let member = self.person("any", groups);
        self.check_entities([member])
    }

    fn check_entities(&self, entities: impl IntoIterator<Item = Entity>) -> Result<(), String> {
        Entities::from_entities(entities, Some(&self.schema))
            .map(drop)
            .map_err(text)
    }

    fn check_actions(&self, problems: &mut Vec<Problem>) {
        let actions: HashSet<String> = self.schema.actions().map(id).collect();
        let groups: HashSet<String> = self.schema.action_groups().map(id).collect();
        let missing = Action::ALL
            .iter()
            .filter(|action| !actions.contains(action.as_str()));
        problems.extend(missing.map(|action| {
            schema_problem(format!(
                "action `{action}` is missing: take over the actions of the schema that came with \
                 this version"
            ))
        }));
        let known = |name: &str| Action::ALL.iter().any(|action| action.as_str() == name);
        let mut unknown: Vec<_> = actions
            .difference(&groups)
            .filter(|name| !known(name))
            .collect();
        unknown.sort();
        problems.extend(
            unknown.into_iter().map(|name| {
                schema_problem(format!("action `{name}` is none of Privet's: remove it"))
            }),
        );
    }

    /// Asks one question of each sort, for the sake of the schema alone; the first complaint is enough.
    fn check_questions(&self, problems: &mut Vec<Problem>) {
        let mut classes = Class::ALL.into_iter().cycle();
        for kind in [
            PrincipalKind::Person,
            PrincipalKind::Job,
            PrincipalKind::Subject,
        ] {
            for action in Action::ALL {
                let question = Question {
                    kind,
                    name: "any",
                    action,
                    tenant: "any",
                    field: classes.next().map(|class| ("any", class)),
                    source: Some("any"),
                    purpose: Some("any"),
                    is_self: false,
                    grant: false,
                };
                if let Err(error) = self.check_question(&question) {
                    return problems.push(schema_problem(format!(
                        "the schema does not take `{action}` by a {}: {error}; leave all but \
                         `entity Group` as it came with this version",
                        kind.as_str()
                    )));
                }
            }
        }
    }

    fn check_question(&self, question: &Question<'_>) -> Result<(), String> {
        let principal = self.sample(question.kind)?;
        self.check_entities([principal.clone(), self.resource(question)?])?;
        self.request(principal, question).map(drop)
    }

    fn sample(&self, kind: PrincipalKind) -> Result<Entity, String> {
        match kind {
            PrincipalKind::Person => Ok(self.person("any", HashSet::new())),
            PrincipalKind::Job => {
                self.job("any", HashSet::new(), &BTreeSet::from(["any".to_owned()]))
            }
            PrincipalKind::Subject => Ok(self.any_subject()),
        }
    }
}

fn schema_problem(text: String) -> Problem {
    Problem {
        file: SCHEMA.to_owned(),
        line: None,
        text,
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn id(uid: &EntityUid) -> String {
    uid.id().unescaped().to_owned()
}

/// The error with what caused it: Cedar often says only there what is wrong.
fn text(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
