//! The same archive is the same bytes, and what cannot be written whole is an error.

use std::cell::Cell;
use std::io::{self, ErrorKind, Write};

use aws_lc_rs::digest::{SHA256, digest};
use privet_archive::{Archive, Collection, Error, Field, Kind, Language, Row, Value};
use privet_classify::Class;

use crate::shop;
use crate::{text, written};

/// Changes with the pages' texts and style, and with the compressor. A change that nobody meant is a mistake: people compare.
const SHA256_OF_SHOP: &str = "0ac2bdb818764a42451264a0412a9c5d940bb6580103431ef94117bd4244dfaf";

#[test]
fn the_same_twice() {
    let zip = written(&shop::archive(Language::English));
    assert!(zip == written(&shop::archive(Language::English)));
    let hash: String = digest(&SHA256, &zip)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hash, SHA256_OF_SHOP);
}

#[test]
fn values_are_exact_in_json_lines_and_harmless_in_csv() {
    let zip = written(&shop::archive(Language::English));
    let lines = text(&zip, "data/lab.measurement.jsonl");
    let expected = [
        r#"{"whole":9223372036854775807,"real":"NaN","flag":false,"blob":"+/8AAQ==","=1+1":{"base64":"AQID"}}"#,
        r#"{"whole":"twelve","real":-1e+300,"flag":1,"blob":"","=1+1":-5}"#,
        r#"{"whole":null,"real":3,"flag":null,"blob":null,"=1+1":null}"#,
        "",
    ];
    assert_eq!(lines.split('\n').collect::<Vec<_>>(), expected);
    let csv = text(&zip, "data/lab.measurement.csv");
    let expected = [
        "\u{feff}\"whole\",\"real\",\"flag\",\"blob\",\"'=1+1\"",
        r#""9223372036854775807","NaN","false","'+/8AAQ==","AQID""#,
        r#""twelve","-1e+300","1","","-5""#,
        r#""","3","","","""#,
        "",
    ];
    assert_eq!(csv.split("\r\n").collect::<Vec<_>>(), expected);
}

#[test]
fn long_collections_have_pages_and_every_row_is_on_one() {
    let zip = written(&shop::archive(Language::English));
    let pages = [1, 2, 3].map(|page| text(&zip, &format!("pages/telemetry.visit-{page}.html")));
    let rows = pages.each_ref().map(|page| page.matches("<tr><td").count());
    assert_eq!(rows, [500, 500, 300]);
    assert!(pages[1].contains("href=\"telemetry.visit-1.html\""));
    assert!(pages[1].contains("href=\"telemetry.visit-3.html\""));
    assert!(!pages[2].contains("telemetry.visit-4.html"));
    let index = text(&zip, "index.html");
    assert!(index.contains("The first 20 of 1,300 entries."));
    assert!(index.contains("href=\"pages/telemetry.visit-1.html\""));
}

#[test]
fn pages_end_where_nobody_reads_on_and_the_files_do_not() {
    let archive = Archive {
        collections: vec![shop::visits(50_001)],
        ..shop::archive(Language::German)
    };
    let zip = written(&archive);
    let last = text(&zip, "pages/telemetry.visit-100.html");
    assert!(last.contains(
        "Die Seiten zeigen die ersten 50.000 Einträge. In den Dateien stehen alle 50.001."
    ));
    assert!(
        !crate::files(&zip)
            .keys()
            .any(|path| path.ends_with("-101.html"))
    );
    assert_eq!(
        text(&zip, "data/telemetry.visit.jsonl").lines().count(),
        50_001
    );
}

/// An archive of one column whose rows come from `read`, by the number of the reading.
fn refused(read: impl Fn(usize) -> io::Result<Vec<io::Result<Row>>>) -> Error {
    let readings = Cell::new(0);
    let rows = || {
        readings.set(readings.get() + 1);
        Ok(read(readings.get())?.into_iter())
    };
    let fields = vec![Field::new("a", "A", Kind::Text, Class::Cc)];
    let archive = Archive {
        collections: vec![Collection::new("shop.a", "A", "", fields, rows)],
        ..shop::archive(Language::English)
    };
    match archive.write_to(io::sink()) {
        Err(error) => error,
        Ok(_) => unreachable!("an archive was written"),
    }
}

fn row(text: &str) -> io::Result<Row> {
    Ok(Row::new(vec![Value::text(text)]))
}

/// What is not kept in memory, and so read again.
fn long() -> String {
    "a".repeat(2 << 20)
}

#[test]
fn a_short_collection_is_read_once() {
    let readings = Cell::new(0);
    let rows = || {
        readings.set(readings.get() + 1);
        Ok([row("a"), row("b")].into_iter())
    };
    let fields = vec![Field::new("a", "A", Kind::Text, Class::Cc)];
    let archive = Archive {
        collections: vec![Collection::new("shop.a", "A", "", fields, rows)],
        ..shop::archive(Language::English)
    };
    archive.write_to(io::sink()).unwrap();
    assert_eq!(readings.get(), 1);
}

#[test]
fn rows_that_fail_change_or_do_not_fit() {
    let long = &*long();
    let failing = |reading| {
        move |now| match now {
            _ if now == reading => Err(ErrorKind::InvalidData.into()),
            _ => Ok(vec![row(long)]),
        }
    };
    for reading in 1..=4 {
        let error = refused(failing(reading));
        assert!(matches!(&error, Error::Rows { collection, .. } if collection == "shop.a"));
    }
    let error = refused(|_| Ok(vec![row("secret"), Err(ErrorKind::InvalidData.into())]));
    assert_eq!(error.to_string(), "cannot read the rows of `shop.a`");
    // Longer, and shorter, than it was.
    for changed in [vec![long, "b"], vec![]] {
        let error = refused(|now| {
            let rows = if now < 3 { &[long][..] } else { &changed };
            Ok(rows.iter().map(|text| row(text)).collect())
        });
        assert!(matches!(error, Error::Changed { .. }), "{error}");
    }
    let error = refused(|_| Ok(vec![Ok(Row::new(vec![]))]));
    assert!(matches!(error, Error::Shape { .. }), "{error}");
}

#[test]
fn what_was_cut_short_is_no_zip() {
    let long = &*long();
    let rows = || [row(long), Err(ErrorKind::InvalidData.into())].into_iter();
    let fields = vec![Field::new("a", "A", Kind::Text, Class::Cc)];
    let readings = Cell::new(0);
    let fails_later = || {
        readings.set(readings.get() + 1);
        Ok(rows().take(if readings.get() < 3 { 1 } else { 2 }))
    };
    let mut archive = shop::archive(Language::English);
    archive
        .collections
        .push(Collection::new("a", "A", "", fields, fails_later));
    let mut zip = Vec::new();
    let error = archive.write_to(&mut zip).err().unwrap();
    assert!(matches!(error, Error::Rows { .. }), "{error}");
    assert!(zip.len() > 10_000, "it was well on its way");
    // The directory's signature, without which nothing opens it.
    assert!(!zip.windows(4).any(|bytes| bytes == b"PK\x01\x02"));
}

#[test]
fn two_fields_of_one_name_are_refused() {
    let field = || Field::new("a", "A", Kind::Text, Class::Cc);
    let rows = || Ok(std::iter::empty());
    let archive = Archive {
        collections: vec![Collection::new("a", "A", "", vec![field(), field()], rows)],
        ..shop::archive(Language::English)
    };
    let error = archive.write_to(io::sink());
    assert!(matches!(error, Err(Error::Shape { .. })));
}

/// Fails after so many bytes.
struct Broken(usize);

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_happens() {
    let archive = shop::archive(Language::English);
    let len = written(&archive).len();
    for room in (0..len).step_by(len / 23) {
        let error = archive.write_to(Broken(room)).err().unwrap();
        assert!(matches!(error, Error::Write(_)), "{room}: {error}");
    }
    assert!(archive.write_to(Broken(len)).is_ok());
}
