//! Every code that the sources can answer with stands in `docs/errors.md`, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What stands before a code in the sources.
const MAKERS: [&str; 8] = [
    "Error::denied(",
    "Error::invalid(",
    "Error::conflict(",
    "Error::limited(",
    "Error::unready(",
    "Refusal::new(",
    "Refusal::malformed(",
    "code: ",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The string literal that begins `text`, after what `Refusal::new` has before it.
fn literal(text: &str) -> Option<&str> {
    let mut text = text.trim_start();
    if let Some(status) = text.strip_prefix("StatusCode::") {
        text = status.split_once(',')?.1.trim_start();
    }
    let (code, _) = text.strip_prefix('"')?.split_once('"')?;
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!code.is_empty() && code.chars().all(word)).then_some(code)
}

fn codes(source: &str, found: &mut BTreeSet<String>) {
    // Tests name codes too, also such as do not exist.
    let source = source.split("#[cfg(test)]").next().unwrap();
    for maker in MAKERS {
        for (at, _) in source.match_indices(maker) {
            found.extend(literal(&source[at + maker.len()..]).map(str::to_owned));
        }
    }
    // `check_url(text, "code", "what")`.
    for (at, _) in source.match_indices("check_url(") {
        let call = source[at..].split(';').next().unwrap_or_default();
        let second = call.split_once(',').map(|(_, rest)| rest);
        found.extend(second.and_then(literal).map(str::to_owned));
    }
    // `fn code` maps cases to codes: `Self::Deadline => "audit_deadline",`.
    for (at, _) in source.match_indices("fn code(") {
        let body = source[at..].split("\n    }").next().unwrap();
        for (arrow, _) in body.match_indices("=> ") {
            found.extend(literal(&body[arrow + 3..]).map(str::to_owned));
        }
    }
}

#[test]
fn every_code_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut in_sources = BTreeSet::new();
    for part in ["api", "vault"] {
        let mut files = Vec::new();
        sources(&root.join("crates").join(part).join("src"), &mut files);
        for file in files {
            codes(&fs::read_to_string(file).unwrap(), &mut in_sources);
        }
    }
    for known in [
        "policy_denied",
        "audit_deadline",
        "malformed_json",
        "unauthenticated",
    ] {
        assert!(
            in_sources.contains(known),
            "the search finds too little: `{known}`"
        );
    }
    let page = fs::read_to_string(root.join("docs/errors.md")).unwrap();
    let on_page: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(code, _)| code.to_owned())
        .collect();
    let missing: Vec<_> = in_sources.difference(&on_page).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
    let surplus: Vec<_> = on_page.difference(&in_sources).collect();
    assert!(
        surplus.is_empty(),
        "in docs/errors.md, but nowhere else: {surplus:?}"
    );
}
