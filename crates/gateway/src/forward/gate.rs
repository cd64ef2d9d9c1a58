//! What passes before a reason was stated: what clients send by themselves, and what shows nobody's data.
//!
//! The server will run what passes here, so a statement has to be of the plainest form to be understood at all: words,
//! numbers, texts without escapes. Whatever else it holds, a comment even, it waits for the reason.

use crate::statement::startup_statements;
use crate::text::{self, Kind, Token};

/// First words of statements that set, show or end something of the session alone.
const SESSION_WORDS: [&str; 15] = [
    "set",
    "show",
    "reset",
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "discard",
    "deallocate",
    "unlisten",
    "close",
];

/// Functions that say something about the session or the server.
const FUNCTIONS: [&str; 8] = [
    "version",
    "current_schema",
    "current_database",
    "current_user",
    "session_user",
    "pg_backend_pid",
    "pg_is_in_recovery",
    "current_setting",
];

/// Words and marks by which a listed beginning could go on to other tables or functions.
const LEADS_ON: [&str; 8] = [
    "select", "from", "join", "union", "with", "table", "into", "values",
];

/// Whether a statement passes without a reason.
pub(super) fn passes(sql: &str) -> bool {
    let sql = sql.trim_matches(|c: char| c.is_ascii_whitespace() || c == ';');
    if sql.is_empty() {
        return true;
    }
    if !sql.chars().all(is_plain) || sql.contains("--") || sql.contains("/*") {
        return false;
    }
    let tokens = text::tokens(sql);
    if tokens.iter().any(|token| token.kind == Kind::Unfinished) {
        return false;
    }
    let Some(first) = tokens.first() else {
        return true;
    };
    SESSION_WORDS.iter().any(|word| first.is_word(word))
        || asks_session(&tokens)
        || is_listed(sql, &tokens)
}

/// Characters with one meaning, whatever the server is set to: no backslash, dollar, semicolon or second kind of quote.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_.,'=()*<>:-+/\"".contains(c)
}

/// `SELECT` of the functions above and nothing else.
fn asks_session(tokens: &[Token<'_>]) -> bool {
    let Some((first, rest)) = tokens.split_first() else {
        return false;
    };
    let is_function = |token: &Token<'_>| {
        token.is_word("pg_catalog") || FUNCTIONS.iter().any(|name| token.is_word(name))
    };
    let fits = |token: &Token<'_>| match &token.kind {
        Kind::Symbol(symbol) => "(),.".contains(*symbol),
        // The name of a setting, or a schema.
        Kind::Text(_) => true,
        _ => is_function(token),
    };
    first.is_word("select") && rest.first().is_some_and(is_function) && rest.iter().all(fits)
}

/// Whether the list of start-up statements has it. Where the list has only a beginning, the rest may compare and sort,
/// and nothing more.
fn is_listed(sql: &str, tokens: &[Token<'_>]) -> bool {
    let asked = text::normalized(sql, tokens);
    startup_statements().iter().any(|(listed, is_beginning)| {
        let Some(rest) = asked.strip_prefix(listed.as_str()) else {
            return false;
        };
        let goes_on = || {
            let tokens = text::tokens(rest);
            tokens.iter().any(|token| {
                token.is_symbol('(')
                    || token.is_symbol(',')
                    || LEADS_ON.iter().any(|word| token.is_word(word))
            })
        };
        rest.is_empty() || (*is_beginning && !goes_on())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_by_themselves_passes() {
        for sql in [
            "",
            " ; ",
            "SET extra_float_digits = 3",
            "SET application_name = 'PostgreSQL JDBC Driver'",
            "SHOW TRANSACTION ISOLATION LEVEL",
            "BEGIN",
            "start transaction read only",
            "select pg_catalog.version()",
            "SELECT version(), current_schema()",
            "select current_setting('server_version')",
            "SELECT 1",
            "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datallowconn AND NOT datistemplate ORDER BY db.datname;",
        ] {
            assert!(passes(sql), "{sql}");
        }
    }

    #[test]
    fn whatever_could_show_data_waits() {
        for sql in [
            "SELECT * FROM customer",
            "SELECT version(), (SELECT email FROM customer)",
            "SELECT version() FROM customer",
            "BEGIN; SELECT * FROM customer",
            "SET x = 1; TABLE customer",
            "SELECT 1 -- x\nUNION SELECT 2",
            "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE true UNION SELECT 1, 2 FROM customer",
            "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE query_to_xml('table customer', true, true, '') IS NULL",
            "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE x, customer",
            "SHOW $$x$$",
            "SET x = E'\\';TABLE customer --'",
            "DO 'begin end'",
            "COPY customer TO STDOUT",
            "EXECUTE x",
            "FETCH 1 FROM c",
            "DECLARE c CURSOR FOR TABLE customer",
            "WITH x AS (TABLE customer) SELECT 1",
            "SELECT current_setting('a') FROM customer",
            "EXPLAIN SELECT 1",
        ] {
            assert!(!passes(sql), "{sql}");
        }
    }
}
