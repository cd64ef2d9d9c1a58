//! Reading a collection again, for each of the files that are made of it.

use std::{io, slice};

use crate::page::Part;
use crate::{Error, Row, RowIterator};

/// One reading of a collection that was measured.
pub(crate) enum Reading<'a> {
    /// A short one, which was kept.
    Kept(slice::Iter<'a, Row>),
    /// From where the rows lie.
    Again(RowIterator<'a>),
}

impl Part<'_> {
    /// Begins at the first row.
    pub(crate) fn read(&self) -> Result<Reading<'_>, Error> {
        match &self.measure.kept {
            Some(rows) => Ok(Reading::Kept(rows.iter())),
            None => self.collection.read().map(Reading::Again),
        }
    }
}

impl Reading<'_> {
    /// Shows the next row; `None`: there is none.
    pub(crate) fn next<T>(&mut self, show: impl FnOnce(&Row) -> T) -> Option<io::Result<T>> {
        match self {
            Self::Kept(rows) => rows.next().map(|row| Ok(show(row))),
            Self::Again(rows) => rows.next().map(|row| row.map(|row| show(&row))),
        }
    }
}
