//! What an archive is made of.

use jiff::Timestamp;
use privet_classify::{Basis, Class};

use crate::{Language, RowIterator, Rows};

/// Everything that goes into one archive.
#[expect(missing_debug_implementations, reason = "it is personal")]
pub struct Archive<'a> {
    /// Whose archive it is and of when.
    pub about: About,
    /// What is held, in the order in which it is shown.
    pub collections: Vec<Collection<'a>>,
    /// Files that go in as they are.
    pub documents: Vec<Document>,
}

/// What the archive says of itself. It names nobody but the company.
#[derive(Debug, Clone)]
pub struct About {
    /// Who holds the data: the data map's `[controller]`.
    pub company: String,
    /// Where the company can be reached: an address of mail, the web or the post.
    pub contact: String,
    /// The request's id.
    pub request: String,
    /// When the request was taken. All that is dated in the archive has this date.
    pub taken_at: Timestamp,
    /// The language of its texts.
    pub language: Language,
}

/// Rows of one kind from one place: a table of an application, the fields of the vault, telemetry.
#[expect(missing_debug_implementations, reason = "it is personal")]
pub struct Collection<'a> {
    /// A stable name, as `shop.customer`; files are named after it.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// What it is and where it comes from, in a sentence or two; may be empty.
    pub what: String,
    /// What each row has, in the order of its values.
    pub fields: Vec<Field>,
    pub(crate) rows: Box<dyn Rows + 'a>,
}

impl<'a> Collection<'a> {
    /// A collection whose rows can be read as often as `rows` is asked.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        what: impl Into<String>,
        fields: Vec<Field>,
        rows: impl Rows + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            what: what.into(),
            fields,
            rows: Box::new(rows),
        }
    }

    pub(crate) fn read(&self) -> Result<RowIterator<'_>, crate::Error> {
        self.rows.read().map_err(|error| self.unreadable(error))
    }

    pub(crate) fn unreadable(&self, source: std::io::Error) -> crate::Error {
        let collection = self.name.clone();
        crate::Error::Rows { collection, source }
    }

    pub(crate) fn misshapen(&self, problem: &'static str) -> crate::Error {
        let collection = self.name.clone();
        crate::Error::Shape {
            collection,
            problem,
        }
    }
}

/// What the values of one column are, and why they are held.
#[derive(Debug, Clone)]
pub struct Field {
    /// The column's name; the rows' keys in JSON, the columns' heads in CSV.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Of which kind its values are, ordinarily.
    pub kind: Kind,
    /// How personal they are.
    pub class: Class,
    /// What they are used for.
    pub purposes: Vec<Purpose>,
    /// Until when they are held, in words; `None`: nothing is known.
    pub until: Option<String>,
}

impl Field {
    /// A field of which nobody said what it is for.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        kind: Kind,
        class: Class,
    ) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            kind,
            class,
            purposes: Vec::new(),
            until: None,
        }
    }
}

/// A purpose, and the legal basis it rests on.
#[derive(Debug, Clone)]
pub struct Purpose {
    /// The name for people.
    pub title: String,
    /// The legal basis.
    pub basis: Basis,
}

/// Of which kind a field's values are. Databases are not always strict: a value of another kind is kept as it is, and the
/// schema says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, also dates, times and exact decimals.
    Text,
    /// Whole numbers.
    Integer,
    /// Floating-point numbers.
    Number,
    /// Yes or no.
    Boolean,
    /// Bytes.
    Bytes,
}

/// A file that goes into the archive as it is, under `receipts/`.
#[expect(missing_debug_implementations, reason = "it is personal")]
pub struct Document {
    /// A stable name; the file is named after it.
    pub name: String,
    /// The ending of the file's name, as `jsonld`: letters and digits.
    pub extension: &'static str,
    /// The name for people.
    pub title: String,
    /// What the file holds.
    pub content: Vec<u8>,
}
