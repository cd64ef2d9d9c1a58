//! The SQL that a plan becomes.

use privet_vault::port::{Hop, SealPlan};
use rusqlite::Connection;

use super::error::Failing;
use super::name::{INDEX_COLUMN_ENDING, quoted};

/// What a plan's statements share: rows of the table as `t`, with their subjects.
pub(crate) struct PlanSql {
    /// `t."rowid"`, by whichever of its names no column has taken.
    pub(crate) key: String,
    /// `FROM "table" AS t LEFT JOIN …`.
    pub(crate) from: String,
    /// The subject's key as text, or NULL.
    pub(crate) subject: String,
    /// The same where there is no `from` but only a row `t`.
    pub(crate) subject_of_t: String,
}

impl PlanSql {
    /// Fits the plan to the table as it is now.
    pub(crate) fn new(connection: &Connection, plan: &SealPlan) -> Result<Self, Failing> {
        let key_name = key_name(connection, &plan.table)?;
        let mut from = format!("FROM main.{} AS t", quoted(&plan.table));
        let (mut apart, mut first) = (String::new(), String::new());
        let mut here = "t".to_owned();
        for (number, hop) in plan.hops.iter().enumerate() {
            let there = format!("h{number}");
            let parent = format!("main.{} AS {there}", quoted(&hop.parent));
            let on = joined(hop, &here, &there);
            from.push_str(&format!(" LEFT JOIN {parent} ON {on}"));
            if number == 0 {
                first = on;
                apart = format!("FROM {parent}");
            } else {
                apart.push_str(&format!(" LEFT JOIN {parent} ON {on}"));
            }
            here = there;
        }
        let subject = format!("CAST({here}.{} AS TEXT)", quoted(&plan.root_column));
        let subject_of_t = if plan.hops.is_empty() {
            subject.clone()
        } else {
            format!("(SELECT {subject} {apart} WHERE {first})")
        };
        Ok(Self {
            key: format!("t.{key_name}"),
            from,
            subject,
            subject_of_t,
        })
    }
}

/// The name of the row id: `rowid`, unless a column is called so, and so on.
pub(crate) fn key_name(connection: &Connection, table: &str) -> Result<&'static str, Failing> {
    let columns: Vec<String> = connection
        .prepare_cached("SELECT lower(name) FROM pragma_table_xinfo(?1, 'main')")?
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if columns.is_empty() {
        return Err(Failing::Unfit(format!("there is no table `{table}`")));
    }
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|name| !columns.iter().any(|column| column == name))
        .ok_or_else(|| {
            Failing::Unfit(format!(
                "table `{table}` has columns named `rowid`, `_rowid_` and `oid`, so that its rows cannot be told apart: \
                 rename one of them"
            ))
        })
}

/// The condition under which a row `there` is the one that `here` refers to by this step.
pub(crate) fn joined(hop: &Hop, here: &str, there: &str) -> String {
    let pairs = hop.columns.iter().map(|(column, parent_column)| {
        format!(
            "{there}.{} = {here}.{}",
            quoted(parent_column),
            quoted(column)
        )
    });
    pairs.collect::<Vec<_>>().join(" AND ")
}

/// The shortest sealed value as text has this many characters.
pub(crate) const SEALED_CHARS_MIN: usize = 71;

/// Whether this expression is neither NULL nor what the gateway would recognize as a sealed value. GLOB and
/// `length` stop at a NUL, behind which plaintext could hide.
pub(crate) fn is_plain(expression: &str) -> String {
    format!(
        "({expression} IS NOT NULL AND NOT (typeof({expression}) = 'text' AND substr({expression}, 1, 4) = 'pv1_' \
         AND instr({expression}, char(0)) = 0 AND length({expression}) >= {SEALED_CHARS_MIN} \
         AND substr({expression}, 5) NOT GLOB '*[^A-Za-z0-9_-]*'))"
    )
}

/// Column `email` of the plan as `t."email"`.
pub(crate) fn of_t(column: &str) -> String {
    format!("t.{}", quoted(column))
}

/// The name of our index on an index column: one per table and column, whatever they are called.
pub(crate) fn index_name(table: &str, index_column: &str) -> String {
    let column = index_column
        .strip_suffix(INDEX_COLUMN_ENDING)
        .unwrap_or(index_column);
    format!("privet_px_{table}_{column}")
}
