//! Salts of telemetry ids. There is one writer, so that what is checked in a transaction holds until its end.

use privet_seal::KeyKind;
use privet_vault::SubjectRef;
use privet_vault::port::{ChangeKind, ConsentTold, KeyRow, StoreError, Telling};
use rusqlite::{Connection, params};

use super::{change, stream, subject, wrapped};
use crate::sqlite::file::Failure;
use crate::sqlite::scrub::Scrub;

/// The newest of each.
pub(super) fn of(
    connection: &Connection,
    subjects: &[SubjectRef],
) -> Result<Vec<Option<KeyRow>>, Failure> {
    subjects.iter().map(|id| newest(connection, *id)).collect()
}

fn newest(connection: &Connection, subject: SubjectRef) -> Result<Option<KeyRow>, Failure> {
    let condition = "WHERE owner = ?1 AND kind = ?2 ORDER BY generation DESC LIMIT 1";
    let parameters = params![subject.as_bytes(), KeyKind::Salt.code()];
    Ok(wrapped::select(connection, condition, parameters)?.pop())
}

/// Adds those that are the first of somebody.
pub(super) fn add(connection: &Connection, salts: &[KeyRow]) -> Result<(), Failure> {
    let mut salts: Vec<&KeyRow> = salts.iter().collect();
    salts.sort_by_key(|salt| salt.owner);
    for salt in salts {
        let owner = SubjectRef::from_bytes(salt.owner);
        if subject::is_known(connection, owner)? && newest(connection, owner)?.is_none() {
            wrapped::add(connection, std::slice::from_ref(salt))?;
            change::add(connection, ChangeKind::SaltMade(owner))?;
        }
    }
    Ok(())
}

/// Refuses what was worked out with another salt.
pub(super) fn check(
    connection: &Connection,
    subject: SubjectRef,
    telling: &Telling,
) -> Result<(), Failure> {
    let generation = newest(connection, subject)?.map_or(0, |salt| salt.generation);
    if generation == telling.generation {
        Ok(())
    } else {
        Err(StoreError::Conflict.into())
    }
}

pub(super) fn rotate(
    connection: &Connection,
    salt: &KeyRow,
    telling: &Telling,
    scrub: &mut Scrub,
) -> Result<(), Failure> {
    let owner = SubjectRef::from_bytes(salt.owner);
    if !subject::is_known(connection, owner)? {
        return Err(StoreError::Conflict.into());
    }
    check(connection, owner, telling)?;
    wrapped::destroy_of_kind(connection, owner.as_bytes(), KeyKind::Salt, scrub)?;
    wrapped::add(connection, std::slice::from_ref(salt))?;
    let number = change::add(connection, ChangeKind::SaltRotated(owner))?;
    stream::add(connection, number, Some(telling))
}

/// A change of consent for each, in the list's order.
pub(super) fn consents_changed(
    connection: &Connection,
    changes: &[ConsentTold],
) -> Result<(), Failure> {
    for ConsentTold {
        subject,
        number,
        telling,
    } in changes
    {
        let telling = match telling {
            Some(telling) if subject::is_known(connection, *subject)? => Some(telling),
            _ => None,
        };
        if let Some(telling) = telling {
            check(connection, *subject, telling)?;
        }
        wrapped::raise_told(connection, *subject, *number)?;
        let sequence = change::add(connection, ChangeKind::ConsentChanged(*subject))?;
        stream::add(connection, sequence, telling)?;
    }
    Ok(())
}
