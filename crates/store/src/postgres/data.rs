//! The data store on PostgreSQL: sealed values, blind indexes, the consent ledger, texts of notices, sessions and reviews.

mod consent;
mod notice;
mod read;
mod session;
mod value;

use async_trait::async_trait;
use privet_vault::port::{
    ConsentBit, ConsentPlace, ConsentRow, DataStore, NewConsentRow, NewSessionEntry, NoticeRow,
    SessionEntry, SessionEntryFilter, SessionFilter, SessionRow, SessionTally, StoreError,
    TallyPeriod, ValueSwap, ValueWrite,
};
use privet_vault::{Puid, SessionId};
use tokio_postgres::Row;

use self::read::Reader;
use super::column::Reading;
use super::database::{Database, DatabaseSpec};
use crate::write::last_writes;

pub(super) static SPEC: DatabaseSpec = DatabaseSpec {
    name: "data store",
    schema: "privet_data",
    migrations: &[
        FORMAT_1,
        FORMAT_2,
        FORMAT_3,
        consent::FORMAT_4,
        notice::FORMAT_5,
    ],
    vacuumed: &["value", "value_index", "consent_event"],
};

const DAMAGED: &str = "the data store is not what was written: restore it from its backup";

/// A value's row names its index rows, so that they are found by their own key, which begins with another column than
/// the value's.
const FORMAT_1: &str = "
CREATE TABLE value (
    puid uuid NOT NULL,
    field integer NOT NULL,
    sealed bytea NOT NULL,
    indexes bytea[] NOT NULL,
    PRIMARY KEY (puid, field)
);

CREATE TABLE value_index (
    bytes bytea NOT NULL,
    field integer NOT NULL,
    puid uuid NOT NULL,
    unique_value boolean NOT NULL,
    PRIMARY KEY (bytes, field, puid)
);
CREATE UNIQUE INDEX value_index_unique ON value_index (bytes, field) WHERE unique_value;

CREATE TABLE session (
    id uuid PRIMARY KEY,
    principal text NOT NULL,
    token uuid NOT NULL,
    source text NOT NULL,
    started_at bigint NOT NULL,
    active_at bigint NOT NULL,
    ended_at bigint,
    decrypted boolean NOT NULL,
    statements bigint NOT NULL,
    opened bigint NOT NULL,
    verdict text,
    reviewer text,
    reviewed_at bigint
);
CREATE INDEX session_by_start ON session (started_at, id);

CREATE TABLE session_entry (
    session uuid NOT NULL,
    origin text NOT NULL,
    position bigint NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (session, origin, position)
);
";

/// What waits for a verdict is found among many that have one; a session is read a page at a time, or its frame alone.
/// Entries noted before have no part.
const FORMAT_2: &str = "
CREATE INDEX session_pending ON session (started_at, id)
    WHERE verdict IS NULL OR verdict = 'pending';
ALTER TABLE session_entry ADD COLUMN part smallint;
CREATE INDEX session_entry_by_number ON session_entry (session, number, part);
";

/// What was opened in an emergency is reviewed first.
const FORMAT_3: &str = "
ALTER TABLE session ADD COLUMN emergency_at bigint;
CREATE INDEX session_emergency ON session (started_at, id) WHERE emergency_at IS NOT NULL;
";

/// The data store's database as a [`DataStore`].
#[derive(Debug)]
pub(super) struct PostgresData {
    database: Database,
    reader: Reader,
}

impl PostgresData {
    pub(super) fn new(database: Database) -> Self {
        let reader = Reader::start(&database);
        Self { database, reader }
    }
}

#[async_trait]
impl DataStore for PostgresData {
    async fn put_values(&self, values: Vec<ValueWrite>) -> Result<(), StoreError> {
        let writes = last_writes(values);
        self.database
            .run(move |client| Box::pin(async move { value::put(client, &writes).await }))
            .await
    }

    async fn swap_values(&self, swaps: Vec<ValueSwap>) -> Result<Vec<bool>, StoreError> {
        let deletes = swaps.iter().any(|swap| swap.new.is_none());
        let swapped = self
            .database
            .run(move |client| Box::pin(async move { value::swap(client, &swaps).await }))
            .await?;
        if deletes {
            self.database.remove_dead_rows();
        }
        Ok(swapped)
    }

    async fn values(
        &self,
        subjects: &[Puid],
        fields: &[u16],
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>, StoreError> {
        self.reader.values(subjects, fields).await
    }

    async fn fields_of(&self, subject: Puid) -> Result<Vec<u16>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { value::fields_of(client, subject).await }))
            .await
    }

    async fn lookup(
        &self,
        field: u16,
        index: [u8; 18],
        count_max: u32,
    ) -> Result<Vec<Puid>, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { value::lookup(client, field, &index, count_max).await })
            })
            .await
    }

    async fn delete_subject(&self, subject: Puid) -> Result<u64, StoreError> {
        let count = self
            .database
            .run(move |client| Box::pin(async move { value::delete(client, subject).await }))
            .await?;
        self.database.remove_dead_rows();
        Ok(count)
    }

    async fn append_consent(&self, rows: Vec<NewConsentRow>) -> Result<Vec<bool>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { consent::append(client, &rows).await }))
            .await
    }

    async fn consent_states(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let places = places.to_vec();
        self.database
            .run(move |client| Box::pin(async move { consent::states(client, &places).await }))
            .await
    }

    async fn consent_rows(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<ConsentRow>>, StoreError> {
        let places = places.to_vec();
        self.database
            .run(move |client| Box::pin(async move { consent::rows(client, &places).await }))
            .await
    }

    async fn delete_consent(&self, places: &[ConsentPlace]) -> Result<u64, StoreError> {
        let places = places.to_vec();
        let count = self
            .database
            .run(move |client| Box::pin(async move { consent::delete(client, &places).await }))
            .await?;
        self.database.remove_dead_rows();
        Ok(count)
    }

    async fn consent_bits(&self) -> Result<Vec<ConsentBit>, StoreError> {
        self.database
            .run(move |client| Box::pin(consent::bits(client)))
            .await
    }

    async fn add_notices(&self, rows: Vec<NoticeRow>) -> Result<(), StoreError> {
        let mut rows = rows;
        rows.sort_by(|a, b| {
            (&a.version, &a.purpose, &a.language).cmp(&(&b.version, &b.purpose, &b.language))
        });
        self.database
            .run(move |client| Box::pin(async move { notice::add(client, &rows).await }))
            .await
    }

    async fn notices(&self, versions: &[String]) -> Result<Vec<NoticeRow>, StoreError> {
        let versions = versions.to_vec();
        self.database
            .run(move |client| {
                Box::pin(async move { notice::of_versions(client, &versions).await })
            })
            .await
    }

    async fn put_session(&self, session: SessionRow) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { session::put(client, &session).await }))
            .await
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { session::one(client, id).await }))
            .await
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
        let filter = filter.clone();
        self.database
            .run(move |client| Box::pin(async move { session::list(client, &filter).await }))
            .await
    }

    async fn session_tallies(&self, period: &TallyPeriod) -> Result<Vec<SessionTally>, StoreError> {
        let period = *period;
        self.database
            .run(move |client| Box::pin(async move { session::tallies(client, &period).await }))
            .await
    }

    async fn add_session_entries(&self, entries: Vec<NewSessionEntry>) -> Result<(), StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { session::add_entries(client, &entries).await })
            })
            .await
    }

    async fn session_entries(
        &self,
        filter: &SessionEntryFilter,
    ) -> Result<Vec<SessionEntry>, StoreError> {
        let filter = filter.clone();
        self.database
            .run(move |client| Box::pin(async move { session::entries(client, &filter).await }))
            .await
    }
}

fn reading(row: &Row) -> Reading<'_> {
    Reading {
        row,
        damaged: DAMAGED,
    }
}
