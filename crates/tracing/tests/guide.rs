//! The guide "Classify an existing Rust service in an afternoon": its code is this program's, word for word, and
//! does what it says; the tests that its table names are there.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "guide/answer.rs"]
mod answer;
#[path = "guide/fields.rs"]
mod fields;
#[path = "guide/start.rs"]
mod start;
#[path = "guide/ticket.rs"]
mod ticket;

use std::fs;
use std::path::Path;
use std::process::Command;

const GUIDE: &str = include_str!("../../../docs/guides/classify-a-service.md");

const PROGRAM: [&str; 4] = [
    include_str!("guide/start.rs"),
    include_str!("guide/fields.rs"),
    include_str!("guide/ticket.rs"),
    include_str!("guide/answer.rs"),
];

#[test]
fn its_code_is_this_programs() {
    let blocks: Vec<&str> = GUIDE
        .split("```rust\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), PROGRAM.len(), "a block for each step");
    for (block, file) in blocks.iter().zip(PROGRAM) {
        assert!(
            file.contains(block),
            "the guide shows\n{block}\nand the program has\n{file}"
        );
    }
}

/// Rules, panic hook and subscriber are a process's, so the service runs as one of its own.
#[test]
fn its_service_logs_as_it_says() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "service", "--nocapture", "--test-threads=1"])
        .env("GUIDE_SERVICE", "1")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let line = shown.lines().find(|line| line.contains(" INFO ")).unwrap();
    let fields = "no mail to [email] user.id=\"pp1_2026q4_lZwsDUShBbQL-6amjQ9QbA\" attempts=3";
    assert!(line.ends_with(fields), "{shown}");
}

/// The process of the service; on its own, this test does nothing.
#[test]
fn service() {
    if std::env::var_os("GUIDE_SERVICE").is_some() {
        start::run();
    }
}

#[test]
fn its_structure_shows_its_classes() {
    let ticket = r#"{"number":7,"customer":4711,"reply_to":"ada@example.org","lines":["Ada"]}"#;
    assert_eq!(
        ticket::shown(ticket),
        "Ticket { number: 7, customer: [UPI], reply_to: Some([UII]), lines: [[CC]] }"
    );
}

#[tokio::test]
async fn its_answer_is_in_the_open() {
    let answer = r#"{"customer":4711,"email":"ada@example.org"}"#;
    assert_eq!(answer::answered().await, answer);
}

/// Each row of the table of peers names a file of tests, and tests that are in it; or an attempt that does not compile.
#[test]
fn the_tests_of_its_table_are_there() {
    let rows: Vec<&str> = GUIDE
        .lines()
        .skip_while(|line| *line != "## What peers leak")
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .skip(1)
        .collect();
    assert!(rows.len() > 10, "the table is gone");
    for row in rows {
        let tests = row.rsplit(" | ").next().unwrap();
        let mut named = 0;
        let mut file = None;
        // Every other piece stands within backticks.
        for name in tests.split('`').skip(1).step_by(2) {
            if name.ends_with(".rs") {
                let text = found(name);
                assert!(text.is_some(), "there is no `{name}`: {row}");
                named += usize::from(name.starts_with("refused/"));
                file = text;
            } else {
                let text = file.as_ref().unwrap_or_else(|| panic!("no file: {row}"));
                assert!(has_test(text, name), "there is no test `{name}`: {row}");
                named += 1;
            }
        }
        assert!(named > 0, "no test is named: {row}");
    }
}

fn found(name: &str) -> Option<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    ["classify", "classify-derive", "code", "tracing"]
        .iter()
        .find_map(|folder| fs::read_to_string(crates.join(folder).join("tests").join(name)).ok())
}

/// A test by itself, or a case of a list that a macro makes tests of.
fn has_test(text: &str, name: &str) -> bool {
    let alone = format!("#[test]\nfn {name}(");
    let case = format!("\n    {name} => ");
    text.contains(&alone) || text.contains(&case)
}
