//! The end of an adoption: constraints validated, statistics made anew, and what can be said of where plaintext remains.

use privet_vault::port::{Clearing, SealPlan};
use tokio_postgres::Client;

use super::Waits;
use super::error::Failing;
use super::name::{SCHEMA, quoted};
use super::schema::{CONSTRAINT, Guard, columns, is_timeout, table};

/// How long validating may keep others from writing: before PostgreSQL 18 it holds a lock that stops them.
const VALIDATE_MS: u32 = 2_000;

/// Validates, rewrites if that was asked for, and makes statistics anew. Answers what is worth knowing.
pub(super) async fn finish(
    client: &Client,
    plans: &[SealPlan],
    clearing: Clearing,
    waits: Waits,
) -> Result<Vec<String>, Failing> {
    let mut notes = Vec::new();
    for plan in plans {
        notes.extend(validate(client, plan, clearing).await?);
        let (_, relation) = table(client, plan).await?;
        let table = relation.sql();
        match clearing {
            Clearing::Rewrite => {
                waits
                    .alone(client, &format!("VACUUM (FULL, ANALYZE) {table}"))
                    .await?;
            }
            Clearing::Leave => waits.aside(client, &format!("ANALYZE {table}")).await?,
        }
    }
    notes.extend(remains(client, plans, clearing).await?);
    Ok(notes)
}

async fn validate(
    client: &Client,
    plan: &SealPlan,
    clearing: Clearing,
) -> Result<Option<String>, Failing> {
    let (oid, _) = table(client, plan).await?;
    let mut open = Vec::new();
    for column in columns(client, oid, plan).await? {
        let (Some(domain), Some(Guard::New)) = (&column.domain, column.guard) else {
            continue;
        };
        let bound = match clearing {
            Clearing::Rewrite => 0,
            Clearing::Leave => VALIDATE_MS,
        };
        let domain = quoted(domain);
        let sql = format!(
            "BEGIN; SET LOCAL statement_timeout = {bound};
             ALTER DOMAIN {SCHEMA}.{domain} VALIDATE CONSTRAINT {CONSTRAINT}; COMMIT"
        );
        if let Err(error) = client.batch_execute(&sql).await {
            client.batch_execute("ROLLBACK").await?;
            let failing = Failing::from(error);
            let left = failing.is(&tokio_postgres::error::SqlState::CHECK_VIOLATION);
            if !(left || is_timeout(&failing) || failing.is_lock()) {
                return Err(failing);
            }
            open.push(format!(
                "ALTER DOMAIN {SCHEMA}.{domain} VALIDATE CONSTRAINT {CONSTRAINT}"
            ));
        }
    }
    Ok((!open.is_empty()).then(|| {
        format!(
            "table `{}` takes no plaintext any more, but that its old rows hold none was not validated, which would have \
             stopped writers for longer than {} s or found the values that are left: in a quiet hour, run `{}`",
            plan.table,
            VALIDATE_MS / 1_000,
            open.join("; ")
        )
    }))
}

/// Where plaintext may still be. What a rewrite removed is left out.
async fn remains(
    client: &Client,
    plans: &[SealPlan],
    clearing: Clearing,
) -> Result<Vec<String>, Failing> {
    let mut notes = Vec::new();
    if clearing == Clearing::Leave && !plans.is_empty() {
        let tables: Vec<String> = plans
            .iter()
            .map(|plan| format!("`{}`", plan.table))
            .collect();
        notes.push(format!(
            "old values remain in dead rows and free space of {} until they are overwritten: `--rewrite` removes them, \
             under a lock that stops readers and writers",
            tables.join(", ")
        ));
    }
    notes.push(
        "old values remain in dead rows of the statistics until a superuser runs `VACUUM FULL pg_catalog.pg_statistic`"
            .to_owned(),
    );
    let sql = "SELECT current_setting('archive_mode') <> 'off',
                      (SELECT count(*) FROM pg_stat_get_wal_senders()),
                      (SELECT count(*) FROM pg_replication_slots),
                      (SELECT string_agg(DISTINCT format('`%s`', pubname), ', ') FROM pg_publication),
                      current_setting('log_parameter_max_length') = '0'
                        OR (current_setting('log_statement') IN ('none', 'ddl')
                            AND current_setting('log_min_duration_statement') = '-1'
                            AND current_setting('log_min_duration_sample') = '-1')";
    let row = client.query_one(sql, &[]).await?;
    let (archived, senders): (bool, i64) = (row.try_get(0)?, row.try_get(1)?);
    let (slots, publications): (i64, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
    let wal = if archived {
        "in write-ahead log, also where it is archived,"
    } else {
        "in write-ahead log"
    };
    notes.push(format!(
        "old values remain {wal} until it is recycled or deleted, and in backups from before"
    ));
    if senders + slots > 0 {
        notes.push(
            "standbys follow, dead rows included; whatever reads a logical replication slot has kept what it read"
                .to_owned(),
        );
    }
    if let Some(publications) = publications {
        notes.push(format!(
            "where published ({publications}), subscribers get sealed values from now on: make their columns `text`, \
             and remove their old values"
        ));
    }
    if !row.try_get::<_, bool>(4)? {
        notes.push(
            "this server may log the parameters of statements: what applications wrote in plaintext is in its log"
                .to_owned(),
        );
    }
    Ok(notes)
}
