//! Transaction control in PostgreSQL's forms.

use super::{strip, syntax, unavailable};
use crate::fault::Fault;
use crate::text::Token;

/// Transaction control. PostgreSQL's forms are wider than SQLite's, so the gateway keeps the state and says what the
/// engine needs to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// `BEGIN`.
    Begin {
        /// What the engine is told, when the first statement comes.
        sql: &'static str,
        /// `READ ONLY`.
        read_only: bool,
    },
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT name`.
    Savepoint(String),
    /// `RELEASE name`.
    Release(String),
    /// `ROLLBACK TO name`.
    RollbackTo(String),
}

pub(super) fn transaction(word: &str, rest: &[Token<'_>]) -> Result<Transaction, Fault> {
    let noise = |token: &Token<'_>| token.is_word("work") || token.is_word("transaction");
    match word {
        "start" => match rest.split_first() {
            Some((transaction, modes)) if transaction.is_word("transaction") => {
                begin("BEGIN", modes)
            }
            other => Err(syntax(other.map(|(token, _)| token))),
        },
        "begin" => {
            let (sql, rest) = match rest.split_first() {
                Some((kind, rest)) if kind.is_word("immediate") => ("BEGIN IMMEDIATE", rest),
                Some((kind, rest)) if kind.is_word("exclusive") => ("BEGIN EXCLUSIVE", rest),
                Some((kind, rest)) if kind.is_word("deferred") => ("BEGIN", rest),
                _ => ("BEGIN", rest),
            };
            begin(sql, strip(rest, noise))
        }
        "commit" | "end" => no_chain(strip(rest, noise)).map(|()| Transaction::Commit),
        "rollback" | "abort" => match strip(rest, noise) {
            [to, name @ ..] if to.is_word("to") => {
                savepoint_name(strip(name, |token| token.is_word("savepoint")))
                    .map(Transaction::RollbackTo)
            }
            rest => no_chain(rest).map(|()| Transaction::Rollback),
        },
        "savepoint" => savepoint_name(rest).map(Transaction::Savepoint),
        _ => savepoint_name(strip(rest, |token| token.is_word("savepoint")))
            .map(Transaction::Release),
    }
}

fn begin(sql: &'static str, modes: &[Token<'_>]) -> Result<Transaction, Fault> {
    const KNOWN: [&str; 12] = [
        "isolation",
        "level",
        "serializable",
        "repeatable",
        "read",
        "committed",
        "uncommitted",
        "only",
        "write",
        "deferrable",
        "not",
        ",",
    ];
    let known =
        |token: &&Token<'_>| token.is_symbol(',') || KNOWN.iter().any(|word| token.is_word(word));
    if let Some(unknown) = modes.iter().find(|token| !known(token)) {
        return Err(syntax(Some(unknown)));
    }
    // Every isolation level is served by SQLite's only one, which is the strongest.
    let read_only = modes
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.is_word("read") && b.is_word("only")));
    Ok(Transaction::Begin { sql, read_only })
}

fn no_chain(rest: &[Token<'_>]) -> Result<(), Fault> {
    match rest {
        [] => Ok(()),
        [and, no, chain] if and.is_word("and") && no.is_word("no") && chain.is_word("chain") => {
            Ok(())
        }
        [and, chain] if and.is_word("and") && chain.is_word("chain") => {
            Err(unavailable("AND CHAIN"))
        }
        [first, ..] => Err(syntax(Some(first))),
    }
}

pub(super) fn savepoint_name(rest: &[Token<'_>]) -> Result<String, Fault> {
    match rest {
        [name] => name
            .name()
            .map(|name| name.into_owned())
            .ok_or_else(|| syntax(Some(name))),
        [_, extra, ..] => Err(syntax(Some(extra))),
        [] => Err(syntax(None)),
    }
}
