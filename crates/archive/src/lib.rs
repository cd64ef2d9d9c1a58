//! The file that a person gets who asks what is held about them: a ZIP that opens offline, without scripts.
//!
//! It holds `index.html` to read, each collection as JSON Lines and CSV with a JSON Schema, a Frictionless Data Package
//! over them, consent receipts, and the checksums of a BagIt bag. Rows are read from the caller one at a time and more than
//! once, so memory is bounded however large a collection is; the same archive is always the same bytes. Format:
//! `docs/formats/access-archive.md`.
//!
//! ```
//! use privet_archive::{About, Archive, Collection, Field, Kind, Language, Row, Value};
//! use privet_classify::Class;
//!
//! let name = Field::new("name", "Name", Kind::Text, Class::Uii);
//! let rows = || Ok([Ok(Row::new(vec![Value::text("Ada")]))].into_iter());
//! let customers = Collection::new("shop.customer", "Customers", "What you told the shop.", vec![name], rows);
//! let archive = Archive {
//!     about: About {
//!         company: "Example Ltd".to_owned(),
//!         contact: "privacy@example.org".to_owned(),
//!         request: "r-17".to_owned(),
//!         taken_at: "2026-11-26T16:30:00Z".parse()?,
//!         language: Language::English,
//!     },
//!     collections: vec![customers],
//!     documents: vec![],
//! };
//! let zip: Vec<u8> = archive.write_to(Vec::new())?;
//! assert_eq!(zip.get(..2), Some(b"PK".as_slice()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate does not do: it reads no store, file or clock, seals nothing (write into a `ChunkSealer`), and decides
//! nothing about what belongs into the archive.

mod error;

mod model;
mod reading;
mod row;
mod spool;
mod words;

mod archive;
mod entry;
mod measure;
mod names;

mod bag;
mod data_package;
mod json_lines;
mod schema;
mod spreadsheet;

mod page;
mod shown;

pub use error::Error;
pub use model::{About, Archive, Collection, Document, Field, Kind, Purpose};
pub use row::{Row, RowIterator, Rows, Value};
pub use spool::SpooledRows;
pub use words::Language;
