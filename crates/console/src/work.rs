//! A session with the runtime that drives it, for the prompt's blocking world, and the commands that ask the server.

use tokio::runtime::Runtime;

use crate::Error;
use crate::display::ResultSet;
use crate::meta::{self, Asks};
use crate::mode::Mode;
use crate::session::{Outcome, Session, quoted};

/// The gateway's code for a reason that the last session had as well.
const REPEATED: &str = "reason_repeated";

/// A session at work.
pub(crate) struct Work {
    pub(crate) runtime: Runtime,
    pub(crate) session: Session,
    pub(crate) environment: String,
}

impl Work {
    /// Runs SQL to its end.
    pub(crate) fn run(&self, sql: &str) -> Result<Vec<Outcome>, Error> {
        self.runtime.block_on(self.session.run(sql))
    }

    /// Runs a command of the console.
    pub(crate) fn command(&self, command: &str) -> Result<Vec<Outcome>, Error> {
        match meta::parse(command) {
            Some(Asks::Statement(sql)) => self.run(&sql),
            Some(Asks::Status) => Ok(vec![Outcome::Note(self.status()?)]),
            Some(Asks::Table(name)) => self.describe(&name),
            None => Err(Error::UnknownCommand(command.to_owned())),
        }
    }

    /// States a reason that was given on the command line. One that the person's running session has already is no
    /// reason to stop: this connection belongs to that session.
    pub(crate) fn justify_beforehand(
        &mut self,
        reason: Option<&str>,
        link: Option<&str>,
    ) -> Result<(), Error> {
        let Some(reason) = reason else {
            return Ok(());
        };
        match self.justify(reason, link.unwrap_or_default()) {
            Err(Error::Refused {
                code: Some(code), ..
            }) if code == REPEATED && self.session.mode() != Mode::Unjustified => Ok(()),
            stated => stated,
        }
    }

    /// States why; the gateway decides whether it is a reason.
    pub(crate) fn justify(&mut self, reason: &str, link: &str) -> Result<(), Error> {
        let sql = format!("CALL privet.justify({}, {})", quoted(reason), quoted(link));
        self.run(&sql).map(drop)
    }

    /// The id of the session that this connection belongs to.
    pub(crate) fn session_id(&self) -> Result<Option<String>, Error> {
        let facts = self.facts()?;
        Ok(facts
            .into_iter()
            .find_map(|(name, value)| (name == "session").then_some(value)?))
    }

    fn status(&self) -> Result<String, Error> {
        let facts = self.facts()?.into_iter();
        let lines = facts.filter_map(|(name, value)| Some(format!("  {name:<13}{}", value?)));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    fn facts(&self) -> Result<Vec<(String, Option<String>)>, Error> {
        let set = first_rows(self.run("CALL privet.status()")?);
        let row = set.rows.into_iter().next().unwrap_or_default();
        Ok(set.columns.into_iter().zip(row).collect())
    }

    fn describe(&self, table: &str) -> Result<Vec<Outcome>, Error> {
        let found = first_rows(self.run(&meta::find_table(table))?);
        let Some(id) = found
            .rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next()?)
        else {
            return Err(Error::Refused {
                message: format!("there is no table `{table}`"),
                hint: Some("\\dt lists the tables".to_owned()),
                code: None,
            });
        };
        let described = first_rows(self.run(&meta::columns(&id))?);
        let rows: Vec<_> = described.rows.into_iter().map(column).collect();
        let finds = finds(table, &rows);
        let columns = ["column", "type", ""].map(str::to_owned).to_vec();
        let set = Outcome::Rows(ResultSet {
            columns,
            rows,
            more: 0,
        });
        Ok(match finds.is_empty() {
            true => vec![set],
            false => vec![set, Outcome::Note(finds)],
        })
    }
}

/// Name, type and whether it takes NULL, of the catalog's row about a column.
fn column(row: Vec<Option<String>>) -> Vec<Option<String>> {
    let mut cells = row.into_iter();
    let (name, kind) = (cells.next().flatten(), cells.next().flatten());
    let null = match cells.nth(1).flatten().as_deref() {
        Some("t") => "not null",
        _ => "",
    };
    vec![name, kind, Some(null.to_owned())]
}

/// How people are found in a table: by the markers of the columns that have an index column beside them.
fn finds(table: &str, columns: &[Vec<Option<String>>]) -> String {
    let cell = |row: &Vec<Option<String>>, at: usize| row.get(at).cloned().flatten();
    let names: Vec<String> = columns.iter().filter_map(|row| cell(row, 0)).collect();
    let lines = columns.iter().filter_map(|row| {
        let (name, kind) = (cell(row, 0)?, cell(row, 1)?);
        let (_, field) = kind.split_once("sealed as ")?;
        let index = names.iter().find(|index| **index == format!("{name}_px"))?;
        Some(format!(
            "  SELECT * FROM {table} WHERE {index} = '~eq:{field}:…~';"
        ))
    });
    let lines: Vec<_> = lines.collect();
    match lines.is_empty() {
        true => String::new(),
        false => format!(
            "Find a person by a value that reaches no log:\n{}",
            lines.join("\n")
        ),
    }
}

fn first_rows(outcomes: Vec<Outcome>) -> ResultSet {
    let sets = outcomes.into_iter().filter_map(|outcome| match outcome {
        Outcome::Rows(set) => Some(set),
        Outcome::Done(_) | Outcome::Note(_) => None,
    });
    sets.into_iter().next().unwrap_or_default()
}
