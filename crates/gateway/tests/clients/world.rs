//! A vault over stores in memory, an adopted shop and a gateway in front of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use privet_classify::{DataMap, MaskRules};
use privet_gateway::Config;
use privet_seal::FileKeyProvider;
use privet_source::{RunnerProgram, SqliteSource};
use privet_store::MemoryStores;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::AuditLimits;
use privet_vault::port::{RunLimits, Source};
use privet_vault::{Caller, Parts, SessionLimits, ThreadEntropy, Vault};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{self, TestClock};
use crate::{RUNNER, shop};

/// Everything that one test runs against.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) dir: tempfile::TempDir,
    tokens: BTreeMap<&'static str, String>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), privet_gateway::Error>>,
}

impl World {
    /// A world whose gateway is configured as `change` says.
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::beside(Vec::new(), change).await
    }

    /// The same with more sources, which the data map describes as it does the shop.
    pub(crate) async fn beside(
        others: Vec<Arc<dyn Source>>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("shop.sqlite");
        let clock = Arc::new(TestClock::new(Instant::now()));
        shop::create(&file);
        let vault = vault(&file, others, Arc::clone(&clock)).await;
        let mut tokens = BTreeMap::new();
        for name in ["ann", "bob", "eve", "olga", "shop", "zoe"] {
            let issued = vault
                .issue_first_token(&name.parse().unwrap(), 1)
                .await
                .unwrap();
            tokens.insert(name, issued.text.to_string());
        }
        let operator = vault
            .authenticate(&tokens["olga"], "127.0.0.1")
            .await
            .unwrap();
        shop::adopt(&vault, &operator).await;
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
        let served = tokio::spawn(privet_gateway::serve(
            config,
            vault.clone(),
            listener,
            shutdown,
        ));
        Self {
            address,
            vault,
            clock,
            dir,
            tokens,
            stop: Some(stop),
            served,
        }
    }

    /// The token of a principal.
    pub(crate) fn token(&self, name: &str) -> &str {
        &self.tokens[name]
    }

    /// The authenticated caller of a principal, as another door would have it.
    pub(crate) async fn caller(&self, name: &str) -> Caller {
        self.vault
            .authenticate(self.token(name), "127.0.0.1")
            .await
            .unwrap()
    }

    /// The application's database, past every guard.
    pub(crate) fn file(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.path().join("shop.sqlite")).unwrap()
    }

    /// A tokio-postgres client.
    pub(crate) async fn connect(&self, user: &str) -> driver_client::Client {
        driver_client::connect(self, user, "").await.unwrap()
    }

    /// Stops the gateway and waits until it has let go of everything.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.served.await.unwrap().unwrap();
    }
}

/// The test program itself, as the guarded child.
fn runner_program() -> RunnerProgram {
    RunnerProgram {
        program: std::env::current_exe().unwrap(),
        args: vec![RUNNER.into()],
    }
}

async fn vault(file: &Path, others: Vec<Arc<dyn Source>>, clock: Arc<TestClock>) -> Vault {
    let stores = MemoryStores::new();
    let name: privet_vault::SourceName = "shop".parse().unwrap();
    let source: Arc<dyn Source> = Arc::new(SqliteSource::new(
        name.clone(),
        file.to_path_buf(),
        runner_program(),
    ));
    let others = others
        .into_iter()
        .map(|source| (source.name().clone(), source));
    let sources: BTreeMap<_, _> = others.chain([(name, source)]).collect();
    let (fields, shop) = support::MAP.split_once("[sources.shop]").unwrap();
    let described = sources.keys().map(|name| {
        let own = format!("sources.{name}");
        format!("[sources.shop]{shop}").replace("sources.shop", &own)
    });
    let map = format!("{fields}{}", described.collect::<String>());
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
        map: DataMap::parse(&map).unwrap(),
        policy: support::policy(&environment),
        data: stores.data,
        keys: stores.keys,
        log: stores.log,
        sources,
        root: Arc::new(FileKeyProvider::create(&*entropy)),
        signer: SigningKey::from_seed(KeyName::new("privet.test/shop/1").unwrap(), &[7; 32])
            .unwrap(),
        clock,
        entropy,
    };
    Vault::start(parts).await.unwrap()
}

/// Runs a test in a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// Connects to the shop of this world.
pub(crate) mod driver_client {
    pub(crate) use crate::support::driver::{Client, told};

    use super::World;

    /// Connects with `options` of the start-up message.
    pub(crate) async fn connect(
        world: &World,
        user: &str,
        options: &str,
    ) -> Result<Client, tokio_postgres::Error> {
        let name = user.split('+').next().unwrap();
        Client::connect(world.address, user, world.token(name), options).await
    }
}
