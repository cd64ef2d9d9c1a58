//! Forwarded execution: what the SQL door needs of a database server that speaks PostgreSQL's protocol itself.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use super::RunMode;

/// Bytes to and from a database server.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// A connection to a database server: logged in under a role that was checked, idle, nothing read ahead.
pub struct Upstream {
    /// The protocol's frames from here on.
    pub stream: Box<dyn ByteStream>,
    /// What the server reported about itself and the session (ParameterStatus), in its order.
    pub parameters: Vec<(String, String)>,
    /// What stops the statement that this connection runs.
    pub canceller: Arc<dyn Canceller>,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").finish_non_exhaustive()
    }
}

/// Stops what one connection runs.
#[async_trait]
pub trait Canceller: Send + Sync {
    /// Asks the server to stop the running statement, and returns once it has taken note. Harmless when none runs;
    /// that it cannot be reached is nobody's business but the log's.
    async fn cancel(&self);
}

/// Why there is no connection to a database server. Texts are for the client: they name the source and its role, and
/// hold no address and no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// It cannot be reached, is starting up or takes no more clients.
    #[error("the database behind source `{source_name}` cannot be reached: {why}")]
    Unreachable {
        /// The source.
        source_name: String,
        /// What happened, in words.
        why: String,
    },
    /// It does not let the gateway in.
    #[error("the database behind source `{source_name}` refuses the gateway: {why}")]
    Refused {
        /// The source.
        source_name: String,
        /// What the server said.
        why: String,
    },
    /// The server refuses a setting that the client asked for at its start.
    #[error("{message}")]
    Setting {
        /// SQLSTATE.
        code: String,
        /// What the server said.
        message: String,
    },
    /// The role may do more than the guard allows.
    #[error("the role `{role}` of source `{source_name}` may do too much: {}", .excess.join("; "))]
    TooStrong {
        /// The source.
        source_name: String,
        /// The role.
        role: String,
        /// What it may do that it must not, and how that is taken from it.
        excess: Vec<String>,
    },
}

/// Connects clients to a database server, one connection each.
#[async_trait]
pub trait Upstreams: Send + Sync {
    /// A connection under the role of this mode; the mode [`RunMode::ReadOnly`] has one without write rights. `settings`
    /// are what the client wants set (names and values), in order.
    ///
    /// # Errors
    /// [`UpstreamError`]; a role that is too strong is refused each time, so that taking rights away needs no restart.
    async fn upstream(
        &self,
        mode: RunMode,
        settings: &[(String, String)],
    ) -> Result<Upstream, UpstreamError>;
}
