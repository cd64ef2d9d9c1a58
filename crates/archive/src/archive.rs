//! From collections to the ZIP, one file after the other.

use std::collections::HashSet;
use std::io::Write;

use jiff::tz::TimeZone;

use crate::data_package::{self, Files};
use crate::entry::{Entries, Entry};
use crate::measure::{Measure, Room};
use crate::names::Names;
use crate::page::{Page, Part, Receipt, changed};
use crate::spreadsheet::Spreadsheet;
use crate::{About, Archive, Collection, Error, Row, bag, json_lines, schema};

impl About {
    /// The name of the archive's folder, and of its file without the ending: `personal-data-2026-11-26`.
    pub fn folder(&self) -> String {
        let date = self.taken_at.to_zoned(TimeZone::UTC).date();
        format!("personal-data-{date}")
    }
}

impl Archive<'_> {
    /// Writes the archive as a ZIP and hands back what was written to, flushed. The same archive is the same bytes.
    ///
    /// A short collection is read once, a long one up to five times. What is in memory does not depend on how many rows there are,
    /// but on the longest one.
    ///
    /// # Errors
    /// When rows cannot be read or do not fit their collection, or `out` fails. What was written until then is no archive.
    pub fn write_to<W: Write>(&self, out: W) -> Result<W, Error> {
        let mut names = Names::default();
        let mut room = Room::new();
        let mut parts = Vec::with_capacity(self.collections.len());
        for collection in &self.collections {
            check(collection)?;
            parts.push(Part {
                collection,
                name: names.name(&collection.name),
                measure: Measure::of(collection, &mut room)?,
            });
        }
        let entries = Entries::new(out, self.about.folder(), self.about.taken_at);
        let mut writing = Writing {
            entries,
            written: Vec::new(),
        };
        writing.all(self, &parts)?;
        bag::write(&mut writing.entries, &self.about, &writing.written)?;
        writing.entries.finish()
    }

    fn receipts(&self) -> Vec<Receipt<'_>> {
        let mut names = Names::default();
        let mut receipts = Vec::with_capacity(self.documents.len());
        for document in &self.documents {
            let name = names.name(&document.name);
            let path = format!("receipts/{name}.{}", document.extension);
            receipts.push(Receipt { document, path });
        }
        receipts
    }
}

/// Refuses a collection whose rows could not be told apart as objects.
fn check(collection: &Collection<'_>) -> Result<(), Error> {
    let mut names = HashSet::new();
    if !collection
        .fields
        .iter()
        .all(|field| names.insert(&*field.name))
    {
        return Err(collection.misshapen("two fields have the same name"));
    }
    Ok(())
}

struct Writing<W: Write> {
    entries: Entries<W>,
    /// Every file so far.
    written: Vec<Entry>,
}

impl<W: Write> Writing<W> {
    fn all(&mut self, archive: &Archive<'_>, parts: &[Part<'_>]) -> Result<(), Error> {
        let (about, receipts) = (&archive.about, archive.receipts());
        let page = Page::new(about);
        let index = self
            .entries
            .stream("index.html", 0, |out| page.index(out, parts, &receipts))?;
        self.written.push(index);
        let mut files = Vec::with_capacity(parts.len());
        for part in parts {
            self.pages(&page, part)?;
            files.push(self.files(part)?);
        }
        for Receipt { document, path } in &receipts {
            self.written
                .push(self.entries.write(path, &document.content)?);
        }
        let described = parts
            .iter()
            .zip(&files)
            .map(|(part, [json_lines, csv, schema])| Files {
                collection: part.collection,
                name: &part.name,
                types: &part.measure.types,
                csv,
                json_lines,
                schema,
            });
        let package = pretty(data_package::of(about, page.title(), described))?;
        self.written
            .push(self.entries.write("datapackage.json", &package)?);
        self.written.extend(files.into_iter().flatten());
        Ok(())
    }

    /// The further pages of a collection, in one reading.
    fn pages(&mut self, page: &Page<'_>, part: &Part<'_>) -> Result<(), Error> {
        if part.measure.pages.is_empty() {
            return Ok(());
        }
        let mut rows = part.read()?;
        for (place, count) in part.measure.pages.iter().enumerate() {
            let path = format!("pages/{}-{}.html", part.name, place + 1);
            let entry = self.entries.stream(&path, 0, |out| {
                page.rows_page(out, part, place + 1, &mut rows, *count)
            })?;
            self.written.push(entry);
        }
        Ok(())
    }

    /// JSON Lines, CSV and schema of a collection.
    fn files(&mut self, part: &Part<'_>) -> Result<[Entry; 3], Error> {
        let (name, collection) = (&part.name, part.collection);
        let size_max = part.measure.file_bytes_max;
        let path = format!("{}{name}.jsonl", bag::PAYLOAD);
        let json_lines = self.entries.stream(&path, size_max, |out| {
            each_row(part, |row| {
                json_lines::write_row(out, &collection.fields, row)
            })
        })?;
        let path = format!("{}{name}.csv", bag::PAYLOAD);
        let csv = self.entries.stream(&path, size_max, |out| {
            let mut csv = Spreadsheet::new(out, &collection.fields)?;
            each_row(part, |row| csv.write_row(row))?;
            Ok(csv.finish()?)
        })?;
        let schema = pretty(schema::of(collection, &part.measure.types))?;
        let schema = self
            .entries
            .write(&format!("schema/{name}.schema.json"), &schema)?;
        Ok([json_lines, csv, schema])
    }
}

/// Reads the collection once more, which has to be as long as it was, and of the same types.
fn each_row(
    part: &Part<'_>,
    mut write: impl FnMut(&Row) -> std::io::Result<()>,
) -> Result<(), Error> {
    let (collection, mut count) = (part.collection, 0);
    let mut rows = part.read()?;
    while let Some(written) = rows.next(|row| {
        if row.values().len() != collection.fields.len() || count == part.measure.rows {
            return Err(changed(collection));
        }
        write(row).map_err(Error::from)
    }) {
        written.map_err(|error| collection.unreadable(error))??;
        count += 1;
    }
    if count < part.measure.rows {
        return Err(changed(collection));
    }
    Ok(())
}

/// Sorted by name: otherwise the order, and with it the bytes, would depend on what other crates ask of the library.
fn pretty(mut json: serde_json::Value) -> Result<Vec<u8>, Error> {
    json.sort_all_objects();
    let mut text = serde_json::to_vec_pretty(&json).map_err(std::io::Error::from)?;
    text.push(b'\n');
    Ok(text)
}
