//! What went wrong with a database server, before the source's name is put to it.

use privet_postgres::Distrust;
use privet_vault::SourceName;
use privet_vault::port::SourceError;
use tokio_postgres::error::SqlState;

/// A failure of some work on a source.
#[derive(Debug)]
pub(crate) enum Failing {
    /// The server's or the connection's.
    Engine(tokio_postgres::Error),
    /// The schema or the data do not fit; a sentence that says what to do.
    Unfit(String),
    /// Another program holds a lock for longer than the wait allows.
    Locked,
    /// An answer is not what was asked for.
    Odd(&'static str),
    /// The application's own constraints or triggers are in the way.
    Refused {
        /// The table whose rows should go.
        table: String,
        /// What refuses.
        why: String,
    },
}

impl From<tokio_postgres::Error> for Failing {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Engine(error)
    }
}

impl Failing {
    /// As the port says it.
    pub(crate) fn named(self, name: &SourceName) -> SourceError {
        match self {
            Self::Engine(error) => engine(name, &error),
            Self::Unfit(why) => SourceError::Schema(why),
            Self::Locked => SourceError::Locked(name.clone()),
            Self::Odd(why) => SourceError::Failed {
                name: name.clone(),
                why: why.to_owned(),
            },
            Self::Refused { table, why } => SourceError::Refused {
                name: name.clone(),
                table,
                why,
            },
        }
    }

    /// Whether the server gave up waiting for a lock, or broke a deadlock.
    pub(crate) fn is_lock(&self) -> bool {
        let Self::Engine(error) = self else {
            return false;
        };
        error.code().is_some_and(|code| {
            *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::T_R_DEADLOCK_DETECTED
        })
    }

    /// Whether the server answered with this code.
    pub(crate) fn is(&self, code: &SqlState) -> bool {
        matches!(self, Self::Engine(error) if error.code() == Some(code))
    }
}

fn engine(name: &SourceName, error: &tokio_postgres::Error) -> SourceError {
    let name = name.clone();
    let Some(answer) = error.as_db_error() else {
        let distrust = Distrust::of(error);
        return SourceError::Unreachable {
            name,
            why: distrust.map_or_else(|| "the connection failed".to_owned(), |why| why.to_string()),
        };
    };
    let code = answer.code();
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        return SourceError::Locked(name);
    }
    if *code == SqlState::DISK_FULL {
        return SourceError::Full(name);
    }
    // Of these classes alone is it sure that a message names objects and never values: objects that are missing or not
    // permitted, what the server does not support, its own state, and who may log in.
    let class = code.code().get(..2).unwrap_or_default();
    let why = if matches!(class, "0A" | "28" | "3D" | "3F" | "42" | "53" | "55" | "57") {
        format!("{} (SQLSTATE {})", answer.message(), code.code())
    } else {
        format!("the server refused with SQLSTATE {}", code.code())
    };
    match class {
        "08" | "28" | "3D" | "53" | "57" => SourceError::Unreachable { name, why },
        _ => SourceError::Failed { name, why },
    }
}
