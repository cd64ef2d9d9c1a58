//! The default policy bundle, decision by decision, and what happens to bundles that are wrong.
#![expect(clippy::unwrap_used, reason = "tests")]

mod decisions;
mod errors;
mod matrix;

use privet_vault::policy::{Policy, PolicyError, PolicyFiles};
use privet_vault::{Principal, PrincipalKind};

const SCHEMA: &str = PolicyFiles::STANDARD.schema;
const PRINCIPALS: &str = PolicyFiles::STANDARD.principals;
const POLICIES: &[(&str, &str)] = PolicyFiles::STANDARD.policies;

fn load(schema: &str, policies: &[(&str, &str)], principals: &str) -> Result<Policy, PolicyError> {
    let files = PolicyFiles {
        schema,
        policies,
        principals,
    };
    Policy::load(&files, &"dev".parse().unwrap())
}

/// The default bundle with more policies.
fn default_and(text: &str) -> Policy {
    let policies = [POLICIES, &[("more.cedar", text)]].concat();
    load(SCHEMA, &policies, PRINCIPALS).unwrap()
}

fn principal(policy: &Policy, name: &str) -> Principal {
    policy.principal(&name.parse().unwrap()).unwrap().clone()
}

fn subject() -> Principal {
    Principal {
        name: "customer".parse().unwrap(),
        kind: PrincipalKind::Subject,
        groups: [].into(),
    }
}
