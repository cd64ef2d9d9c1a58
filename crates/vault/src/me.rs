//! People as callers on their own behalf: [`Me`] is whom an identity provider proved, and acts on its own data alone.
//!
//! None of its methods takes the name of a subject. Whatever somebody sends, there is nothing in it that could reach
//! anybody else; what they name besides (a field, an answer, an entry of the log) is looked for among what is theirs.

mod asked;
mod consent;
mod copies;
mod held;
mod leaving;
mod login;
mod looks;
mod mail_login;
mod objections;
mod refusals;
mod walk;

use std::sync::Arc;

use privet_classify::Field;

use crate::audit::{EntryKind, Record, SubjectUse};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, Result, Rotation, Vault};

pub use asked::AskedLook;
pub use held::{Held, HeldElsewhere, HeldField, HeldPurpose};
pub(crate) use login::OwnLogins;
pub use login::{FormToken, OwnAnswer, OwnLogin, OwnLoginBegun, OwnPages};
pub use looks::{Look, LookPage, Looker};
pub(crate) use looks::{is_look, look_of};
pub use objections::Objection;
pub(crate) use walk::{Opened, Walk};

/// A person, for one request. Only the vault makes one, of a login that it let in.
pub struct Me {
    vault: Vault,
    /// Of kind `subject`; it never leaves this module, for other calls would ask it whose data they should show.
    caller: Caller,
    open: Arc<OpenSubject>,
}

impl std::fmt::Debug for Me {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Me").finish_non_exhaustive()
    }
}

impl Me {
    /// Gives the person another telemetry id. What was recorded under the former one stays and is nobody's: they must have
    /// been told so before.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::Conflict`] when others rotated it at the same time.
    pub async fn rotate_telemetry_id(&self) -> Result<Rotation> {
        let (action, denied) = (Action::RotateTelemetryId, EntryKind::TelemetryIdDenied);
        let decision = self.permit(action, denied).await?;
        self.vault
            .rotate_id_of(&self.caller, &decision, &self.open)
            .await
    }

    /// Asks the policy about the person's own data; a "no" is recorded as `denied` before it is answered.
    async fn permit(&self, action: Action, denied: EntryKind) -> Result<Decision> {
        let question = Question::about(action).own();
        self.vault
            .permit_as(&self.caller, action, &question, denied)
            .await
    }

    /// The same about one field, without a record: whoever asks puts what comes of it on record.
    fn decide_field(&self, action: Action, field: &Field) -> Result<Decision> {
        let question = Question::about(action).field(field).own();
        self.vault.decide(&self.caller, &question)
    }

    /// A "no" about a field, on record.
    async fn refuse_field(&self, action: Action, decision: &Decision, denied: EntryKind) -> Error {
        let record = Record::by(denied, &self.caller).ruling(self.vault.ruling(decision));
        let error = denied_by_policy(&self.caller, action);
        self.vault.refuse(record, error).await
    }

    /// Changes are counted: each says something about what others have (a value that must be unique), or is read by people.
    fn count_change(&self) -> Result<()> {
        let reference = self.open.row.reference;
        if self.vault.inner.own.allows_change(reference, &self.vault) {
            return Ok(());
        }
        Err(Error::limited(
            "own_limit",
            "that was often within a minute: wait a little, then try again",
        ))
    }

    /// An entry of what the person did, which names them by their leaf alone.
    fn record(&self, kind: EntryKind, decision: &Decision, fields: Arc<[u16]>) -> Record {
        Record::by(kind, &self.caller)
            .ruling(self.vault.ruling(decision))
            .subject(self.used(fields))
    }

    fn used(&self, fields: Arc<[u16]>) -> SubjectUse {
        let count = u32::from(!fields.is_empty());
        self.open.used(fields, count)
    }
}
