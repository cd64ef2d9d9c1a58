//! Commands about telemetry.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use privet_telemetry_store::views::Dialect;

const VIEWS: &str = "\
For a warehouse that takes the files elsewhere. The tables there are named as here (logs,
spans, …); the views compute from the rows themselves what each person agreed to last, and show
for each purpose that rests on consent the people who agree: logs_for_improvement. A withdrawal
counts once its row has reached the warehouse; `privet query` knows it at once.

Make them anew whenever the data map changes: they name its notices.

Examples:
  privet telemetry views --dialect duckdb | duckdb warehouse.duckdb
  privet telemetry views --dialect postgres --map datamap.toml | psql -v ON_ERROR_STOP=1 warehouse";

#[derive(Debug, Args)]
pub(crate) struct Telemetry {
    #[command(subcommand)]
    pub(crate) command: TelemetryCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TelemetryCommand {
    /// Print the views that show in a warehouse who agrees, by the records themselves.
    Views(Views),
}

#[derive(Debug, Args)]
#[command(after_help = VIEWS)]
pub(crate) struct Views {
    /// The warehouse's SQL.
    #[arg(long, value_name = "NAME")]
    pub(crate) dialect: Warehouse,

    /// The data map; without it, that of the folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum Warehouse {
    ClickHouse,
    BigQuery,
    DuckDb,
    Postgres,
}

impl From<Warehouse> for Dialect {
    fn from(warehouse: Warehouse) -> Self {
        match warehouse {
            Warehouse::ClickHouse => Self::ClickHouse,
            Warehouse::BigQuery => Self::BigQuery,
            Warehouse::DuckDb => Self::DuckDb,
            Warehouse::Postgres => Self::Postgres,
        }
    }
}
