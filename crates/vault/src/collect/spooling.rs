//! Rows on their way: sealed under the request's key, on a disk of this server, until the file is made of them.
//!
//! A spool in memory is one chunk, 64 KiB, and one collection is read at a time: a batch of 1,000 people takes 64 MiB.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use privet_archive::{Collection, Field, Row, SpooledRows};
use privet_seal::{ChunkOpener, ChunkSealer, Entropy, FileKey, FilePrefix};

use super::shape::{Seen, Shape};
use crate::RequestRunId;
use crate::port::{SpoolName, Spools};
use crate::{Error, Result};

/// Keeps spools apart from the file that is made of them, which is under the same key.
const PLACE: &[u8] = b"spool";

/// For whom rows are kept.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) run: RequestRunId,
    pub(crate) key: Arc<FileKey>,
}

/// One person's rows of one collection, as a whole.
pub(crate) struct Filled {
    shape: Arc<Shape>,
    seen: Vec<Seen>,
    spool: SpoolName,
}

/// A row, and the places in the batch of those who get it.
pub(crate) struct Dealt {
    pub(crate) to: Vec<usize>,
    pub(crate) row: Row,
}

/// The spools of one collection that is being read.
pub(crate) struct Spooling {
    spools: Arc<dyn Spools>,
    entropy: Arc<dyn Entropy>,
    targets: Arc<[Target]>,
    collection: u32,
    open: HashMap<usize, Open>,
}

struct Open {
    shape: Arc<Shape>,
    seen: Vec<Seen>,
    sealer: ChunkSealer<Box<dyn Write + Send>>,
}

impl Spooling {
    pub(crate) fn new(
        spools: Arc<dyn Spools>,
        entropy: Arc<dyn Entropy>,
        targets: Arc<[Target]>,
        collection: u32,
    ) -> Self {
        Self {
            spools,
            entropy,
            targets,
            collection,
            open: HashMap::new(),
        }
    }

    /// Adds rows, each of this shape.
    ///
    /// # Errors
    /// [`Error::Unready`] with code `spools_unavailable`: the disk does not take them.
    pub(crate) async fn add(self, shape: &Arc<Shape>, rows: Vec<Dealt>) -> Result<Self> {
        let shape = Arc::clone(shape);
        self.on_disk(move |spooling| {
            for Dealt { to, row } in rows {
                for place in to {
                    spooling.write(place, &shape, &row)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Ends the spools: whose, and what there is. Nobody has one without a row.
    ///
    /// # Errors
    /// As [`Spooling::add`].
    pub(crate) async fn finish(self) -> Result<Vec<(usize, Filled)>> {
        let collection = self.collection;
        let targets = Arc::clone(&self.targets);
        let mut ended = Vec::with_capacity(self.open.len());
        let work = tokio::task::spawn_blocking(move || {
            for (place, open) in self.open {
                open.sealer.finish()?;
                ended.push((place, open.shape, open.seen));
            }
            io::Result::Ok(ended)
        });
        let ended = work.await.map_err(|_| BROKEN_OFF)?.map_err(|e| told(&e))?;
        let filled = ended.into_iter().filter_map(|(place, shape, seen)| {
            let run = targets.get(place)?.run;
            let spool = SpoolName { run, collection };
            Some((place, Filled { shape, seen, spool }))
        });
        Ok(filled.collect())
    }

    async fn on_disk(
        mut self,
        work: impl FnOnce(&mut Self) -> io::Result<()> + Send + 'static,
    ) -> Result<Self> {
        let work = tokio::task::spawn_blocking(move || work(&mut self).map(|()| self));
        work.await.map_err(|_| BROKEN_OFF)?.map_err(|e| told(&e))
    }

    fn write(&mut self, place: usize, shape: &Arc<Shape>, row: &Row) -> io::Result<()> {
        let Some(target) = self.targets.get(place) else {
            return Ok(());
        };
        let open = match self.open.entry(place) {
            std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let spool = SpoolName {
                    run: target.run,
                    collection: self.collection,
                };
                let out = self.spools.create(spool)?;
                let prefix = FilePrefix::random(&*self.entropy);
                let key = Arc::clone(&target.key);
                vacant.insert(Open {
                    shape: Arc::clone(shape),
                    seen: vec![Seen::default(); shape.fields.len()],
                    sealer: ChunkSealer::new(key, &place_of(spool), prefix, out)?,
                })
            }
        };
        for (seen, value) in open.seen.iter_mut().zip(row.values()) {
            seen.see(value);
        }
        row.write_to(&mut open.sealer)
    }
}

const BROKEN_OFF: Error = Error::Internal("writing rows of people to a spool broke off");

fn told(error: &io::Error) -> Error {
    // The kind alone: the system's own words may hold a path.
    let kind = error.kind();
    Error::unready(
        "spools_unavailable",
        format!(
            "what is gathered for people cannot be kept ({kind}): make room on the disk of the data folder"
        ),
    )
}

/// What a spool is bound to: nobody can put one in another's place.
fn place_of(spool: SpoolName) -> Vec<u8> {
    let collection = spool.collection.to_be_bytes();
    [PLACE, spool.run.as_bytes(), &collection].concat()
}

impl Filled {
    /// The collection, read from its spool as often as the archive asks.
    pub(crate) fn collection(
        &self,
        spools: &Arc<dyn Spools>,
        key: &Arc<FileKey>,
    ) -> Collection<'static> {
        let (spools, key, spool) = (Arc::clone(spools), Arc::clone(key), self.spool);
        let is_told = self.seen.iter();
        let is_told = is_told.map(|seen| self.shape.tells_empty || !seen.is_empty());
        let is_told: Arc<[bool]> = is_told.collect();
        let fields = self.shape.fields.iter().zip(&self.seen).zip(&*is_told);
        let fields = fields.filter(|(_, is_told)| **is_told);
        let fields = fields.map(|((field, seen), _)| Field {
            kind: seen.kind(),
            ..field.clone()
        });
        let fields = fields.collect();
        let rows = move || {
            // The opener hands out pieces of a chunk that it holds opened, so that no further buffer keeps plaintext.
            let opener = ChunkOpener::new(Arc::clone(&key), &place_of(spool), spools.open(spool)?)?;
            Ok(SpooledRows::new(opener).only(Arc::clone(&is_told)))
        };
        let Shape {
            name, title, what, ..
        } = &*self.shape;
        Collection::new(name.clone(), title.clone(), what.clone(), fields, rows)
    }
}
