//! The checksums, as a BagIt bag has them (RFC 8493): `manifest-sha256.txt` over what is in `data/`, `tagmanifest-sha256.txt`
//! over the rest.

use std::fmt::Write as _;
use std::io::Write;

use jiff::tz::TimeZone;

use crate::entry::{Entries, Entry};
use crate::{About, Error};

/// Where a bag's payload lies.
pub(crate) const PAYLOAD: &str = "data/";

const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// Writes the bag's own files, last of all: `written` is everything else.
pub(crate) fn write<W: Write>(
    entries: &mut Entries<W>,
    about: &About,
    written: &[Entry],
) -> Result<(), Error> {
    let (payload, others): (Vec<&Entry>, Vec<&Entry>) = written
        .iter()
        .partition(|entry| entry.path.starts_with(PAYLOAD));
    let info = info(about, &payload);
    let own = [
        entries.write("bagit.txt", DECLARATION.as_bytes())?,
        entries.write("bag-info.txt", info.as_bytes())?,
        entries.write("manifest-sha256.txt", manifest(payload).as_bytes())?,
    ];
    let tags = others.into_iter().chain(&own);
    entries.write("tagmanifest-sha256.txt", manifest(tags).as_bytes())?;
    Ok(())
}

/// Section 2.1.3: a checksum and a path a line. Our paths have none of the characters that would need an escape.
fn manifest<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut lines = String::new();
    for Entry { path, sha256, .. } in entries {
        // Writing to a `String` does not fail.
        let _ = writeln!(lines, "{sha256}  {path}");
    }
    lines
}

/// Section 2.2.2: what people want to know of a bag.
fn info(about: &About, payload: &[&Entry]) -> String {
    let bytes: u64 = payload.iter().map(|entry| entry.size_bytes).sum();
    let date = about.taken_at.to_zoned(TimeZone::UTC).date();
    format!(
        "Source-Organization: {}\nBagging-Date: {date}\nExternal-Identifier: {}\nPayload-Oxum: {bytes}.{}\n",
        one_line(&about.company),
        one_line(&about.request),
        payload.len(),
    )
}

/// A line break would begin another entry.
fn one_line(text: &str) -> String {
    text.split(char::is_control)
        .collect::<Vec<&str>>()
        .join(" ")
}
