//! Requests are read strictly, and nothing personal shows in `Debug`.

#![expect(clippy::unwrap_used, reason = "tests")]

use privet_wire::{
    CreateSubject, IssueToken, LogPage, LookupRequest, OpenRequest, PutFields, RevealAnswer,
    RevealRequest, ReviewRequest, SealRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// `body` must survive a round trip, and be refused with one member too many.
fn check<T: DeserializeOwned + Serialize + std::fmt::Debug>(body: Value) {
    let read: T = serde_json::from_value(body.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), body);
    let shown = format!("{read:?}");
    assert!(!shown.contains("ada@example.com"), "{shown}");
    let mut more = body;
    let members = more.as_object_mut().unwrap();
    members.insert("surplus".to_owned(), json!(1));
    let error = serde_json::from_value::<T>(more).unwrap_err();
    assert!(
        error.to_string().contains("unknown field `surplus`"),
        "{error}"
    );
}

#[test]
fn requests_are_strict_and_silent() {
    check::<CreateSubject>(json!({"fields": {"email": "ada@example.com"}, "aliases": ["a:1"]}));
    check::<PutFields>(json!({"fields": {"email": "ada@example.com", "phone": null}}));
    check::<RevealRequest>(json!({
        "subjects": ["customer:42"], "fields": ["email"], "purpose": "service",
        "form": "clear", "reason": "ada@example.com asked",
    }));
    check::<LookupRequest>(
        json!({"field": "email", "value": "ada@example.com", "purpose": "service"}),
    );
    check::<SealRequest>(
        json!({"items": [{"subject": "a:1", "field": "email", "value": "ada@example.com"}]}),
    );
    check::<OpenRequest>(json!({
        "items": [{"subject": "a:1", "field": "email", "sealed": "pv1_"}],
        "purpose": "service", "form": "masked",
    }));
    check::<ReviewRequest>(json!({"verdict": "flagged", "note": "looked at ada@example.com"}));
    check::<IssueToken>(json!({"principal": "on_call", "days": 90, "note": ""}));
}

#[test]
fn answers_are_silent() {
    let answer: RevealAnswer = serde_json::from_value(json!({
        "form": "clear", "entry": 7,
        "subjects": [{"subject": "a:1", "found": true, "values": {"email": "ada@example.com"}}],
    }))
    .unwrap();
    assert!(!format!("{answer:?}").contains("ada@"));
    let page: LogPage = serde_json::from_value(json!({
        "size": 1,
        "entries": [{"index": 0, "entry": {"v": 1}, "details": {"reason": "ada@example.com"}}],
    }))
    .unwrap();
    assert!(!format!("{page:?}").contains("ada@"));
}

#[test]
fn an_entry_keeps_its_bytes() {
    let text = r#"{"size":1,"entries":[{"index":0,"entry":{"b":1,  "a":2.50}}]}"#;
    let page: LogPage = serde_json::from_str(text).unwrap();
    assert_eq!(page.entries[0].entry.get(), r#"{"b":1,  "a":2.50}"#);
    assert_eq!(serde_json::to_string(&page).unwrap(), text);
}
