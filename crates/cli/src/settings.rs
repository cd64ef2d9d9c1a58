//! `privet.toml`: what the operator decides, read strictly. `docs/configuration.md` describes every key.

mod drp;
mod grants;
mod mail;
mod people;
mod requests;
mod telemetry;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use privet_vault::{Environment, SourceName, TenantName};
use serde::Deserialize;

use crate::folder::{Folder, SETTINGS, read_text};

pub(crate) use drp::DataRights;
pub(crate) use grants::Grants;
pub(crate) use mail::{Mail, MailEncryption};
pub(crate) use people::People;
pub(crate) use requests::Requests;
pub(crate) use telemetry::{Bucket, Compression, Forward, ForwardProtocol, Telemetry};

/// Words of sections beside which people put passwords.
const HAVE_PASSWORDS: [&str; 4] = ["postgres", "forward", "people", "mail"];

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
    /// How receipts of consent are signed; there are none unless it is stated.
    pub(crate) receipts: Option<Receipts>,
    pub(crate) api: Door,
    pub(crate) gateway: Door,
    #[serde(default)]
    pub(crate) sources: BTreeMap<SourceName, Source>,
    #[serde(default)]
    pub(crate) masks: Masks,
    #[serde(default)]
    pub(crate) statements: Statements,
    #[serde(default)]
    pub(crate) grants: Grants,
    /// When what people ask for is carried out.
    #[serde(default)]
    pub(crate) requests: Requests,
    /// The telemetry door; none unless it is stated.
    pub(crate) telemetry: Option<Telemetry>,
    /// People's own pages; none unless they are stated.
    pub(crate) people: Option<People>,
    /// Which agents may act for people; none unless it is stated.
    pub(crate) drp: Option<DataRights>,
    /// The server that mail to people goes through; nobody gets mail unless it is stated.
    pub(crate) mail: Option<Mail>,
}

/// `[stores]`: where data, keys and log lie: in files of one folder, or in three databases.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Stores {
    pub(crate) folder: Option<PathBuf>,
    /// The most that one store file may take; beyond it nothing is written, as on a full disk.
    pub(crate) file_mib_max: Option<u32>,
    pub(crate) data: Option<AddressText>,
    pub(crate) keys: Option<AddressText>,
    pub(crate) log: Option<AddressText>,
    /// Where the keys are a second time: a folder for a copy of the file, or the address of a replica or restored copy.
    pub(crate) key_backup: Option<AddressText>,
}

/// Stores in files.
#[derive(Debug)]
pub(crate) struct StoresFolder<'a> {
    pub(crate) path: &'a Path,
    pub(crate) file_mib_max: Option<u32>,
}

impl Stores {
    /// The folder, if the stores are not in databases.
    pub(crate) fn folder(&self) -> StoresFolder<'_> {
        StoresFolder {
            path: self.folder.as_deref().unwrap_or(Path::new("stores")),
            file_mib_max: self.file_mib_max,
        }
    }
}

/// The address of a database, which may hold a password.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct AddressText(String);

impl AddressText {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for AddressText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressText").finish_non_exhaustive()
    }
}

impl Drop for AddressText {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
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
    /// Where a copy of the log is written at once; required outside development.
    pub(crate) mirror: Option<Mirror>,
}

/// `[log.mirror]`: the log's mirror.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mirror {
    /// A folder on the disk of another machine, or the address of a bucket.
    pub(crate) place: String,
    /// How the bucket's service is reached.
    pub(crate) bucket: Option<Bucket>,
}

impl Log {
    /// The public half of the key, for whoever verifies.
    pub(crate) fn public_key(&self) -> PathBuf {
        self.key.with_extension("pub")
    }
}

/// `[receipts]`: receipts of consent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipts {
    pub(crate) key: PathBuf,
}

impl Receipts {
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

/// `[sources.NAME]`: where an application's database is, a file or a server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(crate) enum Source {
    Sqlite(PathBuf),
    Postgres(PostgresRoles),
}

/// The addresses of one database under the roles that Privet has in it. They may hold passwords.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostgresRoles {
    /// Runs the statements of protected sessions.
    pub(crate) console: String,
    /// Runs those of decrypted sessions; cannot write.
    pub(crate) reader: String,
    /// Owns the tables: for `adopt` and `check`.
    pub(crate) owner: Option<String>,
}

impl std::fmt::Debug for PostgresRoles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresRoles").finish_non_exhaustive()
    }
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
        let not_right = || format!("`{}` is not right", path.display());
        let settings = Self::parse(&text).with_context(not_right)?;
        settings.grants.check().with_context(not_right)?;
        settings.requests.check().with_context(not_right)?;
        Ok(settings)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| match error.span() {
            // The parser repeats the line, which may hold a password.
            Some(span) if HAVE_PASSWORDS.iter().any(|word| text.contains(word)) => {
                let before = text.get(..span.start).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                anyhow!("line {line}: {}", error.message())
            }
            _ => error.into(),
        })
    }
}

fn datamap() -> PathBuf {
    "datamap.toml".into()
}

fn policy() -> PathBuf {
    "policy".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_shown_nor_repeated() {
        let text = r#"
            environment = "prod"
            tenant = "acme"
            key_backup_days = 14
            root = { file = "root.key" }
            log = { origin = "privet.example/prod/1", key = "log.key" }
            api = { listen = "127.0.0.1:0" }
            gateway = { listen = "127.0.0.1:0" }
            [stores]
            data = "postgresql://privet:hunter2@localhost/data"
        "#;
        let settings = Settings::parse(text).unwrap();
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        for wrong in [
            text.replace("/data\"", "/data"),
            text.replace("data = ", "dates = "),
            text.replace("\"postgresql", "[\"postgresql"),
            // What was meant for a file of its own.
            text.replace("[stores]", "[telemetry.forward]").replace(
                "data = \"postgresql://privet:hunter2@localhost/data\"",
                "headers = \"a: hunter2\"",
            ),
            text.replace("[stores]", "[mail]").replace(
                "data = \"postgresql://privet:hunter2@localhost/data\"",
                "password = \"hunter2\"",
            ),
        ] {
            let said = format!("{:#}", Settings::parse(&wrong).unwrap_err());
            assert!(said.starts_with("line 10: "), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
