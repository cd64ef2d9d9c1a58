//! Archives as people and their tools open them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod bytes;
mod hostile;
mod memory;
mod shop;
mod tools;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use privet_archive::Archive;

/// The archive as a ZIP.
fn written(archive: &Archive<'_>) -> Vec<u8> {
    archive.write_to(Vec::new()).unwrap()
}

/// The ZIP's files by path.
fn files(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut files = BTreeMap::new();
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert!(
            files
                .insert(file.name().unwrap().into_owned(), content)
                .is_none()
        );
    }
    files
}

/// A file of the archive as text.
fn text(zip: &[u8], path: &str) -> String {
    let path = format!("personal-data-2026-11-26/{path}");
    let content = files(zip).remove(&path);
    String::from_utf8(content.unwrap_or_else(|| unreachable!("no {path}"))).unwrap()
}
