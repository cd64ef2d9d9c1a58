//! Rules that tie fields, tables and columns together. Subject paths have their own module.

use super::fields::Fields;
use super::model::{Column, RetainFrom, Source, SubjectPath, Table, TenantRule, Treatment};
use super::read::Problems;
use super::sources::{Sources, column_key, same};

/// Checks the names within one source.
pub(super) fn source(key: &str, source: &Source, fields: &Fields, problems: &mut Problems<'_>) {
    for (index, table) in source.tables.iter().enumerate() {
        let others = source.tables.iter().skip(index + 1);
        for twin in others.filter(|other| same(other.name.as_str(), table.name.as_str())) {
            let problem = format!("it differs from table `{}` only in case", table.name);
            problems.add(
                &format!("{key}.tables.{}", twin.name),
                problem,
                "list each table once",
            );
        }
        columns(key, table, fields, problems);
        tenant_column(key, source, table, problems);
    }
}

fn columns(key: &str, table: &Table, fields: &Fields, problems: &mut Problems<'_>) {
    for (index, column) in table.columns.iter().enumerate() {
        let others = table.columns.iter().skip(index + 1);
        for twin in others.filter(|other| same(other.name.as_str(), column.name.as_str())) {
            let problem = format!("it differs from column `{}` only in case", column.name);
            let twin = column_key(key, table, &twin.name);
            problems.add(&twin, problem, "list each column once");
        }
        index_column(key, table, column, fields, problems);
    }
    let table_key = format!("{key}.tables.{}", table.name);
    if table.subject.is_none()
        && table.sealed_columns().next().is_some()
        && !problems.any(&format!("{table_key}.subject"))
    {
        let advice =
            "add `subject = \"…\"`: the column that names the person, or `column -> table`";
        problems.add(
            &table_key,
            "it has columns to seal but no `subject`",
            advice,
        );
    }
}

/// A column with a look-up gets an index column beside it, whose name must be free and fit.
fn index_column(
    key: &str,
    table: &Table,
    column: &Column,
    fields: &Fields,
    problems: &mut Problems<'_>,
) {
    let field = column.field().and_then(|name| fields.get(name.as_str()));
    if field.is_none_or(|field| field.lookup.is_none()) {
        return;
    }
    let Some(index) = column.name.index_column() else {
        let problem =
            "it has a look-up, and with `_px` the name of its index column is longer than 63 bytes";
        problems.add(
            &column_key(key, table, &column.name),
            problem,
            "use a field without `lookup`, or rename the column",
        );
        return;
    };
    if let Some(taken) = table
        .columns
        .iter()
        .find(|other| same(other.name.as_str(), index.as_str()))
    {
        let problem = format!(
            "that name is for the blind index of column `{}`",
            column.name
        );
        let advice = "rename the column; an index column that is there already is not listed";
        problems.add(&column_key(key, table, &taken.name), problem, advice);
    }
}

/// The tenant of a subject is read from the row that names it, in clear.
fn tenant_column(key: &str, source: &Source, table: &Table, problems: &mut Problems<'_>) {
    let (TenantRule::Column(name), Some(SubjectPath::Own { .. })) =
        (&source.tenant, &table.subject)
    else {
        return;
    };
    let what = format!("the tenant of table `{}`", table.name);
    clear_column(
        &format!("{key}.tenant_column"),
        &what,
        table,
        name.as_str(),
        problems,
    );
}

/// Checks that `name` is a column of `table` that is not sealed; `what` it is for. Letter for letter,
/// so that one spelling is used everywhere.
pub(super) fn clear_column(
    key: &str,
    what: &str,
    table: &Table,
    name: &str,
    problems: &mut Problems<'_>,
) {
    match table.column(name).map(|column| &column.treatment) {
        Some(Treatment::Class { .. }) => {}
        Some(Treatment::Field(field)) => {
            let problem =
                format!("{what} is in column `{name}`, which is sealed as field `{field}`");
            problems.add(
                key,
                problem,
                "give the column a class in place of the field",
            );
        }
        None => {
            let problem = format!(
                "{what} is to be in column `{name}`, which `{}` does not list",
                table.name
            );
            problems.add(
                key,
                problem,
                format!("list `{name}` under the columns of `{}`", table.name),
            );
        }
    }
}

/// Checks that a retention period that starts on a date in a column finds that column in every table
/// that has the field.
pub(super) fn fields_in_tables(fields: &Fields, sources: &Sources, problems: &mut Problems<'_>) {
    for field in fields.values() {
        let Some(RetainFrom::Column(date)) = field.retain.as_ref().map(|retain| &retain.from)
        else {
            continue;
        };
        let key = format!("fields.{}.retain.from", field.name);
        let mut used = false;
        for table in sources.values().flat_map(|source| &source.tables) {
            if table
                .columns
                .iter()
                .any(|column| column.field() == Some(&field.name))
            {
                used = true;
                let what = format!("the start for the values in table `{}`", table.name);
                clear_column(&key, &what, table, date.as_str(), problems);
            }
        }
        if !used {
            let problem =
                format!("no table has the field, so there is no column `{date}` beside it");
            problems.add(
                &key,
                problem,
                "write `from = \"closure\"`, or use the field in a table",
            );
        }
    }
}
