//! What the engine's errors are called in SQLSTATEs, which PostgreSQL's clients understand.

use privet_vault::port::RunError;
use rusqlite::ffi;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A SQLSTATE that the child may answer (PostgreSQL manual, appendix A).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The five characters.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

codes! {
    /// Anything without a better name.
    Refused = "42000",
    Syntax = "42601",
    UndefinedTable = "42P01",
    UndefinedColumn = "42703",
    UndefinedFunction = "42883",
    DuplicateTable = "42P07",
    Datatype = "42804",
    NotAllowed = "42501",
    ParameterValue = "22023",
    Unique = "23505",
    ForeignKey = "23503",
    NotNull = "23502",
    Check = "23514",
    Constraint = "23000",
    Raised = "P0001",
    InTransaction = "25001",
    NoTransaction = "25P01",
    ReadOnly = "25006",
    OutOfMemory = "53200",
    DiskFull = "53100",
    TooLarge = "54000",
    NotNow = "55000",
    Locked = "55P03",
    Cancelled = "57014",
    Crashed = "57P02",
    Io = "58030",
    Damaged = "XX001",
    Internal = "XX000",
    Serialization = "40001",
}

impl Code {
    /// As it goes through the pipe.
    pub(crate) fn number(self) -> u8 {
        Self::ALL
            .iter()
            .position(|code| *code == self)
            .and_then(|position| u8::try_from(position).ok())
            .unwrap_or_default()
    }

    /// What a number from the pipe means; one that is unknown is an internal error.
    pub(crate) fn from_number(number: u8) -> Self {
        Self::ALL
            .get(usize::from(number))
            .copied()
            .unwrap_or(Self::Internal)
    }

    /// An error of this code.
    pub(crate) fn error(self, message: impl Into<String>) -> RunError {
        RunError {
            code: self.as_str(),
            message: message.into(),
            hint: None,
        }
    }
}

/// A failure on its way through the pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let (code, message) = match error {
            rusqlite::Error::SqliteFailure(error, message) => (error, message),
            rusqlite::Error::SqlInputError { error, msg, .. } => (error, Some(msg)),
            rusqlite::Error::MultipleStatement => {
                return Self::new(Code::Syntax, "cannot run several statements as one");
            }
            other => return Self::new(Code::Internal, other.to_string()),
        };
        let message = message.unwrap_or_else(|| code.to_string());
        let failure = Self::new(code_of(&code, &message), message);
        match failure.dialect() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

impl Failure {
    /// What to write instead, for whoever writes PostgreSQL's SQL out of habit.
    fn dialect(&self) -> Option<&'static str> {
        let says = |text: &str| self.message.contains(text);
        if says("unrecognized token: \":\"") {
            Some("the database is SQLite: write CAST(value AS text) instead of value::text")
        } else if says("no such function: now") {
            Some("the database is SQLite: write CURRENT_TIMESTAMP, or date('now')")
        } else if self.code == Code::UndefinedFunction {
            Some("the database is SQLite, and so are its functions")
        } else if says("near \"ILIKE\"") || says("near \"ilike\"") {
            Some("the database is SQLite: its LIKE ignores the case of ASCII letters")
        } else {
            None
        }
    }
}

fn code_of(error: &ffi::Error, message: &str) -> Code {
    use rusqlite::ErrorCode as E;
    match error.code {
        E::ConstraintViolation => constraint(error.extended_code),
        E::DatabaseBusy | E::DatabaseLocked | E::FileLockingProtocolFailed => Code::Locked,
        E::ReadOnly => Code::ReadOnly,
        E::AuthorizationForStatementDenied | E::PermissionDenied => Code::NotAllowed,
        E::OperationInterrupted | E::OperationAborted => Code::Cancelled,
        E::OutOfMemory => Code::OutOfMemory,
        E::DiskFull => Code::DiskFull,
        E::TooBig => Code::TooLarge,
        E::DatabaseCorrupt | E::NotADatabase => Code::Damaged,
        E::SystemIoFailure | E::CannotOpen => Code::Io,
        E::TypeMismatch => Code::Datatype,
        E::ParameterOutOfRange => Code::ParameterValue,
        _ => by_message(message),
    }
}

fn constraint(extended: i32) -> Code {
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => Code::Unique,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Code::ForeignKey,
        ffi::SQLITE_CONSTRAINT_NOTNULL => Code::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => Code::Check,
        ffi::SQLITE_CONSTRAINT_TRIGGER => Code::Raised,
        ffi::SQLITE_CONSTRAINT_DATATYPE => Code::Datatype,
        _ => Code::Constraint,
    }
}

/// SQLite has one code for everything that preparing finds; only its text tells more.
fn by_message(message: &str) -> Code {
    let has = |part: &str| message.contains(part);
    if has("syntax error") || has("unrecognized token") || has("incomplete input") {
        Code::Syntax
    } else if has("no such table") || has("no such view") {
        Code::UndefinedTable
    } else if has("no such column") {
        Code::UndefinedColumn
    } else if has("no such function") {
        Code::UndefinedFunction
    } else if has("already exists") {
        Code::DuplicateTable
    } else if has("within a transaction") {
        Code::InTransaction
    } else if has("no transaction is active") {
        Code::NoTransaction
    } else {
        Code::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_of_postgresql_are_answered_with_a_hint() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        for (sql, hint) in [
            ("SELECT 'a'::text", "CAST(value AS text)"),
            ("SELECT now()", "CURRENT_TIMESTAMP"),
            ("SELECT to_char(1, 'x')", "its functions"),
            ("SELECT 1 WHERE 'a' ILIKE 'A'", "its LIKE"),
        ] {
            let failure = Failure::from(database.prepare(sql).unwrap_err());
            assert!(failure.hint.unwrap().contains(hint), "{sql}");
        }
        let failure = Failure::from(database.prepare("SELECT 1 FROM").unwrap_err());
        assert_eq!(failure.hint, None);
    }

    #[test]
    fn numbers_come_back_as_what_they_were() {
        for code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), *code);
            assert_eq!(code.as_str().len(), 5);
        }
        assert_eq!(Code::from_number(255), Code::Internal);
    }
}
