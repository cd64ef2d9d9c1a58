//! An engineer asks a person for leave to look: exactly these fields, this long. The person says yes or no, and their yes is
//! what the grant rests on.

use jiff::Timestamp;

use super::Me;
use super::looks::Looker;
use crate::audit::EntryKind;
use crate::policy::{Action, Decision};
use crate::port::{GrantRequestRow, RequestDecision};
use crate::session::{GRANT_REQUESTS_MAX, RequestState, over};
use crate::{Error, GrantRequestId, Result, SourceName};

/// What an engineer asks a person.
#[derive(Clone)]
pub struct AskedLook {
    /// The request.
    pub id: GrantRequestId,
    /// Who asks.
    pub who: Looker,
    /// In which application's database they would look.
    pub source: SourceName,
    /// At which fields.
    pub fields: Vec<String>,
    /// For how long, in minutes.
    pub minutes: u32,
    /// Why, in the engineer's words.
    pub reason: Option<String>,
    /// When they asked.
    pub asked_at: Timestamp,
    /// Until when an answer counts.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: RequestState,
}

impl std::fmt::Debug for AskedLook {
    // What the engineer wrote is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AskedLook")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Me {
    /// What the person is asked, and was asked and can still take back; the oldest first.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy.
    pub async fn asked(&self) -> Result<Vec<AskedLook>> {
        let decision = self.permit(Action::SeeLooks, EntryKind::LogDenied).await?;
        let (vault, now) = (&self.vault, self.vault.now());
        let mut asked = Vec::new();
        let rows = vault.inner.keys.live_requests(now, GRANT_REQUESTS_MAX);
        for row in rows.await? {
            if !self.is_whose(&row) {
                continue;
            }
            let view = vault.request_view(row).await?;
            if !view.asks_person || view.session_ended {
                continue;
            }
            let state = view.state(now);
            asked.push(AskedLook {
                id: view.row.id,
                who: self.staff(view.row.principal.as_str()),
                source: view.row.source,
                fields: view.fields,
                minutes: view.row.minutes,
                reason: view.reason,
                asked_at: view.row.asked_at,
                expires_at: view.row.expires_at,
                state,
            });
        }
        let record = self.record(EntryKind::GrantRead, &decision, [].into());
        let record = record.fact("what", "requests");
        let record = record.count("requests", asked.len() as u64);
        vault.record(record).await?;
        Ok(asked)
    }

    /// Says yes or no, or takes a yes back that was not used yet.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a request that does not ask this person, [`Error::Denied`] by policy, [`Error::Conflict`] with code
    /// `request_over` for one that was answered, used or has expired, or whose session ended.
    pub async fn answer_look(&self, id: GrantRequestId, yes: bool) -> Result<()> {
        let vault = &self.vault;
        let missing = || Error::NotFound("request");
        let row = vault.inner.keys.request(id).await?;
        let row = row.filter(|row| self.is_whose(row)).ok_or_else(missing)?;
        if !vault.asks_person(&row).await? {
            return Err(missing());
        }
        let decision = self.permit_answering(&row).await?;
        let kind = match yes {
            true => {
                vault.check_answerable(&row).await?;
                EntryKind::GrantApproved
            }
            false => {
                let decision = RequestDecision {
                    approved: false,
                    by: self.caller.principal().name.clone(),
                    at: vault.now(),
                };
                if !row.takes(&decision) {
                    return Err(over());
                }
                EntryKind::GrantRejected
            }
        };
        let mut record = self.record(kind, &decision, [].into());
        if !yes {
            record = record.fact("why", "the person said no");
        }
        vault
            .decide_on_record(&self.caller, &row, yes, record, "")
            .await
    }

    /// Whether a request is about this person and nobody else.
    fn is_whose(&self, row: &GrantRequestRow) -> bool {
        row.subjects == [self.open.row.reference]
    }

    /// Policy, of every field of a request; a "no" is on record before it is told.
    async fn permit_answering(&self, row: &GrantRequestRow) -> Result<Decision> {
        let action = Action::ApproveDecrypt;
        let mut all: Option<Decision> = None;
        for number in &row.fields {
            let field = self.vault.map().field_by_number(*number);
            let field = field.ok_or(Error::NotFound("field"))?;
            let decision = self.decide_field(action, field)?;
            if !decision.allowed {
                let denied = EntryKind::GrantDenied;
                return Err(self.refuse_field(action, &decision, denied).await);
            }
            all = Some(match all {
                None => decision,
                Some(former) => former.and(decision),
            });
        }
        all.ok_or(Error::NotFound("field"))
    }
}
