//! A vault over stores in memory, a real PostgreSQL with a shop whose personal columns are sealed, and a gateway in front
//! of both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use privet_classify::{DataMap, MaskRules};
use privet_cluster::{Cluster, Setup};
use privet_gateway::Config;
use privet_postgres::{Address, Plaintext, Rules};
use privet_seal::{FileKeyProvider, Zeroizing};
use privet_source::{PostgresAddresses, PostgresSource};
use privet_store::MemoryStores;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::AuditLimits;
use privet_vault::port::{RunLimits, Source};
use privet_vault::{Caller, Parts, SealItem, SessionLimits, SubjectName, ThreadEntropy, Vault};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{self, TestClock};

/// One server for all tests of this program: each has a database and roles of its own.
pub(crate) static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let setup = Setup::new().setting("max_connections", "300");
    setup.start().unwrap()
});
static WORLDS: AtomicU32 = AtomicU32::new(0);

/// Names, mail addresses, phones and notes of the customers 1, 2, 3.
pub(crate) const CUSTOMERS: [[&str; 4]; 3] = [
    ["Adalaide", "ada@example.com", "+1 555 0100", "likes tea"],
    [
        "Benedict",
        "ben@example.com",
        "+1 555 0101",
        "wants a refund",
    ],
    [
        "Zoëlle",
        "zoe@example.com",
        "+1 555 0102",
        "pv1_ is not a sealed value",
    ],
];
const FIELDS: [&str; 4] = ["first_name", "email", "phone", "note"];

/// Everything that one test runs against.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) database: String,
    tokens: BTreeMap<&'static str, String>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), privet_gateway::Error>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A world whose gateway is configured as `change` says.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let number = WORLDS.fetch_add(1, Ordering::SeqCst);
        let database = format!("shop_{number}");
        let owner = CLUSTER.database(&database).unwrap();
        sql(&database, &schema(&database));
        let role = |role: &str| owner.replace("privet:", &format!("{database}_{role}:"));
        let world = Self::over(&role("console"), &role("reader"), database.clone(), change).await;
        let job = world
            .vault
            .authenticate(world.token("shop"), "127.0.0.1")
            .await;
        fill(&world.vault, &job.unwrap(), &database).await;
        world
    }

    /// A world over any server.
    pub(crate) async fn over(
        console: &str,
        reader: &str,
        database: String,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let clock = Arc::new(TestClock::new(Instant::now()));
        let vault = vault(console, reader, Arc::clone(&clock)).await;
        let mut tokens = BTreeMap::new();
        for name in ["ann", "bob", "eve", "olga", "shop", "zoe"] {
            let issued = vault.issue_first_token(&name.parse().unwrap(), 1).await;
            tokens.insert(name, issued.unwrap().text.to_string());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config {
            grace: Duration::from_secs(2),
            ..Config::default()
        };
        change(&mut config);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            // A world that is dropped without a stop is a stop too.
            let _ = stopped.await;
        };
        let served = privet_gateway::serve(config, vault.clone(), listener, shutdown);
        Self {
            address,
            vault,
            clock,
            database,
            tokens,
            stop: Some(stop),
            served: tokio::spawn(served),
        }
    }

    /// The token of a principal.
    pub(crate) fn token(&self, name: &str) -> &str {
        &self.tokens[name]
    }

    /// Runs SQL as the database's superuser, past the gateway.
    pub(crate) fn sql(&self, text: &str) -> String {
        sql(&self.database, text)
    }

    /// Stops the gateway and waits until it has let go of everything.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.served.await.unwrap().unwrap();
    }
}

/// The superuser is called as Privet's schema is, so that its search path has to be said.
fn sql(database: &str, text: &str) -> String {
    let text = format!("SET search_path = public; {text}");
    CLUSTER.sql(database, &text).unwrap()
}

/// The shop after its adoption, and the two roles as docs/postgres.md says.
fn schema(database: &str) -> String {
    let password = CLUSTER.password();
    format!(
        "CREATE SCHEMA privet;
         CREATE DOMAIN privet.sealed_text AS text CHECK (VALUE ~ '^pv1_[A-Za-z0-9_-]{{40,}}$');
         CREATE TABLE customer (
             id integer PRIMARY KEY,
             first_name privet.sealed_text NOT NULL,
             email privet.sealed_text,
             email_px text UNIQUE,
             phone privet.sealed_text,
             note privet.sealed_text,
             country text,
             visits integer
         );
         CREATE TABLE invoice (
             id integer PRIMARY KEY,
             customer_id integer NOT NULL REFERENCES customer (id),
             total numeric,
             paid boolean,
             scan bytea
         );
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         CREATE ROLE {database}_console LOGIN PASSWORD '{password}';
         CREATE ROLE {database}_reader LOGIN PASSWORD '{password}';
         ALTER ROLE {database}_console SET log_min_error_statement = panic;
         ALTER ROLE {database}_console SET log_error_verbosity = terse;
         ALTER ROLE {database}_reader SET log_min_error_statement = panic;
         ALTER ROLE {database}_reader SET log_error_verbosity = terse;
         GRANT SELECT ON customer, invoice TO {database}_reader, {database}_console;
         GRANT INSERT, UPDATE, DELETE ON invoice TO {database}_console;
         GRANT INSERT (id, first_name, email, phone, note, country, visits),
               UPDATE (id, first_name, email, phone, note, country, visits), DELETE
            ON customer TO {database}_console;"
    )
}

/// Seals the customers and puts them into the database, as adopting would have left them.
async fn fill(vault: &Vault, job: &Caller, database: &str) {
    for (id, values) in (1_u32..).zip(CUSTOMERS) {
        let name: SubjectName = format!("customer:{id}").parse().unwrap();
        vault
            .create_subject(job, BTreeMap::new(), std::slice::from_ref(&name))
            .await
            .unwrap();
        let items: Vec<SealItem> = FIELDS
            .iter()
            .zip(values)
            .map(|(field, value)| SealItem {
                subject: name.clone(),
                field: (*field).to_owned(),
                value: Zeroizing::new(value.to_owned()),
            })
            .collect();
        let sealed = vault.seal_values(job, &items).await.unwrap();
        let text: Vec<&str> = sealed.iter().map(|item| item.sealed.as_str()).collect();
        let index = sealed[1].index.as_deref().unwrap();
        sql(
            database,
            &format!(
                "INSERT INTO customer VALUES ({id}, '{}', '{}', '{index}', '{}', '{}', 'NZ', {});
                 INSERT INTO invoice VALUES ({}, {id}, {id}.5, true, '\\x00ff');",
                text[0],
                text[1],
                text[2],
                text[3],
                id * 10,
                id * 100
            ),
        );
    }
}

async fn vault(console: &str, reader: &str, clock: Arc<TestClock>) -> Vault {
    let stores = MemoryStores::new();
    let name: privet_vault::SourceName = "shop".parse().unwrap();
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let address = |text: &str| Arc::new(Address::new(text, &rules).unwrap());
    let addresses = PostgresAddresses {
        console: address(console),
        reader: address(reader),
        owner: None,
    };
    let indexes = vec![("customer".to_owned(), "email_px".to_owned())];
    let source: Arc<dyn Source> = Arc::new(PostgresSource::new(name.clone(), addresses, indexes));
    let environment: privet_vault::Environment = "test".parse().unwrap();
    let entropy = Arc::new(ThreadEntropy);
    let parts = Parts {
        config: privet_vault::Config {
            environment: environment.clone(),
            tenant: "acme".parse().unwrap(),
            development: true,
            synthetic_only: false,
            origin: "privet.test/shop/1".into(),
            masks: MaskRules::default(),
            // The machine that runs the tests may be busy; a deadline is tested elsewhere.
            audit: AuditLimits {
                deadline: Duration::from_secs(10),
                ..AuditLimits::default()
            },
            sessions: SessionLimits::default(),
            requests: privet_vault::subject_request::RequestRules::default(),
            statements: RunLimits {
                statement: Duration::from_secs(2),
                memory_bytes_max: 128 << 20,
            },
        },
        map: DataMap::parse(support::MAP).unwrap(),
        policy: support::policy(&environment),
        data: stores.data,
        keys: stores.keys,
        log: stores.log,
        sources: BTreeMap::from([(name, source)]),
        root: Arc::new(FileKeyProvider::create(&*entropy)),
        signer: SigningKey::from_seed(KeyName::new("privet.test/shop/1").unwrap(), &[7; 32])
            .unwrap(),
        clock,
        entropy,
    };
    Vault::start(parts).await.unwrap()
}
