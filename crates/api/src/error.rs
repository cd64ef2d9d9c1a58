//! Why the door does not open.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why [`serve`](crate::serve()) ends with a failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Tokens and values would cross a network in the clear.
    #[error(
        "`{0}` is not a loopback address, so TLS is required: set a certificate and its key under `[api.tls]`, \
         or listen on 127.0.0.1"
    )]
    TlsRequired(SocketAddr),
    /// A PEM file that cannot be read or holds nothing of its kind.
    #[error("cannot read `{}`: it should hold {expected} in PEM", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What the reader said; it repeats nothing of the file.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not belong together, or their kind is unknown.
    #[error("the certificate and the key under `[api.tls]` cannot be used")]
    Certificate(#[source] rustls::Error),
    /// The listener failed.
    #[error("the listener of the API failed")]
    Listener(#[from] std::io::Error),
    /// The metrics could not be registered: two of them have one name.
    #[error("the metrics cannot be set up")]
    Metrics(#[from] prometheus::Error),
    /// The description of the API could not be written.
    #[error("the API's description cannot be written")]
    Description(#[source] serde_json::Error),
}
