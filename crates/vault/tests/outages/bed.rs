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
    /// By the store's name.
    standbys: BTreeMap<&'static str, Cluster>,
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
        Self {
            data,
            keys,
            log,
            standbys: BTreeMap::new(),
        }
    }

    /// Those of these stores with a standby, which addresses name as well.
    pub(crate) fn with_standbys(names: &[&str]) -> Self {
        let mut servers = Self::start();
        let named = servers.named().into_iter();
        let with = named.filter(|(_, name)| names.contains(name));
        servers.standbys = with
            .map(|(primary, name)| (name, primary.standby().unwrap()))
            .collect();
        servers
    }

    /// The store's primary and its standby, which has all that was committed.
    pub(crate) fn pair(&self, name: &str) -> (&Cluster, &Cluster) {
        let mut named = self.named().into_iter();
        let (primary, _) = named.find(|(_, other)| *other == name).unwrap();
        let standby = &self.standbys[name];
        standby.catches_up_with(primary).unwrap();
        (primary, standby)
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
    let address = |index: usize| {
        let (cluster, name) = servers.named()[index];
        let mut url = cluster.url("privet");
        if let Some(standby) = servers.standbys.get(name) {
            let [one, other] = [cluster, standby].map(|host| format!("127.0.0.1:{}", host.port()));
            url = url.replace(&one, &format!("{one},{other}"));
        }
        Address::new(&url, &rules).unwrap()
    };
    PostgresAddresses {
        data: address(0),
        keys: address(1),
        log: address(2),
    }
}

/// How long a server waits for its stores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// For a connection, and then for an answer.
    pub(crate) store: Duration,
    /// For an entry to be durable.
    pub(crate) entry: Duration,
}

impl Waits {
    /// Longer than a busy machine takes: where a server that is away says so by itself, nobody waits for it.
    pub(crate) const PATIENT: Self = Self {
        store: Duration::from_secs(60),
        entry: Duration::from_secs(60),
    };
    /// For servers that say nothing at all. Work that fails by it is tried again.
    pub(crate) const SHORT: Self = Self {
        store: Duration::from_secs(2),
        entry: Duration::from_secs(3),
    };
}

pub(crate) fn options(waits: Waits) -> PostgresOptions {
    PostgresOptions {
        connect_wait: waits.store,
        answer_wait: waits.store,
        ..PostgresOptions::default()
    }
}

fn signer() -> SigningKey {
    SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[7; 32]).unwrap()
}

pub(crate) fn verifier() -> VerifierKey {
    signer().verifier()
}

/// What stays when a server of ours stops.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) servers: Arc<Servers>,
    root: Arc<FileKeyProvider>,
    revealed: Arc<AtomicUsize>,
    waits: Waits,
}

/// A vault with a person in it, and a job that may see their address.
#[derive(Clone)]
pub(crate) struct Bed {
    pub(crate) vault: Vault,
    pub(crate) stores: PostgresStores,
    pub(crate) servers: Arc<Servers>,
    pub(crate) job: Caller,
    subject: SubjectName,
    place: Place,
}

impl Place {
    pub(crate) fn new(servers: Servers, waits: Waits) -> Self {
        Self {
            servers: Arc::new(servers),
            root: Arc::new(FileKeyProvider::create(&ThreadEntropy)),
            revealed: Arc::default(),
            waits,
        }
    }
}

impl Bed {
    pub(crate) async fn new(servers: Servers) -> Self {
        let place = Place::new(servers, Waits::PATIENT);
        Self::at(&place).await.unwrap()
    }

    /// Starts a server, with a job and a person of its own.
    pub(crate) async fn at(place: &Place) -> Result<Self, Error> {
        let servers = Arc::clone(&place.servers);
        let options = options(place.waits);
        let stores = PostgresStores::connect(&addresses(&servers), &options).await?;
        stores.lease(ORIGIN).await?;
        let vault = Vault::start(parts(&stores, place)).await?;
        let job = caller(&vault, "job").await?;
        let number = stores.keys.subject_count().await?;
        let subject = subject(&vault, &job, &format!("ada{number}@example.com")).await?;
        Ok(Self {
            vault,
            stores,
            servers,
            job,
            subject,
            place: place.clone(),
        })
    }

    /// Stops the server as far as its stores let it.
    pub(crate) async fn stop(self) -> Place {
        self.vault.stop().await;
        self.place
    }

    /// Reveals the address; what was shown is counted.
    pub(crate) async fn reveal(&self) -> Result<(), Error> {
        assert!(self.reveal_of(&self.subject).await?);
        Ok(())
    }

    /// The same of anybody; whether there is such a subject.
    pub(crate) async fn reveal_of(&self, subject: &SubjectName) -> Result<bool, Error> {
        let request = RevealRequest {
            subjects: vec![subject.clone()],
            fields: vec!["email".to_owned()],
            purpose: "service".to_owned(),
            form: None,
            reason: None,
        };
        let revealed = self.vault.reveal(&self.job, &request).await?;
        self.place.revealed.fetch_add(1, Ordering::SeqCst);
        Ok(revealed.subjects[0].is_some())
    }

    /// How often it was shown.
    pub(crate) fn revealed(&self) -> usize {
        self.place.revealed.load(Ordering::SeqCst)
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

/// Somebody with a new token.
pub(crate) async fn caller(vault: &Vault, name: &str) -> Result<Caller, Error> {
    let token = vault.issue_first_token(&name.parse().unwrap(), 30).await?;
    vault.authenticate(&token.text, "192.0.2.1").await
}

/// A person with a mail address.
pub(crate) async fn subject(
    vault: &Vault,
    job: &Caller,
    email: &str,
) -> Result<SubjectName, Error> {
    let email = Zeroizing::new(email.to_owned());
    let values = [("email".to_owned(), Some(email))].into_iter().collect();
    let oid = vault.create_subject(job, values, &[]).await?;
    Ok(SubjectName::Oid(oid))
}

fn parts(stores: &PostgresStores, place: &Place) -> Parts {
    let environment: Environment = "test".parse().unwrap();
    let files = PolicyFiles {
        principals: "[jobs.job]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]\n\
                     [people.operator]\ngroups = [\"operators\"]\n",
        ..PolicyFiles::STANDARD
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
                deadline: place.waits.entry,
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
        data: stores.data.clone(),
        keys: stores.keys.clone(),
        log: stores.log.clone(),
        sources: BTreeMap::new(),
        root: place.root.clone(),
        signer: signer(),
        clock: Arc::new(SystemClock::start()),
        entropy: Arc::new(ThreadEntropy),
    }
}
