//! Rotation: a new telemetry id on a person's request, and the end of the former one.

use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::StoreError;
use crate::{Caller, Error, Result, SubjectName, SubjectRef, Vault};

use super::{ATTEMPTS_MAX, busy, stamps_from};

/// What came of asking for another telemetry id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing was changed: the person has to know first what it means.
    Explained,
    /// The former id has ended, and nothing leads to it any more.
    Rotated {
        /// The index of the durable entry.
        entry: u64,
    },
}

impl Vault {
    /// Gives a subject another telemetry id. What was recorded under the former one stays there and belongs to nobody: it
    /// cannot be shown, exported or deleted as theirs any more, which is why nothing happens unless it is `understood`.
    /// The entry is durable before the salt is destroyed; telemetry is told in the same transaction that the former id
    /// agrees to nothing.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown subject, [`Error::Conflict`] when others rotated
    /// the same id at the same time.
    pub async fn rotate_telemetry_id(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        understood: bool,
    ) -> Result<Rotation> {
        let action = Action::RotateTelemetryId;
        let decision = self
            .permit(caller, action, EntryKind::TelemetryIdDenied)
            .await?;
        let open = self.subject(subject).await?;
        if !understood {
            return Ok(Rotation::Explained);
        }
        self.rotate_id_of(caller, &decision, &open).await
    }

    /// The same of somebody who was decided about, and understood.
    pub(crate) async fn rotate_id_of(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
    ) -> Result<Rotation> {
        let record = Record::by(EntryKind::TelemetryIdRotated, caller)
            .ruling(self.ruling(decision))
            .subject(open.used([], 0));
        let entry = self.record(record).await?;
        self.replace_salt(open.row.reference).await?;
        // Seen here, it is done again if a failover of the key store loses it.
        self.catch_up().await?;
        Ok(Rotation::Rotated { entry })
    }

    /// Destroys a subject's salt and makes another.
    pub(crate) async fn replace_salt(&self, subject: SubjectRef) -> Result<()> {
        let (keys, keyring) = (&self.inner.keys, &self.inner.keyring);
        for _ in 0..ATTEMPTS_MAX {
            let now = self.now();
            let rows = keys.subjects_by_reference(&[subject]).await?;
            let opened = keyring.open_rows(rows, now).await?.pop().flatten();
            let open = opened.ok_or(Error::NotFound("subject"))?;
            let telling = self.last_telling(&open.row).await?;
            let state = self.consent_states(&[&open]).await?.pop().flatten();
            let first = stamps_from(state.as_ref());
            let salt = keyring
                .new_salt(&open.row, telling.generation + 1, first, now)
                .await?;
            let rotated = keys.rotate_salt(salt, telling).await;
            // Also after an error: it may have been replaced all the same.
            self.inner.stamps.forget(subject);
            match rotated {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(busy())
    }
}
