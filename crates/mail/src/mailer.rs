//! Sending a mail to the mail server.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::iter;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use zeroize::Zeroizing;

use crate::templates::{Common, Texts, one_line};
use crate::{Address, Cause, Error, Failure, MessageId, Notice, Outcome, Stage, Templates};

/// How long to say good-bye: the mail is sent by then.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The mail server, and as whom we send.
#[derive(Debug)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port; without it, the one that goes with the encryption: 587, 465 or 25.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Name and password, where it asks for them.
    pub login: Option<Login>,
    /// The authorities that its certificate is checked with, PEM; without them, this machine's.
    pub authorities: Option<Vec<u8>>,
    /// The address that mail is from.
    pub from: Address,
    /// The name beside it.
    pub from_name: String,
    /// The longest that sending one mail may take.
    pub timeout: Duration,
}

/// How the connection to the mail server is encrypted. The server's name is checked in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte (RFC 8314).
    Tls,
    /// With STARTTLS (RFC 3207), before anything else is said; a server that does not offer it gets no mail.
    StartTls,
    /// Not at all: for a server on this machine alone.
    None,
}

/// Name and password for the mail server.
pub struct Login {
    /// The name.
    pub user: String,
    /// The password; wiped on drop.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// A mail to one person.
#[derive(Debug)]
pub struct Mail<'a> {
    /// Which one it is: the same each time it is sent.
    pub id: &'a MessageId,
    /// When it was decided on: the same each time, too.
    pub date: Timestamp,
    /// Whom it is for.
    pub to: &'a Address,
    /// The person's language, as `de`; one that has no texts gets English.
    pub language: &'a str,
    /// What it is about.
    pub notice: &'a Notice,
    /// Who holds the data: the data map's `[controller]`.
    pub company: &'a str,
    /// Where the company can be reached.
    pub contact: &'a str,
    /// The request's id.
    pub request: &'a str,
}

/// Sends mail through one server. Each mail has its own connection.
pub struct Mailer {
    server: Server,
    templates: Templates,
    tls: Option<TlsParameters>,
    hello: ClientId,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer over checked settings. It connects to nothing yet.
    ///
    /// # Errors
    /// Authorities that hold no certificate; a server elsewhere without encryption.
    pub fn new(server: Server, templates: Templates) -> Result<Self, Error> {
        let tls = match server.encryption {
            Encryption::None if !is_here(&server.host) => {
                let host = server.host.clone();
                return Err(Error::Unencrypted { host });
            }
            Encryption::None => None,
            Encryption::Tls | Encryption::StartTls => Some(tls(&server)?),
        };
        let hello = ClientId::Domain(server.from.0.domain().to_owned());
        Ok(Self {
            server,
            templates,
            tls,
            hello,
        })
    }

    /// The domain of the address that mail is from.
    pub(crate) fn domain(&self) -> &str {
        self.server.from.0.domain()
    }

    /// Sends a mail, in the time that the settings give it.
    pub async fn send(&self, mail: &Mail<'_>) -> Outcome {
        let Ok(message) = self.compose(mail) else {
            return Outcome::of(Failure {
                stage: Stage::Compose,
                cause: Cause::Malformed,
            });
        };
        let mut stage = Stage::Connect;
        let delivered = self.deliver(mail.to, &message, &mut stage);
        let delivered = tokio::time::timeout(self.server.timeout, delivered).await;
        match delivered {
            Ok(Ok(mut connection)) => {
                // It has the mail: how it takes leave changes nothing.
                let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await;
                Outcome::Sent
            }
            Ok(Err(cause)) => Outcome::of(Failure { stage, cause }),
            Err(_) => Outcome::of(Failure {
                stage,
                cause: Cause::Timeout,
            }),
        }
    }

    /// Hands the mail to the server, and notes how far it came.
    async fn deliver(
        &self,
        to: &Address,
        message: &[u8],
        stage: &mut Stage,
    ) -> Result<AsyncSmtpConnection, Cause> {
        let mut connection = self.connect(stage).await?;
        let mut options = Vec::new();
        if !AsRef::<str>::as_ref(&to.0).is_ascii() {
            *stage = Stage::Recipient;
            if !connection
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                return Err(Cause::Unsupported);
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        *stage = Stage::Sender;
        let from = Some(self.server.from.0.clone());
        connection
            .command(MailCommand::new(from, options))
            .await
            .map_err(cause)?;
        *stage = Stage::Recipient;
        connection
            .command(Rcpt::new(to.0.clone(), vec![]))
            .await
            .map_err(cause)?;
        *stage = Stage::Content;
        connection.command(Data).await.map_err(cause)?;
        connection.message(message).await.map_err(cause)?;
        Ok(connection)
    }

    /// Connects, encrypts and logs in.
    async fn connect(&self, stage: &mut Stage) -> Result<AsyncSmtpConnection, Cause> {
        let Server { host, port, .. } = &self.server;
        let (wrapped, default_port) = match self.server.encryption {
            Encryption::Tls => (self.tls.clone(), 465),
            Encryption::StartTls => (None, 587),
            Encryption::None => (None, 25),
        };
        let address = (host.as_str(), port.unwrap_or(default_port));
        let connected =
            AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, wrapped, None).await;
        let mut connection = connected.map_err(|error| {
            if is_of_tls(&error) {
                *stage = Stage::Encrypt;
            }
            cause(error)
        })?;
        if let (Encryption::StartTls, Some(tls)) = (self.server.encryption, &self.tls) {
            *stage = Stage::Encrypt;
            if !connection.can_starttls() {
                return Err(Cause::Unsupported);
            }
            connection
                .starttls(tls.clone(), &self.hello)
                .await
                .map_err(cause)?;
        }
        if let Some(Login { user, password }) = &self.server.login {
            *stage = Stage::Login;
            let credentials = Credentials::new(user.clone(), password.to_string());
            connection
                .auth(DEFAULT_MECHANISMS, &credentials)
                .await
                .map_err(cause)?;
        }
        Ok(connection)
    }

    /// The mail as it is sent (RFC 5322), all of it ASCII.
    fn compose(&self, mail: &Mail<'_>) -> Result<Vec<u8>, lettre::error::Error> {
        let common = Common {
            company: mail.company,
            contact: mail.contact,
            request: mail.request,
        };
        let texts = self.templates.fill(mail.notice, mail.language, common);
        // They were filled in once when they were read.
        let texts = texts.map_err(|_| lettre::error::Error::NonAsciiChars)?;
        let Texts {
            subject,
            text,
            html,
            language,
        } = texts;
        // The library does not survive control characters in a name.
        let name = one_line(&self.server.from_name);
        let name = Some(name).filter(|name| !name.is_empty());
        let from = Mailbox::new(name, self.server.from.0.clone());
        let builder = lettre::Message::builder()
            .from(from)
            .to(Mailbox::new(None, mail.to.0.clone()))
            .subject(subject)
            .date(SystemTime::from(mail.date))
            .message_id(Some(mail.id.as_str().to_owned()))
            .header(AutoSubmitted)
            .header(ContentLanguage(language));
        let message = match html {
            None => builder.singlepart(SinglePart::plain(text))?,
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html))?,
        };
        Ok(message.formatted())
    }
}

fn tls(server: &Server) -> Result<TlsParameters, Error> {
    let mut tls = TlsParameters::builder(server.host.clone());
    if let Some(authorities) = &server.authorities {
        let is_pem = authorities.windows(11).any(|bytes| bytes == b"-----BEGIN ");
        let certificates = Certificate::from_pem(authorities).ok().filter(|_| is_pem);
        tls = tls
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificates.ok_or(Error::Authorities)?);
    }
    tls.build_rustls().map_err(Error::Tls)
}

/// Whether a server is on this machine, by its address.
fn is_here(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What an error is, without the words of the server in it.
fn cause(error: lettre::transport::smtp::Error) -> Cause {
    if let Some(code) = error.status() {
        return Cause::Reply(code.into());
    }
    if error.is_client() {
        return Cause::Unsupported;
    }
    if error.is_response() && !has_io(&error) {
        // A server that goes away in the middle of an answer looks the same to the library.
        return match error.to_string().contains("incomplete response") {
            true => Cause::Connection,
            false => Cause::Malformed,
        };
    }
    if error.is_timeout() {
        return Cause::Timeout;
    }
    Cause::Connection
}

fn has_io(error: &lettre::transport::smtp::Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<io::Error>())
}

/// Whether encrypting failed, which the library calls a failed connection.
fn is_of_tls(error: &lettre::transport::smtp::Error) -> bool {
    let is_of_tls = |error: &(dyn std::error::Error + 'static)| {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<rustls::Error>())
    };
    error.is_tls() || iter::successors(error.source(), |&error| error.source()).any(is_of_tls)
}

/// Keeps answering machines from answering (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The language of the mail (RFC 3282).
#[derive(Clone)]
struct ContentLanguage(String);

impl Header for ContentLanguage {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}
