//! The log in the object store: entries, each written once, and checkpoints, which spare reading them all.
//!
//! Only two things are asked of the object store: an object that was written is found by its name from then on, and of two
//! who create the same one only one succeeds. Lists may lag: they are used for checkpoints alone, and whatever follows a
//! checkpoint is asked for by its number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::commit::Entry;
use crate::error::cannot;
use crate::state::State;
use crate::{Error, Why};

/// Entries asked for at the same time.
const ENTRIES_AT_ONCE: u64 = 16;
const ENTRIES: &str = "_log";
const CHECKPOINTS: &str = "_checkpoints";
/// An object that is created once, by whoever writes first, and cannot be created again.
const ONCE: &str = "_once";

/// What a store does not do that lets an object be created twice.
pub(crate) const OVERWRITES: &str = "keep two writers apart (conditional writes, `If-None-Match`)";

/// The log of one store.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    objects: Arc<dyn ObjectStore>,
    /// Whether it is known that what is there cannot be created again.
    creates_once: Arc<AtomicBool>,
}

/// What became of an attempt to write an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Done,
    /// Somebody else's entry has the number.
    Taken,
}

/// A checkpoint's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Checkpoint {
    pub(crate) version: u64,
    /// When the entry of that number was written.
    pub(crate) at_ms: i64,
}

impl Checkpoint {
    pub(crate) fn path(&self) -> Path {
        Path::from(format!(
            "{CHECKPOINTS}/{:020}-{}.json",
            self.version, self.at_ms
        ))
    }

    fn parse(path: &Path) -> Option<Self> {
        let (version, at_ms) = path.filename()?.strip_suffix(".json")?.split_once('-')?;
        Some(Self {
            version: version.parse().ok()?,
            at_ms: at_ms.parse().ok()?,
        })
    }
}

impl Log {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            creates_once: Arc::default(),
        }
    }

    /// Brings a state up to date.
    pub(crate) async fn follow(&self, state: &mut State) -> Result<(), Error> {
        loop {
            self.read_on(state).await?;
            // Entries are deleted once a checkpoint has replaced them: who was away for long finds none and is not up to date.
            match self.checkpoints().await?.pop() {
                Some(newest) if newest.version > state.version => {
                    *state = self.checkpoint(&newest).await?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// The newest checkpoint's state, or that before the first entry.
    pub(crate) async fn start(&self) -> Result<State, Error> {
        match self.checkpoints().await?.pop() {
            Some(newest) => self.checkpoint(&newest).await,
            None => Ok(State::default()),
        }
    }

    /// Applies the entries that follow, up to the first number that is not there.
    async fn read_on(&self, state: &mut State) -> Result<(), Error> {
        loop {
            // Mostly there is none, or one.
            let Some(entry) = self.entry(state.version + 1).await? else {
                return Ok(());
            };
            state.apply(entry)?;
            let next = state.version + 1;
            let mut entries = stream::iter(next..next + ENTRIES_AT_ONCE)
                .map(|version| self.entry(version))
                .buffered(usize::try_from(ENTRIES_AT_ONCE).unwrap_or(1));
            while let Some(entry) = entries.try_next().await? {
                match entry {
                    Some(entry) => state.apply(entry)?,
                    None => return Ok(()),
                }
            }
        }
    }

    async fn entry(&self, version: u64) -> Result<Option<Entry>, Error> {
        let path = entry_path(version);
        let Some(bytes) = self.bytes(&path, "show its log").await? else {
            return Ok(None);
        };
        let entry = Entry::from_bytes(&bytes, path.as_ref())?;
        if entry.version == version {
            return Ok(Some(entry));
        }
        Err(Error::Damaged {
            name: path.to_string(),
        })
    }

    async fn bytes(&self, path: &Path, doing: &'static str) -> Result<Option<bytes::Bytes>, Error> {
        match self.objects.get(path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(cannot(doing)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(cannot(doing)(error)),
        }
    }

    /// Finds out whether the object store refuses to create what is there. Some services that speak as S3 does leave the
    /// condition out without a word; two writers would then take the same number, and one's records would be lost.
    async fn creates_once(&self) -> Result<(), Error> {
        if self.creates_once.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Mostly it is there. Whoever comes first creates it, and has to fail the second time.
        let path = Path::from(ONCE);
        for _ in 0..2 {
            let content = PutPayload::from_static(b"{}");
            let put = self
                .objects
                .put_opts(&path, content, PutMode::Create.into());
            match put.await {
                Ok(_) => {}
                Err(
                    object_store::Error::AlreadyExists { .. }
                    | object_store::Error::Precondition { .. },
                ) => {
                    self.creates_once.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) => return Err(cannot("take a commit")(error)),
            }
        }
        Err(Error::Unavailable {
            doing: OVERWRITES,
            why: Why::Unsupported,
        })
    }

    /// Writes an entry under its number, if nobody has.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`]: it may have been written, or may yet be. With another one it was not.
    pub(crate) async fn write(&self, entry: &Entry) -> Result<Written, Error> {
        self.creates_once().await?;
        let path = entry_path(entry.version);
        let bytes = PutPayload::from(entry.to_bytes()?);
        let put = self
            .objects
            .put_opts(&path, bytes, PutMode::Create.into())
            .await;
        let (Err(error), why) = (&put, put.as_ref().err().map(Why::of)) else {
            return self.confirm(entry).await;
        };
        let exists = matches!(
            error,
            object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }
        );
        // The answer to an attempt that took place may have been lost, also by a retry within the object store's client,
        // which then finds the object there: what is there tells whose it is.
        match self.entry(entry.version).await {
            Ok(Some(found)) if found.id == entry.id => self.confirm(entry).await,
            Ok(Some(_)) => Ok(Written::Taken),
            Ok(None) if exists => Err(Error::Unknown),
            // It was refused outright, and is not there.
            Ok(None) => match why {
                Some(why @ (Why::Denied | Why::Unauthenticated | Why::Unsupported)) => {
                    Err(Error::Unavailable {
                        doing: "take a commit",
                        why,
                    })
                }
                _ => Err(Error::Unknown),
            },
            Err(_) => Err(Error::Unknown),
        }
    }

    /// An entry whose number was free because the one that had it was deleted is an entry that nobody reads.
    async fn confirm(&self, entry: &Entry) -> Result<Written, Error> {
        let newest = self.checkpoints().await.map_err(|_| Error::Unknown)?.pop();
        match newest {
            Some(newest) if newest.version >= entry.version => {
                // A faster reader may have made a checkpoint that holds the entry.
                let state = self.checkpoint(&newest).await.map_err(|_| Error::Unknown)?;
                let holds = entry.add.iter().all(|file| {
                    state.files.contains_key(&file.path) || state.removed.contains_key(&file.path)
                });
                let holds = holds
                    && entry.position.as_ref().is_none_or(|position| {
                        state.positions.get(&position.writer) >= Some(&position.upto)
                    })
                    && entry
                        .remove
                        .iter()
                        .all(|path| !state.files.contains_key(path));
                Ok(if holds { Written::Done } else { Written::Taken })
            }
            _ => Ok(Written::Done),
        }
    }

    /// All checkpoints that can be listed, the newest last.
    pub(crate) async fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        let prefix = Path::from(CHECKPOINTS);
        let found: object_store::Result<Vec<_>> = self
            .objects
            .list(Some(&prefix))
            .try_filter_map(|object| async move { Ok(Checkpoint::parse(&object.location)) })
            .try_collect()
            .await;
        match found {
            Ok(mut found) => {
                found.sort();
                Ok(found)
            }
            Err(error) => Err(self.not_listed(error).await),
        }
    }

    /// Why a list failed. The clients do not tell a list that is refused, or a bucket that is not there, from one that breaks
    /// off; of an object they do.
    async fn not_listed(&self, error: object_store::Error) -> Error {
        let cannot = cannot("list its checkpoints");
        if Why::of(&error) != Why::Failing {
            return cannot(error);
        }
        match self.objects.head(&Path::from(ONCE)).await {
            Err(asked)
                if matches!(
                    Why::of(&asked),
                    Why::NotFound | Why::Denied | Why::Unauthenticated
                ) =>
            {
                cannot(asked)
            }
            _ => cannot(error),
        }
    }

    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<State, Error> {
        let path = checkpoint.path();
        let bytes = self.bytes(&path, "show a checkpoint").await?;
        let bytes = bytes.ok_or(Error::Unavailable {
            doing: "show a checkpoint",
            why: Why::NotFound,
        })?;
        State::from_bytes(&bytes, path.as_ref())
    }

    /// Writes a checkpoint; one of the same version says the same.
    pub(crate) async fn write_checkpoint(&self, state: &State) -> Result<(), Error> {
        let checkpoint = Checkpoint {
            version: state.version,
            at_ms: state.at_ms,
        };
        let bytes = PutPayload::from(state.to_bytes()?);
        let put = self.objects.put(&checkpoint.path(), bytes).await;
        put.map(drop).map_err(cannot("take a checkpoint"))
    }

    /// The numbers of entries that can be listed, up to and with `upto`.
    pub(crate) async fn entries_upto(&self, upto: u64) -> Result<Vec<u64>, Error> {
        let prefix = Path::from(ENTRIES);
        self.objects
            .list(Some(&prefix))
            .try_filter_map(|object| async move {
                let name = object.location.filename();
                let version = name.and_then(|name| name.strip_suffix(".json")?.parse::<u64>().ok());
                Ok(version.filter(|version| *version <= upto))
            })
            .try_collect()
            .await
            .map_err(cannot("list its log"))
    }
}

/// The path of an entry.
pub(crate) fn entry_path(version: u64) -> Path {
    Path::from(format!("{ENTRIES}/{version:020}.json"))
}
