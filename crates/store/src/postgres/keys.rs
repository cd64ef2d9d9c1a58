//! The key store on PostgreSQL: wrapped keys, subjects and their names, tokens, grants, and the sequence that orders
//! what takes rights away. Each method is a call into the module that holds its SQL.
//!
//! What is destroyed here is removed from the tables by a vacuum that follows at once; write-ahead logs, archives and
//! replicas hold it longer, and count as backups of the key store.

mod access;
mod change;
mod field_erasure;
mod orphan;
mod request;
mod salt;
mod stream;
mod subject;
mod subject_request;
mod wrapped;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::{
    AliasRow, Change, ConsentEnd, ConsentTold, FieldErasure, GrantRequestRow, GrantRow, KeyRow,
    KeyStore, NewSubject, OrphanRow, Orphans, RequestDecision, RetentionKey, StoreError, StreamRow,
    SubjectRow, Telling, TokenRow,
};
use privet_vault::{
    GrantId, GrantRequestId, Oid, PrincipalName, Puid, SessionId, SourceName, SubjectRef,
    TenantName, TokenId,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::column::{Reading, from_id};
use super::database::{Database, DatabaseSpec};

pub(super) static SPEC: DatabaseSpec = DatabaseSpec {
    name: "key store",
    schema: "privet_keys",
    migrations: &[
        FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5, FORMAT_6, FORMAT_7,
    ],
    vacuumed: &[
        "wrapped_key",
        "subject",
        "alias",
        "change",
        "subject_request",
        "field_erasure",
    ],
};

const DAMAGED: &str = "the key store is not what was written: restore it from its backup; erasures since then are \
                       replayed from the log";

const FORMAT_1: &str = "
CREATE TABLE wrapped_key (
    owner uuid NOT NULL,
    kind smallint NOT NULL,
    generation bigint NOT NULL,
    tenant text NOT NULL,
    id uuid NOT NULL UNIQUE,
    wrapped bytea NOT NULL,
    commitment bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_on integer,
    PRIMARY KEY (owner, kind, generation, tenant)
);
CREATE INDEX wrapped_key_of_kind ON wrapped_key (kind, tenant);
CREATE INDEX wrapped_key_by_expiry ON wrapped_key (expires_on) WHERE expires_on IS NOT NULL;

CREATE TABLE subject (
    reference uuid PRIMARY KEY,
    tenant text NOT NULL,
    puid uuid NOT NULL UNIQUE,
    oid uuid NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    mac bytea NOT NULL
);

CREATE TABLE alias (
    source text NOT NULL,
    table_name text NOT NULL,
    row_key text NOT NULL,
    subject uuid NOT NULL REFERENCES subject (reference),
    mac bytea NOT NULL,
    PRIMARY KEY (source, table_name, row_key)
);
CREATE INDEX alias_of_subject ON alias (subject);

CREATE TABLE orphan (
    puid uuid PRIMARY KEY
);

CREATE TABLE token (
    id uuid PRIMARY KEY,
    principal text NOT NULL,
    sha256 bytea NOT NULL UNIQUE,
    scram_iterations bigint NOT NULL,
    scram_salt bytea NOT NULL,
    scram_stored_key bytea NOT NULL,
    scram_server_key bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    note text NOT NULL
);
CREATE INDEX token_of_principal ON token (principal);

CREATE TABLE access_grant (
    id uuid PRIMARY KEY,
    session uuid NOT NULL,
    principal text NOT NULL,
    subject uuid NOT NULL,
    fields integer[] NOT NULL,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    ended_at bigint,
    granted bigint NOT NULL
);
CREATE INDEX access_grant_of_session ON access_grant (session, granted);
CREATE INDEX access_grant_of_subject ON access_grant (subject);

CREATE TABLE change (
    sequence bigint PRIMARY KEY,
    kind smallint NOT NULL,
    id uuid NOT NULL
);

CREATE TABLE sequence_head (
    sequence bigint NOT NULL
);
INSERT INTO sequence_head VALUES (0);

CREATE TABLE log_position (
    origin text PRIMARY KEY,
    position bigint NOT NULL
);
";

/// A grant may be for several subjects, and rest on what a second person said.
const FORMAT_2: &str = "
DROP INDEX access_grant_of_subject;
ALTER TABLE access_grant ALTER COLUMN subject TYPE uuid[] USING ARRAY[subject];
ALTER TABLE access_grant RENAME COLUMN subject TO subjects;
ALTER TABLE access_grant ADD COLUMN request uuid;
ALTER TABLE access_grant ADD COLUMN emergency boolean NOT NULL DEFAULT false;
CREATE INDEX access_grant_by_end ON access_grant (ends_at);
CREATE TABLE granted_subject (
    subject uuid NOT NULL,
    grant_id uuid NOT NULL,
    PRIMARY KEY (subject, grant_id)
);
INSERT INTO granted_subject SELECT subjects[1], id FROM access_grant;

CREATE TABLE grant_request (
    id uuid PRIMARY KEY,
    session uuid NOT NULL,
    principal text NOT NULL,
    source text NOT NULL,
    subjects uuid[] NOT NULL,
    fields integer[] NOT NULL,
    minutes bigint NOT NULL,
    asked_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    approved boolean,
    decided_by text,
    decided_at bigint,
    grant_id uuid
);
CREATE INDEX grant_request_of_session ON grant_request (session, asked_at);
CREATE INDEX grant_request_by_end ON grant_request (expires_at);
";

/// What telemetry is told waits under the number of the change that it belongs to. A consent key says which event of its
/// ledger was told last; where a destroyed subject's events lie is known until they are deleted.
const FORMAT_3: &str = "
ALTER TABLE wrapped_key ADD COLUMN told bigint NOT NULL DEFAULT 0;

CREATE TABLE orphan_place (
    place uuid PRIMARY KEY
);

CREATE TABLE stream_event (
    number bigint PRIMARY KEY,
    tyid uuid NOT NULL,
    tenant text NOT NULL,
    bits bigint NOT NULL,
    stamp bigint NOT NULL,
    final boolean NOT NULL,
    at bigint NOT NULL
);
";

/// What people ask for. A subject has one running request of each kind.
const FORMAT_4: &str = "
CREATE TABLE subject_request (
    id uuid PRIMARY KEY,
    subject uuid REFERENCES subject (reference),
    kind text NOT NULL,
    received_at bigint NOT NULL,
    asked_at bigint NOT NULL,
    details bytea NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    due_at bigint NOT NULL,
    attempts bigint NOT NULL,
    failure text,
    lease_run uuid,
    lease_server text,
    lease_until bigint,
    notify boolean NOT NULL,
    file_run uuid,
    file_server text,
    file_bytes bigint,
    file_made_at bigint,
    file_until bigint,
    ended_at bigint,
    wakes_at bigint
);
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying');
CREATE INDEX subject_request_of_subject ON subject_request (subject);
CREATE INDEX subject_request_by_age ON subject_request (asked_at, id);
CREATE INDEX subject_request_by_state ON subject_request (state, asked_at, id);
";

/// Which rows of applications' tables named people who left, until they are erased there; with the day, where law keeps something
/// of them until then.
const FORMAT_5: &str = "
CREATE TABLE orphan_row (
    source text NOT NULL,
    table_name text NOT NULL,
    row_key text NOT NULL,
    due_on integer,
    PRIMARY KEY (source, table_name, row_key)
);
";

/// Which fields are being erased, until no key opens them any more; from when on a person is told by mail that somebody asks them;
/// what the receipt of an erasure says, which runs until it is confirmed.
const FORMAT_6: &str = "
CREATE TABLE field_erasure (
    subject uuid NOT NULL REFERENCES subject (reference),
    kind smallint NOT NULL,
    generation bigint NOT NULL,
    fields integer[] NOT NULL,
    PRIMARY KEY (subject, kind, generation)
);

ALTER TABLE grant_request ADD COLUMN tell_at bigint;
CREATE INDEX grant_request_to_tell ON grant_request (tell_at, id) WHERE tell_at IS NOT NULL;

ALTER TABLE subject_request ADD COLUMN receipt bytea;
DROP INDEX subject_request_running;
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying', 'confirming');
";

/// In which of applications' databases fields are still to be cleared, and until when the keys before open at least.
const FORMAT_7: &str = "
ALTER TABLE field_erasure ADD COLUMN sources text[] NOT NULL DEFAULT '{}';
ALTER TABLE field_erasure ADD COLUMN until bigint;
";

/// The key store's database as a [`KeyStore`].
#[derive(Debug)]
pub(super) struct PostgresKeys {
    pub(super) database: Database,
}

impl PostgresKeys {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn subjects_by(
        &self,
        id: subject::Id,
        ids: Vec<Uuid>,
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { subject::by(client, id, &ids).await }))
            .await
    }
}

#[async_trait]
impl KeyStore for PostgresKeys {
    async fn add_keys(&self, keys: Vec<KeyRow>) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { wrapped::add(&*client, &keys).await }))
            .await
    }

    async fn tenant_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.database
            .run(|client| Box::pin(async move { wrapped::of_tenants(client).await }))
            .await
    }

    async fn keys_of(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
        owner: [u8; 16],
    ) -> Result<Vec<KeyRow>, StoreError> {
        let tenant = tenant.clone();
        self.database
            .run(move |client| {
                Box::pin(async move { wrapped::of(client, &tenant, kind, &owner).await })
            })
            .await
    }

    async fn keys_of_subjects(
        &self,
        subjects: &[SubjectRef],
    ) -> Result<Vec<Vec<KeyRow>>, StoreError> {
        let subjects = subjects.to_vec();
        self.database
            .run(move |client| {
                Box::pin(async move { wrapped::of_subjects(client, &subjects).await })
            })
            .await
    }

    async fn keys_of_kind(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let tenant = tenant.clone();
        self.database
            .run(move |client| {
                Box::pin(async move { wrapped::of_kind(client, &tenant, kind).await })
            })
            .await
    }

    async fn keys_by_id(&self, ids: &[KeyId]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| from_id(id.as_bytes())).collect();
        self.database
            .run(move |client| Box::pin(async move { wrapped::by_id(client, &ids).await }))
            .await
    }

    async fn destroy_keys(&self, ids: &[KeyId]) -> Result<u64, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| from_id(id.as_bytes())).collect();
        let count = self
            .database
            .run(move |client| Box::pin(async move { wrapped::destroy(client, &ids).await }))
            .await?;
        self.database.remove_dead_rows();
        Ok(count)
    }

    async fn set_key_expiry(&self, id: KeyId, expires_on: Date) -> Result<(), StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { wrapped::set_expiry(client, id, expires_on).await })
            })
            .await
    }

    async fn destroy_expired_keys(&self, today: Date) -> Result<u64, StoreError> {
        let count = self
            .database
            .run(move |client| {
                Box::pin(async move { wrapped::destroy_expired(client, today).await })
            })
            .await?;
        self.database.remove_dead_rows();
        Ok(count)
    }

    async fn add_subjects(&self, subjects: Vec<NewSubject>) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { subject::add(client, subjects).await }))
            .await
    }

    async fn add_alias(&self, alias: AliasRow) -> Result<(), StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { subject::add_aliases(&*client, &[alias]).await })
            })
            .await
    }

    async fn subjects_by_oid(&self, oids: &[Oid]) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let ids = oids.iter().map(|id| from_id(id.as_bytes())).collect();
        self.subjects_by(subject::Id::Oid, ids).await
    }

    async fn subjects_by_puid(
        &self,
        puids: &[Puid],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let ids = puids.iter().map(|id| from_id(id.as_bytes())).collect();
        self.subjects_by(subject::Id::Puid, ids).await
    }

    async fn subjects_by_reference(
        &self,
        references: &[SubjectRef],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let ids = references.iter().map(|id| from_id(id.as_bytes())).collect();
        self.subjects_by(subject::Id::Reference, ids).await
    }

    async fn subjects_by_alias(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Option<(AliasRow, SubjectRow)>>, StoreError> {
        let (source, table, keys) = (source.clone(), table.to_owned(), keys.to_vec());
        self.database
            .run(move |client| {
                Box::pin(async move { subject::by_alias(client, &source, &table, &keys).await })
            })
            .await
    }

    async fn aliases_of(&self, subject: SubjectRef) -> Result<Vec<AliasRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { subject::aliases_of(client, subject).await }))
            .await
    }

    async fn subject_count(&self) -> Result<u64, StoreError> {
        self.database
            .run(|client| Box::pin(async move { subject::count(client).await }))
            .await
    }

    async fn destroy_subject(
        &self,
        subject: SubjectRef,
        today: Date,
        at: Timestamp,
        telling: Option<Telling>,
        consent: ConsentEnd,
    ) -> Result<Vec<RetentionKey>, StoreError> {
        let kept = self
            .database
            .run(move |client| {
                Box::pin(async move {
                    let told = telling.as_ref();
                    subject::destroy(client, subject, today, at, told, &consent).await
                })
            })
            .await?;
        self.database.remove_dead_rows();
        Ok(kept)
    }

    async fn settle_destroyed(&self) -> Result<(), StoreError> {
        // A vacuum was asked for at once; the rows are in no table that anybody can read.
        Ok(())
    }

    async fn begin_field_erasures(
        &self,
        begun: Vec<(KeyRow, FieldErasure)>,
    ) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { field_erasure::begin(client, &begun).await }))
            .await
    }

    async fn fields_cleared(
        &self,
        erasure: &FieldErasure,
        source: &SourceName,
    ) -> Result<(), StoreError> {
        let (erasure, source) = (erasure.clone(), source.clone());
        self.database
            .run(move |client| {
                Box::pin(async move { field_erasure::cleared(client, &erasure, &source).await })
            })
            .await
    }

    async fn field_erasures(&self) -> Result<Vec<FieldErasure>, StoreError> {
        self.database
            .run(|client| Box::pin(async move { field_erasure::all(client).await }))
            .await
    }

    async fn end_field_erasure(
        &self,
        subject: SubjectRef,
        kind: KeyKind,
        generation: u32,
    ) -> Result<u64, StoreError> {
        let count = self
            .database
            .run(move |client| {
                Box::pin(async move { field_erasure::end(client, subject, kind, generation).await })
            })
            .await?;
        self.database.remove_dead_rows();
        Ok(count)
    }

    async fn salts_of(&self, subjects: &[SubjectRef]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        let subjects = subjects.to_vec();
        self.database
            .run(move |client| Box::pin(async move { salt::of(client, &subjects).await }))
            .await
    }

    async fn subjects_with_salts(
        &self,
        after: Option<SubjectRef>,
        count_max: u32,
    ) -> Result<Vec<SubjectRow>, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { subject::with_salts(client, after, count_max).await })
            })
            .await
    }

    async fn add_salts(&self, salts: Vec<KeyRow>) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { salt::add(client, &salts).await }))
            .await
    }

    async fn rotate_salt(&self, salt: KeyRow, telling: Telling) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { salt::rotate(client, &salt, &telling).await }))
            .await?;
        self.database.remove_dead_rows();
        Ok(())
    }

    async fn stream_events(&self, count_max: u32) -> Result<Vec<StreamRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { stream::oldest(client, count_max).await }))
            .await
    }

    async fn remove_stream_events(&self, through: u64) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { stream::remove(client, through).await }))
            .await
    }

    async fn orphans(&self) -> Result<Orphans, StoreError> {
        self.database
            .run(|client| Box::pin(async move { orphan::all(client).await }))
            .await
    }

    async fn remove_orphans(&self, orphans: &Orphans) -> Result<(), StoreError> {
        let orphans = orphans.clone();
        self.database
            .run(move |client| Box::pin(async move { orphan::remove(client, &orphans).await }))
            .await
    }

    async fn orphan_rows(
        &self,
        source: &SourceName,
        today: Date,
        after: Option<&OrphanRow>,
        count_max: u32,
    ) -> Result<Vec<OrphanRow>, StoreError> {
        let (source, after) = (source.clone(), after.cloned());
        self.database
            .run(move |client| {
                Box::pin(async move {
                    orphan::rows(client, &source, today, after.as_ref(), count_max).await
                })
            })
            .await
    }

    async fn orphaned(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<bool>, StoreError> {
        let (source, table, keys) = (source.clone(), table.to_owned(), keys.to_vec());
        self.database
            .run(move |client| {
                Box::pin(async move { orphan::are_rows(client, &source, &table, &keys).await })
            })
            .await
    }

    async fn settle_orphan_row(
        &self,
        row: &OrphanRow,
        again: Option<Date>,
    ) -> Result<(), StoreError> {
        let row = row.clone();
        self.database
            .run(move |client| Box::pin(async move { orphan::settle(client, &row, again).await }))
            .await
    }

    async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { access::add_token(client, &token).await }))
            .await
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        self.database
            .run(|client| Box::pin(async move { access::tokens(client).await }))
            .await
    }

    async fn token_by_sha256(&self, sha256: [u8; 32]) -> Result<Option<TokenRow>, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { access::token_by_sha256(client, &sha256).await })
            })
            .await
    }

    async fn tokens_of(&self, principal: &PrincipalName) -> Result<Vec<TokenRow>, StoreError> {
        let principal = principal.clone();
        self.database
            .run(move |client| Box::pin(async move { access::tokens_of(client, &principal).await }))
            .await
    }

    async fn revoke_token(&self, token: TokenId, at: Timestamp) -> Result<bool, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { access::revoke_token(client, token, at).await })
            })
            .await
    }

    async fn add_grant(&self, grant: GrantRow) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { access::add_grant(client, &grant).await }))
            .await
    }

    async fn grant(&self, id: GrantId) -> Result<Option<GrantRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { access::grant(client, id).await }))
            .await
    }

    async fn grants_of(&self, session: SessionId) -> Result<Vec<GrantRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { access::grants_of(client, session).await }))
            .await
    }

    async fn grants_since(
        &self,
        since: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRow>, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { access::grants_since(client, since, count_max).await })
            })
            .await
    }

    async fn add_request(&self, request: GrantRequestRow) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { request::add(client, &request).await }))
            .await
    }

    async fn request(&self, id: GrantRequestId) -> Result<Option<GrantRequestRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { request::one(client, id).await }))
            .await
    }

    async fn requests_of(&self, session: SessionId) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { request::of(client, session).await }))
            .await
    }

    async fn live_requests(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { request::live(client, now, count_max).await }))
            .await
    }

    async fn decide_request(
        &self,
        id: GrantRequestId,
        decision: RequestDecision,
    ) -> Result<bool, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { request::decide(client, id, &decision).await })
            })
            .await
    }

    async fn requests_to_tell(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { request::to_tell(client, now, count_max).await })
            })
            .await
    }

    async fn tell_request(
        &self,
        id: GrantRequestId,
        seen: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { request::tell(client, id, seen, next).await }))
            .await
    }

    async fn use_request(
        &self,
        id: GrantRequestId,
        grant: GrantId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { request::use_up(client, id, grant, at).await })
            })
            .await
    }

    async fn expired_owners(
        &self,
        kind: KeyKind,
        today: Date,
        count_max: u32,
    ) -> Result<Vec<[u8; 16]>, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(
                    async move { wrapped::expired_owners(client, kind, today, count_max).await },
                )
            })
            .await
    }

    async fn end_grant(&self, id: GrantId, at: Timestamp) -> Result<bool, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { access::end_grant(client, id, at).await }))
            .await
    }

    async fn end_session(&self, session: SessionId) -> Result<(), StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move {
                    change::add(&*client, change::SESSION_ENDED, session.as_bytes()).await
                })
            })
            .await
    }

    async fn consent_changed(&self, changes: Vec<ConsentTold>) -> Result<(), StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move { salt::consents_changed(client, &changes).await })
            })
            .await
    }

    async fn sequence(&self) -> Result<u64, StoreError> {
        self.database
            .run(|client| Box::pin(async move { change::sequence(client).await }))
            .await
    }

    async fn changes_after(&self, position: u64) -> Result<Vec<Change>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { change::after(client, position).await }))
            .await
    }

    async fn trim_changes(&self, through: u64) -> Result<u64, StoreError> {
        let count = self
            .database
            .run(move |client| Box::pin(async move { change::trim(client, through).await }))
            .await?;
        self.database.remove_dead_rows();
        Ok(count)
    }

    async fn log_position(&self, origin: &str) -> Result<u64, StoreError> {
        let origin = origin.to_owned();
        self.database
            .run(move |client| Box::pin(async move { change::log_position(client, &origin).await }))
            .await
    }

    async fn set_log_position(&self, origin: &str, position: u64) -> Result<(), StoreError> {
        let origin = origin.to_owned();
        self.database
            .run(move |client| {
                Box::pin(async move { change::set_log_position(client, &origin, position).await })
            })
            .await
    }
}

fn reading(row: &Row) -> Reading<'_> {
    Reading {
        row,
        damaged: DAMAGED,
    }
}
