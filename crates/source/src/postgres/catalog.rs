//! A database's description of itself, from PostgreSQL's system catalogs.
//!
//! A table is called by its bare name where the role's search path leads to it by that name, else by schema and name
//! with a dot between. The data map lists tables by bare names, so that which tables a source has is decided by the search path of its
//! role, or by `options=-c search_path=…` in its address.

use std::collections::BTreeMap;

use privet_vault::port::{Catalog, ColumnInfo, ForeignKey, IndexInfo, TableInfo};
use tokio_postgres::Client;

use super::error::Failing;
use super::name::Relation;

/// Schemas that hold no application's tables.
const NOT_OURS: &str =
    "n.nspname <> 'information_schema' AND n.nspname <> 'privet' AND n.nspname !~ '^pg_'";

/// What a table is called, in SQL over `pg_class c` and `pg_namespace n`.
const CALLED: &str = "CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text ELSE n.nspname || '.' || c.relname END";

/// Reads it in one statement each; a schema that changes between them is found out when it is used.
pub(crate) async fn read(client: &Client) -> Result<Catalog, Failing> {
    let mut tables = tables(client).await?;
    columns(client, &mut tables).await?;
    primary_keys(client, &mut tables).await?;
    foreign_keys(client, &mut tables).await?;
    indexes(client, &mut tables).await?;
    let mut tables: Vec<TableInfo> = tables.into_values().collect();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Catalog {
        tables,
        views: pairs(
            client,
            &format!(
                "SELECT {CALLED}, pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('v', 'm') AND {NOT_OURS} ORDER BY 1"
            ),
        )
        .await?,
        triggers: pairs(
            client,
            &format!(
                "SELECT t.tgname::text, {CALLED} FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND {NOT_OURS} ORDER BY 1, 2"
            ),
        )
        .await?,
    })
}

/// The table that is called so, with its object id; `None` when there is none.
pub(crate) async fn find(
    client: &Client,
    called: &str,
) -> Result<Option<(u32, Relation)>, Failing> {
    let sql = format!(
        "SELECT c.oid, n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'f') AND {NOT_OURS} AND {CALLED} = $1"
    );
    let row = client.query_opt(&sql, &[&called]).await?;
    row.map(|row| {
        Ok((
            row.try_get(0)?,
            Relation {
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
            },
        ))
    })
    .transpose()
}

type Tables = BTreeMap<u32, TableInfo>;

async fn pairs(client: &Client, sql: &str) -> Result<Vec<(String, String)>, Failing> {
    let rows = client.query(sql, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

/// Partitions are left out: their rows are those of the table that they are part of.
async fn tables(client: &Client) -> Result<Tables, Failing> {
    let sql = format!(
        "SELECT c.oid, {CALLED}, c.relkind = 'f' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND {NOT_OURS}"
    );
    let rows = client.query(&sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let table = TableInfo {
                name: row.try_get(1)?,
                is_virtual: row.try_get(2)?,
                ..TableInfo::default()
            };
            Ok((row.try_get(0)?, table))
        })
        .collect()
}

async fn columns(client: &Client, tables: &mut Tables) -> Result<(), Failing> {
    // What a domain of ours was before does not matter to whoever reads a catalog: it is text.
    let sql =
        "SELECT a.attrelid, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                      a.attgenerated <> '' OR a.attidentity = 'a'
               FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
               WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
               ORDER BY a.attrelid, a.attnum";
    for row in client.query(sql, &[]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.columns.push(ColumnInfo {
                name: row.try_get(1)?,
                declared_type: row.try_get(2)?,
                not_null: row.try_get(3)?,
                generated: row.try_get(4)?,
            });
        }
    }
    Ok(())
}

async fn primary_keys(client: &Client, tables: &mut Tables) -> Result<(), Failing> {
    let sql = "SELECT k.conrelid, array_agg(a.attname::text ORDER BY u.position)
               FROM pg_constraint k CROSS JOIN unnest(k.conkey) WITH ORDINALITY AS u(number, position)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
               WHERE k.contype = 'p' GROUP BY k.conrelid";
    for row in client.query(sql, &[]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.primary_key = row.try_get(1)?;
        }
    }
    Ok(())
}

async fn foreign_keys(client: &Client, tables: &mut Tables) -> Result<(), Failing> {
    let sql = "SELECT k.conrelid, k.confrelid,
                      (SELECT array_agg(a.attname::text ORDER BY u.position)
                       FROM unnest(k.conkey) WITH ORDINALITY AS u(number, position)
                       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
                      (SELECT array_agg(a.attname::text ORDER BY u.position)
                       FROM unnest(k.confkey) WITH ORDINALITY AS u(number, position)
                       JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number)
               FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY k.conname";
    for row in client.query(sql, &[]).await? {
        let parent = tables.get(&row.try_get(1)?).map(|table| table.name.clone());
        if let (Some(parent), Some(table)) = (parent, tables.get_mut(&row.try_get(0)?)) {
            table.foreign_keys.push(ForeignKey {
                columns: row.try_get(2)?,
                parent,
                parent_columns: row.try_get(3)?,
            });
        }
    }
    Ok(())
}

/// Columns that an index only carries along (INCLUDE) are not columns of it here: they make nothing unique.
async fn indexes(client: &Client, tables: &mut Tables) -> Result<(), Failing> {
    let sql = "SELECT i.indrelid, c.relname::text,
                      (SELECT array_agg(a.attname::text ORDER BY u.position)
                       FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(number, position)
                       LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number AND u.number <> 0
                       WHERE u.position <= i.indnkeyatts),
                      i.indisunique AND i.indisvalid AND i.indimmediate, i.indpred IS NOT NULL,
                      EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid ORDER BY c.relname";
    for row in client.query(sql, &[]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.indexes.push(IndexInfo {
                name: row.try_get(1)?,
                columns: row.try_get(2)?,
                unique: row.try_get(3)?,
                partial: row.try_get(4)?,
                constraint: row.try_get(5)?,
            });
        }
    }
    Ok(())
}
