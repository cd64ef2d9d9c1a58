//! What stands in the way of sealing, found before anything is changed.
//!
//! A sealed value is other text than the value, and different each time. Whatever computes with the
//! column (a CHECK, a generated column, an index expression, a trigger) would break or keep plaintext
//! elsewhere. Reading SQL text decides only to refuse: a name that merely looks like the column's
//! counts as one.

use privet_vault::port::{Catalog, IndexInfo, SealPlan, SealPlanColumn, TableInfo};
use rusqlite::{Connection, OptionalExtension};

use super::catalog;
use super::error::Failing;
use super::name::{OWN_PREFIX, quoted};
use super::plan::{PlanSql, of_t};
use super::schema::has_column;
use super::text::{clause_mentions, mentions};

/// All of them, for all plans.
pub(crate) fn find(
    connection: &mut Connection,
    plans: &[SealPlan],
) -> Result<Vec<String>, Failing> {
    let catalog = catalog::read(connection)?;
    let transaction = connection.transaction()?;
    let triggers = texts(&transaction, "trigger")?;
    let tables = texts(&transaction, "table")?;
    let mut found = Vec::new();
    for plan in plans {
        let Some(table) = catalog.table(&plan.table) else {
            found.push(format!("there is no table `{}`", plan.table));
            continue;
        };
        let form = form(&transaction, &plan.table)?;
        let own = tables
            .iter()
            .find(|text| text.name.eq_ignore_ascii_case(&plan.table));
        let look = Look {
            connection: &transaction,
            catalog: &catalog,
            plan,
            table,
            sql: own.map_or("", |text| text.sql.as_str()),
            strict: form.strict,
            triggers: &triggers,
            tables: &tables,
        };
        if look.rows(&form, &mut found)? {
            look.way(&mut found);
            for column in &plan.columns {
                look.column(column, &mut found)?;
            }
            look.full_text(&mut found);
        }
    }
    Ok(found)
}

/// An object of the schema with its text.
struct Text {
    name: String,
    table: String,
    sql: String,
}

fn texts(connection: &Connection, kind: &str) -> rusqlite::Result<Vec<Text>> {
    connection
        .prepare("SELECT name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema WHERE type = ?1 ORDER BY name")?
        .query_map([kind], |row| Ok(Text { name: row.get(0)?, table: row.get(1)?, sql: row.get(2)? }))?
        .collect()
}

/// What only SQLite's own list of tables says.
#[derive(Default)]
struct Form {
    without_rowid: bool,
    strict: bool,
}

fn form(connection: &Connection, table: &str) -> rusqlite::Result<Form> {
    let sql = "SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE";
    let form = connection
        .query_row(sql, [table], |row| {
            Ok(Form {
                without_rowid: row.get(0)?,
                strict: row.get(1)?,
            })
        })
        .optional()?;
    Ok(form.unwrap_or_default())
}

struct Look<'a> {
    connection: &'a Connection,
    catalog: &'a Catalog,
    plan: &'a SealPlan,
    table: &'a TableInfo,
    sql: &'a str,
    strict: bool,
    triggers: &'a [Text],
    tables: &'a [Text],
}

impl Look<'_> {
    /// Whether rows of this table can be worked through at all.
    fn rows(&self, form: &Form, found: &mut Vec<String>) -> Result<bool, Failing> {
        let name = &self.table.name;
        if self.table.is_virtual {
            found.push(format!("table `{name}` is a virtual table and keeps its values elsewhere: take it out of the data map"));
            return Ok(false);
        }
        if form.without_rowid {
            found.push(format!(
                "table `{name}` is WITHOUT ROWID, which adopting cannot work through: build it anew as an ordinary table"
            ));
            return Ok(false);
        }
        match PlanSql::new(self.connection, self.plan) {
            Ok(_) => Ok(true),
            Err(Failing::Unfit(why)) => {
                found.push(why);
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    /// Each step leads to at most one row, and nothing on the way is sealed.
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

    fn column(&self, column: &SealPlanColumn, found: &mut Vec<String>) -> Result<(), Failing> {
        let (table, name) = (&self.table.name, &column.name);
        let mut say =
            |what: String| found.push(format!("column `{name}` of table `{table}` {what}"));
        let Some(info) = self.table.column(name) else {
            say("does not exist".into());
            return Ok(());
        };
        if info.generated {
            say("is generated: seal the columns that it is made from, and drop it".into());
        }
        if self
            .table
            .primary_key
            .iter()
            .any(|key| key.eq_ignore_ascii_case(name))
        {
            say("is part of the primary key: give the table another key first".into());
        }
        let declared = info.declared_type.to_ascii_uppercase();
        if self.strict && !matches!(declared.as_str(), "TEXT" | "ANY") {
            say(format!(
                "is {declared} in a STRICT table: sealed values are text, so make it TEXT or ANY"
            ));
        }
        if clause_mentions(self.sql, "CHECK", name) {
            say("is named in a CHECK constraint, which sealed values would fail: build the table anew without it".into());
        }
        if !info.generated && clause_mentions(self.sql, "AS", name) {
            say("feeds a generated column, which would be made from sealed values: drop that column".into());
        }
        self.references(name, &mut say);
        for index in &self.table.indexes {
            self.index(column, index, &mut say)?;
        }
        self.mentioned(name, &mut say);
        if let Some(index_column) = &column.index_column {
            self.index_column(index_column, &mut say)?;
        }
        Ok(())
    }

    fn references(&self, name: &str, say: &mut impl FnMut(String)) {
        let is = |column: &String| column.eq_ignore_ascii_case(name);
        if self
            .table
            .foreign_keys
            .iter()
            .any(|key| key.columns.iter().any(is))
        {
            say("is a foreign key: classify it as an identifier instead of sealing it".into());
        }
        for other in &self.catalog.tables {
            let refers = other.foreign_keys.iter().any(|key| {
                key.parent.eq_ignore_ascii_case(&self.table.name)
                    && key.parent_columns.iter().any(is)
            });
            if refers {
                say(format!(
                    "is what a foreign key of table `{}` refers to: refer to another column",
                    other.name
                ));
            }
        }
    }

    fn index(
        &self,
        column: &SealPlanColumn,
        index: &IndexInfo,
        say: &mut impl FnMut(String),
    ) -> Result<(), Failing> {
        if index.name.starts_with(OWN_PREFIX) {
            return Ok(());
        }
        let is_column = |part: &Option<String>| {
            part.as_ref()
                .is_some_and(|part| part.eq_ignore_ascii_case(&column.name))
        };
        let covers = index.columns.iter().any(is_column);
        let computed = index.partial || index.columns.iter().any(Option::is_none);
        let alone = covers && index.columns.len() == 1 && !computed;
        // Sealed values all differ, so that this index never complains; the blind index does instead.
        if alone && index.unique && column.unique {
            return Ok(());
        }
        let drop = format!("drop it first (`DROP INDEX {}`)", quoted(&index.name));
        if index.constraint && covers {
            say(
                "has a UNIQUE constraint that sealed values would make empty: give its field \
                 `lookup = { unique = true }` (for one column), or build the table anew without it"
                    .into(),
            );
        } else if covers && index.unique {
            say(format!(
                "has the unique index `{}`, which sealed values would make empty: give its field \
                 `lookup = {{ unique = true }}`, or {drop}",
                index.name
            ));
        } else if covers {
            say(format!(
                "has the index `{}`, which finds nothing among sealed values: {drop}",
                index.name
            ));
        } else if computed && mentions(&self.index_sql(&index.name)?, &column.name) {
            say(format!(
                "is named in an expression of index `{}`: {drop}",
                index.name
            ));
        }
        Ok(())
    }

    fn index_sql(&self, name: &str) -> rusqlite::Result<String> {
        let sql =
            "SELECT coalesce(sql, '') FROM main.sqlite_schema WHERE type = 'index' AND name = ?1";
        let found = self
            .connection
            .query_row(sql, [name], |row| row.get(0))
            .optional()?;
        Ok(found.unwrap_or_default())
    }

    /// Triggers on the table, and those elsewhere (also on views) that name table and column.
    fn mentioned(&self, name: &str, say: &mut impl FnMut(String)) {
        for trigger in self.triggers {
            let here = trigger.table.eq_ignore_ascii_case(&self.table.name)
                || mentions(&trigger.sql, &self.table.name);
            if here && !trigger.name.starts_with(OWN_PREFIX) && mentions(&trigger.sql, name) {
                say(format!(
                    "is named in trigger `{}`, which would work on sealed values or keep copies: drop it first",
                    trigger.name
                ));
            }
        }
    }

    fn index_column(
        &self,
        index_column: &str,
        say: &mut impl FnMut(String),
    ) -> Result<(), Failing> {
        if !has_column(self.connection, &self.table.name, index_column)? {
            return Ok(());
        }
        let (table, index) = (quoted(&self.table.name), of_t(index_column));
        let sql = format!(
            "SELECT 1 FROM main.{table} AS t WHERE {index} IS NOT NULL AND
             NOT (typeof({index}) = 'text' AND substr({index}, 1, 4) = 'px1_') LIMIT 1"
        );
        if self
            .connection
            .query_row(&sql, [], |_| Ok(()))
            .optional()?
            .is_some()
        {
            say(format!(
                "needs `{index_column}` for its blind index, which holds other values: rename that column"
            ));
        }
        Ok(())
    }

    /// A full-text table over this one keeps its words.
    fn full_text(&self, found: &mut Vec<String>) {
        for text in self.tables {
            let virtual_table = self
                .catalog
                .table(&text.name)
                .is_some_and(|table| table.is_virtual);
            if virtual_table && mentions(&text.sql, &self.table.name) {
                found.push(format!(
                    "virtual table `{}` is made over table `{}` and may keep its words: drop it first",
                    text.name, self.table.name
                ));
            }
        }
    }
}
