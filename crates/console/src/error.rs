//! What can end a console.

/// Why the console could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The gateway does not answer.
    #[error(
        "cannot reach the gateway at {address}: is the server running? (`privet serve` or `privet demo`)"
    )]
    Unreachable {
        /// Where it was sought.
        address: String,
        /// What the system said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The gateway said no.
    #[error("{message}")]
    Refused {
        /// The gateway's words.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The connection ended.
    #[error("the connection to the gateway ended")]
    Closed,
    /// The terminal failed.
    #[error("the terminal failed")]
    Terminal(#[source] std::io::Error),
    /// Nobody is there to be asked for a reason.
    #[error("a session needs a reason: say --reason 'why' and --link 'https://…'")]
    NoReason,
}

impl Error {
    /// What a failed call to the server means for the console.
    pub(crate) fn from_server(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => Self::Refused {
                message: said.message().to_owned(),
                hint: said.hint().map(str::to_owned),
            },
            None => Self::Closed,
        }
    }
}
