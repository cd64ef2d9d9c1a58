//! `privet audit check`: proofs by themselves. What they are checked with is the key.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use privet_tlog::note::VerifierKey;
use privet_tlog::{Proof, ProofBundle};
use privet_vault::audit::Entry;
use serde_json::json;

use super::{folder_key, verifier};
use crate::output::{self, Style, line};

/// The keys that were named, else the folder's.
pub(super) fn keys(dir: Option<PathBuf>, named: &[String]) -> Result<Vec<VerifierKey>> {
    if named.is_empty() {
        let key = folder_key(dir).context(
            "the log's public key is needed: name it with --key (it stands in log.pub of the log's own folder)",
        )?;
        return Ok(vec![key]);
    }
    named.iter().map(|key| verifier(key, "--key")).collect()
}

/// One entry and its proof.
pub(super) fn entry(keys: &[VerifierKey], entry: &Path, proof: &Path, style: Style) -> Result<()> {
    let (bytes, file) = (read(entry)?, read(proof)?);
    let proof =
        Proof::parse(&file).with_context(|| format!("`{}` is not a proof", proof.display()))?;
    let checkpoint = proof.verify(&bytes, keys).with_context(|| {
        format!(
            "the proof of entry {} is not one of `{}`",
            proof.index,
            entry.display()
        )
    })?;
    match style {
        Style::Programs => output::json(&json!({
            "ok": true, "index": proof.index, "origin": checkpoint.origin.as_str(), "size": checkpoint.size,
        })),
        Style::People => line(format!(
            "proved: it is entry {} of the {} of `{}`",
            output::count(proof.index),
            output::count(checkpoint.size),
            checkpoint.origin
        )),
    }
}

/// Many entries with their proofs; says of which sessions they are.
pub(super) fn bundle(keys: &[VerifierKey], path: &Path, style: Style) -> Result<()> {
    let shown = path.display();
    let bundle = ProofBundle::parse(&read(path)?)
        .with_context(|| format!("`{shown}` is not a bundle of proofs"))?;
    let checkpoints = bundle
        .verify(keys)
        .with_context(|| format!("`{shown}` does not prove what is in it"))?;
    let mut sessions = BTreeSet::new();
    let mut logs = Vec::new();
    for (log, checkpoint) in bundle.logs.iter().zip(&checkpoints) {
        for entry in &log.entries {
            // What is proven may be of a newer version, or of another log altogether.
            let read = Entry::parse(&entry.bytes)
                .ok()
                .and_then(|entry| entry.session);
            sessions.insert(read.map(|session| session.to_string()));
        }
        logs.push((log.entries.len() as u64, checkpoint));
    }
    if style == Style::Programs {
        let logs = logs.iter().map(|(entries, checkpoint)| {
            json!({ "origin": checkpoint.origin.as_str(), "size": checkpoint.size, "entries": entries })
        });
        return output::json(&json!({
            "ok": true, "sessions": sessions, "logs": logs.collect::<Vec<_>>(),
        }));
    }
    for (entries, checkpoint) in logs {
        line(format!(
            "proved: {} of the {} entries of `{}`",
            output::count(entries),
            output::count(checkpoint.size),
            checkpoint.origin
        ))?;
    }
    let named: Vec<&str> = sessions.iter().flatten().map(String::as_str).collect();
    match (named.as_slice(), sessions.contains(&None)) {
        ([session], false) => line(format!("all of them are of session {session}")),
        _ => line("they are not all of one session"),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}
