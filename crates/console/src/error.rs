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
    /// A token would go over a network in clear.
    #[error(
        "a token goes to {address} through TLS only: give the gateway a certificate (`tls` under [gateway] in \
         `privet.toml`), or connect on its own machine"
    )]
    Plain {
        /// Where it would go.
        address: String,
    },
    /// There is no trusted connection.
    #[error("no trusted connection to the gateway: {why}")]
    Tls {
        /// Why, and what to do.
        why: String,
    },
    /// The gateway said no.
    #[error("{message}")]
    Refused {
        /// The gateway's words.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// Privet's own code, where it has one.
        code: Option<String>,
    },
    /// The connection ended.
    #[error("the connection to the gateway ended{}", .why.as_deref().map(|why| format!(": {why}")).unwrap_or_default())]
    Closed {
        /// The gateway's last words.
        why: Option<String>,
    },
    /// The terminal failed.
    #[error("the terminal failed")]
    Terminal(#[source] std::io::Error),
    /// Nobody is there to be asked for a reason.
    #[error("a session needs a reason: say --reason 'why' and --link 'https://…'")]
    NoReason,
    /// Nobody is there to be asked the command's questions.
    #[error("`{command}` asks questions, and nobody is there to answer: write `{instead}`")]
    NeedsTerminal {
        /// The command.
        command: String,
        /// What does the same without questions.
        instead: &'static str,
    },
    /// There is no such command.
    #[error("there is no command `{0}`: `\\?` lists them")]
    UnknownCommand(String),
}

impl Error {
    /// What a failed call to the server means for the console.
    pub(crate) fn from_server(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => Self::Refused {
                message: said.message().to_owned(),
                hint: said.hint().map(str::to_owned),
                code: said.detail().map(str::to_owned),
            },
            None => Self::Closed { why: None },
        }
    }
}
