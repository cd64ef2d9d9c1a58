//! What can go wrong, in words that show neither addresses nor credentials.

use privet_objects::{OpenError, Why};

/// What can go wrong.
///
/// An object store's own messages are left out: they may quote an address with a signature in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be used.
    #[error(
        "the telemetry store's address is not understood: use a folder, `s3://`, `gs://` or `az://`"
    )]
    Address,
    /// The object store's client does not take what it is told.
    #[error(
        "the telemetry store's client does not take its settings: check credentials, account and authorities"
    )]
    Options,
    /// The object store does not do what was asked.
    #[error("the telemetry store does not {doing}: {why}")]
    Unavailable {
        /// What was asked.
        doing: &'static str,
        /// Why not, as far as can be told.
        why: Why,
    },
    /// It cannot be told whether a commit took place; asking for the position tells later.
    #[error("the telemetry store does not say whether a commit took place: try again")]
    Unknown,
    /// Others were always faster.
    #[error("others write to the telemetry store all the time: try again")]
    Contended,
    /// Files were written so long before their commit that they may have been taken for left-overs.
    #[error("writing to the telemetry store took too long: try again")]
    TooSlow,
    /// Something in the store cannot be read.
    #[error("`{name}` in the telemetry store is damaged: restore it from a copy")]
    Damaged {
        /// The log entry, the checkpoint, or a data file's own id.
        name: String,
    },
    /// The store was written by a later version.
    #[error("the telemetry store is of format {found}, this program knows {known}: update it")]
    Format {
        /// The format found.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// A writer's positions have a gap.
    #[error("the writer is at position {found} in the telemetry store, not at {expected}")]
    Position {
        /// What the store says.
        found: u64,
        /// What the caller said.
        expected: u64,
    },
    /// The store was opened for reading.
    #[error("the telemetry store is open for reading only")]
    ReadOnly,
    /// A column's name cannot be used.
    #[error("an attribute `{name}` cannot have a column: {why}")]
    Attribute {
        /// The attribute's key.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A tenant's name cannot be used.
    #[error("a tenant's name has 1 to 128 bytes and no control characters")]
    Tenant,
    /// A moment that no column holds.
    #[error("a record was received at a time that cannot be: check the clock")]
    Time,
    /// The rows do not fit into a file.
    #[error("rows cannot be written as Parquet")]
    Parquet(#[source] parquet::errors::ParquetError),
    /// The rows do not fit together.
    #[error("rows cannot be put together")]
    Arrow(#[source] arrow_schema::ArrowError),
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Address => Self::Address,
            OpenError::Options => Self::Options,
            OpenError::Unavailable(why) => Self::Unavailable { doing: "open", why },
        }
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Parquet(error)
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Arrow(error)
    }
}

/// Names what was being done.
pub(crate) fn cannot(doing: &'static str) -> impl Fn(object_store::Error) -> Error {
    move |error| Error::Unavailable {
        doing,
        why: Why::of(&error),
    }
}
