//! Values and names that attack whoever opens the archive.

use std::collections::BTreeSet;

use privet_archive::{Archive, Collection, Document, Field, Kind, Language, Row, Value};
use privet_classify::Class;
use proptest::prelude::*;

use crate::shop;
use crate::{files, text, written};

#[test]
fn pages_run_nothing_and_load_nothing() {
    let zip = written(&shop::archive(Language::English));
    let pages = files(&zip);
    let pages = pages.iter().filter(|(path, _)| path.ends_with(".html"));
    let mut count = 0;
    for (path, page) in pages {
        let page = str::from_utf8(page).unwrap();
        assert!(
            page.contains("default-src 'none'; style-src 'sha256-"),
            "{path}"
        );
        for word in [
            "<script",
            "<img",
            "<link",
            "<iframe",
            "javascript:",
            "url(",
            "@import",
            "http",
        ] {
            let shown = page.replace("http-equiv", "");
            assert!(!shown.contains(word), "{path}: {word}");
        }
        count += 1;
    }
    assert_eq!(count, 4);
    let index = text(&zip, "index.html");
    assert!(index.contains("&lt;script&gt;alert(document.domain)&lt;/script&gt;"));
    assert!(index.contains("gift <span class=\"mark\">U+202E</span>dexob"));
}

#[test]
fn titles_are_text_as_well() {
    let attack = "</title><script>alert(1)</script>\" onload=\"x";
    let mut field = Field::new(attack, attack, Kind::Text, Class::Cc);
    field.until = Some(attack.to_owned());
    let rows = || Ok([Ok(Row::new(vec![Value::text("a")]))].into_iter());
    let mut archive = Archive {
        collections: vec![Collection::new(attack, attack, attack, vec![field], rows)],
        ..shop::archive(Language::English)
    };
    archive.about.company = attack.to_owned();
    archive.about.contact = attack.to_owned();
    archive.about.request = format!("{attack}\nPayload-Oxum: 0.0");
    let zip = written(&archive);
    let index = text(&zip, "index.html");
    assert!(!index.contains("<script"));
    assert!(!index.contains("\" onload"));
    let info = text(&zip, "bag-info.txt");
    assert_eq!(
        info.lines()
            .filter(|line| line.starts_with("Payload-Oxum"))
            .count(),
        1
    );
}

/// What every path has to be.
fn check_paths(zip: &[u8]) {
    let paths: Vec<String> = files(zip).into_keys().collect();
    let folded: BTreeSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
    assert_eq!(folded.len(), paths.len(), "two names differ in case alone");
    for path in paths {
        let rest = path.strip_prefix("personal-data-2026-11-26/").unwrap();
        for part in rest.split('/') {
            assert!(
                !part.is_empty() && !part.starts_with('.') && !part.ends_with('.'),
                "{path}"
            );
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
            assert!(part.chars().all(plain), "{path}");
            let stem = part.split('.').next().unwrap().to_uppercase();
            assert!(
                !["CON", "PRN", "AUX", "NUL", "COM1", "LPT9"].contains(&&*stem),
                "{path}"
            );
        }
        assert!(path.len() < 200, "{path}");
    }
}

fn named(names: &[String]) -> Archive<'static> {
    let field = || vec![Field::new("a", "A", Kind::Text, Class::Cc)];
    let rows = || Ok([Ok(Row::new(vec![Value::text("a")]))].into_iter());
    let collection = |name: &String| Collection::new(name.clone(), "A", "", field(), rows);
    let document = |name: &String| Document {
        name: name.clone(),
        extension: "jsonld",
        title: "A".to_owned(),
        content: vec![],
    };
    Archive {
        collections: names.iter().map(collection).collect(),
        documents: names.iter().map(document).collect(),
        ..shop::archive(Language::English)
    }
}

#[test]
fn names_lead_nowhere_else() {
    let names = [
        "../../../etc/passwd",
        "..\\..\\boot",
        "/absolute",
        "C:\\x",
        "con",
        "NUL.txt",
        "Lpt9",
        "a",
        "A",
        "a.",
        "ａ",
        "",
        ".",
        "..",
        "\u{202e}gpj.exe",
        "x\0y",
        "x\ny",
        "manifest-sha256",
        "index",
    ];
    check_paths(&written(&named(&names.map(str::to_owned))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_names(names in prop::collection::vec(any::<String>(), 0..6)) {
        check_paths(&written(&named(&names)));
    }

    /// Whatever a text is, JSON Lines give it back, and no spreadsheet takes a cell of it for a formula.
    #[test]
    fn any_text(value in any::<String>()) {
        let given = value.clone();
        let rows = move || Ok([Ok(Row::new(vec![Value::text(given.clone())]))].into_iter());
        let fields = vec![Field::new("a", "A", Kind::Text, Class::Cc)];
        let archive = Archive {
            collections: vec![Collection::new("a", "A", "", fields, rows)],
            ..shop::archive(Language::English)
        };
        let zip = written(&archive);
        let lines = text(&zip, "data/a.jsonl");
        prop_assert_eq!(lines.matches('\n').count(), 1);
        let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
        prop_assert_eq!(line["a"].as_str().unwrap(), &value);
        let csv = text(&zip, "data/a.csv");
        let cell = csv.strip_prefix("\u{feff}\"a\"\r\n\"").unwrap();
        for cell in cell.split([';', '\t', '\r', '\n']).map(|cell| cell.trim_start_matches(' ')) {
            prop_assert!(!cell.starts_with(['=', '+', '-', '@']), "{:?}", csv);
        }
    }
}
