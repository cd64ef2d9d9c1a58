//! Salts of telemetry ids, and what telemetry has to be told.

use privet_seal::KeyKind;
use privet_vault::SubjectRef;
use privet_vault::port::{
    ChangeKind, ConsentEnd, ConsentTold, KeyRow, StoreError, StreamEvent, StreamRow, SubjectRow,
    Telling,
};

use super::State;

impl State {
    /// The newest one.
    pub(super) fn salt_of(&self, subject: SubjectRef) -> Option<KeyRow> {
        let mut salts =
            self.keys_where(|key| key.kind == KeyKind::Salt && key.owner == *subject.as_bytes());
        salts.sort_by_key(|key| key.generation);
        salts.pop()
    }

    /// Adds those that are the first of somebody.
    pub(super) fn add_salts(&mut self, mut salts: Vec<KeyRow>) -> Result<(), StoreError> {
        salts.sort_by_key(|salt| salt.owner);
        salts.into_iter().try_for_each(|salt| self.add_salt(salt))
    }

    fn add_salt(&mut self, salt: KeyRow) -> Result<(), StoreError> {
        let subject = SubjectRef::from_bytes(salt.owner);
        let known = self.subject(|row| row.reference == subject).is_some();
        if !known || self.salt_of(subject).is_some() {
            return Ok(());
        }
        self.add_key(salt)?;
        self.changes.push(ChangeKind::SaltMade(subject));
        Ok(())
    }

    pub(super) fn subjects_with_salts(
        &self,
        after: Option<SubjectRef>,
        count_max: u32,
    ) -> Vec<SubjectRow> {
        let behind = |row: &&SubjectRow| after.is_none_or(|after| row.reference > after);
        let rows = self.subjects.iter().filter(behind);
        let with_salt = rows.filter(|row| self.salt_of(row.reference).is_some());
        let mut rows: Vec<SubjectRow> = with_salt.cloned().collect();
        rows.sort_by_key(|row| row.reference);
        rows.truncate(count_max as usize);
        rows
    }

    pub(super) fn check_salt(
        &self,
        subject: SubjectRef,
        telling: &Telling,
    ) -> Result<(), StoreError> {
        let generation = self.salt_of(subject).map_or(0, |salt| salt.generation);
        if generation == telling.generation {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }

    pub(super) fn rotate_salt(&mut self, salt: KeyRow, telling: Telling) -> Result<(), StoreError> {
        let subject = SubjectRef::from_bytes(salt.owner);
        if self.subject(|row| row.reference == subject).is_none() {
            return Err(StoreError::Conflict);
        }
        self.check_salt(subject, &telling)?;
        self.destroy_keys(|key| key.kind == KeyKind::Salt && key.owner == salt.owner);
        self.add_key(salt)?;
        self.changes.push(ChangeKind::SaltRotated(subject));
        self.tell(telling.event);
        Ok(())
    }

    pub(super) fn consent_changed(&mut self, told: ConsentTold) -> Result<(), StoreError> {
        let ConsentTold {
            subject,
            number,
            telling,
        } = told;
        let known = self.subject(|row| row.reference == subject).is_some();
        let telling = telling.filter(|_| known);
        if let Some(telling) = &telling {
            self.check_salt(subject, telling)?;
        }
        let of_consent =
            |key: &&mut KeyRow| key.owner == *subject.as_bytes() && key.is_of_consent();
        for key in self.keys.iter_mut().filter(of_consent) {
            key.told = key.told.max(number);
        }
        self.changes.push(ChangeKind::ConsentChanged(subject));
        self.tell(telling.and_then(|telling| telling.event));
        Ok(())
    }

    /// What becomes of a destroyed subject's answers. An erasure is done again after a failure, so that the key may be there.
    pub(super) fn end_consent(&mut self, end: ConsentEnd) -> Result<(), StoreError> {
        self.orphan_places.extend(end.places);
        match end.kept {
            Some(key)
                if !self
                    .keys
                    .iter()
                    .any(|row| row.owner == key.owner && row.is_of_consent()) =>
            {
                self.add_key(key)
            }
            _ => Ok(()),
        }
    }

    /// Puts down what belongs to the last change.
    pub(super) fn tell(&mut self, event: Option<StreamEvent>) {
        let number = self.sequence();
        self.stream
            .extend(event.map(|event| StreamRow { number, event }));
    }
}
