//! `privet consent import`: answers that were given elsewhere, from a file of JSON lines. Running it again goes on where it stopped:
//! what is in the ledger already adds nothing.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_seal::Zeroizing;
use privet_wire::{IMPORT_LINES_MAX, ImportAnswer, ImportOutcome};
use serde_json::json;

use crate::client::Client;
use crate::output::{self, Progress, Style, line, note};

/// Bytes of one call; the server takes no more than 1 MiB.
const CALL_BYTES_MAX: usize = 512 * 1024;
/// Lines that were not taken and are told one by one.
const TOLD_MAX: usize = 100;

/// What became of a file's lines.
#[derive(Default)]
struct Sums {
    recorded: u64,
    known: u64,
    older: u64,
    unknown: u64,
    invalid: u64,
    failed: u64,
    /// The first that were not taken: line, code, and what to do.
    told: Vec<(u64, String, String)>,
}

impl Sums {
    fn left_out(&self) -> u64 {
        self.older + self.unknown + self.invalid + self.failed
    }

    fn add(&mut self, before: u64, answer: ImportAnswer) {
        for imported in answer.lines {
            let (sum, why) = match imported.outcome {
                ImportOutcome::Recorded => (&mut self.recorded, None),
                ImportOutcome::Known => (&mut self.known, None),
                ImportOutcome::Older => (
                    &mut self.older,
                    Some("the person has answered since, which holds"),
                ),
                ImportOutcome::Unknown => (&mut self.unknown, Some("there is no such subject")),
                ImportOutcome::Invalid => (&mut self.invalid, Some("correct the line")),
                ImportOutcome::Failed => (&mut self.failed, Some("run the import again")),
            };
            *sum += 1;
            if let Some(why) = why
                && self.told.len() < TOLD_MAX
            {
                let code = imported
                    .code
                    .unwrap_or_else(|| imported.outcome.to_string());
                let why = imported.detail.unwrap_or_else(|| why.to_owned());
                self.told
                    .push((before + u64::from(imported.line), code, why));
            }
        }
    }

    fn show(&self, style: Style) -> Result<()> {
        if style == Style::Programs {
            let told = self
                .told
                .iter()
                .map(|(line, code, why)| json!({ "line": line, "code": code, "detail": why }));
            return output::json(&json!({
                "recorded": self.recorded, "known": self.known, "older": self.older, "unknown": self.unknown,
                "invalid": self.invalid, "failed": self.failed, "left_out": told.collect::<Vec<_>>(),
            }));
        }
        for (line, code, why) in &self.told {
            note(format!("line {line}: {code}: {why}"));
        }
        line(format!(
            "{} recorded, {} known before, {} left out",
            output::count(self.recorded),
            output::count(self.known),
            output::count(self.left_out()),
        ))
    }
}

/// Sends a file in pieces.
pub(super) async fn run(client: &Client, path: &Path, style: Style) -> Result<()> {
    let cannot = || format!("cannot read `{}`", path.display());
    let mut file = BufReader::new(File::open(path).with_context(cannot)?);
    let of = count_lines(&mut file).with_context(cannot)?;
    file.rewind().with_context(cannot)?;
    let progress = Progress::of("lines");
    let mut sums = Sums::default();
    let mut done = 0;
    let sent = loop {
        progress.show("importing", done, of, None);
        let (piece, lines) = match piece(&mut file) {
            Ok(piece) => piece,
            Err(error) => break Err(error).with_context(cannot),
        };
        if lines == 0 {
            break Ok(());
        }
        if piece.trim_ascii().is_empty() {
            done += lines;
            continue;
        }
        match client.lines("/v1/consent/import", piece).await {
            Ok(answer) => sums.add(done, answer),
            Err(error) => break Err(error),
        }
        done += lines;
        // Later answers of the same people would make those that failed older ones for ever.
        if sums.failed > 0 {
            break Err(anyhow!("the server could not take over all lines"));
        }
    };
    progress.clear();
    sums.show(style)?;
    sent.context("the import stopped before its end: run it again, it goes on where it stopped")?;
    match sums.left_out() {
        0 => Ok(()),
        left_out => bail!("{left_out} of {of} lines were left out"),
    }
}

fn count_lines(file: &mut impl std::io::BufRead) -> std::io::Result<u64> {
    let mut count = 0;
    let mut line = Zeroizing::new(Vec::new());
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(count);
        }
        count += 1;
    }
}

/// The next lines, as they are, and how many.
fn piece(file: &mut BufReader<File>) -> std::io::Result<(Vec<u8>, u64)> {
    let (mut piece, mut lines) = (Vec::new(), 0);
    while lines < IMPORT_LINES_MAX as u64 && piece.len() < CALL_BYTES_MAX {
        if file.read_until(b'\n', &mut piece)? == 0 {
            break;
        }
        lines += 1;
    }
    Ok((piece, lines))
}
