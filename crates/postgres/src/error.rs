//! Why a server cannot be reached.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::Distrust;

/// Why a server cannot be reached. No variant holds a password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address says something that is not understood or not allowed.
    #[error("the database's address is not right: {0}")]
    Address(String),
    /// What a certificate should be for is no name.
    #[error("`{0}` is no host name")]
    Name(String),
    /// There is nobody to trust.
    #[error("this machine trusts no authority: name the one that signed the server's certificate")]
    NoAuthority,
    /// A file that the address names cannot be used.
    #[error("`{}` cannot be used: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// Nobody listens there, or the way is closed.
    #[error("the database server at `{host}` cannot be reached")]
    Unreachable {
        /// Where it was sought.
        host: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("the database server at `{host}` did not answer within {waited:?}")]
    Slow {
        /// Where it was sought.
        host: String,
        /// How long.
        waited: Duration,
    },
    /// Somebody answered who may be another.
    #[error("no trusted connection to the database server at `{host}`: {why}")]
    Untrusted {
        /// Where it was sought.
        host: String,
        /// Why, and what to do.
        why: Distrust,
    },
}
