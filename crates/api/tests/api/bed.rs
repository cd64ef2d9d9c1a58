//! A server on a port of its own, over memory or SQLite, with the default policies and time that moves by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use privet_api::{Agents, ApiConfig, Drp, serve};
use privet_classify::{DataMap, MaskRules};
use privet_request_files::{FolderFiles, FolderSpools};
use privet_seal::{Entropy, FileKeyProvider};
use privet_source::{RunnerProgram, SqliteSource};
use privet_store::{MemoryStores, SqliteStores};
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::{AuditLimits, Entry};
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::{DataStore, KeyStore, LogStore, RunLimits, Source};
use privet_vault::receipt::ReceiptKey;
use privet_vault::subject_request::{CopyParts, Language as CopyLanguage};
use privet_vault::{
    Clock, Config, Environment, OwnPages, Parts, SessionLimits, SourceName, ThreadEntropy, Vault,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::http::{Answer, Client};
use crate::own::Codes;

pub(crate) const ORIGIN: &str = "privet.example/test/1";

const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
support = { basis = "legitimate_interest" }
marketing = { basis = "consent", bit = 0, notice = "2026-11", gpc = true }

[notices."2026-11"]
marketing = { en = "We write to you.", de = "Wir schreiben Ihnen." }

[controller]
name = "Shop Ltd"
contact = "privacy@shop.example"

[consent]
gpc_since = "2026-11-26"
keep = { for = "90d", why = "claims" }

[fields.email]
number = 1
class = "UII"
type = "email"
lookup = { unique = true }
contact = true
purposes = ["service", "support", "marketing"]

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

/// The machine's time, moved on by tests.
pub(crate) struct MovedClock {
    started: Instant,
    wall_seconds: AtomicI64,
    monotonic_seconds: AtomicI64,
}

impl MovedClock {
    /// Moves the wall clock: tokens and keys grow older.
    pub(crate) fn advance_days(&self, days: i64) {
        let seconds = days * 86_400;
        self.wall_seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Moves the clock that measures how long something has lasted.
    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.monotonic_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        let moved = Duration::from_secs(
            u64::try_from(1_763_660_000 + self.wall_seconds.load(Ordering::SeqCst)).unwrap(),
        );
        Timestamp::UNIX_EPOCH + moved + self.started.elapsed()
    }

    fn monotonic(&self) -> Duration {
        let moved = u64::try_from(self.monotonic_seconds.load(Ordering::SeqCst)).unwrap();
        Duration::from_secs(moved) + self.started.elapsed()
    }
}

/// Randomness that is the same on each run.
struct Seeded(Mutex<rand::rngs::StdRng>);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        rand::RngCore::fill_bytes(&mut *self.0.lock().unwrap(), out);
    }
}

/// The three stores, whichever engine.
pub(crate) struct Stores {
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) log: Arc<dyn LogStore>,
    _folder: Option<tempfile::TempDir>,
    /// Where copies lie that people get, and what they are made of.
    copies: tempfile::TempDir,
}

impl Stores {
    pub(crate) fn memory() -> Self {
        let MemoryStores { data, keys, log } = MemoryStores::new();
        Self {
            data,
            keys,
            log,
            _folder: None,
            copies: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let SqliteStores { data, keys, log } = SqliteStores::open(folder.path()).unwrap();
        Self {
            data,
            keys,
            log,
            _folder: Some(folder),
            copies: tempfile::tempdir().unwrap(),
        }
    }
}

/// A running server.
pub(crate) struct Bed {
    pub(crate) client: Client,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<MovedClock>,
    pub(crate) stores: Stores,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) served: JoinHandle<Result<(), privet_api::Error>>,
}

/// A vault of an environment over these stores.
pub(crate) async fn vault(environment: &str, stores: &Stores, clock: &Arc<MovedClock>) -> Vault {
    vault_of(environment, stores, clock, Rules::default()).await
}

/// What stands in the policy bundle beside what comes with Privet.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rules {
    policies: &'static str,
    principals: &'static str,
    /// Whether people are found by their telephone number, too.
    finds_phones: bool,
}

/// What customers wrote takes a second person, and engineers may break the glass. `bea` is a colleague of the engineer on
/// call; `lead` is one, too, and an auditor.
pub(crate) const TWO_PERSONS: Rules = Rules {
    policies: r#"
        @id("content-needs-a-second-person")
        forbid (principal, action == Action::"decrypt", resource in Class::"CC");
        @id("on-call-breaks-glass")
        permit (principal is Person in Group::"on-call", action == Action::"break_glass", resource);
    "#,
    principals: r#"
        [people.bea]
        groups = ["on-call"]
        [people.lead]
        groups = ["on-call", "auditors"]
    "#,
    finds_phones: false,
};

/// A job that writes to those who agreed to it.
pub(crate) const MAILER: Rules = Rules {
    policies: "",
    principals: "[jobs.mailer]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\", \"marketing\"]\n",
    finds_phones: false,
};

/// Agents who act for people.
const AGENTS: Rules = Rules {
    policies: r#"
        @id("agents-act-for-people")
        permit (principal is Job in Group::"agents", action == Action::"act_for_people", resource);
    "#,
    principals: "[jobs.example-agent]\ngroups = [\"agents\"]\npurposes = []\n[jobs.other-agent]\ngroups = [\"agents\"]\npurposes = []\n",
    finds_phones: true,
};

async fn vault_of(
    environment: &str,
    stores: &Stores,
    clock: &Arc<MovedClock>,
    rules: Rules,
) -> Vault {
    let environment: Environment = environment.parse().unwrap();
    let shop: SourceName = "shop".parse().unwrap();
    let seeded = Seeded(Mutex::new(rand::SeedableRng::seed_from_u64(1)));
    let config = Config {
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
    };
    let parts = Parts {
        policy: policy(&environment, rules),
        config,
        map: DataMap::parse(&match rules.finds_phones {
            true => MAP.replacen("type = \"phone\"\n", "type = \"phone\"\nlookup = {}\n", 1),
            false => MAP.to_owned(),
        })
        .unwrap(),
        data: Arc::clone(&stores.data),
        keys: Arc::clone(&stores.keys),
        log: Arc::clone(&stores.log),
        sources: BTreeMap::from([(shop.clone(), source(shop))]),
        root: Arc::new(FileKeyProvider::create(&seeded)),
        signer: SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[7; 32]).unwrap(),
        clock: Arc::<MovedClock>::clone(clock),
        entropy: Arc::new(ThreadEntropy),
    };
    let vault = Vault::start(parts).await.unwrap();
    vault.sign_receipts(ReceiptKey::from_seed(&[9; 32]).unwrap());
    let folder = stores.copies.path();
    vault.make_copies(CopyParts {
        files: Arc::new(FolderFiles::open(&folder.join("files")).unwrap()),
        spools: Arc::new(FolderSpools::open(&folder.join("spools")).unwrap()),
        telemetry: None,
        language: CopyLanguage::English,
    });
    vault
}

fn policy(environment: &Environment, rules: Rules) -> Policy {
    let policies = [
        PolicyFiles::STANDARD.policies,
        &[("more.cedar", rules.policies)],
    ]
    .concat();
    let principals = format!("{}{}", PolicyFiles::STANDARD.principals, rules.principals);
    let files = PolicyFiles {
        policies: &policies,
        principals: &principals,
        ..PolicyFiles::STANDARD
    };
    Policy::load(&files, environment).unwrap()
}

/// A source that can be named; its file does not exist.
fn source(name: SourceName) -> Arc<dyn Source> {
    let runner = RunnerProgram {
        program: "never-started".into(),
        args: Vec::new(),
    };
    Arc::new(SqliteSource::new(
        name,
        "no-such-folder/never-opened.sqlite".into(),
        runner,
    ))
}

pub(crate) fn clock() -> Arc<MovedClock> {
    Arc::new(MovedClock {
        started: Instant::now(),
        wall_seconds: AtomicI64::new(0),
        monotonic_seconds: AtomicI64::new(0),
    })
}

/// A server over memory.
pub(crate) async fn bed() -> Bed {
    Bed::start(Stores::memory(), ApiConfig::default()).await
}

/// A server of another environment with the same root key and names.
pub(crate) async fn other_environment() -> Bed {
    let (stores, clock) = (Stores::memory(), clock());
    let vault = vault("staging", &stores, &clock).await;
    Bed::serve(stores, clock, vault, ApiConfig::default()).await
}

impl Bed {
    pub(crate) async fn start(stores: Stores, config: ApiConfig) -> Self {
        let clock = clock();
        let vault = vault("test", &stores, &clock).await;
        Self::serve(stores, clock, vault, config).await
    }

    /// A server over memory with more rules.
    pub(crate) async fn ruled(rules: Rules) -> Self {
        Self::ruled_over(Stores::memory(), rules).await
    }

    /// The same over these stores.
    pub(crate) async fn ruled_over(stores: Stores, rules: Rules) -> Self {
        let clock = clock();
        let vault = vault_of("test", &stores, &clock, rules).await;
        Self::serve(stores, clock, vault, ApiConfig::default()).await
    }

    /// A server over memory with agents who act for people, of a directory.
    pub(crate) async fn with_agents(directory: &str) -> Self {
        let (stores, clock) = (Stores::memory(), clock());
        let vault = vault_of("test", &stores, &clock, AGENTS).await;
        let agents = Agents::parse(directory.as_bytes()).unwrap();
        let principals = [
            ("EXAMPLE_AGENT", "example-agent"),
            ("OTHER_AGENT", "other-agent"),
        ];
        let principals = principals.map(|(id, name)| (id.to_owned(), name.parse().unwrap()));
        let (email, phone) = (Some("email".to_owned()), Some("phone".to_owned()));
        let business = "SHOP".parse().unwrap();
        let drp = Drp::new(business, agents, principals.into(), email, phone).unwrap();
        let config = ApiConfig {
            drp: Some(drp),
            ..ApiConfig::default()
        };
        Self::serve(stores, clock, vault, config).await
    }

    /// A server over memory whose people's own pages are still to be opened.
    pub(crate) async fn without_own_pages() -> Self {
        let (stores, clock) = (Stores::memory(), clock());
        let vault = vault("test", &stores, &clock).await;
        Self::serve_closed(stores, clock, vault, ApiConfig::default()).await
    }

    async fn serve(
        stores: Stores,
        clock: Arc<MovedClock>,
        vault: Vault,
        config: ApiConfig,
    ) -> Self {
        vault.open_own_pages(OwnPages {
            provider: Arc::new(Codes),
            looks_after: SignedDuration::ZERO,
        });
        Self::serve_closed(stores, clock, vault, config).await
    }

    async fn serve_closed(
        stores: Stores,
        clock: Arc<MovedClock>,
        vault: Vault,
        config: ApiConfig,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let served = tokio::spawn(serve(config, vault.clone(), listener, stopped));
        Self {
            client: Client {
                address,
                token: None,
            },
            vault,
            clock,
            stores,
            stop,
            served,
        }
    }

    /// A client with a fresh token of this principal.
    pub(crate) async fn of(&self, principal: &str) -> Client {
        let issued = self
            .vault
            .issue_first_token(&principal.parse().unwrap(), 30)
            .await
            .unwrap();
        Client {
            token: Some(issued.text.to_string()),
            ..self.client.clone()
        }
    }

    /// A new subject's operational id.
    pub(crate) async fn subject(&self, email: &str) -> String {
        let fields = json!({"email": email, "phone": "+1 202 555 0143"});
        self.subject_with(json!({ "fields": fields })).await
    }

    pub(crate) async fn subject_with(&self, body: Value) -> String {
        let job = self.of("job").await;
        let created = job.post("/v1/subjects", body).await.expect(201);
        created.json()["oid"].as_str().unwrap().to_owned()
    }

    /// The kinds of all entries of the log.
    pub(crate) async fn kinds(&self) -> Vec<String> {
        let entries = self.vault.audit().entries(0, 4_000).await.unwrap();
        let kind = |entry: &Vec<u8>| Entry::parse(entry).unwrap().t;
        entries.iter().map(kind).collect()
    }

    /// How many entries of a kind the log has.
    pub(crate) async fn count(&self, kind: &str) -> usize {
        let kinds = self.kinds().await;
        kinds.iter().filter(|found| *found == kind).count()
    }
}

/// A reveal of one subject's e-mail address for `purpose`.
pub(crate) async fn reveal_email(client: &Client, subject: &str, purpose: &str) -> Answer {
    let body = json!({"subjects": [subject], "fields": ["email"], "purpose": purpose});
    client.post("/v1/reveal", body).await
}
