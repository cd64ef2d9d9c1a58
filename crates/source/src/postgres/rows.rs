//! Reading the rows of people, in the order of a table's key, however many people there are.

use std::sync::Arc;

use privet_vault::port::{PersonalRow, ReadPlan, RootKeys, RowKey, SqlValue};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use super::connect::Session;
use super::error::Failing;
use super::person::{Person, Target};
use super::plan::{Key, of_t};
use super::seal::key_parameters;

/// What batches are planned with: unlike those of sealing, each is about few rows among many, or many among many, and only the
/// server knows which.
const BEGIN: &str =
    "BEGIN READ ONLY; SET LOCAL enable_sort = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
     SET LOCAL plan_cache_mode = force_custom_plan";

/// A plan as SQL.
#[derive(Debug)]
pub(super) struct ReadSql {
    from: String,
    key: Key,
    people: Vec<Person>,
    /// The plan's columns, each as what it is read as, with the type that comes.
    columns: Vec<(String, Comes)>,
}

/// As what a value comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    Integer,
    Real,
    Bytes,
    Text,
}

impl ReadSql {
    pub(super) async fn new(client: &Client, plan: &ReadPlan) -> Result<Self, Failing> {
        let target = Target::find(client, &plan.table).await?;
        let key = Key::of(client, target.oid, &plan.table).await?;
        let mut from = format!("FROM {} AS t", target.from());
        let mut people = Vec::with_capacity(plan.ways.len());
        for (position, way) in plan.ways.iter().enumerate() {
            let joined =
                Person::join(client, &mut from, target.oid, way, position, "LEFT JOIN").await?;
            people.push(joined);
        }
        Ok(Self {
            from,
            key,
            people,
            columns: columns(client, target.oid, plan).await?,
        })
    }

    fn text(&self, is_first: bool) -> String {
        let mut parts = self.key.texts();
        parts.extend(self.people.iter().map(Person::text));
        parts.extend(self.columns.iter().map(|(column, _)| column.clone()));
        let first = 2 + self.people.len();
        let beyond = if is_first {
            "true".to_owned()
        } else {
            self.key.beyond(first)
        };
        let wanted = self.people.iter().enumerate();
        let wanted: Vec<String> = wanted
            .map(|(position, person)| person.is_among(2 + position))
            .collect();
        format!(
            "SELECT {} {} WHERE {beyond} AND ({}) {} LIMIT $1::int8",
            parts.join(", "),
            self.from,
            wanted.join(" OR "),
            self.key.order()
        )
    }
}

/// Whole numbers, doubles and bytes as they are; everything else as the text that the server makes of it.
async fn columns(
    client: &Client,
    oid: u32,
    plan: &ReadPlan,
) -> Result<Vec<(String, Comes)>, Failing> {
    let sql = "SELECT t.typname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
               WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped";
    let mut columns = Vec::with_capacity(plan.columns.len());
    for name in &plan.columns {
        let row = client.query_opt(sql, &[&oid, name]).await?;
        let row = row.ok_or_else(|| {
            Failing::Unfit(format!("table `{}` has no column `{name}`", plan.table))
        })?;
        let column = of_t(name);
        columns.push(match row.try_get::<_, String>(0)?.as_str() {
            "int2" | "int4" | "int8" => (format!("{column}::int8"), Comes::Integer),
            // By way of its shortest text, so that `0.1` stays `0.1`.
            "float4" => (format!("{column}::text::float8"), Comes::Real),
            "float8" => (column, Comes::Real),
            "bytea" => (column, Comes::Bytes),
            _ => (format!("{column}::text"), Comes::Text),
        });
    }
    Ok(columns)
}

/// The next rows that lead to somebody in `people`.
pub(super) async fn read(
    session: &mut Session,
    plan: &ReadPlan,
    people: &RootKeys,
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<PersonalRow>, Failing> {
    let sql: Arc<ReadSql> = session.reading(plan).await?;
    let lists: Vec<Vec<&str>> = sql
        .people
        .iter()
        .zip(&plan.ways)
        .map(|(person, way)| {
            let keys = people.get(&way.root_table).into_iter().flatten();
            let keys = keys.map(String::as_str);
            keys.filter(|key| person.fits(key)).collect()
        })
        .collect();
    let statement = session.statement(&sql.text(after.is_none())).await?;
    let limit = i64::from(rows_max);
    let mut given: Vec<&(dyn ToSql + Sync)> = vec![&limit];
    given.extend(lists.iter().map(|list| list as &(dyn ToSql + Sync)));
    given.extend(key_parameters(&sql.key, after)?);
    let client = &session.client;
    let (begun, rows, committed) = tokio::join!(
        biased;
        client.batch_execute(BEGIN),
        client.query(&statement, &given),
        client.batch_execute("COMMIT"),
    );
    begun?;
    let rows = rows?;
    committed?;
    rows.iter().map(|row| personal(row, &sql)).collect()
}

fn personal(row: &Row, sql: &ReadSql) -> Result<PersonalRow, Failing> {
    let mut at = sql.key.len();
    // Made first, so that what it has got is overwritten if the rest cannot be read.
    let mut read = PersonalRow {
        key: sql.key.of_row(row, 0)?,
        people: Vec::with_capacity(sql.people.len()),
        values: Vec::with_capacity(sql.columns.len()),
    };
    for _ in &sql.people {
        read.people.push(row.try_get(at)?);
        at += 1;
    }
    for (_, comes) in &sql.columns {
        let value = match comes {
            Comes::Integer => row.try_get::<_, Option<i64>>(at)?.map(SqlValue::Integer),
            Comes::Real => row.try_get::<_, Option<f64>>(at)?.map(SqlValue::Real),
            Comes::Bytes => row.try_get::<_, Option<Vec<u8>>>(at)?.map(SqlValue::Blob),
            Comes::Text => row.try_get::<_, Option<String>>(at)?.map(SqlValue::Text),
        };
        read.values.push(value.unwrap_or(SqlValue::Null));
        at += 1;
    }
    Ok(read)
}
