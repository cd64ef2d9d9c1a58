//! Views for warehouses that read the files themselves: who agrees now, computed from the stream.
//!
//! They are correct under what happens to streams: people who are silent after a change (it is in `consents`), several ids,
//! ids that ended (the last word has the highest stamp of all), events that are late, doubled or out of order (the stamp
//! decides and not a clock), and answers to a notice that is not in force any more.

use std::fmt::Write as _;

use crate::Table;

/// A warehouse's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// ClickHouse.
    ClickHouse,
    /// Google BigQuery.
    BigQuery,
    /// DuckDB.
    DuckDb,
    /// PostgreSQL.
    Postgres,
}

/// A view: its name, and the question that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: String,
    /// A `SELECT`.
    pub query: String,
}

/// The view of everybody's latest answers: `tyid`, `stamp`, `consent`.
const NOW: &str = "consent_now";

impl Dialect {
    fn quote(self, name: &str) -> String {
        match self {
            Self::ClickHouse | Self::BigQuery => {
                let escaped = name.replace('\\', "\\\\").replace('`', "\\`");
                format!("`{escaped}`")
            }
            Self::DuckDb | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    fn text(self, text: &str) -> String {
        match self {
            Self::ClickHouse | Self::BigQuery => {
                let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
                format!("'{escaped}'")
            }
            Self::DuckDb | Self::Postgres => format!("'{}'", text.replace('\'', "''")),
        }
    }

    /// The bits that all rows of a group with the notice in force say yes to; none have: no bits.
    fn agreed(self, notice: &str) -> String {
        let current = format!("notice = {}", self.text(notice));
        match self {
            // The conjunction of nothing is everything there.
            Self::ClickHouse => format!(
                "if(countIf({current}) = 0, toUInt32(0), toUInt32(groupBitAndIf(consent, {current})))"
            ),
            _ => format!("coalesce(bit_and(CASE WHEN {current} THEN consent END), 0)"),
        }
    }

    /// One row of each id: that of the highest stamp.
    fn latest(self, stamps: &str) -> String {
        match self {
            Self::ClickHouse => format!(
                "SELECT tyid, max(s.stamp) AS latest, argMax(s.agreed, s.stamp) AS consent FROM ({stamps}) AS s GROUP BY tyid"
            ),
            Self::DuckDb => format!(
                "SELECT tyid, max(s.stamp) AS latest, arg_max(s.agreed, s.stamp) AS consent FROM ({stamps}) AS s GROUP BY tyid"
            ),
            Self::BigQuery => format!(
                "SELECT tyid, max(s.stamp) AS latest, max_by(s.agreed, s.stamp) AS consent FROM ({stamps}) AS s GROUP BY tyid"
            ),
            Self::Postgres => format!(
                "SELECT DISTINCT ON (s.tyid) s.tyid, s.stamp AS latest, s.agreed AS consent FROM ({stamps}) AS s ORDER BY s.tyid, s.stamp DESC"
            ),
        }
    }

    fn has_bit(self, bit: u32) -> String {
        let mask = 1_u64 << bit.min(31);
        match self {
            Self::ClickHouse => format!("bitAnd(c.consent, {mask}) <> 0"),
            _ => format!("(c.consent & {mask}) <> 0"),
        }
    }
}

/// The views over tables that are named as they are here: [`consent_now`], and for each purpose that rests on consent and each
/// table one that shows the people who agree, as `logs_for_improvement`. `purposes`: names and bits; `notice`: the notices in
/// force, as records are stamped with them.
pub fn views(dialect: Dialect, purposes: &[(&str, u32)], notice: &str) -> Vec<View> {
    let mut views = vec![consent_now(dialect, notice)];
    for (purpose, bit) in purposes {
        for table in Table::ALL {
            let query = format!(
                "SELECT t.* FROM {table} AS t INNER JOIN {NOW} AS c ON t.tyid = c.tyid WHERE {bit}",
                table = table.name(),
                bit = dialect.has_bit(*bit),
            );
            views.push(View {
                name: format!("{}_for_{purpose}", table.name()),
                query,
            });
        }
    }
    views
}

/// Everybody's latest answers: the highest stamp of all tables; of several rows that have it, what all say yes to; an answer
/// to another notice than the one in force is a no, and so is none.
pub fn consent_now(dialect: Dialect, notice: &str) -> View {
    let tables = Table::ALL.map(|table| {
        format!(
            "SELECT tyid, stamp, consent, notice FROM {} WHERE tyid IS NOT NULL AND stamp > 0",
            table.name()
        )
    });
    let stamps = format!(
        "SELECT tyid, stamp, {} AS agreed FROM ({}) AS r GROUP BY tyid, stamp",
        dialect.agreed(notice),
        tables.join(" UNION ALL ")
    );
    View {
        name: NOW.into(),
        query: dialect.latest(&stamps),
    }
}

/// Statements that make the views, in an order in which they can be run.
pub fn statements(dialect: Dialect, views: &[View]) -> String {
    let mut text = String::new();
    for view in views {
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "CREATE OR REPLACE VIEW {} AS\n{};\n",
            dialect.quote(&view.name),
            view.query
        );
    }
    text
}
