//! Fields that are being erased.

use privet_seal::KeyKind;
use privet_vault::SubjectRef;
use privet_vault::port::{ChangeKind, FieldErasure, KeyRow, StoreError};

use super::State;

impl State {
    pub(super) fn begin_field_erasure(
        &mut self,
        key: KeyRow,
        fields: Vec<u16>,
    ) -> Result<(), StoreError> {
        let subject = SubjectRef::from_bytes(key.owner);
        let is_known = self.subject(|row| row.reference == subject).is_some();
        let (kind, generation) = (key.kind, key.generation);
        if !is_known || self.newest(subject, kind) >= Some(generation) {
            return Err(StoreError::Conflict);
        }
        self.add_key(key)?;
        self.field_erasures.push(FieldErasure {
            subject,
            kind,
            generation,
            fields,
        });
        self.field_erasures
            .sort_by_key(|row| (row.subject, row.kind.code(), row.generation));
        self.changes.push(ChangeKind::KeysReplaced(subject));
        Ok(())
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
