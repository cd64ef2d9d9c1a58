//! `privet audit check`: proofs by themselves. What they are checked with is the key.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use privet_tlog::note::VerifierKey;
use privet_tlog::{Proof, ProofBundle};
use privet_vault::audit::{Entry, SubjectProof};
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

/// What a person was handed of an entry that is about them.
pub(super) struct Leaf {
    shown: String,
    proof: SubjectProof,
}

impl Leaf {
    /// Reads it, without believing it.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let proof = serde_json::from_slice(&read(path)?)
            .with_context(|| format!("`{shown}` is not a person's leaf of an entry"))?;
        Ok(Self { shown, proof })
    }

    /// Whether an entry, which was proven, is about this person and says that of them.
    fn is_of(&self, entry: &[u8]) -> bool {
        let entry = Entry::parse(entry).ok();
        let subjects = entry.and_then(|entry| entry.subjects());
        subjects.is_some_and(|(root, count)| self.proof.verify(&root, count))
    }

    /// Says of whom the only entry that it is of is, and what it says of them.
    fn check<'e>(
        self,
        mut entries: impl Iterator<Item = (u64, &'e [u8])>,
        style: Style,
    ) -> Result<()> {
        let found = entries.find(|(_, entry)| self.is_of(entry));
        let shown = &self.shown;
        let (index, _) =
            found.with_context(|| format!("`{shown}` is not a leaf of what was proven"))?;
        let used = self.proof.subject();
        match style {
            // One answer is enough: that of the proof says that all is well.
            Style::Programs => Ok(()),
            Style::People => line(format!(
                "proved: entry {} is about {}, fields {:?}, {} values",
                output::count(index),
                used.reference,
                used.fields,
                used.count
            )),
        }
    }
}

/// One entry and its proof.
pub(super) fn entry(
    keys: &[VerifierKey],
    (entry, proof): (&Path, &Path),
    leaf: Option<Leaf>,
    style: Style,
) -> Result<()> {
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
    if let Some(leaf) = leaf {
        leaf.check([(proof.index, bytes.as_slice())].into_iter(), style)?;
    }
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
pub(super) fn bundle(
    keys: &[VerifierKey],
    path: &Path,
    leaf: Option<Leaf>,
    style: Style,
) -> Result<()> {
    let shown = path.display();
    let bundle = ProofBundle::parse(&read(path)?)
        .with_context(|| format!("`{shown}` is not a bundle of proofs"))?;
    let checkpoints = bundle
        .verify(keys)
        .with_context(|| format!("`{shown}` does not prove what is in it"))?;
    if let Some(leaf) = leaf {
        let entries = bundle.logs.iter().flat_map(|log| &log.entries);
        leaf.check(
            entries.map(|entry| (entry.index, entry.bytes.as_slice())),
            style,
        )?;
    }
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
