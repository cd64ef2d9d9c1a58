//! What keeps the telemetry door from opening, said before a server is started.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_classify::DataMap;
use privet_telemetry::Rules;
use privet_telemetry_store::{Attribute, Store};
use tokio::time::timeout;

use super::{QUERY_PROGRAM, address, forward, listens_safely, options, server_config, store};
use crate::folder::Folder;
use crate::serve::this_program;
use crate::settings::Telemetry;

/// An object store's client waits for minutes for one that takes a request and does not answer; somebody waits here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is wrong, and what is worth knowing.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// Looks at `[telemetry]`. What a server makes is not made here.
pub(crate) async fn check(
    folder: &Folder,
    telemetry: &Telemetry,
    map: Option<&DataMap>,
) -> Findings {
    let mut findings = Findings::default();
    findings.kept(listens_safely(telemetry));
    let tls = telemetry.tls.as_ref().map(|tls| server_config(folder, tls));
    findings.kept(tls.transpose());
    findings.kept(journal(folder, telemetry));
    let stored = timeout(PATIENCE, object_store(folder, telemetry)).await;
    findings.kept(stored.unwrap_or_else(|_| {
        Err(anyhow!(
            "the telemetry store does not answer within {} seconds: correct `store` of [telemetry], or the network",
            PATIENCE.as_secs()
        ))
    }));
    if let Some(stated) = &telemetry.forward {
        findings.kept(forward::collector(folder, stated));
    }
    if let Some(map) = map {
        findings.map(map);
    }
    if let Ok(program) = this_program()
        && !program.with_file_name(QUERY_PROGRAM).is_file()
    {
        findings.notes.push(format!(
            "`{QUERY_PROGRAM}` is not beside `privet`, so that telemetry cannot be asked: install it there"
        ));
    }
    findings
}

impl Findings {
    fn kept<T>(&mut self, found: Result<T>) {
        if let Err(error) = found {
            self.problems.push(format!("{error:#}"));
        }
    }

    fn map(&mut self, map: &DataMap) {
        let columns = Rules::new(map);
        for (name, _) in columns.columns() {
            // The type decides nothing about a name.
            let column = Attribute::new(name, privet_telemetry_store::Type::String);
            self.kept(column.context("the data map lists an attribute that cannot be stored"));
        }
        let telemetry = map.telemetry();
        if telemetry.attributes.is_empty() && telemetry.events.is_empty() {
            self.notes.push(
                "the data map's [telemetry] lists no attributes and no events, so that records are stored without any"
                    .to_owned(),
            );
        }
    }
}

fn journal(folder: &Folder, telemetry: &Telemetry) -> Result<()> {
    if telemetry.journal_mib_max == 0 {
        bail!("`journal_mib_max` of [telemetry] is 0, so that nothing is ever taken: give it more");
    }
    let path = folder.join(&telemetry.journal);
    if let Some(store) = Store::folder(&telemetry.store)
        && path.starts_with(folder.join(store))
    {
        bail!(
            "`journal` of [telemetry] lies in the folder of `store`: give it another one, on this machine's own disk"
        );
    }
    writable(&path).context("`journal` of [telemetry] cannot be used")
}

async fn object_store(folder: &Folder, telemetry: &Telemetry) -> Result<()> {
    let address = address(folder, telemetry);
    if let Some(path) = Store::folder(&address)
        && !path.exists()
    {
        return writable(path).context("`store` of [telemetry] cannot be used");
    }
    let store = store(&address, options(folder, telemetry)?)?;
    let probed = store.probe().await;
    probed.context("`store` of [telemetry] cannot be used")
}

/// Whether files can be made in a folder, or in the one in which it would be made.
pub(crate) fn writable(path: &Path) -> Result<()> {
    let there = path.ancestors().find(|folder| folder.exists());
    let there = there.ok_or_else(|| anyhow!("`{}` is nowhere", path.display()))?;
    let shown = there.display();
    if !there.is_dir() {
        bail!("`{shown}` is not a folder");
    }
    let file = there.join(format!(".privet-check-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&file);
    made.with_context(|| format!("nothing can be written to `{shown}`"))?;
    fs::remove_file(&file).with_context(|| format!("nothing can be removed from `{shown}`"))
}
