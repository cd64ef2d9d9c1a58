//! The stores in memory: the model that the others are compared with, and the double that other crates' tests use.
//! Slow and obvious: lists that are searched from the front.

mod data;
mod keys;
mod log;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use privet_vault::port::{DataStore, KeyStore, LogStore};

use self::data::MemoryData;
use self::keys::MemoryKeys;
use self::log::MemoryLog;

/// The three stores in memory. Clones share their content; it is gone with the last.
#[derive(Clone)]
pub struct MemoryStores {
    /// Sealed values, blind indexes, consent, sessions.
    pub data: Arc<dyn DataStore>,
    /// Keys, links, tokens, grants.
    pub keys: Arc<dyn KeyStore>,
    /// The audit log.
    pub log: Arc<dyn LogStore>,
}

impl MemoryStores {
    /// Three empty stores.
    pub fn new() -> Self {
        Self {
            data: Arc::new(MemoryData::default()),
            keys: Arc::new(MemoryKeys::default()),
            log: Arc::new(MemoryLog::default()),
        }
    }
}

impl Default for MemoryStores {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemoryStores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStores").finish_non_exhaustive()
    }
}

/// A state that is changed as a whole or not at all.
#[derive(Default)]
struct Shared<S>(Mutex<S>);

impl<S: Clone> Shared<S> {
    fn read(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a copy, and keeps it only if `work` succeeds.
    fn write<T, E>(&self, work: impl FnOnce(&mut S) -> Result<T, E>) -> Result<T, E> {
        let mut state = self.read();
        let mut copy = state.clone();
        let done = work(&mut copy)?;
        *state = copy;
        Ok(done)
    }
}
