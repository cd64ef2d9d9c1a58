//! What stands in the way of sealing, found before anything is changed.
//!
//! A sealed value is other text than the value, and different each time. Whatever computes with the column would break or
//! keep plaintext elsewhere. What depends on a column is what the server itself says (`pg_depend`), so that nothing is
//! overlooked; only what functions do is read from their text, and there a name that looks like the column's counts.

mod column;

use privet_vault::port::{Catalog, SealPlan};
use tokio_postgres::Client;

use super::catalog;
use super::connect::Session;
use super::error::Failing;
use super::name::{Relation, SCHEMA, quoted};
use super::plan::PlanSql;
use super::schema::{self, Column};
use crate::sqlite::text::mentions;

/// All of them, for all plans.
pub(super) async fn find(session: &Session, plans: &[SealPlan]) -> Result<Vec<String>, Failing> {
    let catalog = catalog::read(&session.client).await?;
    let mut found = Vec::new();
    if !plans.is_empty() {
        rights(&session.client, &mut found).await?;
    }
    for plan in plans {
        let Some((oid, relation)) = catalog::find(&session.client, &plan.table).await? else {
            found.push(format!("there is no table `{}`", plan.table));
            continue;
        };
        let look = Look {
            client: &session.client,
            silent: session.silent,
            catalog: &catalog,
            plan,
            oid,
            relation: &relation,
        };
        if look.table(&mut found).await? {
            look.way(&mut found);
            look.triggers(&mut found).await?;
            look.columns(&mut found).await?;
        }
    }
    Ok(found)
}

/// Whether the role may make what lies in a schema of ours.
async fn rights(client: &Client, found: &mut Vec<String>) -> Result<(), Failing> {
    let sql = "SELECT current_user::text, current_database()::text,
                      CASE WHEN to_regnamespace($1) IS NULL
                           THEN has_database_privilege(current_database(), 'CREATE')
                           ELSE has_schema_privilege(to_regnamespace($1), 'CREATE, USAGE') END";
    let row = client.query_one(sql, &[&SCHEMA]).await?;
    let (role, database): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if !row.try_get::<_, bool>(2)? {
        found.push(format!(
            "role `{role}` may not make schema `{SCHEMA}`, in which Privet keeps its own: let it \
             (`GRANT CREATE ON DATABASE {} TO {}`), or make it for it (`CREATE SCHEMA {SCHEMA} AUTHORIZATION {}`)",
            quoted(&database),
            quoted(&role),
            quoted(&role)
        ));
    }
    Ok(())
}

struct Look<'a> {
    client: &'a Client,
    /// Whether ordinary triggers stay silent for what our connection writes.
    silent: bool,
    catalog: &'a Catalog,
    plan: &'a SealPlan,
    oid: u32,
    relation: &'a Relation,
}

impl Look<'_> {
    /// Whether rows of this table can be worked through at all.
    async fn table(&self, found: &mut Vec<String>) -> Result<bool, Failing> {
        let sql = "SELECT c.relkind::text, c.relispartition,
                          EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid OR inhparent = c.oid),
                          pg_has_role(current_user, c.relowner, 'USAGE'), pg_get_userbyid(c.relowner)::text,
                          c.relforcerowsecurity AND c.relrowsecurity
                            AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
                          (SELECT string_agg(format('`%s`', rulename), ', ') FROM pg_rewrite
                           WHERE ev_class = c.oid AND rulename <> '_RETURN'),
                          (SELECT string_agg(format('`%s` of `%s`', a.attname, o.relname), ', ')
                           FROM pg_attribute a JOIN pg_class o ON o.oid = a.attrelid JOIN pg_type t ON t.oid = c.reltype
                           WHERE a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped AND o.relkind IN ('r', 'p', 'm'))
                   FROM pg_class c WHERE c.oid = $1";
        let row = self.client.query_one(sql, &[&self.oid]).await?;
        let (kind, name) = (row.try_get::<_, String>(0)?, &self.plan.table);
        let before = found.len();
        let mut say = |what: String| found.push(format!("table `{name}` {what}"));
        if kind == "f" {
            say("is a foreign table: adopt the database that holds its rows".into());
        } else if kind == "p" {
            say("is partitioned, which adopting cannot work through: list none of its columns as a field".into());
        } else if row.try_get(1)? {
            say("is a partition, which cannot be sealed without the others: list none of its columns as a field".into());
        } else if row.try_get(2)? {
            say("inherits from another or is inherited from, which adopting cannot work through: end that first (`ALTER TABLE … NO INHERIT …`)".into());
        }
        if !row.try_get::<_, bool>(3)? {
            say(format!(
                "belongs to role `{}`, and only the owner may change it: log in as that role (`postgres.owner`)",
                row.try_get::<_, String>(4)?
            ));
        }
        if row.try_get(5)? {
            say("forces its row security on its owner, which hides rows from adopting: give the role BYPASSRLS, or switch it off meanwhile (`ALTER TABLE … NO FORCE ROW LEVEL SECURITY`)".into());
        }
        if let Some(rules) = row.try_get::<_, Option<String>>(6)? {
            say(format!(
                "has the rules {rules}, which would change what adopting writes: drop them first"
            ));
        }
        if let Some(users) = row.try_get::<_, Option<String>>(7)? {
            say(format!(
                "is the type of column {users}, which would keep whole rows: drop that first"
            ));
        }
        if found.len() > before {
            return Ok(false);
        }
        match PlanSql::new(self.client, self.plan).await {
            Ok(_) => Ok(true),
            Err(Failing::Unfit(why)) => {
                found.push(why);
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Each step leads to at most one row.
    fn way(&self, found: &mut Vec<String>) {
        for hop in &self.plan.hops {
            let Some(parent) = self.catalog.table(&hop.parent) else {
                found.push(format!(
                    "the way from `{}` to its subject needs table `{}`",
                    self.plan.table, hop.parent
                ));
                return;
            };
            let columns: Vec<&str> = hop
                .columns
                .iter()
                .map(|(_, there)| there.as_str())
                .collect();
            if !parent.is_unique(&columns) {
                let (what, names) = match columns.as_slice() {
                    [only] => ("column", (*only).to_owned()),
                    several => ("the key", several.join(", ")),
                };
                found.push(format!(
                    "{what} `{names}` of table `{}` is not unique, so that a row of `{}` could belong to two subjects: \
                     make it unique",
                    hop.parent, self.plan.table
                ));
            }
        }
    }

    /// Triggers that name a sealed column, and those that would fire for each row that is sealed.
    async fn triggers(&self, found: &mut Vec<String>) -> Result<(), Failing> {
        // 16: fires for UPDATE (`TRIGGER_TYPE_UPDATE`).
        let sql = "SELECT t.tgname::text, t.tgenabled::text, t.tgtype & 16 <> 0, pg_get_triggerdef(t.oid), p.prosrc
                   FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                   WHERE t.tgrelid = $1 AND NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY 1";
        for row in self.client.query(sql, &[&self.oid]).await? {
            let (name, enabled): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let (text, source): (String, String) = (row.try_get(3)?, row.try_get(4)?);
            let table = &self.plan.table;
            let drop = format!(
                "`DROP TRIGGER {} ON {}`",
                quoted(&name),
                self.relation.sql()
            );
            let named = self.plan.columns.iter().map(|column| &column.name);
            for column in named.filter(|name| mentions(&text, name) || mentions(&source, name)) {
                found.push(format!(
                    "column `{column}` of table `{table}` is named in trigger `{name}`, which would work on sealed values \
                     or keep copies: drop it first ({drop})"
                ));
            }
            // `O` fires where ordinary sessions write, `R` where replicas do, as which we write, `A` always.
            let fires = match enabled.as_str() {
                "O" => !self.silent,
                "R" => self.silent,
                _ => true,
            };
            if !(fires && row.try_get::<_, bool>(2)?) {
                continue;
            }
            let advice = if enabled == "O" {
                "let the owner's role keep triggers silent (`GRANT SET ON PARAMETER session_replication_role TO …`, from \
                 PostgreSQL 15 on, else as superuser), or disable it meanwhile"
            } else {
                "disable it meanwhile"
            };
            found.push(format!(
                "trigger `{name}` of table `{table}` would fire for each row that is sealed: {advice} (`ALTER TABLE {} \
                 DISABLE TRIGGER {}`)",
                self.relation.sql(),
                quoted(&name)
            ));
        }
        Ok(())
    }

    async fn columns(&self, found: &mut Vec<String>) -> Result<(), Failing> {
        let there = schema::columns(self.client, self.oid, self.plan).await?;
        for planned in &self.plan.columns {
            let Some(column) = there.iter().find(|one| one.name == planned.name) else {
                found.push(format!(
                    "column `{}` of table `{}` does not exist",
                    planned.name, self.plan.table
                ));
                continue;
            };
            self.column(planned, column, found).await?;
        }
        Ok(())
    }

    /// Whether the table has a row for which this holds.
    async fn any(&self, condition: &str) -> Result<bool, Failing> {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM ONLY {} AS t WHERE {condition})",
            self.relation.sql()
        );
        Ok(self.client.query_one(&sql, &[]).await?.try_get(0)?)
    }
}

/// `ALTER TABLE "public"."customer" …`.
fn alter(relation: &Relation, what: &str) -> String {
    format!("`ALTER TABLE {} {what}`", relation.sql())
}

/// Whether the column has its domain already, so that its type changes no more.
fn is_ours(column: &Column) -> bool {
    column.domain.is_some()
}
