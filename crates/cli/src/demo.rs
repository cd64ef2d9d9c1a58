//! `privet demo`: a folder with everything, a shop full of synthetic people, sealed and served.

mod files;
mod show;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use privet_store::SqliteStores;
use privet_vault::port::StoreError;
use privet_vault::{
    AdoptOrder, Caller, FieldValues, Oid, PrincipalName, SourceName, SubjectName, Vault,
};

use crate::adoption;
use crate::arguments::Demo;
use crate::command::init::ensure_token;
use crate::folder::{DEMO, Folder, read_secret_line};
use crate::output::{Style, line, note};
use crate::serve::{Doors, Login, Ports, Server, Stop, log_to_stderr, open_vault};
use crate::settings::Settings;

pub(crate) use files::is_demo;

/// The people to be. Each one's name is also the user name to connect with.
const PEOPLE: [(&str, &str); 4] = [
    ("on_call", "an engineer on call: the protected console"),
    ("auditor", "an auditor: reads sessions and the log"),
    ("operator", "an operator: tokens, databases"),
    ("job", "a job: a program that needs customers' data"),
];
/// The source's name in the data map.
const SOURCE: &str = "shop";
/// Where the demo's settings put the stores.
const STORES: &str = "stores";
/// The same people in every demo.
const SEED: u64 = 1984;

/// One person to try things with.
#[derive(Debug)]
struct Sample {
    oid: Oid,
    alias: String,
    email: String,
}

/// A demo that is ready to be tried.
#[derive(Debug)]
struct Ready {
    doors: Doors,
    server: Server,
    sample: Sample,
    /// Opens the auditor's pages, once.
    login: Login,
    new: bool,
}

/// Makes or continues the demo and serves until Ctrl-C.
///
/// # Errors
/// What went wrong and what to do.
pub(crate) async fn run(dir: Option<PathBuf>, demo: Demo, style: Style) -> Result<()> {
    let started = Instant::now();
    log_to_stderr();
    let path = dir.unwrap_or_else(|| PathBuf::from(DEMO));
    if demo.fresh {
        start_over(&path, demo.yes)?;
    }
    let mut stop = Stop::listen()?;
    let folder = Folder::new(&path);
    let new = tokio::select! {
        () = stop.ordered() => return stopped(),
        prepared = prepare(&folder, demo.customers) => prepared?,
    };
    let mut settings = Settings::read(&folder)?;
    settings.api.listen = demo.api.unwrap_or(settings.api.listen);
    settings.gateway.listen = demo.gateway.unwrap_or(settings.gateway.listen);
    let vault = open_vault(&folder, &settings).await?;
    let ready = tokio::select! {
        () = stop.ordered() => None,
        ready = ready(&folder, &settings, &vault, new) => Some(ready),
    };
    let served = match ready {
        None => Ok(()),
        Some(Err(error)) => Err(error),
        Some(Ok(ready)) => {
            match show::welcome(&folder, &settings, &ready, started.elapsed(), style) {
                Ok(()) => ready.doors.wait(&mut stop).await,
                Err(error) => Err(error),
            }
        }
    };
    vault.audit().shutdown().await;
    served?;
    stopped()
}

fn stopped() -> Result<()> {
    note("\nstopped; the data stays, and the next `privet demo` continues with it");
    Ok(())
}

/// Deletes a demo folder, and nothing that is not one.
fn start_over(path: &Path, yes: bool) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let shown = path.display();
    if !is_demo(path) && holds_files(path)? {
        bail!(
            "`{shown}` is not a demo folder, so --fresh does not delete it: choose another with --dir"
        );
    }
    // Held until all is deleted: a server that runs here would go on with files that nobody finds any more.
    let stores = path.join(STORES);
    let _lock = match stores.is_dir().then(|| SqliteStores::lock(&stores)) {
        Some(Err(StoreError::InUse)) => {
            bail!("a demo runs on `{shown}`: stop it first, or choose another folder with --dir")
        }
        Some(locked) => {
            Some(locked.with_context(|| format!("cannot lock `{}`", stores.display()))?)
        }
        None => None,
    };
    if !yes && !files::confirm(&format!("Delete `{shown}` and start over?"))? {
        bail!("nothing was deleted");
    }
    files::delete(path)
}

fn holds_files(path: &Path) -> Result<bool> {
    files::holds_anything(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Makes what is missing; `true` when there was nothing. Each file is complete once it has its name, so that a start
/// that was killed is continued by the next one.
async fn prepare(folder: &Folder, customers: u32) -> Result<bool> {
    let path = folder.path();
    if path.exists() && !is_demo(path) && holds_files(path)? {
        bail!(
            "`{}` holds something else: choose an empty folder with --dir",
            path.display()
        );
    }
    let new = !folder.join(files::SHOP).exists();
    files::write_configuration(folder)?;
    if new {
        note(format!(
            "making a shop with {} synthetic customers …",
            crate::output::count(customers.into())
        ));
        let shop = folder.join(files::SHOP);
        let make = move || privet_source::sample::create_shop(&shop, customers, SEED);
        tokio::task::spawn_blocking(make)
            .await?
            .context("cannot make the shop")?;
    }
    Ok(new)
}

/// Tokens, the sealed shop, open doors.
async fn ready(folder: &Folder, settings: &Settings, vault: &Vault, new: bool) -> Result<Ready> {
    for (name, _) in PEOPLE {
        ensure_token(folder, vault, &name.parse()?).await?;
    }
    adopt(folder, vault, new).await?;
    let sample = sample(folder, vault).await?;
    let doors = Doors::open(folder, settings, vault, Ports::Moving).await?;
    let server = doors.announce()?;
    files::write_facts(folder, &server, &sample)?;
    let auditor = caller(folder, vault, "auditor").await?;
    let login = Login::of(vault, &auditor, &server).await?;
    Ok(Ready {
        login,
        doors,
        server,
        sample,
        new,
    })
}

/// Seals the shop, or what an earlier start did not get to.
async fn adopt(folder: &Folder, vault: &Vault, new: bool) -> Result<()> {
    let operator = caller(folder, vault, "operator").await?;
    let source: SourceName = SOURCE.parse()?;
    let job = vault
        .adopt_start(&operator, &source, AdoptOrder::SEAL)
        .await?;
    let status = adoption::watch(async || Ok(vault.adopt_status(&operator, job).await?)).await?;
    if let Some(failure) = adoption::failure(&status) {
        return Err(failure);
    }
    if new || status.done > 0 {
        note(format!(
            "sealed {} values in place",
            crate::output::count(status.done)
        ));
    }
    Ok(())
}

async fn caller(folder: &Folder, vault: &Vault, name: &str) -> Result<Caller> {
    let name: PrincipalName = name.parse()?;
    let token = read_secret_line(&folder.token(&name))?;
    Ok(vault.authenticate(&token, "local").await?)
}

/// The shop's first customer, whose values the vault holds as well, so that the API has something to reveal.
async fn sample(folder: &Folder, vault: &Vault) -> Result<Sample> {
    let person = privet_classify::synthetic::Person::new(SEED, 0);
    let alias = "customer:1".to_owned();
    let name: SubjectName = format!("{SOURCE}/{alias}").parse()?;
    let job = caller(folder, vault, "job").await?;
    let view = vault.describe_subject(&job, &name).await?;
    if view.fields.is_empty() {
        let values: FieldValues = [
            ("first_name", &person.first_name),
            ("last_name", &person.last_name),
            ("email", &person.email),
            ("phone", &person.phone),
        ]
        .into_iter()
        .map(|(field, value)| (field.to_owned(), Some(value.clone().into())))
        .collect();
        vault.write_fields(&job, &name, values).await?;
    }
    Ok(Sample {
        oid: view.oid,
        alias,
        email: person.email,
    })
}

/// Says when a taken port made a door move on.
fn moved(settings: &Settings, doors: &Doors) -> Result<()> {
    let both = [
        ("API", settings.api.listen, doors.api),
        ("gateway", settings.gateway.listen, doors.gateway),
    ];
    for (name, wanted, got) in both {
        if wanted.port() != 0 && wanted != got {
            line(format!(
                "Port {} was taken, so the {name} listens on {} this time.",
                wanted.port(),
                got.port()
            ))?;
        }
    }
    Ok(())
}
