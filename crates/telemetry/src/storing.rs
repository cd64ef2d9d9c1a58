//! From the journal into the store: whole files of the journal, each with its position, so that none is stored twice.

mod columns;
mod rows;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use privet_telemetry_store::{Attribute, Position, Rows, Store, Table};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use crate::forward::Forwarding;
use crate::journal::{Damage, Journal, Refused, Segment};
use crate::rules::Rules;

/// The first and the longest pause after the store failed.
const PAUSES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(250)..=Duration::from_secs(30);

/// How often the store is looked after, and how soon after a start for the first time.
const TEND_EVERY: Duration = Duration::from_secs(60 * 60);
const TEND_FIRST: Duration = Duration::from_secs(5 * 60);
/// So many small files of a day become one.
const FILES_MIN: usize = 8;

/// Rows that are collected before they become files. Three such pieces are in memory at once: one is collected, one waits, and
/// one is sorted and written, which takes as much once more.
const PIECE_BYTES: usize = 64 * 1024 * 1024;

/// What reading a file of the journal ends with.
type Reading = JoinHandle<Result<(Counted, Option<Damage>), NotStored>>;

/// Why a file of the journal was not stored.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] privet_telemetry_store::Error),
    /// The journal cannot be read or removed.
    #[error("the telemetry journal fails")]
    Journal(#[from] std::io::Error),
    /// The journal's writer fails.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// What brings the journal's records into the store.
#[derive(Debug, Clone)]
pub struct Storing {
    journal: Journal,
    store: Store,
    rules: Arc<Rules>,
    columns: Arc<[Attribute]>,
    tenant: Arc<str>,
    forwarding: Option<Forwarding>,
    stored: Arc<Mutex<Counted>>,
    piece_bytes: usize,
}

/// Rows of each table, in the order of [`Table::ALL`].
type Counted = [u64; Table::ALL.len()];

impl Storing {
    /// Stores what `journal` holds as records of `tenant`.
    ///
    /// # Errors
    /// [`NotStored::Store`] if the store does not take the name of an attribute.
    pub fn new(
        journal: Journal,
        store: Store,
        rules: Arc<Rules>,
        tenant: &str,
    ) -> Result<Self, NotStored> {
        Ok(Self {
            journal,
            store,
            columns: rules.stored_columns()?.into(),
            rules,
            tenant: tenant.into(),
            forwarding: None,
            stored: Arc::default(),
            piece_bytes: PIECE_BYTES,
        })
    }

    /// The same, with pieces of about so many bytes in memory instead of 64 MiB.
    #[must_use]
    pub fn in_pieces_of(self, piece_bytes: usize) -> Self {
        Self {
            piece_bytes,
            ..self
        }
    }

    /// Hands on to `forwarding` what is stored.
    #[must_use]
    pub fn forwarding(self, forwarding: Forwarding) -> Self {
        Self {
            forwarding: Some(forwarding),
            ..self
        }
    }

    /// The columns of the data map's attributes.
    pub fn columns(&self) -> &[Attribute] {
        &self.columns
    }

    /// How many rows of a table were stored so far.
    pub fn stored(&self, table: Table) -> u64 {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Table::ALL.iter().zip(*stored);
        let found = all.find(|(of, _)| **of == table);
        found.map_or(0, |(_, rows)| rows)
    }

    /// Lets the journal go on behind what the store has of it. A journal that was restored from a backup would give positions a second
    /// time, and what has them would be taken for stored. Called before anything is taken.
    ///
    /// # Errors
    /// [`NotStored`] when the store or the journal does not answer.
    pub async fn go_on(&self) -> Result<(), NotStored> {
        match self.store.position(self.journal.writer()).await? {
            Some(position) => Ok(self.journal.go_behind(position).await?),
            None => Ok(()),
        }
    }

    /// Stores again and again: when `every` has passed, or a file is long enough, until `stop` is true. While the store fails the
    /// journal grows, and what is sent is refused once it has reached its bound; nothing has to be started anew afterwards.
    pub async fn run(self, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut pause = *PAUSES.start();
        let mut tend_at = Instant::now() + TEND_FIRST;
        loop {
            if Instant::now() >= tend_at {
                tend_at = Instant::now() + TEND_EVERY;
                let tended = tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    tended = self.tend() => tended,
                };
                if let Err(error) = tended {
                    tracing::warn!(%error, "the telemetry store could not be looked after; it is tried again in an hour");
                }
            }
            let stored = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                stored = self.round(every) => stored,
            };
            match stored {
                Ok(()) => pause = *PAUSES.start(),
                Err(error) => {
                    tracing::warn!(%error, waiting_bytes = self.journal.bytes(), "telemetry could not be stored yet");
                    tokio::select! {
                        _ = stop.wait_for(|stop| *stop) => return,
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(*PAUSES.end());
                }
            }
        }
    }

    /// Looks after the store: drops the days that the data map no longer keeps, makes one file of many small ones, and deletes what
    /// nobody reads any more. Several servers may do so at once.
    ///
    /// # Errors
    /// [`NotStored::Store`]; what was not done is done the next time.
    pub async fn tend(&self) -> Result<(), NotStored> {
        if let Some(first) = self.rules.keep.before(self.store.today()) {
            let kept = Table::ALL.map(|table| (table, first));
            let dropped = self.store.expire(&kept).await?;
            if dropped.files > 0 {
                tracing::info!(
                    files = dropped.files,
                    "telemetry was dropped that is no longer kept"
                );
            }
        }
        self.store.compact(FILES_MIN).await?;
        self.store.clean().await?;
        Ok(())
    }

    async fn round(&self, every: Duration) -> Result<(), NotStored> {
        // Whichever comes first.
        let _ = timeout(every, self.journal.long_enough()).await;
        self.store_all().await
    }

    /// Stores all that is acknowledged at the moment of the call.
    ///
    /// # Errors
    /// [`NotStored`]; what was not stored stays in the journal.
    pub async fn store_all(&self) -> Result<(), NotStored> {
        for segment in self.journal.close_file().await? {
            self.store_one(&segment).await?;
        }
        Ok(())
    }

    async fn store_one(&self, segment: &Segment) -> Result<(), NotStored> {
        let writer = self.journal.writer();
        let stored = self.store.position(writer).await?;
        if stored >= Some(segment.last) {
            return Ok(self.let_go(segment)?);
        }
        let mut adding = self.store.begin()?;
        let (mut pieces, reading) = self.read(segment);
        let mut misfits = 0;
        while let Some(rows) = pieces.recv().await {
            misfits += rows.misfits();
            let batches = spawn_blocking(move || rows.finish())
                .await
                .map_err(|_| NotStored::Stopping)??;
            adding.write(batches).await?;
        }
        let (counted, damage) = reading.await.map_err(|_| NotStored::Stopping)??;
        let position = Position {
            writer: writer.to_owned(),
            after: stored.unwrap_or(segment.first.saturating_sub(1)),
            upto: segment.last,
        };
        adding.commit(Some(position)).await?;
        self.count(&counted);
        if misfits > 0 {
            tracing::warn!(
                misfits,
                "values of telemetry did not fit their columns: the data map has changed"
            );
        }
        match damage {
            None => self.let_go(segment)?,
            Some(damage) => {
                if let Some(forwarding) = &self.forwarding {
                    forwarding.share(segment);
                }
                let aside = self.journal.put_aside(segment)?;
                tracing::error!(
                    file = %aside.display(), %damage, "a part of the telemetry journal is lost: the file was put aside"
                );
            }
        }
        Ok(())
    }

    /// Lets go of a file whose records are stored.
    fn let_go(&self, segment: &Segment) -> std::io::Result<()> {
        match &self.forwarding {
            Some(forwarding) => forwarding.take(&self.journal, segment),
            None => self.journal.stored(segment),
        }
    }

    fn count(&self, counted: &Counted) {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        for (to, from) in stored.iter_mut().zip(counted) {
            *to += from;
        }
    }

    /// Reads a file on a thread of its own, which waits while nobody takes what it has: what a file becomes in memory can be many
    /// times its size, since what its records share stands in it once.
    fn read(&self, segment: &Segment) -> (mpsc::Receiver<Rows>, Reading) {
        let (to, pieces) = mpsc::channel(1);
        let (segment, storing) = (segment.clone(), self.clone());
        let reading = spawn_blocking(move || {
            let mut rows = Rows::new(Arc::clone(&storing.columns))?;
            let mut counted = Counted::default();
            let mut full = |rows: &mut Rows| {
                let next = Rows::new(Arc::clone(&storing.columns))?;
                let piece = std::mem::replace(rows, next);
                // Whoever took them has failed, and says why.
                to.blocking_send(piece).map_err(|_| NotStored::Stopping)
            };
            let (rules, tenant, piece_bytes) =
                (&storing.rules, &storing.tenant, storing.piece_bytes);
            let read = segment.read(|batch| {
                let (rows, counted) = (&mut rows, &mut counted);
                rows::add(&batch, rules, tenant, rows, counted, piece_bytes, &mut full)
            });
            let damage = match read {
                Ok(Ok(())) => None,
                Ok(Err(error)) => return Err(error),
                Err(Damage::Unreadable(error)) => return Err(error.into()),
                Err(damage) => Some(damage),
            };
            full(&mut rows)?;
            Ok((counted, damage))
        });
        (pieces, reading)
    }
}
