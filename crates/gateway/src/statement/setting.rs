//! Settings of the session, and what clients say to throw state away.

use super::transaction::savepoint_name;
use super::{strip, syntax};
use crate::fault::Fault;
use crate::text::{Kind, Token};

/// Settings of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// `SET name = value`; `None` is DEFAULT, as is `RESET name`.
    Set {
        /// Which.
        name: String,
        /// To what.
        value: Option<String>,
        /// What CommandComplete says.
        tag: &'static str,
    },
    /// `RESET ALL`.
    ResetAll,
    /// `SHOW name`.
    Show(String),
    /// `SHOW ALL`.
    ShowAll,
    /// `DISCARD …`; everything, if `true`.
    Discard(bool),
    /// `DEALLOCATE name`; all, if `None`.
    Deallocate(Option<String>),
    /// Nothing to do here, and its tag.
    Nothing(&'static str),
}

pub(super) fn set(rest: &[Token<'_>]) -> Result<Session, Fault> {
    let scoped = |token: &Token<'_>| token.is_word("session") || token.is_word("local");
    match rest {
        [session, characteristics, ..]
            if session.is_word("session") && characteristics.is_word("characteristics") =>
        {
            Ok(Session::Nothing("SET"))
        }
        [session, authorization, value @ ..]
            if session.is_word("session") && authorization.is_word("authorization") =>
        {
            assignment("session_authorization", value)
        }
        [transaction, ..]
            if transaction.is_word("transaction") || transaction.is_word("constraints") =>
        {
            Ok(Session::Nothing(if transaction.is_word("transaction") {
                "SET"
            } else {
                "SET CONSTRAINTS"
            }))
        }
        _ => match strip(rest, scoped) {
            [time, zone, value @ ..] if time.is_word("time") && zone.is_word("zone") => {
                assignment("timezone", value)
            }
            [names, value @ ..] if names.is_word("names") => assignment("client_encoding", value),
            [role, value @ ..] if role.is_word("role") => assignment("role", value),
            rest => {
                let (name, rest) = setting_name(rest)?;
                match rest {
                    [sign, value @ ..] if sign.is_symbol('=') || sign.is_word("to") => {
                        assignment(&name, value)
                    }
                    other => Err(syntax(other.first())),
                }
            }
        },
    }
}

/// `name` or `class.name`.
fn setting_name<'t, 'a>(rest: &'t [Token<'a>]) -> Result<(String, &'t [Token<'a>]), Fault> {
    let name = |token: &Token<'_>| token.name().map(|name| name.to_ascii_lowercase());
    match rest {
        [class, dot, last, rest @ ..] if dot.is_symbol('.') => match (name(class), name(last)) {
            (Some(class), Some(last)) => Ok((format!("{class}.{last}"), rest)),
            _ => Err(syntax(Some(class))),
        },
        [first, rest @ ..] => name(first)
            .map(|name| (name, rest))
            .ok_or_else(|| syntax(Some(first))),
        [] => Err(syntax(None)),
    }
}

fn assignment(name: &str, value: &[Token<'_>]) -> Result<Session, Fault> {
    let name = name.to_owned();
    let set = |value| Session::Set {
        name,
        value,
        tag: "SET",
    };
    match value {
        [] => Err(syntax(None)),
        [default] if default.is_word("default") => Ok(set(None)),
        parts => {
            let mut text = String::new();
            for part in parts {
                match &part.kind {
                    Kind::Symbol(',') => text.push_str(", "),
                    Kind::Symbol('-') => text.push('-'),
                    Kind::Text(value) => text.push_str(value),
                    Kind::Quoted(value) => text.push_str(value),
                    Kind::Word(value) | Kind::Number(value) => text.push_str(value),
                    _ => return Err(syntax(Some(part))),
                }
            }
            Ok(set(Some(text)))
        }
    }
}

pub(super) fn reset(rest: &[Token<'_>]) -> Result<Session, Fault> {
    match rest {
        [all] if all.is_word("all") => Ok(Session::ResetAll),
        [session, authorization]
            if session.is_word("session") && authorization.is_word("authorization") =>
        {
            Ok(Session::Nothing("RESET"))
        }
        rest => match setting_name(rest)? {
            (name, []) => Ok(Session::Set {
                name,
                value: None,
                tag: "RESET",
            }),
            (_, [extra, ..]) => Err(syntax(Some(extra))),
        },
    }
}

pub(super) fn show(rest: &[Token<'_>]) -> Result<Session, Fault> {
    let words = |expected: &[&str]| {
        rest.len() == expected.len()
            && rest
                .iter()
                .zip(expected)
                .all(|(token, word)| token.is_word(word))
    };
    if words(&["all"]) {
        return Ok(Session::ShowAll);
    }
    if words(&["time", "zone"]) {
        return Ok(Session::Show("timezone".into()));
    }
    if words(&["transaction", "isolation", "level"]) {
        return Ok(Session::Show("transaction_isolation".into()));
    }
    match setting_name(rest)? {
        (name, []) => Ok(Session::Show(name)),
        (_, [extra, ..]) => Err(syntax(Some(extra))),
    }
}

pub(super) fn deallocate(rest: &[Token<'_>]) -> Result<Session, Fault> {
    match strip(rest, |token| token.is_word("prepare")) {
        [all] if all.is_word("all") => Ok(Session::Deallocate(None)),
        rest => savepoint_name(rest).map(|name| Session::Deallocate(Some(name))),
    }
}
