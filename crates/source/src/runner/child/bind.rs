//! What a prepared statement says of itself, and the values of its parameters.

use privet_vault::port::{Described, SqlValue};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Statement, ToSql};

use crate::runner::failure::{Code, Failure};

pub(super) fn described(statement: &Statement<'_>) -> Result<Described, Failure> {
    let mut columns: Vec<(String, String)> = statement
        .columns()
        .iter()
        .map(|column| {
            (
                column.name().to_owned(),
                column.decl_type().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    if statement.is_explain() != 0 {
        columns
            .iter_mut()
            .for_each(|(_, declared)| declared.clear());
    }
    let mut parameters = 0;
    for position in 1..=statement.parameter_count() {
        parameters = parameters.max(number_of(statement, position)?);
    }
    Ok(Described {
        columns,
        parameters,
        read_only: statement.readonly(),
    })
}

/// SQLite numbers `$2` by where it first stands; here its own number counts, as in PostgreSQL.
fn number_of(statement: &Statement<'_>, position: usize) -> Result<u16, Failure> {
    let named = |name: &str| name.get(1..).and_then(|number| number.parse().ok());
    let number = match statement.parameter_name(position) {
        None => u16::try_from(position).ok(),
        Some(name) => named(name),
    };
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| Failure::new(Code::Syntax, "parameters are numbers: write `$1`, `$2`, …"))
}

pub(super) fn bind(statement: &mut Statement<'_>, parameters: &[SqlValue]) -> Result<(), Failure> {
    for position in 1..=statement.parameter_count() {
        let number = number_of(statement, position)?;
        let value = parameters
            .get(usize::from(number).saturating_sub(1))
            .ok_or_else(|| {
                let given = parameters.len();
                Failure::new(
                    Code::ParameterValue,
                    format!("`${number}` has no value: {given} were given"),
                )
            })?;
        statement.raw_bind_parameter(position, Bound(value))?;
    }
    Ok(())
}

/// A value as the engine takes it, without copying it first.
pub(crate) struct Bound<'a>(pub(crate) &'a SqlValue);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            SqlValue::Null => ToSqlOutput::Owned(Value::Null),
            SqlValue::Integer(integer) => ToSqlOutput::Owned(Value::Integer(*integer)),
            SqlValue::Real(real) => ToSqlOutput::Owned(Value::Real(*real)),
            SqlValue::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            SqlValue::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}
