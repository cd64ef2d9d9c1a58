//! From an accepted socket to a client that proved who it is, one type per stage: [`Accepted`], [`Login`],
//! [`Authenticated`]. Only this module makes them and only the last can be served, so an unauthenticated connection
//! cannot be represented in the code that serves statements.

mod parameters;

use bytes::Bytes;
use privet_vault::{Caller, Error as VaultError, Vault};
use tokio::net::TcpStream;

pub(crate) use parameters::Parameters;

use crate::fault::Fault;
use crate::frame::{Caps, First, decode_first};
use crate::scram::{Binding, ClientFirst, NONCE_BYTES, ScramError, Verifier};
use crate::stream::{End, Patience, Socket, Wire};
use crate::tls::{ALPN, Tls};

/// The newest minor protocol version spoken; the major one is 3. There is no 3.1 (PostgreSQL 18, section 54.1).
const MINOR_MAX: u16 = 2;

/// What a connection must be like before it may log in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// The certificate, if TLS is offered.
    pub(crate) tls: Option<&'a Tls>,
    /// Whether TLS may be declined.
    pub(crate) tls_required: bool,
    /// Bounds of frames after login.
    pub(crate) caps: Caps,
    /// Bounds of time after login.
    pub(crate) patience: Patience,
}

/// A socket of which nothing is known yet.
pub(crate) struct Accepted(pub(crate) TcpStream);

/// What the first messages asked for.
pub(crate) enum Greeted {
    /// To stop what another connection runs; there is no answer to it.
    Cancel {
        /// Which.
        process: u32,
        /// The secret it was given.
        secret: Bytes,
    },
    /// To log in.
    Login(Box<Login>),
}

/// A connection that did not get so far, with what is left of it.
pub(crate) struct Refused {
    /// To tell the client, if it can be told.
    pub(crate) wire: Option<Wire>,
    /// Why.
    pub(crate) end: End,
}

impl Refused {
    pub(crate) fn new(wire: Option<Wire>, end: End) -> Box<Self> {
        Box::new(Self { wire, end })
    }

    /// Tells the client, as far as it can be told.
    pub(crate) async fn tell(self) {
        match (self.wire, self.end) {
            (Some(wire), End::Told(fault)) => {
                tracing::info!(code = fault.code, "a connection was refused");
                wire.end(Some(&fault)).await;
            }
            _ => tracing::debug!("a client went away before it was served"),
        }
    }

    /// With something to tell.
    pub(crate) fn told(wire: Wire, fault: Fault) -> Box<Self> {
        Self::new(Some(wire), End::Told(fault))
    }
}

/// A connection that wants to log in.
pub(crate) struct Login {
    wire: Wire,
    parameters: Parameters,
    minor: u16,
    binding: Binding,
}

/// A client that proved who it is.
pub(crate) struct Authenticated {
    wire: Wire,
    parameters: Parameters,
    minor: u16,
    caller: Caller,
}

impl Accepted {
    /// Reads the first messages, with TLS if it is asked for.
    pub(crate) async fn greet(self, terms: Terms<'_>) -> Result<Greeted, Box<Refused>> {
        let mut peeked = [0];
        // A TLS client that does not ask first sends a handshake record (RFC 8446 section 5.1), whose type no length
        // field of a start-up message begins with.
        let direct = matches!(self.0.peek(&mut peeked).await, Ok(1) if peeked == [0x16]);
        let plain = |socket| Wire::new(Socket::Plain(socket), terms.caps, terms.patience);
        let (mut wire, mut secured) = match (direct, terms.tls) {
            (false, _) => (plain(self.0), false),
            (true, Some(tls)) => (handshake(self.0, tls, terms, true).await?, true),
            (true, None) => return Err(Refused::new(None, End::Gone)),
        };
        // Each request is answered once: GSS, TLS, then the start-up itself.
        for _ in 0..3 {
            let first = match wire.first().await {
                Ok(body) => decode_first(&body).map_err(End::from),
                Err(end) => Err(end),
            };
            match first {
                Ok(First::Tls) if !secured => match terms.tls {
                    Some(tls) => {
                        wire.out.byte(b'S');
                        if let Err(end) = wire.flush().await {
                            return Err(Refused::new(Some(wire), end));
                        }
                        let socket = wire
                            .into_plain_socket()
                            .map_err(|end| Refused::new(None, end))?;
                        wire = handshake(socket, tls, terms, false).await?;
                        secured = true;
                    }
                    None => wire.out.byte(b'N'),
                },
                // pgjdbc takes an error here for a server that knows no GSS and reconnects; `N` goes on.
                Ok(First::Gss) => wire.out.byte(b'N'),
                Ok(First::Cancel { process, secret }) => {
                    return Ok(Greeted::Cancel { process, secret });
                }
                Ok(First::Startup { minor, parameters }) => {
                    let end_point = terms
                        .tls
                        .filter(|_| secured)
                        .and_then(|tls| tls.end_point.clone());
                    return login(
                        wire,
                        minor,
                        parameters,
                        secured || !terms.tls_required,
                        end_point,
                    );
                }
                Ok(First::OtherVersion) => {
                    let fault =
                        Fault::fatal("0A000", "unsupported frontend protocol: use version 3");
                    return Err(Refused::told(wire, fault));
                }
                Ok(First::Tls) => {
                    let fault = Fault::fatal("08P01", "TLS inside TLS");
                    return Err(Refused::told(wire, fault));
                }
                Err(end) => return Err(Refused::new(Some(wire), end)),
            }
        }
        let fault = Fault::fatal("08P01", "the start-up message is missing");
        Err(Refused::told(wire, fault))
    }
}

async fn handshake(
    socket: TcpStream,
    tls: &Tls,
    terms: Terms<'_>,
    direct: bool,
) -> Result<Wire, Box<Refused>> {
    let accepted = tls.acceptor.accept(socket).await;
    let stream = accepted.map_err(|_| Refused::new(None, End::Gone))?;
    // PostgreSQL 17, section 54.2.11: direct TLS without ALPN is refused, against cross-protocol attacks.
    let named = stream.get_ref().1.alpn_protocol() == Some(ALPN);
    if direct && !named {
        return Err(Refused::new(None, End::Gone));
    }
    Ok(Wire::new(
        Socket::Tls(Box::new(stream)),
        terms.caps,
        terms.patience,
    ))
}

fn login(
    wire: Wire,
    minor: u16,
    parameters: Vec<(String, String)>,
    secure: bool,
    end_point: Option<Vec<u8>>,
) -> Result<Greeted, Box<Refused>> {
    if !secure {
        let fault = Fault::fatal("28000", "this address accepts encrypted connections only");
        let fault = fault.hint("connect with sslmode=require or stronger");
        return Err(Refused::told(wire, fault));
    }
    match Parameters::read(parameters) {
        Ok(parameters) => {
            let binding = Binding::end_point(end_point);
            Ok(Greeted::Login(Box::new(Login {
                wire,
                parameters,
                minor,
                binding,
            })))
        }
        Err(fault) => Err(Refused::told(wire, fault)),
    }
}

impl Login {
    /// Runs the SCRAM conversation against the vault's verifier for the user.
    pub(crate) async fn authenticate(
        mut self,
        vault: &Vault,
        address: &str,
    ) -> Result<Authenticated, Box<Refused>> {
        match self.converse(vault, address).await {
            Ok(caller) => {
                let Self {
                    wire,
                    parameters,
                    minor,
                    ..
                } = self;
                Ok(Authenticated {
                    wire,
                    parameters,
                    minor,
                    caller,
                })
            }
            Err(end) => Err(Refused::new(Some(self.wire), end)),
        }
    }

    async fn converse(&mut self, vault: &Vault, address: &str) -> Result<Caller, End> {
        let unknown = self.parameters.unknown_protocol_options();
        if self.minor > MINOR_MAX || !unknown.is_empty() {
            self.wire
                .out
                .negotiate_protocol_version(self.minor.min(MINOR_MAX), &unknown);
        }
        let lookup = vault
            .scram_lookup(&self.parameters.user)
            .await
            .map_err(|error| unready(&error))?;
        let verifier = lookup.verifier();
        let verifier = Verifier {
            salt: verifier.salt.to_vec(),
            iterations: verifier.iterations,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
        };
        self.wire.out.authentication_sasl(self.binding.mechanisms());
        let first =
            ClientFirst::parse(&self.wire.login().await?, &self.binding).map_err(refused)?;
        let mut nonce = [0; NONCE_BYTES];
        aws_lc_rs::rand::fill(&mut nonce)
            .map_err(|_| End::Told(Fault::fatal("58000", "no randomness")))?;
        let (server_first, challenge) = first.challenge(verifier, &nonce);
        self.wire.out.authentication_sasl_step(false, &server_first);
        let server_final = challenge
            .verify(&self.wire.login().await?)
            .map_err(refused)?;
        let caller = match vault.scram_authenticated(lookup, address) {
            Ok(caller) => caller,
            Err(VaultError::Unauthenticated) => return Err(refused(ScramError::Proof)),
            Err(error) => return Err(unready(&error)),
        };
        self.wire.out.authentication_sasl_step(true, &server_final);
        self.wire.out.authentication_ok();
        Ok(caller)
    }
}

fn refused(error: ScramError) -> End {
    let fault = match error {
        // A wrong token, an unknown user, a revoked or expired token: deliberately one case.
        ScramError::Proof => Fault::fatal("28P01", "authentication failed: the user or the token is not valid here")
            .hint("the user is your name (or name+tokenid), the password is a token: `privet token issue`"),
        ScramError::Binding => Fault::fatal("28000", error.to_string()),
        ScramError::Malformed | ScramError::Mechanism => Fault::fatal("08P01", error.to_string()),
    };
    End::Told(fault)
}

/// The login cannot be decided now, which is a refusal.
fn unready(error: &VaultError) -> End {
    tracing::error!(%error, "a login could not be decided");
    End::Told(Fault::fatal("57P03", "the server cannot accept logins now"))
}

impl Authenticated {
    /// What serving needs.
    pub(crate) fn into_parts(self) -> (Wire, Parameters, u16, Caller) {
        (
            self.wire,
            self.parameters,
            self.minor.min(MINOR_MAX),
            self.caller,
        )
    }
}
