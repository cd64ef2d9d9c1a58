//! The key store on SQLite: wrapped keys, subjects and their names, tokens, grants, and the sequence that orders what
//! takes rights away. Each method is a call into the module that holds its SQL.

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
    AliasRow, Change, ChangeKind, ConsentEnd, ConsentTold, FieldErasure, GrantRequestRow, GrantRow,
    KeyRow, KeyStore, NewSubject, OrphanRow, Orphans, RequestDecision, RetentionKey, StoreError,
    StreamRow, SubjectRow, Telling, TokenRow,
};
use privet_vault::{
    GrantId, GrantRequestId, Oid, PrincipalName, Puid, SessionId, SourceName, SubjectRef,
    TenantName, TokenId,
};

use super::engine::Engine;
use super::file::FileSpec;

pub(super) static SPEC: FileSpec = FileSpec {
    name: "keys.sqlite",
    application_id: i32::from_be_bytes(*b"PvtK"),
    migrations: &[
        FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5, FORMAT_6, FORMAT_7, FORMAT_8,
    ],
    damaged: "`keys.sqlite` is not what was written: restore it from its backup; erasures since then are replayed from the log",
    // Rebuilding shortens the file, and a mapping must not outlive what it maps.
    mmap_bytes: 0,
    cache_bytes: 32 << 20,
    page_bytes: 4096,
    checkpoint_pages: 4000,
    searched: true,
};

const FORMAT_1: &str = "
CREATE TABLE wrapped_key (
    id BLOB NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind INTEGER NOT NULL,
    owner BLOB NOT NULL,
    generation INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    commitment BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_on INTEGER,
    UNIQUE (owner, kind, generation, tenant)
);
CREATE INDEX wrapped_key_of_kind ON wrapped_key (kind, tenant);
CREATE INDEX wrapped_key_by_expiry ON wrapped_key (expires_on) WHERE expires_on IS NOT NULL;

CREATE TABLE subject (
    reference BLOB NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    puid BLOB NOT NULL UNIQUE,
    oid BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    mac BLOB NOT NULL
);

CREATE TABLE alias (
    source TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    subject BLOB NOT NULL REFERENCES subject (reference),
    mac BLOB NOT NULL,
    PRIMARY KEY (source, table_name, row_key)
);
CREATE INDEX alias_of_subject ON alias (subject);

CREATE TABLE token (
    id BLOB NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    sha256 BLOB NOT NULL UNIQUE,
    scram_iterations INTEGER NOT NULL,
    scram_salt BLOB NOT NULL,
    scram_stored_key BLOB NOT NULL,
    scram_server_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    note TEXT NOT NULL
);
CREATE INDEX token_of_principal ON token (principal);

CREATE TABLE access_grant (
    id BLOB NOT NULL PRIMARY KEY,
    session BLOB NOT NULL,
    principal TEXT NOT NULL,
    subject BLOB NOT NULL,
    fields TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    ended_at INTEGER,
    granted INTEGER NOT NULL
);
CREATE INDEX access_grant_of_session ON access_grant (session, granted);
CREATE INDEX access_grant_of_subject ON access_grant (subject);

CREATE TABLE change (
    sequence INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL
);

CREATE TABLE log_position (
    origin TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
);

CREATE TABLE scrub (
    pending INTEGER PRIMARY KEY
);
";

const FORMAT_2: &str = "
CREATE TABLE orphan (
    puid BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;
";

/// A grant may be for several subjects (16 bytes each, one behind the other), and rest on what a second person said.
const FORMAT_3: &str = "
DROP INDEX access_grant_of_subject;
ALTER TABLE access_grant RENAME COLUMN subject TO subjects;
ALTER TABLE access_grant ADD COLUMN request BLOB;
ALTER TABLE access_grant ADD COLUMN emergency INTEGER NOT NULL DEFAULT 0;
CREATE INDEX access_grant_by_end ON access_grant (ends_at);
CREATE TABLE granted_subject (
    subject BLOB NOT NULL,
    grant_id BLOB NOT NULL,
    PRIMARY KEY (subject, grant_id)
) WITHOUT ROWID;
INSERT INTO granted_subject SELECT subjects, id FROM access_grant;

CREATE TABLE grant_request (
    id BLOB NOT NULL PRIMARY KEY,
    session BLOB NOT NULL,
    principal TEXT NOT NULL,
    source TEXT NOT NULL,
    subjects BLOB NOT NULL,
    fields TEXT NOT NULL,
    minutes INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    approved INTEGER,
    decided_by TEXT,
    decided_at INTEGER,
    grant_id BLOB
) WITHOUT ROWID;
CREATE INDEX grant_request_of_session ON grant_request (session, asked_at);
CREATE INDEX grant_request_by_end ON grant_request (expires_at);
";

/// What telemetry is told waits under the number of the change that it belongs to. A consent key says which event of its
/// ledger was told last; where a destroyed subject's events lie is known until they are deleted.
const FORMAT_4: &str = "
ALTER TABLE wrapped_key ADD COLUMN told INTEGER NOT NULL DEFAULT 0;

CREATE TABLE orphan_place (
    place BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE stream_event (
    number INTEGER PRIMARY KEY,
    tyid BLOB NOT NULL,
    tenant TEXT NOT NULL,
    bits INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    final INTEGER NOT NULL,
    at INTEGER NOT NULL
);
";

/// What people ask for. A subject has one running request of each kind.
const FORMAT_5: &str = "
CREATE TABLE subject_request (
    id BLOB NOT NULL PRIMARY KEY,
    subject BLOB REFERENCES subject (reference),
    kind TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    details BLOB NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    failure TEXT,
    lease_run BLOB,
    lease_server TEXT,
    lease_until INTEGER,
    notify INTEGER NOT NULL,
    file_run BLOB,
    file_server TEXT,
    file_bytes INTEGER,
    file_made_at INTEGER,
    file_until INTEGER,
    ended_at INTEGER,
    wakes_at INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying');
CREATE INDEX subject_request_of_subject ON subject_request (subject);
CREATE INDEX subject_request_by_age ON subject_request (asked_at, id);
CREATE INDEX subject_request_by_state ON subject_request (state, asked_at, id);
";

/// Which rows of applications' tables named people who left, until they are erased there; with the day, where law keeps something
/// of them until then.
const FORMAT_6: &str = "
CREATE TABLE orphan_row (
    source TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL,
    due_on INTEGER,
    PRIMARY KEY (source, table_name, row_key)
) WITHOUT ROWID;
";

/// Which fields are being erased, until no key opens them any more; from when on a person is told by mail that somebody asks them;
/// what the receipt of an erasure says, which runs until it is confirmed.
const FORMAT_7: &str = "
CREATE TABLE field_erasure (
    subject BLOB NOT NULL REFERENCES subject (reference),
    kind INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (subject, kind, generation)
) WITHOUT ROWID;

ALTER TABLE grant_request ADD COLUMN tell_at INTEGER;
CREATE INDEX grant_request_to_tell ON grant_request (tell_at, id) WHERE tell_at IS NOT NULL;

ALTER TABLE subject_request ADD COLUMN receipt BLOB;
DROP INDEX subject_request_running;
CREATE UNIQUE INDEX subject_request_running ON subject_request (subject, kind)
    WHERE state IN ('waiting', 'collecting', 'cooling', 'destroying', 'confirming');
";

/// In which of applications' databases fields are still to be cleared, and until when the keys before open at least.
const FORMAT_8: &str = "
ALTER TABLE field_erasure ADD COLUMN sources TEXT NOT NULL DEFAULT '';
ALTER TABLE field_erasure ADD COLUMN until INTEGER;
";

/// `keys.sqlite` as a [`KeyStore`].
#[derive(Debug)]
pub(super) struct SqliteKeys {
    pub(super) engine: Engine,
}

#[async_trait]
impl KeyStore for SqliteKeys {
    async fn add_keys(&self, keys: Vec<KeyRow>) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| wrapped::add(connection, &keys))
            .await
    }

    async fn tenant_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.engine.read(wrapped::of_tenants).await
    }

    async fn keys_of(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
        owner: [u8; 16],
    ) -> Result<Vec<KeyRow>, StoreError> {
        let tenant = tenant.clone();
        self.engine
            .read(move |connection| wrapped::of(connection, &tenant, kind, owner))
            .await
    }

    async fn keys_of_subjects(
        &self,
        subjects: &[SubjectRef],
    ) -> Result<Vec<Vec<KeyRow>>, StoreError> {
        let subjects = subjects.to_vec();
        self.engine
            .read(move |connection| wrapped::of_subjects(connection, &subjects))
            .await
    }

    async fn keys_of_kind(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let tenant = tenant.clone();
        self.engine
            .read(move |connection| wrapped::of_kind(connection, &tenant, kind))
            .await
    }

    async fn keys_by_id(&self, ids: &[KeyId]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        let ids = ids.to_vec();
        self.engine
            .read(move |connection| wrapped::by_id(connection, &ids))
            .await
    }

    async fn destroy_keys(&self, ids: &[KeyId]) -> Result<u64, StoreError> {
        let ids = ids.to_vec();
        self.engine
            .destroy(move |connection, scrub| wrapped::destroy(connection, &ids, scrub))
            .await
    }

    async fn set_key_expiry(&self, id: KeyId, expires_on: Date) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| wrapped::set_expiry(connection, id, expires_on))
            .await
    }

    async fn destroy_expired_keys(&self, today: Date) -> Result<u64, StoreError> {
        self.engine
            .destroy(move |connection, scrub| wrapped::destroy_expired(connection, today, scrub))
            .await
    }

    async fn add_subjects(&self, subjects: Vec<NewSubject>) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| subject::add(connection, &subjects))
            .await
    }

    async fn add_alias(&self, alias: AliasRow) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| subject::add_aliases(connection, &[alias]))
            .await
    }

    async fn subjects_by_oid(&self, oids: &[Oid]) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let ids: Vec<_> = oids.iter().map(|id| *id.as_bytes()).collect();
        self.engine
            .read(move |connection| subject::by(connection, "oid", &ids))
            .await
    }

    async fn subjects_by_puid(
        &self,
        puids: &[Puid],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let ids: Vec<_> = puids.iter().map(|id| *id.as_bytes()).collect();
        self.engine
            .read(move |connection| subject::by(connection, "puid", &ids))
            .await
    }

    async fn subjects_by_reference(
        &self,
        references: &[SubjectRef],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let ids: Vec<_> = references.iter().map(|id| *id.as_bytes()).collect();
        self.engine
            .read(move |connection| subject::by(connection, "reference", &ids))
            .await
    }

    async fn subjects_by_alias(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Option<(AliasRow, SubjectRow)>>, StoreError> {
        let (source, table, keys) = (source.clone(), table.to_owned(), keys.to_vec());
        self.engine
            .read(move |connection| subject::by_alias(connection, &source, &table, &keys))
            .await
    }

    async fn aliases_of(&self, subject: SubjectRef) -> Result<Vec<AliasRow>, StoreError> {
        self.engine
            .read(move |connection| subject::aliases_of(connection, subject))
            .await
    }

    async fn subject_count(&self) -> Result<u64, StoreError> {
        self.engine.read(subject::count).await
    }

    async fn destroy_subject(
        &self,
        subject: SubjectRef,
        today: Date,
        at: Timestamp,
        telling: Option<Telling>,
        consent: ConsentEnd,
    ) -> Result<Vec<RetentionKey>, StoreError> {
        self.engine
            .destroy(move |connection, scrub| {
                let told = telling.as_ref();
                subject::destroy(connection, subject, today, at, told, &consent, scrub)
            })
            .await
    }

    async fn settle_destroyed(&self) -> Result<(), StoreError> {
        self.engine.settle().await
    }

    async fn begin_field_erasures(
        &self,
        begun: Vec<(KeyRow, FieldErasure)>,
    ) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| {
                let mut begun = begun.iter();
                begun.try_for_each(|(key, erasure)| field_erasure::begin(connection, key, erasure))
            })
            .await
    }

    async fn fields_cleared(
        &self,
        erasure: &FieldErasure,
        source: &SourceName,
    ) -> Result<(), StoreError> {
        let (erasure, source) = (erasure.clone(), source.clone());
        self.engine
            .write(move |connection| field_erasure::cleared(connection, &erasure, &source))
            .await
    }

    async fn field_erasures(&self) -> Result<Vec<FieldErasure>, StoreError> {
        self.engine.read(field_erasure::all).await
    }

    async fn end_field_erasure(
        &self,
        subject: SubjectRef,
        kind: KeyKind,
        generation: u32,
    ) -> Result<u64, StoreError> {
        self.engine
            .destroy(move |connection, scrub| {
                field_erasure::end(connection, subject, kind, generation, scrub)
            })
            .await
    }

    async fn salts_of(&self, subjects: &[SubjectRef]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        let subjects = subjects.to_vec();
        self.engine
            .read(move |connection| salt::of(connection, &subjects))
            .await
    }

    async fn subjects_with_salts(
        &self,
        after: Option<SubjectRef>,
        count_max: u32,
    ) -> Result<Vec<SubjectRow>, StoreError> {
        self.engine
            .read(move |connection| subject::with_salts(connection, after, count_max))
            .await
    }

    async fn add_salts(&self, salts: Vec<KeyRow>) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| salt::add(connection, &salts))
            .await
    }

    async fn rotate_salt(&self, salt: KeyRow, telling: Telling) -> Result<(), StoreError> {
        self.engine
            .destroy(move |connection, scrub| salt::rotate(connection, &salt, &telling, scrub))
            .await
    }

    async fn stream_events(&self, count_max: u32) -> Result<Vec<StreamRow>, StoreError> {
        self.engine
            .read(move |connection| stream::oldest(connection, count_max))
            .await
    }

    async fn remove_stream_events(&self, through: u64) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| stream::remove(connection, through))
            .await
    }

    async fn orphans(&self) -> Result<Orphans, StoreError> {
        self.engine.read(orphan::all).await
    }

    async fn remove_orphans(&self, orphans: &Orphans) -> Result<(), StoreError> {
        let orphans = orphans.clone();
        self.engine
            .write(move |connection| orphan::remove(connection, &orphans))
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
        self.engine
            .read(move |connection| {
                orphan::rows(connection, &source, today, after.as_ref(), count_max)
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
        self.engine
            .read(move |connection| orphan::are_rows(connection, &source, &table, &keys))
            .await
    }

    async fn settle_orphan_row(
        &self,
        row: &OrphanRow,
        again: Option<Date>,
    ) -> Result<(), StoreError> {
        let row = row.clone();
        self.engine
            .write(move |connection| orphan::settle(connection, &row, again))
            .await
    }

    async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| access::add_token(connection, &token))
            .await
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        self.engine.read(access::tokens).await
    }

    async fn token_by_sha256(&self, sha256: [u8; 32]) -> Result<Option<TokenRow>, StoreError> {
        self.engine
            .read(move |connection| access::token_by_sha256(connection, sha256))
            .await
    }

    async fn tokens_of(&self, principal: &PrincipalName) -> Result<Vec<TokenRow>, StoreError> {
        let principal = principal.clone();
        self.engine
            .read(move |connection| access::tokens_of(connection, &principal))
            .await
    }

    async fn revoke_token(&self, token: TokenId, at: Timestamp) -> Result<bool, StoreError> {
        self.engine
            .write(move |connection| access::revoke_token(connection, token, at))
            .await
    }

    async fn add_grant(&self, grant: GrantRow) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| access::add_grant(connection, &grant))
            .await
    }

    async fn grant(&self, id: GrantId) -> Result<Option<GrantRow>, StoreError> {
        self.engine
            .read(move |connection| access::grant(connection, id))
            .await
    }

    async fn grants_of(&self, session: SessionId) -> Result<Vec<GrantRow>, StoreError> {
        self.engine
            .read(move |connection| access::grants_of(connection, session))
            .await
    }

    async fn grants_since(
        &self,
        since: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRow>, StoreError> {
        self.engine
            .read(move |connection| access::grants_since(connection, since, count_max))
            .await
    }

    async fn add_request(&self, request: GrantRequestRow) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| request::add(connection, &request))
            .await
    }

    async fn request(&self, id: GrantRequestId) -> Result<Option<GrantRequestRow>, StoreError> {
        self.engine
            .read(move |connection| request::one(connection, id))
            .await
    }

    async fn requests_of(&self, session: SessionId) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.engine
            .read(move |connection| request::of(connection, session))
            .await
    }

    async fn live_requests(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.engine
            .read(move |connection| request::live(connection, now, count_max))
            .await
    }

    async fn decide_request(
        &self,
        id: GrantRequestId,
        decision: RequestDecision,
    ) -> Result<bool, StoreError> {
        self.engine
            .write(move |connection| request::decide(connection, id, &decision))
            .await
    }

    async fn requests_to_tell(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.engine
            .read(move |connection| request::to_tell(connection, now, count_max))
            .await
    }

    async fn tell_request(
        &self,
        id: GrantRequestId,
        seen: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.engine
            .write(move |connection| request::tell(connection, id, seen, next))
            .await
    }

    async fn use_request(
        &self,
        id: GrantRequestId,
        grant: GrantId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.engine
            .write(move |connection| request::use_up(connection, id, grant, at))
            .await
    }

    async fn expired_owners(
        &self,
        kind: KeyKind,
        today: Date,
        count_max: u32,
    ) -> Result<Vec<[u8; 16]>, StoreError> {
        self.engine
            .read(move |connection| wrapped::expired_owners(connection, kind, today, count_max))
            .await
    }

    async fn end_grant(&self, id: GrantId, at: Timestamp) -> Result<bool, StoreError> {
        self.engine
            .write(move |connection| access::end_grant(connection, id, at))
            .await
    }

    async fn end_session(&self, session: SessionId) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| {
                change::add(connection, ChangeKind::SessionEnded(session)).map(drop)
            })
            .await
    }

    async fn consent_changed(&self, changes: Vec<ConsentTold>) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| salt::consents_changed(connection, &changes))
            .await
    }

    async fn sequence(&self) -> Result<u64, StoreError> {
        self.engine.read(change::sequence).await
    }

    async fn changes_after(&self, position: u64) -> Result<Vec<Change>, StoreError> {
        self.engine
            .read(move |connection| change::after(connection, position))
            .await
    }

    async fn trim_changes(&self, through: u64) -> Result<u64, StoreError> {
        self.engine
            .write(move |connection| change::trim(connection, through))
            .await
    }

    async fn log_position(&self, origin: &str) -> Result<u64, StoreError> {
        let origin = origin.to_owned();
        self.engine
            .read(move |connection| change::log_position(connection, &origin))
            .await
    }

    async fn set_log_position(&self, origin: &str, position: u64) -> Result<(), StoreError> {
        let origin = origin.to_owned();
        self.engine
            .write(move |connection| change::set_log_position(connection, &origin, position))
            .await
    }
}
