//! The policy decision point: one Cedar bundle per environment, validated strictly when it is loaded, default deny.
//!
//! [`Policy::decide`] is a pure function of the bundle and the question. It is synchronous and remembers its answers,
//! because it stands before every reveal. What is individual (consent, grant, legal hold) is not decided here: it
//! comes in as context or is checked apart.

mod action;
mod bundle;
mod cache;
mod engine;
mod error;
mod principals;
mod standard;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use privet_classify::Class;

pub use action::Action;
pub use error::{PolicyError, Problem};

use crate::{Environment, Principal, PrincipalKind, PrincipalName, SourceName, TenantName};
use cache::{Cache, Question};
use engine::Engine;
use principals::Listed;

/// The text of a bundle, so that this crate opens no files.
#[derive(Debug, Clone, Copy)]
pub struct PolicyFiles<'a> {
    /// `schema.cedarschema`: the words that policies are written in.
    pub schema: &'a str,
    /// Each `*.cedar` file as (name, text); the name is for messages and the digest.
    pub policies: &'a [(&'a str, &'a str)],
    /// `principals.toml`: who may act, in which groups.
    pub principals: &'a str,
}

/// What a decision is about.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// The organisation that it belongs to.
    pub tenant: &'a TenantName,
    /// The field by its name in the data map, with its class. Actions on fields are denied without one.
    pub field: Option<(&'a str, Class)>,
    /// The application's database that it lies in, where there is one.
    pub source: Option<&'a SourceName>,
}

/// What is individual about a call and matters to policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Why, in the data map's words.
    pub purpose: Option<&'a str>,
    /// Whether the principal is the subject whom the data is about.
    pub is_self: bool,
    /// Whether a live grant covers this.
    pub grant: bool,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether policy allows it. An error on the way is a "no".
    pub allowed: bool,
    /// The ids of the policies that decided, sorted; none when nothing permitted it. They go into the audit entry.
    pub policies: Arc<[Box<str>]>,
}

impl Decision {
    /// Both: allowed if both are, with the policies of both; a denial stands with its own policies alone.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.allowed, other.allowed) {
            (false, _) => self,
            (true, false) => other,
            // The common case: many fields, decided by the same policies.
            (true, true) if self.policies == other.policies => self,
            (true, true) => {
                let both = self.policies.iter().chain(other.policies.iter());
                let both: BTreeSet<_> = both.cloned().collect();
                Self {
                    allowed: true,
                    policies: both.into_iter().collect(),
                }
            }
        }
    }

    /// "No", because nothing said yes.
    fn default_deny() -> Self {
        Self {
            allowed: false,
            policies: Arc::new([]),
        }
    }
}

/// The loaded bundle of one environment.
pub struct Policy {
    engine: Engine,
    listed: BTreeMap<PrincipalName, Listed>,
    digest: [u8; 32],
    cache: Cache,
}

impl Policy {
    /// Loads a bundle and checks all of it.
    ///
    /// # Errors
    /// Every problem found, each with its file, its line where it has one, and what to do.
    pub fn load(files: &PolicyFiles<'_>, environment: &Environment) -> Result<Self, PolicyError> {
        let mut problems = Vec::new();
        let schema = bundle::schema(files.schema, &mut problems);
        let set = bundle::policies(files.policies, schema.as_ref(), &mut problems);
        let people = principals::parse(files.principals, &mut problems);
        if let Some(schema) = schema {
            let engine = Engine::new(schema, set, environment.clone(), &mut problems);
            if let Some(engine) = engine {
                let listed = engine.check_principals(people, files.principals, &mut problems);
                if problems.is_empty() {
                    let digest = digest(files, environment);
                    return Ok(Self {
                        engine,
                        listed,
                        digest,
                        cache: Cache::default(),
                    });
                }
            }
        }
        Err(PolicyError::new(problems))
    }

    /// The person or job of this name. Subjects are not listed.
    pub fn principal(&self, name: &PrincipalName) -> Option<&Principal> {
        self.listed.get(name).map(|listed| &listed.principal)
    }

    /// Every person and job.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.listed.values().map(|listed| &listed.principal)
    }

    /// The purposes that jobs declare, with the job's name: each must be in the data map.
    pub fn purposes(&self) -> impl Iterator<Item = (&PrincipalName, &str)> {
        self.listed.iter().flat_map(|(name, listed)| {
            listed
                .purposes
                .iter()
                .map(move |purpose| (name, purpose.as_str()))
        })
    }

    /// SHA-256 over the environment's name and every file of the bundle; stands in each audit entry of a decision.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Decides. Groups and purposes are the bundle's, whatever `principal` says: a person or job that the bundle does
    /// not list under this kind is denied everything.
    pub fn decide(
        &self,
        principal: &Principal,
        action: Action,
        resource: &Resource<'_>,
        context: &Context<'_>,
    ) -> Decision {
        let question = Question::new(principal, action, resource, context);
        self.cache
            .answer(&question, || self.evaluate(principal, &question))
    }

    fn evaluate(&self, principal: &Principal, question: &Question<'_>) -> Decision {
        let entity = match principal.kind {
            PrincipalKind::Subject => self.engine.any_subject(),
            kind => match self.listed.get(&principal.name) {
                Some(listed) if listed.principal.kind == kind => listed.entity.clone(),
                _ => return Decision::default_deny(),
            },
        };
        self.engine.evaluate(entity, question)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("principals", &self.listed.len())
            .finish_non_exhaustive()
    }
}

/// Each part with its length in front, so that no text can move from one file into the next unnoticed.
fn digest(files: &PolicyFiles<'_>, environment: &Environment) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    add("privet/v1/policy-bundle");
    add(environment.as_str());
    add(files.schema);
    add(files.principals);
    let sorted: BTreeMap<&str, &str> = files.policies.iter().copied().collect();
    for (name, text) in sorted {
        add(name);
        add(text);
    }
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    bytes
}
