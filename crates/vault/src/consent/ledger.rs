//! Reading and adding rows of the ledger: the one place that knows both the store, which sees sealed rows alone, and the
//! subjects' keys.

use privet_seal::OpenError;

use super::event::{ConsentEvent, ConsentState};
use crate::keyring::OpenSubject;
use crate::port::{ConsentRow, SealedState};
use crate::{Error, Result, Vault};

/// What a damaged, foreign or moved row is answered with.
pub(super) const UNREADABLE: Error = Error::Internal("a row of the consent ledger does not open");

impl Vault {
    /// What each of these subjects answered last. A row that does not open says nothing, so that nobody is taken to agree by
    /// it.
    pub(crate) async fn consent_states(
        &self,
        subjects: &[&OpenSubject],
    ) -> Result<Vec<Option<ConsentState>>> {
        let puids: Vec<_> = subjects.iter().map(|open| open.row.puid).collect();
        let rows = self.inner.data.consent_now(&puids).await?;
        let sealed = subjects.iter().zip(&rows);
        let sealed: Vec<_> = sealed
            .filter_map(|(open, row)| row.as_ref().map(|_| *open))
            .collect();
        self.inner.keyring.find_consent_keys(&sealed).await?;
        let mut unreadable = 0_u32;
        let mut states = Vec::with_capacity(subjects.len());
        for (open, row) in subjects.iter().zip(&rows) {
            states.push(match row.as_ref().map(|row| opened(open, row)) {
                None => None,
                Some(Ok(event)) => Some(event.state),
                Some(Err(OpenError)) => {
                    unreadable += 1;
                    None
                }
            });
        }
        if unreadable > 0 {
            tracing::error!(
                unreadable,
                "rows of the consent ledger do not open, so that these people count as silent: restore the data store"
            );
        }
        Ok(states)
    }

    /// What a subject answered last; it must open, because the next event rests on it.
    pub(super) async fn last_consent(&self, open: &OpenSubject) -> Result<Option<ConsentEvent>> {
        let rows = self.inner.data.consent_now(&[open.row.puid]).await?;
        let Some(row) = rows.into_iter().next().flatten() else {
            return Ok(None);
        };
        self.inner.keyring.find_consent_keys(&[open]).await?;
        opened(open, &row).map(Some).map_err(|_| UNREADABLE)
    }

    /// A subject's events, newest first, each with its row.
    pub(super) async fn past_consents(
        &self,
        open: &OpenSubject,
        before: Option<u64>,
        count_max: u32,
    ) -> Result<Vec<(ConsentEvent, ConsentRow)>> {
        let rows = self
            .inner
            .data
            .consent_rows(open.row.puid, before, count_max);
        let rows = rows.await?;
        self.inner.keyring.find_consent_keys(&[open]).await?;
        let events = rows.into_iter().map(|row| {
            let event = opened(open, &row.state).map_err(|_| UNREADABLE)?;
            Ok((event, row))
        });
        events.collect()
    }
}

/// What a row of this subject says.
fn opened(open: &OpenSubject, row: &SealedState) -> std::result::Result<ConsentEvent, OpenError> {
    let key = open.consent_key().filter(|key| key.id() == row.key);
    key.ok_or(OpenError)?.open(open.row.puid, row)
}
