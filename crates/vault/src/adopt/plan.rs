//! From the data map and a database's own catalog to what is sealed how, or to everything that does not fit.

use std::sync::Arc;

use privet_classify::{Column, DataMap, Field, RetainFrom, SubjectChain, Table, TenantRule};

use crate::SourceName;
use crate::check::unsupported;
use crate::port::{Catalog, Hop, SealPlan, SealPlanColumn, TableInfo};

/// A table's plan with the fields of its columns, position by position.
#[derive(Debug, Clone)]
pub(crate) struct TablePlan {
    pub(crate) seal: Arc<SealPlan>,
    pub(crate) fields: Arc<[Field]>,
}

/// What a source's tables become.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// Tables with something to seal, in the map's order.
    pub(crate) tables: Vec<TablePlan>,
    /// What is right but worth knowing.
    pub(crate) notes: Vec<String>,
}

impl Plans {
    /// As the source takes them.
    pub(crate) fn seals(&self) -> Vec<SealPlan> {
        self.tables
            .iter()
            .map(|table| SealPlan::clone(&table.seal))
            .collect()
    }
}

/// Fits the map to the catalog.
///
/// # Errors
/// Every problem, one sentence each that says what to do.
pub(crate) fn plan(
    map: &DataMap,
    name: &SourceName,
    catalog: &Catalog,
) -> Result<Plans, Vec<String>> {
    let Some(source) = map.source(name.as_str()) else {
        return Err(vec![format!(
            "the data map has no source `{name}`: add `[sources.{name}]`"
        )]);
    };
    let mut problems = unsupported(map);
    if let TenantRule::Column(_) = source.tenant {
        problems.push(format!(
            "source `{name}` has a `tenant_column`, which adopting cannot follow yet: state one `tenant`"
        ));
    }
    let mut plans = Plans::default();
    for table in &source.tables {
        let Some(info) = find_table(table, name, catalog, &mut problems) else {
            continue;
        };
        columns_fit(table, info, map, &mut problems);
        let chain = map.subject_chain(&source.name, &table.name);
        let way = chain.and_then(|chain| way(&chain, catalog, &mut problems, &mut plans.notes));
        let Some((hops, chain)) = way else { continue };
        let sealed: Vec<(&Column, &Field)> = table
            .sealed_columns()
            .filter_map(|(column, field)| Some((column, map.field(field.as_str())?)))
            .collect();
        if sealed.is_empty() {
            continue;
        }
        plans.tables.push(TablePlan {
            seal: Arc::new(SealPlan {
                table: info.name.clone(),
                columns: sealed
                    .iter()
                    .map(|(column, field)| seal_column(column, field))
                    .collect(),
                hops,
                root_table: chain.root.table.to_string(),
                root_column: chain.root.column.to_string(),
            }),
            fields: sealed.into_iter().map(|(_, field)| field.clone()).collect(),
        });
    }
    // Ways of several tables share their last steps.
    plans.notes.sort();
    plans.notes.dedup();
    if problems.is_empty() {
        Ok(plans)
    } else {
        problems.dedup();
        Err(problems)
    }
}

fn seal_column(column: &Column, field: &Field) -> SealPlanColumn {
    let retain_from = field.retain.as_ref().and_then(|retain| match &retain.from {
        RetainFrom::Column(from) => Some(from.to_string()),
        RetainFrom::Closure => None,
    });
    let index = field.lookup.and_then(|_| column.name.index_column());
    SealPlanColumn {
        name: column.name.to_string(),
        index_column: index.map(|index| index.to_string()),
        unique: field.lookup.is_some_and(|lookup| lookup.unique),
        retain_from,
    }
}

/// The table as the database writes its name: aliases of subjects hold it, so that one spelling must do.
fn find_table<'c>(
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
fn columns_fit(table: &Table, info: &TableInfo, map: &DataMap, problems: &mut Vec<String>) {
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

/// The steps to the subject, as far as the catalog has what they need.
fn way(
    chain: &SubjectChain,
    catalog: &Catalog,
    problems: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Option<(Vec<Hop>, SubjectChain)> {
    let mut hops = Vec::with_capacity(chain.hops.len());
    for hop in &chain.hops {
        let (table, column) = (hop.table.as_str(), hop.column.as_str());
        let parent = catalog.table(hop.parent_table.as_str())?;
        let referred = match (&hop.parent_column, parent.primary_key.as_slice()) {
            (Some(stated), _) => stated.to_string(),
            (None, [key]) => key.clone(),
            (None, _) => {
                problems.push(format!(
                    "the subject of `{table}` leads to `{}`, which has no primary key of one column: \
                     write `{column} -> {}.COLUMN`",
                    parent.name, parent.name
                ));
                return None;
            }
        };
        if parent.column(&referred).is_none() {
            problems.push(format!(
                "the subject of `{table}` leads to column `{referred}` of `{}`, which does not exist",
                parent.name
            ));
            return None;
        }
        if !has_key(
            catalog.table(table)?,
            column,
            &parent.name,
            &referred,
            parent,
        ) {
            notes.push(format!(
                "the database declares no foreign key from `{table}.{column}` to `{}.{referred}`; the data map is \
                 followed",
                parent.name
            ));
        }
        hops.push(Hop {
            column: column.to_owned(),
            parent: parent.name.clone(),
            parent_column: referred,
        });
    }
    Some((hops, chain.clone()))
}

fn has_key(
    table: &TableInfo,
    column: &str,
    parent: &str,
    referred: &str,
    parent_info: &TableInfo,
) -> bool {
    table.foreign_keys.iter().any(|key| {
        let to = if key.parent_columns.is_empty() {
            &parent_info.primary_key
        } else {
            &key.parent_columns
        };
        key.parent.eq_ignore_ascii_case(parent)
            && matches!(key.columns.as_slice(), [only] if only.eq_ignore_ascii_case(column))
            && matches!(to.as_slice(), [only] if only.eq_ignore_ascii_case(referred))
    })
}
