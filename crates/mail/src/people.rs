//! The vault's port to mail: what it has people told becomes a mail, and what became of that mail an answer.

use async_trait::async_trait;
use privet_vault::port::{MailError, MailNotice, MailToPeople, PersonMail};
use zeroize::Zeroizing;

use crate::{Address, Cause, Failure, Mail, Mailer, MessageId, Notice, Outcome, Stage};

/// Where people's copies are, on their own pages.
const COPY_PATH: &str = "/me/copy";
/// Where it is what they are asked.
const ASKED_PATH: &str = "/me/asked";
/// Where a link to log in with is opened.
const LINK_PATH: &str = "/me/login/link";
/// Stands in Message-IDs where our own domain cannot (RFC 6761, section 6.4).
const NO_DOMAIN: &str = "privet.invalid";

/// Mail to people in a company's name, which leads to their own pages.
#[derive(Debug)]
pub struct PeopleMailer {
    mailer: Mailer,
    company: String,
    contact: String,
    pages: String,
}

impl PeopleMailer {
    /// Mail in this company's name, who can be reached at `contact`. `pages` is where people reach their own pages, without a path.
    #[must_use]
    pub fn new(mailer: Mailer, company: &str, contact: &str, pages: &str) -> Self {
        Self {
            mailer,
            company: company.to_owned(),
            contact: contact.to_owned(),
            pages: pages.trim_end_matches('/').to_owned(),
        }
    }

    /// The Message-ID of a mail of that name.
    fn id(&self, name: &str) -> Result<MessageId, crate::Error> {
        let domain = self.mailer.domain().to_ascii_lowercase();
        MessageId::new(name, &domain).or_else(|_| MessageId::new(name, NO_DOMAIN))
    }
}

#[async_trait]
impl MailToPeople for PeopleMailer {
    async fn send(&self, mail: &PersonMail<'_>) -> Result<(), MailError> {
        let to: Address = mail
            .to
            .parse()
            .map_err(|error: crate::Error| MailError::Refused(error.to_string()))?;
        let (notice, request) = match mail.notice {
            MailNotice::CopyReady { request, until } => {
                let link = format!("{}{COPY_PATH}", self.pages);
                let until = *until;
                (Notice::AccessReady { link, until }, request.to_string())
            }
            MailNotice::LookAsked { request } => {
                let link = format!("{}{ASKED_PATH}", self.pages);
                (Notice::LookAsked { link }, request.to_string())
            }
            MailNotice::LoginLink { attempt, link } => {
                let code = link.0.as_str();
                let link = format!("{}{LINK_PATH}?code={code}", self.pages);
                let link = Zeroizing::new(link);
                (Notice::LoginLink { link }, attempt.clone())
            }
        };
        let id = self.id(&mail.notice.name());
        let id = id.map_err(|error| MailError::Refused(error.to_string()))?;
        let mail = Mail {
            id: &id,
            date: mail.date,
            to: &to,
            language: mail.language.tag(),
            notice: &notice,
            company: &self.company,
            contact: &self.contact,
            request: &request,
        };
        answer(self.mailer.send(&mail).await)
    }
}

/// What a failure means for the other mails: whether it is about this one alone.
fn answer(outcome: Outcome) -> Result<(), MailError> {
    let deferred = |failure: Failure| {
        let (why, after) = (failure.to_string(), failure.retry_after());
        // Service is closing (RFC 5321, section 4.2.3): it says so to everybody.
        let is_closing = failure.cause == Cause::Reply(421);
        match failure.stage {
            Stage::Compose | Stage::Recipient | Stage::Content if !is_closing => {
                MailError::Deferred { why, after }
            }
            _ => MailError::Unavailable { why, after },
        }
    };
    match outcome {
        Outcome::Sent => Ok(()),
        Outcome::Deferred(failure) => Err(deferred(failure)),
        Outcome::Refused(failure) => Err(MailError::Refused(failure.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stage: Stage, cause: Cause) -> &'static str {
        match answer(Outcome::of(Failure { stage, cause })) {
            Ok(()) => "sent",
            Err(MailError::Unavailable { .. }) => "unavailable",
            Err(MailError::Deferred { .. }) => "deferred",
            Err(MailError::Refused(_)) => "refused",
        }
    }

    #[test]
    fn what_is_about_one_mail_holds_no_other_up() {
        for (stage, cause, expected) in [
            (Stage::Connect, Cause::Timeout, "unavailable"),
            (Stage::Encrypt, Cause::Connection, "unavailable"),
            (Stage::Login, Cause::Reply(535), "unavailable"),
            (Stage::Sender, Cause::Reply(553), "unavailable"),
            (Stage::Recipient, Cause::Reply(450), "deferred"),
            (Stage::Recipient, Cause::Timeout, "deferred"),
            (Stage::Recipient, Cause::Reply(421), "unavailable"),
            (Stage::Recipient, Cause::Reply(550), "refused"),
            (Stage::Content, Cause::Connection, "deferred"),
            (Stage::Content, Cause::Reply(554), "refused"),
        ] {
            assert_eq!(check(stage, cause), expected, "{stage:?} {cause:?}");
        }
    }
}
