//! Treated telemetry as Parquet files on an object store: the tables and their columns, how files are named, added,
//! merged and dropped, and how a reader finds those that count.
//!
//! A [`Store`] is a folder or a bucket. Records are collected by [`Rows`], which sorts them by person, and [`Store::append`]
//! adds their files with one entry of a log ([`docs/formats/telemetry-store.md`][format]): a reader sees all of an append or
//! nothing, and a writer that died in between finds out from [`Store::position`] where to go on.
//!
//! The crate knows no keys, no consent and no OTLP: what it is given has been treated already.
//!
//! [format]: https://example.org/privet/docs/formats/telemetry-store.md

mod adding;
mod address;
mod batch;
mod clean;
mod column;
mod commit;
mod compact;
mod error;
mod expire;
mod file;
mod folder;
mod log;
mod probe;
mod record;
pub mod runs;
mod snapshot;
mod state;
mod store;
mod surroundings;
mod table;
pub mod views;

pub use adding::Adding;
pub use batch::{Batch, Rows};
pub use clean::Cleaned;
pub use compact::Compacted;
pub use error::Error;
pub use expire::Expired;
pub use privet_objects::{Why, open as open_bucket};
pub use record::{Common, Consent, Exemplar, Link, Log, Point, Record, Span, Stamped, Value};
pub use snapshot::Snapshot;
pub use state::DataFile;
pub use store::{Access, Appended, Position, Settings, Store};
pub use surroundings::{Machine, Surroundings};
pub use table::{Attribute, FixedColumn, Kind, TYID, Table, Type, UTC, schema};
