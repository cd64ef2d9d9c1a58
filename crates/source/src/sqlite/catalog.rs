//! A file's description of itself, from SQLite's own (<https://sqlite.org/pragma.html>).

use privet_vault::port::{Catalog, ColumnInfo, ForeignKey, IndexInfo, TableInfo};
use rusqlite::{Connection, params};

use super::name::UNCLEAN_TABLE;

/// Reads it in one transaction, so that it fits together.
pub(crate) fn read(connection: &mut Connection) -> rusqlite::Result<Catalog> {
    let transaction = connection.transaction()?;
    let tables = tables(&transaction)?;
    let views = pairs(
        &transaction,
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'view' ORDER BY name",
    )?;
    let triggers = pairs(
        &transaction,
        "SELECT name, tbl_name FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY name",
    )?;
    Ok(Catalog {
        tables,
        views,
        triggers,
    })
}

fn pairs(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<(String, String)>> {
    connection
        .prepare(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Shadow tables of virtual ones, SQLite's own tables and the mark of an unfinished adoption are left out.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<TableInfo>> {
    let names: Vec<(String, bool)> = connection
        .prepare(
            "SELECT name, type = 'virtual' FROM pragma_table_list
             WHERE schema = 'main' AND type IN ('table', 'virtual') AND substr(name, 1, 7) <> 'sqlite_' AND name <> ?1
             ORDER BY name",
        )?
        .query_map([UNCLEAN_TABLE], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    names
        .into_iter()
        .map(|(name, is_virtual)| table(connection, name, is_virtual))
        .collect()
}

fn table(connection: &Connection, name: String, is_virtual: bool) -> rusqlite::Result<TableInfo> {
    if is_virtual {
        // Its module may not be built in here: then it has columns that nobody can ask for.
        let columns = columns(connection, &name)
            .map(|(columns, _)| columns)
            .unwrap_or_default();
        return Ok(TableInfo {
            name,
            columns,
            is_virtual,
            ..TableInfo::default()
        });
    }
    let (columns, primary_key) = columns(connection, &name)?;
    Ok(TableInfo {
        columns,
        primary_key,
        foreign_keys: foreign_keys(connection, &name)?,
        indexes: indexes(connection, &name)?,
        name,
        is_virtual,
    })
}

/// Columns and, in order, those of the primary key.
fn columns(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<(Vec<ColumnInfo>, Vec<String>)> {
    let mut statement = connection
        .prepare_cached(r#"SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid"#)?;
    let mut rows = statement.query(params![table])?;
    let (mut columns, mut keyed) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        // Hidden: 1 is a column that only a virtual table's own functions use, 2 and 3 are generated.
        let hidden: i64 = row.get(4)?;
        if hidden == 1 {
            continue;
        }
        let name: String = row.get(0)?;
        let position: i64 = row.get(3)?;
        if position > 0 {
            keyed.push((position, name.clone()));
        }
        let declared: Option<String> = row.get(1)?;
        columns.push(ColumnInfo {
            name,
            declared_type: declared.unwrap_or_default(),
            not_null: row.get(2)?,
            generated: hidden > 1,
        });
    }
    keyed.sort();
    Ok((columns, keyed.into_iter().map(|(_, name)| name).collect()))
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq"#,
    )?;
    let mut rows = statement.query(params![table])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            keys.push((
                id,
                ForeignKey {
                    parent: row.get(1)?,
                    ..ForeignKey::default()
                },
            ));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get(2)?);
            key.parent_columns.extend(row.get::<_, Option<String>>(3)?);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

fn indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<IndexInfo>> {
    let mut statement = connection.prepare_cached(
        r#"SELECT name, "unique", partial, origin <> 'c' FROM pragma_index_list(?1, 'main') ORDER BY name"#,
    )?;
    let found = statement.query_map(params![table], |row| {
        Ok(IndexInfo {
            name: row.get(0)?,
            columns: Vec::new(),
            unique: row.get(1)?,
            partial: row.get(2)?,
            constraint: row.get(3)?,
        })
    })?;
    let mut indexes = found.collect::<Result<Vec<_>, _>>()?;
    let mut columns = connection.prepare_cached(
        "SELECT name FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno",
    )?;
    for index in &mut indexes {
        index.columns = columns
            .query_map(params![index.name], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
    }
    Ok(indexes)
}
