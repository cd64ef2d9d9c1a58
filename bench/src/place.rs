//! A folder as `privet serve` wants it, with a vault over it for benchmarks that need no process of its own.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use privet_classify::synthetic::Person;
use privet_classify::{DataMap, MaskRules};
use privet_seal::{FileKeyProvider, Zeroizing};
use privet_store::SqliteStores;
use privet_vault::audit::AuditLimits;
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::{DataStore, KeyStore, LogStore, RunLimits, Source};
use privet_vault::{
    Caller, Config, Environment, FieldValues, Oid, Parts, PrincipalName, SessionLimits, SourceName,
    SystemClock, ThreadEntropy, Vault,
};
use tokio::task::JoinSet;

use crate::large::{ORIGIN, signing_key};

pub(crate) const DATAMAP: &str = include_str!("../../crates/cli/assets/demo/datamap.toml");
/// What `privet.toml` says: any free port, and the demo's sources left out.
const SETTINGS: &str = r#"environment = "bench"
tenant = "acme"
development = true
key_backup_days = 14
[root]
file = "root.key"
[log]
origin = "bench.example/log/1"
key = "log.key"
[api]
listen = "127.0.0.1:0"
[gateway]
listen = "127.0.0.1:0"
"#;

/// The seed of all synthetic people here.
pub(crate) const SEED: u64 = 20_261_120;

/// How many subjects are made at a time.
const MAKERS: u64 = 256;

/// Such a folder.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

/// The stores a vault is made over.
pub(crate) struct Stores {
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) log: Arc<dyn LogStore>,
}

impl Place {
    /// Makes the folder: settings, data map, policies and keys.
    pub(crate) fn make(folder: PathBuf) -> Result<Self> {
        let policy = folder.join("policy");
        fs::create_dir_all(&policy)?;
        fs::write(folder.join("privet.toml"), SETTINGS)?;
        // The server takes a source that the data map names and the settings do not for a mistake.
        fs::write(folder.join("datamap.toml"), fields_only())?;
        let bundle = PolicyFiles::STANDARD;
        fs::write(policy.join("schema.cedarschema"), bundle.schema)?;
        fs::write(policy.join("principals.toml"), bundle.principals)?;
        for (name, text) in bundle.policies {
            fs::write(policy.join(name), text)?;
        }
        let root = FileKeyProvider::create(&ThreadEntropy).encode(&ThreadEntropy);
        write_secret(&folder.join("root.key"), &root)?;
        let signer = signing_key()?.to_secret_text()?;
        write_secret(&folder.join("log.key"), signer.as_bytes())?;
        Ok(Self(folder))
    }

    /// A folder that was made earlier.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn stores(&self) -> PathBuf {
        self.0.join("stores")
    }

    /// The monitor over the folder's stores, and the sources given.
    pub(crate) async fn vault(
        &self,
        audit: AuditLimits,
        sources: BTreeMap<SourceName, Arc<dyn Source>>,
    ) -> Result<Vault> {
        let map = if sources.is_empty() {
            fields_only()
        } else {
            DATAMAP
        };
        let SqliteStores {
            data, keys, log, ..
        } = SqliteStores::open(&self.stores())?;
        self.vault_over(Stores { data, keys, log }, map, audit, sources)
            .await
    }

    /// The monitor over other stores than the folder's, by this data map.
    pub(crate) async fn vault_over(
        &self,
        stores: Stores,
        map: &str,
        audit: AuditLimits,
        sources: BTreeMap<SourceName, Arc<dyn Source>>,
    ) -> Result<Vault> {
        let environment: Environment = "bench".parse()?;
        let parts = Parts {
            map: DataMap::parse(map)?,
            policy: Policy::load(&PolicyFiles::STANDARD, &environment)?,
            config: Config {
                environment,
                tenant: "acme".parse()?,
                development: true,
                synthetic_only: false,
                origin: ORIGIN.to_owned(),
                masks: MaskRules::default(),
                audit,
                sessions: SessionLimits::default(),
                requests: privet_vault::subject_request::RequestRules::default(),
                statements: RunLimits {
                    statement: std::time::Duration::from_secs(30),
                    memory_bytes_max: 512 << 20,
                },
            },
            data: stores.data,
            keys: stores.keys,
            log: stores.log,
            sources,
            root: Arc::new(FileKeyProvider::parse(
                &fs::read(self.0.join("root.key"))?,
                None,
            )?),
            signer: signing_key()?,
            clock: Arc::new(SystemClock::start()),
            entropy: Arc::new(ThreadEntropy),
        };
        Ok(Vault::start(parts).await?)
    }
}

/// A principal of the bundle, with the text of a new token.
pub(crate) async fn caller(vault: &Vault, name: &str) -> Result<(Caller, Zeroizing<String>)> {
    let principal: PrincipalName = name.parse()?;
    let token = vault.issue_first_token(&principal, 90).await?.text;
    let caller = vault.authenticate(&token, "127.0.0.1").await?;
    Ok((caller, token))
}

/// Makes subjects with a name and an e-mail address each, many at a time.
pub(crate) async fn subjects(vault: &Vault, job: &Caller, count: u64) -> Result<Vec<Oid>> {
    let mut makers = JoinSet::new();
    for maker in 0..MAKERS {
        let (vault, job) = (vault.clone(), job.clone());
        makers.spawn(async move {
            let mut oids = Vec::new();
            for nth in (maker..count).step_by(MAKERS as usize) {
                oids.push(vault.create_subject(&job, values(nth), &[]).await?);
            }
            anyhow::Ok(oids)
        });
    }
    let mut oids = Vec::new();
    while let Some(ended) = makers.join_next().await {
        oids.extend(ended??);
    }
    Ok(oids)
}

fn values(nth: u64) -> FieldValues {
    let person = Person::new(SEED, nth);
    [
        ("first_name", person.first_name.clone()),
        ("last_name", person.last_name.clone()),
        ("email", person.email.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Some(Zeroizing::new(value))))
    .collect()
}

/// The demo's data map as far as it needs no source: without the fields whose values are kept from a column's date on.
pub(crate) fn fields_only() -> &'static str {
    DATAMAP
        .split_once("[fields.billing_name]")
        .map_or(DATAMAP, |(fields, _)| fields)
}

fn write_secret(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(content)?)
}
