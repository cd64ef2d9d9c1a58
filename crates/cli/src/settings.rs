//! `privet.toml`: what the operator decides, read strictly. `docs/configuration.md` describes every key.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use privet_vault::{Environment, SourceName, TenantName};
use serde::Deserialize;

use crate::folder::{Folder, SETTINGS, read_text};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) environment: Environment,
    pub(crate) tenant: TenantName,
    #[serde(default)]
    pub(crate) development: bool,
    #[serde(default)]
    pub(crate) synthetic_only: bool,
    /// How long backups of the key store are kept: until then an erasure can be undone from one.
    pub(crate) key_backup_days: u32,
    #[serde(default = "datamap")]
    pub(crate) datamap: PathBuf,
    #[serde(default = "policy")]
    pub(crate) policy: PathBuf,
    #[serde(default)]
    pub(crate) stores: Stores,
    pub(crate) root: Root,
    pub(crate) log: Log,
    pub(crate) api: Door,
    pub(crate) gateway: Door,
    #[serde(default)]
    pub(crate) sources: BTreeMap<SourceName, Source>,
    #[serde(default)]
    pub(crate) masks: Masks,
    #[serde(default)]
    pub(crate) statements: Statements,
}

/// `[stores]`: where data, keys and log lie.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Stores {
    pub(crate) folder: PathBuf,
    /// The most that one store file may take; beyond it nothing is written, as on a full disk.
    pub(crate) file_mib_max: Option<u32>,
}

impl Default for Stores {
    fn default() -> Self {
        Self {
            folder: "stores".into(),
            file_mib_max: None,
        }
    }
}

/// `[root]`: the root key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Root {
    pub(crate) file: PathBuf,
    /// The environment variable that holds the file's passphrase.
    pub(crate) passphrase_env: Option<String>,
}

/// `[log]`: the audit log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) origin: String,
    pub(crate) key: PathBuf,
}

impl Log {
    /// The public half of the key, for whoever verifies.
    pub(crate) fn public_key(&self) -> PathBuf {
        self.key.with_extension("pub")
    }
}

/// `[api]` and `[gateway]`: where a door listens, and its certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Door {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Tls>,
}

/// A certificate chain and its key, PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// A name that the certificate is for, which commands on this machine ask for; without it, the address.
    pub(crate) name: Option<String>,
}

/// `[sources.NAME]`: where an application's database is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) sqlite: PathBuf,
}

/// `[masks]`: what masks may show.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Masks {
    pub(crate) public_mail_domains: Vec<String>,
}

/// `[statements]`: bounds of one application statement.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Statements {
    pub(crate) seconds_max: u64,
    pub(crate) memory_mib_max: u64,
}

impl Default for Statements {
    fn default() -> Self {
        Self {
            seconds_max: 30,
            memory_mib_max: 512,
        }
    }
}

impl Settings {
    /// Reads the folder's settings.
    pub(crate) fn read(folder: &Folder) -> Result<Self> {
        let path = folder.join(SETTINGS);
        let text = read_text(&path)?;
        toml::from_str(&text).with_context(|| format!("`{}` is not right", path.display()))
    }
}

fn datamap() -> PathBuf {
    "datamap.toml".into()
}

fn policy() -> PathBuf {
    "policy".into()
}
