//! `privet init`: a new environment's folder. The demo makes its folder with the same parts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use privet_classify::DataMap;
use privet_seal::{Entropy as _, FileKeyProvider, PassphraseCost, Zeroizing};
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::policy::PolicyFiles;
use privet_vault::receipt::ReceiptKey;
use privet_vault::{Environment, PrincipalName, SourceName, TenantName, ThreadEntropy, Vault};

use crate::arguments::Init;
use crate::folder::{
    Folder, SETTINGS, make_private, named_or_current, read_secret_line, read_text, replace_secret,
    write_missing, write_secret,
};
use crate::output::{line, note, shell};

const DATAMAP: &str = include_str!("../../assets/init/datamap.toml");
/// How long a token lives that nobody asked for.
const FIRST_TOKEN_DAYS: u32 = 90;
/// The group whose members issue tokens to everybody else, and the one whose members read the record.
const OPERATORS: &str = "operators";
const AUDITORS: &str = "auditors";

/// Makes the folder's files; a folder that is one already is left alone.
pub(crate) fn run(dir: Option<PathBuf>, init: &Init) -> Result<()> {
    let folder = Folder::new(named_or_current(dir));
    let settings = folder.join(SETTINGS);
    if settings.exists() {
        bail!(
            "`{}` is there already: nothing was changed",
            settings.display()
        );
    }
    let environment: Environment = init.environment.parse().context("--environment")?;
    let tenant: TenantName = init.tenant.parse().context("--tenant")?;
    let sources = init
        .sources
        .iter()
        .map(|text| source(text))
        .collect::<Result<Vec<_>>>()?;
    let datamap = match &init.datamap {
        Some(path) => read_text(path)?,
        None => DATAMAP.to_owned(),
    };
    if let Some(path) = &init.datamap {
        DataMap::parse(&datamap).with_context(|| format!("`{}` is not right", path.display()))?;
    }
    let passphrase = init.passphrase_env.as_deref();
    make_private(folder.path())?;
    let usual = format!("privet.example/{environment}/1");
    let origin = init.origin.clone().unwrap_or(usual);
    // Before anything is made.
    KeyName::new(&*origin).with_context(|| format!("--origin: `{origin}` is no name of a log"))?;
    write_missing(&folder.join("datamap.toml"), &datamap)?;
    write_bundle(&folder)?;
    write_keys(&folder, &origin, passphrase)?;
    let text = settings_text(&environment, &tenant, &origin, passphrase, &sources);
    write_missing(&settings, &text)?;
    let dir = shell(folder.path().display());
    line(format!(
        "made {dir}: privet.toml, datamap.toml, policy/, root.key, log.key, log.pub, receipt.key, receipt.pub"
    ))?;
    line(
        "Keep root.key, log.key and receipt.key apart from the stores' backups; without root.key nothing opens.",
    )?;
    line(format!(
        "Next: fill in datamap.toml and policy/principals.toml, then `privet check --dir {dir}` and `privet serve --dir {dir}`."
    ))
}

fn source(text: &str) -> Result<(SourceName, PathBuf)> {
    let (name, file) = text
        .split_once('=')
        .with_context(|| format!("--source takes NAME=FILE, not `{text}`"))?;
    let file = std::path::absolute(file)?;
    if !file.is_file() {
        bail!("--source {name}: there is no file `{}`", file.display());
    }
    Ok((name.parse().context("--source")?, file))
}

/// Writes the default policy bundle where it is missing.
///
/// # Errors
/// What the file system says.
pub(crate) fn write_bundle(folder: &Folder) -> Result<()> {
    let policy = folder.join("policy");
    make_private(&policy)?;
    let bundle = PolicyFiles::STANDARD;
    let others = [
        ("schema.cedarschema", bundle.schema),
        ("principals.toml", bundle.principals),
    ];
    let mut files = bundle.policies.iter().chain(&others);
    files.try_for_each(|(name, text)| write_missing(&policy.join(name), text))
}

/// Makes the root key, the log's key and that of receipts where they are missing.
///
/// # Errors
/// What the file system says; when the passphrase's variable is not set.
pub(crate) fn write_keys(
    folder: &Folder,
    origin: &str,
    passphrase_env: Option<&str>,
) -> Result<()> {
    let root = folder.join("root.key");
    if !root.exists() {
        let mut key = FileKeyProvider::create(&ThreadEntropy);
        if let Some(name) = passphrase_env {
            let passphrase = std::env::var(name).map(Zeroizing::new);
            let passphrase = passphrase
                .ok()
                .filter(|text| !text.is_empty())
                .with_context(|| format!("set `{name}` to the passphrase first"))?;
            let cost = PassphraseCost::RECOMMENDED;
            key = key
                .protect(passphrase.as_bytes(), cost, &ThreadEntropy)
                .context("cannot protect the root key")?;
        }
        write_secret(&root, &key.encode(&ThreadEntropy))?;
    }
    let log = folder.join("log.key");
    if !log.exists() {
        let mut seed = Zeroizing::new([0; 32]);
        ThreadEntropy.fill(&mut *seed);
        let name = KeyName::new(origin).context("the log's origin")?;
        let key = SigningKey::from_seed(name, &seed).context("cannot make the log's key")?;
        let secret = key.to_secret_text().context("cannot make the log's key")?;
        write_secret(&log, secret.as_bytes())?;
    }
    // After the key and from it: a start that was killed in between must not leave the public half of another key.
    let key = SigningKey::from_secret_text(&read_secret_line(&log)?)
        .with_context(|| format!("cannot read the log's signing key `{}`", log.display()))?;
    write_missing(&folder.join("log.pub"), &format!("{}\n", key.verifier()))?;
    write_receipt_key(folder)
}

fn write_receipt_key(folder: &Folder) -> Result<()> {
    let path = folder.join("receipt.key");
    if !path.exists() {
        let key = ReceiptKey::generate(&ThreadEntropy).context("cannot make a key of receipts")?;
        let secret = key.to_secret_text();
        let secret = secret.context("cannot make a key of receipts")?;
        write_secret(&path, secret.as_bytes())?;
    }
    let key = ReceiptKey::from_secret_text(&read_secret_line(&path)?)
        .with_context(|| format!("cannot read the key of receipts `{}`", path.display()))?;
    write_missing(&folder.join("receipt.pub"), &format!("{}\n", key.public()))
}

/// Where no operator has a token, each gets one in `tokens/`: somebody has to be able to issue the others. So do auditors,
/// who are answered: nobody's work should begin before there is somebody to read its record.
///
/// # Errors
/// When a token cannot be issued or written.
pub(crate) async fn first_tokens(folder: &Folder, vault: &Vault) -> Result<Vec<PrincipalName>> {
    let mut auditors = Vec::new();
    for group in [OPERATORS, AUDITORS] {
        for name in vault.without_token(group).await? {
            if ensure_token(folder, vault, &name).await? {
                let path = folder.token(&name);
                note(format!(
                    "made a first token for `{name}` in {}",
                    path.display()
                ));
                if group == AUDITORS {
                    auditors.push(name);
                }
            }
        }
    }
    Ok(auditors)
}

/// Puts a token that works into `tokens/NAME`, unless one is there; answers whether it did.
///
/// # Errors
/// When a token cannot be issued or written.
pub(crate) async fn ensure_token(
    folder: &Folder,
    vault: &Vault,
    name: &PrincipalName,
) -> Result<bool> {
    let path = folder.token(name);
    if path.exists() {
        let held = read_secret_line(&path)?;
        if vault.authenticate(&held, "local").await.is_ok() {
            return Ok(false);
        }
    }
    if let Some(parent) = path.parent() {
        make_private(parent)?;
    }
    let issued = vault.issue_first_token(name, FIRST_TOKEN_DAYS).await?;
    replace_secret(&path, issued.text.as_bytes())?;
    Ok(true)
}

fn settings_text(
    environment: &Environment,
    tenant: &TenantName,
    origin: &str,
    passphrase_env: Option<&str>,
    sources: &[(SourceName, PathBuf)],
) -> String {
    let passphrase = passphrase_env
        .map(|name| format!("passphrase_env = {}\n", quoted(name)))
        .unwrap_or_default();
    let mut text = format!(
        r#"# The settings of this Privet. `docs/configuration.md` describes every key. Paths are relative to this folder.

environment = "{environment}"
tenant = "{tenant}"

# Development relaxes what only production needs; receipts of erasures say so.
development = true

# How many days backups of the key store are kept: until then an erasure could be undone from one.
key_backup_days = 14

[root]
file = "root.key"
{passphrase}
# The stores are files in `stores/`, for one server. Several servers share three PostgreSQL databases, on different
# clusters outside development:
# [stores]
# data = "postgresql://privet@data.example/privet?password_file=data.password"
# keys = "postgresql://privet@keys.example/privet?password_file=keys.password"
# log = "postgresql://privet@log.example/privet?password_file=log.password"

[log]
origin = "{origin}"
key = "log.key"

# A copy of the log where no restore of the stores reaches, required outside development: a folder on another machine's disk,
# or a bucket.
# [log.mirror]
# place = "s3://privet-log/prod"

# Signs receipts of consent. They need a `[controller]` in the data map, too.
[receipts]
key = "receipt.key"

[api]
listen = "127.0.0.1:7300"

[gateway]
listen = "127.0.0.1:7432"
"#
    );
    for (name, file) in sources {
        let file = quoted(&path_text(file));
        text.push_str(&format!("\n[sources.{name}]\nsqlite = {file}\n"));
    }
    text
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{self, Settings};

    #[test]
    fn what_is_written_can_be_read() {
        let sources = [(
            "shop".parse().unwrap(),
            PathBuf::from("/srv/a \"b\".sqlite"),
        )];
        let text = settings_text(
            &"prod".parse().unwrap(),
            &"acme".parse().unwrap(),
            "privet.example/prod/1",
            Some("PASSPHRASE"),
            &sources,
        );
        let settings: Settings = toml::from_str(&text).unwrap();
        assert_eq!(settings.root.passphrase_env.as_deref(), Some("PASSPHRASE"));
        let shop = settings.sources.values().next().unwrap();
        let expected = Path::new("/srv/a \"b\".sqlite");
        assert!(matches!(shop, settings::Source::Sqlite(path) if path == expected));
    }

    #[test]
    fn the_data_map_to_fill_in_is_right() {
        DataMap::parse(DATAMAP).unwrap();
    }
}
