//! The accept loop: connections in, bounded in number, size and time; and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use privet_vault::Vault;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::authenticated::ClientAddress;
use crate::{ApiConfig, Error, Limits, router, tls};

/// How long the loop waits after the system refused a connection (mostly: too many open files).
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the API on `listener` until `shutdown` is true, then lets running requests end within the configured time.
///
/// # Errors
/// [`Error::TlsRequired`] on an address that is not loopback without TLS; [`Error::Pem`] and [`Error::Certificate`]
/// when the certificate cannot be used. A failing connection ends alone.
pub async fn serve(
    config: ApiConfig,
    vault: Vault,
    listener: TcpListener,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), Error> {
    let address = listener.local_addr()?;
    if config.tls.is_none() && !address.ip().to_canonical().is_loopback() {
        return Err(Error::TlsRequired(address));
    }
    let door = Arc::new(Door {
        tls: config.tls.as_ref().map(tls::acceptor).transpose()?,
        router: router(vault, &config)?,
        limits: config.limits,
    });
    let places = Arc::new(Semaphore::new(config.limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let Ok((stream, peer, place)) = accepted else {
            tracing::warn!("the system refused a connection to the API");
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (door, shutdown) = (Arc::clone(&door), shutdown.clone());
        connections.spawn(async move {
            door.welcome(stream, peer, shutdown).await;
            drop(place);
        });
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(config.limits.drain_time, drained).await.is_err() {
        tracing::warn!("requests that took too long were cut off at the end");
        connections.shutdown().await;
    }
    Ok(())
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// Takes a place first: a connection that nobody can serve stays in the system's backlog.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Result<(TcpStream, SocketAddr, Place), ()> {
    let place = Arc::clone(places).acquire_owned().await.map_err(drop)?;
    let (stream, peer) = listener.accept().await.map_err(drop)?;
    Ok((stream, peer, place))
}

/// What every connection needs.
struct Door {
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
}

impl Door {
    async fn welcome(&self, stream: TcpStream, peer: SocketAddr, stop: watch::Receiver<bool>) {
        let _ = stream.set_nodelay(true);
        let stream = Stream::new(stream, self.limits.stall_time);
        let Some(tls) = &self.tls else {
            return self.converse(stream, peer, stop).await;
        };
        // A handshake that fails or dawdles is the client's affair, and a scanner's daily bread.
        if let Ok(Ok(stream)) = timeout(self.limits.head_time, tls.accept(stream)).await {
            self.converse(stream, peer, stop).await;
        }
    }

    async fn converse<S>(&self, stream: S, peer: SocketAddr, mut stop: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let address = ClientAddress::from(peer);
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(address.clone());
            self.router.clone().call(request.map(Body::new))
        });
        let limits = &self.limits;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_headers(limits.headers_max)
            .max_header_size(limits.header_bytes_max)
            .half_close(false);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        // What goes wrong on a connection (a client that left, a malformed head) has been answered by hyper where it
        // can be, and there is nothing to do about it here.
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

type Stream = crate::stall::Stalling<TcpStream>;
