//! Counting, reading and writing rows while a table is sealed.

use privet_vault::port::{Affected, RowKey, SealPlan, SealedRow, SourceRow, SqlValue, TableScan};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::error::Failing;
use super::name::quoted;
use super::plan::{PlanSql, any_plain, is_plain, is_sealed, of_t};
use crate::runner::child::Bound;

/// How many rows without subject are named.
const NAMED_MAX: usize = 5;

/// One pass over the table, and a second for the rows to name.
pub(crate) fn scan(connection: &mut Connection, plan: &SealPlan) -> Result<TableScan, Failing> {
    let transaction = connection.transaction()?;
    let PlanSql {
        key, from, subject, ..
    } = PlanSql::new(&transaction, plan)?;
    let any = any_plain(&plan.columns);
    let orphan = format!("{any} AND {subject} IS NULL");
    let mut counts = vec![
        format!("coalesce(sum({any}), 0)"),
        format!("coalesce(sum({orphan}), 0)"),
    ];
    for column in &plan.columns {
        let value = of_t(&column.name);
        counts.push(format!("coalesce(sum({}), 0)", is_plain(&value)));
        counts.push(format!("coalesce(sum({}), 0)", is_sealed(&value)));
        counts.push(format!(
            "coalesce(sum({} AND {subject} IS NULL), 0)",
            is_plain(&value)
        ));
    }
    let sql = format!("SELECT count(*), {} {from}", counts.join(", "));
    let mut scan = transaction.query_row(&sql, [], |row| {
        let mut scan = TableScan {
            rows: count(row, 0)?,
            rows_to_seal: count(row, 1)?,
            rows_without_subject: count(row, 2)?,
            ..TableScan::default()
        };
        for position in 0..plan.columns.len() {
            scan.plaintext.push(count(row, 3 + 3 * position)?);
            scan.sealed.push(count(row, 4 + 3 * position)?);
            scan.plaintext_without_subject += count(row, 5 + 3 * position)?;
        }
        Ok(scan)
    })?;
    if scan.rows_without_subject > 0 {
        let sql = format!("SELECT {key} {from} WHERE {orphan} ORDER BY {key} LIMIT {NAMED_MAX}");
        scan.without_subject = transaction
            .prepare(&sql)?
            .query_map([], |row| row.get(0).map(RowKey))?
            .collect::<Result<_, _>>()?;
    }
    Ok(scan)
}

fn count(row: &Row<'_>, position: usize) -> rusqlite::Result<u64> {
    row.get(position).map(i64::unsigned_abs)
}

/// The next rows with something to seal.
pub(crate) fn read(
    connection: &mut Connection,
    plan: &SealPlan,
    after: Option<RowKey>,
    rows_max: u32,
) -> Result<Vec<SourceRow>, Failing> {
    let PlanSql {
        key, from, subject, ..
    } = PlanSql::new(connection, plan)?;
    let mut parts = vec![key.clone(), subject];
    for column in &plan.columns {
        let value = of_t(&column.name);
        parts.push(format!("iif({}, {value}, NULL)", is_plain(&value)));
        parts.push(
            column
                .retain_from
                .as_deref()
                .map_or_else(|| "NULL".into(), of_t),
        );
    }
    let (parts, any) = (parts.join(", "), any_plain(&plan.columns));
    let beyond = if after.is_some() { ">" } else { ">=" };
    let sql =
        format!("SELECT {parts} {from} WHERE {key} {beyond} ?1 AND {any} ORDER BY {key} LIMIT ?2");
    let start = after.map_or(i64::MIN, |key| key.0);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![start, rows_max])?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push(source_row(row, plan)?);
    }
    Ok(read)
}

fn source_row(row: &Row<'_>, plan: &SealPlan) -> Result<SourceRow, Failing> {
    let key = RowKey(row.get(0)?);
    let in_column = |column: &str| {
        Failing::Unfit(format!(
            "row {} of table `{}` holds text in column `{column}` that is not UTF-8: correct it, or make it a blob",
            key.0, plan.table
        ))
    };
    let subject = match row.get_ref(1)? {
        ValueRef::Text(text) => Some(
            str::from_utf8(text)
                .map_err(|_| in_column(&plan.root_column))?
                .to_owned(),
        ),
        _ => None,
    };
    let (mut values, mut retain_from) = (Vec::new(), Vec::new());
    for (position, column) in plan.columns.iter().enumerate() {
        let at = 2 + 2 * position;
        values.push(value(row.get_ref(at)?).ok_or_else(|| in_column(&column.name))?);
        let from = column.retain_from.as_deref().unwrap_or_default();
        retain_from.push(value(row.get_ref(at + 1)?).ok_or_else(|| in_column(from))?);
    }
    Ok(SourceRow {
        key,
        subject,
        values,
        retain_from,
    })
}

/// `None`: text that is not UTF-8, which SQLite stores without a word.
fn value(value: ValueRef<'_>) -> Option<SqlValue> {
    Some(match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(integer) => SqlValue::Integer(integer),
        ValueRef::Real(real) => SqlValue::Real(real),
        ValueRef::Text(text) => SqlValue::Text(str::from_utf8(text).ok()?.to_owned()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
    })
}

/// The blind indexes there are.
pub(crate) fn indexed(
    connection: &mut Connection,
    plan: &SealPlan,
    column: usize,
    after: Option<RowKey>,
    rows_max: u32,
) -> Result<Vec<(RowKey, String)>, Failing> {
    let index = plan
        .columns
        .get(column)
        .and_then(|column| column.index_column.as_deref());
    let Some(index) = index else {
        return Ok(Vec::new());
    };
    let exists = connection
        .prepare_cached(
            "SELECT 1 FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2 COLLATE NOCASE",
        )?
        .query_row([&plan.table, index], |_| Ok(()))
        .optional()?;
    if exists.is_none() {
        return Ok(Vec::new());
    }
    let PlanSql { key, .. } = PlanSql::new(connection, plan)?;
    let (table, index) = (quoted(&plan.table), of_t(index));
    let beyond = if after.is_some() { ">" } else { ">=" };
    let sql = format!(
        "SELECT {key}, {index} FROM main.{table} AS t WHERE {key} {beyond} ?1 AND typeof({index}) = 'text'
         ORDER BY {key} LIMIT ?2"
    );
    let start = after.map_or(i64::MIN, |key| key.0);
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_map(params![start, rows_max], |row| {
        Ok((RowKey(row.get(0)?), row.get(1)?))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Writes a batch, all of it or nothing.
pub(crate) fn write(
    connection: &mut Connection,
    plan: &SealPlan,
    rows: &[SealedRow],
) -> Result<Affected, Failing> {
    let sql = update(connection, plan)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut affected = Affected::default();
    {
        let mut statement = transaction.prepare_cached(&sql)?;
        for row in rows {
            let mut at = 0;
            for position in 0..plan.columns.len() {
                let sealed = row.sealed.get(position).and_then(Option::as_deref);
                let index = row.index.get(position).and_then(Option::as_deref);
                let old = row.old.get(position).unwrap_or(&SqlValue::Null);
                statement.raw_bind_parameter(at + 1, sealed)?;
                statement.raw_bind_parameter(at + 2, index)?;
                statement.raw_bind_parameter(at + 3, Bound(old))?;
                at += 3;
            }
            statement.raw_bind_parameter(at + 1, row.key.0)?;
            match statement.raw_execute()? {
                0 => affected.changed += 1,
                _ => affected.written += 1,
            }
        }
    }
    transaction.commit()?;
    Ok(affected)
}

/// One statement for every row: a column that gets no sealed value stays as it is and is not compared.
fn update(connection: &Connection, plan: &SealPlan) -> Result<String, Failing> {
    let PlanSql { key_name, .. } = PlanSql::new(connection, plan)?;
    let (mut set, mut same) = (Vec::new(), Vec::new());
    let mut at = 0;
    for column in &plan.columns {
        let name = quoted(&column.name);
        let (sealed, index, old) = (at + 1, at + 2, at + 3);
        at += 3;
        set.push(format!("{name} = coalesce(?{sealed}, {name})"));
        if let Some(index_column) = &column.index_column {
            let index_column = quoted(index_column);
            set.push(format!(
                "{index_column} = iif(?{sealed} IS NULL, {index_column}, ?{index})"
            ));
        }
        // A collation that ignores case would let a value pass that was changed by case alone.
        same.push(format!(
            "(?{sealed} IS NULL OR {name} COLLATE BINARY IS ?{old})"
        ));
    }
    Ok(format!(
        "UPDATE main.{} SET {} WHERE {key_name} = ?{} AND {}",
        quoted(&plan.table),
        set.join(", "),
        at + 1,
        same.join(" AND "),
    ))
}
