//! A vault over memory stores, with people who may do different things and time that moves by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use privet_classify::{DataMap, MaskRules};
use privet_seal::{Entropy, FileKeyProvider};
use privet_source::{RunnerProgram, SqliteSource};
use privet_store::{FailNth, Faults, MemoryStores};
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::{AuditLimits, Entry, EntryKind};
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::{RunLimits, Source};
use privet_vault::*;

use crate::engine::new_stores;

pub(crate) const ORIGIN: &str = "privet.example/test/1";
const START: i64 = 1_763_660_000;

pub(crate) const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
support = { basis = "legitimate_interest" }
marketing = { basis = "consent", bit = 0, notice = "2026-11" }
improvement = { basis = "consent", bit = 1, notice = "2026-11" }

[fields.email]
number = 1
class = "UII"
type = "email"
lookup = { unique = true }
purposes = ["service", "support", "marketing", "improvement"]

[fields.phone]
number = 2
class = "UII"
type = "phone"
purposes = ["service", "support"]

[fields.note]
number = 3
class = "CC"
type = "text"
purposes = ["service"]

[sources.shop]
tenant = "acme"
[sources.shop.tables.customer]
subject = "customer_id"
[sources.shop.tables.customer.columns]
customer_id = { class = "UPI" }
email = { field = "email" }
"#;

/// Time that tests move.
pub(crate) struct HandClock {
    millis: AtomicI64,
    /// How many servers have started under it.
    starts: AtomicU64,
}

impl HandClock {
    /// A server that starts again must not draw the same ids again; on each run the draws are the same.
    fn next_seed(&self) -> u64 {
        2 + self.starts.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.millis
            .fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(START * 1_000 + self.millis.load(Ordering::SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis.load(Ordering::SeqCst)).unwrap())
    }
}

/// Randomness from a seed.
pub(crate) struct Seeded(Mutex<rand::rngs::StdRng>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(rand::SeedableRng::seed_from_u64(seed)))
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        rand::RngCore::fill_bytes(&mut *self.0.lock().unwrap(), out);
    }
}

/// The whole set-up of one server.
pub(crate) struct Bed {
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) stores: MemoryStores,
}

pub(crate) const PRINCIPALS: &str = "[people.on_call]\ngroups = [\"on-call\"]\n\
    [people.second]\ngroups = [\"on-call\", \"auditors\"]\n\
    [people.auditor]\ngroups = [\"auditors\"]\n[people.operator]\ngroups = [\"operators\"]\n\
    [people.analyst]\ngroups = [\"analysts\"]\n\
    [people.both]\ngroups = [\"analysts\", \"auditors\"]\n\
    [jobs.job]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]\n\
    [jobs.mailer]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\", \"marketing\", \"improvement\"]\n";

/// The default bundle with another file of policies, for these principals.
pub(crate) fn policy_of(environment: &Environment, more: &str, principals: &str) -> Policy {
    let policies = [PolicyFiles::STANDARD.policies, &[("more.cedar", more)]].concat();
    let files = PolicyFiles {
        policies: &policies,
        principals,
        ..PolicyFiles::STANDARD
    };
    Policy::load(&files, environment).unwrap()
}

/// The parts of a vault over these stores; the same `root` opens them again.
pub(crate) fn parts(
    stores: &MemoryStores,
    clock: &Arc<HandClock>,
    environment: &str,
    root: Arc<FileKeyProvider>,
) -> Parts {
    let environment: Environment = environment.parse().unwrap();
    let policy = policy_of(&environment, "", PRINCIPALS);
    let shop: SourceName = "shop".parse().unwrap();
    // These tests connect to the source and run no statement, so that its file is never opened.
    let runner = RunnerProgram {
        program: "never-started".into(),
        args: Vec::new(),
    };
    let source: Arc<dyn Source> = Arc::new(SqliteSource::new(
        shop.clone(),
        "never-opened.sqlite".into(),
        runner,
    ));
    Parts {
        config: Config {
            environment: environment.clone(),
            tenant: "acme".parse().unwrap(),
            development: true,
            synthetic_only: false,
            origin: ORIGIN.to_owned(),
            masks: MaskRules::default(),
            audit: AuditLimits {
                // The tests share their machine with others: a late entry is not what they are about.
                deadline: Duration::from_secs(10),
                ..AuditLimits::default()
            },
            sessions: SessionLimits::default(),
            requests: privet_vault::subject_request::RequestRules::default(),
            statements: RunLimits {
                statement: Duration::from_secs(5),
                memory_bytes_max: 256 << 20,
            },
        },
        map: DataMap::parse(MAP).unwrap(),
        policy,
        data: stores.data.clone(),
        keys: stores.keys.clone(),
        log: stores.log.clone(),
        sources: BTreeMap::from([(shop, source)]),
        root,
        signer: SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[7; 32]).unwrap(),
        clock: clock.clone(),
        entropy: Arc::new(Seeded::new(clock.next_seed())),
    }
}

/// The parts of another server on the same stores: all is shared but its log.
pub(crate) fn parts_of_another(
    stores: &MemoryStores,
    clock: &Arc<HandClock>,
    origin: &str,
) -> Parts {
    let mut parts = parts(stores, clock, "test", root());
    parts.config.origin = origin.to_owned();
    parts.signer = SigningKey::from_seed(KeyName::new(origin).unwrap(), &[8; 32]).unwrap();
    parts
}

pub(crate) fn root() -> Arc<FileKeyProvider> {
    Arc::new(FileKeyProvider::create(&Seeded::new(1)))
}

pub(crate) fn hand_clock() -> Arc<HandClock> {
    Arc::new(HandClock {
        millis: AtomicI64::new(0),
        starts: AtomicU64::new(0),
    })
}

/// A vault in environment `test`.
pub(crate) async fn bed() -> Bed {
    bed_with("").await
}

/// A vault in environment `test` with more policies than the default ones.
pub(crate) async fn bed_with(policies: &str) -> Bed {
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut parts = parts(&stores, &clock, "test", root());
    parts.policy = policy_of(&parts.config.environment, policies, PRINCIPALS);
    let vault = Vault::start(parts).await.unwrap();
    Bed {
        vault,
        clock,
        stores,
    }
}

/// A vault whose key store fails as it is told.
pub(crate) async fn bed_with_failing_keys(faults: &Arc<Faults>) -> Bed {
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.keys = Arc::new(FailNth::new(stores.keys.clone(), faults));
    let vault = Vault::start(failing).await.unwrap();
    Bed {
        vault,
        clock,
        stores,
    }
}

impl Bed {
    /// A token's text for a principal.
    pub(crate) async fn token(&self, name: &str) -> String {
        let issued = self
            .vault
            .issue_first_token(&name.parse().unwrap(), 30)
            .await
            .unwrap();
        issued.text.to_string()
    }

    /// An authenticated caller.
    pub(crate) async fn caller(&self, name: &str) -> Caller {
        let token = self.token(name).await;
        self.vault.authenticate(&token, "192.0.2.1").await.unwrap()
    }

    /// A subject with an e-mail address and a phone number.
    pub(crate) async fn subject(&self, email: &str) -> SubjectName {
        let job = self.caller("job").await;
        let values = values(&[("email", email), ("phone", "+1 202 555 0143")]);
        let oid = self.vault.create_subject(&job, values, &[]).await.unwrap();
        SubjectName::Oid(oid)
    }

    /// The kinds of all entries of the log, in order.
    pub(crate) async fn kinds(&self) -> Vec<EntryKind> {
        let log = self.vault.audit();
        let mut kinds = Vec::new();
        while (kinds.len() as u64) < log.size() {
            for entry in log.entries(kinds.len() as u64, 1_000).await.unwrap() {
                kinds.push(Entry::parse(&entry).unwrap().kind().unwrap());
            }
        }
        kinds
    }

    /// How many entries of a kind there are.
    pub(crate) async fn count(&self, kind: EntryKind) -> usize {
        self.kinds()
            .await
            .into_iter()
            .filter(|found| *found == kind)
            .count()
    }

    /// Every byte of every entry, to search for what must not be there.
    pub(crate) async fn log_text(&self) -> String {
        let entries = self.vault.audit().entries(0, 4_000).await.unwrap();
        entries
            .iter()
            .map(|entry| String::from_utf8_lossy(entry).into_owned())
            .collect()
    }
}

/// Field values from pairs.
pub(crate) fn values(pairs: &[(&str, &str)]) -> FieldValues {
    let owned = pairs.iter().map(|(field, value)| {
        (
            (*field).to_owned(),
            Some(privet_seal::Zeroizing::new((*value).to_owned())),
        )
    });
    owned.collect()
}

/// A reveal of some fields for a purpose.
pub(crate) fn request(subject: &SubjectName, fields: &[&str], purpose: &str) -> RevealRequest {
    RevealRequest {
        subjects: vec![subject.clone()],
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        purpose: purpose.to_owned(),
        form: None,
        reason: None,
    }
}

/// What was revealed, as text.
pub(crate) fn shown(value: &RevealedValue) -> String {
    match value {
        RevealedValue::Missing => "(missing)".to_owned(),
        RevealedValue::Unreadable => "(unreadable)".to_owned(),
        RevealedValue::Refused => "(refused)".to_owned(),
        RevealedValue::Shown(text) => text.to_string(),
    }
}
