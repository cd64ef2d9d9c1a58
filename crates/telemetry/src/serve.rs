//! The accept loop: connections in, HTTP/1.1 and HTTP/2 on one port, bounded in number, size and time; and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::intake::Intake;
use crate::limits::Limits;
use crate::routes::{ClientAddress, router};

/// How long the loop waits after the system refused a connection (mostly: too many open files).
const PAUSE: Duration = Duration::from_millis(100);
/// Requests at a time on one connection of HTTP/2.
const STREAMS_MAX: u32 = 64;
/// How often a silent connection of HTTP/2 is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(30);

/// Why the door cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Tokens would cross a network in the clear.
    #[error(
        "`{0}` is not a loopback address, so TLS is required: set a certificate and its key under `[telemetry.tls]`, or \
         listen on 127.0.0.1"
    )]
    TlsRequired(SocketAddr),
    /// The listener failed.
    #[error("the listener of the telemetry door failed")]
    Listener(#[from] std::io::Error),
}

/// Serves on `listener` until `shutdown` is true, then lets running requests end within the configured time.
///
/// # Errors
/// [`ServeError`]; a failing connection ends alone.
pub async fn serve(
    intake: Arc<Intake>,
    tls: Option<Arc<rustls::ServerConfig>>,
    listener: TcpListener,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if tls.is_none() && !address.ip().to_canonical().is_loopback() {
        return Err(ServeError::TlsRequired(address));
    }
    let limits = *intake.limits();
    let door = Arc::new(Door {
        tls: tls.map(TlsAcceptor::from),
        router: router(intake),
        limits,
    });
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let Ok((stream, peer, place)) = accepted else {
            tracing::warn!("the system refused a connection to the telemetry door");
            sleep(PAUSE).await;
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
    if timeout(limits.drain_time, drained).await.is_err() {
        tracing::warn!("telemetry requests that took too long were cut off at the end");
        connections.shutdown().await;
    }
    Ok(())
}

/// Takes a place first: a connection that nobody can serve stays in the system's backlog.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Result<(TcpStream, SocketAddr, OwnedSemaphorePermit), ()> {
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
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let address = ClientAddress(peer.ip().to_canonical().to_string().into());
        let began = Notify::new();
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            began.notify_one();
            request.extensions_mut().insert(address.clone());
            self.router.clone().call(request.map(Body::new))
        });
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_time)
            .half_close(false);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(self.limits.head_time)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(16 * 1024);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        // What goes wrong on a connection has been answered by hyper where it can be, and there is nothing to do about it here.
        tokio::select! {
            _ = connection.as_mut() => return,
            // Until it is known which protocol is spoken, no other limit of time runs.
            () = silence(&began, self.limits.head_time) => return,
            () = sleep(self.limits.connection_time) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        connection.as_mut().graceful_shutdown();
        // No request takes longer, so that whatever is left then is a client that does not let go.
        let _ = timeout(self.limits.request_time + self.limits.head_time, connection).await;
    }
}

/// Ends when no request began in time, and never once one did.
async fn silence(began: &Notify, patience: Duration) {
    if timeout(patience, began.notified()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}
