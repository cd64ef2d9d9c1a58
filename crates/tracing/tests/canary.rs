//! A marker in each personal field of a small application, and a search of everything that the
//! application writes: no sink has one.
//!
//! The application runs as a process of its own, with its subscriber, its panic hook and its rules
//! installed as a real one does it. A second run leaves them out and shows values as they are: it
//! must be caught in every sink, else the search would prove nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "canary/app.rs"]
mod app;
#[path = "canary/server.rs"]
mod server;
#[path = "canary/sinks.rs"]
mod sinks;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What a sink that is searched holds; the name is that of its file, or of a stream.
type Sinks = BTreeMap<String, Vec<u8>>;

const SINKS: [&str; 8] = [
    "json.log",
    "otlp-logs.bin",
    "otlp-traces.bin",
    "postgres.log",
    "responses.txt",
    "sqlite.log",
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
    has("otlp-traces.bin", pseudonym);
    has("otlp-traces.bin", "opened a ticket");
    has("otlp-logs.bin", pseudonym);
    has("otlp-logs.bin", "opened a ticket");
    has("responses.txt", "[UII]");
    has("responses.txt", "500");
    has("stderr", "panicked at ");
    has("sqlite.log", "INSERT INTO ticket");
    has("sqlite.log", "pv1_");
    // The driver's own messages came in, and were left empty.
    has("otlp-logs.bin", "tokio_postgres::query");
    // The server wrote down what it was sent: with the statement, with an error, of a row.
    has("postgres.log", "INSERT INTO ticket");
    has("postgres.log", "$1 = 'pv1_");
    has("postgres.log", "Key (email)=(pv1_");
    has("postgres.log", "Failing row contains (pv1_");
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
    let variable = |name| std::env::var(name).ok();
    if let (Some(mode), Some(folder), Some(server)) = (
        variable("CANARY_MODE"),
        variable("CANARY_FOLDER"),
        variable("CANARY_SERVER"),
    ) {
        app::main(mode == "guarded", Path::new(&folder), &server);
    }
}

fn run(mode: &str) -> Sinks {
    let folder = tempfile::tempdir().unwrap();
    let server = server::start();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "application", "--nocapture", "--test-threads=1"])
        .env("CANARY_MODE", mode)
        .env("CANARY_FOLDER", folder.path())
        .env("CANARY_SERVER", server.database("desk").unwrap())
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
    sinks.insert("postgres.log".to_owned(), server.log().into_bytes());
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
