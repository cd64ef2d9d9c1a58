//! Lines of other programs.

#![expect(clippy::unwrap_used, reason = "tests")]

use privet_classify::lines::LineFilter;
use privet_classify::{Class, DataMap, PseudonymKey, Redactor, Redactors};
use proptest::prelude::*;

fn filter() -> LineFilter {
    let map = DataMap::parse(
        "[purposes]\nsupport = { basis = \"contract\" }\n\
         [fields.email]\nnumber = 1\nclass = \"UII\"\ntype = \"email\"\npurposes = [\"support\"]\n\
         [telemetry.attributes]\n\"user.id\" = \"UPI\"\nnote = \"CC\"\nretries = \"SYS\"\nbasket = \"SYS\"\n",
    )
    .unwrap();
    let rules = Redactors::builder()
        .key(PseudonymKey::new("k1", [7; 32]).unwrap())
        .class(Class::Uii, Redactor::Mask)
        .class(Class::Upi, Redactor::Pseudonym)
        .build()
        .unwrap();
    LineFilter::new(rules).map(&map)
}

fn check(line: &str, expected: &str) {
    let mut out = String::new();
    filter().redact(line, &mut out);
    assert_eq!(out, expected, "{line}");
}

#[test]
fn keys_are_treated_by_class() {
    check(
        r#"{"ts":1.50,"level":"info","email":"ada@example.org","retries":3,"note":{"a":[1]},"x":"Ada"}"#,
        r#"{"ts":1.50,"level":"info","email":"•••••@•••••","retries":3,"note":"[CC]"}"#,
    );
    let pseudonym = "pp1_k1_lZwsDUShBbQL-6amjQ9QbA";
    check(
        r#"{"user.id":4711}"#,
        &format!(r#"{{"user.id":"{pseudonym}"}}"#),
    );
    check(
        r#"{"user":{"id":"4711","name":"Ada"}}"#,
        &format!(r#"{{"user":{{"id":"{pseudonym}"}}}}"#),
    );
    check(
        r#"{"user.id":null,"email":null}"#,
        r#"{"user.id":null,"email":null}"#,
    );
    check(
        r#"{"basket":["x","}",[1]],"retries":-1e5}"#,
        r#"{"basket":["x","}",[1]],"retries":-1e5}"#,
    );
    // A key says nothing about the keys within.
    check(r#"{"basket":{"Ada":1},"retries":[{"y":"}"}]}"#, "{}");
    check(r#"{"basket":{"retries":1}}"#, "{}");
}

#[test]
fn what_is_not_listed_is_dropped() {
    check(
        r#"{"a":1,"b":"Ada","c":[{"email":"x"}],"d":{"e":{"f":true}},"g":null}"#,
        "{}",
    );
    check(
        r#" { "a" : 1 , "level" : "x" , "b" : 2 } "#,
        r#"{"level":"x"}"#,
    );
    check("{}", "{}");
    // A key is what it says, however it is written.
    check(
        r#"{"\u0065mail":"ada@example.org"}"#,
        r#"{"\u0065mail":"•••••@•••••"}"#,
    );
    // Names of objects count: this is another `id`.
    check(r#"{"user":{"user":{"id":1}},"id":2}"#, "{}");
}

#[test]
fn texts_are_searched() {
    check(
        r#"{"msg":"mail to \"ada@example.org\"","fields":{"message":"ok","name":"Ada"},"err":["ada@example.org"]}"#,
        r#"{"msg":"mail to \"[email]\"","fields":{"message":"ok"}}"#,
    );
    check(r#"{"msg":"a\tb \u00e9"}"#, r#"{"msg":"a\tb \u00e9"}"#);
    check(
        r#"{"msg":"\u0061da\u0040example.org"}"#,
        r#"{"msg":"[email]"}"#,
    );
    check(r#"{"msg":12,"message":41446681800}"#, r#"{"msg":12}"#);
}

#[test]
fn other_lines_are_free_text() {
    check("", "");
    check(
        "Ada <ada@example.org> from 192.0.2.7",
        "Ada <[email]> from [ip]",
    );
    check("[1,2]", "[1,2]");
}

#[test]
fn what_is_no_object_shows_nothing() {
    for line in [
        "{",
        "{\"level\":\"Ada\"",
        "{\"level\":\"Ada\"}}",
        "{\"level\":\"Ada\"} Ada",
        "{\"level\":Ada}",
        "{\"level\":}",
        "{level:1}",
        "{\"level\" 1}",
        "{\"level\":1,}",
        "{\"note\":[}",
        "{\"note\":[{]}}",
        "{\"msg\":\"\\x\"}",
        "{\"email\":\"\\ud800\"}",
        &format!("{}1{}", "{\"a\":".repeat(70), "}".repeat(70)),
        &format!("{{\"note\":{}{}}}", "[".repeat(70), "]".repeat(70)),
    ] {
        check(line, r#"{"unreadable":true}"#);
    }
}

proptest! {
    /// Whatever an object holds, only listed keys come out, and the line is an object again.
    #[test]
    fn any_object(values in prop::collection::hash_map("[a-z.]{1,6}|email|level|msg|user", value(), 0..6)) {
        let line = serde_json::to_string(&values).unwrap();
        let mut out = String::new();
        filter().redact(&line, &mut out);
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        prop_assert!(!out.contains("marker"), "{line} → {out}");
        let level = values.get("level").filter(|level| level.is_string() || level.is_boolean());
        prop_assert_eq!(read.get("level"), level);
    }

    #[test]
    fn any_line(line in "[{}\\[\\]:,\"\\\\a-z0-9 ]{0,40}") {
        let mut out = String::new();
        filter().redact(&line, &mut out);
    }
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        any::<i32>().prop_map(|number| serde_json::json!({ "marker": number })),
        "[ -~]{0,12}".prop_map(|text| serde_json::json!([text, { "marker": 1 }])),
        "[a-z \"\\\\]{0,8}".prop_map(|text| serde_json::json!(text)),
        any::<bool>().prop_map(|truth| serde_json::json!(truth)),
    ]
}
