//! The telemetry door of a real server: a program sends with its token, and a kill loses nothing that was acknowledged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use privet_telemetry_store::{Access, Machine, Settings, Store, Table};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Place, Server, ask, post};

const SETTINGS: &str = "
[telemetry]
listen = \"127.0.0.1:0\"
store_seconds = 1
";

const MAP: &str = r#"
[telemetry.attributes]
"order.id" = "UPI"
"http.request.method" = "SYS"
[telemetry.events]
"order.placed" = { exportable = true }
"page.read" = { purpose = "improvement" }
"#;

fn logs(event: &str, oid: &str) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let attributes = [
        text("user.id", oid),
        text("order.id", "canary-4711"),
        text("http.request.method", "PUT"),
        text("user.name", "canary"),
    ];
    let record = json!({
        "timeUnixNano": "7",
        "eventName": event,
        "body": {"stringValue": "canary"},
        "attributes": attributes,
    });
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
}

pub(crate) fn token(place: &Place, name: &str) -> String {
    let path = place.dir().join("tokens").join(name);
    fs::read_to_string(path).unwrap().trim().to_owned()
}

/// Sends one record; answers the status, and how many were rejected.
pub(crate) fn send(place: &Place, as_whom: &str, event: &str, oid: &str) -> (u16, Value) {
    let door = place.said_in_file("telemetry");
    let (status, answer) = post(&door, "/v1/logs", &token(place, as_whom), &logs(event, oid));
    (
        status,
        answer["partialSuccess"]["rejectedLogRecords"].clone(),
    )
}

/// A new person.
pub(crate) fn subject(place: &Place) -> String {
    let api = place.said_in_file("api");
    let made = post(
        &api,
        "/v1/subjects",
        &token(place, "job"),
        &json!({"fields": {}}),
    );
    assert_eq!(made.0, 201, "{made:?}");
    made.1["oid"].as_str().unwrap().to_owned()
}

/// Every file in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// How many rows of a table are stored.
fn stored(place: &Place, table: Table) -> u64 {
    let address = place.dir().join("telemetry").display().to_string();
    let store = Store::open(&address, Settings::new(Access::Read), Arc::new(Machine)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let snapshot = runtime.block_on(store.snapshot()).unwrap();
    snapshot.files(table).map(|file| file.rows).sum()
}

pub(crate) fn with_door() -> (Place, Server) {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    place.edit("privet.toml", |text| text + SETTINGS);
    place.edit("datamap.toml", |text| text + MAP);
    let server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    (place, server)
}

#[test]
fn what_a_program_sends_is_stored_once() {
    let (place, server) = with_door();
    let oid = subject(&place);
    let taken = (200, Value::Null);
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    // Whoever looks after the server may not send.
    assert_eq!(send(&place, "operator", "order.placed", &oid).0, 403);
    server.kill();

    let server = place.server(&["serve"]);
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert_eq!(stored(&place, Table::Logs), 2);

    // Nothing is stored again by a start that has nothing to store.
    let server = place.server(&["serve"]);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert_eq!(stored(&place, Table::Logs), 2);

    let mut searched = 0;
    for folder in ["telemetry", "telemetry-journal"] {
        for path in files(&place.dir().join(folder)) {
            let bytes = fs::read(&path).unwrap();
            for marker in ["canary", &oid] {
                let found = bytes
                    .windows(marker.len())
                    .any(|window| window == marker.as_bytes());
                assert!(!found, "`{marker}` is in {}", path.display());
            }
            searched += 1;
        }
    }
    assert!(searched > 3, "{searched}");
}

/// A purpose on consent, before the person agrees, while they do, and after they said no.
#[test]
fn a_record_for_a_purpose_is_taken_while_its_person_agrees() {
    let (place, server) = with_door();
    let oid = subject(&place);
    let answer = |body: Value| {
        let path = format!("/v1/subjects/{oid}/consent");
        let api = place.said_in_file("api");
        let answered = ask("PUT", &api, &path, &token(&place, "job"), &body);
        assert_eq!(answered.0, 200, "{answered:?}");
    };
    let read = || send(&place, "job", "page.read", &oid);
    let (taken, rejected) = ((200, Value::Null), (200, json!("1")));
    assert_eq!(read(), rejected);
    // From here on telemetry knows the person, and is told what they answer.
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    answer(json!({"grant": [{"purpose": "improvement", "notice": "2026-11"}], "channel": "web"}));
    assert_eq!(read(), taken);
    answer(json!({"withdraw": ["improvement"], "channel": "web"}));
    assert_eq!(read(), rejected);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert_eq!(stored(&place, Table::Logs), 2);
    assert_eq!(stored(&place, Table::Consents), 2);
}

#[test]
fn a_door_into_the_network_wants_a_certificate() {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let settings = SETTINGS.replace("127.0.0.1", "0.0.0.0");
    place.edit("privet.toml", |text| text + &settings);
    let Err(dying) = place.start(&["serve"]).ready(PATIENCE) else {
        panic!("it serves");
    };
    let said = dying.end();
    assert!(said.contains("TLS is required"), "{said}");
}
