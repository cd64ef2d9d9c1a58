//! `privet audit`: follow the log, and check, prove or copy it without the server's help.

mod check;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_tlog::Checkpoint;
use privet_tlog::note::VerifierKey;
use privet_vault::audit::{Progress, offline};
use privet_vault::port::LogStore;
use privet_wire::{LogEntry, LogPage, LogQuery};
use serde_json::{Value, json};

use crate::arguments::{As, Audit, AuditLog};
use crate::client::Client;
use crate::folder::{Folder, read_text};
use crate::output::{self, Style, line};
use crate::settings::Settings;
use crate::stores;

/// How long the server waits for new entries before it answers that there are none.
const WAIT_SECONDS: u32 = 20;

pub(crate) async fn run(dir: Option<PathBuf>, log: AuditLog, style: Style) -> Result<()> {
    match log.command {
        Audit::Tail {
            count,
            follow,
            details,
            who,
        } => tail(&Folder::find(dir)?, &who, count, follow, details, style).await,
        Audit::Verify { from, key, since } => {
            let log = Log::open(dir, from, key.as_deref()).await?;
            log.verify(&since, style).await
        }
        Audit::Prove {
            index,
            from,
            key,
            output,
        } => {
            let log = Log::open(dir, from, key.as_deref()).await?;
            log.prove(index, output.as_deref(), style).await
        }
        Audit::Check {
            entry,
            proof,
            bundle,
            leaf,
            key,
        } => {
            let keys = check::keys(dir, &key)?;
            let leaf = leaf.as_deref().map(check::Leaf::read).transpose()?;
            match (bundle, entry, proof) {
                (None, Some(entry), Some(proof)) => {
                    check::entry(&keys, (&entry, &proof), leaf, style)
                }
                (Some(bundle), _, _) => check::bundle(&keys, &bundle, leaf, style),
                _ => bail!("name an entry and its proof, or a file with `--bundle`"),
            }
        }
        Audit::Export { directory } => {
            let log = Log::open(dir, None, None).await?;
            log.export(&directory, style).await
        }
    }
}

async fn tail(
    folder: &Folder,
    who: &As,
    count: u32,
    follow: bool,
    details: bool,
    style: Style,
) -> Result<()> {
    let client = Client::new(folder, who, "auditor")?;
    let mut query = LogQuery {
        first: None,
        count: Some(count),
        details,
        wait_seconds: None,
    };
    loop {
        let page: LogPage = client.find("/v1/audit/entries", &query).await?;
        for entry in &page.entries {
            print_entry(entry, style)?;
        }
        if !follow {
            return Ok(());
        }
        let next = page.entries.last().map(|entry| entry.index + 1);
        query = LogQuery {
            first: Some(next.or(query.first).unwrap_or(page.size)),
            count: None,
            details,
            wait_seconds: Some(WAIT_SECONDS),
        };
    }
}

/// One line for people; for programs one line of JSON, so that following works.
fn print_entry(entry: &LogEntry, style: Style) -> Result<()> {
    if style == Style::Programs {
        return line(serde_json::to_string(entry)?);
    }
    let facts: Value = serde_json::from_str(entry.entry.get())?;
    let text = |name: &str| facts.get(name).and_then(Value::as_str);
    let actor = facts.pointer("/actor/name").and_then(Value::as_str);
    let mut shown = format!(
        "{:>6}  {}  {:<20} {:<10}",
        entry.index,
        text("ts").map(output::moment_of).unwrap_or_default(),
        text("t").unwrap_or_default(),
        actor.unwrap_or("(server)")
    );
    if facts.pointer("/decision/allow") == Some(&Value::Bool(false)) {
        shown.push_str(" DENIED");
    }
    for name in ["purpose", "form", "session"] {
        if let Some(value) = text(name) {
            shown.push_str(&format!(" {name}={value}"));
        }
    }
    for (name, count) in facts
        .get("counts")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        shown.push_str(&format!(" {name}={count}"));
    }
    line(shown.trim_end())?;
    match &entry.details {
        Some(Value::Object(details)) => details
            .iter()
            .try_for_each(|(name, value)| line(format!("        {name}: {value}"))),
        _ => Ok(()),
    }
}

/// A log that is read where it lies.
struct Log {
    place: Place,
    keys: Vec<VerifierKey>,
}

enum Place {
    /// The store of a folder, beside a server that may be running.
    Store {
        store: Arc<dyn LogStore>,
        origin: String,
    },
    /// An exported directory.
    Directory(PathBuf),
}

impl Log {
    async fn open(dir: Option<PathBuf>, from: Option<PathBuf>, key: Option<&str>) -> Result<Self> {
        if let Some(directory) = from {
            let keys = match key {
                Some(key) => vec![verifier(key, "--key")?],
                None => vec![folder_key(dir).context(
                    "the key that the log is signed with is needed: name it with --key (it stands in log.pub of the \
                     log's own folder)",
                )?],
            };
            return Ok(Self {
                place: Place::Directory(directory),
                keys,
            });
        }
        let folder = Folder::find(dir.clone())?;
        let settings = Settings::read(&folder)?;
        let keys = vec![match key {
            Some(key) => verifier(key, "--key")?,
            None => folder_key(dir)?,
        }];
        Ok(Self {
            place: Place::Store {
                store: stores::read_log(&folder, &settings).await?,
                origin: settings.log.origin,
            },
            keys,
        })
    }

    async fn verify(self, since: &[PathBuf], style: Style) -> Result<()> {
        let since = since
            .iter()
            .map(|path| kept_checkpoint(path, &self.keys))
            .collect::<Result<Vec<_>>>()?;
        let bar = Arc::new(output::Progress::of("entries"));
        let progress = watched(&bar, "verifying");
        let keys = self.keys;
        let verified = match self.place {
            Place::Store { store, origin } => {
                offline::verify_store(&*store, &origin, &keys, &since, progress).await
            }
            Place::Directory(directory) => {
                let read = move || offline::verify_directory(&directory, &keys, &since, progress);
                tokio::task::spawn_blocking(read).await?
            }
        };
        bar.clear();
        let checkpoint = verified.context("the log does not verify")?;
        verified_so_far(&checkpoint, style)
    }

    async fn prove(self, index: u64, output: Option<&Path>, style: Style) -> Result<()> {
        let proof = match self.place {
            Place::Store { store, origin } => {
                offline::prove_in_store(&*store, &origin, &self.keys, index).await
            }
            Place::Directory(directory) => {
                offline::prove_in_directory(&directory, &self.keys, index)
            }
        };
        let proof = proof.with_context(|| format!("entry {index} cannot be proved"))?;
        match output {
            None if style == Style::Programs => {
                output::json(&json!({ "index": index, "proof": proof }))
            }
            None => line(proof.trim_end_matches('\n')),
            Some(path) => {
                fs::write(path, proof).with_context(|| format!("cannot write `{}`", path.display()))
            }
        }
    }

    async fn export(self, directory: &Path, style: Style) -> Result<()> {
        let Place::Store { store, origin } = self.place else {
            bail!("an export is made of the folder's own store");
        };
        let bar = Arc::new(output::Progress::of("entries"));
        let progress = watched(&bar, "exporting");
        let written = offline::export(&*store, &origin, &self.keys, directory, progress).await;
        bar.clear();
        let checkpoint = written.context("the log cannot be exported")?;
        match style {
            Style::Programs => output::json(&json!({
                "directory": directory, "origin": checkpoint.origin.as_str(), "size": checkpoint.size
            })),
            Style::People => line(format!(
                "{} entries of `{}` are in {}: check them anywhere with `privet audit verify {} --key '{}'`",
                output::count(checkpoint.size),
                checkpoint.origin,
                directory.display(),
                output::shell(directory.display()),
                self.keys
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default()
            )),
        }
    }
}

fn watched(
    bar: &Arc<output::Progress>,
    doing: &'static str,
) -> impl FnMut(Progress) + Send + 'static {
    let bar = Arc::clone(bar);
    move |progress| bar.show(doing, progress.done, progress.of, None)
}

fn verified_so_far(checkpoint: &Checkpoint, style: Style) -> Result<()> {
    match style {
        Style::Programs => output::json(&json!({
            "ok": true,
            "origin": checkpoint.origin.as_str(),
            "size": checkpoint.size,
            "root": checkpoint.root.to_base64(),
        })),
        Style::People => line(format!(
            "verified: {} entries of `{}`, every entry and tile, under root {}",
            output::count(checkpoint.size),
            checkpoint.origin,
            checkpoint.root.to_base64()
        )),
    }
}

fn kept_checkpoint(path: &Path, keys: &[VerifierKey]) -> Result<Checkpoint> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read `{shown}`"))?;
    Checkpoint::open(&bytes, keys)
        .with_context(|| format!("`{shown}` is not a checkpoint signed with this log's key"))
}

/// The key in the folder's `log.pub`.
fn folder_key(dir: Option<PathBuf>) -> Result<VerifierKey> {
    let folder = Folder::find(dir)?;
    let path = folder.join(Settings::read(&folder)?.log.public_key());
    verifier(&read_text(&path)?, &path.display().to_string())
}

pub(in crate::command) fn verifier(text: &str, whence: &str) -> Result<VerifierKey> {
    text.trim()
        .parse()
        .map_err(|error| anyhow!("{whence} is not a verifier key: {error}"))
}
