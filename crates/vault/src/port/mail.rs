//! Mail to people about their data: what the vault has them told, and what became of it. Of a person it holds their address alone.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::Zeroizing;

use crate::subject_request::Language;
use crate::{GrantRequestId, SubjectRequestId};

/// What a link to log in with carries: whoever has it and the cookie of the browser that asked can log in once.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginLink(pub Zeroizing<String>);

impl std::fmt::Debug for LoginLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginLink").finish_non_exhaustive()
    }
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailNotice {
    /// The copy that the person asked for is ready.
    CopyReady {
        /// Their request.
        request: SubjectRequestId,
        /// The last whole day (UTC) on which the file is there.
        until: Date,
    },
    /// A link that logs the person in to their own pages.
    LoginLink {
        /// Which one it is; nothing secret.
        attempt: String,
        /// What it carries.
        link: LoginLink,
    },
    /// Somebody of the staff asks the person for leave to look at some of their data.
    LookAsked {
        /// What asks them.
        request: GrantRequestId,
    },
}

impl MailNotice {
    /// Its stable name, as entries have it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::CopyReady { .. } => "copy_ready",
            Self::LookAsked { .. } => "look_asked",
            Self::LoginLink { .. } => "login_link",
        }
    }

    /// Which mail it is: of the same name, it is the same mail once more. Nothing in it is a person's.
    pub fn name(&self) -> String {
        match self {
            Self::CopyReady { request, .. } => format!("copy-{request}"),
            Self::LookAsked { request } => format!("look-{request}"),
            Self::LoginLink { attempt, .. } => format!("login-{attempt}"),
        }
    }
}

/// A mail to one person.
pub struct PersonMail<'a> {
    /// Whom it is for.
    pub to: &'a Zeroizing<String>,
    /// When it was decided on: the same each time it is sent.
    pub date: Timestamp,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub notice: &'a MailNotice,
}

impl std::fmt::Debug for PersonMail<'_> {
    // Whom it is for is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PersonMail")
            .field("notice", &self.notice)
            .finish_non_exhaustive()
    }
}

/// Why a mail was not sent. The texts are for the operator's log, and say nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No mail gets through at all: the mail server is away, or does not take ours. Others need not be tried now.
    #[error("{why}")]
    Unavailable {
        /// Why.
        why: String,
        /// How long to wait at least.
        after: Duration,
    },
    /// This one did not get through this time. The mail server may have taken it all the same, if its answer was lost.
    #[error("{why}")]
    Deferred {
        /// Why.
        why: String,
        /// How long to wait at least.
        after: Duration,
    },
    /// The mail server will not take it for this address, or what is held is none.
    #[error("{0}")]
    Refused(String),
}

/// Sends mail to people. It keeps nothing and tries nothing again.
#[async_trait]
pub trait MailToPeople: Send + Sync {
    /// Sends one mail. Of the same notice it bears the same Message-ID, so that who gets it twice sees it once. It ends within
    /// a time of its own.
    async fn send(&self, mail: &PersonMail<'_>) -> Result<(), MailError>;
}
