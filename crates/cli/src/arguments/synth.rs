//! The command that invents people.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use privet_classify::synthetic::Fill;
use privet_classify::{ColumnName, SourceName, TableName};

const SYNTH: &str = "\
Everybody is invented: names from a list, mail addresses under example.com, telephone numbers
555-01xx. An environment with `synthetic_only = true` takes them and refuses real people. The same
data map, seed and count make the same people on every machine, any number in little memory.

Without --source, each line is a subject with every field of the data map, as POST /v1/subjects
takes it. With --source, there are rows for the source's tables: keys count up, foreign keys lead to
rows that are there, columns hold what their field, or else their name, says. What a name does not
say is left out, and named on standard error.

Examples:
  privet synth --map datamap.toml --seed 7 --count 3
  privet synth --map datamap.toml --source shop --count 1000 --format sql > shop.sql
  sqlite3 -bail shop.sqlite < shop.sql        or: psql -v ON_ERROR_STOP=1 shop -f shop.sql
  privet synth --map datamap.toml --source shop --format csv --out people/
  privet synth --map datamap.toml --source shop --fill orders.product_id=1..40";

#[derive(Debug, Args)]
#[command(after_help = SYNTH)]
pub(crate) struct Synth {
    /// The data map; without it, that of the folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,

    /// Any number: another one, other people.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,

    /// How many people.
    #[arg(long, value_name = "PEOPLE", default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    pub(crate) count: u64,

    /// How they are written.
    #[arg(long, value_name = "FORM", default_value = "json")]
    pub(crate) format: Form,

    /// Make rows for the tables of this source.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<SourceName>,

    /// Make the rows of this table alone.
    #[arg(long, value_name = "NAME", requires = "source")]
    pub(crate) table: Option<TableName>,

    /// Keys are UUIDs, not numbers that count up.
    #[arg(long, requires = "source")]
    pub(crate) uuids: bool,

    /// What stands in a column without a field: numbers (`orders.product_id=1..40`), one of several words
    /// (`orders.state=new,paid`), the key of a row of another table with people (`customer.agent_id=rows:employee`), or
    /// nothing (`orders.state=`). May be repeated.
    #[arg(long = "fill", value_name = "TABLE.COLUMN=VALUES", value_parser = filled, requires = "source")]
    pub(crate) fills: Vec<Filled>,

    /// Where to write: a file, or with `csv` and several tables a folder. It appears when it is complete. Without it, the
    /// standard output.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,

    /// Replace files that are there.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

/// How invented people are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A line of JSON each.
    Json,
    /// A header, and a line each.
    Csv,
    /// INSERT statements in a transaction, for SQLite and PostgreSQL; needs --source.
    Sql,
}

/// What stands in a column.
#[derive(Debug, Clone)]
pub(crate) struct Filled {
    pub(crate) table: TableName,
    pub(crate) column: ColumnName,
    pub(crate) fill: Fill,
}

fn filled(text: &str) -> Result<Filled, String> {
    let parts = text.split_once('=');
    let parts = parts.and_then(|(place, fill)| Some((place.split_once('.')?, fill)));
    let ((table, column), fill) = parts.ok_or("write it like `orders.product_id=1..40`")?;
    let said = |error: &dyn std::fmt::Display| error.to_string();
    Ok(Filled {
        table: table.parse().map_err(|error| said(&error))?,
        column: column.parse().map_err(|error| said(&error))?,
        fill: fill.parse().map_err(|error| said(&error))?,
    })
}
