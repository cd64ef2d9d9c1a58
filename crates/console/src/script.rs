//! The console without a terminal: statements from standard input, one result after the other, the first error ends it.

use std::io::BufRead;

use crate::complete::{is_command, is_complete};
use crate::display::Style;
use crate::mode::Mode;
use crate::repl::show;
use crate::session::{Outcome, Work};
use crate::{Error, meta};

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
    let sql = match statement {
        "encrypt!" => "CALL privet.encrypt()".to_owned(),
        _ if is_command(statement) => match meta::as_sql(statement) {
            Some(sql) => sql,
            None => return show("this command needs a terminal: write the CALL privet.… instead"),
        },
        sql => sql.to_owned(),
    };
    let outcomes = work.run(&sql);
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
