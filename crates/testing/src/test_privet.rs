//! The server without a server: monitor, policies, stores in memory and the API's router.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use privet::{Client, Limits, Settings};
use privet_api::{ApiConfig, router};
use privet_classify::{DataMap, MaskRules};
use privet_seal::{Entropy as _, FileKeyProvider};
use privet_source::{RunnerProgram, SqliteSource};
use privet_store::MemoryStores;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::AuditLimits;
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::{RunLimits, Source};
use privet_vault::{
    Caller, Clock, Config, Environment, Parts, PrincipalName, SessionLimits, SourceName,
    ThreadEntropy, Vault,
};

use crate::{Error, InProcess, TestClock};

/// How long tokens live: a test that moves the clock further wants them to be over.
const TOKEN_DAYS: u32 = 30;
/// Of its clients: a test shares its machine with others, and a late answer is not what it is about.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(120),
    attempt: Duration::from_secs(60),
    ..Limits::USUAL
};
/// Who reads the log for [`TestPrivet::looks`], whoever else there is.
pub(crate) const READER: &str = "reader_of_looks";
const ORIGIN: &str = "privet.example/test/1";

/// A Privet in memory.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let map = "[purposes]\nservice = { basis = \"contract\" }";
/// let privet = privet_testing::TestPrivet::start(map).await?;
/// assert_eq!(privet.client("job").await?.environment().as_str(), "test");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TestPrivet {
    pub(crate) vault: Vault,
    environment: Environment,
    clock: Arc<TestClock>,
    transport: InProcess,
}

/// What a [`TestPrivet`] is to be like: see [`TestPrivet::builder`].
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let map = "[purposes]\nservice = { basis = \"contract\" }";
/// let builder: privet_testing::Builder<'_> = privet_testing::TestPrivet::builder(map);
/// let privet = builder.environment("staging").start().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Builder<'a> {
    map: &'a str,
    environment: &'a str,
    synthetic_only: bool,
    policies: &'a str,
    principals: Option<&'a str>,
}

impl TestPrivet {
    /// Starts one with this data map, in the environment `test`, with the standard policies and these principals: `job` may use
    /// every purpose; `on_call`, `auditor` and `operator` are of the staff.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// let privet = privet_testing::TestPrivet::start(map).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] says what is wrong in the data map.
    pub async fn start(map: &str) -> Result<Self, Error> {
        Self::builder(map).start().await
    }

    /// One that differs from the usual.
    ///
    /// ```
    /// use privet_testing::TestPrivet;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let staging = TestPrivet::builder("[purposes]\nservice = { basis = \"contract\" }")
    ///     .environment("staging")
    ///     .principals("[jobs.shop]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]\n")
    ///     .start()
    ///     .await?;
    /// assert_eq!(staging.client("shop").await?.environment().as_str(), "staging");
    /// # Ok::<(), privet_testing::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(map: &str) -> Builder<'_> {
        Builder {
            map,
            environment: "test",
            synthetic_only: true,
            policies: "",
            principals: None,
        }
    }

    /// A client of a principal, with a token of its own. It is more patient than others: a call may take 120 s, an attempt 60 s.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// # let privet = privet_testing::TestPrivet::start(map).await?;
    /// let auditor = privet.client("auditor").await?;
    /// assert_eq!(auditor.whoami().await?.groups, ["auditors"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Vault`] if there is no such principal.
    pub async fn client(&self, principal: &str) -> Result<Client, Error> {
        let settings = self.settings(principal).await?;
        Ok(Client::with_transport(settings, self.transport.clone())?)
    }

    /// What a client of a principal is made of, for a client with other limits.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// # let privet = privet_testing::TestPrivet::start(map).await?;
    /// let once = privet::Limits { attempts_max: 1, ..Default::default() };
    /// let settings = privet.settings("job").await?.limits(once);
    /// let client = privet::Client::with_transport(settings, privet.transport().clone())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`client`](Self::client).
    pub async fn settings(&self, principal: &str) -> Result<Settings, Error> {
        let token = self.token(principal).await?;
        let settings = Settings::new(self.environment.as_str().parse()?, token.parse()?);
        Ok(settings.limits(LIMITS))
    }

    /// How its clients' requests travel: a test makes trouble there.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// # let privet = privet_testing::TestPrivet::start(map).await?;
    /// assert!(privet.transport().seen().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn transport(&self) -> &InProcess {
        &self.transport
    }

    /// Its time, to be moved on.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// # let privet = privet_testing::TestPrivet::start(map).await?;
    /// let client = privet.client("job").await?;
    /// privet.clock().advance(std::time::Duration::from_secs(31 * 86_400));
    /// // Its token lived for 30 days.
    /// assert_eq!(client.whoami().await.unwrap_err().code(), Some("unauthenticated"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// The caller that a principal's token makes.
    pub(crate) async fn caller(&self, principal: &str) -> Result<Caller, Error> {
        let token = self.token(principal).await?;
        Ok(self.vault.authenticate(&token, "").await?)
    }

    async fn token(&self, principal: &str) -> Result<privet_seal::Zeroizing<String>, Error> {
        let principal: PrincipalName = principal
            .parse()
            .map_err(|error| Error::setting("a principal", &error))?;
        let issued = self.vault.issue_first_token(&principal, TOKEN_DAYS).await?;
        Ok(issued.text)
    }
}

impl<'a> Builder<'a> {
    /// In this environment.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// let prod = privet_testing::TestPrivet::builder(map).environment("prod").start().await?;
    /// assert_eq!(prod.client("job").await?.whoami().await?.environment, "prod");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn environment(mut self, environment: &'a str) -> Self {
        self.environment = environment;
        self
    }

    /// Takes values that could be somebody's. Tests have no use for such: it is for tests of that difference.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// let privet = privet_testing::TestPrivet::builder(map).real_values().start().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn real_values(mut self) -> Self {
        self.synthetic_only = false;
        self
    }

    /// With these policies (Cedar) beside the standard ones.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// // Nobody reveals anything to anybody.
    /// let privet = privet_testing::TestPrivet::builder(map)
    ///     .policies(r#"forbid (principal, action == Action::"reveal", resource);"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn policies(mut self, policies: &'a str) -> Self {
        self.policies = policies;
        self
    }

    /// With these principals (`principals.toml`) in the place of the usual ones.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// let privet = privet_testing::TestPrivet::builder(map)
    ///     .principals("[jobs.mailer]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]\n")
    ///     .start()
    ///     .await?;
    /// assert_eq!(privet.client("mailer").await?.whoami().await?.principal, "mailer");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn principals(mut self, principals: &'a str) -> Self {
        self.principals = Some(principals);
        self
    }

    /// Starts it.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// let error = privet_testing::TestPrivet::builder(map).policies("permit").start().await.unwrap_err();
    /// assert!(error.to_string().starts_with("the policies"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] says what is wrong in data map, policies or principals.
    pub async fn start(self) -> Result<TestPrivet, Error> {
        let map =
            DataMap::parse(self.map).map_err(|error| Error::setting("the data map", &error))?;
        let environment: Environment = self
            .environment
            .parse()
            .map_err(|error| Error::setting("the environment", &error))?;
        let clock = Arc::new(TestClock::default());
        let parts = self.parts(map, environment.clone(), &clock)?;
        let vault = Vault::start(parts).await?;
        let router = router(vault.clone(), &ApiConfig::default());
        let router = router.map_err(|error| Error::setting("the API", &error))?;
        Ok(TestPrivet {
            vault,
            environment,
            clock,
            transport: InProcess::new(router),
        })
    }

    fn parts(
        &self,
        map: DataMap,
        environment: Environment,
        clock: &Arc<TestClock>,
    ) -> Result<Parts, Error> {
        let policies = [
            PolicyFiles::STANDARD.policies,
            &[("more.cedar", self.policies)],
        ]
        .concat();
        let principals = self
            .principals
            .map_or_else(|| usual_principals(&map), str::to_owned);
        let load = |principals: &str| {
            let files = PolicyFiles {
                policies: &policies,
                principals,
                ..PolicyFiles::STANDARD
            };
            Policy::load(&files, &environment)
        };
        let with_reader = format!("{principals}\n[people.{READER}]\ngroups = [\"auditors\"]\n");
        // What is wrong is said of the principals as they were given.
        let policy = load(&with_reader)
            .or_else(|_| load(&principals))
            .map_err(|error| Error::setting("the policies", &error))?;
        let MemoryStores { data, keys, log } = MemoryStores::new();
        let entropy = Arc::new(ThreadEntropy);
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        let name =
            KeyName::new(ORIGIN).map_err(|error| Error::setting("the log's name", &error))?;
        let signer = SigningKey::from_seed(name, &seed)
            .map_err(|error| Error::setting("the log's key", &error))?;
        Ok(Parts {
            config: self.config(environment)?,
            policy,
            sources: sources(&map)?,
            map,
            data,
            keys,
            log,
            root: Arc::new(FileKeyProvider::create(&*entropy)),
            signer,
            clock: Arc::<TestClock>::clone(clock) as Arc<dyn Clock>,
            entropy,
        })
    }

    fn config(&self, environment: Environment) -> Result<Config, Error> {
        let tenant = "test".parse();
        Ok(Config {
            environment,
            tenant: tenant.map_err(|error| Error::setting("the tenant", &error))?,
            development: true,
            synthetic_only: self.synthetic_only,
            origin: ORIGIN.to_owned(),
            masks: MaskRules::default(),
            // A test shares its machine with others: a late entry is not what it is about.
            audit: AuditLimits {
                deadline: Duration::from_secs(10),
                ..AuditLimits::default()
            },
            sessions: SessionLimits::default(),
            requests: privet_vault::subject_request::RequestRules::default(),
            statements: RunLimits {
                statement: Duration::from_secs(5),
                memory_bytes_max: 64 << 20,
            },
        })
    }
}

/// One of each kind; the job may use every purpose of the map.
fn usual_principals(map: &DataMap) -> String {
    let mut text = "[people.on_call]\ngroups = [\"on-call\"]\n[people.auditor]\ngroups = [\"auditors\"]\n\
                    [people.operator]\ngroups = [\"operators\"]\n[jobs.job]\ngroups = [\"pii-jobs\"]\npurposes = ["
        .to_owned();
    for purpose in map.purposes() {
        // A string takes everything.
        let _ = write!(text, "\"{}\", ", purpose.name);
    }
    text.push_str("]\n");
    text
}

/// Sources whose rows can be named. Their files are never opened.
fn sources(map: &DataMap) -> Result<BTreeMap<SourceName, Arc<dyn Source>>, Error> {
    let sources = map.sources().map(|source| {
        let name: SourceName = source
            .name
            .as_str()
            .parse()
            .map_err(|error| Error::setting("a source", &error))?;
        let runner = RunnerProgram {
            program: "never-started".into(),
            args: Vec::new(),
        };
        let file = "no-such-folder/never-opened.sqlite".into();
        let port: Arc<dyn Source> = Arc::new(SqliteSource::new(name.clone(), file, runner));
        Ok((name, port))
    });
    sources.collect()
}
