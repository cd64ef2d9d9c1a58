//! The console without a terminal: statements from standard input, one result after the other, the first error ends it.

use std::io::BufRead;

use serde_json::json;

use crate::complete::{is_command, is_complete};
use crate::display::{Expanded, ResultSet, Style, rows};
use crate::mode::Mode;
use crate::session::Outcome;
use crate::terminal::{note, show};
use crate::work::Work;
use crate::{Error, Output, meta};

const WIDE: Style = Style {
    wide: true,
    expanded: Expanded::Off,
};

/// Runs every statement of standard input.
pub(crate) fn run(work: &mut Work, output: Output) -> Result<(), Error> {
    if work.session.mode() == Mode::Unjustified {
        return Err(Error::NoReason);
    }
    let mut script = Script {
        work,
        output,
        style: WIDE,
    };
    let mut statement = String::new();
    for line in std::io::stdin().lock().lines() {
        statement.push_str(&line.map_err(Error::Terminal)?);
        statement.push('\n');
        if is_complete(&statement) {
            match std::mem::take(&mut statement).trim() {
                "\\q" | "exit" | "quit" => return Ok(()),
                statement => script.send(statement)?,
            }
        }
    }
    script.send(statement.trim())
}

struct Script<'a> {
    work: &'a mut Work,
    output: Output,
    style: Style,
}

impl Script<'_> {
    fn send(&mut self, statement: &str) -> Result<(), Error> {
        if statement.is_empty() {
            return Ok(());
        }
        let outcomes = match is_command(statement) {
            false => self.work.run(statement),
            true => self.command(statement),
        };
        // Not into the output, which a program may read.
        for notice in self.work.session.notices() {
            note(&format!("· {notice}"))?;
        }
        for outcome in outcomes? {
            match self.output {
                Output::People => self.show(outcome)?,
                Output::Programs => show_json(outcome)?,
            }
        }
        Ok(())
    }

    fn command(&mut self, command: &str) -> Result<Vec<Outcome>, Error> {
        if command.starts_with("decrypt!") {
            return Err(Error::NeedsTerminal {
                command: "decrypt!".to_owned(),
                instead: "CALL privet.decrypt(consent => 'https://link.to/their/consent', subject => 'customer:42');",
            });
        }
        match command {
            "\\?" | "help" => return Ok(vec![Outcome::Note(meta::HELP.to_owned())]),
            "\\w" => self.style.wide = !self.style.wide,
            "\\x" => {
                self.style.expanded = match self.style.expanded {
                    Expanded::On => Expanded::Off,
                    Expanded::Auto | Expanded::Off => Expanded::On,
                };
            }
            command => return self.work.command(command),
        }
        Ok(Vec::new())
    }

    fn show(&self, outcome: Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::Rows(set) => show(&set.render(self.style, None)),
            Outcome::Done(count) => show(&format!("done, {}", rows(count))),
            Outcome::Note(text) => show(&text),
        }
    }
}

/// One object a line: columns and rows, or how many rows a statement changed. Values are text or null.
fn show_json(outcome: Outcome) -> Result<(), Error> {
    let object = match outcome {
        Outcome::Rows(ResultSet { columns, rows, .. }) => {
            json!({ "columns": columns, "rows": rows })
        }
        Outcome::Done(changed) => json!({ "changed": changed }),
        Outcome::Note(text) => return note(&text),
    };
    show(&object.to_string())
}
