//! Times, days, numbers and names as SQLite keeps them.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use privet_vault::SubjectRef;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};

/// A moment as nanoseconds since 1970-01-01 UTC: the years 1677 to 2262.
#[derive(Debug, Clone, Copy)]
pub(super) struct At(pub(super) Timestamp);

impl ToSql for At {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0.as_nanosecond())
            .map(ToSqlOutput::from)
            .map_err(out_of_range)
    }
}

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let nanoseconds = i128::from(value.as_i64()?);
        Timestamp::from_nanosecond(nanoseconds)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

/// A day as the number of days since 1970-01-01.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day(pub(super) Date);

const FIRST_DAY: Date = Date::constant(1970, 1, 1);

impl ToSql for Day {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(
            self.0.duration_since(FIRST_DAY).as_hours() / 24,
        ))
    }
}

impl FromSql for Day {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let span = i32::try_from(value.as_i64()?)
            .map_err(FromSqlError::other)
            .and_then(|days| 0.days().try_days(days).map_err(FromSqlError::other))?;
        FIRST_DAY
            .checked_add(span)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

/// A count or position; SQLite's integers are signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(ToSqlOutput::from)
            .map_err(out_of_range)
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::try_from(value.as_i64()?)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

/// Subjects, 16 bytes each, one behind the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subjects<'a>(pub(super) &'a [SubjectRef]);

impl ToSql for Subjects<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let bytes = self.0.iter().flat_map(SubjectRef::as_bytes);
        Ok(ToSqlOutput::from(bytes.copied().collect::<Vec<u8>>()))
    }
}

/// Reads subjects.
pub(super) fn subjects(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<SubjectRef>> {
    let (subjects, rest) = row.get_ref(column)?.as_blob()?.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(unknown_code(column));
    }
    let subjects = subjects.iter().copied().map(SubjectRef::from_bytes);
    Ok(subjects.collect())
}

/// Numbers of fields, with commas between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u16]);

impl ToSql for Fields<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let numbers: Vec<_> = self.0.iter().map(u16::to_string).collect();
        Ok(ToSqlOutput::from(numbers.join(",")))
    }
}

/// Reads numbers of fields.
pub(super) fn fields(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u16>> {
    let numbers = row.get_ref(column)?.as_str()?.split(',');
    let numbers = numbers.filter(|number| !number.is_empty());
    let parsed: Result<Vec<u16>, _> = numbers.map(str::parse).collect();
    parsed.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// Reads a name; one that does not parse was not written by this program.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// What was read is none of the values that this program writes.
pub(super) fn unknown_code(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, "unknown code".into())
}

fn out_of_range(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}
