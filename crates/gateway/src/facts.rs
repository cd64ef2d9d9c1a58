//! Questions about the session itself that clients ask by themselves: `version()`, `current_user`, settings.

use privet_vault::port::SqlValue;

use crate::answer::{Answer, Select, text_value, truth};
use crate::fault::Fault;
use crate::settings::{SERVER_VERSION, Settings};
use crate::statement::Session;
use crate::text::{Kind, Token};
use crate::value::Type;

/// What the answers are about.
pub(crate) struct Facts<'a> {
    /// The user.
    pub(crate) user: &'a str,
    /// The source.
    pub(crate) database: &'a str,
    /// The number that cancel requests name.
    pub(crate) process: u32,
    /// The settings.
    pub(crate) settings: &'a mut Settings,
}

/// One result column, understood.
enum Fact {
    Version,
    User,
    Database,
    Schema,
    Schemas,
    Process,
    No,
    Nothing,
    Setting(String, bool),
    SetConfig(String, String),
    Integer(i64),
    Text(String),
}

/// Whether a SELECT without FROM asks about nothing but the session, or is a plain number as in `SELECT 1`, which
/// clients send to see whether anybody is there. A plain text is left to the engine: it may be a sealed value.
pub(crate) fn is_about_session(tokens: &[Token<'_>]) -> bool {
    let Some(select) = Select::parse(tokens) else {
        return false;
    };
    let facts: Option<Vec<Fact>> = select.items.iter().map(|item| fact(item.tokens)).collect();
    select.from.is_empty()
        && facts.is_some_and(|facts| {
            facts
                .iter()
                .any(|fact| !matches!(fact, Fact::Integer(_) | Fact::Text(_)))
        })
}

impl Facts<'_> {
    /// Answers a SELECT for which [`is_about_session`] said yes.
    pub(crate) fn select(&mut self, tokens: &[Token<'_>]) -> Result<Answer, Fault> {
        let malformed = || Fault::error("42601", "syntax error");
        let select = Select::parse(tokens).ok_or_else(malformed)?;
        let mut columns = Vec::new();
        let mut row = Vec::new();
        for item in &select.items {
            let value = self.value(fact(item.tokens).ok_or_else(malformed)?)?;
            let of_type = if matches!(value, SqlValue::Integer(_)) {
                Type::Integer
            } else {
                Type::Text
            };
            columns.push((item.name.clone(), of_type));
            row.push(value);
        }
        Ok(Answer {
            columns,
            rows: vec![row],
            tag: "SELECT",
        })
    }

    fn value(&mut self, fact: Fact) -> Result<SqlValue, Fault> {
        Ok(match fact {
            Fact::Version => text_value(format!("PostgreSQL {SERVER_VERSION}")),
            Fact::User => text_value(self.user),
            Fact::Database => text_value(self.database),
            Fact::Schema => text_value("public"),
            Fact::Schemas => text_value("{public}"),
            Fact::Process => SqlValue::Integer(self.process.into()),
            Fact::No => truth(false),
            Fact::Nothing => SqlValue::Null,
            Fact::Setting(name, missing_is_null) => match self.settings.value(&name) {
                Some(value) => text_value(value),
                None if missing_is_null => SqlValue::Null,
                None => return Err(unknown(&name)),
            },
            Fact::SetConfig(name, value) => {
                self.settings.set(&name, Some(&value))?;
                text_value(value)
            }
            Fact::Integer(number) => SqlValue::Integer(number),
            Fact::Text(text) => text_value(text),
        })
    }

    /// Answers `SHOW`.
    pub(crate) fn show(&self, session: &Session) -> Result<Answer, Fault> {
        let column = |name: &str| (name.to_owned(), Type::Text);
        if let Session::Show(name) = session {
            let value = self.settings.value(name).ok_or_else(|| unknown(name))?;
            let rows = vec![vec![text_value(value)]];
            return Ok(Answer {
                columns: vec![column(name)],
                rows,
                tag: "SHOW",
            });
        }
        let rows = self
            .settings
            .all()
            .map(|(name, value)| vec![text_value(name), text_value(value), text_value("")]);
        let columns = ["name", "setting", "description"].map(column).to_vec();
        Ok(Answer {
            columns,
            rows: rows.collect(),
            tag: "SHOW",
        })
    }
}

fn unknown(name: &str) -> Fault {
    Fault::error(
        "42704",
        format!("unrecognized configuration parameter \"{name}\""),
    )
}

fn fact(tokens: &[Token<'_>]) -> Option<Fact> {
    let tokens = match tokens {
        [schema, dot, rest @ ..] if schema.is_word("pg_catalog") && dot.is_symbol('.') => rest,
        tokens => tokens,
    };
    match tokens {
        [only] => match &only.kind {
            Kind::Number(digits) => digits.parse().ok().map(Fact::Integer),
            Kind::Text(text) => Some(Fact::Text(text.clone().into_owned())),
            Kind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "current_user" | "session_user" | "user" | "current_role" => Some(Fact::User),
                "current_catalog" => Some(Fact::Database),
                "current_schema" => Some(Fact::Schema),
                "null" => Some(Fact::Nothing),
                _ => None,
            },
            _ => None,
        },
        [name, open, arguments @ .., close] if open.is_symbol('(') && close.is_symbol(')') => {
            call(&name.name()?, arguments)
        }
        _ => None,
    }
}

fn call(name: &str, arguments: &[Token<'_>]) -> Option<Fact> {
    let literal = |token: &Token<'_>| match &token.kind {
        Kind::Text(text) => Some(text.clone().into_owned()),
        _ => None,
    };
    Some(match (name, arguments) {
        ("version", []) => Fact::Version,
        ("current_user" | "session_user", []) => Fact::User,
        ("current_database", []) => Fact::Database,
        ("current_schema", []) => Fact::Schema,
        ("current_schemas", [_]) => Fact::Schemas,
        ("pg_backend_pid", []) => Fact::Process,
        ("pg_is_in_recovery" | "pg_is_wal_replay_paused", []) => Fact::No,
        ("pg_advisory_unlock_all", []) => Fact::Nothing,
        ("current_setting", [name]) => Fact::Setting(literal(name)?, false),
        ("current_setting", [name, _, _]) => Fact::Setting(literal(name)?, true),
        ("set_config", [name, _, value, _, _]) => Fact::SetConfig(literal(name)?, literal(value)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn answered(sql: &str) -> Option<String> {
        let tokens = text::tokens(sql);
        if !is_about_session(&tokens) {
            return None;
        }
        let settings = &mut Settings::new("ann");
        let mut facts = Facts {
            user: "ann",
            database: "shop",
            process: 7,
            settings,
        };
        let answer = facts.select(&tokens).unwrap();
        let cell =
            |value: &SqlValue| crate::value::recorded(value).unwrap_or_else(|| "NULL".into());
        let names: Vec<&str> = answer
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let cells: Vec<String> = answer.rows[0].iter().map(cell).collect();
        Some(format!("{}: {}", names.join("|"), cells.join("|")))
    }

    #[test]
    fn facts_are_answered() {
        for (sql, expected) in [
            ("SELECT version()", "version: PostgreSQL 15.0 (Privet)"),
            (
                "select pg_catalog.version()",
                "version: PostgreSQL 15.0 (Privet)",
            ),
            (
                "SELECT current_schema(),session_user",
                "current_schema|session_user: public|ann",
            ),
            ("SELECT current_database() AS d, 1", "d|?column?: shop|1"),
            (
                "SELECT pg_catalog.pg_is_in_recovery()",
                "pg_is_in_recovery: f",
            ),
            ("SELECT current_setting('TimeZone')", "current_setting: UTC"),
            ("SELECT current_setting('x', true)", "current_setting: NULL"),
            (
                "SELECT pg_catalog.set_config('search_path', '', false)",
                "set_config: ",
            ),
            ("SELECT pg_backend_pid()", "pg_backend_pid: 7"),
        ] {
            assert_eq!(answered(sql).as_deref(), Some(expected), "{sql}");
        }
    }

    #[test]
    fn everything_else_is_the_engines() {
        for sql in [
            "SELECT 1",
            "SELECT 'pv1_x'",
            "SELECT version() FROM customer",
            "SELECT version() || email",
            "SELECT version(), (SELECT email FROM customer)",
            "SELECT version() WHERE 1",
            "SELECT upper('x')",
        ] {
            assert_eq!(answered(sql), None, "{sql}");
        }
    }
}
