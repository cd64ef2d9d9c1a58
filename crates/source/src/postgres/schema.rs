//! What sealing adds to an application's schema: a domain per sealed column, index columns with their indexes, and the
//! constraints of the domains that refuse plaintext.
//!
//! A column gets its domain before the first value is sealed, while that has no constraint: so its type changes without
//! the table being written anew (`ATColumnChangeRequiresRewrite` in `tablecmds.c`), a limit such as `varchar(40)` goes,
//! and whatever the application writes is taken. The constraint comes last. It is the domain's and not the table's,
//! because the error of a domain names no value and that of a table shows the whole row.

use std::time::Duration;

use privet_vault::port::SealPlan;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::error::Failing;
use super::name::{Relation, SCHEMA, literal, quoted};
use super::plan::is_sealed;
use super::{Waits, catalog};

/// The constraint of a domain that refuses plaintext; errors name it.
pub(super) const CONSTRAINT: &str = "sealed_values_only";
/// What columns were before: their domains and their types.
pub(super) const WAS: &str = "privet.sealed_column";
/// The longest name, `NAMEDATALEN` - 1.
const NAME_BYTES_MAX: usize = 63;

/// One sealed column as it is now.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) declared: String,
    /// Its collation as SQL names it.
    pub(super) collation: Option<String>,
    /// The name of its domain, if that is ours.
    pub(super) domain: Option<String>,
    /// Whether that has the constraint, and whether all that was there before is known to keep it.
    pub(super) guard: Option<Guard>,
}

/// How far a constraint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    New,
    Validated,
}

/// The plan's columns that exist, in the plan's order.
pub(super) async fn columns(
    client: &Client,
    oid: u32,
    plan: &SealPlan,
) -> Result<Vec<Column>, Failing> {
    let sql = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod),
                      CASE WHEN a.attcollation <> 0 THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
                      CASE WHEN tn.nspname = $3 AND t.typtype = 'd' THEN t.typname::text END,
                      k.convalidated
               FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
               LEFT JOIN pg_collation co ON co.oid = a.attcollation LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
               LEFT JOIN pg_constraint k ON k.contypid = t.oid AND k.conname = $4 AND tn.nspname = $3
               WHERE a.attrelid = $1 AND a.attname = ANY ($2) AND a.attnum > 0 AND NOT a.attisdropped
               ORDER BY array_position($2::text[], a.attname::text)";
    let names: Vec<&str> = plan.columns.iter().map(|one| one.name.as_str()).collect();
    let rows = client
        .query(sql, &[&oid, &names, &SCHEMA, &CONSTRAINT])
        .await?;
    rows.iter()
        .map(|row| {
            let validated: Option<bool> = row.try_get(4)?;
            Ok(Column {
                name: row.try_get(0)?,
                declared: row.try_get(1)?,
                collation: row.try_get(2)?,
                domain: row.try_get(3)?,
                guard: validated.map(|yes| if yes { Guard::Validated } else { Guard::New }),
            })
        })
        .collect()
}

pub(super) async fn table(client: &Client, plan: &SealPlan) -> Result<(u32, Relation), Failing> {
    let found = catalog::find(client, &plan.table).await?;
    found.ok_or_else(|| Failing::Unfit(format!("there is no table `{}`", plan.table)))
}

/// Whether the table has a column of this name.
pub(super) async fn has_column(client: &Client, oid: u32, column: &str) -> Result<bool, Failing> {
    let sql = "SELECT FROM pg_attribute WHERE attrelid = $1 AND attname = $2 AND NOT attisdropped";
    Ok(client.query_opt(sql, &[&oid, &column]).await?.is_some())
}

/// Gives the columns their domains and adds index columns, all in one short transaction.
pub(super) async fn prepare(client: &Client, plan: &SealPlan, waits: Waits) -> Result<(), Failing> {
    let (oid, relation) = table(client, plan).await?;
    let mut before = Vec::new();
    let mut alter = Vec::new();
    let mut taken = taken(client).await?;
    for column in columns(client, oid, plan).await? {
        if column.domain.is_some() {
            continue;
        }
        // As errors will name it, or that with a number when it is taken or was too long.
        let domain = free_name(&format!("{}.{}", plan.table, column.name), &taken);
        taken.push(domain.clone());
        before.push(format!(
            "CREATE DOMAIN {SCHEMA}.{} AS text; INSERT INTO {WAS} VALUES ({}, {})",
            quoted(&domain),
            literal(&domain),
            literal(&column.declared)
        ));
        alter.push(format!(
            "ALTER COLUMN {} TYPE {SCHEMA}.{}{}",
            quoted(&column.name),
            quoted(&domain),
            collate(&column)
        ));
    }
    let indexes = plan
        .columns
        .iter()
        .filter_map(|one| one.index_column.as_deref());
    for index in indexes {
        if !has_column(client, oid, index).await? {
            alter.push(format!("ADD COLUMN {} text", quoted(index)));
        }
    }
    if alter.is_empty() {
        return Ok(());
    }
    // Permission to make a schema is asked for even where it exists and none is made.
    let schema = "SELECT FROM pg_namespace WHERE nspname = $1";
    if client.query_opt(schema, &[&SCHEMA]).await?.is_none() {
        before.insert(0, format!("CREATE SCHEMA {SCHEMA}"));
    }
    let was = "SELECT FROM pg_class WHERE oid = to_regclass($1)";
    if client.query_opt(was, &[&WAS]).await?.is_none() {
        let at = usize::from(
            before
                .first()
                .is_some_and(|first| first.starts_with("CREATE SCHEMA")),
        );
        before.insert(
            at,
            format!("CREATE TABLE {WAS} (domain_name text PRIMARY KEY, was text NOT NULL)"),
        );
    }
    before.push(format!(
        "ALTER TABLE {} {}",
        relation.sql(),
        alter.join(", ")
    ));
    waits.shortly(client, &before.join(";\n")).await
}

/// ` COLLATE "schema"."name"`: a domain would bring its own.
pub(super) fn collate(column: &Column) -> String {
    let collation = column.collation.as_ref();
    collation.map_or_else(String::new, |collation| format!(" COLLATE {collation}"))
}

/// The names of types in our schema.
async fn taken(client: &Client) -> Result<Vec<String>, Failing> {
    let sql = "SELECT t.typname::text FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
               WHERE n.nspname = $1";
    let rows = client.query(sql, &[&SCHEMA]).await?;
    Ok(rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?)
}

/// The first of `wanted`, `wanted~2`, `wanted~3` … that is free, cut to the length of names.
pub(super) fn free_name(wanted: &str, taken: &[String]) -> String {
    let cut = |ending: &str| {
        let mut end = wanted.len().min(NAME_BYTES_MAX - ending.len());
        while !wanted.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}{ending}", wanted.get(..end).unwrap_or_default())
    };
    let endings =
        std::iter::once(String::new()).chain((2_u32..).map(|number| format!("~{number}")));
    let mut names = endings.map(|ending| cut(&ending));
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

/// From here on no plaintext is taken: constraints of the domains, put in place while nobody has the table open for
/// writing, so that what was written before can be told from what comes after.
pub(super) async fn guard(client: &Client, plan: &SealPlan, waits: Waits) -> Result<(), Failing> {
    let (oid, relation) = table(client, plan).await?;
    let sealed = is_sealed("VALUE");
    let mut sql = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", relation.sql());
    let mut any = false;
    for column in columns(client, oid, plan).await? {
        if let (Some(domain), None) = (&column.domain, column.guard) {
            any = true;
            sql.push_str(&format!(
                "; ALTER DOMAIN {SCHEMA}.{} ADD CONSTRAINT {CONSTRAINT} CHECK ({sealed}) NOT VALID",
                quoted(domain)
            ));
        }
    }
    if any {
        waits.shortly(client, &sql).await
    } else {
        Ok(())
    }
}

/// What a finished adoption would have and this database has not.
pub(super) async fn gaps(client: &Client, plan: &SealPlan) -> Result<Vec<String>, Failing> {
    let (oid, _) = table(client, plan).await?;
    let table = &plan.table;
    let mut gaps = Vec::new();
    for column in columns(client, oid, plan).await? {
        if column.guard.is_none() {
            gaps.push(format!(
                "column `{}` of table `{table}` has no guard that refuses plaintext",
                column.name
            ));
        }
    }
    for column in &plan.columns {
        let Some(index) = column.index_column.as_deref() else {
            continue;
        };
        if !has_column(client, oid, index).await? {
            gaps.push(format!(
                "table `{table}` has no column `{index}` for the blind index"
            ));
        }
        let found = super::index::find(client, oid, index).await?;
        if !found.iter().any(|one| one.serves(column.unique)) {
            let unique = if column.unique { "unique " } else { "" };
            gaps.push(format!("table `{table}` has no {unique}index on `{index}`"));
        }
    }
    Ok(gaps)
}

impl Waits {
    /// Runs these statements in one transaction that waits for locks only for a moment each time: whoever comes after a
    /// waiting lock waits for it, too. Tried again until the time is over.
    pub(super) async fn shortly(self, client: &Client, sql: &str) -> Result<(), Failing> {
        let mut tries = Tries::new(self, client).await?;
        loop {
            let whole = format!(
                "BEGIN; SET LOCAL lock_timeout = '{}ms'; {sql}; COMMIT",
                tries.lock_ms()
            );
            let Err(error) = client.batch_execute(&whole).await else {
                return Ok(());
            };
            client.batch_execute("ROLLBACK").await?;
            tries.again(error.into()).await?;
        }
    }

    /// Runs one statement that may not stand in a transaction and lets everybody read and write the table, before it has its
    /// lock and after. So it may wait for as long as it takes: nobody waits behind it but other such work. A shorter wait
    /// would end before the server takes an autovacuum off the table, which it does after `deadlock_timeout`; and an index
    /// that is made beside its table waits for older transactions, too.
    pub(super) async fn aside(self, client: &Client, sql: &str) -> Result<(), Failing> {
        let bound = format!("SET lock_timeout = '{}ms'", self.aside.as_millis());
        client.batch_execute(&bound).await?;
        let done = client.batch_execute(sql).await.map_err(Failing::from);
        client.batch_execute("SET lock_timeout = 0").await?;
        match done {
            Err(failing) if failing.is(&SqlState::LOCK_NOT_AVAILABLE) => Err(Failing::Locked),
            other => other,
        }
    }

    /// Runs one statement that may not stand in a transaction, as [`shortly`](Self::shortly) does.
    pub(super) async fn alone(self, client: &Client, sql: &str) -> Result<(), Failing> {
        let mut tries = Tries::new(self, client).await?;
        let done = loop {
            let bound = format!("SET lock_timeout = '{}ms'", tries.lock_ms());
            client.batch_execute(&bound).await?;
            let failing = match client.batch_execute(sql).await {
                Ok(()) => break Ok(()),
                Err(error) => Failing::from(error),
            };
            if let Err(failing) = tries.again(failing).await {
                break Err(failing);
            }
        };
        client.batch_execute("SET lock_timeout = 0").await?;
        done
    }
}

/// The tries to get a lock. Each waits for a moment only, since whoever comes after a waiting lock waits for it, too; every
/// fourth waits for a moment longer than the server needs to take an autovacuum off the table, which would otherwise keep it
/// for as long as its work takes.
struct Tries {
    waits: Waits,
    /// `deadlock_timeout`, and a moment.
    long: Duration,
    made: u32,
    pause: Duration,
    waited: Duration,
}

/// Nobody is made to wait for longer than this, whatever the server's `deadlock_timeout` is.
const LONG_MAX: Duration = Duration::from_millis(1_500);

impl Tries {
    async fn new(waits: Waits, client: &Client) -> Result<Self, Failing> {
        let sql = "SELECT setting::int8 FROM pg_settings WHERE name = 'deadlock_timeout'";
        let timeout: i64 = client.query_one(sql, &[]).await?.try_get(0)?;
        let long = Duration::from_millis(timeout.unsigned_abs()) + waits.lock;
        Ok(Self {
            waits,
            long: if long > LONG_MAX { waits.lock } else { long },
            made: 0,
            pause: Duration::from_millis(50),
            waited: Duration::ZERO,
        })
    }

    fn lock(&self) -> Duration {
        match self.made % 4 {
            3 => self.long,
            _ => self.waits.lock,
        }
    }

    fn lock_ms(&self) -> u128 {
        self.lock().as_millis()
    }

    /// Waits until the next try, after one that failed; an error ends them.
    async fn again(&mut self, failing: Failing) -> Result<(), Failing> {
        if !failing.is_lock() {
            return Err(failing);
        }
        if self.waited >= self.waits.total {
            return Err(Failing::Locked);
        }
        tokio::time::sleep(self.pause).await;
        self.waited += self.pause + self.lock();
        self.pause = (self.pause * 2).min(Duration::from_secs(2));
        self.made += 1;
        Ok(())
    }
}

/// Whether the server stopped a statement because its time was over.
pub(super) fn is_timeout(failing: &Failing) -> bool {
    failing.is(&SqlState::QUERY_CANCELED)
}
