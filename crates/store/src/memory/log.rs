//! The log store in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use privet_vault::port::{LogBatch, LogState, LogStore, SideRow, StoreError, TileRow};

use super::Shared;
use crate::write::check_batch;

#[derive(Default)]
pub(super) struct MemoryLog(Shared<State>);

#[derive(Clone, Default)]
struct State {
    logs: BTreeMap<String, Log>,
    sides: Vec<SideRow>,
}

#[derive(Clone)]
struct Log {
    state: LogState,
    entries: Vec<Vec<u8>>,
    tiles: BTreeMap<(u8, u64), TileRow>,
}

#[async_trait]
impl LogStore for MemoryLog {
    async fn origins(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.0.read().logs.keys().cloned().collect())
    }

    async fn state(&self, origin: &str) -> Result<Option<LogState>, StoreError> {
        Ok(self.0.read().logs.get(origin).map(|log| log.state.clone()))
    }

    async fn append(&self, origin: &str, batch: LogBatch) -> Result<(), StoreError> {
        check_batch(&batch)?;
        // Not through a copy, which would make a long log quadratic: everything is checked before anything changes.
        let mut state = self.0.read();
        let size = state.logs.get(origin).map_or(0, |log| log.state.size);
        if size != batch.size_before {
            return Err(StoreError::Conflict);
        }
        state.sides.extend(batch.sides);
        let log = state.logs.entry(origin.to_owned()).or_insert_with(|| Log {
            state: batch.state.clone(),
            entries: Vec::new(),
            tiles: BTreeMap::new(),
        });
        log.state = batch.state;
        log.entries.extend(batch.entries);
        for tile in batch.tiles {
            let place = log
                .tiles
                .entry((tile.level, tile.number))
                .or_insert_with(|| tile.clone());
            if tile.width >= place.width {
                *place = tile;
            }
        }
        Ok(())
    }

    async fn entries(
        &self,
        origin: &str,
        first: u64,
        count_max: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let state = self.0.read();
        let entries = state.logs.get(origin).map_or(&[][..], |log| &log.entries);
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        Ok(entries
            .iter()
            .skip(first)
            .take(count_max as usize)
            .cloned()
            .collect())
    }

    async fn tile(
        &self,
        origin: &str,
        level: u8,
        number: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        let state = self.0.read();
        Ok(state
            .logs
            .get(origin)
            .and_then(|log| log.tiles.get(&(level, number)).cloned()))
    }

    async fn side(&self, sha256: [u8; 32]) -> Result<Option<SideRow>, StoreError> {
        Ok(self
            .0
            .read()
            .sides
            .iter()
            .find(|side| side.sha256 == sha256)
            .cloned())
    }

    async fn delete_sides(&self, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        self.0
            .read()
            .sides
            .retain(|side| !hashes.contains(&side.sha256));
        Ok(())
    }
}
