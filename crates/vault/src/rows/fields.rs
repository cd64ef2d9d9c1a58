//! What is done about single fields of somebody who stays, in one database: where their values are, and how each is cleared.

use jiff::civil::Date;
use privet_classify::{Column, DataMap, EraseRule, Table};

use super::erase::{Planner, tombstone};
use super::{columns_exist, find_table};
use crate::SourceName;
use crate::port::{
    BySeal, Catalog, ClearedColumn, EraseAction, EraseStep, Replacement, RetainedColumn,
    SealedPlan, TableInfo, Way,
};

/// A table with columns of fields, whose rows lead to a person.
#[derive(Debug, Clone)]
pub(crate) struct FieldTable {
    /// Where the person's sealed values are.
    pub(crate) sealed: SealedPlan,
    /// The number of the field of each of its columns, and how it is cleared.
    columns: Vec<FieldColumn>,
    retained: Vec<RetainedColumn>,
}

#[derive(Debug, Clone)]
struct FieldColumn {
    field: u16,
    /// It, and its blind index; nothing where it is the application's to clear.
    cleared: Vec<ClearedColumn>,
}

impl FieldTable {
    /// The field that a column of the [sealed](Self::sealed) ones holds.
    pub(crate) fn field(&self, column: usize) -> Option<u16> {
        self.columns.get(column).map(|column| column.field)
    }

    /// The columns of these fields that are not cleared.
    pub(crate) fn uncleared(&self, fields: &[u16]) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().zip(&self.sealed.columns);
        columns
            .filter(move |(column, _)| column.cleared.is_empty() && fields.contains(&column.field))
            .map(|(_, name)| name.as_str())
    }

    /// The step that clears these fields; `None`: there is none of them here.
    pub(crate) fn clearing(&self, fields: &[u16], by_seal: BySeal) -> Option<EraseStep> {
        let of = self
            .columns
            .iter()
            .filter(|one| fields.contains(&one.field));
        let cleared: Vec<ClearedColumn> = of.flat_map(|one| one.cleared.clone()).collect();
        // What law keeps of other fields is not what is asked about.
        let is_cleared = |name: &str| cleared.iter().any(|column| column.name == name);
        let retained = self.retained.iter().filter(|one| is_cleared(&one.name));
        let retained = retained.cloned().collect();
        let SealedPlan { table, way, .. } = &self.sealed;
        (!cleared.is_empty()).then(|| EraseStep {
            table: table.clone(),
            way: way.clone(),
            action: EraseAction::Clear(cleared.clone()),
            retained,
            by_seal,
        })
    }
}

/// Fits the map to the catalog, for a person whom `root` names: every table with columns of fields, in the map's order.
///
/// # Errors
/// Every problem, one sentence each that says what to do.
pub(crate) fn fields_of(
    map: &DataMap,
    name: &SourceName,
    catalog: &Catalog,
    root: &str,
    today: Date,
) -> Result<Vec<FieldTable>, Vec<String>> {
    let Some(source) = map.source(name.as_str()) else {
        return Ok(Vec::new());
    };
    let mut planner = Planner::new(map, source, catalog, root, today);
    let mut tables = Vec::new();
    for table in &source.tables {
        let Some(info) = find_table(table, name, catalog, &mut planner.problems) else {
            continue;
        };
        columns_exist(table, info, &mut planner.problems);
        let Some(owner) = map.subject_chain(&source.name, &table.name) else {
            continue;
        };
        if table.sealed_columns().next().is_none() {
            continue;
        }
        if let Some(way) = planner.way(&owner) {
            tables.push(field_table(&planner, table, info, way));
        }
    }
    let mut problems = planner.problems;
    if problems.is_empty() {
        return Ok(tables);
    }
    problems.dedup();
    Err(problems)
}

fn field_table(planner: &Planner<'_>, table: &Table, info: &TableInfo, way: Way) -> FieldTable {
    let (mut names, mut columns) = (Vec::new(), Vec::new());
    for (column, _) in table.sealed_columns() {
        let Some(field) = planner.field(column) else {
            continue;
        };
        names.push(column.name.to_string());
        columns.push(FieldColumn {
            field: field.number,
            cleared: cleared(planner, table, info, column),
        });
    }
    FieldTable {
        sealed: SealedPlan {
            table: info.name.clone(),
            way,
            columns: names,
        },
        columns,
        retained: planner.retained(table),
    }
}

/// As when the person leaves; what tells rows apart, and what the map keeps, stays.
fn cleared(
    planner: &Planner<'_>,
    table: &Table,
    info: &TableInfo,
    column: &Column,
) -> Vec<ClearedColumn> {
    let name = column.name.as_str();
    let Some(found) = info.column(name) else {
        return Vec::new();
    };
    if column.keep.is_some() || found.generated || planner.is_needed(table, info, column) {
        return Vec::new();
    }
    let with = match found.not_null || table.erase == Some(EraseRule::Tombstone) {
        true => tombstone(info, name),
        false => Replacement::Null,
    };
    let value = ClearedColumn {
        name: name.to_owned(),
        with,
        index_of: None,
    };
    std::iter::once(value)
        .chain(planner.cleared_index(info, column))
        .collect()
}
