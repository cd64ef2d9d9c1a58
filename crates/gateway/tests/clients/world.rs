//! A vault over stores in memory, an adopted shop and a gateway in front of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use privet_classify::{DataMap, MaskRules};
use privet_gateway::Config;
use privet_seal::FileKeyProvider;
use privet_source::{RunnerProgram, SqliteSource};
use privet_store::MemoryStores;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::AuditLimits;
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::{RunLimits, Source};
use privet_vault::{Caller, Clock, Parts, SessionLimits, ThreadEntropy, Vault};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{RUNNER, shop};

/// A clock that runs by itself and can be put forward.
pub(crate) struct TestClock {
    started: Instant,
    ahead_ms: AtomicU64,
}

impl TestClock {
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

const MAP: &str = r#"
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

const PRINCIPALS: &str = r#"
[people.ann]
groups = ["on-call"]
[people.bob]
groups = ["on-call"]
[people.eve]
groups = ["auditors"]
[people.olga]
groups = ["operators"]
[jobs.shop]
groups = ["pii-jobs"]
purposes = ["service"]
"#;

impl World {
    /// A world whose gateway is configured as `change` says.
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("shop.sqlite");
        let clock = Arc::new(TestClock {
            started: Instant::now(),
            ahead_ms: AtomicU64::new(0),
        });
        shop::create(&file);
        let vault = vault(&file, Arc::clone(&clock)).await;
        let mut tokens = BTreeMap::new();
        for name in ["ann", "bob", "eve", "olga", "shop"] {
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

async fn vault(file: &Path, clock: Arc<TestClock>) -> Vault {
    let stores = MemoryStores::new();
    let name: privet_vault::SourceName = "shop".parse().unwrap();
    let source: Arc<dyn Source> = Arc::new(SqliteSource::new(
        name.clone(),
        file.to_path_buf(),
        runner_program(),
    ));
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
            statements: RunLimits {
                statement: Duration::from_secs(2),
                memory_bytes_max: 128 << 20,
            },
        },
        map: DataMap::parse(MAP).unwrap(),
        policy: policy(&environment),
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

/// The policies that the binary ships, with people of our own.
fn policy(environment: &privet_vault::Environment) -> Policy {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/assets/policy");
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    let names = ["auditors", "jobs", "operators", "staff", "subjects"];
    let texts: Vec<(String, String)> = names
        .iter()
        .map(|name| (format!("{name}.cedar"), read(&format!("{name}.cedar"))))
        .collect();
    let policies: Vec<(&str, &str)> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let schema = read("schema.cedarschema");
    let files = PolicyFiles {
        schema: &schema,
        policies: &policies,
        principals: PRINCIPALS,
    };
    Policy::load(&files, environment).unwrap()
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

/// tokio-postgres with what it hears beside the answers.
pub(crate) mod driver_client {
    use std::sync::{Arc, Mutex};
    use std::task::Poll;

    use tokio::sync::watch;
    use tokio_postgres::{AsyncMessage, NoTls};

    use super::World;

    /// A client and what it hears beside the answers.
    pub(crate) struct Client {
        pub(crate) client: tokio_postgres::Client,
        pub(crate) notices: Arc<Mutex<Vec<String>>>,
        pub(crate) mode: watch::Receiver<String>,
    }

    impl std::ops::Deref for Client {
        type Target = tokio_postgres::Client;

        fn deref(&self) -> &Self::Target {
            &self.client
        }
    }

    impl Client {
        /// States a reason of its own.
        pub(crate) async fn justify(&self) {
            static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let reason = format!("CALL privet.justify('customer cannot log in, case {number}')");
            self.client.batch_execute(&reason).await.unwrap();
        }

        /// Opens the first customer's name and mail address.
        pub(crate) async fn decrypt(&self) {
            let call = "CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1', 'first_name,email', 1)";
            self.client.batch_execute(call).await.unwrap();
        }

        /// Waits until the mode it was told begins like this.
        pub(crate) async fn told_mode(&mut self, start: &str) {
            let told = self.mode.wait_for(|mode| mode.starts_with(start));
            tokio::time::timeout(std::time::Duration::from_secs(20), told)
                .await
                .unwrap()
                .unwrap();
        }

        /// What it was noticed.
        pub(crate) fn noticed(&self) -> String {
            self.notices.lock().unwrap().join("\n")
        }
    }

    /// Connects with `options` of the start-up message.
    pub(crate) async fn connect(
        world: &World,
        user: &str,
        options: &str,
    ) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        let name = user.split('+').next().unwrap();
        config
            .host("127.0.0.1")
            .port(world.address.port())
            .user(user)
            .password(world.token(name))
            .dbname("shop");
        if !options.is_empty() {
            config.options(options);
        }
        let (client, mut connection) = config.connect(NoTls).await?;
        let notices = Arc::new(Mutex::new(Vec::new()));
        let (tell, mode) = watch::channel(String::new());
        let heard = Arc::clone(&notices);
        tokio::spawn(async move {
            let next = std::future::poll_fn(|context| {
                let polled = connection.poll_message(context);
                if let Some(mode) = connection.parameter("privet.mode") {
                    tell.send_if_modified(|known| {
                        let changed = known != mode;
                        mode.clone_into(known);
                        changed
                    });
                }
                match polled {
                    Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
                        heard.lock().unwrap().push(notice.message().to_owned());
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Ready(Some(Ok(_))) => {
                        context.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                }
            });
            next.await;
        });
        Ok(Client {
            client,
            notices,
            mode,
        })
    }

    /// The SQLSTATE, message and hint of an error.
    pub(crate) fn told(error: &tokio_postgres::Error) -> (String, String, String) {
        let error = error
            .as_db_error()
            .unwrap_or_else(|| panic!("not the server's: {error:?}"));
        let hint = error.hint().unwrap_or_default().to_owned();
        (
            error.code().code().to_owned(),
            error.message().to_owned(),
            hint,
        )
    }
}
