//! `privet consent receipt` and `privet consent verify`: what a person is handed, and the check that needs no server.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use privet_vault::receipt::{ReceiptContent, ReceiptPublicKey, verify};
use privet_wire::Oid;
use serde_json::json;

use crate::client::Client;
use crate::folder::{Folder, read_text};
use crate::output::{self, Style, line};
use crate::settings::Settings;

/// Bytes of a file that is looked at; receipts are far smaller.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Hands a receipt out as it is: whoever checks it needs its very members.
pub(super) async fn show(
    client: &Client,
    subject: Oid,
    number: u64,
    output: Option<&Path>,
) -> Result<()> {
    let path = format!("/v1/subjects/{subject}/consent/receipts/{number}");
    let receipt = client.text(&path, &()).await?;
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
    style: Style,
) -> Result<()> {
    let key = key_of(dir, key)?;
    let shown = file.display();
    let content = verify(&read_receipt(file)?, &key)
        .with_context(|| format!("`{shown}` is not a receipt to rely on"))?;
    match style {
        Style::Programs => output::json(&for_programs(&content, &key)),
        Style::People => for_people(&content, &key),
    }
}

/// The key that was named, else the folder's.
pub(in crate::command) fn key_of(
    dir: Option<PathBuf>,
    named: Option<&str>,
) -> Result<ReceiptPublicKey> {
    match named {
        Some(text) => public_key(text, "--key"),
        None => folder_key(dir).context(
            "the public key of receipts is needed: name it with --key (it stands in receipt.pub of the server's folder)",
        ),
    }
}

/// A file that may be a receipt.
pub(in crate::command) fn read_receipt(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).and_then(|opened| {
        let mut opened = opened.take(FILE_BYTES_MAX);
        opened.read_to_end(&mut bytes)
    });
    opened.with_context(|| format!("cannot read `{}`", file.display()))?;
    Ok(bytes)
}

fn for_programs(content: &ReceiptContent, key: &ReceiptPublicKey) -> serde_json::Value {
    let answers = content.answers.iter().map(|answer| {
        let text = answer.text.as_ref();
        json!({
            "purpose": answer.purpose,
            "notice": answer.notice,
            "language": text.map(|text| &text.language),
            "sha256": text.map(|text| hex(&text.sha256)),
            "answer": if answer.kind.is_yes() { "yes" } else { "no" },
        })
    });
    json!({
        "ok": true,
        "key": key.to_string(),
        "subject": content.subject.to_string(),
        "number": content.number,
        "controller": { "name": content.controller.name, "contact": content.controller.contact },
        "at": content.at,
        "channel": content.channel.as_str(),
        "answers": answers.collect::<Vec<_>>(),
    })
}

fn for_people(content: &ReceiptContent, key: &ReceiptPublicKey) -> Result<()> {
    line(format!(
        "verified: answer {} of {}, given to {} ({}) at {} UTC, signed with {key}",
        content.number,
        content.subject,
        content.controller.name,
        content.controller.contact,
        output::cell(content.at),
    ))?;
    let mut table = output::table(["purpose", "answer", "notice", "channel"]);
    for answer in &content.answers {
        table.add_row([
            answer.purpose.clone(),
            if answer.kind.is_yes() { "yes" } else { "no" }.to_owned(),
            answer.notice.clone(),
            content.channel.to_string(),
        ]);
    }
    line(table)?;
    for answer in &content.answers {
        if let Some(text) = &answer.text {
            let (purpose, notice) = (&answer.purpose, &answer.notice);
            line(format!(
                "the text of notice {notice} for {purpose} was shown in {}, SHA-256 {}",
                text.language,
                hex(&text.sha256)
            ))?;
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key in the folder's `receipt.pub`.
fn folder_key(dir: Option<PathBuf>) -> Result<ReceiptPublicKey> {
    let folder = Folder::find(dir)?;
    let receipts = Settings::read(&folder)?.receipts;
    let receipts = receipts.context("this folder's server signs no receipts")?;
    let path = folder.join(receipts.public_key());
    public_key(&read_text(&path)?, &path.display().to_string())
}

fn public_key(text: &str, whence: &str) -> Result<ReceiptPublicKey> {
    let text = text.trim();
    text.parse()
        .map_err(|error| anyhow!("{whence} is not a public key of receipts: {error}"))
}
