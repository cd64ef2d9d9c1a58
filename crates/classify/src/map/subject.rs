//! Subject paths: from a row, along foreign keys, to the row that names the person.

use std::collections::BTreeMap;

use crate::name::{ColumnName, TableName, kind};

use super::check::clear_column;
use super::model::{Hop, Root, Source, SubjectChain, SubjectPath, Table};
use super::problems::{Problems, list, quoted};
use super::read::{Item, name};

/// Reads `column`, `column -> table` or `column -> table.column`, each column also as `(one, other)` where there is an arrow.
pub(super) fn read(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<SubjectPath> {
    let text = item.string(problems)?;
    if text.contains("->") {
        return read_step(&item.key, text, problems);
    }
    if text.trim_start().starts_with('(') {
        let problem = "a person is named by one column";
        let advice = "name the one that tells people apart; a key of several columns leads on, as `(a, b) -> table`";
        problems.add(&item.key, problem, advice);
        return None;
    }
    Some(SubjectPath::Own {
        column: name(&item.key, text.trim(), problems)?,
    })
}

/// Reads a path with an arrow.
pub(super) fn read_step(key: &str, text: &str, problems: &mut Problems<'_>) -> Option<SubjectPath> {
    let Some((columns, target)) = text.split_once("->") else {
        let problem = format!("{} leads nowhere", quoted(text));
        problems.add(key, problem, "write `column -> table`");
        return None;
    };
    if target.contains("->") {
        let problem = format!("{} has more than one step", quoted(text));
        let advice = "state one step, `column -> table`; that table states the next";
        problems.add(key, problem, advice);
        return None;
    }
    let (table, parent_columns) = match target.split_once('.') {
        Some((table, parent_columns)) => (table, Some(parent_columns)),
        None => (target, None),
    };
    let columns = read_columns(key, columns, problems);
    let table = name(key, table.trim(), problems);
    let parent_columns = match parent_columns {
        Some(text) => read_columns(key, text, problems)?,
        None => Vec::new(),
    };
    let columns = columns?;
    if !parent_columns.is_empty() && parent_columns.len() != columns.len() {
        let problem = format!("{} has not as many columns on both sides", quoted(text));
        let advice = "name one column there for each one here, in the same order";
        problems.add(key, problem, advice);
        return None;
    }
    Some(SubjectPath::Via {
        columns,
        table: table?,
        parent_columns,
    })
}

/// Reads `column` or `(one, other)`.
fn read_columns(key: &str, text: &str, problems: &mut Problems<'_>) -> Option<Vec<ColumnName>> {
    let text = text.trim();
    let inside = text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let Some(inside) = inside else {
        return Some(vec![name::<kind::Column>(key, text, problems)?]);
    };
    let mut columns = Vec::new();
    for text in inside.split(',') {
        let column = name::<kind::Column>(key, text.trim(), problems)?;
        if columns.contains(&column) {
            problems.add(key, format!("`{column}` is there twice"), "name it once");
            return None;
        }
        columns.push(column);
    }
    Some(columns)
}

/// Checks that every subject path of a source uses listed columns in clear and ends at a root.
pub(super) fn check(key: &str, source: &Source, problems: &mut Problems<'_>) {
    let tables: ByName<'_> = source
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table))
        .collect();
    for table in &source.tables {
        let table_key = format!("{key}.tables.{}", table.name);
        if let Some(path) = &table.subject {
            let key = format!("{table_key}.subject");
            if step(&key, &tables, table, path, problems)
                && let Some(cycle) = cycle(&tables, table)
            {
                problems.add(
                    &key,
                    format!("it leads back to itself ({cycle}) and never to a person"),
                    "let one of these tables name the person by a column of its own",
                );
            }
        }
        for path in &table.shared {
            step(
                &format!("{table_key}.shared"),
                &tables,
                table,
                path,
                problems,
            );
        }
    }
}

/// Checks one path of a table; whether it leads to a table that is listed.
fn step(
    key: &str,
    tables: &ByName<'_>,
    table: &Table,
    path: &SubjectPath,
    problems: &mut Problems<'_>,
) -> bool {
    let what = format!("the subject of `{}`", table.name);
    for column in path.columns() {
        clear_column(key, &what, table, column.as_str(), problems);
    }
    let SubjectPath::Via {
        table: parent,
        parent_columns,
        columns,
    } = path
    else {
        return false;
    };
    let Some(parent) = tables.get(parent.as_str()) else {
        let names = list(tables.keys().copied());
        let problem = format!("it leads to table `{parent}`, which the source does not list");
        problems.add(key, problem, format!("list it, or lead to one of: {names}"));
        return false;
    };
    for column in parent_columns {
        let what = format!("the key that `{}` refers to", table.name);
        clear_column(key, &what, parent, column.as_str(), problems);
    }
    match &parent.subject {
        None => {
            let problem = format!(
                "it leads to table `{}`, which has no `subject`",
                parent.name
            );
            problems.add(
                key,
                problem,
                format!("add a `subject` to `{}`", parent.name),
            );
        }
        Some(SubjectPath::Own { column }) if parent_columns.is_empty() && columns.len() > 1 => {
            let problem = format!(
                "it has several columns, but people in `{}` are named by one, `{column}`",
                parent.name
            );
            let advice = format!(
                "name the columns there, as `(a, b) -> {}.(a, b)`",
                parent.name
            );
            problems.add(key, problem, advice);
        }
        Some(_) => {}
    }
    true
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
    let table = source.table(table.as_str())?;
    along(source, table, table.subject.as_ref()?)
}

/// The chains of the shared paths of `table`, then those of the rows that its own rows hang below.
pub(super) fn shared_chains(source: &Source, table: &TableName) -> Vec<SubjectChain> {
    let own = |name: &TableName| -> Vec<SubjectChain> {
        let table = source.table(name.as_str());
        let paths = table.into_iter().flat_map(|table| {
            let paths = table.shared.iter();
            paths.filter_map(|path| along(source, table, path))
        });
        paths.collect()
    };
    let mut chains = own(table);
    let hops = chain(source, table).map_or_else(Vec::new, |chain| chain.hops);
    for (above, hop) in hops.iter().enumerate() {
        for mut shared in own(&hop.parent_table) {
            let below = hops.iter().take(above + 1).cloned();
            shared.hops = below.chain(shared.hops).collect();
            chains.push(shared);
        }
    }
    chains
}

/// The chain that begins with this path of `table` and goes on with the owners of the rows that it leads to.
fn along(source: &Source, table: &Table, path: &SubjectPath) -> Option<SubjectChain> {
    let mut hops = Vec::new();
    let (mut here, mut path) = (table, path);
    for _ in 0..=source.tables.len() {
        match path {
            SubjectPath::Own { column } => {
                let root = Root {
                    table: here.name.clone(),
                    column: column.clone(),
                };
                return Some(SubjectChain { hops, root });
            }
            SubjectPath::Via {
                columns,
                table: parent,
                parent_columns,
            } => {
                let next = source.table(parent.as_str())?;
                let next_path = next.subject.as_ref()?;
                let parent_columns = match (parent_columns.as_slice(), next_path) {
                    ([], SubjectPath::Own { column }) => vec![column.clone()],
                    (stated, _) => stated.to_vec(),
                };
                hops.push(Hop {
                    table: here.name.clone(),
                    columns: columns.clone(),
                    parent_table: next.name.clone(),
                    parent_columns,
                });
                (here, path) = (next, next_path);
            }
        }
    }
    None
}
