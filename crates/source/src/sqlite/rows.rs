//! Reading the rows of people: a table from its first row to its last, however many people there are.

use privet_vault::port::{PersonalRow, ReadPlan, RootKeys, RowKey, SqlValue, Way};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::error::Failing;
use super::name::quoted;
use super::plan::{joined, key_name, of_t};
use super::seal::{start, value};

/// The next rows that lead to somebody in `people`. In the order of the row id, so that reading on costs nothing, nothing is
/// sorted, and another program waits for no longer than one call takes.
pub(crate) fn read(
    connection: &Connection,
    plan: &ReadPlan,
    people: &RootKeys,
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<PersonalRow>, Failing> {
    let key = format!("t.{}", key_name(connection, &plan.table)?);
    let mut parts = vec![key.clone()];
    let mut from = format!("FROM main.{} AS t", quoted(&plan.table));
    let (mut wanted, mut keys) = (Vec::new(), Vec::new());
    for (position, way) in plan.ways.iter().enumerate() {
        let last = join(&mut from, way, position, "LEFT JOIN");
        let person = format!("CAST({last}.{} AS TEXT)", quoted(&way.root_column));
        let list = people.get(&way.root_table).map_or(&[][..], Vec::as_slice);
        let list = serde_json::to_string(list)
            .map_err(|_| Failing::Unfit("a person's key is no text".to_owned()))?;
        keys.push(list);
        // Keys are told apart letter for letter, as they are without a column's own rule. What is never NULL keeps the planner
        // from starting with the people, which would go through all of their rows for each call.
        wanted.push(format!(
            "coalesce({person}, x'') IN (SELECT value FROM json_each(?{}))",
            keys.len() + 1
        ));
        parts.push(person);
    }
    parts.extend(plan.columns.iter().map(|column| of_t(column)));
    let beyond = if after.is_some() { ">" } else { ">=" };
    let sql = format!(
        "SELECT {} {from} WHERE {key} {beyond} ?1 AND ({}) ORDER BY {key} LIMIT {rows_max}",
        parts.join(", "),
        wanted.join(" OR ")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.raw_bind_parameter(1, start(after)?)?;
    for (position, list) in keys.iter().enumerate() {
        statement.raw_bind_parameter(2 + position, list)?;
    }
    let mut rows = statement.raw_query();
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push(personal(row, plan)?);
    }
    Ok(read)
}

/// Adds the joins of a way; answers what the table at its end is called.
pub(super) fn join(from: &mut String, way: &Way, position: usize, kind: &str) -> String {
    let mut here = "t".to_owned();
    for (number, hop) in way.hops.iter().enumerate() {
        let there = format!("w{position}h{number}");
        from.push_str(&format!(
            " {kind} main.{} AS {there} ON {}",
            quoted(&hop.parent),
            joined(hop, &here, &there)
        ));
        here = there;
    }
    here
}

fn personal(row: &Row<'_>, plan: &ReadPlan) -> Result<PersonalRow, Failing> {
    let key = RowKey::Number(row.get(0)?);
    let not_text = |column: &str| {
        Failing::Unfit(format!(
            "row {key} of table `{}` holds text in column `{column}` that is not UTF-8: correct it, or make it a blob",
            plan.table
        ))
    };
    // Made first, so that what it has got is overwritten if the rest cannot be read.
    let mut read = PersonalRow {
        key: key.clone(),
        people: Vec::with_capacity(plan.ways.len()),
        values: Vec::with_capacity(plan.columns.len()),
    };
    for (position, way) in plan.ways.iter().enumerate() {
        read.people.push(match row.get_ref(1 + position)? {
            ValueRef::Text(text) => {
                let text = str::from_utf8(text).map_err(|_| not_text(&way.root_column))?;
                Some(text.to_owned())
            }
            _ => None,
        });
    }
    for (position, column) in plan.columns.iter().enumerate() {
        let found = row.get_ref(1 + plan.ways.len() + position)?;
        let value: Option<SqlValue> = value(found);
        read.values.push(value.ok_or_else(|| not_text(column))?);
    }
    Ok(read)
}
