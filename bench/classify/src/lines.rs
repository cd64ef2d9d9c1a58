//! Log lines of other programs: JSON by key, free text by form.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use anyhow::{Context, Result};
use privet_classify::lines::LineFilter;
use privet_classify::synthetic::Person;
use privet_classify::{Class, free_text};

use crate::cpu_ns;
use crate::fields::rules;
use crate::report::{Report, Row};

/// How many lines a file has; small enough to stay in the processor's cache is not wanted.
const LINES: u64 = 20_000;

/// How often each is measured; the best counts.
const ROUNDS: u32 = 15;

/// Writes the lines of free text to a file, for a peer that is not Rust.
pub(crate) fn write(path: &Path) -> Result<()> {
    std::fs::write(path, text_lines()).with_context(|| format!("cannot write `{}`", path.display()))
}

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let filter = LineFilter::new(rules()?)
        .key("user.id", Class::Upi)
        .key("email", Class::Uii)
        .key("http.request.method", Class::Sys)
        .key("duration_ms", Class::Sys);
    let json = json_lines();
    let (_, speed) = best(&json, |line, out| filter.redact(line, out));
    report.row(Row::new("JSON lines", speed, "MB/s").at_least(200.0));
    let text = text_lines();
    let (lines, speed) = best(&text, |line, out| {
        free_text::redact(line, out);
    });
    report.row(Row::new("free text", speed, "MB/s"));
    report.row(Row::new("free text", lines, "lines/s"));
    report.note(
        "Lines are invented: JSON of nine keys (two dropped, one pseudonym, one erased, one text), free text of which two \
         in three have a mail address, a telephone number or an IP address. `bench/peers/presidio` measures Presidio's \
         pattern recognizers on the same free text.",
    );
    Ok(())
}

/// The best lines a second and megabytes a second.
fn best(text: &str, mut redact: impl FnMut(&str, &mut String)) -> (f64, f64) {
    let mut out = String::with_capacity(text.len() * 2);
    let mut seconds = f64::MAX;
    for _ in 0..ROUNDS {
        out.clear();
        let started = cpu_ns();
        for line in text.lines() {
            redact(line, &mut out);
            out.push('\n');
        }
        black_box(&out);
        seconds = seconds.min((cpu_ns() - started) / 1e9);
    }
    (LINES as f64 / seconds, text.len() as f64 / seconds / 1e6)
}

fn json_lines() -> String {
    let mut lines = String::new();
    for index in 0..LINES {
        let person = Person::new(7, index);
        // A string takes everything.
        let _ = writeln!(
            lines,
            r#"{{"timestamp":"2026-11-26T08:30:00.{index:06}Z","level":"info","target":"shop::orders","user.id":"cus_{index:016}","email":"{}","http.request.method":"POST","duration_ms":12.5,"basket":{{"items":[1,2,3],"note":"leave it at the door"}},"msg":"the order was paid and will be sent tomorrow"}}"#,
            person.email,
        );
    }
    lines
}

fn text_lines() -> String {
    let mut lines = String::new();
    for index in 0..LINES {
        let person = Person::new(7, index);
        // A string takes everything.
        let _ = match index % 3 {
            0 => writeln!(
                lines,
                "order {index}: receipt sent to {} after 2 attempts",
                person.email
            ),
            1 => writeln!(
                lines,
                "call back {} about order {index}, asked from 192.0.2.{}",
                person.phone,
                index % 256
            ),
            _ => writeln!(
                lines,
                "the queue has {index} messages, oldest of 2026-11-26T08:30:00Z, shard eu-central-2a"
            ),
        };
    }
    lines
}
