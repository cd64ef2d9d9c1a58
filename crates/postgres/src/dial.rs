//! A connection for who speaks the protocol itself: connected, encrypted where the address says so, nothing more.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::config::SslNegotiation;

use crate::{Address, Distrust, Encrypted, Error, Host};

/// `SSLRequest`: its length, and the code that is no version (PostgreSQL's protocol, message formats).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

impl Address {
    /// Connects to the first host that answers; each gets an equal share of `wait`. Whether it takes writes is for the
    /// caller to ask.
    ///
    /// # Errors
    /// That of the last host.
    pub async fn dial(&self, wait: Duration) -> Result<Stream, Error> {
        let hosts = self.hosts();
        let share = wait / u32::try_from(hosts.len()).unwrap_or(u32::MAX).max(1);
        let mut last = Error::Address("it names no host".to_owned());
        for host in hosts {
            match self.dial_host(host, share).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Connects to one host: one of [`Address::hosts`], or [`Stream::host`] to reach that very server again, as a
    /// cancel request must.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Slow`], and [`Error::Untrusted`] before anything but the wish for TLS was sent.
    pub async fn dial_host(&self, host: &Host, wait: Duration) -> Result<Stream, Error> {
        let shown = host.to_string();
        match timeout(wait, self.connect(host)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(Failure::Untrusted(why))) => Err(Error::Untrusted { host: shown, why }),
            Ok(Err(Failure::Io(source))) => Err(match Distrust::of(&source) {
                Some(why) => Error::Untrusted { host: shown, why },
                None => Error::Unreachable {
                    host: shown,
                    source,
                },
            }),
            Err(_) => Err(Error::Slow {
                host: shown,
                waited: wait,
            }),
        }
    }

    async fn connect(&self, host: &Host) -> Result<Stream, Failure> {
        match host {
            Host::Unix { folder, port } => {
                let stream = UnixStream::connect(Host::socket(folder, *port)).await?;
                Ok(Stream {
                    transport: Transport::Unix(stream),
                    host: host.clone(),
                })
            }
            Host::Tcp {
                name,
                address,
                port,
            } => {
                let stream = match address {
                    Some(address) => TcpStream::connect((*address, *port)).await?,
                    None => TcpStream::connect((name.as_str(), *port)).await?,
                };
                watch_over(&stream, self.bare())?;
                let host = Host::Tcp {
                    name: name.clone(),
                    address: Some(stream.peer_addr()?.ip()),
                    port: *port,
                };
                let transport = match self.is_encrypted() {
                    false => Transport::Tcp(stream),
                    true => Transport::Tls(Box::new(self.encrypt(name, stream).await?)),
                };
                Ok(Stream { transport, host })
            }
        }
    }

    async fn encrypt(
        &self,
        name: &str,
        mut stream: TcpStream,
    ) -> Result<Encrypted<TcpStream>, Failure> {
        if self.bare().get_ssl_negotiation() == SslNegotiation::Postgres {
            stream.write_all(&SSL_REQUEST).await?;
            // Exactly one byte is read: whatever else somebody put behind it in clear goes into the handshake, which
            // fails on it, and never counts as said by the server (CVE-2021-23222).
            let mut answer = [0];
            stream.read_exact(&mut answer).await?;
            // `N` is no; an error's text comes from nobody who is known yet and is not read (CVE-2024-10977).
            if answer != *b"S" {
                return Err(Failure::Untrusted(Distrust::Plain));
            }
        }
        Ok(self.tls().encrypt(name, stream).await?)
    }
}

/// A server that is gone must not be waited for: probes while idle, a bound on what is not acknowledged.
fn watch_over(stream: &TcpStream, config: &Config) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if config.get_keepalives() {
        let mut probes = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            probes = probes.with_interval(interval);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            probes = probes.with_retries(retries);
        }
        socket.set_tcp_keepalive(&probes)?;
    }
    Ok(())
}

enum Failure {
    Io(io::Error),
    Untrusted(Distrust),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A connection to a server, before its first message.
#[derive(Debug)]
pub struct Stream {
    transport: Transport,
    host: Host,
}

#[derive(Debug)]
enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Encrypted<TcpStream>>),
}

impl Stream {
    /// What SCRAM-SHA-256-PLUS binds to: the `tls-server-end-point` of the server's certificate (RFC 5929 section 4.1).
    /// `None` without TLS, and where the certificate's signature names no hash.
    pub fn end_point(&self) -> Option<&[u8]> {
        match &self.transport {
            Transport::Tls(stream) => stream.end_point(),
            Transport::Tcp(_) | Transport::Unix(_) => None,
        }
    }

    /// Whether it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.transport, Transport::Tls(_))
    }

    /// The server that it leads to, by its address.
    pub fn host(&self) -> &Host {
        &self.host
    }

    fn reader(&mut self) -> Pin<&mut (dyn AsyncRead + Unpin)> {
        Pin::new(match &mut self.transport {
            Transport::Tcp(stream) => stream,
            Transport::Unix(stream) => stream,
            Transport::Tls(stream) => stream.as_mut(),
        })
    }

    fn writer(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        Pin::new(match &mut self.transport {
            Transport::Tcp(stream) => stream,
            Transport::Unix(stream) => stream,
            Transport::Tls(stream) => stream.as_mut(),
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reader().poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writer().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writer().poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        // All three can.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_shutdown(context)
    }
}
