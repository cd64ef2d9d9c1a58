//! `privet consent kept`: what law keeps of somebody who left.

use serde_json::{Value, json};

use crate::consent::{grant, withdraw};
use crate::support::{Place, mode, post};
use crate::telemetry::token;

/// Told by the answer to the closing, read by an auditor with a reason, and in files that nobody else may read.
#[test]
fn what_is_kept_of_somebody_who_left_is_read_with_a_reason() {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    place.edit("datamap.toml", |map| {
        let keep = "[consent]\nkeep = { for = \"3y\", why = \"proof of consent\" }\n\n[controller]";
        map.replacen("[controller]", keep, 1)
    });
    let _server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    let (api, job) = (place.said_in_file("api"), token(&place, "job"));
    let made = post(&api, "/v1/subjects", &job, &json!({"fields": {}}));
    let oid = made.1["oid"].as_str().unwrap();
    place.run(&grant(oid, "2026-11")).ok();
    place.run(&withdraw(oid)).ok();
    let path = format!("/v1/subjects/{oid}/close");
    let (status, closed) = post(&api, &path, &job, &Value::Null);
    assert_eq!(status, 200, "{closed}");
    let puid = closed["consent"]["puid"].as_str().unwrap();
    let until = closed["consent"]["until"].as_str().unwrap();

    let receipts = place.path("receipts");
    let reason = ["--reason", "claim 4711 about an advertisement"];
    let asked = [&["consent", "kept", puid][..], &reason].concat();
    let named = ["--receipts", receipts.to_str().unwrap()];
    let said = place.run(&[&asked[..], &named].concat()).ok();
    let kept = format!("kept until {until}, and destroyed on that day");
    assert!(said.contains(&kept), "{said}");
    assert!(said.contains("improvement (2026-11)"), "{said}");
    for (number, word) in [("1", "yes"), ("2", "no")] {
        let receipt = receipts.join(format!("{number}.json"));
        assert_eq!(mode(&receipt), 0o600);
        let receipt = receipt.to_str().unwrap();
        let checked = place.run(&["consent", "verify", receipt]).ok();
        let whose = format!("verified: answer {number} of {puid}, given to");
        assert!(checked.starts_with(&whose), "{checked}");
        assert!(checked.contains(word), "{checked}");
    }
    let programs = [&asked[..], &["--json"]].concat();
    let programs = place.run(&programs).json();
    assert_eq!(programs["answers"].as_array().unwrap().len(), 2);

    let refused = place.run(&[&asked[..], &["--as", "job"]].concat());
    assert!(refused.failed().contains("policy_denied"));
    let weak = ["consent", "kept", puid, "--reason", "."];
    let weak = place.run(&weak).failed();
    assert!(weak.contains("reason_too_weak"), "{weak}");
    let unknown = [&["consent", "kept", oid][..], &reason].concat();
    let unknown = place.run(&unknown).failed();
    assert!(unknown.contains("not_found"), "{unknown}");
}
