//! The pages: `index.html` and, for collections that are too long for it, further ones. Written in pieces, so that no more
//! than the rows of one page are in memory.

use std::io::{self, Write};

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;

use crate::measure::Measure;
use crate::reading::Reading;
use crate::shown::cells;
use crate::words::Words;
use crate::{About, Collection, Document, Error, Field};

const STYLE: &str = include_str!("../templates/style.css");
/// A single entry is shown as a list, unless it has more fields than one would read so.
const LIST_FIELDS_MAX: usize = 60;

/// One collection, as pages speak of it.
pub(crate) struct Part<'a> {
    pub(crate) collection: &'a Collection<'a>,
    /// The files' name.
    pub(crate) name: String,
    pub(crate) measure: Measure,
}

/// A document and the path of its file.
pub(crate) struct Receipt<'a> {
    pub(crate) document: &'a Document,
    pub(crate) path: String,
}

#[derive(Template)]
#[template(path = "head.html")]
struct Head<'a> {
    page: &'a Page<'a>,
    title: &'a str,
    style: &'a str,
}

#[derive(Template)]
#[template(path = "index_top.html")]
struct IndexTop<'a> {
    words: &'a Words,
    lead: String,
    parts: &'a [Part<'a>],
    receipts: &'a [Receipt<'a>],
}

#[derive(Template)]
#[template(path = "collection.html")]
struct Section<'a> {
    words: &'a Words,
    part: &'a Part<'a>,
    number: usize,
    rows: RowsShown<'a>,
}

#[derive(Template)]
#[template(path = "index_end.html")]
struct IndexEnd<'a> {
    words: &'a Words,
    ask: String,
    receipts: &'a [Receipt<'a>],
}

#[derive(Template)]
#[template(path = "rows_page.html")]
struct RowsPage<'a> {
    words: &'a Words,
    part: &'a Part<'a>,
    page: usize,
    rows: RowsShown<'a>,
}

/// Rows, ready to be shown.
#[derive(Template)]
#[template(path = "rows.html")]
struct RowsShown<'a> {
    fields: &'a [Field],
    title: &'a str,
    as_list: bool,
    rows: Vec<Vec<String>>,
}

/// What the pages of an archive have in common.
pub(crate) struct Page<'a> {
    about: &'a About,
    words: &'a Words,
    /// The hash that lets this style in and nothing else.
    style_hash: String,
}

impl<'a> Page<'a> {
    pub(crate) fn new(about: &'a About) -> Self {
        Self {
            about,
            words: about.language.words(),
            style_hash: STANDARD.encode(digest(&SHA256, STYLE.as_bytes())),
        }
    }

    /// The title of the whole archive.
    pub(crate) fn title(&self) -> &'static str {
        self.words.title
    }

    /// Writes `index.html`.
    pub(crate) fn index(
        &self,
        out: &mut dyn Write,
        parts: &[Part<'_>],
        receipts: &[Receipt<'_>],
    ) -> Result<(), Error> {
        self.head(out, self.words.title)?;
        let about = self.about;
        let date = about.taken_at.to_zoned(TimeZone::UTC);
        let date = date.strftime("%Y-%m-%d %H:%M UTC").to_string();
        let top = IndexTop {
            words: self.words,
            lead: self.words.lead(&about.company, &date, &about.request),
            parts,
            receipts,
        };
        top.write_into(out)?;
        for (place, part) in parts.iter().enumerate() {
            let mut rows = part.read()?;
            let section = Section {
                words: self.words,
                part,
                number: place + 1,
                rows: self.rows(part, &mut rows, part.measure.preview)?,
            };
            section.write_into(out)?;
        }
        let end = IndexEnd {
            words: self.words,
            ask: self
                .words
                .ask(&about.company, &about.contact, &about.request),
            receipts,
        };
        Ok(end.write_into(out)?)
    }

    /// Writes a further page, from 1, with the rows that come next.
    pub(crate) fn rows_page(
        &self,
        out: &mut dyn Write,
        part: &Part<'_>,
        page: usize,
        rows: &mut Reading<'_>,
        count: u64,
    ) -> Result<(), Error> {
        let title = format!(
            "{} – {}",
            part.collection.title,
            self.words.page(page, part.measure.pages.len())
        );
        self.head(out, &title)?;
        let page = RowsPage {
            words: self.words,
            part,
            page,
            rows: self.rows(part, rows, count)?,
        };
        Ok(page.write_into(out)?)
    }

    fn head(&self, out: &mut dyn Write, title: &str) -> io::Result<()> {
        let head = Head {
            page: self,
            title,
            style: STYLE,
        };
        head.write_into(out)
    }

    fn rows<'p>(
        &self,
        part: &Part<'p>,
        rows: &mut Reading<'_>,
        count: u64,
    ) -> Result<RowsShown<'p>, Error> {
        let collection = part.collection;
        let mut shown = Vec::new();
        for _ in 0..count {
            let row = rows.next(|row| cells(row, self.words));
            let row = row.ok_or_else(|| changed(collection))?;
            shown.push(row.map_err(|error| collection.unreadable(error))?);
        }
        Ok(RowsShown {
            fields: &collection.fields,
            title: &collection.title,
            as_list: part.measure.rows == 1 && collection.fields.len() <= LIST_FIELDS_MAX,
            rows: shown,
        })
    }
}

/// A second reading that ended elsewhere than the first.
pub(crate) fn changed(collection: &Collection<'_>) -> Error {
    Error::Changed {
        collection: collection.name.clone(),
    }
}

impl Part<'_> {
    /// Rows on the further pages.
    fn paged(&self) -> u64 {
        self.measure.rows - self.measure.left_out
    }
}
