//! Connections for clients of the SQL door: logged in under the role of their mode, checked, and handed over as a stream
//! of frames.

mod login;
mod role;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use privet_postgres::{Address, Host};
use privet_vault::port::{Canceller, RunMode, Upstream, UpstreamError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use login::LoggedIn;
pub(super) use role::Guard;
use talk::{Refusal, Talk};

/// How long connecting, logging in and checking may take together.
const WAIT: Duration = Duration::from_secs(10);

/// A connection under the role of `address`, if that role may do no more than `guard` allows in this mode.
pub(super) async fn connect(
    source: &str,
    address: &Arc<Address>,
    mode: RunMode,
    settings: &[(String, String)],
    guard: &Guard,
) -> Result<Upstream, UpstreamError> {
    let named = Named(source);
    let connecting = async {
        let stream = address
            .dial(WAIT)
            .await
            .map_err(|error| named.unreachable(&error))?;
        let host = stream.host().clone();
        let mut talk = Talk::new(stream);
        let logged_in = login::login(&mut talk, address, &startup(mode, settings)).await;
        let logged_in = logged_in.map_err(|refusal| named.refusal(refusal))?;
        let excess = role::excess(&mut talk, mode, guard).await;
        let excess = excess.map_err(|refusal| named.refusal(refusal))?;
        if !excess.is_empty() {
            return Err(UpstreamError::TooStrong {
                source_name: source.to_owned(),
                role: address.user().to_owned(),
                excess,
            });
        }
        Ok((talk, host, logged_in))
    };
    let (talk, host, LoggedIn { parameters, key }) =
        match tokio::time::timeout(WAIT, connecting).await {
            Ok(connected) => connected?,
            Err(_) => return Err(named.unreachable("it does not answer in time")),
        };
    let canceller = CancelRequest {
        address: Arc::clone(address),
        host,
        key,
    };
    Ok(Upstream {
        stream: Box::new(
            talk.into_stream()
                .ok_or_else(|| named.unreachable("it said more than it was asked"))?,
        ),
        parameters,
        canceller: Arc::new(canceller),
    })
}

/// What is set at the start: the client's wishes, and over them what must hold.
fn startup(mode: RunMode, settings: &[(String, String)]) -> Vec<(String, String)> {
    let mut startup = settings.to_vec();
    // Markers and sealed values are recognized in UTF-8; the door refuses other wishes before they get here.
    startup.push(("client_encoding".to_owned(), "UTF8".to_owned()));
    if mode == RunMode::ReadOnly {
        // The role cannot write anyway; so a client hears of it in the usual words.
        startup.push(("default_transaction_read_only".to_owned(), "on".to_owned()));
    }
    startup
}

/// Names the source in what goes wrong.
struct Named<'a>(&'a str);

impl Named<'_> {
    fn unreachable(&self, why: impl std::fmt::Display) -> UpstreamError {
        // Addresses are for the operator; the client is told what kind of thing it is.
        tracing::warn!(source = self.0, %why, "a database server cannot be reached");
        UpstreamError::Unreachable {
            source_name: self.0.to_owned(),
            why: "no connection, or it does not answer".to_owned(),
        }
    }

    fn refusal(&self, refusal: Refusal) -> UpstreamError {
        match refusal {
            Refusal::Said { code, message } => self.said(code, message),
            Refusal::Lost(why) => self.unreachable(why),
        }
    }

    fn said(&self, code: String, message: String) -> UpstreamError {
        let kind = match code.get(..2) {
            // Too many clients, starting up, shutting down.
            Some("53" | "57" | "08") => Kind::Unreachable,
            // Login, the database's name, and what a login needs and a person cannot change.
            Some("28" | "3D" | "0A" | "XX") => Kind::Refused,
            // A setting's value is the client's own and stays out of the log.
            _ => return UpstreamError::Setting { code, message },
        };
        tracing::warn!(
            source = self.0,
            code,
            message,
            "a database server refused a connection"
        );
        let source_name = self.0.to_owned();
        match kind {
            Kind::Unreachable => UpstreamError::Unreachable {
                source_name,
                why: message,
            },
            Kind::Refused => UpstreamError::Refused {
                source_name,
                why: "the server does not let its role in".to_owned(),
            },
        }
    }
}

/// What a server's refusal means for a client.
enum Kind {
    Unreachable,
    Refused,
}

/// A cancel request for one connection.
struct CancelRequest {
    address: Arc<Address>,
    host: Host,
    /// Process and secret, as the server gave them.
    key: (i32, i32),
}

#[async_trait]
impl Canceller for CancelRequest {
    async fn cancel(&self) {
        let cancelling = async {
            let mut stream = self.address.dial_host(&self.host, WAIT).await.ok()?;
            let mut request = bytes::BytesMut::new();
            postgres_protocol::message::frontend::cancel_request(
                self.key.0,
                self.key.1,
                &mut request,
            );
            stream.write_all(&request).await.ok()?;
            stream.flush().await.ok()?;
            // The server closes once it has passed the request on; it says nothing before.
            let mut said = [0; 1];
            stream.read(&mut said).await.ok()
        };
        if !matches!(tokio::time::timeout(WAIT, cancelling).await, Ok(Some(_))) {
            tracing::warn!("a cancel request did not reach the database server");
        }
    }
}
