//! The console without a terminal: statements from standard input, one result after the other, the first error ends it.

use std::io::BufRead;

use crate::Error;
use crate::complete::{is_command, is_complete};
use crate::display::Style;
use crate::mode::Mode;
use crate::repl::show;
use crate::session::{Outcome, Work};

const WIDE: Style = Style {
    wide: true,
    expanded: false,
};

/// Runs every statement of standard input.
pub(crate) fn run(work: &mut Work) -> Result<(), Error> {
    if work.mode() == Mode::Unjustified {
        return Err(Error::NoReason);
    }
    let mut statement = String::new();
    for line in std::io::stdin().lock().lines() {
        statement.push_str(&line.map_err(Error::Terminal)?);
        statement.push('\n');
        if is_complete(&statement) {
            if statement.trim() == "\\q" {
                return Ok(());
            }
            send(work, std::mem::take(&mut statement).trim())?;
        }
    }
    send(work, statement.trim())
}

fn send(work: &mut Work, statement: &str) -> Result<(), Error> {
    if statement.is_empty() {
        return Ok(());
    }
    let outcomes = match is_command(statement) {
        false => work.run(statement),
        true => match work.command(statement) {
            Some(outcomes) => outcomes,
            None => return show("this command needs a terminal: write the CALL privet.… instead"),
        },
    };
    for notice in work.notices() {
        show(&format!("· {notice}"))?;
    }
    for outcome in outcomes? {
        match outcome {
            Outcome::Rows(set) => show(&set.render(WIDE))?,
            Outcome::Done(count) => show(&format!("done, {count} rows"))?,
        }
    }
    Ok(())
}
