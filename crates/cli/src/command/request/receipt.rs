//! `privet request receipt` and `privet request verify`: what somebody who was erased is handed, and the check that needs no server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use privet_vault::receipt::{ErasureContent, KeyBackups, TelemetryEnd, verify_erasure};
use privet_wire::SubjectRequestId;
use serde_json::json;

use crate::client::Client;
use crate::command::audit::verifier;
use crate::command::consent::receipt::{key_of, read_receipt};
use crate::output::{self, Style, line};

/// Hands a receipt out as it is: whoever checks it needs its very members.
pub(super) async fn show(
    client: &Client,
    id: SubjectRequestId,
    output: Option<&Path>,
) -> Result<()> {
    let receipt = client
        .text(&format!("/v1/requests/{id}/receipt"), &())
        .await?;
    match output {
        Some(path) => fs::write(path, receipt + "\n")
            .with_context(|| format!("cannot write `{}`", path.display())),
        None => line(receipt),
    }
}

/// Checks a receipt and says what it says.
pub(super) fn check(
    dir: Option<PathBuf>,
    file: &Path,
    key: Option<&str>,
    log_keys: &[String],
    style: Style,
) -> Result<()> {
    let key = key_of(dir, key)?;
    let shown = file.display();
    let content = verify_erasure(&read_receipt(file)?, &key)
        .with_context(|| format!("`{shown}` is not a receipt to rely on"))?;
    let log_keys = log_keys.iter().map(|key| verifier(key, "--log-key"));
    let log_keys = log_keys.collect::<Result<Vec<_>>>()?;
    let is_in_log = !log_keys.is_empty();
    if is_in_log {
        let checked = content.log.check(&log_keys);
        checked.with_context(|| format!("`{shown}` is signed, but does not prove its entry"))?;
    }
    match style {
        Style::Programs => output::json(&json!({
            "ok": true, "key": key.to_string(), "in_log": is_in_log, "erasure": content,
        })),
        Style::People => for_people(&content, is_in_log),
    }
}

fn for_people(content: &ErasureContent, is_in_log: bool) -> Result<()> {
    let controller = content.controller.as_ref();
    let name = controller.map_or("nobody", |controller| controller.name.as_str());
    let destroyed = &content.destroyed;
    let keys = &destroyed.keys;
    line(format!(
        "verified: request {} was carried out by {name}, on record at {} UTC",
        content.request,
        output::cell(destroyed.at)
    ))?;
    if !content.fields.is_empty() {
        let names = content.fields.iter().map(|erased| erased.field.as_str());
        let names: Vec<&str> = names.collect();
        line(format!(
            "erased: {}, and nothing else of the person",
            names.join(", ")
        ))?;
    }
    line(format!(
        "destroyed: {} keys of the account, {} of applications, {} that law had kept, {} of telemetry ids, {} of requests; {} links, \
         {} values",
        keys.account,
        keys.operational,
        keys.retention,
        keys.telemetry,
        keys.requests,
        destroyed.links,
        destroyed.values
    ))?;
    what_stays(content)?;
    if content.telemetry == TelemetryEnd::Severed {
        line("telemetry: nothing ties its events to the person any more")?;
    }
    let backups = match content.backups.hold_keys {
        KeyBackups::OfKeys => "backups of the keys are",
        KeyBackups::OfKeysAndData => "backups of the keys, and here of the data as well, are",
    };
    line(format!(
        "nothing brings it back after {}: until then {backups} kept, and the log has it carried out again",
        content.backups.until
    ))?;
    let entry = format!(
        "entry {} of the log `{}`",
        content.log.index, content.log.origin
    );
    match is_in_log {
        true => line(format!("proved: {entry}")),
        false => line(format!("not proved without --log-key: {entry}")),
    }
}

/// What law keeps, and what came of applications' databases.
fn what_stays(content: &ErasureContent) -> Result<()> {
    for kept in &content.kept {
        let why = kept.why.as_deref().unwrap_or("no rule any more");
        let basis = kept.basis.as_deref().unwrap_or("unknown");
        line(format!(
            "kept: {} until {} ({basis}: {why})",
            kept.what, kept.until
        ))?;
    }
    for table in &content.tables {
        line(format!(
            "in {}.{}: {} rows deleted, {} cleared, {} detached, {} kept by law for now",
            table.source, table.table, table.deleted, table.cleared, table.detached, table.kept
        ))?;
    }
    for source in &content.later {
        line(format!("in {source}: erased some time later, uncounted"))?;
    }
    for source in &content.outstanding {
        line(format!(
            "in {source}: still to be erased when this was written"
        ))?;
    }
    for erased in &content.fields {
        for column in &erased.elsewhere {
            line(format!(
                "not touched: {}.{}.{} ({})",
                column.source, column.table, column.column, erased.field
            ))?;
        }
    }
    Ok(())
}
