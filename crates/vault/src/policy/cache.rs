//! Answers that were given already. A reveal asks once per distinct question, and the next reveal asks the same.
//!
//! Two generations bound it: when the young one is full it becomes the old one, and what is asked again moves back. So
//! questions that nobody repeats cannot push out those that everybody does, and nothing needs a clock.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::{PoisonError, RwLock};

use privet_classify::Class;

use super::{Action, Context, Decision, Resource};
use crate::{Principal, PrincipalKind};

/// Answers per generation; an answer takes about 300 bytes.
const GENERATION_SIZE: usize = 4096;

/// Longer purposes than the data map can hold are answered but not kept.
const PURPOSE_LENGTH_MAX: usize = 64;

/// All that a decision depends on, besides the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Question<'a> {
    pub(super) kind: PrincipalKind,
    /// Empty for subjects: policy knows only that it is one.
    pub(super) name: &'a str,
    pub(super) action: Action,
    pub(super) tenant: &'a str,
    pub(super) field: Option<(&'a str, Class)>,
    pub(super) source: Option<&'a str>,
    pub(super) purpose: Option<&'a str>,
    pub(super) is_self: bool,
    pub(super) grant: bool,
}

impl<'a> Question<'a> {
    pub(super) fn new(
        principal: &'a Principal,
        action: Action,
        resource: &Resource<'a>,
        context: &Context<'a>,
    ) -> Self {
        let name = match principal.kind {
            PrincipalKind::Subject => "",
            PrincipalKind::Person | PrincipalKind::Job => principal.name.as_str(),
        };
        Self {
            kind: principal.kind,
            name,
            action,
            tenant: resource.tenant.as_str(),
            field: resource.field,
            source: resource.source.map(|source| source.as_str()),
            purpose: context.purpose,
            is_self: context.is_self,
            grant: context.grant,
        }
    }
}

/// A question that owns its text.
#[derive(Debug)]
struct Kept {
    kind: PrincipalKind,
    name: Box<str>,
    action: Action,
    tenant: Box<str>,
    field: Option<(Box<str>, Class)>,
    source: Option<Box<str>>,
    purpose: Option<Box<str>>,
    is_self: bool,
    grant: bool,
}

impl Kept {
    fn new(question: &Question<'_>) -> Self {
        Self {
            kind: question.kind,
            name: question.name.into(),
            action: question.action,
            tenant: question.tenant.into(),
            field: question.field.map(|(name, class)| (name.into(), class)),
            source: question.source.map(Into::into),
            purpose: question.purpose.map(Into::into),
            is_self: question.is_self,
            grant: question.grant,
        }
    }

    fn question(&self) -> Question<'_> {
        Question {
            kind: self.kind,
            name: &self.name,
            action: self.action,
            tenant: &self.tenant,
            field: self.field.as_ref().map(|(name, class)| (&**name, *class)),
            source: self.source.as_deref(),
            purpose: self.purpose.as_deref(),
            is_self: self.is_self,
            grant: self.grant,
        }
    }
}

type Generation = HashMap<u64, (Kept, Decision)>;

#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

/// The bounded memory of one bundle. Keyed by a hash of the question, so that looking up allocates nothing; the
/// question itself is compared as well, so a collision costs an evaluation and never gives a wrong answer.
pub(super) struct Cache {
    hasher: RandomState,
    generations: RwLock<Generations>,
    generation_size: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self::with_generation_size(GENERATION_SIZE)
    }
}

impl Cache {
    fn with_generation_size(generation_size: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            generations: RwLock::default(),
            generation_size,
        }
    }

    /// The answer from memory, or from `evaluate`.
    pub(super) fn answer(
        &self,
        question: &Question<'_>,
        evaluate: impl FnOnce() -> Decision,
    ) -> Decision {
        let hash = self.hasher.hash_one(question);
        {
            // A panic while holding the lock leaves a map that is whole, so poison says nothing here.
            let generations = self
                .generations
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(decision) = find(&generations.young, hash, question) {
                return decision;
            }
        }
        let known = {
            let mut generations = self
                .generations
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            let known = find(&generations.old, hash, question);
            if known.is_some() {
                generations.old.remove(&hash);
            }
            known
        };
        let decision = known.unwrap_or_else(evaluate);
        if question
            .purpose
            .is_none_or(|purpose| purpose.len() <= PURPOSE_LENGTH_MAX)
        {
            self.keep(hash, question, decision.clone());
        }
        decision
    }

    fn keep(&self, hash: u64, question: &Question<'_>, decision: Decision) {
        let kept = (Kept::new(question), decision);
        let mut generations = self
            .generations
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.generation_size {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(hash, kept);
    }
}

fn find(generation: &Generation, hash: u64, question: &Question<'_>) -> Option<Decision> {
    let (kept, decision) = generation.get(&hash)?;
    (kept.question() == *question).then(|| decision.clone())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::*;

    fn question(field: &str) -> Question<'_> {
        Question {
            kind: PrincipalKind::Job,
            name: "job",
            action: Action::Seal,
            tenant: "acme",
            field: Some((field, Class::Uii)),
            source: None,
            purpose: None,
            is_self: false,
            grant: false,
        }
    }

    /// Asks, and says whether that took an evaluation.
    fn evaluated(cache: &Cache, question: &Question<'_>) -> bool {
        let evaluated = Cell::new(false);
        cache.answer(question, || {
            evaluated.set(true);
            Decision::default_deny()
        });
        evaluated.get()
    }

    #[test]
    fn every_part_of_a_question_counts() {
        let base = question("email");
        let variants = [
            base,
            Question {
                kind: PrincipalKind::Person,
                ..base
            },
            Question {
                name: "other",
                ..base
            },
            Question {
                action: Action::Lookup,
                ..base
            },
            Question {
                tenant: "other",
                ..base
            },
            Question {
                field: None,
                ..base
            },
            Question {
                field: Some(("phone", Class::Uii)),
                ..base
            },
            Question {
                field: Some(("email", Class::Udi)),
                ..base
            },
            Question {
                source: Some("shop"),
                ..base
            },
            Question {
                purpose: Some("service"),
                ..base
            },
            Question {
                is_self: true,
                ..base
            },
            Question {
                grant: true,
                ..base
            },
        ];
        let cache = Cache::default();
        assert!(variants.iter().all(|variant| evaluated(&cache, variant)));
        assert!(!variants.iter().any(|variant| evaluated(&cache, variant)));
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_asked_again() {
        let cache = Cache::with_generation_size(8);
        assert!(evaluated(&cache, &question("hot")));
        for number in 0..1000 {
            assert!(evaluated(&cache, &question(&format!("cold{number}"))));
            assert!(!evaluated(&cache, &question("hot")), "after {number}");
            let generations = cache.generations.read().unwrap();
            assert!(generations.young.len() <= 8 && generations.old.len() <= 8);
        }
        assert!(evaluated(&cache, &question("cold0")), "forgotten");
    }

    #[test]
    fn a_collision_is_no_answer() {
        let cache = Cache::default();
        let (email, phone) = (question("email"), question("phone"));
        let hash = cache.hasher.hash_one(email);
        cache.keep(
            hash,
            &phone,
            Decision {
                allowed: true,
                policies: Arc::new([]),
            },
        );
        let decision = cache.answer(&email, Decision::default_deny);
        assert!(!decision.allowed);
    }

    #[test]
    fn a_purpose_longer_than_any_is_not_kept() {
        let cache = Cache::default();
        let purpose = "x".repeat(PURPOSE_LENGTH_MAX + 1);
        let question = Question {
            purpose: Some(&purpose),
            ..question("email")
        };
        assert!(evaluated(&cache, &question));
        assert!(evaluated(&cache, &question));
    }

    #[test]
    fn subjects_are_one_principal() {
        let (tenant, context) = ("acme".parse().unwrap(), Context::default());
        let resource = Resource {
            tenant: &tenant,
            field: None,
            source: None,
        };
        let principals = ["a", "b"].map(|name| Principal {
            name: name.parse().unwrap(),
            kind: PrincipalKind::Subject,
            groups: [].into(),
        });
        let [a, b] = principals
            .each_ref()
            .map(|principal| Question::new(principal, Action::ReadLog, &resource, &context));
        assert_eq!(a, b);
    }
}
