//! Counting, reading and writing rows while a table is sealed, or unsealed again.
//!
//! A row is written only if it is the version that was read: `ctid` says where that lies, `xmin` which transaction wrote
//! it. So no plaintext goes back to the server to be compared, and whatever changed a row meanwhile makes it be read again.

use privet_vault::port::{
    Affected, RowKey, RowVersion, SealPlan, SealedRow, SourceRow, SqlValue, TableScan, Wanted,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::connect::Session;
use super::error::Failing;
use super::index::not_unique;
use super::name::quoted;
use super::plan::{Key, PlanSql, is_plain, is_sealed, of_t};

/// How many rows without subject are named.
const NAMED_MAX: i64 = 5;

/// How long a batch waits for a row that another transaction holds. It is shorter than any `deadlock_timeout` that makes
/// sense, so that it is never the application that is chosen to give way.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '100ms'; SET LOCAL synchronous_commit = off";

/// One pass over the table, counted by the server.
pub(super) async fn scan(session: &mut Session, plan: &SealPlan) -> Result<TableScan, Failing> {
    let sql = session.plan(plan).await?;
    let columns = plan.columns.iter().map(|column| of_t(&column.name));
    let (plain, sealed): (Vec<String>, Vec<String>) = columns
        .map(|column| (is_plain(&column), is_sealed(&column)))
        .unzip();
    let (any, lost) = (plain.join(" OR "), format!("{} IS NULL", sql.subject));
    let in_row: Vec<String> = plain.iter().map(|one| format!("{one}::int")).collect();
    let mut parts = vec![
        "count(*)".to_owned(),
        format!("count(*) FILTER (WHERE {any})"),
        format!("count(*) FILTER (WHERE ({any}) AND {lost})"),
        format!(
            "coalesce(sum({}) FILTER (WHERE {lost}), 0)::int8",
            in_row.join(" + ")
        ),
    ];
    let counted = plain.iter().chain(&sealed);
    parts.extend(counted.map(|one| format!("count(*) FILTER (WHERE {one})")));
    let transaction = session.client.transaction().await?;
    transaction
        .batch_execute("SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_sort = on")
        .await?;
    let row = transaction
        .query_one(&format!("SELECT {} {}", parts.join(", "), sql.from), &[])
        .await?;
    transaction.commit().await?;
    let counts = |first: usize| -> Result<Vec<u64>, Failing> {
        (0..plain.len()).map(|at| count(&row, first + at)).collect()
    };
    let mut scan = TableScan {
        rows: count(&row, 0)?,
        rows_to_seal: count(&row, 1)?,
        rows_without_subject: count(&row, 2)?,
        plaintext_without_subject: count(&row, 3)?,
        plaintext: counts(4)?,
        sealed: counts(4 + plain.len())?,
        without_subject: Vec::new(),
    };
    if scan.rows_without_subject > 0 {
        let named = format!(
            "SELECT {} {} WHERE ({any}) AND {lost} {} LIMIT {NAMED_MAX}",
            sql.key_texts().join(", "),
            sql.from,
            sql.order()
        );
        for row in session.client.query(&named, &[]).await? {
            scan.without_subject.push(sql.row_key(&row, 0)?);
        }
    }
    Ok(scan)
}

fn count(row: &Row, at: usize) -> Result<u64, Failing> {
    Ok(row.try_get::<_, i64>(at)?.unsigned_abs())
}

/// The next rows with at least one value of the wanted kind.
pub(super) async fn read(
    session: &mut Session,
    plan: &SealPlan,
    wanted: Wanted,
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<SourceRow>, Failing> {
    let sql = session.plan(plan).await?;
    let is_wanted = |column: &str| match wanted {
        Wanted::Plaintext => is_plain(column),
        Wanted::Sealed => is_sealed(column),
    };
    let mut parts = vec![
        "t.ctid::text".to_owned(),
        "t.xmin::text".to_owned(),
        sql.subject.clone(),
    ];
    parts.extend(sql.key_texts());
    let mut any = Vec::new();
    for column in &plan.columns {
        let (name, from) = (of_t(&column.name), column.retain_from.as_deref());
        let is_wanted = is_wanted(&name);
        parts.push(format!("CASE WHEN {is_wanted} THEN {name}::text END"));
        parts.push(from.map_or_else(
            || "NULL::text".into(),
            |from| format!("{}::text", of_t(from)),
        ));
        any.push(is_wanted);
    }
    let beyond = after.map_or_else(|| "true".to_owned(), |_| sql.beyond(2));
    let text = format!(
        "SELECT {} {} WHERE {beyond} AND ({}) {} LIMIT $1::int8",
        parts.join(", "),
        sql.from,
        any.join(" OR "),
        sql.order()
    );
    let statement = session.statement(&text).await?;
    let limit = i64::from(rows_max);
    let mut given: Vec<&(dyn ToSql + Sync)> = vec![&limit];
    given.extend(key_parameters(&sql.key, after)?);
    let rows = session.client.query(&statement, &given).await?;
    rows.iter().map(|row| source_row(row, &sql, plan)).collect()
}

pub(super) fn key_parameters<'k>(
    key: &Key,
    after: Option<&'k RowKey>,
) -> Result<Vec<&'k (dyn ToSql + Sync)>, Failing> {
    match after {
        None => Ok(Vec::new()),
        Some(RowKey::Columns(texts)) if texts.len() == key.len() => Ok(texts
            .iter()
            .map(|text| text as &(dyn ToSql + Sync))
            .collect()),
        Some(_) => Err(Failing::Odd("a row's key does not fit its table")),
    }
}

fn source_row(row: &Row, sql: &PlanSql, plan: &SealPlan) -> Result<SourceRow, Failing> {
    let count = plan.columns.len();
    // Made first, so that what it has got is overwritten if the rest cannot be read.
    let mut read = SourceRow {
        key: sql.row_key(row, 3)?,
        version: Some(RowVersion {
            place: row.try_get(0)?,
            writer: row.try_get(1)?,
        }),
        subject: row.try_get(2)?,
        values: Vec::with_capacity(count),
        retain_from: Vec::with_capacity(count),
    };
    let first = 3 + sql.key.len();
    for position in 0..count {
        let text = |at| -> Result<SqlValue, Failing> {
            let text: Option<String> = row.try_get(at)?;
            Ok(text.map_or(SqlValue::Null, SqlValue::Text))
        };
        read.values.push(text(first + 2 * position)?);
        read.retain_from.push(text(first + 2 * position + 1)?);
    }
    Ok(read)
}

/// The blind indexes of sealed values. Where the value is plaintext, the index beside it is an older one's.
pub(super) async fn indexed(
    session: &mut Session,
    plan: &SealPlan,
    column: usize,
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<(RowKey, String)>, Failing> {
    let Some((column, index)) = plan
        .columns
        .get(column)
        .and_then(|column| Some((column, column.index_column.as_deref()?)))
    else {
        return Ok(Vec::new());
    };
    let sql = session.plan(plan).await?;
    let exists = "SELECT FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2 AND NOT attisdropped";
    let table = sql.relation.sql();
    if session
        .client
        .query_opt(exists, &[&table, &index])
        .await?
        .is_none()
    {
        return Ok(Vec::new());
    }
    let beyond = after.map_or_else(|| "true".to_owned(), |_| sql.beyond(2));
    let text = format!(
        "SELECT {}, {}::text FROM ONLY {table} AS t WHERE {beyond} AND {} IS NOT NULL AND {} {} LIMIT $1::int8",
        sql.key_texts().join(", "),
        of_t(index),
        of_t(index),
        is_sealed(&of_t(&column.name)),
        sql.order()
    );
    let statement = session.statement(&text).await?;
    let limit = i64::from(rows_max);
    let mut given: Vec<&(dyn ToSql + Sync)> = vec![&limit];
    given.extend(key_parameters(&sql.key, after)?);
    let rows = session.client.query(&statement, &given).await?;
    rows.iter()
        .map(|row| Ok((sql.row_key(row, 0)?, row.try_get(sql.key.len())?)))
        .collect()
}

/// Writes a batch, all of it or nothing; without rows that other transactions hold, which count as changed.
pub(super) async fn write(
    session: &mut Session,
    plan: &SealPlan,
    rows: &[SealedRow],
) -> Result<Affected, Failing> {
    let sql = session.plan(plan).await?;
    let statement = session.statement(&update(&sql, plan)).await?;
    let free = session.statement(&free(&sql)).await?;
    let all: Vec<&SealedRow> = rows.iter().collect();
    let client = &session.client;
    let written = match send(client, BEGIN, &statement, plan, &all).await {
        Err(failing) if failing.is_lock() => {
            // What is still held after this is left alone, so that the second try waits for nobody.
            client.batch_execute(BEGIN).await?;
            let (places, writers) = versions(&all)?;
            let held = client.query(&free, &[&places, &writers]).await;
            let mut mine = Vec::with_capacity(all.len());
            for row in &held? {
                let at = usize::try_from(row.try_get::<_, i64>(0)? - 1).ok();
                mine.extend(at.and_then(|at| all.get(at)).copied());
            }
            send(client, "", &statement, plan, &mine).await
        }
        other => other,
    };
    let written = written.map_err(|failing| not_unique(failing, plan))?;
    Ok(Affected {
        written,
        changed: (rows.len() as u64).saturating_sub(written),
    })
}

/// Begins where that is asked for, writes and commits, all sent at once: a row is held for as long as the server takes, and
/// not for as long as it takes us to hear of it. After an error the commit is a rollback.
async fn send(
    client: &Client,
    begin: &str,
    statement: &Statement,
    plan: &SealPlan,
    rows: &[&SealedRow],
) -> Result<u64, Failing> {
    let (places, writers) = versions(rows)?;
    let subjects: Vec<Option<&str>> = rows.iter().map(|row| row.subject.as_deref()).collect();
    let mut texts = Vec::new();
    for position in 0..plan.columns.len() {
        let new = rows.iter().map(|row| text(row.new.get(position)));
        texts.push(new.collect::<Result<Vec<Option<&str>>, _>>()?);
        let index = rows
            .iter()
            .map(|row| row.index.get(position).and_then(Option::as_deref));
        texts.push(index.collect());
    }
    let mut given: Vec<&(dyn ToSql + Sync)> = vec![&places, &writers, &subjects];
    given.extend(texts.iter().map(|texts| texts as &(dyn ToSql + Sync)));
    let (begun, written, committed) = tokio::join!(
        biased;
        client.batch_execute(begin),
        client.execute(statement, &given),
        client.batch_execute("COMMIT"),
    );
    begun?;
    let written = written?;
    committed?;
    Ok(written)
}

fn versions<'r>(rows: &[&'r SealedRow]) -> Result<(Vec<&'r str>, Vec<&'r str>), Failing> {
    let versions = rows.iter().map(|row| {
        let version = row.version.as_ref();
        version.map(|version| (version.place.as_str(), version.writer.as_str()))
    });
    let versions: Option<Vec<_>> = versions.collect();
    let versions = versions.ok_or(Failing::Odd("a row to write was not read before"))?;
    Ok(versions.into_iter().unzip())
}

/// Sealed columns are text, so that whatever was sealed from one is, too.
fn text(new: Option<&Option<SqlValue>>) -> Result<Option<&str>, Failing> {
    match new {
        None | Some(None) => Ok(None),
        Some(Some(SqlValue::Text(text))) => Ok(Some(text)),
        Some(Some(_)) => Err(Failing::Odd("a value for a column of text is no text")),
    }
}

/// One statement for every row: a column that gets no new value stays as it is.
fn update(sql: &PlanSql, plan: &SealPlan) -> String {
    let (mut set, mut given, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (position, column) in plan.columns.iter().enumerate() {
        let name = quoted(&column.name);
        set.push(format!("{name} = coalesce(u.v{position}, t.{name}::text)"));
        if let Some(index) = &column.index_column {
            let index = quoted(index);
            set.push(format!(
                "{index} = CASE WHEN u.v{position} IS NULL THEN t.{index} ELSE u.i{position} END"
            ));
        }
        let first = 4 + 2 * position;
        given.push(format!(", ${first}::text[], ${}::text[]", first + 1));
        names.push(format!(", v{position}, i{position}"));
    }
    format!(
        "UPDATE ONLY {} AS t SET {}
         FROM unnest($1::text[], $2::text[], $3::text[]{}) AS u(place, writer, subject{})
         WHERE t.ctid = u.place::tid AND t.xmin = u.writer::xid AND {} IS NOT DISTINCT FROM u.subject",
        sql.relation.sql(),
        set.join(", "),
        given.concat(),
        names.concat(),
        sql.subject_of_t
    )
}

/// The positions, from 1, of the rows that nobody else holds; they are held by us from now on.
fn free(sql: &PlanSql) -> String {
    format!(
        "SELECT u.position FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u(place, writer, position)
         JOIN ONLY {} AS t ON t.ctid = u.place::tid AND t.xmin = u.writer::xid FOR NO KEY UPDATE OF t SKIP LOCKED",
        sql.relation.sql()
    )
}
