//! How sending ended.

use std::fmt;
use std::time::Duration;

/// How sending a mail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server took it.
    Sent,
    /// It did not, this time: try again after [`Failure::retry_after`], with the same Message-ID. It may have taken the mail
    /// all the same, when its answer was lost.
    Deferred(Failure),
    /// It will not take this mail for this address: trying again is of no use.
    Refused(Failure),
}

/// Why a mail was not sent: where it stopped, and at what. It names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// How far it came.
    pub stage: Stage,
    /// What it stopped at.
    pub cause: Cause,
}

/// How far sending came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The mail was not put together.
    Compose,
    /// The mail server was not reached, or did not greet.
    Connect,
    /// The connection was not encrypted: no TLS, or a certificate that does not hold.
    Encrypt,
    /// The mail server did not take our name and password.
    Login,
    /// It does not send mail from our address.
    Sender,
    /// It does not take mail for the recipient.
    Recipient,
    /// It did not take the mail, or its answer was lost.
    Content,
}

/// What sending stopped at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The mail server said so: its reply code (RFC 5321, section 4.2).
    Reply(u16),
    /// It took too long.
    Timeout,
    /// The connection failed or ended.
    Connection,
    /// The mail server cannot do what this mail needs.
    Unsupported,
    /// What it said cannot be understood.
    Malformed,
}

impl Outcome {
    /// Replies beyond 500 are final when they are about this recipient or this mail. About everything else an operator can do
    /// something, and a person's mail must not be lost over a password that expired.
    pub(crate) fn of(failure: Failure) -> Self {
        let is_about_mail = matches!(failure.stage, Stage::Recipient | Stage::Content);
        match failure.cause {
            Cause::Reply(code) if is_about_mail && code >= 500 => Self::Refused(failure),
            Cause::Unsupported if is_about_mail => Self::Refused(failure),
            _ => Self::Deferred(failure),
        }
    }
}

impl Failure {
    /// How long to wait at least before the next attempt: greylists want minutes, operators hours.
    pub fn retry_after(&self) -> Duration {
        let minutes = match self.stage {
            Stage::Connect => 1,
            Stage::Recipient | Stage::Content => 10,
            Stage::Compose | Stage::Encrypt | Stage::Login | Stage::Sender => 60,
        };
        Duration::from_secs(60 * minutes)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::Compose => "the mail cannot be put together",
            Stage::Connect => "the mail server cannot be reached",
            Stage::Encrypt => "the connection to the mail server cannot be encrypted",
            Stage::Login => "the mail server refuses our login",
            Stage::Sender => "the mail server sends no mail from our address",
            Stage::Recipient => "the mail server takes no mail for the recipient",
            Stage::Content => "the mail server did not take the mail",
        })?;
        match self.cause {
            Cause::Reply(code) => write!(f, " (reply {code})"),
            Cause::Timeout => f.write_str(" (no answer in time)"),
            Cause::Connection => f.write_str(" (connection lost)"),
            Cause::Unsupported => f.write_str(" (it cannot do what is needed)"),
            Cause::Malformed => f.write_str(" (an answer that makes no sense)"),
        }
    }
}
