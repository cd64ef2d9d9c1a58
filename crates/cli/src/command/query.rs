//! `privet query`: asks telemetry for a purpose, and writes the answer as it comes.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use privet_wire::{QueryFormat, QueryRequest};

use crate::arguments::{Answer, Query};
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{Progress, Style};
use crate::target::Target;

/// Bytes of a statement that is read from standard input; the server takes no more.
const SQL_BYTES_MAX: u64 = 64 * 1024;

pub(crate) async fn run(folder: Folder, query: Query, style: Style) -> Result<()> {
    let client = Client::new(&folder, &query.who, "analyst")?;
    let out = query.out.as_deref();
    let format = format(&query, style)?;
    let order = QueryRequest {
        purpose: query.purpose,
        sql: statement(query.sql)?,
        format,
    };
    let mut target = Target::open_private(out, query.force)?;
    let progress = Progress::of("");
    progress.waiting("asking");
    let answered = client.stream("/v1/query", &order, |piece| {
        // What is printed and the progress would meet on a terminal.
        if out.is_none() {
            progress.clear();
        }
        target
            .write_all(piece)
            .with_context(|| format!("cannot write {}", target.shown()))
    });
    let answered = answered.await;
    progress.clear();
    answered?;
    target.keep()
}

fn format(query: &Query, style: Style) -> Result<QueryFormat> {
    let into_terminal = query.out.is_none() && io::stdout().is_terminal();
    let by_name = query.out.as_deref().and_then(by_name);
    let format = match (query.format, style) {
        (Some(_), Style::Programs) => bail!("--json is a format of its own: leave --format out"),
        (None, Style::Programs) => Answer::Json,
        (Some(format), Style::People) => format,
        (None, Style::People) => by_name.unwrap_or(match into_terminal {
            true => Answer::Table,
            false => Answer::Csv,
        }),
    };
    if into_terminal && matches!(format, Answer::Parquet | Answer::Arrow) {
        bail!("this format is not for a terminal: name a file with --out");
    }
    Ok(format.into())
}

fn by_name(path: &Path) -> Option<Answer> {
    match path.extension()?.to_str()? {
        "csv" => Some(Answer::Csv),
        "json" | "jsonl" | "ndjson" => Some(Answer::Json),
        "parquet" => Some(Answer::Parquet),
        "arrow" | "arrows" => Some(Answer::Arrow),
        "txt" => Some(Answer::Table),
        _ => None,
    }
}

fn statement(named: String) -> Result<String> {
    if named != "-" {
        return Ok(named);
    }
    let mut text = String::new();
    let mut input = io::stdin().lock().take(SQL_BYTES_MAX + 1);
    input
        .read_to_string(&mut text)
        .context("cannot read the statement from standard input")?;
    if text.len() as u64 > SQL_BYTES_MAX {
        bail!("a statement has at most {SQL_BYTES_MAX} bytes");
    }
    Ok(text)
}
