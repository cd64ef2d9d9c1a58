//! From the data map and a database's own catalog to what is sealed how, or to everything that does not fit.

use std::sync::Arc;

use privet_classify::{Column, DataMap, Field, RetainFrom, TenantRule};

use crate::SourceName;
use crate::check::unsupported;
use crate::port::{Catalog, SealPlan, SealPlanColumn};
use crate::rows::{columns_fit, find_table, way};

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
        let Some(way) = way else { continue };
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
                hops: way.hops,
                root_table: way.root_table,
                root_column: way.root_column,
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
