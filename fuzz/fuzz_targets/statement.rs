//! The text of a statement from anybody: both readers of SQL and the equality markers. Never a panic; what they say lies
//! where it is said to lie; and no marker is left in a statement that goes on.
//!
//! The sources are compiled in here, without the crates around them: those would take most of the build.
#![no_main]
#![allow(dead_code)] // the gateway uses more of them

#[path = "../../crates/gateway/src/text.rs"]
mod gateway_text;
#[path = "../../crates/vault/src/session/marker.rs"]
mod marker;
#[path = "../../crates/source/src/sqlite/text.rs"]
mod source_text;

use libfuzzer_sys::fuzz_target;

/// What the vault says of a malformed marker.
#[derive(Debug)]
pub(crate) struct Error;

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn invalid(_code: &'static str, _message: &'static str) -> Self {
        Self
    }
}

const INDEX: &str = "px1_AAEAAAAAAAAAAAAAAAAAAAAA";

fuzz_target!(|data: &[u8]| {
    markers(data);
    if let Ok(sql) = str::from_utf8(data) {
        cut(sql);
        tokens(sql);
        let _ = source_text::mentions(sql, "email");
        let _ = source_text::clause_mentions(sql, "CHECK", "email");
    }
});

fn markers(statement: &[u8]) {
    let Ok(found) = marker::markers(statement) else {
        return;
    };
    let mut end = 0;
    for marker in &found {
        assert!(end <= marker.start && statement[marker.start..].starts_with(b"~eq:"));
        end = marker.end;
        assert_eq!(statement[end - 1], b'~');
    }
    let indexes = vec![INDEX.to_owned(); found.len()];
    if let Ok(replaced) = marker::replace(statement, &found, &indexes) {
        assert!(!replaced.windows(4).any(|window| window == b"~eq:"));
    }
}

/// A statement after the other, until nothing but blanks and comments is left.
fn cut(sql: &str) {
    let mut rest = sql;
    while let Some(end) = source_text::first_statement_end(rest) {
        assert!(end > 0);
        rest = &rest[end..];
    }
}

fn tokens(sql: &str) {
    let tokens = gateway_text::tokens(sql);
    let mut end = 0;
    for token in &tokens {
        assert!(end <= token.start && token.start < token.end);
        end = token.end;
        assert!(sql.get(token.start..end).is_some());
    }
    for statement in gateway_text::statements(&tokens) {
        assert!(!gateway_text::source(sql, statement).is_empty());
    }
    let once = gateway_text::normalized(sql, &tokens);
    let twice = gateway_text::normalized(&once, &gateway_text::tokens(&once));
    assert_eq!(once, twice);
}
