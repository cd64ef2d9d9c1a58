//! The forms in which invented people are written.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write as _};

use privet_classify::FieldName;
use privet_classify::synthetic::{Table, Value};
use privet_source::Inserts;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::arguments::Form;
use crate::target::Target;

/// Writes subjects, or the rows of one table after the other.
pub(super) enum Encoder<'t> {
    Json(&'t mut Target),
    Csv(Box<csv::Writer<&'t mut Target>>),
    Sql(Inserts<&'t mut Target>),
}

impl<'t> Encoder<'t> {
    pub(super) fn of(form: Form, target: &'t mut Target) -> io::Result<Self> {
        Ok(match form {
            Form::Json => Self::Json(target),
            Form::Csv => Self::Csv(Box::new(csv::Writer::from_writer(target))),
            Form::Sql => Self::Sql(Inserts::begin(target)?),
        })
    }

    /// Subjects with these fields follow.
    pub(super) fn fields<'n>(
        &mut self,
        names: impl Iterator<Item = &'n FieldName>,
    ) -> io::Result<()> {
        match self {
            Self::Csv(out) => out
                .write_record(names.map(FieldName::as_str))
                .map_err(io_error),
            Self::Json(_) | Self::Sql(_) => Ok(()),
        }
    }

    pub(super) fn subject(&mut self, subject: &BTreeMap<FieldName, String>) -> io::Result<()> {
        match self {
            Self::Json(out) => json_line(out, &Subject { fields: subject }),
            Self::Csv(out) => out.write_record(subject.values()).map_err(io_error),
            // Fields are no columns: a subject has no form in SQL, and none is asked for.
            Self::Sql(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Rows of this table follow.
    pub(super) fn table(&mut self, table: &Table) -> io::Result<()> {
        match self {
            Self::Json(_) => Ok(()),
            Self::Csv(out) => {
                let names = table.columns().map(|name| name.as_str());
                out.write_record(names).map_err(io_error)
            }
            Self::Sql(inserts) => inserts.table(table.name(), table.columns()),
        }
    }

    pub(super) fn row(&mut self, table: &Table, values: &[Value]) -> io::Result<()> {
        match self {
            Self::Json(out) => json_line(out, &Row { table, values }),
            Self::Csv(out) => {
                let cells = values.iter().map(ToString::to_string);
                out.write_record(cells).map_err(io_error)
            }
            Self::Sql(inserts) => inserts.row(values),
        }
    }

    pub(super) fn end(self) -> io::Result<()> {
        match self {
            Self::Json(out) => out.flush(),
            Self::Csv(mut out) => out.flush(),
            Self::Sql(inserts) => inserts.commit(),
        }
    }
}

/// The error of what is written to: a closed pipe has to be told from others.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn json_line(out: &mut Target, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// The body of `POST /v1/subjects`, [`privet_wire::CreateSubject`].
#[derive(serde::Serialize)]
struct Subject<'s> {
    fields: &'s BTreeMap<FieldName, String>,
}

/// A row with its table's name: `{"table":"customer","row":{"customer_id":1}}`.
struct Row<'r> {
    table: &'r Table,
    values: &'r [Value],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("table", self.table.name())?;
        map.serialize_entry("row", &Cells(self))?;
        map.end()
    }
}

struct Cells<'r>(&'r Row<'r>);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.table.columns().zip(self.0.values))
    }
}
