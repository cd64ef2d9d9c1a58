//! The data store on SQLite: sealed values, blind indexes, the consent ledger, texts of notices, sessions and reviews.

mod consent;
mod notice;
mod session;

use async_trait::async_trait;
use privet_vault::port::{
    ConsentBit, ConsentPlace, ConsentRow, DataStore, NewConsentRow, NewSessionEntry, NoticeRow,
    SessionEntry, SessionEntryFilter, SessionFilter, SessionRow, SessionTally, StoreError,
    TallyPeriod, ValueSwap, ValueWrite,
};
use privet_vault::{Puid, SessionId};
use rusqlite::{Connection, OptionalExtension, params};

use super::engine::Engine;
use super::file::{Failure, FileSpec};
use crate::write::last_writes;

pub(super) static SPEC: FileSpec = FileSpec {
    name: "data.sqlite",
    application_id: i32::from_be_bytes(*b"PvtD"),
    migrations: &[
        FORMAT_1,
        FORMAT_2,
        FORMAT_3,
        consent::FORMAT_4,
        notice::FORMAT_5,
    ],
    damaged: "`data.sqlite` is not what was written: restore it from its backup",
    mmap_bytes: 1 << 30,
    cache_bytes: 16 << 20,
    page_bytes: 4096,
    checkpoint_pages: 4000,
    searched: false,
};

const FORMAT_1: &str = "
CREATE TABLE value (
    puid BLOB NOT NULL,
    field INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (puid, field)
) WITHOUT ROWID;

CREATE TABLE value_index (
    puid BLOB NOT NULL,
    field INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    unique_value INTEGER NOT NULL,
    PRIMARY KEY (puid, field, bytes)
) WITHOUT ROWID;
CREATE INDEX value_index_by_bytes ON value_index (field, bytes, puid);
CREATE UNIQUE INDEX value_index_unique ON value_index (field, bytes) WHERE unique_value = 1;

CREATE TABLE session (
    id BLOB NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    token BLOB NOT NULL,
    source TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    active_at INTEGER NOT NULL,
    ended_at INTEGER,
    decrypted INTEGER NOT NULL,
    statements INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    verdict TEXT,
    reviewer TEXT,
    reviewed_at INTEGER
) WITHOUT ROWID;
CREATE INDEX session_by_start ON session (started_at, id);

CREATE TABLE session_entry (
    number INTEGER PRIMARY KEY,
    session BLOB NOT NULL,
    origin TEXT NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (session, origin, position)
);
";

/// What waits for a verdict is found among many that have one; a session is read a page at a time, or its frame alone.
/// Entries noted before have no part.
const FORMAT_2: &str = "
CREATE INDEX session_pending ON session (started_at, id)
    WHERE verdict IS NULL OR verdict = 'pending';
ALTER TABLE session_entry ADD COLUMN part INTEGER;
CREATE INDEX session_entry_by_number ON session_entry (session, number, part);
";

/// What was opened in an emergency is reviewed first.
const FORMAT_3: &str = "
ALTER TABLE session ADD COLUMN emergency_at INTEGER;
CREATE INDEX session_emergency ON session (started_at, id) WHERE emergency_at IS NOT NULL;
";

/// `data.sqlite` as a [`DataStore`].
#[derive(Debug)]
pub(super) struct SqliteData {
    pub(super) engine: Engine,
}

#[async_trait]
impl DataStore for SqliteData {
    async fn put_values(&self, values: Vec<ValueWrite>) -> Result<(), StoreError> {
        let values = last_writes(values);
        self.engine
            .write(move |connection| put_values(connection, &values))
            .await
    }

    async fn swap_values(&self, swaps: Vec<ValueSwap>) -> Result<Vec<bool>, StoreError> {
        self.engine
            .write(move |connection| swap_values(connection, &swaps))
            .await
    }

    async fn values(
        &self,
        subjects: &[Puid],
        fields: &[u16],
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>, StoreError> {
        let (subjects, fields) = (subjects.to_vec(), fields.to_vec());
        self.engine
            .read(move |connection| {
                let mut select = connection
                    .prepare_cached("SELECT sealed FROM value WHERE puid = ?1 AND field = ?2")?;
                let mut values = Vec::with_capacity(subjects.len());
                for subject in &subjects {
                    let mut row = Vec::with_capacity(fields.len());
                    for field in &fields {
                        let key = params![subject.as_bytes(), field];
                        row.push(select.query_row(key, |row| row.get(0)).optional()?);
                    }
                    values.push(row);
                }
                Ok(values)
            })
            .await
    }

    async fn fields_of(&self, subject: Puid) -> Result<Vec<u16>, StoreError> {
        self.engine
            .read(move |connection| {
                let mut select = connection
                    .prepare_cached("SELECT field FROM value WHERE puid = ?1 ORDER BY field")?;
                let fields = select.query_map([subject.as_bytes()], |row| row.get(0))?;
                Ok(fields.collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn lookup(
        &self,
        field: u16,
        index: [u8; 18],
        count_max: u32,
    ) -> Result<Vec<Puid>, StoreError> {
        self.engine
            .read(move |connection| {
                let mut select = connection.prepare_cached(
                    "SELECT puid FROM value_index WHERE field = ?1 AND bytes = ?2
                     ORDER BY puid LIMIT ?3",
                )?;
                let holders = select.query_map(params![field, index, count_max], |row| {
                    row.get(0).map(Puid::from_bytes)
                })?;
                Ok(holders.collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn delete_subject(&self, subject: Puid) -> Result<u64, StoreError> {
        self.engine
            .write(move |connection| {
                let key = [subject.as_bytes()];
                connection
                    .prepare_cached("DELETE FROM value_index WHERE puid = ?1")?
                    .execute(key)?;
                let count = connection
                    .prepare_cached("DELETE FROM value WHERE puid = ?1")?
                    .execute(key)?;
                Ok(count as u64)
            })
            .await
    }

    async fn append_consent(&self, rows: Vec<NewConsentRow>) -> Result<Vec<bool>, StoreError> {
        self.engine
            .write(move |connection| consent::append(connection, &rows))
            .await
    }

    async fn consent_states(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let places = places.to_vec();
        self.engine
            .read(move |connection| consent::states(connection, &places))
            .await
    }

    async fn consent_rows(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<ConsentRow>>, StoreError> {
        let places = places.to_vec();
        self.engine
            .read(move |connection| consent::rows(connection, &places))
            .await
    }

    async fn delete_consent(&self, places: &[ConsentPlace]) -> Result<u64, StoreError> {
        let places = places.to_vec();
        self.engine
            .write(move |connection| consent::delete(connection, &places))
            .await
    }

    async fn consent_bits(&self) -> Result<Vec<ConsentBit>, StoreError> {
        self.engine.read(consent::bits).await
    }

    async fn add_notices(&self, rows: Vec<NoticeRow>) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| notice::add(connection, &rows))
            .await
    }

    async fn notices(&self, versions: &[String]) -> Result<Vec<NoticeRow>, StoreError> {
        let versions = versions.to_vec();
        self.engine
            .read(move |connection| notice::of_versions(connection, &versions))
            .await
    }

    async fn put_session(&self, session: SessionRow) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| session::put(connection, &session))
            .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.engine
            .read(move |connection| session::one(connection, id))
            .await
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
        let filter = filter.clone();
        self.engine
            .read(move |connection| session::list(connection, &filter))
            .await
    }

    async fn session_tallies(&self, period: &TallyPeriod) -> Result<Vec<SessionTally>, StoreError> {
        let period = *period;
        self.engine
            .read(move |connection| session::tallies(connection, &period))
            .await
    }

    async fn add_session_entries(&self, entries: Vec<NewSessionEntry>) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| session::add_entries(connection, &entries))
            .await
    }

    async fn session_entries(
        &self,
        filter: &SessionEntryFilter,
    ) -> Result<Vec<SessionEntry>, StoreError> {
        let filter = filter.clone();
        self.engine
            .read(move |connection| session::entries(connection, &filter))
            .await
    }
}

const UNINDEX: &str = "DELETE FROM value_index WHERE puid = ?1 AND field = ?2";

/// Takes every old value away before any new one is put, so that two subjects can exchange a unique value.
fn put_values(connection: &Connection, values: &[ValueWrite]) -> Result<(), Failure> {
    let mut unindex = connection.prepare_cached(UNINDEX)?;
    let mut delete =
        connection.prepare_cached("DELETE FROM value WHERE puid = ?1 AND field = ?2")?;
    let mut put = connection.prepare_cached(
        "INSERT INTO value (puid, field, sealed) VALUES (?1, ?2, ?3)
         ON CONFLICT (puid, field) DO UPDATE SET sealed = excluded.sealed",
    )?;
    let mut index = connection.prepare_cached(
        "INSERT INTO value_index (puid, field, bytes, unique_value) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for write in values {
        let key = params![write.puid.as_bytes(), write.field];
        unindex.execute(key)?;
        match &write.sealed {
            Some(sealed) => put.execute(params![write.puid.as_bytes(), write.field, sealed])?,
            None => delete.execute(key)?,
        };
    }
    for write in values.iter().filter(|write| write.sealed.is_some()) {
        for entry in &write.index {
            let row = params![
                write.puid.as_bytes(),
                write.field,
                entry.bytes,
                entry.unique
            ];
            index.execute(row).map_err(|error| {
                let failure = Failure::from(error);
                if failure.is_unique_index() {
                    StoreError::NotUnique(write.field).into()
                } else {
                    failure
                }
            })?;
        }
    }
    Ok(())
}

fn swap_values(connection: &Connection, swaps: &[ValueSwap]) -> Result<Vec<bool>, Failure> {
    let mut unindex = connection.prepare_cached(UNINDEX)?;
    let mut delete = connection
        .prepare_cached("DELETE FROM value WHERE puid = ?1 AND field = ?2 AND sealed = ?3")?;
    let mut replace = connection.prepare_cached(
        "UPDATE value SET sealed = ?4 WHERE puid = ?1 AND field = ?2 AND sealed = ?3",
    )?;
    let mut swapped = Vec::with_capacity(swaps.len());
    for ValueSwap {
        puid,
        field,
        old,
        new,
    } in swaps
    {
        let puid = puid.as_bytes();
        swapped.push(match new {
            Some(new) => replace.execute(params![puid, field, old, new])? > 0,
            None => {
                let gone = delete.execute(params![puid, field, old])? > 0;
                if gone {
                    unindex.execute(params![puid, field])?;
                }
                gone
            }
        });
    }
    Ok(swapped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteOptions;
    use crate::sqlite::file::StoreFile;

    /// With the index of values as the primary key, SQLite went through all values of the field for each write.
    #[test]
    fn replacing_a_value_finds_its_index_rows_by_subject() {
        let dir = tempfile::tempdir().unwrap();
        let file = StoreFile::create(dir.path(), &SPEC).unwrap();
        let connection = file.writer(&SqliteOptions::default()).unwrap();
        let plan: String = connection
            .query_row(
                &format!("EXPLAIN QUERY PLAN {UNINDEX}"),
                [(); 2].map(|()| 0),
                |row| row.get(3),
            )
            .unwrap();
        assert!(plan.contains("(puid=? AND field=?)"), "{plan}");
    }
}
