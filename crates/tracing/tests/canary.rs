//! A marker in each personal field of a small application, and a search of everything that the
//! application writes: no sink has one.
//!
//! The application runs as a process of its own, with its subscriber, its panic hook and its rules
//! installed as a real one does it. A second run leaves them out and shows values as they are: it
//! must be caught in every sink, else the search would prove nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "canary/app.rs"]
mod app;
#[path = "canary/sinks.rs"]
mod sinks;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What a sink that is searched holds; the name is that of its file, or of a stream.
type Sinks = BTreeMap<String, Vec<u8>>;

const SINKS: [&str; 6] = [
    "database.log",
    "json.log",
    "otlp.bin",
    "responses.txt",
    "stderr",
    "stdout",
];

#[test]
fn no_sink_has_a_marker() {
    let sinks = run("guarded");
    for (name, content) in &sinks {
        let found = markers_in(content);
        assert!(
            found.is_empty(),
            "{name} has {found:?}:\n{}",
            shown(content)
        );
    }
    // Each sink was written to, and what may be shown is there.
    let has = |name: &str, text: &str| {
        let content = shown(&sinks[name]);
        assert!(content.contains(text), "{name} has no {text}:\n{content}");
    };
    let pseudonym = "pp1_canary_";
    has("stdout", "opened a ticket");
    has("stdout", pseudonym);
    has("stdout", "http.route=\"/customers/{id}/tickets\"");
    has("json.log", pseudonym);
    has("otlp.bin", pseudonym);
    has("otlp.bin", "opened a ticket");
    has("responses.txt", "[UII]");
    has("responses.txt", "500");
    has("stderr", "panicked at ");
    has("database.log", "INSERT INTO ticket");
    has("database.log", "pv1_");
}

#[test]
fn the_search_finds_what_is_not_guarded() {
    for (name, content) in run("control") {
        assert!(
            !markers_in(&content).is_empty(),
            "{name} shows nothing:\n{}",
            shown(&content)
        );
    }
}

/// The application's process; on its own, this test does nothing.
#[test]
fn application() {
    if let (Ok(mode), Ok(folder)) = (std::env::var("CANARY_MODE"), std::env::var("CANARY_FOLDER")) {
        app::main(mode == "guarded", Path::new(&folder));
    }
}

fn run(mode: &str) -> Sinks {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "application", "--nocapture", "--test-threads=1"])
        .env("CANARY_MODE", mode)
        .env("CANARY_FOLDER", folder.path())
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut sinks: Sinks = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    sinks.insert("stdout".to_owned(), output.stdout);
    sinks.insert("stderr".to_owned(), output.stderr);
    let names: Vec<&str> = sinks.keys().map(String::as_str).collect();
    assert_eq!(names, SINKS);
    sinks
}

fn markers_in(content: &[u8]) -> Vec<&'static str> {
    let holds = |marker: &&&str| {
        content
            .windows(marker.len())
            .any(|window| window.eq_ignore_ascii_case(marker.as_bytes()))
    };
    app::MARKERS.iter().filter(holds).copied().collect()
}

fn shown(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}
