//! Taking an adoption back: plaintext is taken again, then what sealing had added goes, and columns get the types that
//! they had.

use privet_vault::port::SealPlan;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Waits;
use super::error::Failing;
use super::name::{SCHEMA, literal, quoted};
use super::plan::is_sealed;
use super::schema::{CONSTRAINT, WAS, collate, columns, has_column, table};

/// Lets plaintext in again.
pub(super) async fn unguard(
    client: &Client,
    plans: &[SealPlan],
    waits: Waits,
) -> Result<(), Failing> {
    for plan in plans {
        let (oid, _) = table(client, plan).await?;
        let mut sql = Vec::new();
        for column in columns(client, oid, plan).await? {
            if let (Some(domain), Some(_)) = (&column.domain, column.guard) {
                let domain = quoted(domain);
                sql.push(format!(
                    "ALTER DOMAIN {SCHEMA}.{domain} DROP CONSTRAINT {CONSTRAINT}"
                ));
            }
        }
        if !sql.is_empty() {
            waits.shortly(client, &sql.join("; ")).await?;
        }
    }
    Ok(())
}

/// Takes away what sealing added. A column that had a limited type gets it back, for which the server writes the table
/// anew under a lock; unless values stay sealed, which are longer: that column becomes `text`, and is named.
pub(super) async fn unprepare(
    client: &Client,
    plans: &[SealPlan],
    waits: Waits,
) -> Result<Vec<String>, Failing> {
    let mut notes = Vec::new();
    for plan in plans {
        let (oid, relation) = table(client, plan).await?;
        let mut alter = Vec::new();
        let mut after = Vec::new();
        for column in columns(client, oid, plan).await? {
            let Some(domain) = &column.domain else {
                continue;
            };
            let sql = format!("SELECT was FROM {WAS} WHERE domain_name = $1");
            let was = client.query_opt(&sql, &[domain]).await?;
            let was: Option<String> = was.map(|row| row.try_get(0)).transpose()?;
            let name = quoted(&column.name);
            let any = format!(
                "SELECT EXISTS (SELECT FROM ONLY {} WHERE {})",
                relation.sql(),
                is_sealed(&name)
            );
            let sealed: bool = client.query_one(&any, &[]).await?.try_get(0)?;
            let kind = match was {
                Some(was) if !(sealed && was.contains('(')) => was,
                Some(was) => {
                    notes.push(format!(
                        "column `{}` of table `{}` was `{was}` and becomes `text`, because it holds values that stay sealed",
                        column.name, plan.table
                    ));
                    "text".to_owned()
                }
                None => "text".to_owned(),
            };
            alter.push(format!(
                "ALTER COLUMN {name} TYPE {kind}{}",
                collate(&column)
            ));
            after.push(format!(
                "DROP DOMAIN {SCHEMA}.{}; DELETE FROM {WAS} WHERE domain_name = {}",
                quoted(domain),
                literal(domain)
            ));
        }
        for index in plan
            .columns
            .iter()
            .filter_map(|one| one.index_column.as_deref())
        {
            if has_column(client, oid, index).await? {
                alter.push(format!("DROP COLUMN {}", quoted(index)));
            }
        }
        if !alter.is_empty() {
            after.insert(
                0,
                format!("ALTER TABLE {} {}", relation.sql(), alter.join(", ")),
            );
            waits.shortly(client, &after.join("; ")).await?;
        }
        waits
            .aside(client, &format!("ANALYZE {}", relation.sql()))
            .await?;
    }
    remove_schema(client, waits).await?;
    Ok(notes)
}

/// Our schema goes with the last column, unless somebody else keeps something in it or made it.
async fn remove_schema(client: &Client, waits: Waits) -> Result<(), Failing> {
    let exists = client
        .query_opt("SELECT FROM pg_class WHERE oid = to_regclass($1)", &[&WAS])
        .await?;
    if exists.is_none() {
        return Ok(());
    }
    let any = format!("SELECT EXISTS (SELECT FROM {WAS})");
    if client.query_one(&any, &[]).await?.try_get(0)? {
        return Ok(());
    }
    waits.shortly(client, &format!("DROP TABLE {WAS}")).await?;
    match waits
        .shortly(client, &format!("DROP SCHEMA {SCHEMA}"))
        .await
    {
        Err(failing)
            if failing.is(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST)
                || failing.is(&SqlState::INSUFFICIENT_PRIVILEGE) =>
        {
            Ok(())
        }
        other => other,
    }
}
