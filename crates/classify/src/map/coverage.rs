//! What a map leaves open of people's rights. It is no error of the map, which may be older than these rules, or its
//! server would not start; `privet check` fails on it.

use super::model::{Source, Table};
use super::problems::list;

/// The gaps of a source, table by table.
pub(super) fn gaps(source: &Source) -> Vec<String> {
    let tables = source.tables.iter();
    tables.filter_map(|table| gap(source, table)).collect()
}

fn gap(source: &Source, table: &Table) -> Option<String> {
    let names: Vec<&str> = table
        .personal_columns()
        .map(|column| column.name.as_str())
        .collect();
    let columns = match names.as_slice() {
        [] => return None,
        [_] => format!("column {}", list(names.iter().copied())),
        _ => format!("columns {}", list(names.iter().copied())),
    };
    let place = format!(
        "{columns} of table `{}` in source `{}`",
        table.name, source.name
    );
    if table.subject.is_none() {
        return Some(format!(
            "{place}: nothing says whose a row is, so that nobody gets a copy and nothing is erased: add \
             `subject = \"column\"` or `subject = \"column -> table\"`"
        ));
    }
    table.erase.is_none().then(|| {
        format!(
            "{place}: nothing says what is left when the person leaves: add `erase = \"row\"`, `\"null\"` or \
             `\"tombstone\"`"
        )
    })
}
