//! `privet consent`: what is recorded is shown, and withdrawing is as easy.

use crate::support::{Place, post};
use crate::telemetry::token;
use serde_json::json;

#[test]
fn what_a_person_answers_is_shown_and_listed() {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let _server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    let api = place.said_in_file("api");
    let made = post(
        &api,
        "/v1/subjects",
        &token(&place, "job"),
        &json!({"fields": {}}),
    );
    let oid = made.1["oid"].as_str().unwrap().to_owned();

    let row = |said: &str| {
        let row = said
            .lines()
            .find(|line| line.trim_start().starts_with("improvement"));
        row.unwrap_or_else(|| panic!("{said}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let shown = place.run(&["consent", "show", &oid]).ok();
    assert_eq!(row(&shown), "improvement no never asked 2026-11");
    let grant = [
        "consent",
        "grant",
        &oid,
        "improvement",
        "--notice",
        "2026-11",
        "--channel",
        "support",
    ];
    let granted = row(&place.run(&grant).ok());
    assert!(granted.starts_with("improvement yes yes 20"), "{granted}");
    assert!(granted.ends_with(" 2026-11 2026-11"), "{granted}");
    let old = [
        "consent",
        "grant",
        &oid,
        "improvement",
        "--notice",
        "2025-01",
        "--channel",
        "support",
    ];
    assert!(place.run(&old).failed().contains("notice_outdated"));
    let withdraw = [
        "consent",
        "withdraw",
        &oid,
        "improvement",
        "--channel",
        "web",
    ];
    assert!(row(&place.run(&withdraw).ok()).starts_with("improvement no no 20"));
    let before = ["consent", "show", &oid, "--as-of", "2000-01-01T00:00:00Z"];
    assert_eq!(
        row(&place.run(&before).ok()),
        "improvement no never asked 2026-11"
    );

    let history = place.run(&["consent", "history", &oid, "--json"]).json();
    let numbers: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["number"].clone())
        .collect();
    assert_eq!(numbers, [2, 1]);
    let last = place
        .run(&["consent", "history", &oid, "--count", "1"])
        .ok();
    assert!(last.contains("web") && !last.contains("support"), "{last}");
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert!(
        place
            .run(&["consent", "show", nobody])
            .failed()
            .contains("not_found")
    );
}
