//! Reading what law keeps of somebody who left: their answers, the evidence of them, and a receipt of each, until the day that was
//! set when they left. It is the one way to it. Whoever asks says why, and is on record before anything is looked for, also when
//! there is nothing.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use privet_seal::Zeroizing;

use super::read::PastConsent;
use super::receipt::Said;
use super::sealed::ConsentKey;
use crate::audit::{EntryKind, Record};
use crate::policy::{Action, Decision};
use crate::receipt::{Receipt, ReceiptSubject};
use crate::session::check_reason;
use crate::{Caller, Error, Puid, Result, Vault};

/// Answers in one reading.
const EVENTS_MAX: u32 = 100;

/// Whose kept answers are to be read, and why.
pub struct KeptConsentOrder {
    /// The account, as the answer to its closing named it.
    pub puid: Puid,
    /// What it is for, as the reference of a claim; kept in the log's side record.
    pub reason: Zeroizing<String>,
    /// Answers with a number below this one; without it, the newest.
    pub before: Option<u64>,
}

impl std::fmt::Debug for KeptConsentOrder {
    // A reason may be personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptConsentOrder")
            .field("before", &self.before)
            .finish_non_exhaustive()
    }
}

/// What is kept of somebody who left.
#[derive(Debug)]
pub struct KeptConsent {
    /// The account.
    pub puid: Puid,
    /// The day on which all of it is destroyed.
    pub until: Date,
    /// Their answers, newest first.
    pub answers: Vec<KeptAnswer>,
    /// The number before which older ones are; `None` at the end.
    pub before: Option<u64>,
}

/// One answer of somebody who left.
#[derive(Debug)]
pub struct KeptAnswer {
    /// The answer, with its evidence where there is some.
    pub event: PastConsent,
    /// Its receipt, which names the account instead of the operational id that nothing leads to any more; `None` where the server
    /// gives no receipts.
    pub receipt: Option<Receipt>,
}

impl Vault {
    /// What is kept of somebody who left, under the id of their account. The entry is durable before the key store is asked. The
    /// evidence is shown to whoever policy lets read at all: there is nobody left who could grant it, and it is kept for this.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy; [`Error::Invalid`] for a reason that says nothing; [`Error::NotFound`] where nothing is kept: the
    /// account lives, nothing of it was to be kept, or the last day has come.
    pub async fn kept_consent(
        &self,
        caller: &Caller,
        order: &KeptConsentOrder,
    ) -> Result<KeptConsent> {
        let decision = self
            .permit(caller, Action::ReadKeptConsent, EntryKind::ConsentDenied)
            .await?;
        check_reason(&order.reason)?;
        self.record_kept_reading(caller, &decision, order).await?;
        let (tenant, now) = (&self.inner.config.tenant, self.now());
        let today = now.to_zoned(TimeZone::UTC).date();
        let keyring = &self.inner.keyring;
        let found = keyring.find_kept_consent(tenant, order.puid, today, now);
        let (key, until) = found.await?.ok_or(Error::NotFound(
            "kept consent of this account (it lives, nothing was to be kept of it, or its last day has come)",
        ))?;
        let (answers, before) = self.kept_answers(&key, order).await?;
        Ok(KeptConsent {
            puid: order.puid,
            until,
            answers,
            before,
        })
    }

    async fn record_kept_reading(
        &self,
        caller: &Caller,
        decision: &Decision,
        order: &KeptConsentOrder,
    ) -> Result<()> {
        let record = Record::by(EntryKind::KeptConsentRead, caller)
            .ruling(self.ruling(decision))
            .personal("puid", order.puid.to_string())
            .personal("reason", order.reason.as_str());
        self.record(record).await.map(drop)
    }

    /// One more is read than is shown: what an answer was depends on the one before it.
    async fn kept_answers(
        &self,
        key: &ConsentKey,
        order: &KeptConsentOrder,
    ) -> Result<(Vec<KeptAnswer>, Option<u64>)> {
        let mut page = self.past_under(key, order.before, EVENTS_MAX + 1).await?;
        let shown = usize::try_from(EVENTS_MAX).unwrap_or(usize::MAX);
        let bits = self.inner.data.consent_bits().await?;
        let issuer = self.issuer().ok();
        let mut answers = Vec::with_capacity(page.events.len().min(shown));
        for (place, (event, row)) in page.events.iter().enumerate().take(shown) {
            let receipt = match &issuer {
                None => None,
                Some(issuer) => {
                    let before = page.events.get(place + 1).map(|(event, _)| &event.state);
                    let said = Said {
                        event,
                        before,
                        texts: &self.texts_of(event).await?,
                    };
                    let subject = ReceiptSubject::from(order.puid);
                    Some(self.signed_receipt(issuer, subject, &bits, &said)?)
                }
            };
            let mut past = self.past(&bits, event);
            past.has_evidence = row.evidence.is_some();
            past.evidence = (row.evidence.as_ref())
                .and_then(|sealed| key.open_evidence(past.number, sealed).ok());
            answers.push(KeptAnswer {
                event: past,
                receipt,
            });
        }
        let is_more = page.events.len() > shown || page.before.take().is_some();
        let last = answers.last().map(|answer| answer.event.number);
        Ok((answers, last.filter(|last| is_more && *last > 1)))
    }
}
