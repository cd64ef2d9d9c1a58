//! What a log lacks of its mirror: verified as a whole before a single entry is believed, and then read again bundle by bundle,
//! since there may be more of it than fits into memory.

use std::sync::Arc;

use privet_tlog::note::SigningKey;
use privet_tlog::{
    Checkpoint, EntryBundle, Hash, TILE_WIDTH, TileBuilder, TilePath, leaf_hash, tile_width,
};
use tokio::task::JoinSet;

use super::MirrorFault;
use crate::audit::entry::Entry;
use crate::audit::start::StartError;
use crate::port::{LogBatch, LogMirror, LogState, LogStore, MirrorError, TileRow};

/// Bundles that are read at once, and appended at once.
const BUNDLES_AT_ONCE: u64 = 16;

const WIDTH: u64 = TILE_WIDTH as u64;

/// Entries of a mirror that continue a log up to the mirror's checkpoint.
pub(crate) struct Missing {
    mirror: Arc<dyn LogMirror>,
    checkpoint: Checkpoint,
    note: Vec<u8>,
    /// Entries that the log has.
    from: u64,
    /// A hash of each bundle as it was verified, from that of entry `from` on: what is read again is the same.
    hashes: Vec<Hash>,
}

impl std::fmt::Debug for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Missing")
            .field("checkpoint", &self.checkpoint)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Missing {
    /// Reads everything behind `tree`, the log as it is, and checks that it leads to the mirror's checkpoint. That proves both
    /// at once: that these are the entries, and that they continue this log.
    pub(super) async fn verify(
        mirror: &Arc<dyn LogMirror>,
        checkpoint: Checkpoint,
        note: Vec<u8>,
        tree: &TileBuilder,
    ) -> Result<Self, MirrorFault> {
        let mut missing = Self {
            mirror: Arc::clone(mirror),
            from: tree.size(),
            checkpoint,
            note,
            hashes: Vec::new(),
        };
        let mut tree = tree.clone();
        let mut first = missing.from / WIDTH;
        while first * WIDTH < missing.checkpoint.size {
            for (n, bytes) in (first..).zip(missing.bundles(first).await?) {
                for entry in missing.entries_of(n, &bytes)? {
                    tree.append(leaf_hash(entry));
                }
                // Only the root is asked for.
                tree.take_changed();
                missing.hashes.push(leaf_hash(&bytes));
            }
            first += BUNDLES_AT_ONCE;
        }
        match tree.size() == missing.checkpoint.size && tree.root() == missing.checkpoint.root {
            true => Ok(missing),
            false => Err(MirrorFault::Differs {
                origin: missing.checkpoint.origin.to_string(),
                size: missing.checkpoint.size,
            }),
        }
    }

    /// The log.
    pub(crate) fn origin(&self) -> &str {
        self.checkpoint.origin.as_str()
    }

    /// How many entries the mirror has.
    pub(crate) fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// How many the log lacks.
    pub(crate) fn count(&self) -> u64 {
        self.checkpoint.size - self.from
    }

    /// Entries from `first` on, which the log lacks: as many as are read at once.
    pub(crate) async fn entries(&self, first: u64) -> Result<Vec<Vec<u8>>, MirrorFault> {
        let first = first.max(self.from);
        let bundle = first / WIDTH;
        let mut entries = Vec::new();
        for (n, bytes) in (bundle..).zip(self.bundles(bundle).await?) {
            let at = usize::try_from(n - self.from / WIDTH).unwrap_or(usize::MAX);
            if self.hashes.get(at) != Some(&leaf_hash(&bytes)) {
                return Err(self.damaged(n));
            }
            entries.extend(self.entries_of(n, &bytes)?.into_iter().map(<[u8]>::to_vec));
        }
        let passed = first - (bundle * WIDTH).max(self.from);
        entries.drain(
            ..usize::try_from(passed)
                .unwrap_or(usize::MAX)
                .min(entries.len()),
        );
        Ok(entries)
    }

    /// Appends everything to the log, with the signature that the mirror's checkpoint bears. Cut short, it is a shorter log, and
    /// the next start goes on.
    pub(super) async fn bring_back(
        &self,
        store: &dyn LogStore,
        signer: &SigningKey,
        mut tree: TileBuilder,
    ) -> Result<(), MirrorFault> {
        // What is there is stored already.
        tree.take_changed();
        while tree.size() < self.checkpoint.size {
            let size_before = tree.size();
            let entries = self.entries(size_before).await?;
            for entry in &entries {
                tree.append(leaf_hash(entry));
            }
            let tiles = tree.take_changed().into_iter().map(|tile| TileRow {
                level: tile.level,
                number: tile.n,
                width: tile.width,
                data: tile.data,
            });
            let batch = LogBatch {
                size_before,
                sides: Vec::new(),
                tiles: tiles.collect(),
                state: self.state(&tree, signer, entries.last())?,
                entries,
            };
            store.append(self.origin(), batch).await?;
        }
        Ok(())
    }

    fn state(
        &self,
        tree: &TileBuilder,
        signer: &SigningKey,
        last: Option<&Vec<u8>>,
    ) -> Result<LogState, MirrorFault> {
        let wrong = |what: &str| MirrorFault::from(StartError::Damaged(what.to_owned()));
        let last = last.and_then(|last| Entry::parse(last).ok());
        let last = last.ok_or_else(|| wrong("an entry in its mirror cannot be read"))?;
        let checkpoint = match tree.size() == self.checkpoint.size {
            true => self.note.clone(),
            // A beginning of what this key has signed.
            false => {
                let checkpoint = Checkpoint {
                    origin: self.checkpoint.origin.clone(),
                    size: tree.size(),
                    root: tree.root(),
                };
                let note = checkpoint.signed(&[signer]);
                let note = note.map_err(|_| wrong("its checkpoint cannot be signed"))?;
                note.to_string().into_bytes()
            }
        };
        Ok(LogState {
            size: tree.size(),
            checkpoint,
            last_entry_at: last.ts,
        })
    }

    /// The bytes of bundles from `first` on, as many as are read at once.
    async fn bundles(&self, first: u64) -> Result<Vec<Vec<u8>>, MirrorFault> {
        let end = self.checkpoint.size.div_ceil(WIDTH);
        let mut reading = JoinSet::new();
        for n in first..end.min(first + BUNDLES_AT_ONCE) {
            let (mirror, origin) = (Arc::clone(&self.mirror), self.origin().to_owned());
            let path = self.path(n);
            reading.spawn(async move { (n, read(&*mirror, &origin, path).await) });
        }
        let mut bundles = Vec::new();
        while let Some(read) = reading.join_next().await {
            let Ok((n, read)) = read else {
                return Err(self.damaged(first));
            };
            bundles.push((n, read?.ok_or_else(|| self.damaged(n))?));
        }
        bundles.sort_unstable_by_key(|(n, _)| *n);
        Ok(bundles.into_iter().map(|(_, bytes)| bytes).collect())
    }

    /// The entries of a bundle that the log lacks.
    fn entries_of<'b>(&self, n: u64, bytes: &'b [u8]) -> Result<Vec<&'b [u8]>, MirrorFault> {
        let entries: Result<Vec<&[u8]>, _> = EntryBundle::decode(bytes).collect();
        let mut entries = entries.map_err(|_| self.damaged(n))?;
        let width = usize::from(self.path(n).width);
        if entries.len() < width {
            return Err(self.damaged(n));
        }
        entries.truncate(width);
        let known = self.from.saturating_sub(n * WIDTH);
        entries.drain(
            ..usize::try_from(known)
                .unwrap_or(usize::MAX)
                .min(entries.len()),
        );
        Ok(entries)
    }

    fn path(&self, n: u64) -> TilePath {
        TilePath::entries(n, tile_width(0, n, self.checkpoint.size))
    }

    fn damaged(&self, n: u64) -> MirrorFault {
        MirrorFault::Damaged {
            origin: self.checkpoint.origin.to_string(),
            path: self.path(n).to_string(),
        }
    }
}

/// A bundle, or the full one that has replaced it.
async fn read(
    mirror: &dyn LogMirror,
    origin: &str,
    path: TilePath,
) -> Result<Option<Vec<u8>>, MirrorError> {
    match mirror.file(origin, path).await? {
        None if !path.is_full() => {
            let full = TilePath::entries(path.n, TILE_WIDTH);
            mirror.file(origin, full).await
        }
        found => Ok(found),
    }
}
