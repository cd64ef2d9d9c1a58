//! The indexes on blind-index columns, made without keeping anybody from writing.

use std::time::Duration;

use privet_vault::port::SealPlan;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Waits;
use super::error::Failing;
use super::name::quoted;
use super::schema::{free_name, table};

/// The names of our indexes begin so.
pub(super) const INDEX_PREFIX: &str = "privet_px_";

/// An index on one column alone.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) name: String,
    unique: bool,
    valid: bool,
}

impl Index {
    /// Whether it does what an index on a blind-index column has to do.
    pub(super) fn serves(&self, unique: bool) -> bool {
        self.valid && self.unique == unique
    }
}

/// The whole indexes on this column alone.
pub(super) async fn find(client: &Client, oid: u32, column: &str) -> Result<Vec<Index>, Failing> {
    let sql = "SELECT c.relname::text, i.indisunique, i.indisvalid
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
               WHERE i.indrelid = $1 AND a.attname = $2 AND i.indnatts = 1 AND i.indpred IS NULL AND m.amname = 'btree'
               ORDER BY 1";
    let rows = client.query(sql, &[&oid, &column]).await?;
    rows.iter()
        .map(|row| {
            Ok(Index {
                name: row.try_get(0)?,
                unique: row.try_get(1)?,
                valid: row.try_get(2)?,
            })
        })
        .collect()
}

/// How often a deadlock is broken by giving way: who makes another index on the table, or still makes ours for a server that
/// was killed, waits for us as we wait for them.
const DEADLOCKS_MAX: u32 = 5;

/// How long is waited then.
const DEADLOCK_PAUSE: Duration = Duration::from_secs(1);

/// Makes those that are missing, in place of what an earlier try left unfinished.
pub(super) async fn make(client: &Client, plan: &SealPlan, waits: Waits) -> Result<(), Failing> {
    for _ in 0..DEADLOCKS_MAX {
        match make_once(client, plan, waits).await {
            Err(failing) if failing.is_lock() => tokio::time::sleep(DEADLOCK_PAUSE).await,
            other => return other,
        }
    }
    make_once(client, plan, waits).await
}

async fn make_once(client: &Client, plan: &SealPlan, waits: Waits) -> Result<(), Failing> {
    let (oid, relation) = table(client, plan).await?;
    for column in &plan.columns {
        let Some(index) = column.index_column.as_deref() else {
            continue;
        };
        let found = find(client, oid, index).await?;
        if found.iter().any(|one| one.serves(column.unique)) {
            continue;
        }
        for one in &found {
            if one.name.starts_with(INDEX_PREFIX) {
                let schema = quoted(&relation.schema);
                let sql = format!("DROP INDEX CONCURRENTLY {schema}.{}", quoted(&one.name));
                waits.aside(client, &sql).await?;
            }
        }
        let name = free_name(
            &format!("{INDEX_PREFIX}{}_{}", relation.name, column.name),
            &taken(client, &relation.schema).await?,
        );
        let unique = if column.unique { "UNIQUE " } else { "" };
        let sql = format!(
            "CREATE {unique}INDEX CONCURRENTLY {} ON {} ({})",
            quoted(&name),
            relation.sql(),
            quoted(index)
        );
        let made = waits.aside(client, &sql).await;
        made.map_err(|failing| not_unique(failing, plan))?;
    }
    Ok(())
}

async fn taken(client: &Client, schema: &str) -> Result<Vec<String>, Failing> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1";
    let rows = client.query(sql, &[&schema]).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?)
}

/// The same for whoever writes rows and whoever makes the index: one of them was first.
pub(super) fn not_unique(failing: Failing, plan: &SealPlan) -> Failing {
    if failing.is(&SqlState::UNIQUE_VIOLATION) {
        return Failing::Unfit(format!(
            "two rows of table `{}` have the same value in a field that the data map calls unique: a row was added \
             during the adoption; correct it and start again",
            plan.table
        ));
    }
    failing
}
