//! The listening side: accepts clients within limits, logs them in, hands them to their source.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use privet_vault::Vault;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cancel::Cancels;
use crate::error::Error;
use crate::fault::Fault;
use crate::forward::Forward;
use crate::frame::Caps;
use crate::local::Local;
use crate::session::{Opened, Session, stopped};
use crate::startup::{Accepted, Authenticated, Greeted, Refused, Terms};
use crate::stream::Patience;
use crate::threads::Threads;
use crate::tls::Tls;

/// What the operator decides about the SQL door.
#[derive(Debug, Clone)]
pub struct Config {
    /// The certificate; without one only loopback addresses are served.
    pub tls: Option<Tls>,
    /// Whether clients must use TLS even on loopback.
    pub tls_required: bool,
    /// Threads that serve clients; each client stays on one. The rest of the machine is for what answers them.
    pub threads: usize,
    /// Logged-in clients at a time.
    pub connections_max: usize,
    /// Clients that are logging in at a time; more wait in the system's queue.
    pub logins_max: usize,
    /// How long a login may take.
    pub login_timeout: Duration,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
    /// How long one message may take to arrive.
    pub message_timeout: Duration,
    /// How long a client may take to accept what it asked for.
    pub write_timeout: Duration,
    /// How long clients have when the server stops.
    pub grace: Duration,
    /// The longest statement in bytes.
    pub statement_bytes_max: usize,
    /// The longest set of parameters in bytes.
    pub parameters_bytes_max: usize,
    /// Whether statements that this door is not for (programs and files of the database server, its roles) are refused
    /// with words that help, before the server refuses them in its own. No safety rests on it.
    pub refuses_early: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tls: None,
            tls_required: false,
            threads: std::thread::available_parallelism()
                .map_or(1, |cores| cores.get().div_ceil(2)),
            connections_max: 100,
            logins_max: 50,
            login_timeout: Duration::from_secs(10),
            // A little more than a justification's own idle time, so that the client is told by its mode first.
            idle_timeout: Duration::from_secs(35 * 60),
            message_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            statement_bytes_max: 1 << 20,
            parameters_bytes_max: 16 << 20,
            refuses_early: true,
        }
    }
}

struct Door {
    config: Config,
    tls_required: bool,
    vault: Vault,
    cancels: Cancels,
    connections: Semaphore,
    stopping: watch::Receiver<bool>,
}

/// Serves PostgreSQL clients on `listener` until `shutdown` is done; then tells them and lets go of them.
///
/// # Errors
/// [`Error::TlsRequired`] for an address that is not loopback without TLS, [`Error::Listen`] when the socket fails.
pub async fn serve(
    config: Config,
    vault: Vault,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let address = listener.local_addr().map_err(Error::Listen)?;
    let tls_required = config.tls_required || !address.ip().is_loopback();
    if tls_required && config.tls.is_none() {
        return Err(Error::TlsRequired);
    }
    let (stop, stopping) = watch::channel(false);
    let grace = config.grace;
    let logins = Arc::new(Semaphore::new(config.logins_max));
    let door = Arc::new(Door {
        connections: Semaphore::new(config.connections_max),
        cancels: Cancels::default(),
        config,
        tls_required,
        vault,
        stopping,
    });
    let mut threads = Threads::start(door.config.threads)?;
    let mut clients = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = clients.join_next() => continue,
            accepted = accept(&listener, &logins) => accepted,
        };
        let (socket, peer, login) = accepted?;
        // It belongs to the runtime of its thread from here on.
        let socket = socket.into_std().map_err(Error::Listen)?;
        let door = Arc::clone(&door);
        threads.spawn(&mut clients, async move {
            match TcpStream::from_std(socket) {
                Ok(socket) => door.client(socket, peer, login).await,
                Err(error) => tracing::warn!(%error, "a client could not be served"),
            }
        });
    }
    // Nobody is there to hear it when there are no clients.
    let _ = stop.send(true);
    let all = async { while clients.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_err() {
        tracing::warn!("clients did not end in time");
        clients.shutdown().await;
    }
    Ok(())
}

type LoginPermit = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    listener: &TcpListener,
    logins: &Arc<Semaphore>,
) -> Result<(TcpStream, SocketAddr, LoginPermit), Error> {
    let Ok(login) = Arc::clone(logins).acquire_owned().await else {
        // INVARIANT: the semaphore is never closed.
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => return Ok((socket, peer, login)),
            // The client went before it was accepted, or descriptors are short for a moment.
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "a client could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(Error::Listen(error)),
        }
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    matches!(
        error.kind(),
        std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::Interrupted
    ) || error
        .raw_os_error()
        .is_some_and(|code| TOO_MANY_FILES.contains(&code))
}

impl Door {
    async fn client(&self, socket: TcpStream, peer: SocketAddr, login: LoginPermit) {
        // Answers are small and waited for.
        let _ = socket.set_nodelay(true);
        let mut stopping = self.stopping.clone();
        let logged_in = tokio::select! {
            done = timeout(self.config.login_timeout, self.login(socket, peer)) => done,
            () = stopped(&mut stopping) => return,
        };
        drop(login);
        match logged_in {
            Ok(Ok(Some(client))) => self.serve_client(client).await,
            Ok(Ok(None)) => {}
            Ok(Err(refused)) => refused.tell().await,
            Err(_) => tracing::debug!("a client was too slow to log in"),
        }
    }

    /// A client that proved who it is; `None` for a cancel request, which is done then.
    async fn login(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
    ) -> Result<Option<Authenticated>, Box<Refused>> {
        let terms = Terms {
            tls: self.config.tls.as_ref(),
            tls_required: self.tls_required,
            caps: Caps {
                statement: self.config.statement_bytes_max,
                bind: self.config.parameters_bytes_max,
            },
            patience: Patience {
                idle: self.config.idle_timeout,
                message: self.config.message_timeout,
                write: self.config.write_timeout,
            },
        };
        match Accepted(socket).greet(terms).await? {
            Greeted::Cancel { process, secret } => {
                self.cancels.request(process, &secret).await;
                Ok(None)
            }
            Greeted::Login(login) => {
                let client = login.authenticate(&self.vault, &address(peer.ip())).await;
                client.map(Some)
            }
        }
    }

    async fn serve_client(&self, client: Authenticated) {
        let Ok(_connection) = self.connections.try_acquire() else {
            let fault = Fault::fatal("53300", "sorry, too many clients already");
            client.into_parts().0.end(Some(&fault)).await;
            return;
        };
        let session =
            Session::open(client, &self.vault, &self.cancels, self.stopping.clone()).await;
        match session {
            Ok(Opened::Local(session)) => Local::new(session).serve().await,
            Ok(Opened::Forwarded(session, upstream, settings)) => {
                let early = self.config.refuses_early;
                match Forward::new(session, upstream, settings, early) {
                    Some(forward) => forward.serve().await,
                    None => tracing::error!("no randomness"),
                }
            }
            Err(refused) => refused.tell().await,
        }
    }
}

/// The client's address without its port; an IPv4 address looks the same on a socket of either kind.
fn address(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}
