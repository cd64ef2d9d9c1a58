//! What happens to the fields of a callsite, found once.
//!
//! A callsite has the same fields each time, so a thread finds their treatments by name when it comes
//! by first, and by place from then on. What was found counts only for the very name that it was found
//! for, of the same callsite: the same letters at the same address. So whatever a program does with
//! the hidden parts of `tracing`, no field is treated as another one; it is looked up by its name.

use std::ptr;
use std::rc::Rc;

use privet_classify::Redactors;
use rustc_hash::FxHashMap;
use tracing_core::Metadata;
use tracing_core::callsite::Identifier;
use tracing_core::field::Field;

use crate::policy::{Policy, PolicyId, Treatment};

/// The field with the target of a record of the `log` crate. `tracing-log` gives all of them the same
/// few callsites, whose own target says nothing.
const LOG_TARGET: &str = "log.target";

/// How many callsites a thread remembers. Few programs have as many; one that has begins anew there.
const CALLSITES_MAX: usize = 4_096;

/// What a thread knows about callsites.
#[derive(Default)]
pub(crate) struct Plans(FxHashMap<Key, Rc<Plan>>);

/// What a plan was made of.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    policy: PolicyId,
    /// Where its rules are: a policy without its own follows the process's, which a program may
    /// install after its first records.
    rules: *const Redactors,
    /// Where the metadata of the callsite are, which live as long as the program. A callsite itself
    /// may have no size, and then several can have one address.
    metadata: *const Metadata<'static>,
}

/// What a policy does with the fields of one callsite, by their places.
pub(crate) struct Plan {
    callsite: Identifier,
    metadata: &'static Metadata<'static>,
    steps: Box<[Step]>,
    /// The place of [`LOG_TARGET`].
    log_target: Option<usize>,
}

struct Step {
    name: &'static str,
    treatment: Treatment,
}

impl Plans {
    /// The plan for the callsite of `field`, by the policy and the rules that it follows now.
    pub(crate) fn of(&mut self, policy: &Policy, rules: &Redactors, field: &Field) -> Rc<Plan> {
        let metadata = metadata_of(field);
        let key = Key {
            policy: policy.id(),
            rules: ptr::from_ref(rules),
            metadata: ptr::from_ref(metadata),
        };
        if let Some(plan) = self.0.get(&key) {
            return Rc::clone(plan);
        }
        if self.0.len() >= CALLSITES_MAX {
            self.0.clear();
        }
        let plan = Rc::new(Plan::new(policy, rules, metadata));
        self.0.insert(key, Rc::clone(&plan));
        plan
    }
}

impl Plan {
    fn new(policy: &Policy, rules: &Redactors, metadata: &'static Metadata<'static>) -> Self {
        let step = |field: Field| Step {
            name: field.name(),
            treatment: policy.treatment(rules, field.name(), metadata.target()),
        };
        Self {
            callsite: metadata.callsite(),
            metadata,
            steps: metadata.fields().iter().map(step).collect(),
            log_target: metadata
                .fields()
                .field(LOG_TARGET)
                .map(|field| field.index()),
        }
    }

    /// The callsite.
    pub(crate) fn metadata(&self) -> &'static Metadata<'static> {
        self.metadata
    }

    /// Whether the field names the target of a record of the `log` crate.
    pub(crate) fn is_log_target(&self, field: &Field) -> bool {
        self.log_target == Some(field.index())
    }

    /// The places of free texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = usize> {
        let steps = self.steps.iter().enumerate();
        steps.filter_map(|(at, step)| matches!(step.treatment, Treatment::Text).then_some(at))
    }

    /// How many fields it has.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// What happens to the field; `None` for one that is not of this callsite.
    #[inline]
    pub(crate) fn treatment(&self, field: &Field) -> Option<&Treatment> {
        let step = self.steps.get(field.index())?;
        let same = self.callsite == field.callsite() && ptr::eq(step.name, field.name());
        same.then_some(&step.treatment)
    }
}

/// The callsite of a field. `tracing-core` hides the way there in its documentation, because its
/// macros alone were to need it; a record of a span does not say otherwise whose fields it has.
fn metadata_of(field: &Field) -> &'static Metadata<'static> {
    field.callsite().0.metadata()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_forgets_rather_than_grow() {
        let registry = tracing::Dispatch::new(tracing_subscriber::registry());
        let make = || tracing::info_span!("pay", attempts = 1);
        let span = tracing::dispatcher::with_default(&registry, make);
        let field = span.metadata().unwrap().fields().field("attempts").unwrap();
        let mut plans = Plans::default();
        for _ in 0..CALLSITES_MAX + 10 {
            let policy = Policy::new();
            let plan = plans.of(&policy, policy.rules(), &field);
            assert!(matches!(plan.treatment(&field), Some(Treatment::Unlisted)));
        }
        assert_eq!(plans.0.len(), 10);
    }
}
