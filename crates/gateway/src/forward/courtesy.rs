//! Statements that are refused with a sentence that helps, before the server refuses them in its own words. No safety
//! rests on this list: the role behind the gateway cannot do these things, however they are written.

use crate::fault::Fault;
use crate::text::{Token, statements};

/// Refuses the first statement of a message that this door is not for.
///
/// # Errors
/// What to do instead.
pub(super) fn check(tokens: &[Token<'_>]) -> Result<(), Fault> {
    statements(tokens).try_for_each(|statement| match refused(statement) {
        None => Ok(()),
        Some((what, hint)) => Err(Fault::error("42501", what).hint(hint)),
    })
}

fn refused(statement: &[Token<'_>]) -> Option<(&'static str, &'static str)> {
    let word = |at: usize, words: &[&str]| {
        let token = statement.get(at);
        token.is_some_and(|token| words.iter().any(|word| token.is_word(word)))
    };
    let has = |wanted: &str| statement.iter().any(|token| token.is_word(wanted));
    let roles = ["role", "user", "group"];
    if word(0, &["copy"]) && has("program") {
        return Some((
            "programs on the database server cannot be run through this door",
            "COPY … TO STDOUT sends rows to your client, where personal data stays sealed",
        ));
    }
    if word(0, &["copy"]) && !has("stdin") && !has("stdout") {
        return Some((
            "files of the database server cannot be read or written through this door",
            "COPY … TO STDOUT or FROM STDIN (in psql: \\copy) uses files on your side",
        ));
    }
    if word(0, &["set", "reset"]) && (word(1, &["role"]) || has("authorization")) {
        return Some((
            "you are who you logged in as: roles cannot be changed here",
            "ask for a token with the rights that you need",
        ));
    }
    if word(0, &["create", "alter", "drop"]) && word(1, &roles)
        || word(0, &["reassign"])
        || word(0, &["drop"]) && word(1, &["owned"])
    {
        return Some((
            "the database's roles are not managed through this door",
            "people and programs get in with tokens: privet token issue NAME",
        ));
    }
    if word(0, &["alter"]) && word(1, &["system"]) || word(0, &["load"]) {
        return Some((
            "the database server is not configured through this door",
            "ask whoever operates it",
        ));
    }
    let objects = [
        "extension",
        "server",
        "foreign",
        "subscription",
        "publication",
    ];
    if word(0, &["create", "alter", "drop", "import"]) && word(1, &objects) {
        return Some((
            "what connects the database with others is not managed through this door",
            "ask whoever operates it",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokens;

    #[test]
    fn only_what_this_door_is_not_for_is_refused() {
        for sql in [
            "COPY t TO PROGRAM 'sh'",
            "copy (select 1) to '/tmp/x'",
            "SELECT 1; SET ROLE postgres",
            "SET SESSION AUTHORIZATION x",
            "ALTER USER me PASSWORD 'x'",
            "create extension dblink",
            "ALTER SYSTEM SET x = 1",
            "LOAD 'x'",
        ] {
            assert!(check(&tokens(sql)).is_err(), "{sql}");
        }
        for sql in [
            "COPY t TO STDOUT",
            "COPY t (a) FROM STDIN WITH (FORMAT csv)",
            "SET search_path = x",
            "RESET ALL",
            "ALTER TABLE role ADD COLUMN program text",
            "SELECT role FROM program",
            "CREATE INDEX server ON t (a)",
        ] {
            assert_eq!(check(&tokens(sql)), Ok(()), "{sql}");
        }
    }
}
