//! Where `privet synth` writes: files that are whole, pipes that close.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{map, synth, synth_in};
use crate::support::{Place, Ran, privet};

/// A field that must be unique has an end, and no file is begun that could not be finished.
#[test]
fn more_people_than_telephone_numbers_are_refused() {
    let place = Place::new();
    let folder = place.path("");
    let text = fs::read_to_string(map()).unwrap();
    fs::write(
        folder.join("unique.toml"),
        text.replace("unique = false", "unique = true"),
    )
    .unwrap();
    let run = |more: &[&str]| {
        let mut command = privet();
        command
            .current_dir(&folder)
            .args(["synth", "--map", "unique.toml"]);
        Ran::of(command.args(more).args(["--out", "people"]))
    };
    for source in [&[][..], &["--source", "shop"]] {
        let failed = run(&[source, &["--count", "6001"]].concat()).failed();
        assert!(
            failed.contains("only 6000 different values of it are reserved for examples"),
            "{failed}"
        );
        assert!(!folder.join("people").exists() && !folder.join("people.new").exists());
    }
    run(&["--count", "6000", "--format", "csv"]).ok();
    let mut people = csv::Reader::from_path(folder.join("people")).unwrap();
    let place = people
        .headers()
        .unwrap()
        .iter()
        .position(|name| name == "phone")
        .unwrap();
    let numbers: HashSet<_> = people
        .records()
        .map(|record| record.unwrap()[place].to_owned())
        .collect();
    assert_eq!(numbers.len(), 6_000);
}

#[test]
fn files_appear_whole_or_not_at_all() {
    let place = Place::new();
    let folder = place.path("");
    let run = |arguments: &[&str]| Ran::of(&mut synth_in(&folder, arguments));
    let ran = run(&["--count", "3", "--out", "people.jsonl"]);
    assert_eq!(ran.stderr, "3 subjects in `people.jsonl`\n", "{ran:?}");
    assert_eq!(ran.stdout, "");
    let first = fs::read_to_string(folder.join("people.jsonl")).unwrap();
    assert_eq!(first, synth(&["--count", "3"]).ok());
    let refused = run(&["--count", "4", "--out", "people.jsonl"]).failed();
    assert!(
        refused.contains("`people.jsonl` is there already"),
        "{refused}"
    );
    assert_eq!(
        fs::read_to_string(folder.join("people.jsonl")).unwrap(),
        first
    );

    // The disk is full in the middle: a limit on the size of files, with a signal that does not kill.
    let mut full = Command::new("sh");
    full.current_dir(&folder)
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]);
    full.arg(env!("CARGO_BIN_EXE_privet")).args([
        "synth",
        "--count",
        "5000",
        "--out",
        "people.jsonl",
        "--force",
    ]);
    let failed = Ran::of(full.arg("--map").arg(map())).failed();
    assert!(failed.contains("cannot write `people.jsonl`"), "{failed}");
    assert_eq!(
        fs::read_to_string(folder.join("people.jsonl")).unwrap(),
        first,
        "what was there is there"
    );
    assert!(!folder.join("people.jsonl.new").exists());

    run(&["--count", "4", "--out", "people.jsonl", "--force"]).ok();
    let lines = fs::read_to_string(folder.join("people.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 4);
}

#[test]
fn each_table_has_a_file_and_all_appear_together() {
    let place = Place::new();
    let folder = place.path("");
    let run = |arguments: &[&str]| Ran::of(&mut synth_in(&folder, arguments));
    // If one is there already, none is made.
    let rows = |more: &[&str]| {
        run(&[
            &["--source", "shop", "--format", "csv", "--out", "rows"],
            more,
        ]
        .concat())
    };
    fs::create_dir(folder.join("rows")).unwrap();
    fs::write(folder.join("rows/orders.csv"), "mine").unwrap();
    let refused = rows(&[]).failed();
    assert!(
        refused.contains("`rows/orders.csv` is there already"),
        "{refused}"
    );
    let there = || {
        let files = fs::read_dir(folder.join("rows")).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(there(), ["orders.csv"]);
    rows(&["--table", "customer"]).ok();
    let arguments = [
        "--source", "shop", "--table", "invoice", "--format", "csv", "--out", "one/",
    ];
    run(&arguments).ok();
    assert!(folder.join("one/invoice.csv").is_file());
    rows(&["--force"]).ok();
    assert_eq!(
        there(),
        [
            "customer.csv",
            "invoice.csv",
            "orders.csv",
            "support_message.csv"
        ]
    );
    assert!(
        fs::read_to_string(folder.join("rows/orders.csv"))
            .unwrap()
            .starts_with("order_id,customer_id,")
    );
}

#[test]
fn whoever_has_read_enough_closes_the_pipe() {
    for format in ["json", "csv", "sql"] {
        let arguments = [
            "--count",
            "1000000000000",
            "--format",
            format,
            "--source",
            "shop",
            "--table",
            "customer",
        ];
        let mut command = synth_in(Path::new("/"), &arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(!first.is_empty());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr),
            (Some(0), Vec::new()),
            "{format}"
        );
    }
}
