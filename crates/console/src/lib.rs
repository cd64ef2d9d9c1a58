//! `privet console`: a PostgreSQL client with our prompt.
//!
//! It talks to the gateway like every other client and has no rights of its own. What it adds is the workflow: it asks
//! for the reason before anything else, its prompt shows whether values open, for whom and for how long, and
//! `decrypt!` asks for one subject and the evidence of that person's consent. History is kept in memory alone, since
//! what an engineer types about customers does not belong in a file.
//!
//! Not here: authentication of its own, policies, or any key. Values arrive as the gateway lets them through.

mod complete;
mod dialog;
mod display;
mod error;
mod meta;
mod mode;
mod prompt;
mod repl;
mod script;
mod session;
mod terminal;
mod tls;
mod work;

pub use error::Error;
pub use privet_postgres::{Trust, is_loopback};
pub use tls::Transport;

use std::io::IsTerminal;

/// Rows of one result that are kept for showing.
const ROWS_MAX: usize = 5_000;

/// Where to connect, and as whom.
pub struct ConsoleConfig {
    /// The gateway's host.
    pub host: String,
    /// The gateway's port.
    pub port: u16,
    /// With or without TLS.
    pub transport: Transport,
    /// The source to work on.
    pub database: String,
    /// The principal.
    pub user: String,
    /// The principal's token.
    pub token: String,
    /// The reason, when it was given beforehand.
    pub reason: Option<String>,
    /// The link that belongs to it.
    pub link: Option<String>,
    /// The environment's name, for the prompt.
    pub environment: String,
    /// For whom results are.
    pub output: Output,
}

/// For whom results are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Tables, with a prompt on a terminal.
    People,
    /// One JSON object per result, and no prompt: statements come from standard input.
    Programs,
}

impl std::fmt::Debug for ConsoleConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleConfig")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Runs the console until its end: with a prompt on a terminal, else statement by statement from standard input.
/// A token goes to another machine through TLS only.
///
/// # Errors
/// [`Error`] when the gateway cannot be reached or refuses, and when a script's statement fails.
pub fn run(config: ConsoleConfig) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Error::Terminal)?;
    let rows_max = match config.output {
        Output::People => ROWS_MAX,
        Output::Programs => usize::MAX,
    };
    let session = runtime.block_on(session::Session::connect(&config, rows_max))?;
    let mut work = work::Work {
        runtime,
        session,
        environment: config.environment,
    };
    work.justify_beforehand(config.reason.as_deref(), config.link.as_deref())?;
    if config.output == Output::People && std::io::stdin().is_terminal() {
        repl::run(&mut work)
    } else {
        script::run(&mut work, config.output)
    }
}
