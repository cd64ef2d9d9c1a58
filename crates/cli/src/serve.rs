//! The composition root: it puts stores, keys, sources, clock and randomness together, opens both doors, and takes
//! everything down in order.

mod copies;
mod doors;
mod people;
mod stop;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_classify::{DataMap, MaskRules};
use privet_seal::{FileKeyProvider, ProviderError};
use privet_tlog::note::SigningKey;
use privet_vault::audit::AuditLimits;
use privet_vault::check::{check_adopted, unsupported};
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::port::{LogMirror, RunLimits};
use privet_vault::receipt::ReceiptKey;
use privet_vault::subject_request::RequestRules;
use privet_vault::{Clock, Config, Parts, SourceName, SystemClock, ThreadEntropy, Vault};

use crate::folder::{Folder, SETTINGS, read_secret, read_secret_line, read_text};
use crate::output::note;
use crate::settings::Settings;
use crate::{mail, mirror, sources, stores};

pub(crate) use doors::{Doors, Login, Ports, Server};
pub(crate) use people::own_pages;
pub(crate) use stop::Stop;

/// The environment variable that says what is logged.
const LOG_VARIABLE: &str = "PRIVET_LOG";

/// Logs to standard error what `PRIVET_LOG` asks for. Events hold no personal data, wherever they come from.
pub(crate) fn log_to_stderr() {
    use std::io::IsTerminal as _;

    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::filter::LevelFilter;

    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::WARN.into())
        .with_env_var(LOG_VARIABLE)
        .from_env_lossy();
    // A second call in one process changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}

/// Opens the stores and starts the monitor. The stores stay locked for as long as the vault is held.
///
/// # Errors
/// What is not right, and what to do about it.
pub(crate) async fn open_vault(folder: &Folder, settings: &Settings) -> Result<Vault> {
    // What the operator can get wrong comes before the stores are touched.
    let map = data_map(folder, settings)?;
    let policy = policy(folder, settings)?;
    let disagreements = disagreements(settings, &map, &policy);
    if !disagreements.is_empty() {
        bail!(
            "the configuration contradicts itself:\n  {}",
            disagreements.join("\n  ")
        );
    }
    for missing in texts_missing(&map) {
        note(format!("warning: {missing}"));
    }
    let root = root_key(folder, settings)?;
    let signer = signing_key(folder, settings)?;
    let receipts = receipt_key(folder, settings)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let own_pages = own_pages(folder, settings, Arc::clone(&clock))?;
    let sources = sources::open(folder, settings, &map)?;
    // What is not right must not wait for the first person who is to get mail.
    let to_people = mail::to_people(folder, settings, &map)?;
    let mail_login = mail::is_login(settings, &map)?;
    for missing in mail::missing(settings, &map) {
        note(format!("warning: {missing}"));
    }
    let mirror = mirror::open(folder, settings)?;
    let backup = stores::key_backup(folder, settings)?;
    let stores = stores::open(folder, settings).await?;
    let parts = Parts {
        config: config(settings),
        map,
        policy,
        data: stores.data,
        keys: stores.keys,
        log: stores.log,
        sources,
        root: Arc::new(root),
        signer,
        clock,
        entropy: Arc::new(ThreadEntropy),
    };
    let vault = started(parts, mirror).await?;
    if let Some(backup) = backup {
        vault.back_keys_up(backup);
    }
    if let Some(key) = receipts {
        vault.sign_receipts(key);
    }
    if let Some(mailer) = to_people {
        vault.write_to_people(Arc::new(mailer));
    }
    if let Some(pages) = own_pages {
        vault.open_own_pages(pages);
        if mail_login {
            vault.open_mail_login();
        }
    }
    Ok(vault)
}

async fn started(parts: Parts, mirror: Option<Arc<dyn LogMirror>>) -> Result<Vault> {
    let started = match mirror {
        Some(mirror) => Vault::start_mirrored(parts, mirror).await,
        None => Vault::start(parts).await,
    };
    let explained = started.map_err(|error| match error {
        // What programs are not told, the operator at this terminal has to know.
        privet_vault::Error::Internal(what) => anyhow!("{what}"),
        error => error.into(),
    });
    explained.context("the vault cannot start")
}

/// Where the configuration's files contradict each other so that a server must not start: a job that declares a purpose
/// which does not exist may be meant to have another, and a database that the data map does not describe would be shown
/// in the console as it is.
pub(crate) fn disagreements(settings: &Settings, map: &DataMap, policy: &Policy) -> Vec<String> {
    let unmapped = settings
        .sources
        .keys()
        .filter(|name| map.source(name.as_str()).is_none())
        .map(|name| {
            format!(
                "source `{name}` is in `{SETTINGS}`, but the data map does not say what is in it: add [sources.{name}]"
            )
        });
    let unknown = policy
        .purposes()
        .filter(|(_, purpose)| map.purpose(purpose).is_none())
        .map(|(job, purpose)| {
            format!(
                "job `{job}` declares purpose `{purpose}`, which the data map does not have: correct principals.toml"
            )
        });
    unmapped.chain(unknown).collect()
}

/// Says that the data map leaves people's rights open somewhere, which is no reason not to start: it may be older than these rules.
pub(crate) fn warn_of_gaps(map: &DataMap) {
    let gaps = map.gaps().len();
    if gaps > 0 {
        note(format!(
            "warning: the data map does not say of {gaps} tables whose rows they hold, or what is left of them when a person \
             leaves, so that nothing is erased there: run `privet check`"
        ));
    }
}

/// The purposes that people are asked for without the data map saying what they are shown. A server starts all the same: it did
/// before there were texts in data maps.
pub(crate) fn texts_missing(map: &DataMap) -> Vec<String> {
    let missing = map.purposes_without_text().map(|purpose| {
        let (name, notice) = (&purpose.name, purpose.notice.as_deref().unwrap_or_default());
        format!(
            "purpose `{name}` rests on consent, but the data map has no text of its notice `{notice}`: add what people are \
             shown, under [notices.{notice:?}], as {name} = {{ en = \"…\" }}"
        )
    });
    missing.collect()
}

/// Says of each source that was not adopted (or of the one that is named) that the console shows it as it is.
pub(crate) async fn warn_of_plaintext(
    folder: &Folder,
    settings: &Settings,
    map: &DataMap,
    only: Option<&SourceName>,
) {
    // What is not there at all is the business of whoever opens it.
    let sources = sources::open(folder, settings, map).unwrap_or_default();
    let wanted = |name: &SourceName| only.is_none_or(|only| only == name);
    for (name, source) in sources.into_iter().filter(|(name, _)| wanted(name)) {
        let advice = match check_adopted(map, &*source).await {
            Ok(gaps) if gaps.is_empty() => continue,
            Ok(_) => format!(
                "source `{name}` is not adopted, so the console shows personal data in it as it is: run \
                 `privet check --source {name}`, then `privet adopt {name}`"
            ),
            Err(error) => format!("source `{name}` cannot be looked at: {error}"),
        };
        note(format!("warning: {advice}"));
    }
}

fn config(settings: &Settings) -> Config {
    let domains = settings.masks.public_mail_domains.iter();
    Config {
        environment: settings.environment.clone(),
        tenant: settings.tenant.clone(),
        development: settings.development,
        synthetic_only: settings.synthetic_only,
        origin: settings.log.origin.clone(),
        masks: MaskRules {
            public_mail_domains: domains.map(|domain| domain.to_lowercase()).collect(),
        },
        audit: AuditLimits::default(),
        sessions: settings.grants.limits(),
        requests: RequestRules {
            key_backup_days: settings.key_backup_days,
            ..settings.requests.rules()
        },
        statements: RunLimits {
            statement: Duration::from_secs(settings.statements.seconds_max),
            memory_bytes_max: settings.statements.memory_mib_max.saturating_mul(1 << 20),
        },
    }
}

/// Reads the data map; every problem is named at once.
///
/// # Errors
/// All of them.
pub(crate) fn data_map(folder: &Folder, settings: &Settings) -> Result<DataMap> {
    let path = folder.join(&settings.datamap);
    let not_right = || format!("the data map `{}` is not right", path.display());
    let map = DataMap::parse(&read_text(&path)?).with_context(not_right)?;
    match unsupported(&map).as_slice() {
        [] => Ok(map),
        problems => Err(anyhow!(problems.join("\n")).context(not_right())),
    }
}

/// Reads the policy bundle: `schema.cedarschema`, `principals.toml` and every `*.cedar`.
///
/// # Errors
/// All problems of all files.
pub(crate) fn policy(folder: &Folder, settings: &Settings) -> Result<Policy> {
    let directory = folder.join(&settings.policy);
    let shown = directory.display();
    let listed = std::fs::read_dir(&directory).with_context(|| format!("cannot read `{shown}`"))?;
    let mut policies = Vec::new();
    for entry in listed {
        let path = entry
            .with_context(|| format!("cannot read `{shown}`"))?
            .path();
        if path.extension().is_some_and(|end| end == "cedar") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            policies.push((name.into_owned(), read_text(&path)?));
        }
    }
    policies.sort();
    let schema = read_text(&directory.join("schema.cedarschema"))?;
    let principals = read_text(&directory.join("principals.toml"))?;
    let named: Vec<(&str, &str)> = policies
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let files = PolicyFiles {
        schema: &schema,
        policies: &named,
        principals: &principals,
    };
    Policy::load(&files, &settings.environment)
        .with_context(|| format!("the policies in `{shown}` are not right"))
}

/// Opens the root key file, which only its owner may read.
fn root_key(folder: &Folder, settings: &Settings) -> Result<FileKeyProvider> {
    let path = folder.join(&settings.root.file);
    let file = read_secret(&path)?;
    let passphrase = match &settings.root.passphrase_env {
        None => None,
        Some(name) => Some(std::env::var(name).map_err(|_| {
            anyhow!("`privet.toml` says that the root key's passphrase is in `{name}`: set it")
        })?),
    };
    FileKeyProvider::parse(&file, passphrase.as_deref().map(str::as_bytes)).map_err(|error| {
        let advice = match error {
            ProviderError::WrongPassphrase => {
                let name = settings.root.passphrase_env.as_deref().unwrap_or("none");
                format!(": look at what `{name}` holds")
            }
            ProviderError::PassphraseNeeded => {
                ": name the variable that holds it as `passphrase_env` in [root] of `privet.toml`"
                    .to_owned()
            }
            ProviderError::NotProtected => {
                ": take `passphrase_env` out of [root] of `privet.toml`".to_owned()
            }
            _ => String::new(),
        };
        let shown = path.display();
        anyhow::Error::new(error)
            .context(format!("cannot open the root key file `{shown}`{advice}"))
    })
}

fn signing_key(folder: &Folder, settings: &Settings) -> Result<SigningKey> {
    let path = folder.join(&settings.log.key);
    SigningKey::from_secret_text(&read_secret_line(&path)?)
        .with_context(|| format!("cannot read the log's signing key `{}`", path.display()))
}

fn receipt_key(folder: &Folder, settings: &Settings) -> Result<Option<ReceiptKey>> {
    let Some(receipts) = &settings.receipts else {
        return Ok(None);
    };
    let path = folder.join(&receipts.key);
    let key = ReceiptKey::from_secret_text(&read_secret_line(&path)?)
        .with_context(|| format!("cannot read the key of receipts `{}`", path.display()))?;
    Ok(Some(key))
}

/// The running executable.
pub(crate) fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find the running program")
}
