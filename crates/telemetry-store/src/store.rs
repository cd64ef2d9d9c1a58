//! The store: adding files, and finding those that count.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::commit::Entry;
use crate::error::cannot;
use crate::log::{Log, Written};
use crate::state::State;
use crate::surroundings::new_id;
use crate::{Batch, DataFile, Error, Snapshot, Surroundings, Why, address, file};

/// How often a commit that somebody else was faster than is tried again.
const ATTEMPTS_MAX: usize = 100;
/// How often a commit of which nothing is known is tried again.
const UNKNOWN_MAX: usize = 3;
/// Files for each entry between two checkpoints: the more there are, the dearer a checkpoint is.
const FILES_PER_ENTRY: usize = 64;

/// How a store is opened.
#[derive(Clone)]
pub struct Settings {
    /// What may be done with it.
    pub access: Access,
    /// What the object store's client is told, as `aws_access_key_id`, from settings or the environment; of two of a key the
    /// later counts. [`Store::AUTHORITIES`] is ours.
    pub options: Vec<(String, String)>,
    /// How long removed files and entries of the log that a checkpoint has replaced stay readable, in milliseconds. The
    /// object store's lists must not lag behind by more than this.
    pub grace_ms: i64,
    /// Entries between two checkpoints.
    pub checkpoint_entries: u64,
}

/// What may be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
}

/// Credentials are among the options.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("access", &self.access)
            .field("grace_ms", &self.grace_ms)
            .field("checkpoint_entries", &self.checkpoint_entries)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// With this access, no options, an hour of grace.
    pub fn new(access: Access) -> Self {
        Self {
            access,
            options: Vec::new(),
            grace_ms: 60 * 60 * 1000,
            checkpoint_entries: 64,
        }
    }
}

/// How far a writer's journal has come with an append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The writer's own name.
    pub writer: String,
    /// The position before it, which the store has to have.
    pub after: u64,
    /// The position behind it, which is larger.
    pub upto: u64,
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The rows were added with the entry of this number.
    Now(u64),
    /// An earlier attempt, of which the answer was lost, has added them.
    Before,
}

/// Telemetry on an object store. Clones share what they know of the log.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) log: Log,
    pub(crate) settings: Arc<Settings>,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    state: Option<State>,
    checkpoint: u64,
}

/// What a commit changes, before it has a number.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) add: Vec<DataFile>,
    pub(crate) remove: Vec<Arc<str>>,
    pub(crate) forget: Vec<Arc<str>>,
    pub(crate) position: Option<Position>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    Now(u64),
    Before,
    /// Files that it removes are gone already.
    Outdated,
}

impl Store {
    /// The option with authorities, as PEM, that certificates are checked with beside the machine's.
    pub const AUTHORITIES: &str = privet_objects::AUTHORITIES;

    /// Opens the store at an address: a folder (a path, or `file://` and one), `s3://bucket/prefix`, `gs://…`, `az://…`.
    /// `memory://` is a new one in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::Options`], [`Error::Unavailable`] (a folder cannot be made or is not there). The network is
    /// not asked yet.
    pub fn open(
        address: &str,
        settings: Settings,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, Error> {
        let objects = address::open(address, &settings, &surroundings)?;
        Ok(Self::over(objects, settings, surroundings))
    }

    /// The folder that an address means, if it means one.
    pub fn folder(address: &str) -> Option<&std::path::Path> {
        address::folder(address)
    }

    /// The files that options name: the client reads credentials in them, now or later.
    pub fn files(options: &[(String, String)]) -> Vec<std::path::PathBuf> {
        privet_objects::files(options)
    }

    /// The store that an object store's root holds.
    pub fn over(
        objects: Arc<dyn ObjectStore>,
        settings: Settings,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        Self {
            log: Log::new(Arc::clone(&objects)),
            objects,
            settings: settings.into(),
            surroundings,
            known: Arc::default(),
        }
    }

    /// Adds the rows, all with one entry of the log. When it returns, they are durable and every reader sees them.
    ///
    /// With a position it happens once: an attempt whose answer was lost is found out about, also by another process.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::TooSlow`], [`Error::Contended`]: nothing was added. [`Error::Unknown`]: something may
    /// have been; with a position, trying again is safe. [`Error::Position`]: another process writes under the same name, or
    /// rows are missing.
    pub async fn append(
        &self,
        batches: Vec<Batch>,
        position: Option<Position>,
    ) -> Result<Appended, Error> {
        self.writable()?;
        if let Some(position) = &position
            && self.position(&position.writer).await? >= Some(position.upto)
        {
            return Ok(Appended::Before);
        }
        let mut adding = self.begin()?;
        adding.write(batches).await?;
        adding.commit(position).await
    }

    /// How far a writer has come; `None`: it has written nothing yet.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Damaged`], [`Error::Format`].
    pub async fn position(&self, writer: &str) -> Result<Option<u64>, Error> {
        let mut known = self.known.lock().await;
        let state = self.follow(&mut known).await?;
        Ok(state.positions.get(writer).copied())
    }

    /// The files that count now: all that was acknowledged before the call, by whatever process.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Damaged`], [`Error::Format`].
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let mut known = self.known.lock().await;
        let state = self.follow(&mut known).await?;
        Ok(Snapshot::new(state, Arc::clone(&self.objects)))
    }

    pub(crate) fn writable(&self) -> Result<(), Error> {
        match self.settings.access {
            Access::Write => Ok(()),
            Access::Read => Err(Error::ReadOnly),
        }
    }

    /// The state of now, to look into.
    pub(crate) async fn look<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, Error> {
        let mut known = self.known.lock().await;
        self.follow(&mut known).await.map(|state| look(state))
    }

    async fn follow<'a>(&self, known: &'a mut Known) -> Result<&'a mut State, Error> {
        // A state that could not be followed to its end is dropped: the next call starts from a checkpoint.
        let mut state = match known.state.take() {
            Some(state) => state,
            None => {
                let state = self.log.start().await?;
                known.checkpoint = state.version;
                state
            }
        };
        self.log.follow(&mut state).await?;
        Ok(known.state.insert(state))
    }

    /// Writes one file; nothing refers to it yet.
    pub(crate) async fn put(&self, batch: Batch) -> Result<DataFile, Error> {
        let id = new_id(self.surroundings.as_ref());
        let path = file::path(batch.table, &batch.tenant, batch.day, id);
        let rows = batch.rows;
        let count = u64::try_from(rows.num_rows()).unwrap_or(u64::MAX);
        let bytes = tokio::task::spawn_blocking(move || file::encode(&rows))
            .await
            .map_err(|_| Error::Unavailable {
                doing: "take rows",
                why: Why::Failing,
            })??;
        let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let put = self.objects.put(&path, bytes.into()).await;
        put.map_err(cannot("take a file"))?;
        Ok(DataFile {
            table: batch.table,
            tenant: batch.tenant,
            day: batch.day,
            path: path.as_ref().into(),
            rows: count,
            size_bytes,
            people: batch.extent.people,
            nobody: batch.extent.nobody,
            times: batch.extent.times,
            attributes: batch.attributes,
        })
    }

    /// Writes a change under the next number that is free.
    pub(crate) async fn commit(&self, change: Change) -> Result<Committed, Error> {
        let id = new_id(self.surroundings.as_ref());
        let mut unknown = 0;
        let mut known = self.known.lock().await;
        for _ in 0..ATTEMPTS_MAX {
            let state = self.follow(&mut known).await?;
            if let Some(position) = &change.position {
                match state.positions.get(&position.writer) {
                    Some(found) if *found >= position.upto => return Ok(Committed::Before),
                    Some(found) if *found != position.after => {
                        return Err(Error::Position {
                            found: *found,
                            expected: position.after,
                        });
                    }
                    _ => {}
                }
            }
            if change
                .remove
                .iter()
                .any(|path| !state.files.contains_key(path))
            {
                return Ok(Committed::Outdated);
            }
            let entry = Entry {
                version: state.version + 1,
                id,
                // The log's times never go back, whatever the writers' clocks do.
                at_ms: self.surroundings.now_ms().max(state.at_ms),
                add: change.add.clone(),
                remove: change.remove.clone(),
                forget: change.forget.clone(),
                position: change.position.clone(),
            };
            match self.log.write(&entry).await {
                Ok(Written::Done) => {
                    let version = entry.version;
                    // A checkpoint may hold the entry already.
                    if state.version + 1 == version {
                        state.apply(entry)?;
                    }
                    self.checkpoint(&mut known).await;
                    return Ok(Committed::Now(version));
                }
                Ok(Written::Taken) => {}
                // The same number is tried again: as long as it is free, an attempt that comes late can only take this one.
                Err(Error::Unknown) if unknown < UNKNOWN_MAX => {
                    unknown += 1;
                    if self.found(&mut known, &entry).await? {
                        return Ok(Committed::Now(entry.version));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended)
    }

    /// Whether an entry of which nothing was known turns out to have been written.
    async fn found(&self, known: &mut Known, entry: &Entry) -> Result<bool, Error> {
        let state = self.follow(known).await.map_err(|_| Error::Unknown)?;
        let holds =
            |path: &Arc<str>| state.files.contains_key(path) || state.removed.contains_key(path);
        Ok(match (entry.add.first(), entry.remove.first()) {
            (Some(file), _) => holds(&file.path),
            (None, Some(path)) => !state.files.contains_key(path),
            (None, None) => false,
        })
    }

    /// A checkpoint now and then; if it fails, the next commit tries again.
    async fn checkpoint(&self, known: &mut Known) {
        let Some(state) = &known.state else { return };
        let files = u64::try_from(state.files.len() / FILES_PER_ENTRY).unwrap_or(u64::MAX);
        let distance = self.settings.checkpoint_entries.max(files);
        if state.version.saturating_sub(known.checkpoint) >= distance
            && self.log.write_checkpoint(state).await.is_ok()
        {
            known.checkpoint = state.version;
        }
    }

    /// Deletes an object; one that is gone already is as good.
    pub(crate) async fn delete(&self, path: &Path) -> Result<(), Error> {
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(cannot("delete a file")(error)),
        }
    }
}
