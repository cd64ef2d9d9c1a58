//! The key store: everything that erasure destroys, and what has to be ordered with it.

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use privet_seal::{KeyId, KeyKind};

use super::StoreError;
use super::{
    ConsentPlace, ConsentTold, GrantRequestRow, RequestDecision, StreamRow, SubjectRequestStore,
    Telling,
};
use crate::{
    GrantId, GrantRequestId, Oid, PrincipalName, Puid, SessionId, SourceName, SubjectRef,
    TenantName, TokenId,
};

/// A wrapped key: of a tenant (wrapped by the root), or of anything below (wrapped by the tenant key).
///
/// `(tenant, kind, owner, generation)` is unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Random; what sealed values and wraps name.
    pub id: KeyId,
    /// Whose key it is.
    pub tenant: TenantName,
    /// What it is for.
    pub kind: KeyKind,
    /// What the key belongs to, 16 bytes bound into the wrap: the subject's reference for subject keys, the session's
    /// id for session keys, the request's for request keys, the field number (big endian, right-aligned) for index keys, the day (days since
    /// 1970-01-01, likewise) for side-record keys, the epoch (likewise) for salts of object ids, zeros for tenant, link
    /// and pseudonym keys.
    pub owner: [u8; 16],
    /// Counts from 1 with each new key for the same owner (a subject's salt: with each rotation); for retention keys `field number << 16 | calendar year`.
    pub generation: u32,
    /// `version | suite | wrapping key id | nonce | ciphertext | tag`.
    pub wrapped: Vec<u8>,
    /// Commitment to the key, checked after unwrapping.
    pub commitment: [u8; 32],
    /// When it was made; of a subject's salt and consent key only the day, of a [kept](ConsentEnd::kept) one the year.
    pub created_at: Timestamp,
    /// The day on which it must be destroyed (retention and side-record keys, salts of object ids).
    pub expires_on: Option<Date>,
    /// Of a [consent key](Self::is_of_consent): the number of the last event that every server was told of. 0 for all
    /// others.
    pub told: u64,
}

impl KeyRow {
    /// The generation of consent keys. Fields are numbered from 1, and the generation of their retention keys begins with
    /// their number.
    pub const CONSENT_GENERATION: u32 = 0;

    /// Whether it is the key of somebody's rows in the consent ledger.
    pub fn is_of_consent(&self) -> bool {
        self.kind == KeyKind::SubjectRetention && self.generation == Self::CONSENT_GENERATION
    }
}

/// What becomes of a destroyed subject's rows in the consent ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentEnd {
    /// Where rows lie that are to be deleted: they are among the [orphans](KeyStore::orphans) from the same moment on.
    pub places: Vec<ConsentPlace>,
    /// The key that opens the rows which law keeps, under an owner that leads to nobody; it is added as the subject's own is
    /// destroyed.
    pub kept: Option<KeyRow>,
}

/// Fields of a subject that are being erased: what stays of their values is sealed anew, under a key of this generation, and the
/// keys before it are destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldErasure {
    /// Whose they are.
    pub subject: SubjectRef,
    /// Which of the subject's keys is replaced.
    pub kind: KeyKind,
    /// The generation of the key that replaces it.
    pub generation: u32,
    /// The fields' numbers, ascending.
    pub fields: Vec<u16>,
    /// Applications' databases in which values of them are still to be cleared; none where an account key is replaced.
    pub sources: Vec<SourceName>,
    /// Until when the keys before it open at least: applications may hold values that they have not written yet.
    pub until: Option<Timestamp>,
}

/// What is still to be deleted from the data store, because it is a destroyed subject's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Accounts with values.
    pub puids: Vec<Puid>,
    /// Places of the consent ledger.
    pub places: Vec<ConsentPlace>,
}

/// A row of an application's table that named somebody who was destroyed: it, and what belongs to it, is still to be erased.
/// It stands alone: nothing says any more who that was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrphanRow {
    /// The application's database.
    pub source: SourceName,
    /// Its table, as in its catalog.
    pub table: String,
    /// The row's key as text.
    pub key: String,
}

/// A retention key that erasure must leave until its date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionKey {
    /// The key.
    pub id: KeyId,
    /// When it dies.
    pub expires_on: Date,
}

/// A subject's ids. `mac` is over all columns under the tenant's link key.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectRow {
    /// The name in the audit log.
    pub reference: SubjectRef,
    /// The tenant.
    pub tenant: TenantName,
    /// The account's id.
    pub puid: Puid,
    /// The operational id.
    pub oid: Oid,
    /// When the subject was made.
    pub created_at: Timestamp,
    /// MAC over the columns above.
    pub mac: [u8; 32],
}

impl std::fmt::Debug for SubjectRow {
    // The row ties a puid to an oid; a log line must not.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubjectRow")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

/// A row of an application's table as a name of a subject: `customer:42` in source `shop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasRow {
    /// The application's database.
    pub source: SourceName,
    /// Its table, as in its catalog.
    pub table: String,
    /// The row's key as text.
    pub key: String,
    /// Whom it names.
    pub subject: SubjectRef,
    /// MAC over the columns above.
    pub mac: [u8; 32],
}

/// A subject with its first keys and names, written as one.
#[derive(Debug, Clone)]
pub struct NewSubject {
    /// The ids.
    pub subject: SubjectRow,
    /// Its account and operational keys.
    pub keys: Vec<KeyRow>,
    /// Names in applications' databases.
    pub aliases: Vec<AliasRow>,
}

/// What PostgreSQL clients are checked against: SCRAM-SHA-256 (RFC 7677).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    /// Iteration count.
    pub iterations: u32,
    /// Salt.
    pub salt: [u8; 16],
    /// `H(HMAC(SaltedPassword, "Client Key"))`.
    pub stored_key: [u8; 32],
    /// `HMAC(SaltedPassword, "Server Key")`.
    pub server_key: [u8; 32],
}

impl std::fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramVerifier").finish_non_exhaustive()
    }
}

/// A token as stored: nothing of it can be used to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The token's id.
    pub id: TokenId,
    /// Whose it is.
    pub principal: PrincipalName,
    /// SHA-256 of the whole token, for HTTP.
    pub sha256: [u8; 32],
    /// For SQL clients.
    pub scram: ScramVerifier,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// What the operator noted.
    pub note: String,
}

/// What a decrypted session may open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// The grant.
    pub id: GrantId,
    /// The session that it belongs to.
    pub session: SessionId,
    /// Who holds it.
    pub principal: PrincipalName,
    /// Whose data it opens, in the order asked for; each once.
    pub subjects: Vec<SubjectRef>,
    /// Which fields.
    pub fields: Vec<u16>,
    /// The request that a second person approved, where it rests on one.
    pub request: Option<GrantRequestId>,
    /// Whether it was taken at once in an emergency.
    pub emergency: bool,
    /// When it took effect.
    pub starts_at: Timestamp,
    /// When it ends by itself.
    pub ends_at: Timestamp,
    /// When it was ended before that.
    pub ended_at: Option<Timestamp>,
}

/// One step of the sequence that grants, revocations and erasures share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Position, from 1.
    pub sequence: u64,
    /// What happened.
    pub kind: ChangeKind,
}

/// What a change was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A grant took effect.
    Granted(GrantId),
    /// A grant was ended.
    GrantEnded(GrantId),
    /// A token was revoked.
    TokenRevoked(TokenId),
    /// A subject's keys and links were destroyed.
    Erased(SubjectRef),
    /// A console session was ended: every server that holds it lets go.
    SessionEnded(SessionId),
    /// A subject answered what it agrees to: whoever reads this change finds the answers in the data store.
    ConsentChanged(SubjectRef),
    /// A subject's salt was replaced: telemetry knows them by another id from now on.
    SaltRotated(SubjectRef),
    /// A subject got its first salt: telemetry has seen it.
    SaltMade(SubjectRef),
    /// A subject got a key of another generation, or the keys before it were destroyed: whoever holds its keys reads them again.
    KeysReplaced(SubjectRef),
}

/// The key store. Methods that take lists answer in the list's order.
#[async_trait]
pub trait KeyStore: SubjectRequestStore {
    /// Adds keys; [`StoreError::Conflict`] when one exists for the same owner, kind and generation (nothing is added).
    async fn add_keys(&self, keys: Vec<KeyRow>) -> Result<(), StoreError>;

    /// Every tenant key of every tenant, all versions.
    async fn tenant_keys(&self) -> Result<Vec<KeyRow>, StoreError>;

    /// The keys of one owner and kind, newest generation first.
    async fn keys_of(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
        owner: [u8; 16],
    ) -> Result<Vec<KeyRow>, StoreError>;

    /// All keys of several subjects, whatever their kind: account, operational and retention.
    async fn keys_of_subjects(
        &self,
        subjects: &[SubjectRef],
    ) -> Result<Vec<Vec<KeyRow>>, StoreError>;

    /// Every key of one kind, such as all index keys of a tenant.
    async fn keys_of_kind(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
    ) -> Result<Vec<KeyRow>, StoreError>;

    /// Keys by id, for values that name their key.
    async fn keys_by_id(&self, ids: &[KeyId]) -> Result<Vec<Option<KeyRow>>, StoreError>;

    /// Destroys keys by id; answers how many there were.
    async fn destroy_keys(&self, ids: &[KeyId]) -> Result<u64, StoreError>;

    /// Changes the day on which a key must be destroyed.
    async fn set_key_expiry(&self, id: KeyId, expires_on: Date) -> Result<(), StoreError>;

    /// Destroys every key whose day has come; answers how many there were.
    async fn destroy_expired_keys(&self, today: Date) -> Result<u64, StoreError>;

    /// Adds subjects with keys and aliases in one transaction; `Conflict` when an id or alias exists, or a row is
    /// [orphaned](Self::orphan_rows) (nothing is added).
    async fn add_subjects(&self, subjects: Vec<NewSubject>) -> Result<(), StoreError>;

    /// Adds an alias to an existing subject; `Conflict` when it exists, or its row is [orphaned](Self::orphan_rows).
    async fn add_alias(&self, alias: AliasRow) -> Result<(), StoreError>;

    /// Subjects by operational id.
    async fn subjects_by_oid(&self, oids: &[Oid]) -> Result<Vec<Option<SubjectRow>>, StoreError>;

    /// Subjects by account id.
    async fn subjects_by_puid(&self, puids: &[Puid])
    -> Result<Vec<Option<SubjectRow>>, StoreError>;

    /// Subjects by their reference in the audit log.
    async fn subjects_by_reference(
        &self,
        references: &[SubjectRef],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError>;

    /// Aliases with their subjects, by the application's own keys.
    async fn subjects_by_alias(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Option<(AliasRow, SubjectRow)>>, StoreError>;

    /// A subject's names in applications' databases.
    async fn aliases_of(&self, subject: SubjectRef) -> Result<Vec<AliasRow>, StoreError>;

    /// How many subjects there are.
    async fn subject_count(&self) -> Result<u64, StoreError>;

    /// Erasure: destroys the subject's keys (retention keys only from their date on), its link rows and aliases, ends
    /// its grants and advances the sequence, in one transaction that overwrites what it deletes ([`KeyStore::settle_destroyed`] waits for copies). Its account id is
    /// among the [orphans](Self::orphans) from then on, alone, and so are the places of its answers; its aliases are among the
    /// [orphaned rows](Self::orphan_rows). Answers the retention keys that stay. What the subject asked for goes with it, and so do the keys of that; the request to be erased, if there is
    /// one, stays as nobody's, [to be confirmed](crate::subject_request::SubjectRequestState::Confirming). Repeating it is
    /// harmless. What telemetry is told waits in the [stream's events](Self::stream_events) from the same moment on;
    /// [`StoreError::Conflict`], and nothing is destroyed, when the subject has another salt than that says.
    async fn destroy_subject(
        &self,
        subject: SubjectRef,
        today: Date,
        at: Timestamp,
        telling: Option<Telling>,
        consent: ConsentEnd,
    ) -> Result<Vec<RetentionKey>, StoreError>;

    /// Waits until nothing is left of what was destroyed before this call, also in the free space of the store's files, where the
    /// engine leaves copies of rows that it moved; repeating it after an error tries again. It may take as long as reading the whole
    /// store, which goes on when nobody waits any more.
    async fn settle_destroyed(&self) -> Result<(), StoreError>;

    /// Adds keys that each replace their subject's newest one of their kind, notes which fields are erased with the former ones, and
    /// advances the sequence once for each, in one transaction. Both keys open until that [ends](Self::end_field_erasure). Subject,
    /// kind and generation of an erasure are those of its key. [`StoreError::Conflict`], and nothing is changed, when an owner is no
    /// subject, or its newest key of this kind is as new.
    async fn begin_field_erasures(
        &self,
        begun: Vec<(KeyRow, FieldErasure)>,
    ) -> Result<(), StoreError>;

    /// In this source, nothing of an erasure is to be cleared any more; repeating it is harmless.
    async fn fields_cleared(
        &self,
        erasure: &FieldErasure,
        source: &SourceName,
    ) -> Result<(), StoreError>;

    /// Which fields are being erased, by subject, kind and generation.
    async fn field_erasures(&self) -> Result<Vec<FieldErasure>, StoreError>;

    /// Destroys the subject's keys of a kind that are older than this generation, of which there must be one, forgets what was to be
    /// erased with them and advances the sequence, in one transaction that overwrites what it deletes. Answers how many keys there
    /// were; repeating it is harmless.
    async fn end_field_erasure(
        &self,
        subject: SubjectRef,
        kind: KeyKind,
        generation: u32,
    ) -> Result<u64, StoreError>;

    /// The salts of several subjects, the newest of each.
    async fn salts_of(&self, subjects: &[SubjectRef]) -> Result<Vec<Option<KeyRow>>, StoreError>;

    /// Subjects with a salt, by their reference: those behind `after` where one is given, at most `count_max`.
    async fn subjects_with_salts(
        &self,
        after: Option<SubjectRef>,
        count_max: u32,
    ) -> Result<Vec<SubjectRow>, StoreError>;

    /// Adds first salts, and advances the sequence once for each, in the order of their owners. One whose owner has a salt already, or is no subject any more,
    /// is left out: read them again.
    async fn add_salts(&self, salts: Vec<KeyRow>) -> Result<(), StoreError>;

    /// Replaces a subject's salt: the new one, whose generation follows, is added and the others are destroyed, the
    /// sequence is advanced and what telemetry is told waits, in one transaction that overwrites what it deletes.
    /// [`StoreError::Conflict`], and nothing is changed, when the owner is no subject or has another salt than `telling`
    /// says.
    async fn rotate_salt(&self, salt: KeyRow, telling: Telling) -> Result<(), StoreError>;

    /// What waits to be written into telemetry's stream, oldest first, at most `count_max`.
    async fn stream_events(&self, count_max: u32) -> Result<Vec<StreamRow>, StoreError>;

    /// Removes the events up to a number: they are in the stream.
    async fn remove_stream_events(&self, through: u64) -> Result<(), StoreError>;

    /// What of destroyed subjects is still to be deleted from the data store.
    async fn orphans(&self) -> Result<Orphans, StoreError>;

    /// All of this is deleted.
    async fn remove_orphans(&self, orphans: &Orphans) -> Result<(), StoreError>;

    /// Rows of destroyed subjects in one application's database that are to be erased by `today`: those behind `after` where
    /// one is given, by table and key, at most `count_max`. Until a row is [settled](Self::settle_orphan_row) it cannot become
    /// an alias again, or it would be erased as somebody else's.
    async fn orphan_rows(
        &self,
        source: &SourceName,
        today: Date,
        after: Option<&OrphanRow>,
        count_max: u32,
    ) -> Result<Vec<OrphanRow>, StoreError>;

    /// Which of these keys of a table are orphaned rows, whenever they are to be erased; in the list's order.
    async fn orphaned(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<bool>, StoreError>;

    /// The row is erased, or, where law keeps something of it, is to be looked at again on a day.
    async fn settle_orphan_row(
        &self,
        row: &OrphanRow,
        again: Option<Date>,
    ) -> Result<(), StoreError>;

    /// Adds a token.
    async fn add_token(&self, token: TokenRow) -> Result<(), StoreError>;

    /// Every token, newest first.
    async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError>;

    /// The token with this SHA-256.
    async fn token_by_sha256(&self, sha256: [u8; 32]) -> Result<Option<TokenRow>, StoreError>;

    /// The tokens of one principal, newest first.
    async fn tokens_of(&self, principal: &PrincipalName) -> Result<Vec<TokenRow>, StoreError>;

    /// Revokes a token and advances the sequence; `false` when it does not exist or was revoked before.
    async fn revoke_token(&self, token: TokenId, at: Timestamp) -> Result<bool, StoreError>;

    /// Adds a grant and advances the sequence.
    async fn add_grant(&self, grant: GrantRow) -> Result<(), StoreError>;

    /// One grant.
    async fn grant(&self, id: GrantId) -> Result<Option<GrantRow>, StoreError>;

    /// The grants of one session, oldest first.
    async fn grants_of(&self, session: SessionId) -> Result<Vec<GrantRow>, StoreError>;

    /// The newest grants first: those that end at `since` or later by themselves, at most `count_max`.
    async fn grants_since(
        &self,
        since: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRow>, StoreError>;

    /// Ends a grant and advances the sequence; `false` when it had ended before.
    async fn end_grant(&self, id: GrantId, at: Timestamp) -> Result<bool, StoreError>;

    /// Adds a request for a grant; `Conflict` when its id exists.
    async fn add_request(&self, request: GrantRequestRow) -> Result<(), StoreError>;

    /// One request.
    async fn request(&self, id: GrantRequestId) -> Result<Option<GrantRequestRow>, StoreError>;

    /// The requests of one session, oldest first.
    async fn requests_of(&self, session: SessionId) -> Result<Vec<GrantRequestRow>, StoreError>;

    /// The requests whose time is not over at `now`, oldest first, at most `count_max`.
    async fn live_requests(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError>;

    /// Decides a request, at the decision's moment. `false`, and nothing is changed, when its time is over, a grant was
    /// made of it, or it was decided before; but a "no" takes back a "yes" that nobody has used yet.
    async fn decide_request(
        &self,
        id: GrantRequestId,
        decision: RequestDecision,
    ) -> Result<bool, StoreError>;

    /// Requests that wait for an answer at `now` and of which somebody is to be told by then, those first that have waited for that
    /// longest, at most `count_max`.
    async fn requests_to_tell(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError>;

    /// Puts another moment in the place of `seen`, from when on somebody is to be told of a request; `None`: nobody is any more. `false`,
    /// and nothing is changed, when another one stands there.
    async fn tell_request(
        &self,
        id: GrantRequestId,
        seen: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<bool, StoreError>;

    /// Uses up an approval for this grant, once for all servers. `false`, and nothing is changed, when the request is not
    /// approved, its time is over, or a grant was made of it already.
    async fn use_request(
        &self,
        id: GrantRequestId,
        grant: GrantId,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// The owners of keys of a kind whose day has come, at most `count_max`.
    async fn expired_owners(
        &self,
        kind: KeyKind,
        today: Date,
        count_max: u32,
    ) -> Result<Vec<[u8; 16]>, StoreError>;

    /// Tells every server that a session was ended: advances the sequence. The session's row says so already.
    async fn end_session(&self, session: SessionId) -> Result<(), StoreError>;

    /// Tells every server that subjects answered: advances the sequence once for each, in the list's order, and raises what
    /// their consent keys' rows say was told. What they answered is durable in the data store already. What telemetry is told waits
    /// in the [stream's events](Self::stream_events) from the same moment on; [`StoreError::Conflict`], and nothing is
    /// changed, when one of the subjects has another salt than that says.
    async fn consent_changed(&self, changes: Vec<ConsentTold>) -> Result<(), StoreError>;

    /// The position of the last change.
    async fn sequence(&self) -> Result<u64, StoreError>;

    /// The changes after a position, in order, at most 1,000; those that were [trimmed](Self::trim_changes) are no more.
    async fn changes_after(&self, position: u64) -> Result<Vec<Change>, StoreError>;

    /// Removes the oldest changes up to a position, which every server has read long ago, at most 10,000; the last one of all
    /// stays. Answers how many were removed.
    async fn trim_changes(&self, through: u64) -> Result<u64, StoreError>;

    /// How far the erasures recorded in a log of this origin have been carried out here.
    async fn log_position(&self, origin: &str) -> Result<u64, StoreError>;

    /// Moves that position forward.
    async fn set_log_position(&self, origin: &str, position: u64) -> Result<(), StoreError>;
}
