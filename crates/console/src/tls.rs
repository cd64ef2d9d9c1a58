//! TLS to the gateway: whom it trusts, which name it asks for, and what the login binds to (RFC 5929, RFC 7677).

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::Error;

/// The protocol's name in ALPN (PostgreSQL 17).
const ALPN: &[u8] = b"postgresql";

/// How the gateway is reached.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Without encryption: to this machine alone.
    Plain,
    /// With TLS.
    Tls {
        /// Whose certificates are trusted.
        trust: Trust,
        /// The name or address that the certificate must be for.
        name: String,
        /// The `tls-server-end-point` of a certificate in DER (RFC 5929 section 4.1), to which the login is bound;
        /// `None` where its signature names no hash.
        end_point: fn(&[u8]) -> Option<Vec<u8>>,
    },
}

/// Whose certificates are trusted.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Those in this PEM file, and what they signed; nothing else.
    File(PathBuf),
    /// The authorities that this machine trusts.
    System,
}

/// Whether a host is this machine, so that nobody listens on the way.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Makes TLS connections to one name.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    end_point: fn(&[u8]) -> Option<Vec<u8>>,
}

impl Tls {
    pub(crate) fn new(
        trust: &Trust,
        name: &str,
        end_point: fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        let server = ServerName::try_from(name.to_owned()).map_err(|_| Error::Tls {
            why: format!("`{name}` is no host name"),
        })?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Tls {
                why: error.to_string(),
            })?
            .with_root_certificates(roots(trust)?)
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name: server,
            end_point,
        })
    }
}

fn roots(trust: &Trust) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::File(path) => {
            let unusable = |why: String| Error::Tls {
                why: format!("`{}` cannot be trusted: {why}", path.display()),
            };
            let certificates = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| unusable(error.to_string()))?;
            for certificate in certificates {
                roots
                    .add(certificate)
                    .map_err(|error| unusable(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unusable("it holds no certificate".to_owned()));
            }
        }
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            let (trusted, _) = roots.add_parsable_certificates(found.certs);
            if trusted == 0 {
                return Err(Error::Tls {
                    why: "this machine trusts no authority: name the one that signed the gateway's certificate with \
                          --ca FILE"
                        .to_owned(),
                });
            }
        }
    }
    Ok(roots)
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Self;
    type Error = io::Error;

    // The name is the configured one: the host may be an address of the same machine.
    fn make_tls_connect(&mut self, _: &str) -> io::Result<Self> {
        Ok(self.clone())
    }
}

impl TlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let stream = self.connector.connect(self.name, socket).await?;
            let shown = stream.get_ref().1.peer_certificates();
            let end_point = shown
                .and_then(<[_]>::first)
                .and_then(|certificate| (self.end_point)(certificate));
            Ok(Encrypted { stream, end_point })
        })
    }
}

/// An encrypted connection, and what the login binds to.
pub(crate) struct Encrypted {
    stream: tokio_rustls::client::TlsStream<Socket>,
    end_point: Option<Vec<u8>>,
}

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        self.end_point
            .clone()
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What a failed handshake means for whoever connects to `name`; `None`: it was no handshake that failed.
pub(crate) fn explain(error: &tokio_postgres::Error, name: &str) -> Option<String> {
    let chain = std::iter::successors(std::error::Error::source(error), |error| error.source());
    for cause in chain {
        if let Some(rustls) = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return Some(explain_rustls(rustls, name));
        }
        if cause.to_string().contains("does not support TLS") {
            return Some(
                "it does not speak TLS: nothing was sent. Give it a certificate (`tls` under [gateway] in \
                 `privet.toml`)"
                    .to_owned(),
            );
        }
        if cause.to_string().contains("did not use channel binding") {
            return Some(
                "its certificate does not bind the login: give it one with an ECDSA P-256 or RSA key, signed with \
                 SHA-256"
                    .to_owned(),
            );
        }
    }
    None
}

fn explain_rustls(error: &rustls::Error, name: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!(
            "its certificate is not for `{name}`: connect to a name in it, or write that name as `tls.name` under \
             [gateway]"
        ),
        // The other is what an authority of the same name looks like.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => "nobody who is trusted signed its certificate: name who did with --ca FILE".to_owned(),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired: renew it".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn this_machine_is_told_from_others() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "10.0.0.1",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "::",
            "0.0.0.0",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
