//! Whether a database has the tables and columns that the data map lists.

use privet_classify::{DataMap, Table};

use crate::SourceName;
use crate::port::{Catalog, TableInfo};

/// The table as the database writes its name: aliases of subjects hold it, so that one spelling must do.
pub(crate) fn find_table<'c>(
    table: &Table,
    source: &SourceName,
    catalog: &'c Catalog,
    problems: &mut Vec<String>,
) -> Option<&'c TableInfo> {
    let name = table.name.as_str();
    let found = catalog.table(name);
    match found {
        Some(info) if info.name == name => return found,
        Some(info) => problems.push(format!(
            "table `{name}` is written `{}` in the database: write it so in the data map",
            info.name
        )),
        None => {
            let is_view = catalog
                .views
                .iter()
                .any(|(view, _)| view.eq_ignore_ascii_case(name));
            let what = if is_view {
                "is a view: list the tables that it shows"
            } else {
                "does not exist: correct its name, or take it out of the data map"
            };
            problems.push(format!("table `{name}` of source `{source}` {what}"));
        }
    }
    None
}

/// Every column is classified, and every classified column is there.
pub(crate) fn columns_fit(
    table: &Table,
    info: &TableInfo,
    map: &DataMap,
    problems: &mut Vec<String>,
) {
    columns_exist(table, info, problems);
    columns_known(table, info, map, problems);
}

/// Every classified column is there.
pub(crate) fn columns_exist(table: &Table, info: &TableInfo, problems: &mut Vec<String>) {
    for column in &table.columns {
        let name = column.name.as_str();
        match info.column(name) {
            Some(found) if found.name == name => {}
            Some(found) => problems.push(format!(
                "column `{name}` of table `{}` is written `{}` in the database: write it so in the data map",
                table.name, found.name
            )),
            None => problems.push(format!(
                "table `{}` has no column `{name}`: correct its name, or take it out of the data map",
                table.name
            )),
        }
    }
}

/// Every column is classified.
fn columns_known(table: &Table, info: &TableInfo, map: &DataMap, problems: &mut Vec<String>) {
    let ours: Vec<_> = table
        .sealed_columns()
        .filter(|(_, field)| {
            map.field(field.as_str())
                .is_some_and(|field| field.lookup.is_some())
        })
        .filter_map(|(column, _)| column.name.index_column())
        .collect();
    for column in &info.columns {
        let is_listed = table
            .columns
            .iter()
            .any(|listed| listed.name.as_str().eq_ignore_ascii_case(&column.name));
        let is_ours = ours
            .iter()
            .any(|index| index.as_str().eq_ignore_ascii_case(&column.name));
        if !is_listed && !is_ours {
            problems.push(format!(
                "column `{}` of table `{}` is not classified: state its field or class in the data map",
                column.name, table.name
            ));
        }
    }
}
