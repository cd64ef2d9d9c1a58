//! The errors of this crate. None holds a value.

use std::io;

/// An archive could not be written. What was written of it is not one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rows of a collection could not be read: collect them again.
    #[error("cannot read the rows of `{collection}`")]
    Rows {
        /// The collection's name.
        collection: String,
        /// Why.
        source: io::Error,
    },
    /// A collection read twice was not the same: collect it again.
    #[error("the rows of `{collection}` changed while they were read")]
    Changed {
        /// The collection's name.
        collection: String,
    },
    /// A row has more or fewer values than its collection has fields, or two fields have one name.
    #[error("`{collection}`: {problem}")]
    Shape {
        /// The collection's name.
        collection: String,
        /// What does not fit.
        problem: &'static str,
    },
    /// The archive could not be written to where it goes.
    #[error("cannot write the archive")]
    Write(#[from] io::Error),
}

impl From<zip::result::ZipError> for Error {
    fn from(error: zip::result::ZipError) -> Self {
        Self::Write(error.into())
    }
}
