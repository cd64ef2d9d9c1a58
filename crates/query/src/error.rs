//! What the server is told when a query fails.

use datafusion::error::DataFusionError;
use serde::Serialize;

/// Why there is no answer, or only a part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request is not one.
    #[error("the request cannot be used: {0}")]
    Request(&'static str),
    /// The statement is one that is not answered.
    #[error("{0}")]
    Refused(&'static str),
    /// The statement is wrong, or failed on the rows that may be seen. For whoever asked, not for a log: it can quote both.
    #[error("{0}")]
    Statement(String),
    /// The answer or the work has grown too large.
    #[error("{0}")]
    Limit(&'static str),
    /// It took too long.
    #[error("the query took longer than it may: ask for fewer days, or raise the limit")]
    Time,
    /// Whoever asked has gone.
    #[error("nobody waits for the answer any more")]
    Abandoned,
    /// The telemetry store does not answer.
    #[error(transparent)]
    Store(#[from] privet_telemetry_store::Error),
    /// The process cannot be confined, or its output cannot be written.
    #[error("the process for queries {0}")]
    Process(&'static str),
}

/// What kind of error it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request.
    Request,
    /// A statement that is not answered.
    Refused,
    /// A wrong statement.
    Statement,
    /// Too large.
    Limit,
    /// Too long.
    Time,
    /// Nobody waits.
    Abandoned,
    /// The store.
    Store,
    /// This process.
    Process,
}

impl Error {
    /// Its kind.
    pub fn code(&self) -> Code {
        match self {
            Self::Request(_) => Code::Request,
            Self::Refused(_) => Code::Refused,
            Self::Statement(_) => Code::Statement,
            Self::Limit(_) => Code::Limit,
            Self::Time => Code::Time,
            Self::Abandoned => Code::Abandoned,
            Self::Store(_) => Code::Store,
            Self::Process(_) => Code::Process,
        }
    }
}

/// The memory is used up, and what could be spilled was.
const MEMORY: &str =
    "the query needs more memory than it may use: group, join or sort less at a time";

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Limit(MEMORY),
            DataFusionError::External(source) if source.downcast_ref::<Unreadable>().is_some() => {
                Self::Store(privet_telemetry_store::Error::Damaged {
                    name: "a data file".into(),
                })
            }
            root => Self::Statement(words(&root.strip_backtrace())),
        }
    }
}

/// What the engine puts before what it has to say: whose words they are, and where in its work it was.
const PREFIXES: [&str; 3] = [
    "Error during planning: ",
    "Invalid or Unsupported Configuration: ",
    "Internal error: ",
];
/// With this it begins to ask for a report to its makers, who do not know of this program.
const REPORT: &str = "This issue was likely caused by a bug in DataFusion's code.";
/// The end of that.
const REPORT_END: &str = "issue tracker: https://github.com/apache/datafusion/issues.";

/// The engine's words as they help whoever wrote the statement: tables by the names that it may write.
fn words(said: &str) -> String {
    let mut text = said.replace("datafusion.public.", "");
    if let Some((before, rest)) = text.split_once(REPORT) {
        let after = rest.split_once(REPORT_END).map_or(rest, |(_, after)| after);
        text = format!("{} {}", before.trim_end(), after.trim_start());
    }
    for prefix in PREFIXES {
        text = text.replace(prefix, "");
    }
    text.trim().to_owned()
}

/// A data file that cannot be read; why would name paths.
#[derive(Debug, thiserror::Error)]
#[error("a data file cannot be read")]
pub(crate) struct Unreadable;

/// For errors of reading files, whatever they are.
pub(crate) fn unreadable<E>(_: E) -> DataFusionError {
    DataFusionError::External(Box::new(Unreadable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_speaks_to_whoever_wrote_the_statement() {
        for (said, shown) in [
            (
                "Error during planning: table 'datafusion.public.log' not found",
                "table 'log' not found",
            ),
            (
                "Error during planning: Internal error: Function 'sum' failed..\n\
                 This issue was likely caused by a bug in DataFusion's code. Please help us to resolve this by filing a bug \
                 report in our issue tracker: https://github.com/apache/datafusion/issues. No function matches",
                "Function 'sum' failed.. No function matches",
            ),
            ("Divide by zero", "Divide by zero"),
        ] {
            assert_eq!(words(said), shown);
        }
    }
}
