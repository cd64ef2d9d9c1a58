//! Fields that are being erased.

use privet_seal::KeyKind;
use privet_vault::port::{ChangeKind, FieldErasure, KeyRow, StoreError};
use privet_vault::{SourceName, SubjectRef};

use super::State;

impl State {
    pub(super) fn begin_field_erasures(
        &mut self,
        begun: Vec<(KeyRow, FieldErasure)>,
    ) -> Result<(), StoreError> {
        let is_next = |(key, _): &(KeyRow, FieldErasure)| {
            let subject = SubjectRef::from_bytes(key.owner);
            self.subject(|row| row.reference == subject).is_some()
                && self.newest(subject, key.kind) < Some(key.generation)
        };
        if !begun.iter().all(is_next) {
            return Err(StoreError::Conflict);
        }
        begun
            .into_iter()
            .try_for_each(|(key, erasure)| self.begin_field_erasure(key, erasure))
    }

    fn begin_field_erasure(
        &mut self,
        key: KeyRow,
        erasure: FieldErasure,
    ) -> Result<(), StoreError> {
        let subject = SubjectRef::from_bytes(key.owner);
        let (kind, generation) = (key.kind, key.generation);
        self.add_key(key)?;
        self.field_erasures.push(FieldErasure {
            subject,
            kind,
            generation,
            ..erasure
        });
        self.field_erasures
            .sort_by_key(|row| (row.subject, row.kind.code(), row.generation));
        self.changes.push(ChangeKind::KeysReplaced(subject));
        Ok(())
    }

    pub(super) fn fields_cleared(&mut self, erasure: &FieldErasure, source: &SourceName) {
        let place = |row: &FieldErasure| (row.subject, row.kind.code(), row.generation);
        let mut rows = self.field_erasures.iter_mut();
        if let Some(row) = rows.find(|row| place(row) == place(erasure)) {
            row.sources.retain(|name| name != source);
        }
    }

    pub(super) fn end_field_erasure(
        &mut self,
        subject: SubjectRef,
        kind: KeyKind,
        generation: u32,
    ) -> Result<u64, StoreError> {
        if self.newest(subject, kind) < Some(generation) {
            return Err(StoreError::Conflict);
        }
        let keys = self.destroy_keys(|key| {
            key.owner == *subject.as_bytes() && key.kind == kind && key.generation < generation
        });
        let before = self.field_erasures.len();
        self.field_erasures.retain(|row| {
            row.subject != subject || row.kind != kind || row.generation > generation
        });
        if keys > 0 || self.field_erasures.len() < before {
            self.changes.push(ChangeKind::KeysReplaced(subject));
        }
        Ok(keys)
    }

    fn newest(&self, subject: SubjectRef, kind: KeyKind) -> Option<u32> {
        let keys = self.keys_where(|key| key.owner == *subject.as_bytes() && key.kind == kind);
        keys.iter().map(|key| key.generation).max()
    }
}
