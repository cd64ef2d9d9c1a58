//! Where an environment's three stores are, and how commands open them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{
    Clusters, PostgresAddresses, PostgresKeyReplica, PostgresOptions, PostgresStores,
    SqliteKeyCopy, SqliteOptions, SqliteStores,
};
use privet_vault::port::{DataStore, KeyBackup, KeyStore, LogStore, StoreError};

use crate::folder::{Folder, SETTINGS, read_secret};
use crate::output::note;
use crate::settings::{Settings, StoresFolder};

/// Store files consist of pages of 8 KiB.
const PAGES_PER_MIB: u32 = 128;

/// The stores of a server.
pub(crate) struct Stores {
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) log: Arc<dyn LogStore>,
}

/// Where the stores are.
enum Place {
    Folder(PathBuf, SqliteOptions),
    Databases(Box<PostgresAddresses>, PostgresOptions),
}

/// Opens the stores for a server. They stay locked against another one for as long as the log is held.
///
/// # Errors
/// What is not right, and what to do about it.
pub(crate) async fn open(folder: &Folder, settings: &Settings) -> Result<Stores> {
    match place(folder, settings)? {
        Place::Folder(path, options) => {
            let opened = SqliteStores::open_with(&path, &options);
            let SqliteStores { data, keys, log } = opened.map_err(|error| {
                let shown = path.display();
                let what = match error {
                    StoreError::InUse => format!(
                        "another server runs on the stores in `{shown}`: use that one (its address is in \
                         `server.json`), or stop it first"
                    ),
                    _ => format!("cannot open the stores in `{shown}`"),
                };
                anyhow::Error::new(error).context(what)
            })?;
            Ok(Stores { data, keys, log })
        }
        Place::Databases(addresses, options) => {
            let stores = PostgresStores::connect(&addresses, &options).await;
            let stores = stores.context("cannot open the stores")?;
            let origin = &settings.log.origin;
            stores.lease(origin).await.map_err(|error| {
                let what = match error {
                    StoreError::InUse => format!(
                        "another server writes the log `{origin}`: stop it first; a server beside it needs an origin \
                         and a key of its own ([log] of `{SETTINGS}`)"
                    ),
                    _ => format!("cannot open the log `{origin}`"),
                };
                anyhow::Error::new(error).context(what)
            })?;
            if stores.share_a_cluster() {
                note(
                    "note: stores share a database cluster, so that backups of the data hold the keys: an erasure is \
                     final once those backups are gone",
                );
            }
            let PostgresStores {
                data, keys, log, ..
            } = stores;
            Ok(Stores { data, keys, log })
        }
    }
}

/// Where the keys are a second time, if that was stated.
///
/// # Errors
/// When its address is not right.
pub(crate) fn key_backup(
    folder: &Folder,
    settings: &Settings,
) -> Result<Option<Arc<dyn KeyBackup>>> {
    let Some(stated) = &settings.stores.key_backup else {
        return Ok(None);
    };
    Ok(Some(match place(folder, settings)? {
        Place::Folder(path, _) => {
            let to = folder.join(Path::new(stated.expose()));
            Arc::new(SqliteKeyCopy::new(&path, &to))
        }
        Place::Databases(addresses, options) => {
            let place = "`key_backup` in [stores]";
            let address = address(folder, settings.development, place, stated.expose())?;
            Arc::new(PostgresKeyReplica::new(addresses.keys, address, options))
        }
    }))
}

/// The log alone, for reading beside a server that may be running.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn read_log(folder: &Folder, settings: &Settings) -> Result<Arc<dyn LogStore>> {
    match place(folder, settings)? {
        Place::Folder(path, _) => {
            let stores = SqliteStores::open_read_only(&path)
                .with_context(|| format!("cannot read the stores in `{}`", path.display()))?;
            Ok(stores.log)
        }
        Place::Databases(addresses, options) => PostgresStores::read_log(&addresses.log, &options)
            .await
            .context("cannot read the log"),
    }
}

/// The data alone, for reading beside a server that may be running; `None` where no server has made any yet.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn read_data(
    folder: &Folder,
    settings: &Settings,
) -> Result<Option<Arc<dyn DataStore>>> {
    match place(folder, settings)? {
        Place::Folder(path, _) if !path.exists() => Ok(None),
        Place::Folder(path, _) => {
            let stores = SqliteStores::open_read_only(&path)
                .with_context(|| format!("cannot read the stores in `{}`", path.display()))?;
            Ok(Some(stores.data))
        }
        Place::Databases(addresses, options) => {
            let data = PostgresStores::read_data(&addresses.data, &options).await;
            data.context("cannot read the data store").map(Some)
        }
    }
}

/// Everything that keeps a server from using its stores, without changing them.
pub(crate) async fn problems(folder: &Folder, settings: &Settings) -> Vec<String> {
    match place(folder, settings) {
        Err(error) => vec![format!("{error:#}")],
        // A server makes the folder, and says what is wrong with it.
        Ok(Place::Folder(..)) => Vec::new(),
        Ok(Place::Databases(addresses, options)) => {
            match PostgresStores::inspect(&addresses, &options).await {
                Ok(()) => Vec::new(),
                Err(wrong) => wrong.iter().map(ToString::to_string).collect(),
            }
        }
    }
}

fn place(folder: &Folder, settings: &Settings) -> Result<Place> {
    let stores = &settings.stores;
    match (&stores.data, &stores.keys, &stores.log) {
        (None, None, None) => {
            let StoresFolder { path, file_mib_max } = stores.folder();
            let options = SqliteOptions {
                pages_max: file_mib_max.map(|mib| mib.saturating_mul(PAGES_PER_MIB)),
                ..SqliteOptions::default()
            };
            Ok(Place::Folder(folder.join(path), options))
        }
        (Some(data), Some(keys), Some(log)) => {
            if stores.folder.is_some() || stores.file_mib_max.is_some() {
                bail!(
                    "[stores] of `{SETTINGS}` names databases, so `folder` and `file_mib_max` are of no use: take \
                     them out"
                );
            }
            let read = |name: &str, text: &str| {
                let place = format!("`{name}` in [stores]");
                address(folder, settings.development, &place, text)
            };
            let addresses = PostgresAddresses {
                data: read("data", data.expose())?,
                keys: read("keys", keys.expose())?,
                log: read("log", log.expose())?,
            };
            let options = PostgresOptions {
                clusters: match settings.development {
                    true => Clusters::MayBeShared,
                    false => Clusters::Apart,
                },
                ..PostgresOptions::default()
            };
            Ok(Place::Databases(Box::new(addresses), options))
        }
        _ => {
            let stated = [
                ("data", &stores.data),
                ("keys", &stores.keys),
                ("log", &stores.log),
            ];
            let missing = stated.iter().filter(|(_, text)| text.is_none());
            let missing: Vec<_> = missing.map(|(name, _)| format!("`{name}`")).collect();
            Err(anyhow!(
                "[stores] of `{SETTINGS}` lacks {}: name all three databases, or none and `folder`",
                missing.join(" and ")
            ))
        }
    }
}

/// Reads an address of `privet.toml`; `place` says where in it.
pub(crate) fn address(
    folder: &Folder,
    development: bool,
    place: &str,
    text: &str,
) -> Result<Address> {
    let rules = Rules {
        folder: folder.path(),
        plaintext: match development {
            true => Plaintext::Anywhere,
            false => Plaintext::Local,
        },
    };
    let address = Address::new(text, &rules)
        .with_context(|| format!("{place} of `{SETTINGS}` is not right"))?;
    if address.says_password() {
        only_for_the_owner(&folder.join(SETTINGS))
            .with_context(|| format!("{place} holds a password"))?;
    }
    Ok(address)
}

/// The settings may be read by anyone unless there is a password in them.
fn only_for_the_owner(path: &Path) -> Result<()> {
    read_secret(path).map(drop).context(
        "put it into a file of its own (`password_file=`), or keep others from reading this one",
    )
}
