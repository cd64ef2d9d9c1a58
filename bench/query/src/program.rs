//! The program that answers, as the server starts it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Milliseconds from its start to its end, and the number that it answered with.
pub(crate) fn ask(store: &Path, people: &[u8], sql: &str) -> Result<(f64, i64)> {
    let program = std::env::current_exe()?.with_file_name("privet-query");
    let header = serde_json::json!({
        "format": 1,
        "purpose": "improvement",
        "sql": sql,
        "output": "csv",
        "store": store,
        "attributes": crate::events::attributes()?,
        "people": people.len() / 16,
    });
    let started = Instant::now();
    let mut child = Command::new(&program)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    // It ends when its input does.
    let mut input = child.stdin.take().context("no input")?;
    writeln!(input, "{header}")?;
    input.write_all(people)?;
    input.flush()?;
    let mut answer = String::new();
    let mut output = child.stdout.take().context("no output")?;
    output.read_to_string(&mut answer)?;
    let status = child.wait()?;
    let took_ms = started.elapsed().as_secs_f64() * 1e3;
    if !status.success() {
        let mut said = String::new();
        child
            .stderr
            .take()
            .context("no errors")?
            .read_to_string(&mut said)?;
        bail!("`privet-query` says: {said}");
    }
    let number = answer.lines().nth(1).context("no number")?;
    Ok((took_ms, number.trim().parse()?))
}
