//! Rules that tie fields, tables and columns together. Subject paths have their own module.

use std::collections::HashMap;

use crate::name::ColumnName;

use super::fields::Fields;
use super::model::{RetainFrom, Source, SubjectPath, Table, TenantRule, Treatment};
use super::problems::Problems;
use super::sources::{Sources, column_key};

/// Checks the names within one source. Names that differ only in case are one name to SQLite, and
/// to PostgreSQL where they are not quoted.
pub(super) fn source(key: &str, source: &Source, fields: &Fields, problems: &mut Problems<'_>) {
    let mut seen = HashMap::new();
    for table in &source.tables {
        if let Some(twin) = seen.insert(table.name.as_str().to_lowercase(), &table.name) {
            let problem = format!("it differs from table `{twin}` only in case");
            let table_key = format!("{key}.tables.{}", table.name);
            problems.add(&table_key, problem, "list each table once");
        }
        columns(key, table, fields, problems);
        tenant_column(key, source, table, problems);
    }
}

fn columns(key: &str, table: &Table, fields: &Fields, problems: &mut Problems<'_>) {
    let mut seen = HashMap::new();
    for column in &table.columns {
        if let Some(twin) = seen.insert(column.name.as_str().to_lowercase(), &column.name) {
            let problem = format!("it differs from column `{twin}` only in case");
            let column_key = column_key(key, table, &column.name);
            problems.add(&column_key, problem, "list each column once");
        }
    }
    for (column, field) in table.sealed_columns() {
        if fields
            .get(field.as_str())
            .is_some_and(|field| field.lookup.is_some())
        {
            let column_key = column_key(key, table, &column.name);
            index_column(&column_key, &column.name, &seen, problems);
        }
    }
    let table_key = format!("{key}.tables.{}", table.name);
    let is_sealed = table.sealed_columns().next().is_some();
    // A subject that cannot be read has been reported.
    if is_sealed && table.subject.is_none() && !problems.any(&format!("{table_key}.subject")) {
        let problem = "it has columns to seal but no `subject`";
        let advice =
            "add `subject = \"…\"`: the column that names the person, or `column -> table`";
        problems.add(&table_key, problem, advice);
    }
}

/// A column with a look-up gets an index column beside it, whose name must be free and fit.
fn index_column(
    key: &str,
    column: &ColumnName,
    listed: &HashMap<String, &ColumnName>,
    problems: &mut Problems<'_>,
) {
    let Some(index) = column.index_column() else {
        let problem = "with `_px`, the name of its blind index is longer than 63 bytes";
        problems.add(
            key,
            problem,
            "use a field without `lookup`, or rename the column",
        );
        return;
    };
    if let Some(taken) = listed.get(&index.as_str().to_lowercase()) {
        let problem = format!("its blind index takes the name `{index}`, but `{taken}` is listed");
        let advice = "rename that column; if it is the index itself, do not list it";
        problems.add(key, problem, advice);
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

/// Checks that `name` is a column of `table` that is not sealed; `what` it is for. Letter for
/// letter, so that one spelling is used everywhere.
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

/// Checks that a retention period that starts on a date in a column finds that column in every
/// table that has the field.
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
                "use the field in a table, or leave `retain` out",
            );
        }
    }
}
