//! Why the SQL door does not open at all. What a connected client is told is a [`Fault`](crate::fault::Fault).

/// Why the gateway cannot be set up or serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate and key do not make a TLS server.
    #[error("the certificate and key cannot be used for TLS")]
    Tls(#[source] rustls::Error),
    /// Clients from other machines must use TLS.
    #[error(
        "an address that is not loopback needs TLS: configure a certificate, or listen on 127.0.0.1"
    )]
    TlsRequired,
    /// The listening socket failed.
    #[error("the listening socket failed")]
    Listen(#[source] std::io::Error),
    /// The threads that serve clients could not be started.
    #[error("the threads that serve clients could not be started")]
    Threads(#[source] std::io::Error),
}
