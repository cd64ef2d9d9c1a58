//! A connection that works under a grant: how it comes to one, gives it back, and what its client is told.

use std::sync::Arc;

use super::asked::DecryptRequest;
use super::connection::Connection;
use super::decrypt::{Desired, Wanted};
use super::grant::{Granted, LiveGrant};
use super::justification::LiveSession;
use super::request::{Approval, Approver};
use crate::audit::{EntryKind, Record};
use crate::{Error, GrantId, GrantRequestId, Result, Vault};

impl Connection {
    /// Opens the values of one subject, or of a few, on the evidence of their consent. The connection becomes read-only.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `approval_needed` when a second person has to approve it first, or by policy;
    /// [`Error::Invalid`] with code `evidence_not_url`, `minutes`, `subject` or `subjects_too_many`; [`Error::NotFound`] for
    /// an unknown or erased subject. The connection stays as it was then.
    pub async fn decrypt(&mut self, request: &DecryptRequest) -> Result<Granted> {
        let session = Arc::clone(self.session()?.0);
        let desired = self.desired(&session);
        let (grant, granted) = self.vault.grant(desired, request).await?;
        self.take(grant, granted).await
    }

    fn desired<'a>(&'a self, session: &'a Arc<LiveSession>) -> Desired<'a> {
        Desired {
            caller: &self.caller,
            source: &self.source,
            session,
        }
    }

    /// Works under a grant from here on; the former one ends.
    async fn take(&mut self, grant: Arc<LiveGrant>, mut granted: Granted) -> Result<Granted> {
        let held = self.grant.as_ref().map(|held| held.id());
        if held.is_some_and(|held| held != grant.id()) {
            self.end_grant("another grant took its place").await?;
            granted.note.push_str(" The former grant ended.");
        }
        self.grant = Some(grant);
        Ok(granted)
    }

    /// Joins a live grant of the same session, whichever server made it; or takes up a request of it, by its id, that a
    /// second person has approved.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is neither, [`Error::Denied`] with code `approval_needed` while the request still waits,
    /// [`Error::Conflict`] with code `request_over` for an approval that was used, taken back or has expired.
    pub async fn join_grant(&mut self, id: GrantId) -> Result<Granted> {
        let session = Arc::clone(self.session()?.0);
        let found = match self.vault.inner.sessions.grant(id) {
            Some(grant) => Some(grant),
            None => self.vault.found_grant(&session, id).await?,
        };
        let live =
            |grant: &Arc<LiveGrant>| grant.session() == session.id() && grant.is_live(&self.vault);
        let Some(grant) = found.filter(live) else {
            return self.take_up(&session, id).await;
        };
        let record = Record::by(EntryKind::SessionJoined, &self.caller).grant(id);
        self.vault.record_in(&session, record).await?;
        let granted = self.vault.reused(&grant);
        self.take(grant, granted).await
    }

    async fn take_up(&mut self, session: &Arc<LiveSession>, id: GrantId) -> Result<Granted> {
        let id = GrantRequestId::from_bytes(*id.as_bytes());
        let desired = self.desired(session);
        let approval = match self.vault.approval(desired, id).await {
            Err(Error::NotFound(_)) => return Err(Error::NotFound("grant")),
            approval => approval?,
        };
        let (grant, granted) = self.vault.grant_approved(desired, approval).await?;
        self.take(grant, granted).await
    }

    /// Goes back to protected; harmless when the connection is protected already.
    pub async fn encrypt(&mut self) -> Result<()> {
        self.end_grant("given back").await
    }
}

impl Vault {
    /// What the client is told of a grant that was there already.
    pub(super) fn reused(&self, grant: &LiveGrant) -> Granted {
        let left = grant.until().duration_since(self.now()).as_secs();
        let names = grant.fields().iter().map(|number| self.field_name(*number));
        let fields: Vec<String> = names.collect();
        let note = format!(
            "a live grant for {} covers this, so none was made: {} open until {} ({} min {} s left). \
             `CALL privet.encrypt()` ends it. Another connection of this session joins with grant {}.",
            grant.short_label(),
            fields.join(", "),
            grant.until().strftime("%H:%M:%S UTC"),
            left / 60,
            left % 60,
            grant.id(),
        );
        Granted {
            grant: grant.id(),
            subject: grant.label().to_owned(),
            fields,
            until: grant.until(),
            reused: true,
            emergency: grant.is_emergency(),
            note,
        }
    }
}

pub(super) fn granted(
    grant: &LiveGrant,
    wanted: &Wanted<'_>,
    approval: Option<&Approval>,
) -> Granted {
    let which = match wanted.asked.fields {
        None => "all that policy allows: ",
        Some(_) => "",
    };
    let whose = match wanted.subjects.len() {
        1 => "this subject's",
        _ => "these subjects'",
    };
    let mut note = format!(
        "decrypted for {} until {} ({} min), {which}{}. Only {whose} values open. The \
         connection is read-only now; its temporary tables and prepared statements are gone. \
         `CALL privet.encrypt()` ends it. Another connection of this session joins with grant {}.",
        grant.short_label(),
        grant.until().strftime("%H:%M:%S UTC"),
        wanted.asked.minutes,
        wanted.names().join(", "),
        grant.id(),
    );
    if !wanted.left_out.is_empty() {
        let names = wanted.left_out.iter().map(|field| field.name.to_string());
        let names: Vec<_> = names.collect();
        let more = format!(
            " Not {}: a second person has to approve these; name them to ask.",
            names.join(", ")
        );
        note.push_str(&more);
    }
    if let Some(approval) = approval {
        note.push_str(&match &approval.by {
            Approver::Colleague(name) => format!(" `{name}` approved it."),
            Approver::Themself => " The person agreed to it themself.".to_owned(),
        });
    }
    if grant.is_emergency() {
        let warning = "EMERGENCY: this was opened without asking anybody. The session is marked, and an auditor \
                       looks at it within 24 hours. ";
        note.insert_str(0, warning);
    }
    Granted {
        grant: grant.id(),
        subject: grant.label().to_owned(),
        fields: wanted.names(),
        until: grant.until(),
        reused: false,
        emergency: grant.is_emergency(),
        note,
    }
}
