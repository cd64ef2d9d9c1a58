//! `privet consent`: what is recorded is shown, and withdrawing is as easy.

use serde_json::json;

use crate::support::{Place, Server, post};
use crate::telemetry::token;

/// A server, and a person whom nobody has asked yet.
fn with_person() -> (Place, Server, String) {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    let api = place.said_in_file("api");
    let body = json!({"fields": {}});
    let made = post(&api, "/v1/subjects", &token(&place, "job"), &body);
    let oid = made.1["oid"].as_str().unwrap().to_owned();
    (place, server, oid)
}

/// A yes to `improvement` under a notice.
fn grant<'a>(oid: &'a str, notice: &'a str) -> [&'a str; 8] {
    let channel = "--channel";
    [
        "consent",
        "grant",
        oid,
        "improvement",
        "--notice",
        notice,
        channel,
        "support",
    ]
}

fn withdraw(oid: &str) -> [&str; 6] {
    [
        "consent",
        "withdraw",
        oid,
        "improvement",
        "--channel",
        "web",
    ]
}

/// What the table says of `improvement`.
fn row(said: &str) -> String {
    let mut lines = said.lines().map(str::trim_start);
    let row = lines.find(|line| line.starts_with("improvement"));
    let words = row.unwrap_or_else(|| panic!("{said}")).split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_a_person_answers_is_shown() {
    let (place, _server, oid) = with_person();
    let silent = "improvement no never asked 2026-11";
    assert_eq!(row(&place.run(&["consent", "show", &oid]).ok()), silent);
    let granted = row(&place.run(&grant(&oid, "2026-11")).ok());
    assert!(granted.starts_with("improvement yes yes 20"), "{granted}");
    assert!(granted.ends_with(" 2026-11 2026-11"), "{granted}");
    let old = place.run(&grant(&oid, "2025-01")).failed();
    assert!(old.contains("notice_outdated"), "{old}");
    let withdrawn = row(&place.run(&withdraw(&oid)).ok());
    assert!(withdrawn.starts_with("improvement no no 20"), "{withdrawn}");
    let before = ["consent", "show", &oid, "--as-of", "2000-01-01T00:00:00Z"];
    assert_eq!(row(&place.run(&before).ok()), silent);
    let nobody = "00000000-0000-4000-8000-000000000000";
    let unknown = place.run(&["consent", "show", nobody]).failed();
    assert!(unknown.contains("not_found"), "{unknown}");
}

#[test]
fn every_answer_is_listed() {
    let (place, _server, oid) = with_person();
    let none = place.run(&["consent", "history", &oid]).ok();
    assert!(none.contains("never answered"), "{none}");
    place.run(&grant(&oid, "2026-11")).ok();
    place.run(&withdraw(&oid)).ok();
    let history = place.run(&["consent", "history", &oid, "--json"]).json();
    let events = history.as_array().unwrap().iter();
    let numbers: Vec<_> = events.map(|event| event["number"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    let last = place
        .run(&["consent", "history", &oid, "--count", "1"])
        .ok();
    assert!(last.contains("web") && !last.contains("support"), "{last}");
}
