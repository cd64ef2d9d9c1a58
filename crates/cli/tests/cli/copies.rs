//! The copy that somebody gets of what is held of them: a real server, real events, the real program that reads telemetry.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use serde_json::Value;
use zip::ZipArchive;

use crate::query::counted;
use crate::support::{PATIENCE, Place};
use crate::telemetry::{send, subject, with_door};

/// Asks for somebody's copy, has it made, and fetches it: every file, by its path in the folder that all lie in.
fn copy(place: &Place, oid: &str, out: &str) -> Vec<(String, String)> {
    let ask = ["request", "access", oid, "--channel", "letter"];
    let ask = [
        &ask[..],
        &["--checked", "knew the contract's number", "--json"],
    ]
    .concat();
    let request = place.run(&ask).json();
    let id = request["id"].as_str().unwrap();
    place.run(&["request", "run"]).ok();
    let shown = place.run(&["request", "show", id, "--json"]).json();
    assert_eq!(shown["state"], "ready", "{shown}");
    let out = place.path(out);
    let fetch = ["request", "file", id, "--out", out.to_str().unwrap()];
    let refused = place.run(&fetch).failed();
    assert!(refused.contains("policy_denied"), "{refused}");
    place.run(&[&fetch[..], &["--as", "job"]].concat()).ok();
    let mode = out.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others can read it");
    let mut archive = ZipArchive::new(File::open(&out).unwrap()).unwrap();
    (0..archive.len())
        .map(|place| {
            let mut file = archive.by_index(place).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            let path = file.name().unwrap().split_once('/').unwrap().1.to_owned();
            (path, String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}

/// The lines of the only file of telemetry's logs.
fn logs(copy: &[(String, String)]) -> Vec<Value> {
    let is_logs = |path: &str| path.ends_with("logs.jsonl");
    let mut found = copy.iter().filter(|(path, _)| is_logs(path));
    let paths: Vec<_> = copy.iter().map(|(path, _)| path).collect();
    let (_, lines) = found.next().unwrap_or_else(|| panic!("{paths:?}"));
    assert!(found.next().is_none(), "{paths:?}");
    let lines = lines.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_copy_holds_the_events_that_the_person_made() {
    let (place, _server) = with_door();
    place.run(&["token", "issue", "operator", "--keep"]).ok();
    let [ada, bob] = [subject(&place), subject(&place)];
    for (oid, times) in [(&ada, 3), (&bob, 2)] {
        for _ in 0..times {
            assert_eq!(send(&place, "job", "order.placed", oid), (200, Value::Null));
            // This is not theirs to take along.
            assert_eq!(
                send(&place, "job", "order.shipped", oid),
                (200, Value::Null)
            );
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while counted(&place, "service", "job") != "events\n5\n" {
        assert!(Instant::now() < deadline);
    }
    let first = copy(&place, &ada, "ada.zip");
    let events = logs(&first);
    assert_eq!(events.len(), 3, "{events:?}");
    for event in &events {
        assert_eq!(event["event"], "order.placed");
        assert_eq!(event["http.request.method"], "PUT");
        assert!(event.get("tyid").is_none(), "{event}");
    }
    assert_eq!(logs(&copy(&place, &bob, "bob.zip")).len(), 2);
    for (path, text) in &first {
        assert!(!text.contains("canary"), "{path}");
        assert!(!text.contains(&bob), "{path}");
    }
    // Nothing of the readings stays.
    let left = std::fs::read_dir(place.dir().join("telemetry-queries")).unwrap();
    assert_eq!(left.count(), 0);
}
