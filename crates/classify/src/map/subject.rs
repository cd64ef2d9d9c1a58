//! Subject paths: from a row, along foreign keys, to the row that names the person.

use std::collections::BTreeMap;

use crate::name::TableName;

use super::check::clear_column;
use super::model::{Hop, Root, Source, SubjectChain, SubjectPath, Table};
use super::problems::{Problems, list};

/// Checks that every subject path of a source uses listed columns in clear and ends at a root.
pub(super) fn check(key: &str, source: &Source, problems: &mut Problems<'_>) {
    let tables: ByName<'_> = source
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table))
        .collect();
    for table in &source.tables {
        let Some(path) = &table.subject else { continue };
        let key = format!("{key}.tables.{}.subject", table.name);
        let what = format!("the subject of `{}`", table.name);
        clear_column(&key, &what, table, path.column().as_str(), problems);
        let SubjectPath::Via {
            table: parent,
            parent_column,
            ..
        } = path
        else {
            continue;
        };
        let Some(parent) = tables.get(parent.as_str()) else {
            let names = list(tables.keys().copied());
            let advice = format!("list it, or lead to one of: {names}");
            problems.add(
                &key,
                format!("it leads to table `{parent}`, which the source does not list"),
                advice,
            );
            continue;
        };
        if let Some(column) = parent_column {
            let what = format!("the key that `{}` refers to", table.name);
            clear_column(&key, &what, parent, column.as_str(), problems);
        }
        if parent.subject.is_none() {
            let problem = format!(
                "it leads to table `{}`, which has no `subject`",
                parent.name
            );
            problems.add(
                &key,
                problem,
                format!("add a `subject` to `{}`", parent.name),
            );
        }
        if let Some(cycle) = cycle(&tables, table) {
            let problem = format!("it leads back to itself ({cycle}) and never to a person");
            problems.add(
                &key,
                problem,
                "let one of these tables name the person by a column of its own",
            );
        }
    }
}

/// The tables of a source by name.
type ByName<'s> = BTreeMap<&'s str, &'s Table>;

/// The tables on the way from `table` back to itself, as `a -> b -> a`. A table that only leads
/// into a cycle of others is not blamed: those are.
fn cycle(tables: &ByName<'_>, table: &Table) -> Option<String> {
    let mut way = vec![table.name.as_str()];
    let mut here = table;
    // A way longer than the number of tables runs in a circle.
    for _ in 0..tables.len() {
        let Some(SubjectPath::Via { table: parent, .. }) = &here.subject else {
            return None;
        };
        here = tables.get(parent.as_str())?;
        way.push(here.name.as_str());
        if here.name == table.name {
            return Some(way.join(" -> "));
        }
    }
    None
}

/// The chain from `table` to its root; `None` where the path does not end, which a checked map
/// excludes.
pub(super) fn chain(source: &Source, table: &TableName) -> Option<SubjectChain> {
    let mut hops = Vec::new();
    let mut here = source.table(table.as_str())?;
    for _ in 0..source.tables.len() {
        match here.subject.as_ref()? {
            SubjectPath::Own { column } => {
                let root = Root {
                    table: here.name.clone(),
                    column: column.clone(),
                };
                return Some(SubjectChain { hops, root });
            }
            SubjectPath::Via {
                column,
                table: parent,
                parent_column,
            } => {
                let next = source.table(parent.as_str())?;
                let parent_column = match (parent_column, &next.subject) {
                    (Some(stated), _) => Some(stated.clone()),
                    (None, Some(SubjectPath::Own { column })) => Some(column.clone()),
                    (None, _) => None,
                };
                hops.push(Hop {
                    table: here.name.clone(),
                    column: column.clone(),
                    parent_table: next.name.clone(),
                    parent_column,
                });
                here = next;
            }
        }
    }
    None
}
