//! The attack corpus: `tests/refused/*.sql` and `tests/allowed/*.sql`, one attempt a file, each sent through a real
//! connection. Whatever a file does, nobody's personal data may come out (apart from what a grant opens) and the data
//! in the file stays sealed.
//!
//! The first line says what must happen: `-- refused in protected: 42501: why` or `-- allowed in decrypted: why`.
//! A `*` stands for any SQLSTATE; `{dir}` in a statement is a folder that may be written to. Lines `-- shows: text`
//! and `-- hides: text` say more about an allowed answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use crate::Case;
use crate::shop::CUSTOMERS;
use crate::world::driver_client::Client;
use crate::world::{World, run};

pub(crate) const CASES: &[Case] = &[
    ("attacks::refused", || attempts("refused")),
    ("attacks::allowed", || attempts("allowed")),
];

/// One file.
struct Attempt {
    name: String,
    mode: String,
    code: String,
    sql: String,
    shows: Vec<String>,
    hides: Vec<String>,
}

fn read(path: &Path, kind: &str) -> Attempt {
    let text = std::fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let first = text.lines().next().unwrap();
    let says = first
        .strip_prefix(&format!("-- {kind} in "))
        .unwrap_or_else(|| panic!("{name}: {first}"));
    let mut parts = says.split(": ");
    let mode = parts.next().unwrap().to_owned();
    let code = if kind == "refused" {
        parts.next().unwrap().to_owned()
    } else {
        String::new()
    };
    assert!(parts.next().is_some(), "{name}: the first line says why");
    let lines = |start: &str| {
        text.lines()
            .filter_map(|line| line.strip_prefix(start))
            .map(str::to_owned)
            .collect()
    };
    Attempt {
        name,
        mode,
        code,
        shows: lines("-- shows: "),
        hides: lines("-- hides: "),
        sql: text,
    }
}

fn attempts(kind: &str) {
    run(async {
        let world = World::start(|_| ()).await;
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(kind);
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        assert!(paths.len() > 5, "the corpus is there");
        for path in paths {
            let attempt = read(&path, kind);
            let tried =
                tokio::time::timeout(Duration::from_secs(30), attempt_one(&world, &attempt, kind));
            tried
                .await
                .unwrap_or_else(|_| panic!("{}: it took too long", attempt.name));
        }
        world.stop().await;
    });
}

async fn attempt_one(world: &World, attempt: &Attempt, kind: &str) {
    let name = &attempt.name;
    let before = files(world.dir.path());
    // Bob is never justified: a reason is shared by all connections of a person.
    let user = if attempt.mode == "unjustified" {
        "bob"
    } else {
        "ann"
    };
    let client = world.connect(user).await;
    match attempt.mode.as_str() {
        "unjustified" => {}
        "protected" => client.justify().await,
        "decrypted" => {
            client.justify().await;
            client.decrypt().await;
        }
        other => panic!("{name}: unknown mode {other}"),
    }
    let sql = attempt
        .sql
        .replace("{dir}", world.dir.path().to_str().unwrap());
    let answer = client.simple_query(&sql).await;
    let mut said = client.noticed();
    match (&answer, kind) {
        (Err(error), "refused") => {
            let error = error
                .as_db_error()
                .unwrap_or_else(|| panic!("{name}: {error:?}"));
            let fits = attempt.code == "*" || error.code().code() == attempt.code;
            assert!(fits, "{name}: {} {}", error.code().code(), error.message());
            said.push_str(&format!("{error:?}"));
        }
        (Ok(messages), "allowed") => said.push_str(&shown(messages)),
        (Ok(messages), _) => panic!("{name} was not refused: {}", shown(messages)),
        (Err(error), _) => panic!("{name} was refused: {error:?}"),
    }
    check_said(attempt, &said);
    check_after(world, &client, attempt, &before).await;
}

fn shown(messages: &[SimpleQueryMessage]) -> String {
    let mut text = String::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            let cells: Vec<&str> = (0..row.len())
                .map(|index| row.get(index).unwrap_or("NULL"))
                .collect();
            text.push_str(&cells.join("|"));
            text.push('\n');
        }
    }
    text
}

/// Nobody's data, but for the granted fields of the first customer in a decrypted session.
fn check_said(attempt: &Attempt, said: &str) {
    let granted = if attempt.mode == "decrypted" { 2 } else { 0 };
    for (customer, values) in CUSTOMERS.iter().enumerate() {
        for (field, value) in values.iter().enumerate() {
            let open = customer == 0 && field < granted;
            // What the attempt itself says is no news. Three letters can be in any ciphertext.
            let news = !attempt.sql.contains(value) && value.len() > 3;
            assert!(
                open || !news || !said.contains(value),
                "{}: `{value}` in: {said}",
                attempt.name
            );
        }
    }
    for text in &attempt.shows {
        assert!(
            said.contains(text),
            "{}: `{text}` is not in: {said}",
            attempt.name
        );
    }
    for text in &attempt.hides {
        assert!(
            !said.contains(text),
            "{}: `{text}` is in: {said}",
            attempt.name
        );
    }
}

/// Afterwards the door works, the data is what it was, and there are no new files.
async fn check_after(world: &World, client: &Client, attempt: &Attempt, before: &[String]) {
    let name = &attempt.name;
    client
        .simple_query("ROLLBACK; SELECT version()")
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let sealed: i64 = world
        .file()
        .query_row(
            "SELECT count(*) FROM customer WHERE email LIKE 'pv1\\_%' ESCAPE '\\'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(sealed, 3, "{name}: the data changed");
    let after = files(world.dir.path());
    let new: Vec<&String> = after.iter().filter(|file| !before.contains(file)).collect();
    assert!(new.is_empty(), "{name}: {new:?}");
    let _ = client.simple_query("CALL privet.encrypt()").await;
}

fn files(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    // The engine's own, which come and go.
    names
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect()
}
