//! Counting, reading and writing rows while a table is sealed.

use privet_vault::port::{
    Affected, RowKey, SealPlan, SealedRow, SourceRow, SqlValue, TableScan, Wanted,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::error::Failing;
use super::name::quoted;
use super::plan::{PlanSql, SEALED_CHARS_MIN, of_t};
use crate::runner::child::Bound;

/// How many rows without subject are named.
const NAMED_MAX: usize = 5;

/// One pass over the table.
pub(crate) fn scan(connection: &mut Connection, plan: &SealPlan) -> Result<TableScan, Failing> {
    let transaction = connection.transaction()?;
    let PlanSql {
        key, from, subject, ..
    } = PlanSql::new(&transaction, plan)?;
    let mut parts = vec![key.clone(), format!("{subject} IS NULL")];
    parts.extend(plan.columns.iter().map(|column| of_t(&column.name)));
    let mut statement = transaction.prepare(&format!(
        "SELECT {} {from} ORDER BY {key}",
        parts.join(", ")
    ))?;
    let mut rows = statement.query([])?;
    let mut scan = TableScan {
        plaintext: vec![0; plan.columns.len()],
        sealed: vec![0; plan.columns.len()],
        ..TableScan::default()
    };
    while let Some(row) = rows.next()? {
        scan.rows += 1;
        let mut plain = 0;
        let counts = scan.plaintext.iter_mut().zip(&mut scan.sealed);
        for (position, (plaintext, sealed)) in counts.enumerate() {
            match Kind::of(row.get_ref(2 + position)?) {
                Kind::Null => {}
                Kind::Sealed => *sealed += 1,
                Kind::Plain => {
                    *plaintext += 1;
                    plain += 1;
                }
            }
        }
        if plain == 0 {
            continue;
        }
        scan.rows_to_seal += 1;
        if row.get(1)? {
            scan.rows_without_subject += 1;
            scan.plaintext_without_subject += plain;
            if scan.without_subject.len() < NAMED_MAX {
                scan.without_subject.push(RowKey::Number(row.get(0)?));
            }
        }
    }
    Ok(scan)
}

/// What a column holds. Told here and not by the engine, whose pattern matching takes most of the time of everything
/// else together; the guards in the schema say the same in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Sealed,
    Plain,
}

impl Kind {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Text(text) if looks_sealed(text) => Self::Sealed,
            _ => Self::Plain,
        }
    }
}

/// `pv1_` and base64url of the shortest sealed value at least.
fn looks_sealed(text: &[u8]) -> bool {
    let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() >= SEALED_CHARS_MIN
        && text
            .strip_prefix(b"pv1_")
            .is_some_and(|encoded| encoded.iter().all(is_base64url))
}

/// The row id behind which reading goes on.
pub(super) fn start(after: Option<&RowKey>) -> Result<i64, Failing> {
    match after {
        None => Ok(i64::MIN),
        Some(RowKey::Number(number)) => Ok(*number),
        Some(RowKey::Columns(_)) => Err(Failing::Unfit("a row's key is no row id".to_owned())),
    }
}

/// The next rows with at least one wanted value.
pub(crate) fn read(
    connection: &mut Connection,
    plan: &SealPlan,
    wanted: Wanted,
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<SourceRow>, Failing> {
    let PlanSql {
        key, from, subject, ..
    } = PlanSql::new(connection, plan)?;
    let mut parts = vec![key.clone(), subject];
    for column in &plan.columns {
        let from = column.retain_from.as_deref();
        parts.push(of_t(&column.name));
        parts.push(from.map_or_else(|| "NULL".into(), of_t));
    }
    let parts = parts.join(", ");
    let beyond = if after.is_some() { ">" } else { ">=" };
    let sql = format!("SELECT {parts} {from} WHERE {key} {beyond} ?1 ORDER BY {key}");
    let start = start(after)?;
    let rows_max = usize::try_from(rows_max).unwrap_or(usize::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![start])?;
    let mut read = Vec::new();
    while read.len() < rows_max {
        let Some(row) = rows.next()? else { break };
        read.extend(source_row(row, plan, wanted)?);
    }
    Ok(read)
}

/// `None`: there is no wanted value in it.
fn source_row(
    row: &Row<'_>,
    plan: &SealPlan,
    wanted: Wanted,
) -> Result<Option<SourceRow>, Failing> {
    let kind = match wanted {
        Wanted::Plaintext => Kind::Plain,
        Wanted::Sealed => Kind::Sealed,
    };
    let mut any = false;
    for position in 0..plan.columns.len() {
        any = any || Kind::of(row.get_ref(2 + 2 * position)?) == kind;
    }
    if !any {
        return Ok(None);
    }
    let key = RowKey::Number(row.get(0)?);
    let number = key.clone();
    let in_column = |column: &str| {
        Failing::Unfit(format!(
            "row {} of table `{}` holds text in column `{column}` that is not UTF-8: correct it, or make it a blob",
            number, plan.table
        ))
    };
    let count = plan.columns.len();
    // Made first, so that what it has got is overwritten if the rest cannot be read.
    let mut read = SourceRow {
        key,
        version: None,
        subject: None,
        values: Vec::with_capacity(count),
        retain_from: Vec::with_capacity(count),
    };
    if let ValueRef::Text(text) = row.get_ref(1)? {
        let text = str::from_utf8(text).map_err(|_| in_column(&plan.root_column))?;
        read.subject = Some(text.to_owned());
    }
    for (position, column) in plan.columns.iter().enumerate() {
        let found = row.get_ref(2 + 2 * position)?;
        read.values.push(if Kind::of(found) == kind {
            value(found).ok_or_else(|| in_column(&column.name))?
        } else {
            SqlValue::Null
        });
        let from = column.retain_from.as_deref().unwrap_or_default();
        let date = row.get_ref(3 + 2 * position)?;
        read.retain_from
            .push(value(date).ok_or_else(|| in_column(from))?);
    }
    Ok(Some(read))
}

/// `None`: text that is not UTF-8, which SQLite stores without a word.
pub(super) fn value(value: ValueRef<'_>) -> Option<SqlValue> {
    Some(match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(integer) => SqlValue::Integer(integer),
        ValueRef::Real(real) => SqlValue::Real(real),
        ValueRef::Text(text) => SqlValue::Text(str::from_utf8(text).ok()?.to_owned()),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
    })
}

/// The blind indexes of sealed values. Where the value is plaintext, the index beside it is an older one's.
pub(crate) fn indexed(
    connection: &mut Connection,
    plan: &SealPlan,
    column: usize,
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<(RowKey, String)>, Failing> {
    let Some(column) = plan.columns.get(column) else {
        return Ok(Vec::new());
    };
    let Some(index) = column.index_column.as_deref() else {
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
    let (table, index, value) = (quoted(&plan.table), of_t(index), of_t(&column.name));
    let beyond = if after.is_some() { ">" } else { ">=" };
    let sql = format!(
        "SELECT {key}, {index}, {value} FROM main.{table} AS t WHERE {key} {beyond} ?1 AND typeof({index}) = 'text'
         ORDER BY {key}"
    );
    let start = start(after)?;
    let rows_max = usize::try_from(rows_max).unwrap_or(usize::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![start])?;
    let mut found = Vec::new();
    while found.len() < rows_max {
        let Some(row) = rows.next()? else { break };
        if Kind::of(row.get_ref(2)?) == Kind::Sealed {
            found.push((RowKey::Number(row.get(0)?), row.get(1)?));
        }
    }
    Ok(found)
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
            for (position, column) in plan.columns.iter().enumerate() {
                let new = row.new.get(position).and_then(Option::as_ref);
                let index = row.index.get(position).and_then(Option::as_deref);
                let old = row.old.get(position).unwrap_or(&SqlValue::Null);
                statement.raw_bind_parameter(at + 1, Bound(new.unwrap_or(&SqlValue::Null)))?;
                statement.raw_bind_parameter(at + 2, index)?;
                statement.raw_bind_parameter(at + 3, Bound(old))?;
                at += 3;
                if column.retain_from.is_some() {
                    let from = row.retain_from.get(position).unwrap_or(&SqlValue::Null);
                    statement.raw_bind_parameter(at + 1, Bound(from))?;
                    at += 1;
                }
            }
            statement.raw_bind_parameter(at + 1, row.subject.as_deref())?;
            statement.raw_bind_parameter(at + 2, start(Some(&row.key))?)?;
            match statement.raw_execute()? {
                0 => affected.changed += 1,
                _ => affected.written += 1,
            }
        }
    }
    transaction.commit()?;
    Ok(affected)
}

/// One statement for every row: a column that gets no new value stays as it is and is not compared. Everything that
/// decided on the new value is: the old one, whose it is, and since when it is retained.
fn update(connection: &Connection, plan: &SealPlan) -> Result<String, Failing> {
    let PlanSql {
        key, subject_of_t, ..
    } = PlanSql::new(connection, plan)?;
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
        let mut unchanged = format!("{} COLLATE BINARY IS ?{old}", of_t(&column.name));
        if let Some(from) = &column.retain_from {
            at += 1;
            unchanged.push_str(&format!(" AND {} COLLATE BINARY IS ?{at}", of_t(from)));
        }
        same.push(format!("(?{sealed} IS NULL OR {unchanged})"));
    }
    Ok(format!(
        "UPDATE main.{} AS t SET {} WHERE {key} = ?{} AND {} AND {subject_of_t} COLLATE BINARY IS ?{}",
        quoted(&plan.table),
        set.join(", "),
        at + 2,
        same.join(" AND "),
        at + 1,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::types::Value;

    use super::super::plan::is_plain;
    use super::*;

    /// What the guards' SQL says of a value, and what is said here.
    fn agree(value: &Value) -> bool {
        let connection = Connection::open_in_memory().unwrap();
        let sql = format!("SELECT {} FROM (SELECT ?1 AS v)", is_plain("v"));
        let plain: bool = connection
            .query_row(&sql, [value], |row| row.get(0))
            .unwrap();
        plain == (Kind::of(ValueRef::from(value)) == Kind::Plain)
    }

    proptest! {
        #[test]
        fn guards_and_batches_agree(text in "(pv1_)?[A-Za-z0-9_-]{60,80}", odd in ".", at in 0_usize..80) {
            prop_assert!(agree(&Value::Text(text.clone())));
            prop_assert!(agree(&Value::Blob(text.clone().into_bytes())));
            let behind_nul = format!("{text}\0{odd}");
            prop_assert!(agree(&Value::Text(behind_nul)));
            let mut spoilt = text;
            let at = at.min(spoilt.len());
            spoilt.insert_str(at, &odd);
            prop_assert!(agree(&Value::Text(spoilt)));
        }
    }

    #[test]
    fn guards_and_batches_agree_on_other_types() {
        for value in [
            Value::Null,
            Value::Integer(1),
            Value::Real(0.5),
            Value::Text(String::new()),
        ] {
            assert!(agree(&value), "{value:?}");
        }
    }
}
