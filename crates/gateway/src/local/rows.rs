//! Rows on their way from the runner to the client: typed, opened where the grant covers them, encoded.

use std::collections::VecDeque;

use privet_vault::port::{Described, SqlValue};
use privet_vault::{Opener, Permit};

use crate::fault::Fault;
use crate::frame::{Column, Format, Out};
use crate::value::{self, Type};

/// What every sealed value's text begins with.
const SEALED: &str = "pv1_";

/// What a client wants of a result.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// The column types that it was told before the statement ran.
    pub(super) told: Option<Vec<Type>>,
    /// None: all text; one: for all; else one each.
    pub(super) formats: Vec<Format>,
}

impl Shape {
    /// The format of the column at `index`.
    pub(super) fn format(&self, index: usize) -> Format {
        match self.formats.as_slice() {
            [] => Format::Text,
            [all] => *all,
            each => each.get(index).copied().unwrap_or(Format::Text),
        }
    }

    /// Whether there are as many formats as the protocol wants for so many columns.
    pub(super) fn check(&self, columns: usize) -> Result<(), Fault> {
        if self.formats.len() <= 1 || self.formats.len() == columns {
            return Ok(());
        }
        let message = format!(
            "bind message has {} result formats but query has {columns} columns",
            self.formats.len()
        );
        Err(Fault::error("08P01", message))
    }

    /// Columns of these names and types.
    pub(super) fn columns(&self, columns: &[(String, Type)]) -> Result<Vec<Column>, Fault> {
        self.check(columns.len())?;
        let column = |(index, (name, of_type)): (usize, &(String, Type))| {
            of_type.column(name, self.format(index))
        };
        Ok(columns.iter().enumerate().map(column).collect())
    }

    /// Columns of a running statement: as the client was told, else by what the first rows hold.
    pub(super) fn columns_of(
        &self,
        described: &Described,
        first: &VecDeque<Vec<SqlValue>>,
    ) -> Result<Vec<Column>, Fault> {
        if let Some(told) = &self.told
            && told.len() != described.columns.len()
        {
            return Err(Fault::error(
                "0A000",
                "the result's columns changed since the statement was described",
            )
            .hint("prepare it again"));
        }
        let typed = described
            .columns
            .iter()
            .enumerate()
            .map(|(index, (name, declared))| {
                let told = self.told.as_ref().and_then(|told| told.get(index).copied());
                let values = || first.iter().filter_map(|row| row.get(index));
                (
                    name.clone(),
                    told.unwrap_or_else(|| Type::seen(declared, values())),
                )
            });
        self.columns(&typed.collect::<Vec<_>>())
    }
}

/// A statement that runs.
pub(super) struct Cursor {
    /// Its columns; empty: it shows no rows.
    pub(super) columns: Vec<Column>,
    /// Rows fetched and not sent.
    pub(super) ahead: VecDeque<Vec<SqlValue>>,
    /// Whether the runner has no more.
    pub(super) exhausted: bool,
    /// Rows sent.
    pub(super) rows: u64,
    /// Proof that it is on record.
    pub(super) permit: Option<Permit>,
    /// What opens its cells.
    pub(super) opener: Opener,
    /// Its text, to name it when it is done.
    pub(super) sql: String,
}

impl Cursor {
    /// Encodes one row.
    pub(super) fn send(&mut self, row: &[SqlValue], out: &mut Out) -> Result<(), Fault> {
        let Self {
            columns, opener, ..
        } = self;
        out.data_row(columns.len(), |index, cell| {
            match (row.get(index), columns.get(index)) {
                (Some(value), Some(column)) => opened(value, column, opener, cell),
                _ => Ok(false),
            }
        })?;
        self.rows += 1;
        Ok(())
    }
}

/// Appends a cell: opened if it is sealed and the grant covers it, else as it is. Only what leaves as text can be a
/// sealed value; both forms of `text` are the same bytes.
fn opened(
    value: &SqlValue,
    column: &Column,
    opener: &mut Opener,
    cell: &mut Vec<u8>,
) -> Result<bool, Fault> {
    if let SqlValue::Text(text) = value
        && text.starts_with(SEALED)
        && (column.format == Format::Text || column.oid == Type::Text.oid())
        && opener.open_text(text.as_bytes(), cell)
    {
        return Ok(true);
    }
    value::encode(value, column, cell)
}
