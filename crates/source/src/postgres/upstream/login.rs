//! Logging in to a server: password, MD5, SCRAM-SHA-256 with and without channel binding, or by the certificate of the
//! connection alone.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use privet_postgres::Address;

use super::talk::{Refusal, Talk};

/// The most messages that a server may say before the first question.
const MESSAGES_MAX: usize = 1_000;

/// What the server said about itself and the connection.
pub(super) struct LoggedIn {
    /// ParameterStatus, in order.
    pub(super) parameters: Vec<(String, String)>,
    /// BackendKeyData.
    pub(super) key: (i32, i32),
}

/// Logs in, with `settings` set.
pub(super) async fn login(
    talk: &mut Talk,
    address: &Address,
    settings: &[(String, String)],
) -> Result<LoggedIn, Refusal> {
    let who = [("user", address.user()), ("database", address.database())];
    let settings = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mut message = BytesMut::new();
    frontend::startup_message(who.into_iter().chain(settings), &mut message)?;
    talk.send(&message).await?;
    authenticate(talk, address).await?;
    let mut logged_in = LoggedIn {
        parameters: Vec::new(),
        key: (0, 0),
    };
    for _ in 0..MESSAGES_MAX {
        match talk.hear().await? {
            Message::ParameterStatus(body) => {
                let parameter = (body.name()?.to_owned(), body.value()?.to_owned());
                logged_in.parameters.push(parameter);
            }
            Message::BackendKeyData(body) => {
                logged_in.key = (body.process_id(), body.secret_key());
            }
            Message::ReadyForQuery(_) => return Ok(logged_in),
            _ => break,
        }
    }
    Err(lost("the server does not get ready"))
}

async fn authenticate(talk: &mut Talk, address: &Address) -> Result<(), Refusal> {
    let password = address.password();
    let needed =
        || password.ok_or_else(|| lost("the server wants a password, and the address has none"));
    let mut message = BytesMut::new();
    match talk.hear().await? {
        Message::AuthenticationOk => return Ok(()),
        // The connection is encrypted, or does not leave this machine.
        Message::AuthenticationCleartextPassword => {
            frontend::password_message(needed()?, &mut message)?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(address.user().as_bytes(), needed()?, body.salt());
            frontend::password_message(hash.as_bytes(), &mut message)?;
        }
        Message::AuthenticationSasl(body) => {
            scram(talk, needed()?, &body, &mut message).await?;
        }
        _ => return Err(lost("the server wants a login that is not spoken here")),
    }
    talk.send(&message).await?;
    match talk.hear().await? {
        Message::AuthenticationOk => Ok(()),
        _ => Err(lost("the server does not finish the login")),
    }
}

/// RFC 5802 and 7677; bound to TLS where the server offers it. Leaves nothing to be sent.
async fn scram(
    talk: &mut Talk,
    password: &[u8],
    body: &AuthenticationSaslBody,
    message: &mut BytesMut,
) -> Result<(), Refusal> {
    let mut offered = Vec::new();
    let mut mechanisms = body.mechanisms();
    while let Some(mechanism) = mechanisms.next()? {
        offered.push(mechanism.to_owned());
    }
    let offers = |name: &str| offered.iter().any(|offered| offered == name);
    let (mechanism, binding) = match talk.end_point() {
        Some(end_point) if offers(SCRAM_SHA_256_PLUS) => (
            SCRAM_SHA_256_PLUS,
            ChannelBinding::tls_server_end_point(end_point.to_vec()),
        ),
        // We could, the server does not offer it: somebody between who took it away is found out by this.
        Some(_) if offers(SCRAM_SHA_256) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
        None if offers(SCRAM_SHA_256) => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        _ => return Err(lost("the server offers no login that is spoken here")),
    };
    let mut scram = ScramSha256::new(password, binding);
    frontend::sasl_initial_response(mechanism, scram.message(), message)?;
    talk.send(message).await?;
    message.clear();
    match talk.hear().await? {
        Message::AuthenticationSaslContinue(body) => scram.update(body.data())?,
        _ => return Err(lost("the server breaks the login off")),
    }
    frontend::sasl_response(scram.message(), message)?;
    talk.send(message).await?;
    message.clear();
    match talk.hear().await? {
        // It has to prove that it knows the password as well.
        Message::AuthenticationSaslFinal(body) => Ok(scram.finish(body.data())?),
        _ => Err(lost("the server breaks the login off")),
    }
}

fn lost(why: &str) -> Refusal {
    Refusal::Lost(why.to_owned())
}
