//! A person's sealed values under certain keys, and putting in their place what was made of them.

use privet_vault::port::{RowKey, SealedPlan, SealedSwap, SealedUnder};
use rusqlite::{Connection, TransactionBehavior, params};

use super::erase::{Picked, begins};
use super::error::Failing;
use super::name::quoted;
use super::plan::{key_name, of_t};
use super::seal::start;

/// The person's next rows with such values.
pub(crate) fn read(
    connection: &Connection,
    plan: &SealedPlan,
    person: &str,
    keys: &[String],
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<SealedUnder>, Failing> {
    let key = format!("t.{}", key_name(connection, &plan.table)?);
    let columns: Vec<String> = plan.columns.iter().map(|name| of_t(name)).collect();
    let sealed: Vec<String> = columns.iter().map(|column| begins(column, keys)).collect();
    let values = columns.iter().zip(&sealed);
    let values = values.map(|(column, sealed)| format!("iif({sealed}, {column}, NULL)"));
    let values: Vec<String> = values.collect();
    let beyond = if after.is_some() { ">" } else { ">=" };
    let sql = format!(
        "SELECT {key}, {} {} AND {key} {beyond} ?2 AND ({}) ORDER BY {key} LIMIT {rows_max}",
        values.join(", "),
        Picked::new(connection, &plan.table, &plan.way)?.rows,
        sealed.join(" OR ")
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params![person, start(after)?], |row| {
        // What a key sealed is text; bytes that only look so are not ours.
        let values = (0..columns.len()).map(|at| {
            let text = row.get_ref(1 + at)?.as_str_or_null();
            Ok(text.ok().flatten().map(str::to_owned))
        });
        Ok(SealedUnder {
            key: RowKey::Number(row.get(0)?),
            values: values.collect::<Result<_, rusqlite::Error>>()?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// All of them or none; answers which rows were still what they had been.
pub(crate) fn swap(
    connection: &mut Connection,
    plan: &SealedPlan,
    swaps: &[SealedSwap],
) -> Result<Vec<bool>, Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (table, key) = (quoted(&plan.table), key_name(&transaction, &plan.table)?);
    let mut swapped = Vec::with_capacity(swaps.len());
    for swap in swaps {
        let (mut set, mut same, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (column, value) in plan.columns.iter().zip(&swap.values) {
            let Some((old, new)) = value else { continue };
            let at = 2 + texts.len();
            set.push(format!("{} = ?{at}", quoted(column)));
            same.push(format!("{} COLLATE BINARY = ?{}", of_t(column), at + 1));
            texts.extend([new, old]);
        }
        if texts.is_empty() {
            swapped.push(false);
            continue;
        }
        let sql = format!(
            "UPDATE main.{table} AS t SET {} WHERE t.{key} = ?1 AND {}",
            set.join(", "),
            same.join(" AND ")
        );
        let mut statement = transaction.prepare_cached(&sql)?;
        statement.raw_bind_parameter(1, start(Some(&swap.key))?)?;
        for (position, text) in texts.iter().enumerate() {
            statement.raw_bind_parameter(2 + position, text)?;
        }
        swapped.push(statement.raw_execute()? > 0);
    }
    transaction.commit()?;
    Ok(swapped)
}
