//! How the tables of a source are read for the people whose rows they hold.

use std::sync::Arc;

use privet_classify::{Class, DataMap, ExportRule, Field, Source, Table, Treatment};

use super::{columns_exist, columns_fit, find_table, way};
use crate::SourceName;
use crate::port::{Catalog, ReadPlan, TableInfo, Way};

/// One table, as it is read.
#[derive(Debug, Clone)]
pub(crate) struct TableRead {
    pub(crate) plan: Arc<ReadPlan>,
    /// Position by position what the plan's columns are.
    pub(crate) columns: Arc<[ReadColumn]>,
    /// Whether a row is told as the fact of a change: its key, and the time in the last column.
    pub(crate) is_fact: bool,
}

/// One column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadColumn {
    pub(crate) name: String,
    pub(crate) class: Class,
    /// The field that it is sealed as, where it is.
    pub(crate) field: Option<Field>,
}

/// Fits the map to the catalog: every table of which people get a copy, in the map's order.
///
/// # Errors
/// Every problem, one sentence each that says what to do.
pub(crate) fn reading(
    map: &DataMap,
    name: &SourceName,
    catalog: &Catalog,
) -> Result<Vec<TableRead>, Vec<String>> {
    let mut problems = Vec::new();
    let mut tables = Vec::new();
    let Some(source) = map.source(name.as_str()) else {
        return Err(vec![format!(
            "the data map has no source `{name}`: add `[sources.{name}]`"
        )]);
    };
    for table in &source.tables {
        let Some(info) = find_table(table, name, catalog, &mut problems) else {
            continue;
        };
        let ways = ways(map, source, table, catalog, &mut problems);
        let columns = match &table.export {
            ExportRule::Nothing { .. } => continue,
            // A column that nobody classified would be missing in every copy, without a word.
            ExportRule::Whole => {
                columns_fit(table, info, map, &mut problems);
                whole(map, table, info)
            }
            ExportRule::Fact { at } => {
                columns_exist(table, info, &mut problems);
                fact(map, table, info, at.as_str())
            }
        };
        if ways.is_empty() {
            continue;
        }
        tables.push(TableRead {
            plan: Arc::new(ReadPlan {
                table: info.name.clone(),
                columns: columns.iter().map(|column| column.name.clone()).collect(),
                ways,
            }),
            columns: columns.into(),
            is_fact: matches!(table.export, ExportRule::Fact { .. }),
        });
    }
    if problems.is_empty() {
        Ok(tables)
    } else {
        problems.dedup();
        Err(problems)
    }
}

/// The way to the one whose row it is, then those to others who may see it; none where nobody's is.
fn ways(
    map: &DataMap,
    source: &Source,
    table: &Table,
    catalog: &Catalog,
    problems: &mut Vec<String>,
) -> Vec<Way> {
    let Some(owner) = map.subject_chain(&source.name, &table.name) else {
        return Vec::new();
    };
    let shared = map.shared_chains(&source.name, &table.name);
    let chains = std::iter::once(owner).chain(shared);
    chains
        .filter_map(|chain| way(&chain, catalog, problems, &mut Vec::new()))
        .collect()
}

/// Every column that is not withheld, in the order of the database.
fn whole(map: &DataMap, table: &Table, info: &TableInfo) -> Vec<ReadColumn> {
    let columns = info.columns.iter().filter_map(|info| {
        let column = table.column(&info.name)?;
        if column.withheld.is_some() {
            return None;
        }
        read_column(map, table, &info.name)
    });
    columns.collect()
}

/// The key, and the time of the change at the end.
fn fact(map: &DataMap, table: &Table, info: &TableInfo, at: &str) -> Vec<ReadColumn> {
    let key = info.primary_key.iter().map(String::as_str);
    key.filter(|name| *name != at)
        .chain(std::iter::once(at))
        .filter_map(|name| read_column(map, table, name))
        .collect()
}

fn read_column(map: &DataMap, table: &Table, name: &str) -> Option<ReadColumn> {
    let (class, field) = match &table.column(name)?.treatment {
        Treatment::Class { class, .. } => (*class, None),
        Treatment::Field(field) => {
            let field = map.field(field.as_str())?;
            (field.class, Some(field.clone()))
        }
    };
    Some(ReadColumn {
        name: name.to_owned(),
        class,
        field,
    })
}
