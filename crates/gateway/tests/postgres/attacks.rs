//! The attack corpus: `refused/*.sql` and `allowed/*.sql`, one attempt a file, each sent through a real connection, once
//! with the door's own list of refused statements and once without it. Whatever a file does, nobody's personal data may
//! come out (apart from what a grant opens), and the data in the database stays what it was.
//!
//! The first line says what must happen: `-- refused in protected: 42501: why` or `-- allowed in decrypted: why`; the
//! second code of `42501/42601` is for the list switched off. `*` stands for any SQLSTATE. Lines `-- shows: text` and
//! `-- hides: text` say more about an allowed answer; `-- second message` separates messages. `-- since: 15` says that
//! older servers do not know what is tried: they refuse it too, with whatever SQLSTATE.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::SimpleQueryMessage;

use crate::support::driver::Client;
use crate::world::{CLUSTER, CUSTOMERS, World};

/// One file.
struct Attempt {
    name: String,
    mode: String,
    /// With the list, and without it.
    codes: [String; 2],
    messages: Vec<String>,
    text: String,
}

impl Attempt {
    fn read(path: &Path, kind: &str) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let first = text.lines().next().unwrap();
        let says = first
            .strip_prefix(&format!("-- {kind} in "))
            .unwrap_or_else(|| panic!("{name}: {first}"));
        let mut parts = says.split(": ");
        let mode = parts.next().unwrap().to_owned();
        let codes = if kind == "refused" {
            parts.next().unwrap()
        } else {
            ""
        };
        assert!(parts.next().is_some(), "{name}: the first line says why");
        let (with, without) = codes.split_once('/').unwrap_or((codes, codes));
        let messages = text
            .split("-- second message\n")
            .map(str::to_owned)
            .collect();
        Self {
            name,
            mode,
            codes: [with.to_owned(), without.to_owned()],
            messages,
            text,
        }
    }

    /// The SQLSTATE that it must be refused with.
    fn code(&self, server: u32, refuses_early: bool) -> &str {
        let since = self.lines("-- since: ");
        if since.iter().any(|since| server < since.parse().unwrap()) {
            return "*";
        }
        &self.codes[usize::from(!refuses_early)]
    }

    fn lines(&self, start: &str) -> Vec<&str> {
        let lines = self.text.lines();
        lines.filter_map(|line| line.strip_prefix(start)).collect()
    }
}

async fn attempts(kind: &str, refuses_early: bool) {
    let world = World::with(|config| config.refuses_early = refuses_early).await;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/postgres")
        .join(kind);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() > 30, "the corpus is there");
    let before = data(&world);
    for path in paths {
        let attempt = Attempt::read(&path, kind);
        let tried = attempt_one(&world, &attempt, kind, refuses_early);
        tokio::time::timeout(Duration::from_secs(60), tried)
            .await
            .unwrap_or_else(|_| panic!("{}: it took too long", attempt.name));
        assert_eq!(data(&world), before, "{}: the data changed", attempt.name);
    }
    assert!(!Path::new("/tmp/privet-attack").exists());
    world.stop().await;
}

/// What an attempt must not change.
fn data(world: &World) -> String {
    world.sql(
        "SELECT id, first_name, email, email_px, phone, note FROM customer ORDER BY id;
         SELECT count(*) FROM pg_class WHERE relpersistence = 'p' AND relnamespace NOT IN
             ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace, 'information_schema'::regnamespace);
         SELECT relname, relacl, relowner, reltriggers FROM (SELECT relname, relacl, relowner,
             (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid) AS reltriggers FROM pg_class c
             WHERE relname IN ('customer', 'invoice')) t ORDER BY 1;
         SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'friend'",
    )
}

async fn attempt_one(world: &World, attempt: &Attempt, kind: &str, refuses_early: bool) {
    let name = &attempt.name;
    // Bob is never justified: a reason is shared by all connections of a person.
    let user = if attempt.mode == "unjustified" {
        "bob"
    } else {
        "ann"
    };
    let client = Client::connect(world.address, user, world.token(user), "")
        .await
        .unwrap();
    match attempt.mode.as_str() {
        "unjustified" => {}
        "protected" => client.justify().await,
        "decrypted" => {
            client.justify().await;
            client.decrypt().await;
        }
        other => panic!("{name}: unknown mode {other}"),
    }
    let (last, first) = attempt.messages.split_last().unwrap();
    for message in first {
        client.simple_query(message).await.unwrap();
    }
    let answer = client.simple_query(last).await;
    let mut said = client.noticed();
    match (&answer, kind) {
        (Err(error), "refused") => {
            let error = error
                .as_db_error()
                .unwrap_or_else(|| panic!("{name}: {error:?}"));
            let code = attempt.code(CLUSTER.version().unwrap(), refuses_early);
            let fits = code == "*" || error.code().code() == code;
            assert!(fits, "{name}: {} {}", error.code().code(), error.message());
            said.push_str(&format!("{error:?}"));
        }
        (Ok(messages), "allowed") => said.push_str(&shown(messages)),
        (Ok(messages), _) => panic!("{name} was not refused: {}", shown(messages)),
        (Err(error), _) => panic!("{name} was refused: {error:?}"),
    }
    check_said(attempt, &said);
    let works = client.simple_query("ROLLBACK").await;
    works.unwrap_or_else(|error| panic!("{name}: {error}"));
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
            // What the attempt itself says is no news.
            let news = !attempt.text.contains(value);
            assert!(
                open || !news || !said.contains(value),
                "{}: `{value}` in: {said}",
                attempt.name
            );
        }
    }
    for text in attempt.lines("-- shows: ") {
        assert!(
            said.contains(text),
            "{}: `{text}` is not in: {said}",
            attempt.name
        );
    }
    for text in attempt.lines("-- hides: ") {
        assert!(
            !said.contains(text),
            "{}: `{text}` is in: {said}",
            attempt.name
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_be_refused_is() {
    attempts("refused", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_be_refused_is_without_the_list() {
    attempts("refused", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_allowed_shows_nobody() {
    attempts("allowed", true).await;
}
