//! `privet redact`: lines of other programs, from the standard input to the standard output.

use std::io::{self, BufRead as _, BufReader, BufWriter, ErrorKind, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use privet_classify::lines::LineFilter;
use privet_classify::{PseudonymKey, Redactors};
use zeroize::Zeroizing;

use super::classify::map_of;
use crate::arguments::Redact;
use crate::folder::read_secret_line;

/// The longest line in bytes.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// What stands in place of a longer one.
const TOO_LONG: &str = "[a line of more than 1 MiB]";

const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) fn run(dir: Option<PathBuf>, redact: &Redact) -> Result<()> {
    let map = map_of(dir, redact.map.as_deref())?;
    let mut rules = Redactors::builder();
    if let Some(path) = &redact.key {
        rules = rules.key(key(path)?);
    }
    for (class, redactor) in &redact.rules {
        rules = rules.named(class, *redactor);
    }
    let filter = LineFilter::new(rules.build()?).map(&map);
    match pass(&filter) {
        // Whoever reads has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot pass the lines on"),
    }
}

fn pass(filter: &LineFilter) -> io::Result<()> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock());
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    let (mut line, mut shown) = (Vec::new(), String::new());
    loop {
        line.clear();
        shown.clear();
        input
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return out.flush();
        }
        let ends = line.pop_if(|last| *last == b'\n').is_some();
        if !ends && line.len() as u64 == LINE_BYTES_MAX {
            input.skip_until(b'\n')?;
            shown.push_str(TOO_LONG);
        } else {
            filter.redact(&String::from_utf8_lossy(&line), &mut shown);
        }
        shown.push('\n');
        out.write_all(shown.as_bytes())?;
        // Nothing waits behind this line: whoever watches wants to see it now.
        if input.buffer().is_empty() {
            out.flush()?;
        }
    }
}

fn key(path: &Path) -> Result<PseudonymKey> {
    let shown = path.display();
    let text = read_secret_line(path)?;
    let (id, digits) = text.trim().split_once(' ').ok_or_else(|| {
        anyhow!(
            "`{shown}` is not a key of pseudonyms: write its id, a space and 64 hexadecimal digits"
        )
    })?;
    let mut secret = Zeroizing::new([0; 32]);
    let digits = digits.trim().as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let parsed = pairs.iter().zip(secret.iter_mut()).all(|(pair, byte)| {
        let pair = std::str::from_utf8(pair).ok();
        let parsed = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        *byte = parsed.unwrap_or(0);
        parsed.is_some()
    });
    if !parsed || pairs.len() != secret.len() || !rest.is_empty() {
        return Err(anyhow!(
            "the key in `{shown}` is not of 64 hexadecimal digits"
        ));
    }
    PseudonymKey::new(id, *secret).with_context(|| format!("the key in `{shown}` has no good id"))
}
