//! Data maps as files: each of `refused/` has one mistake and a snapshot of the report beside it,
//! each of `allowed/` a snapshot of what was understood.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use privet_classify::{
    ColumnName, DataMap, ExportRule, MapErrors, Source, Table, Telemetry, Treatment,
};

/// The maps of a folder under `tests/maps/`, by name.
fn maps(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/maps")
        .join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths
        .iter()
        .map(|path| (name(path), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn check(folder: &str, count_min: usize, report: impl Fn(Result<DataMap, MapErrors>) -> String) {
    let maps = maps(folder);
    assert!(maps.len() >= count_min, "{} maps in {folder}", maps.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("maps/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, text) in maps {
        settings
            .bind(|| insta::assert_snapshot!(name.clone(), report(DataMap::parse(&text)), &name));
    }
}

#[test]
fn refused_maps_say_what_to_do() {
    check("refused", 80, |result| match result {
        Ok(map) => panic!("allowed: {map:?}"),
        Err(errors) => errors.to_string(),
    });
}

#[test]
fn allowed_maps_are_understood() {
    check("allowed", 3, |result| understood(&result.unwrap()));
}

fn understood(map: &DataMap) -> String {
    let mut text = String::new();
    for purpose in map.purposes() {
        writeln!(
            text,
            "purpose {}: {} {:?} {:?}{}",
            purpose.name,
            purpose.basis,
            purpose.bit,
            purpose.notice,
            if purpose.gpc { " gpc" } else { "" }
        )
        .unwrap();
    }
    if let Some(controller) = map.controller() {
        let (name, contact) = (&controller.name, &controller.contact);
        writeln!(text, "controller {name:?}: {contact:?}").unwrap();
    }
    if let Some(keep) = &map.consent().keep {
        writeln!(text, "consent is kept {}: {:?}", keep.for_, keep.why).unwrap();
    }
    if let Some(language) = &map.consent().language {
        writeln!(text, "notices are in {language}").unwrap();
    }
    for notice in map.notice_texts() {
        let (version, purpose, language) = (&notice.version, &notice.purpose, &notice.language);
        writeln!(
            text,
            "notice {version} {purpose} {language}: {:?}",
            notice.text
        )
        .unwrap();
    }
    let without: Vec<_> = map
        .purposes_without_text()
        .map(|one| one.name.as_str())
        .collect();
    writeln!(text, "purposes without text: {without:?}").unwrap();
    if let Some(day) = map.consent().gpc_since {
        writeln!(text, "gpc is honoured since {day}").unwrap();
    }
    for field in map.fields() {
        write!(
            text,
            "field {} {}: {} {}",
            field.name, field.number, field.class, field.value_type
        )
        .unwrap();
        writeln!(text, " {:?} {:?}", field.lookup, field.purposes).unwrap();
        if let Some(retain) = &field.retain {
            let (why, purposes) = (&retain.why, &retain.purposes);
            writeln!(
                text,
                "  retain {} from {:?}: {} {why:?} {purposes:?}",
                retain.for_, retain.from, retain.basis
            )
            .unwrap();
        }
    }
    if let Some(field) = map.contact() {
        writeln!(text, "people are written to at {}", field.name).unwrap();
    }
    for source in map.sources() {
        writeln!(text, "source {}: {:?}", source.name, source.tenant).unwrap();
        for table in &source.tables {
            understood_table(&mut text, map, source, table);
        }
    }
    understood_telemetry(&mut text, map.telemetry());
    text
}

fn understood_telemetry(text: &mut String, telemetry: &Telemetry) {
    let (default, subject, keep) = (telemetry.default, &telemetry.subject, telemetry.keep);
    writeln!(text, "telemetry {default:?} {subject} {keep}").unwrap();
    for (name, attribute) in &telemetry.attributes {
        let (class, value_type, values) =
            (attribute.class, attribute.value_type, &attribute.values);
        writeln!(text, "  attribute {name}: {class} {value_type} {values:?}").unwrap();
    }
    for (name, rule) in &telemetry.events {
        let (purpose, exportable, body) = (&rule.purpose, rule.exportable, rule.body);
        writeln!(text, "  event {name}: {purpose:?} {exportable} {body}").unwrap();
    }
    for (name, rule) in &telemetry.scopes {
        writeln!(text, "  scope {name}: {:?}", rule.purpose).unwrap();
    }
    for (name, rule) in &telemetry.metrics {
        writeln!(text, "  metric {name}: {:?} {:?}", rule.purpose, rule.unit).unwrap();
    }
    let columns: Vec<_> = telemetry.columns().map(|(name, _)| name).collect();
    writeln!(text, "  columns {columns:?}").unwrap();
}

fn understood_table(text: &mut String, map: &DataMap, source: &Source, table: &Table) {
    write!(text, "  table {}", table.name).unwrap();
    match map.subject_chain(&source.name, &table.name) {
        None => writeln!(text, " has no subject").unwrap(),
        Some(chain) => {
            let first = chain
                .hops
                .first()
                .map_or(&chain.root.table, |hop| &hop.table);
            assert_eq!(first, &table.name, "a chain starts at its table");
            for hop in &chain.hops {
                let parent = match names(&hop.parent_columns) {
                    none if none.is_empty() => "(primary key)".to_owned(),
                    some => some,
                };
                write!(
                    text,
                    " -[{} = {}.{parent}]",
                    names(&hop.columns),
                    hop.parent_table
                )
                .unwrap();
            }
            writeln!(text, " -> {}:{}", chain.root.table, chain.root.column).unwrap();
        }
    }
    understood_rights(text, map, source, table);
    for column in &table.columns {
        let what = match &column.treatment {
            Treatment::Field(field) => format!("sealed as {field}"),
            Treatment::Class { class, clear } => {
                format!("{class}{}", if *clear { " clear" } else { "" })
            }
        };
        let indexed = column
            .field()
            .and_then(|name| map.field(name.as_str()))
            .is_some_and(|f| f.lookup.is_some());
        let index = column.name.index_column().filter(|_| indexed);
        let index = index.map_or(String::new(), |name| format!(", index {name}"));
        let keep = column.keep.as_ref();
        let keep = keep.map_or(String::new(), |why| format!(", kept: {why}"));
        let withheld = column.withheld.as_ref();
        let withheld = withheld.map_or(String::new(), |why| format!(", withheld: {why}"));
        writeln!(text, "    {}: {what}{index}{keep}{withheld}", column.name).unwrap();
    }
}

fn names(columns: &[ColumnName]) -> String {
    let names: Vec<&str> = columns.iter().map(ColumnName::as_str).collect();
    names.join(", ")
}

/// Only what the map says: most tables of older maps say nothing.
fn understood_rights(text: &mut String, map: &DataMap, source: &Source, table: &Table) {
    for chain in map.shared_chains(&source.name, &table.name) {
        let columns = chain.hops.first().map(|hop| names(&hop.columns)).unwrap();
        let (steps, root) = (chain.hops.len(), &chain.root);
        writeln!(
            text,
            "    shared by {columns} in {steps} steps with {}:{}",
            root.table, root.column
        )
        .unwrap();
    }
    if let Some(erase) = table.erase {
        writeln!(text, "    erased as {erase} with {:?}", table.erase_with).unwrap();
    }
    if table.export != ExportRule::Whole {
        writeln!(text, "    exported as {:?}", table.export).unwrap();
    }
}

#[test]
fn the_map_of_chinook_is_understood() {
    let map = DataMap::parse(include_str!("../../../examples/chinook/datamap.toml")).unwrap();
    insta::assert_snapshot!(understood(&map));
}

#[test]
fn every_gap_is_named() {
    let map = DataMap::parse(include_str!("maps/allowed/everything.toml")).unwrap();
    insta::assert_snapshot!(map.gaps().join("\n"));
}

/// The blocks of the reference are one map, so that no example there is out of date.
#[test]
fn the_examples_of_the_reference_are_a_map() {
    let page = include_str!("../../../docs/datamap.md");
    let blocks: Vec<_> = page
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 5, "{} blocks", blocks.len());
    match DataMap::parse(&blocks.concat()) {
        Ok(map) => assert_eq!(map.gaps(), [""; 0]),
        Err(errors) => panic!("{errors}"),
    }
}

#[test]
fn a_map_of_a_mebibyte_is_enough() {
    let errors = DataMap::parse(&"#".repeat((1 << 20) + 1)).unwrap_err();
    insta::assert_snapshot!(errors, @"line 1: the file is longer than 1 MiB; split the environment");
    assert!(DataMap::parse(&"#".repeat(1 << 20)).is_ok());
}

#[test]
fn a_text_of_a_notice_has_a_limit() {
    let map = |text: &str| {
        let purpose = "[purposes]\nmarketing = { basis = \"consent\", bit = 0, notice = \"1\" }\n";
        DataMap::parse(&format!(
            "{purpose}[notices.1]\nmarketing = {{ de = \"{text}\" }}\n"
        ))
    };
    let page = "ä".repeat(8192);
    let long = map(&format!("{page}."));
    insta::assert_snapshot!(long.unwrap_err(), @"line 4: `notices.1.marketing.de`: it has 16385 bytes; say it in at most 16384, and link to the rest");
    let map = map(&format!(" {page} ")).unwrap();
    let texts: Vec<_> = map
        .notice_texts()
        .map(|notice| notice.text.as_str())
        .collect();
    assert_eq!(texts, [page]);
}

#[test]
fn numbers_find_their_fields() {
    let map = DataMap::parse(include_str!("maps/allowed/everything.toml")).unwrap();
    for field in map.fields() {
        assert_eq!(map.field_by_number(field.number), Some(field));
    }
    assert_eq!(map.field_by_number(0), None);
}
