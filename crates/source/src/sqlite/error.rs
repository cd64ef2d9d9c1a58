//! What went wrong with a source, before its name is put to it.

use privet_vault::SourceName;
use privet_vault::port::SourceError;
use rusqlite::ErrorCode;

/// A failure of some work on a source.
#[derive(Debug)]
pub(crate) enum Failing {
    /// The engine's.
    Engine(rusqlite::Error),
    /// The schema or the data do not fit; a sentence that says what to do.
    Unfit(String),
    /// Another program is in the way.
    Locked,
    /// The application's own constraints or triggers are.
    Refused {
        /// The table whose rows should go.
        table: String,
        /// What refuses.
        why: String,
    },
}

impl From<rusqlite::Error> for Failing {
    fn from(error: rusqlite::Error) -> Self {
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
            Self::Refused { table, why } => SourceError::Refused {
                name: name.clone(),
                table,
                why,
            },
        }
    }
}

/// A failure to open.
pub(crate) fn unreachable(name: &SourceName, error: &rusqlite::Error) -> SourceError {
    match engine(name, error) {
        SourceError::Failed { name, why } => SourceError::Unreachable { name, why },
        other => other,
    }
}

/// The engine's messages name tables and columns, never values; those that quote a statement quote ours.
fn engine(name: &SourceName, error: &rusqlite::Error) -> SourceError {
    let name = name.clone();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SourceError::Locked(name),
        Some(ErrorCode::DiskFull) => SourceError::Full(name),
        _ => SourceError::Failed {
            name,
            why: text(error),
        },
    }
}

fn text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            message.clone().unwrap_or_else(|| code.to_string())
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => {
            "a value has an unexpected type".into()
        }
        other => other.to_string(),
    }
}
