//! What commands print: tables that line up, JSON for programs, errors that say what to do.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Error, Result};
use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// For whom output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Tables and sentences.
    People,
    /// JSON.
    Programs,
}

impl Style {
    /// The style that `--json` asks for.
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Programs } else { Self::People }
    }
}

/// A line below the header, and nothing else that would stand between a reader and the rows.
const PLAIN: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Tables are not fitted into terminals that are narrower than this.
const COLUMNS_MIN: u16 = 40;

/// A table with a header, ready for rows.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(PLAIN).set_header(header);
    // A terminal that says it has no columns, as one without a window does, would get one letter a line.
    if table.width().is_some_and(|width| width >= COLUMNS_MIN) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

/// Prints a line; a closed pipe ends the program quietly.
pub(crate) fn line(text: impl Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Tells people what goes on, on standard error, so that output stays clean.
#[expect(
    clippy::print_stderr,
    reason = "the one place that talks to people beside the output"
)]
pub(crate) fn note(text: impl Display) {
    eprintln!("{text}");
}

/// Prints an error with its causes.
pub(crate) fn error(error: &Error, style: Style) {
    let causes = error.chain().skip(1);
    let causes: Vec<String> = causes
        .map(|cause| cause.to_string().trim_end().to_owned())
        .collect();
    if style == Style::Programs {
        let message = error.to_string();
        note(serde_json::json!({ "error": { "message": message, "causes": causes } }));
        return;
    }
    let mut text = format!(
        "{}: {error}",
        emphasized("error", std::io::stderr().is_terminal())
    );
    for cause in causes {
        text.push_str("\n  because: ");
        text.push_str(&cause);
    }
    note(text);
}

/// Bold where a person reads it.
pub(crate) fn bold(text: &str) -> String {
    emphasized(text, std::io::stdout().is_terminal())
}

fn emphasized(text: &str, seen: bool) -> String {
    if seen {
        format!("\x1b[1m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// How often the sign that something goes on moves.
const TICK: Duration = Duration::from_millis(200);

/// A progress bar on standard error; nothing where nobody watches.
pub(crate) struct Progress {
    bar: ProgressBar,
    unit: &'static str,
}

impl Progress {
    /// A bar that counts these, once it is known how many there are.
    pub(crate) fn of(unit: &'static str) -> Self {
        let bar = ProgressBar::new(0);
        bar.set_message("starting");
        let progress = Self { bar, unit };
        progress.style("{spinner} {msg} …");
        progress
    }

    /// Shows what is done, how far it is, and how long it may still take. While there is nothing to count, only what
    /// is done.
    pub(crate) fn show(&self, doing: &'static str, done: u64, of: u64, seconds_left: Option<u64>) {
        // Each setting redraws the bar: the words come first.
        self.bar.set_message(doing);
        if of == 0 {
            self.style("{spinner} {msg} …");
        } else {
            let unit = self.unit;
            self.style(&format!(
                "{{msg}} {{wide_bar}} {{human_pos}} of {{human_len}} {unit}{{prefix}}"
            ));
        }
        self.bar.set_length(of);
        self.bar.set_position(done);
        let left = seconds_left.map(|left| format!(", {} left", seconds(left)));
        self.bar.set_prefix(left.unwrap_or_default());
        self.bar.tick();
    }

    /// Shows that something is being waited for, and how long.
    pub(crate) fn waiting(&self, doing: &'static str) {
        self.bar.set_message(doing);
        self.style("{spinner} {msg} … {elapsed}");
        self.bar.enable_steady_tick(TICK);
    }

    /// Takes it off the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn style(&self, template: &str) {
        // A template that does not parse leaves the bar as it was.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━╸ "));
        }
    }
}

/// Seconds as people say them: `8 s`, `2 min 5 s`, `1 h 3 min`.
pub(crate) fn seconds(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// A number with its thousands apart, as a person reads it.
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// A moment to the second, in UTC: for a column whose header says so.
pub(crate) fn cell(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A moment to the second, in UTC, as a sentence says it.
pub(crate) fn moment(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A moment as an entry of the log writes it, for people; what is no moment as it stands.
pub(crate) fn moment_of(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), moment)
}

/// A word of a command line, quoted where a shell would take it apart.
pub(crate) fn shell(word: impl Display) -> String {
    let word = word.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line_stay_whole() {
        assert_eq!(shell("/srv/privet"), "/srv/privet");
        assert_eq!(shell("my folder"), "'my folder'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        assert_eq!(seconds(8), "8 s");
        assert_eq!(seconds(125), "2 min 5 s");
        assert_eq!(seconds(3_790), "1 h 3 min");
        let at = "2026-11-25T21:07:09.123456789Z".parse().unwrap();
        assert_eq!(cell(at), "2026-11-25 21:07:09");
        assert_eq!(moment(at), "2026-11-25 21:07:09 UTC");
        assert_eq!(moment_of("2026-11-25T21:07:09.1Z"), moment(at));
        assert_eq!(moment_of("soon"), "soon");
    }
}
