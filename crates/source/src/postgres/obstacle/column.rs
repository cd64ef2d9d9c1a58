//! One column: its type, and everything that depends on it.

use privet_vault::port::SealPlanColumn;
use tokio_postgres::types::ToSql;

use super::super::error::Failing;
use super::super::index::INDEX_PREFIX;
use super::super::name::quoted;
use super::super::plan::of_t;
use super::super::schema::{Column, has_column};
use super::{Look, alter, is_ours};

/// Longer values could become too long for an entry of a B-tree once they are sealed: that takes 2,704 bytes.
const INDEXED_BYTES_MAX: usize = 1_900;

/// What depends on column `$2` of table `$1`. Before PostgreSQL 15 a generated column depends on the column itself, since
/// then its expression does.
const DEPENDENTS: &str = "
    SELECT DISTINCT d.classid::regclass::text, pg_describe_object(d.classid, d.objid, d.objsubid),
           k.conname::text, g.attname::text, g.attnum, v.relkind::text, v.oid::regclass::text
    FROM pg_depend d
    LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype = 'c'
    LEFT JOIN pg_attrdef e ON d.classid = 'pg_attrdef'::regclass AND e.oid = d.objid
    LEFT JOIN pg_attribute g ON (g.attrelid = e.adrelid AND g.attnum = e.adnum)
         OR (d.classid = 'pg_class'::regclass AND g.attrelid = d.objid AND g.attnum = d.objsubid
             AND g.attgenerated <> '')
    LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_class v ON v.oid = w.ev_class
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = $2
    ORDER BY 1, 2";

impl Look<'_> {
    pub(super) async fn column(
        &self,
        planned: &SealPlanColumn,
        column: &Column,
        found: &mut Vec<String>,
    ) -> Result<(), Failing> {
        let number: i16 = {
            let sql = "SELECT attnum FROM pg_attribute WHERE attrelid = $1 AND attname = $2 AND NOT attisdropped";
            let given: [&(dyn ToSql + Sync); 2] = [&self.oid, &column.name];
            self.client.query_one(sql, &given).await?.try_get(0)?
        };
        let start = found.len();
        self.kind(column, found).await?;
        self.references(&column.name, found);
        self.indexes(planned, number, found).await?;
        self.dependents(column, number, found).await?;
        if let Some(index_column) = &planned.index_column {
            self.index_column(column, index_column, found).await?;
        }
        // Several kinds of dependence may say the same.
        let mut said: Vec<String> = found.split_off(start);
        said.dedup();
        found.extend(said);
        Ok(())
    }

    fn say(&self, column: &str, what: &str) -> String {
        format!("column `{column}` of table `{}` {what}", self.plan.table)
    }

    /// Types that become a domain over text without the table being written anew.
    async fn kind(&self, column: &Column, found: &mut Vec<String>) -> Result<(), Failing> {
        let info = self.catalog.table(&self.plan.table);
        let generated = info
            .and_then(|info| info.column(&column.name))
            .is_some_and(|info| info.generated);
        if generated {
            let what = "is generated: seal the columns that it is made from, and drop it";
            found.push(self.say(&column.name, what));
        }
        let declared = column.declared.as_str();
        let limited = declared.starts_with("character varying(");
        let is_text = limited || matches!(declared, "text" | "character varying");
        if !is_ours(column) && !is_text {
            let name = quoted(&column.name);
            let what = format!(
                "is `{declared}`: sealed values are text, so make it that first ({}, which writes the table anew under a \
                 lock)",
                alter(
                    self.relation,
                    &format!("ALTER COLUMN {name} TYPE text USING {name}::text")
                )
            );
            found.push(self.say(&column.name, &what));
        }
        Ok(())
    }

    fn references(&self, name: &str, found: &mut Vec<String>) {
        let Some(own) = self.catalog.table(&self.plan.table) else {
            return;
        };
        let is = |column: &String| column == name;
        if own
            .foreign_keys
            .iter()
            .any(|key| key.columns.iter().any(is))
        {
            let what = "is a foreign key: classify it as an identifier instead of sealing it";
            found.push(self.say(name, what));
        }
        for other in &self.catalog.tables {
            let mut keys = other.foreign_keys.iter();
            if keys.any(|key| key.parent == own.name && key.parent_columns.iter().any(is)) {
                let what = format!(
                    "is what a foreign key of table `{}` refers to: refer to another column",
                    other.name
                );
                found.push(self.say(name, &what));
            }
        }
    }

    /// Indexes over the column: as a column, carried along, in an expression or a condition.
    async fn indexes(
        &self,
        planned: &SealPlanColumn,
        number: i16,
        found: &mut Vec<String>,
    ) -> Result<(), Failing> {
        let sql = "SELECT c.relname::text, $2 = ANY (i.indkey::int2[]), i.indisunique,
                          i.indnatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL, k.conname::text, k.contype::text
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                   LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
                                                AND k.contype IN ('p', 'u', 'x')
                   WHERE i.indrelid = $1 AND ($2 = ANY (i.indkey::int2[])
                     OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = $2))
                   ORDER BY 1";
        let name = &planned.name;
        for row in self.client.query(sql, &[&self.oid, &number]).await? {
            let index: String = row.try_get(0)?;
            if index.starts_with(INDEX_PREFIX) {
                continue;
            }
            let (covers, unique, alone): (bool, bool, bool) =
                (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            let constraint: Option<String> = row.try_get(4)?;
            let kind: Option<String> = row.try_get(5)?;
            let schema = quoted(&self.relation.schema);
            let drop = match &constraint {
                Some(constraint) => alter(
                    self.relation,
                    &format!("DROP CONSTRAINT {}", quoted(constraint)),
                ),
                None => format!("`DROP INDEX CONCURRENTLY {schema}.{}`", quoted(&index)),
            };
            if alone && unique && planned.unique && kind.as_deref() != Some("p") {
                // Sealed values all differ, so that this index never complains; the blind index does instead.
                let long = format!("octet_length({}) > {INDEXED_BYTES_MAX}", of_t(name));
                if self.any(&long).await? {
                    let what = format!(
                        "has the unique index `{index}` and values that will be too long for it once they are sealed: \
                         drop it first ({drop})"
                    );
                    found.push(self.say(name, &what));
                }
                continue;
            }
            let what = match (kind.as_deref(), covers, unique) {
                (Some("p"), ..) => {
                    "is part of the primary key: give the table another key first".to_owned()
                }
                (Some("x"), ..) => format!(
                    "has the exclusion constraint `{index}`, which sealed values would make empty: drop it first ({drop})"
                ),
                (_, true, true) if alone => format!(
                    "has the unique index `{index}`, which sealed values would make empty: give its field \
                     `lookup = {{ unique = true }}`, or drop it first ({drop})"
                ),
                (_, true, true) => format!(
                    "is part of the unique index `{index}`, which sealed values would make empty: drop it first ({drop}), \
                     and after adopting make one over the blind index instead"
                ),
                (_, true, false) => format!(
                    "has the index `{index}`, which finds nothing among sealed values: drop it first ({drop})"
                ),
                (_, false, true) => format!(
                    "is named in an expression or condition of the unique index `{index}`, which sealed values would make \
                     empty: give its field `lookup = {{ unique = true }}`, and drop it first ({drop})"
                ),
                (_, false, false) => format!(
                    "is named in an expression or condition of index `{index}`: drop it first ({drop})"
                ),
            };
            found.push(self.say(name, &what));
        }
        Ok(())
    }

    /// Everything else that the server knows to depend on the column.
    async fn dependents(
        &self,
        column: &Column,
        number: i16,
        found: &mut Vec<String>,
    ) -> Result<(), Failing> {
        let name = &column.name;
        let generated = self
            .catalog
            .table(&self.plan.table)
            .and_then(|info| info.column(name))
            .is_some_and(|info| info.generated);
        for row in self
            .client
            .query(DEPENDENTS, &[&self.oid, &i32::from(number)])
            .await?
        {
            let (class, described): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let constraint: Option<String> = row.try_get(2)?;
            let (fed, fed_number): (Option<String>, Option<i16>) =
                (row.try_get(3)?, row.try_get(4)?);
            let (kind, view): (Option<String>, Option<String>) = (row.try_get(5)?, row.try_get(6)?);
            let what = match (class.as_str(), constraint, fed, kind.as_deref()) {
                ("pg_constraint", Some(constraint), ..) => format!(
                    "is named in the CHECK constraint `{constraint}`, which sealed values would fail: drop it first ({})",
                    alter(
                        self.relation,
                        &format!("DROP CONSTRAINT {}", quoted(&constraint))
                    )
                ),
                ("pg_attrdef", _, Some(_), _) if fed_number == Some(number) && generated => {
                    continue;
                }
                ("pg_attrdef", _, Some(_), _) if fed_number == Some(number) => format!(
                    "has a default, which is plaintext: drop it first ({})",
                    alter(
                        self.relation,
                        &format!("ALTER COLUMN {} DROP DEFAULT", quoted(name))
                    )
                ),
                ("pg_attrdef" | "pg_class", _, Some(fed), _) => format!(
                    "feeds the generated column `{fed}`, which would be made from sealed values: drop that first ({})",
                    alter(self.relation, &format!("DROP COLUMN {}", quoted(&fed)))
                ),
                // A domain is in place already, so that its type, on which a view depends, changes no more.
                ("pg_rewrite", _, _, Some("v" | "m")) if is_ours(column) => continue,
                ("pg_rewrite", _, _, Some("m")) => format!(
                    "is shown by the materialized view `{0}`, which keeps its values: drop it first (`DROP MATERIALIZED \
                     VIEW {0}`), and make it again after adopting",
                    view.unwrap_or_default()
                ),
                ("pg_rewrite", _, _, Some("v")) => format!(
                    "is shown by view `{0}`, which ties its type: keep the text of the view (`SELECT \
                     pg_get_viewdef('{0}')`), drop it first (`DROP VIEW {0}`), and make it again after adopting",
                    view.unwrap_or_default()
                ),
                // Said of the table, of its indexes, of its foreign keys and of its triggers.
                ("pg_rewrite" | "pg_class" | "pg_constraint" | "pg_trigger" | "pg_attrdef", ..) => {
                    continue;
                }
                _ if is_ours(column) && class == "pg_proc" => continue,
                _ => format!("is used by {described}: drop that first"),
            };
            found.push(self.say(name, &what));
        }
        Ok(())
    }

    /// A column that has the index's name already must be ours.
    async fn index_column(
        &self,
        column: &Column,
        index_column: &str,
        found: &mut Vec<String>,
    ) -> Result<(), Failing> {
        if !has_column(self.client, self.oid, index_column).await? {
            return Ok(());
        }
        let index = of_t(index_column);
        let foreign =
            format!("{index} IS NOT NULL AND {index}::text COLLATE \"C\" NOT LIKE 'px1\\_%'");
        if self.any(&foreign).await? {
            let what = format!(
                "needs `{index_column}` for its blind index, which holds other values: rename that column"
            );
            found.push(self.say(&column.name, &what));
        }
        Ok(())
    }
}
