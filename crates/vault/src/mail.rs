//! Writing to people at the address that the data map marks as their contact. It is opened for each mail, with the entry that says so
//! durable before, and kept nowhere: a reveal of the server's own doing.

use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::Field;
use privet_seal::{FieldNumber, SealedRef, Zeroizing};

use crate::audit::{Actor, EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::port::{MailError, MailNotice, MailToPeople, PersonMail};
use crate::subject_request::Language;
use crate::{Error, Result, Vault};

/// Why a mail was not sent.
pub(crate) enum Unwritten {
    /// A store or the log failed, or there is nobody to write to any more.
    Vault(Error),
    /// No address of theirs is held.
    NoAddress,
    /// What the mail server made of it.
    Mail(MailError),
}

impl From<Error> for Unwritten {
    fn from(error: Error) -> Self {
        Self::Vault(error)
    }
}

impl Vault {
    /// States how mail is sent, once. Without it, or without a field that the data map marks as people's contact, nobody is written to.
    pub fn write_to_people(&self, mail: Arc<dyn MailToPeople>) {
        // A second one would be a mistake of the binary's; the first stays.
        let _ = self.inner.mail.set(mail);
    }

    /// Whether people are written to.
    pub(crate) fn writes_to_people(&self) -> bool {
        self.writing().is_some()
    }

    fn writing(&self) -> Option<(&Arc<dyn MailToPeople>, &Field)> {
        self.inner.mail.get().zip(self.inner.map.contact())
    }

    /// Writes to one person. That their address is opened for it is durable before it is.
    pub(crate) async fn write_to(
        &self,
        open: &Arc<OpenSubject>,
        notice: &MailNotice,
        date: Timestamp,
    ) -> Result<(), Unwritten> {
        let Some((mail, field)) = self.writing() else {
            return Err(Error::Internal("nobody is written to here").into());
        };
        let (puids, numbers) = ([open.row.puid], [field.number]);
        let sealed = self.inner.data.values(&puids, &numbers).await;
        let sealed = sealed.map_err(Error::from)?;
        let sealed = sealed.into_iter().flatten().next().flatten();
        let sealed = sealed.ok_or(Unwritten::NoAddress)?;
        let record =
            mail_record(EntryKind::MailSending, notice).subject(open.used(vec![field.number], 1));
        self.record_patiently(record).await?;
        // Whoever was erased while that was written is not written to.
        self.fresh()?;
        let references = [open.row.reference];
        let still = self.inner.keys.subjects_by_reference(&references).await;
        let still = still.map_err(Error::from)?;
        if still.into_iter().flatten().next().is_none() {
            return Err(Error::NotFound("subject").into());
        }
        let (now, named) = (self.now(), [sealed.as_slice()]);
        let open = self.inner.keyring.holding(open, named, now).await?;
        let to = address(&open, field, &sealed).ok_or(Unwritten::NoAddress)?;
        let letter = PersonMail {
            to: &to,
            date,
            language: self.mail_language(),
            notice,
        };
        mail.send(&letter).await.map_err(Unwritten::Mail)
    }

    /// That the mail server took it, on record. The mail is out whether or not that can be written.
    pub(crate) async fn written_to(&self, notice: &MailNotice) {
        let record = mail_record(EntryKind::MailSent, notice);
        if let Err(error) = self.record_patiently(record).await {
            tracing::warn!(%error, "that a mail was sent could not be put on record");
        }
    }

    /// That of people's copies.
    fn mail_language(&self) -> Language {
        let copies = self.inner.copies.get();
        copies.map_or(Language::English, |parts| parts.language)
    }
}

fn mail_record(kind: EntryKind, notice: &MailNotice) -> Record {
    let record = Record::new(kind, Actor::System).fact("notice", notice.as_str());
    match notice {
        MailNotice::CopyReady { request, .. } => record.fact("request", request.to_string()),
        MailNotice::LookAsked { request } => record.fact("request", request.to_string()),
        MailNotice::LoginLink { .. } => record,
    }
}

/// What was sealed of the field; nothing, where it does not open.
fn address(open: &OpenSubject, field: &Field, sealed: &[u8]) -> Option<Zeroizing<String>> {
    let sealed = SealedRef::parse(sealed).ok()?;
    let cipher = open.cipher(sealed.key_id())?;
    let opened = cipher.open(FieldNumber(field.number), &sealed).ok()?;
    Some(opened.as_text())
}
