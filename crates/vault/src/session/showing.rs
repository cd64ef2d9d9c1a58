//! Statements of a connection: on record first, then opened, then what they showed is on record too.

use std::sync::Arc;

use super::connection::Connection;
use super::gathered::Statement;
use super::opener::{Counts, Opener};
use super::statements::Permit;
use crate::Result;

/// What a decrypted statement has shown so far.
pub(super) struct Showing {
    /// Its entry in the log.
    pub(super) entry: Option<u64>,
    pub(super) counts: Arc<Counts>,
}

impl Connection {
    /// Puts a statement on record. In a decrypted connection its entry is durable when this returns; the connection's
    /// [`Opener`] opens from then on until [`shown`](Self::shown).
    ///
    /// # Errors
    /// [`Error::Denied`](crate::Error::Denied) without a live session, and when the log does not take the entry.
    pub async fn record(&mut self, statement: Statement<'_>) -> Result<Permit> {
        self.record_all(&[statement]).await
    }

    /// The same for statements that are sent as one, under one entry.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn record_all(&mut self, statements: &[Statement<'_>]) -> Result<Permit> {
        self.abandon().await?;
        let (_, recorder) = self.session()?;
        let live = self
            .grant
            .as_ref()
            .filter(|grant| grant.is_live(&self.vault));
        if let Some(grant) = live {
            let permit = recorder.opened(grant, statements).await?;
            self.showing = Some(Showing {
                entry: permit.entry,
                counts: Arc::new(Counts::of(grant.fields())),
            });
            return Ok(permit);
        }
        for statement in statements {
            recorder.protected(statement).await?;
        }
        if self.grant.is_some() {
            self.end_grant("its time was over").await?;
        }
        Ok(Permit { entry: None })
    }

    /// Puts a statement of a protected connection on record without waiting. `false`: nothing was done, and
    /// [`record`](Self::record) has to do it, because the connection has a grant or because what was recorded before must
    /// be written first.
    ///
    /// # Errors
    /// [`Error::Denied`](crate::Error::Denied) without a live session.
    pub fn record_behind(&mut self, statement: Statement<'_>) -> Result<bool> {
        if self.grant.is_some() || self.showing.is_some() {
            return Ok(false);
        }
        let (_, recorder) = self.session()?;
        recorder.gather_if_room(&statement)
    }

    /// Puts on record what a statement showed whose result was given up.
    async fn abandon(&mut self) -> Result<()> {
        let Some(showing) = self.showing.take() else {
            return Ok(());
        };
        match (&self.grant, &self.joined) {
            (Some(grant), Some((_, recorder))) => recorder.shown(grant, &showing, None).await,
            _ => Ok(()),
        }
    }

    /// What opens cells of the statement on record; it opens nothing in a protected connection.
    pub fn opener(&self) -> Opener {
        let counts = self
            .showing
            .as_ref()
            .map(|showing| Arc::clone(&showing.counts));
        let grant = self.grant.clone().zip(counts);
        Opener::new(self.vault.clone(), grant)
    }

    /// Puts on record what a statement showed. The openers of the statement are counted up to here.
    pub fn shown(&mut self, permit: Permit, rows: u64) {
        let of_permit = |showing: &mut Showing| showing.entry == permit.entry;
        let (Some(showing), Some(grant)) = (self.showing.take_if(of_permit), &self.grant) else {
            return;
        };
        if let Some((_, recorder)) = &self.joined {
            recorder.shown_behind(grant, showing, rows);
        }
    }
}
