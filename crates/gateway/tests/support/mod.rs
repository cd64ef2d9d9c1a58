//! What the test programs of the SQL door share: a clock, a data map, people and policies.

pub(crate) mod driver;
pub(crate) mod second;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use privet_vault::Clock;
use privet_vault::policy::{Policy, PolicyFiles};

/// A clock that runs by itself and can be put forward.
pub(crate) struct TestClock {
    started: Instant,
    ahead_ms: AtomicU64,
}

impl TestClock {
    /// From now on.
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            ahead_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_ms
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        start + SignedDuration::try_from(self.monotonic()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed() + Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }
}

/// A data map with names, mail addresses, phones and notes.
pub(crate) const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
support = { basis = "legitimate_interest" }

[fields.first_name]
number = 1
class = "UII"
type = "name"
purposes = ["service", "support"]

[fields.email]
number = 2
class = "UII"
type = "email"
lookup = { unique = true }
purposes = ["service", "support"]

[fields.phone]
number = 3
class = "UII"
type = "phone"
purposes = ["service", "support"]

[fields.note]
number = 4
class = "CC"
type = "text"
purposes = ["service", "support"]

[sources.shop]
tenant = "acme"

[sources.shop.tables.customer]
subject = "id"
columns = { id = { class = "UPI" }, first_name = { field = "first_name" }, email = { field = "email" }, phone = { field = "phone" }, note = { field = "note" }, country = { class = "SYS" }, visits = { class = "SYS" } }

[sources.shop.tables.invoice]
subject = "customer_id -> customer"
columns = { id = { class = "SYS" }, customer_id = { class = "UPI" }, total = { class = "SYS" }, paid = { class = "SYS" }, scan = { class = "SYS" } }
"#;

/// Three people on call, one of whom decrypts with a second person or in an emergency alone, an auditor, an operator and a job.
pub(crate) const PRINCIPALS: &str = r#"
[people.ann]
groups = ["on-call"]
[people.bob]
groups = ["on-call"]
[people.zoe]
groups = ["on-call"]
[people.eve]
groups = ["auditors"]
[people.olga]
groups = ["operators"]
[jobs.shop]
groups = ["pii-jobs"]
purposes = ["service"]
"#;

const MORE: &str = r#"
@id("zoe-asks") forbid (principal == Person::"zoe", action == Action::"decrypt", resource);
@id("zoe-breaks-glass") permit (principal == Person::"zoe", action == Action::"break_glass", resource);
"#;

/// The policies that the binary ships, with people of our own.
pub(crate) fn policy(environment: &privet_vault::Environment) -> Policy {
    let policies = [PolicyFiles::STANDARD.policies, &[("more.cedar", MORE)]].concat();
    let files = PolicyFiles {
        policies: &policies,
        principals: PRINCIPALS,
        ..PolicyFiles::STANDARD
    };
    Policy::load(&files, environment).unwrap()
}
