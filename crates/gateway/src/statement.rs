//! What one statement is: something the gateway answers itself, or something for the engine.

mod setting;
mod transaction;

use std::sync::LazyLock;

use crate::commands::{self, Call};
use crate::fault::Fault;
use crate::text::{self, Kind, Token};
pub(crate) use setting::Session;
use setting::{deallocate, reset, set, show};
pub(crate) use transaction::Transaction;
use transaction::transaction;

/// What is to be done for one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Blank or comment.
    Empty,
    /// `CALL privet.…`.
    Call(Call),
    /// Begins or ends a transaction or a part of one.
    Transaction(Transaction),
    /// Settings of the session.
    Session(Session),
    /// A SELECT of functions about the session alone, such as `version()`.
    Facts,
    /// A question to PostgreSQL's catalogs.
    Catalog,
    /// The engine's.
    Run,
}

impl Plan {
    /// Understands one statement by its tokens.
    ///
    /// # Errors
    /// A statement that is PostgreSQL's and has no counterpart here.
    pub(crate) fn of(tokens: &[Token<'_>]) -> Result<Self, Fault> {
        let Some(first) = tokens.first() else {
            return Ok(Self::Empty);
        };
        if let Some(call) = commands::find(tokens)? {
            return Ok(Self::Call(call));
        }
        let Kind::Word(word) = first.kind else {
            return Ok(Self::Run);
        };
        let rest = tokens.get(1..).unwrap_or_default();
        let plan = match word.to_ascii_lowercase().as_str() {
            "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint"
            | "release" => Self::Transaction(transaction(&word.to_ascii_lowercase(), rest)?),
            "set" => Self::Session(set(rest)?),
            "reset" => Self::Session(reset(rest)?),
            "show" => Self::Session(show(rest)?),
            "discard" => Self::Session(Session::Discard(
                rest.first().is_some_and(|what| what.is_word("all")),
            )),
            "deallocate" => Self::Session(deallocate(rest)?),
            "unlisten" => Self::Session(Session::Nothing("UNLISTEN")),
            "close" if rest.first().is_some_and(|what| what.is_word("all")) => {
                Self::Session(Session::Nothing("CLOSE CURSOR ALL"))
            }
            "copy" | "declare" | "fetch" | "move" | "close" | "listen" | "notify" | "prepare"
            | "execute" | "lock" | "do" | "call" | "grant" | "revoke" | "truncate" => {
                return Err(unavailable(word));
            }
            "select" if names_catalog(tokens) => Self::Catalog,
            "select" if !tokens.iter().any(|token| token.is_word("from")) => facts_or_run(tokens),
            _ => Self::Run,
        };
        Ok(plan)
    }

    /// Whether this passes before a reason was stated: what clients send by themselves and what shows no data.
    pub(crate) fn passes_unjustified(&self) -> bool {
        match self {
            Self::Empty | Self::Call(_) | Self::Transaction(_) | Self::Session(_) | Self::Facts => {
                true
            }
            Self::Catalog | Self::Run => false,
        }
    }
}

fn unavailable(word: &str) -> Fault {
    let word = word.to_ascii_uppercase();
    let fault = Fault::error("0A000", format!("{word} is not available here"));
    fault.hint("the database behind this door is SQLite: write what SQLite understands")
}

fn syntax(at: Option<&Token<'_>>) -> Fault {
    let message = match at.map(|token| &token.kind) {
        Some(Kind::Word(word)) => format!("syntax error at or near \"{word}\""),
        Some(_) => "syntax error".to_owned(),
        None => "syntax error at end of input".to_owned(),
    };
    Fault::error("42601", message)
}

/// Whether the gateway answers all of `sql` from what it knows of the catalogs, as for psql's `\d`: such a message never
/// reaches the source, so it shows nobody's data.
pub fn asks_catalog_only(sql: &str) -> bool {
    let tokens = text::tokens(sql);
    let mut plans = text::statements(&tokens).map(Plan::of).peekable();
    plans.peek().is_some() && plans.all(|plan| matches!(plan, Ok(Plan::Catalog)))
}

/// Whether a SELECT asks PostgreSQL's catalogs: SQLite has no schema of these names.
fn names_catalog(tokens: &[Token<'_>]) -> bool {
    let mut from = false;
    tokens
        .iter()
        .zip(tokens.iter().skip(1))
        .any(|(token, next)| {
            from |= token.is_word("from");
            let name = token.name().unwrap_or_default();
            let schema = name == "pg_catalog" || name == "information_schema";
            from && ((schema && next.is_symbol('.'))
                || ((token.is_word("from") || token.is_word("join")) && is_catalog_table(next)))
        })
}

fn is_catalog_table(token: &Token<'_>) -> bool {
    const TABLES: [&str; 10] = [
        "pg_class",
        "pg_attribute",
        "pg_namespace",
        "pg_database",
        "pg_type",
        "pg_settings",
        "pg_roles",
        "pg_proc",
        "pg_tables",
        "pg_index",
    ];
    token.name().is_some_and(|name| TABLES.contains(&&*name))
}

fn facts_or_run(tokens: &[Token<'_>]) -> Plan {
    if crate::facts::is_about_session(tokens) {
        Plan::Facts
    } else {
        Plan::Run
    }
}

/// `rest` without its first token, if that is `noise`.
fn strip<'t, 'a>(rest: &'t [Token<'a>], noise: impl Fn(&Token<'a>) -> bool) -> &'t [Token<'a>] {
    match rest.split_first() {
        Some((first, rest)) if noise(first) => rest,
        _ => rest,
    }
}

/// What CommandComplete says of a statement that the engine ran: its first words, and how many rows.
pub(crate) fn command_tag(
    tokens: &[Token<'_>],
    has_columns: bool,
    rows: u64,
    changed: u64,
) -> String {
    let main = main_verb(tokens);
    match main.as_str() {
        "INSERT" | "REPLACE" => format!("INSERT 0 {changed}"),
        "UPDATE" | "DELETE" => format!("{main} {changed}"),
        _ if has_columns => format!("SELECT {rows}"),
        "CREATE" | "DROP" | "ALTER" => {
            let noise = ["TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL"];
            let mut words = tokens.iter().skip(1).filter_map(|token| match token.kind {
                Kind::Word(word) => Some(word.to_ascii_uppercase()),
                _ => None,
            });
            match words.find(|word| !noise.contains(&word.as_str())) {
                Some(object) => format!("{main} {object}"),
                None => main,
            }
        }
        _ => main,
    }
}

/// The verb of a statement; after WITH, the one that follows the last common table expression.
fn main_verb(tokens: &[Token<'_>]) -> String {
    const VERBS: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "VALUES"];
    let upper = |token: &Token<'_>| match token.kind {
        Kind::Word(word) => word.to_ascii_uppercase(),
        _ => String::new(),
    };
    let first = tokens.first().map(upper).unwrap_or_default();
    if first != "WITH" {
        return first;
    }
    let mut depth = 0_usize;
    for token in tokens {
        match token.kind {
            Kind::Symbol('(') => depth += 1,
            Kind::Symbol(')') => depth = depth.saturating_sub(1),
            Kind::Word(_) if depth == 0 && VERBS.contains(&upper(token).as_str()) => {
                return upper(token);
            }
            _ => {}
        }
    }
    "SELECT".to_owned()
}

/// The start-up statements of tested clients, normalized, and whether each is only a statement's beginning.
pub(crate) fn startup_statements() -> &'static [(String, bool)] {
    static LIST: LazyLock<Vec<(String, bool)>> = LazyLock::new(|| {
        let lines = include_str!("startup_statements.txt").lines();
        let statements = lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let listed = statements.map(|line| {
            let whole = line.strip_suffix('…');
            let text = whole.unwrap_or(line);
            (text::normalized(text, &text::tokens(text)), whole.is_some())
        });
        listed.collect()
    });
    &LIST
}

/// Whether this is a statement that tested clients send before anybody typed one (`startup_statements.txt`).
pub(crate) fn is_startup_statement(sql: &str, tokens: &[Token<'_>]) -> bool {
    let asked = text::normalized(sql, tokens);
    startup_statements().iter().any(|(listed, beginning)| {
        if *beginning {
            asked.starts_with(listed)
        } else {
            asked == *listed
        }
    })
}

#[cfg(test)]
mod tests;
