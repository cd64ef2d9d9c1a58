//! A vault over three real clusters, in real time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use privet_classify::{DataMap, MaskRules};
use privet_cluster::{Cluster, Setup};
use privet_postgres::{Address, Plaintext, Rules};
use privet_seal::{FileKeyProvider, Zeroizing};
use privet_store::{PostgresAddresses, PostgresOptions, PostgresStores};
use privet_tlog::note::{KeyName, SigningKey, VerifierKey};
use privet_vault::audit::{AuditLimits, Entry, EntryKind};
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::RunLimits;
use privet_vault::{
    Caller, Config, Environment, Error, Parts, RevealRequest, SessionLimits, SubjectName,
    SystemClock, ThreadEntropy, Vault,
};

pub(crate) const ORIGIN: &str = "privet.example/outages/1";

const MAP: &str = r#"
[purposes]
service = { basis = "contract" }

[fields.email]
number = 1
class = "UII"
type = "email"
lookup = { unique = true }
purposes = ["service"]
"#;

/// One cluster a store.
pub(crate) struct Servers {
    data: Cluster,
    keys: Cluster,
    pub(crate) log: Cluster,
}

impl Servers {
    pub(crate) fn start() -> Self {
        Self::with(&Setup::new())
    }

    /// The log's database lies on a disk of its own with a little room.
    pub(crate) fn with_small_log() -> Self {
        let servers = Self::with(&Setup::new().small_disk(24));
        let moved = "ALTER DATABASE privet SET TABLESPACE small";
        servers.log.sql("postgres", moved).unwrap();
        servers
    }

    /// All three set up so.
    pub(crate) fn all(setup: &Setup) -> Self {
        Self::each([setup, setup, setup])
    }

    fn with(log: &Setup) -> Self {
        Self::each([&Setup::new(), &Setup::new(), log])
    }

    fn each(setups: [&Setup; 3]) -> Self {
        let [data, keys, log] = setups.map(|setup| {
            let cluster = setup.start().unwrap();
            cluster.database("privet").unwrap();
            cluster
        });
        Self { data, keys, log }
    }

    /// With what messages call them.
    pub(crate) fn named(&self) -> [(&Cluster, &'static str); 3] {
        [
            (&self.data, "data store"),
            (&self.keys, "key store"),
            (&self.log, "log store"),
        ]
    }
}

pub(crate) fn addresses(servers: &Servers) -> PostgresAddresses {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let address = |cluster: &Cluster| Address::new(&cluster.url("privet"), &rules).unwrap();
    PostgresAddresses {
        data: address(&servers.data),
        keys: address(&servers.keys),
        log: address(&servers.log),
    }
}

/// Bounds that a test can wait for.
pub(crate) fn options() -> PostgresOptions {
    PostgresOptions {
        connect_wait: Duration::from_secs(2),
        answer_wait: Duration::from_secs(1),
        ..PostgresOptions::default()
    }
}

fn signer() -> SigningKey {
    SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[7; 32]).unwrap()
}

pub(crate) fn verifier() -> VerifierKey {
    signer().verifier()
}

/// A vault with a person in it, and a job that may see their address.
#[derive(Clone)]
pub(crate) struct Bed {
    pub(crate) vault: Vault,
    pub(crate) stores: PostgresStores,
    pub(crate) servers: Arc<Servers>,
    job: Caller,
    subject: SubjectName,
    revealed: Arc<AtomicUsize>,
}

impl Bed {
    pub(crate) async fn new(servers: Servers) -> Self {
        let (addresses, options) = (addresses(&servers), options());
        let stores = PostgresStores::connect(&addresses, &options).await.unwrap();
        stores.lease(ORIGIN).await.unwrap();
        let vault = Vault::start(parts(&stores)).await.unwrap();
        let name = "job".parse().unwrap();
        let token = vault.issue_first_token(&name, 30).await.unwrap();
        let job = vault.authenticate(&token.text, "192.0.2.1").await.unwrap();
        let email = Zeroizing::new("ada@example.com".to_owned());
        let values = [("email".to_owned(), Some(email))].into_iter().collect();
        let oid = vault.create_subject(&job, values, &[]).await.unwrap();
        Self {
            vault,
            stores,
            servers: Arc::new(servers),
            job,
            subject: SubjectName::Oid(oid),
            revealed: Arc::default(),
        }
    }

    /// Reveals the address; what was shown is counted.
    pub(crate) async fn reveal(&self) -> Result<(), Error> {
        let request = RevealRequest {
            subjects: vec![self.subject.clone()],
            fields: vec!["email".to_owned()],
            purpose: "service".to_owned(),
            form: None,
            reason: None,
        };
        let revealed = self.vault.reveal(&self.job, &request).await?;
        assert!(revealed.subjects[0].is_some());
        self.revealed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// How often it was shown.
    pub(crate) fn revealed(&self) -> usize {
        self.revealed.load(Ordering::SeqCst)
    }

    /// How many entries of a kind the log has.
    pub(crate) async fn count(&self, kind: EntryKind) -> usize {
        let log = self.vault.audit();
        let (mut read, mut count) = (0, 0);
        while read < log.size() {
            for entry in log.entries(read, 1_000).await.unwrap() {
                read += 1;
                count += usize::from(Entry::parse(&entry).unwrap().kind() == Some(kind));
            }
        }
        count
    }
}

fn parts(stores: &PostgresStores) -> Parts {
    let environment: Environment = "test".parse().unwrap();
    let policies = [(
        "jobs.cedar",
        include_str!("../../../cli/assets/policy/jobs.cedar"),
    )];
    let files = PolicyFiles {
        schema: include_str!("../../../cli/assets/policy/schema.cedarschema"),
        policies: &policies,
        principals: "[jobs.job]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]\n",
    };
    Parts {
        policy: Policy::load(&files, &environment).unwrap(),
        config: Config {
            environment,
            tenant: "acme".parse().unwrap(),
            development: false,
            synthetic_only: false,
            origin: ORIGIN.to_owned(),
            masks: MaskRules::default(),
            audit: AuditLimits {
                // A busy machine may take its time; one that stands still takes longer.
                deadline: Duration::from_secs(3),
                ..AuditLimits::default()
            },
            sessions: SessionLimits::default(),
            statements: RunLimits {
                statement: Duration::from_secs(5),
                memory_bytes_max: 256 << 20,
            },
        },
        map: DataMap::parse(MAP).unwrap(),
        data: stores.data.clone(),
        keys: stores.keys.clone(),
        log: stores.log.clone(),
        sources: BTreeMap::new(),
        root: Arc::new(FileKeyProvider::create(&ThreadEntropy)),
        signer: signer(),
        clock: Arc::new(SystemClock::start()),
        entropy: Arc::new(ThreadEntropy),
    }
}
