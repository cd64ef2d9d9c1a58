//! What can go wrong in a call. No message holds a value, a token or a subject.

use std::time::Duration;

use privet_wire::Problem;

use crate::client::LIVE;

/// Why a call came to nothing.
///
/// ```
/// # fn handle(error: privet::Error) {
/// match error.code() {
///     Some("consent_missing") => println!("they did not agree: do without"),
///     Some("not_unique") => println!("somebody else has this address"),
///     _ => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is missing or wrong: what, and what to do.
    #[error("{0}")]
    Setting(String),
    /// The token was issued in another environment than the one that is set. Nothing was sent.
    #[error(
        "the token is of environment `{token}`, and `{wanted}` is set: use a token of `{wanted}` (nothing was sent)"
    )]
    OtherToken {
        /// The token's environment.
        token: String,
        /// The environment that is set.
        wanted: String,
    },
    /// The server that answers belongs to another environment. The token was not sent.
    #[error(
        "the server at `{address}` is environment `{server}`, and `{wanted}` is set: correct `PRIVET_URL` or \
         `PRIVET_ENV` (the token was not sent)"
    )]
    OtherServer {
        /// Where it was looked for.
        address: String,
        /// The environment that the server names.
        server: String,
        /// The environment that is set.
        wanted: String,
    },
    /// The server refused, and says why with a stable code (`docs/errors.md`).
    #[error("{} (`{}`, request {})", .0.detail, .0.code, .0.request_id)]
    Refused(Box<Problem>),
    /// The server could not be reached. Nothing was done.
    #[error(
        "the server at `{address}` cannot be reached: is it running, and is `PRIVET_URL` right?"
    )]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The connection broke before the answer was there. What was asked for may have been done.
    #[error("the connection to the server at `{address}` broke before it answered")]
    Broken {
        /// Which server.
        address: String,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There was no answer in time. What was asked for may have been done.
    #[error("`{call}` had no answer within {after:?}")]
    Deadline {
        /// The call, as its path's template.
        call: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// What answered is not what Privet answers.
    #[error(
        "the answer to `{call}` is not one of Privet (status {status}): is `PRIVET_URL` right?"
    )]
    Answer {
        /// The call, as its path's template.
        call: &'static str,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is longer than the limit.
    #[error(
        "the answer to `{call}` is longer than {bytes_max} bytes: ask for less, or raise `answer_bytes_max`"
    )]
    AnswerTooLarge {
        /// The call, as its path's template.
        call: &'static str,
        /// The limit.
        bytes_max: usize,
    },
    /// One item alone is longer than the longest body.
    #[error("a value of field `{field}` is longer than a request may be ({bytes_max} bytes)")]
    ValueTooLarge {
        /// Its field.
        field: &'static str,
        /// The limit.
        bytes_max: usize,
    },
    /// A value came back that is not of its field's type.
    #[error(
        "a value of field `{field}` is not of the type that the code gives it: compare with `privet check --code`"
    )]
    Value {
        /// Its field.
        field: &'static str,
    },
    /// A typed value was asked for, and the answer is masked, a pseudonym or sealed.
    #[error("the answer is not in the clear form: read it with `shown`")]
    NotClear,
    /// A slot belongs to another batch.
    #[error(
        "this slot is of another batch: take it from the answer to the batch that it was added to"
    )]
    Slot,
    /// The answer is about other subjects or fields.
    #[error("the answer does not have this {0}: it was not asked for")]
    NotAsked(&'static str),
}

impl Error {
    pub(crate) fn setting(text: impl Into<String>) -> Self {
        Self::Setting(text.into())
    }

    /// The stable code of a refusal.
    ///
    /// ```
    /// # fn example(error: privet::Error) {
    /// let gone = error.code() == Some("not_found");
    /// # }
    /// ```
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }

    /// Whether something may have been done although no answer came: look before you do it again. Nothing was shown.
    ///
    /// ```
    /// # async fn example(client: privet::Client, new: privet::NewSubject) -> Result<(), privet::Error> {
    /// match client.create_subject(&new).await {
    ///     Err(error) if error.may_be_done() => println!("look it up before you make it again"),
    ///     made => println!("made: {}", made?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::Broken { .. } => true,
            // Before the server has said which environment it is, nothing else is sent.
            Self::Deadline { call, .. }
            | Self::Answer { call, .. }
            | Self::AnswerTooLarge { call, .. } => *call != LIVE,
            Self::Refused(problem) => matches!(problem.status, 408 | 500..),
            _ => false,
        }
    }
}
