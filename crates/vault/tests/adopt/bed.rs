//! A vault over a shop's database, and what looks at both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use privet_classify::{DataMap, MaskRules};
use privet_seal::{Entropy, FileKeyProvider};
use privet_source::{RunnerProgram, SqliteSource};
use privet_store::MemoryStores;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::{AuditLimits, Entry};
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::{DataStore, KeyStore, LogStore, RunLimits, Source};
use privet_vault::{
    AdoptOrder, Caller, Clock, Config, Form, JobId, JobStatus, OpenItem, Parts, RevealedValue,
    SessionLimits, SourceName, SubjectName, ThreadEntropy, Vault,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// 2026-11-20.
const NOW: i64 = 1_795_132_800;
const ORIGIN: &str = "privet.example/adopt/1";

/// Customers with everything that a field can have, invoices that law keeps, messages two steps away.
pub(crate) const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
tax = { basis = "legal_obligation" }

[fields.name]
number = 1
class = "UII"
type = "name"
purposes = ["service"]

[fields.email]
number = 2
class = "UII"
type = "email"
lookup = { unique = true }
purposes = ["service"]

[fields.birthday]
number = 3
class = "UDI"
type = "date"
purposes = ["service"]

[fields.billing_address]
number = 4
class = "UII"
type = "address"
purposes = ["service"]
retain = { for = "7y", from = "at", basis = "legal_obligation", why = "tax law", purposes = ["tax"] }

[fields.message]
number = 5
class = "CC"
type = "text"
purposes = ["service"]

[sources.shop]
tenant = "acme"

[sources.shop.tables.customer]
subject = "id"
[sources.shop.tables.customer.columns]
id = { class = "UPI" }
name = { field = "name" }
email = { field = "email" }
birthday = { field = "birthday" }
country = { class = "UDI", clear = true }

[sources.shop.tables.invoice]
subject = "customer_id -> customer"
[sources.shop.tables.invoice.columns]
id = { class = "SYS" }
customer_id = { class = "UPI" }
at = { class = "SYS" }
address = { field = "billing_address" }

[sources.shop.tables.message]
subject = "invoice_id -> invoice"
[sources.shop.tables.message.columns]
id = { class = "SYS" }
invoice_id = { class = "SYS" }
body = { field = "message" }
"#;

pub(crate) const SCHEMA: &str = "
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, birthday, country TEXT);
CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id), at TEXT, address TEXT);
CREATE TABLE message (id INTEGER PRIMARY KEY, invoice_id INTEGER REFERENCES invoice (id), body TEXT);
CREATE TABLE product (id INTEGER PRIMARY KEY, title TEXT);";

/// Three customers, one without an e-mail address, one born as a number; invoices of two years and one past its
/// retention; a message.
pub(crate) const ROWS: &str = "
INSERT INTO customer VALUES (1, 'Ada Marker', 'Ada@marker.example', '1990-12-31', 'UK'),
  (2, 'Bo Marker', NULL, 19880229, 'NO'), (7, 'Cy Marker', 'cy@marker.example', NULL, NULL);
INSERT INTO invoice VALUES (1, 1, '2024-02-03 10:00:00', '1 Marker St'), (2, 1, '2025-02-03', '2 Marker St'),
  (3, 7, '2015-02-03', '3 Marker St'), (4, 2, '2024-05-06', NULL);
INSERT INTO message VALUES (1, 2, 'Marker: where is my lamp?');";

pub(crate) struct FixedClock(AtomicI64);

impl FixedClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(0)))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW + self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

/// The same bytes for ever: the root key of every test.
struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

/// The stores a vault is made over.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) log: Arc<dyn LogStore>,
}

impl Stores {
    /// Stores that no other test uses.
    pub(crate) async fn new() -> Self {
        let MemoryStores {
            data, keys, log, ..
        } = crate::engine::new_stores().await;
        Self { data, keys, log }
    }
}

/// What differs between tests.
pub(crate) struct Setting {
    pub(crate) map: String,
    pub(crate) tenant: &'static str,
    pub(crate) synthetic_only: bool,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            map: MAP.to_owned(),
            tenant: "acme",
            synthetic_only: false,
        }
    }
}

pub(crate) fn sqlite(name: &str, path: &Path) -> SqliteSource {
    // These tests run no statements of clients.
    let program = RunnerProgram {
        program: PathBuf::from("false"),
        args: vec![],
    };
    SqliteSource::new(name.parse().unwrap(), path.to_owned(), program)
}

pub(crate) fn parts(stores: &Stores, source: Arc<dyn Source>, setting: &Setting) -> Parts {
    let environment = "test".parse().unwrap();
    Parts {
        config: Config {
            tenant: setting.tenant.parse().unwrap(),
            development: true,
            synthetic_only: setting.synthetic_only,
            origin: ORIGIN.to_owned(),
            masks: MaskRules::default(),
            audit: AuditLimits {
                deadline: Duration::from_secs(20),
                ..AuditLimits::default()
            },
            sessions: SessionLimits::default(),
            requests: privet_vault::subject_request::RequestRules::default(),
            statements: RunLimits {
                statement: Duration::from_secs(5),
                memory_bytes_max: 64 << 20,
            },
            environment,
        },
        map: DataMap::parse(&setting.map).unwrap(),
        policy: Policy::load(&PolicyFiles::STANDARD, &"test".parse().unwrap()).unwrap(),
        data: stores.data.clone(),
        keys: stores.keys.clone(),
        log: stores.log.clone(),
        sources: BTreeMap::from([(source.name().clone(), source)]),
        root: Arc::new(FileKeyProvider::create(&Sevens)),
        signer: SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[7; 32]).unwrap(),
        clock: FixedClock::new(),
        entropy: Arc::new(ThreadEntropy),
    }
}

/// A shop, its vault, and the people who use both.
pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    pub(crate) stores: Stores,
    pub(crate) vault: Vault,
    pub(crate) source: SourceName,
}

pub(crate) async fn bed(rows: &str) -> Bed {
    bed_with(&Setting::default(), &format!("{SCHEMA}{rows}")).await
}

pub(crate) async fn bed_with(setting: &Setting, sql: &str) -> Bed {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.sqlite");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let stores = Stores::new().await;
    let source = Arc::new(sqlite("shop", &path));
    let vault = Vault::start(parts(&stores, source, setting)).await.unwrap();
    Bed {
        dir,
        stores,
        vault,
        source: "shop".parse().unwrap(),
    }
}

pub(crate) async fn caller(vault: &Vault, name: &str) -> Caller {
    let issued = vault
        .issue_first_token(&name.parse().unwrap(), 30)
        .await
        .unwrap();
    vault.authenticate(&issued.text, "192.0.2.1").await.unwrap()
}

/// Runs a job to its end.
pub(crate) async fn adopt(vault: &Vault, source: &SourceName, dry_run: bool) -> JobStatus {
    let operator = caller(vault, "operator").await;
    let order = AdoptOrder {
        dry_run,
        ..AdoptOrder::SEAL
    };
    let id = vault.adopt_start(&operator, source, order).await.unwrap();
    ended(vault, &operator, id).await
}

/// Where a job stands once it is over.
pub(crate) async fn ended(vault: &Vault, operator: &Caller, id: JobId) -> JobStatus {
    let mut watched = vault.adopt_follow(operator, id).await.unwrap();
    let status = watched.wait_for(|status| status.state.is_over()).await;
    status.unwrap().clone()
}

/// What a job program that may open everything for the service sees of sealed text.
pub(crate) async fn opened(vault: &Vault, subject: &str, field: &str, sealed: &str) -> String {
    let job = caller(vault, "job").await;
    let item = OpenItem {
        subject: subject.parse::<SubjectName>().unwrap(),
        field: field.to_owned(),
        sealed: sealed.to_owned(),
    };
    match vault
        .open_values(&job, &[item], "service", Form::Clear)
        .await
        .unwrap()
        .remove(0)
    {
        RevealedValue::Shown(text) => text.to_string(),
        other => format!("{other:?}"),
    }
}

impl Bed {
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("shop.sqlite")
    }

    pub(crate) fn open(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.open().execute_batch(sql).unwrap();
    }

    pub(crate) async fn adopt(&self) -> JobStatus {
        adopt(&self.vault, &self.source, false).await
    }

    pub(crate) async fn look(&self) -> JobStatus {
        adopt(&self.vault, &self.source, true).await
    }

    /// One value of the shop's database as text, NULL as `-`.
    pub(crate) fn value(&self, sql: &str) -> String {
        let value: Option<String> = self.open().query_row(sql, [], |row| row.get(0)).unwrap();
        value.unwrap_or_else(|| "-".to_owned())
    }

    /// A sealed value of the shop's database, opened as this subject's.
    pub(crate) async fn opened(&self, subject: &str, field: &str, sql: &str) -> String {
        opened(&self.vault, subject, field, &self.value(sql)).await
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// Whether any file of the shop holds this text.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        let mut files = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.any(|bytes| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
    }

    /// The entries about adoptions: kind, reason, facts without ids, counts.
    pub(crate) async fn entries(&self) -> Vec<String> {
        let entries = self.vault.audit().entries(0, 4_000).await.unwrap();
        let entries = entries.iter().map(|bytes| Entry::parse(bytes).unwrap());
        let about = entries.filter(|entry| entry.t.starts_with("adopt."));
        about
            .map(|entry| {
                let facts: BTreeMap<_, _> = entry
                    .facts
                    .iter()
                    .filter(|(name, _)| *name != "job")
                    .collect();
                let reason = entry.reason.unwrap_or_default();
                let facts = serde_json::to_string(&facts).unwrap();
                format!("{} {reason} {facts} {:?}", entry.t, entry.counts)
            })
            .collect()
    }
}
