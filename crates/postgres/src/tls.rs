//! TLS to a server: whom we trust, which name its certificate must be for, who we are.

mod authority;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use self::authority::AnyName;
use crate::file;
use crate::{Error, end_point};

/// The protocol's name in ALPN (PostgreSQL 17).
const ALPN: &[u8] = b"postgresql";

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those in this PEM file, and what they signed; nothing else.
    File(PathBuf),
    /// The authorities that this machine trusts.
    System,
}

/// Which server of those that are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// The one whose certificate is for the name that was asked for.
    Checked,
    /// Any: who signed is all that counts.
    Any,
}

/// A client's own certificate chain and its key, PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes TLS connections, for `tokio-postgres` and for [`Address::dial`](crate::Address::dial). Cloning shares it.
#[derive(Clone)]
pub struct Tls {
    connector: Option<TlsConnector>,
    name: Option<ServerName<'static>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("used", &self.connector.is_some())
            .field("name", &self.name)
            .finish()
    }
}

impl Tls {
    /// TLS to the server of this name, whatever address it is reached at.
    ///
    /// # Errors
    /// [`Error::File`] when the trusted certificates cannot be read, [`Error::NoAuthority`] when this machine trusts
    /// nobody, [`Error::Name`] for what is no host name.
    pub fn to(name: &str, trust: &Trust) -> Result<Self, Error> {
        let mut tls = Self::new(trust, Name::Checked, None)?;
        tls.name =
            Some(ServerName::try_from(name.to_owned()).map_err(|_| Error::Name(name.to_owned()))?);
        Ok(tls)
    }

    /// Never TLS.
    pub(crate) fn none() -> Self {
        Self {
            connector: None,
            name: None,
        }
    }

    pub(crate) fn new(
        trust: &Trust,
        name: Name,
        identity: Option<&Identity>,
    ) -> Result<Self, Error> {
        let refused = |error: rustls::Error| Error::Address(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = Arc::new(roots(trust)?);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        let builder = match name {
            Name::Checked => builder.with_root_certificates(roots),
            Name::Any => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName::new(roots, provider))),
        };
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => builder
                .with_client_auth_cert(file::certificates(certificate)?, file::private_key(key)?)
                .map_err(|_| file::unusable(key, "it is not the key of the certificate"))?,
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            connector: Some(TlsConnector::from(Arc::new(config))),
            name: None,
        })
    }

    /// Encrypts a connection to `host`.
    pub(crate) async fn encrypt<S>(&self, host: &str, stream: S) -> io::Result<Encrypted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let connector = self
            .connector
            .as_ref()
            .ok_or_else(|| invalid("the address asks for no TLS".to_owned()))?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_| invalid(format!("`{host}` is no host name")))?,
        };
        let stream = connector.connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let end_point = shown
            .and_then(<[_]>::first)
            .and_then(|certificate| end_point(certificate));
        Ok(Encrypted { stream, end_point })
    }
}

fn roots(trust: &Trust) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::File(path) => {
            for certificate in file::certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| file::unusable(path, error.to_string()))?;
            }
        }
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            let (trusted, _) = roots.add_parsable_certificates(found.certs);
            if trusted == 0 {
                return Err(Error::NoAuthority);
            }
        }
    }
    Ok(roots)
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type TlsConnect = Connector;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Connector> {
        Ok(Connector {
            tls: self.clone(),
            host: host.to_owned(),
        })
    }
}

/// Makes one connection of `tokio-postgres`.
#[derive(Debug)]
pub struct Connector {
    tls: Tls,
    host: String,
}

impl<S> TlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.tls.encrypt(&self.host, stream).await })
    }
}

/// An encrypted connection, and what a login on it binds to.
#[derive(Debug)]
pub struct Encrypted<S> {
    stream: tokio_rustls::client::TlsStream<S>,
    end_point: Option<Vec<u8>>,
}

impl<S> Encrypted<S> {
    /// The `tls-server-end-point` of the server's certificate (RFC 5929 section 4.1); `None` where it has none.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.end_point
            .clone()
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
