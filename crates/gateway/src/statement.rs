//! What one statement is: something the gateway answers itself, or something for the engine.

use std::sync::LazyLock;

use crate::commands::{self, Call};
use crate::fault::Fault;
use crate::text::{self, Kind, Token};

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

fn transaction(word: &str, rest: &[Token<'_>]) -> Result<Transaction, Fault> {
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

/// `rest` without its first token, if that is `noise`.
fn strip<'t, 'a>(rest: &'t [Token<'a>], noise: impl Fn(&Token<'a>) -> bool) -> &'t [Token<'a>] {
    match rest.split_first() {
        Some((first, rest)) if noise(first) => rest,
        _ => rest,
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

fn savepoint_name(rest: &[Token<'_>]) -> Result<String, Fault> {
    match rest {
        [name] => name
            .name()
            .map(|name| name.into_owned())
            .ok_or_else(|| syntax(Some(name))),
        [_, extra, ..] => Err(syntax(Some(extra))),
        [] => Err(syntax(None)),
    }
}

fn set(rest: &[Token<'_>]) -> Result<Session, Fault> {
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

fn reset(rest: &[Token<'_>]) -> Result<Session, Fault> {
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

fn show(rest: &[Token<'_>]) -> Result<Session, Fault> {
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

fn deallocate(rest: &[Token<'_>]) -> Result<Session, Fault> {
    match strip(rest, |token| token.is_word("prepare")) {
        [all] if all.is_word("all") => Ok(Session::Deallocate(None)),
        rest => savepoint_name(rest).map(|name| Session::Deallocate(Some(name))),
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

/// Whether this is a statement that tested clients send before anybody typed one (`startup_statements.txt`).
pub(crate) fn is_startup_statement(sql: &str, tokens: &[Token<'_>]) -> bool {
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
    let asked = text::normalized(sql, tokens);
    LIST.iter().any(|(listed, beginning)| {
        if *beginning {
            asked.starts_with(listed)
        } else {
            asked == *listed
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sql: &str) -> Result<Plan, Fault> {
        Plan::of(&text::tokens(sql))
    }

    fn transaction_of(sql: &str) -> Transaction {
        match plan(sql) {
            Ok(Plan::Transaction(transaction)) => transaction,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn transactions_in_all_their_forms() {
        let begin = |sql, read_only| Transaction::Begin { sql, read_only };
        assert_eq!(transaction_of("BEGIN"), begin("BEGIN", false));
        assert_eq!(transaction_of("begin work"), begin("BEGIN", false));
        assert_eq!(
            transaction_of("BEGIN IMMEDIATE"),
            begin("BEGIN IMMEDIATE", false)
        );
        let modes = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE";
        assert_eq!(transaction_of(modes), begin("BEGIN", true));
        assert_eq!(transaction_of("END"), Transaction::Commit);
        assert_eq!(transaction_of("COMMIT TRANSACTION"), Transaction::Commit);
        assert_eq!(transaction_of("ABORT"), Transaction::Rollback);
        assert_eq!(
            transaction_of("ROLLBACK TO SAVEPOINT \"A\""),
            Transaction::RollbackTo("A".into())
        );
        assert_eq!(
            transaction_of("ROLLBACK WORK TO a"),
            Transaction::RollbackTo("a".into())
        );
        assert_eq!(
            transaction_of("RELEASE SAVEPOINT a"),
            Transaction::Release("a".into())
        );
        for sql in [
            "BEGIN; x",
            "BEGIN nonsense",
            "COMMIT AND CHAIN",
            "SAVEPOINT",
            "START",
            "ROLLBACK TO",
        ] {
            let first = text::tokens(sql);
            let first = text::statements(&first).next().unwrap();
            assert!(sql == "BEGIN; x" || Plan::of(first).is_err(), "{sql}");
        }
    }

    #[test]
    fn settings_are_read() {
        let set = |name: &str, value: Option<&str>| {
            let value = value.map(str::to_owned);
            Ok(Plan::Session(Session::Set {
                name: name.into(),
                value,
                tag: "SET",
            }))
        };
        assert_eq!(
            plan("SET extra_float_digits = 3"),
            set("extra_float_digits", Some("3"))
        );
        assert_eq!(plan("SET SESSION x TO 'a', b"), set("x", Some("a, b")));
        assert_eq!(plan("SET LOCAL x = DEFAULT"), set("x", None));
        assert_eq!(plan("SET TIME ZONE 'UTC'"), set("timezone", Some("UTC")));
        assert_eq!(
            plan("SET NAMES 'utf8'"),
            set("client_encoding", Some("utf8"))
        );
        assert_eq!(
            plan("SET privet.reason = 'x'"),
            set("privet.reason", Some("x"))
        );
        assert_eq!(plan("SHOW ALL"), Ok(Plan::Session(Session::ShowAll)));
        let isolation = Session::Show("transaction_isolation".into());
        assert_eq!(
            plan("show transaction isolation level"),
            Ok(Plan::Session(isolation))
        );
        assert_eq!(
            plan("DEALLOCATE ALL"),
            Ok(Plan::Session(Session::Deallocate(None)))
        );
        for sql in [
            "SET",
            "SET x",
            "SET x =",
            "SET x = (1)",
            "SHOW",
            "SHOW a b",
            "RESET",
        ] {
            assert!(plan(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn the_rest_is_the_engines() {
        for sql in [
            "SELECT * FROM customer",
            "SELECT 'CALL privet.justify()'",
            "SELECT 1",
            "SELECT email FROM customer WHERE note = 'pg_catalog.pg_class'",
            "PRAGMA table_info(customer)",
            "(SELECT 1)",
            "SELECT 'open",
        ] {
            assert_eq!(plan(sql), Ok(Plan::Run), "{sql}");
        }
        assert_eq!(
            plan("SELECT * FROM pg_catalog.pg_class c"),
            Ok(Plan::Catalog)
        );
        assert_eq!(plan("select * from pg_settings"), Ok(Plan::Catalog));
        for (sql, expected) in [
            ("SELECT c.oid FROM pg_catalog.pg_class c", true),
            ("SELECT 1 FROM pg_class; SELECT 2 FROM pg_type;", true),
            ("SELECT 1 FROM pg_class; SELECT email FROM customer", false),
            (
                "SELECT email FROM customer -- FROM pg_catalog.pg_class",
                false,
            ),
            (
                "SELECT email FROM customer WHERE note = ' FROM pg_catalog.pg_class'",
                false,
            ),
            ("CALL privet.status()", false),
            (" ; ", false),
            ("", false),
        ] {
            assert_eq!(asks_catalog_only(sql), expected, "{sql}");
        }
        assert_eq!(plan("SELECT version()"), Ok(Plan::Facts));
        assert_eq!(plan("-- ping"), Ok(Plan::Empty));
        for sql in [
            "COPY t TO STDOUT",
            "DECLARE c CURSOR FOR SELECT 1",
            "LISTEN x",
            "DO $$x$$",
        ] {
            assert_eq!(plan(sql).unwrap_err().code, "0A000", "{sql}");
        }
    }

    #[test]
    fn startup_statements_are_listed_whole_or_by_their_beginning() {
        let listed = |sql: &str| is_startup_statement(sql, &text::tokens(sql));
        assert!(listed("select  1 ;"));
        assert!(listed(
            "SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'"
        ));
        assert!(!listed("SELECT 1 FROM customer"));
        assert!(!listed("SELECT 2"));
    }

    #[test]
    fn tags_name_what_was_done() {
        let tag = |sql: &str, columns, rows, changed| {
            command_tag(&text::tokens(sql), columns, rows, changed)
        };
        assert_eq!(tag("select 1", true, 1, 0), "SELECT 1");
        assert_eq!(tag("PRAGMA x", true, 3, 0), "SELECT 3");
        assert_eq!(
            tag("INSERT INTO t VALUES (1) RETURNING id", true, 1, 1),
            "INSERT 0 1"
        );
        assert_eq!(tag("REPLACE INTO t VALUES (1)", false, 0, 1), "INSERT 0 1");
        assert_eq!(
            tag("WITH x AS (SELECT 1) DELETE FROM t", false, 0, 4),
            "DELETE 4"
        );
        assert_eq!(tag("CREATE TEMP TABLE t(a)", false, 0, 0), "CREATE TABLE");
        assert_eq!(
            tag("CREATE UNIQUE INDEX i ON t(a)", false, 0, 0),
            "CREATE INDEX"
        );
        assert_eq!(tag("VACUUM", false, 0, 0), "VACUUM");
    }
}
