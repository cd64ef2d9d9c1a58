//! The data store: sealed values, blind indexes, the consent ledger, texts of notices, sessions and reviews.

use async_trait::async_trait;

use super::{
    ConsentBit, ConsentPlace, ConsentRow, NewConsentRow, NewSessionEntry, NoticeRow, SessionEntry,
    SessionEntryFilter, SessionFilter, SessionRow, SessionTally, StoreError, TallyPeriod,
};
use crate::{Puid, SessionId};

/// The blind-index row of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Index version and 16 bytes, as `privet_seal::BlindIndex::as_bytes` gives them.
    pub bytes: [u8; 18],
    /// Whether another subject may hold the same value.
    pub unique: bool,
}

/// One sealed value to store; it replaces the subject's former value of the field.
#[derive(Debug, Clone)]
pub struct ValueWrite {
    /// Whose value.
    pub puid: Puid,
    /// Which field.
    pub field: u16,
    /// The sealed value, binary; `None` deletes value and index rows.
    pub sealed: Option<Vec<u8>>,
    /// Index rows: one per live index version.
    pub index: Vec<IndexEntry>,
}

/// A sealed value that takes the place of another one, and of no newer one.
#[derive(Debug, Clone)]
pub struct ValueSwap {
    /// Whose value.
    pub puid: Puid,
    /// Which field.
    pub field: u16,
    /// The sealed value that must still be there.
    pub old: Vec<u8>,
    /// The same value, sealed anew: its index rows stay. `None` deletes value and index rows.
    pub new: Option<Vec<u8>>,
}

/// The data store. Methods that take lists answer in the list's order.
#[async_trait]
pub trait DataStore: Send + Sync {
    /// Stores values in one transaction; [`StoreError::NotUnique`] names the field whose unique index refused
    /// (nothing is stored).
    async fn put_values(&self, values: Vec<ValueWrite>) -> Result<(), StoreError>;

    /// Replaces values that nobody has written meanwhile, and answers for each whether that was so; the others stay as they are. No
    /// field of a subject may be named twice.
    async fn swap_values(&self, swaps: Vec<ValueSwap>) -> Result<Vec<bool>, StoreError>;

    /// Sealed values of several subjects: for each subject, one entry per field.
    async fn values(
        &self,
        subjects: &[Puid],
        fields: &[u16],
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>, StoreError>;

    /// The fields that a subject has values for, ascending.
    async fn fields_of(&self, subject: Puid) -> Result<Vec<u16>, StoreError>;

    /// Who holds a value with this index, at most `count_max`.
    async fn lookup(
        &self,
        field: u16,
        index: [u8; 18],
        count_max: u32,
    ) -> Result<Vec<Puid>, StoreError>;

    /// Deletes a subject's values and index rows; answers how many values there were. What it agreed to lies
    /// [elsewhere](Self::delete_consent), and may have to stay: it shows that the use of its data was lawful.
    async fn delete_subject(&self, subject: Puid) -> Result<u64, StoreError>;

    /// Adds events to the consent ledger in one transaction, and answers for each whether it was added. It is not when
    /// there is one at its place already (also one before it in the list), or when a bit that it grants stands for another
    /// purpose already; of such a one nothing is kept.
    ///
    /// Rows lie in the order of their places, not in the order in which they came.
    async fn append_consent(&self, rows: Vec<NewConsentRow>) -> Result<Vec<bool>, StoreError>;

    /// The sealed states at these places; `None` where there is no row.
    async fn consent_states(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// The rows at these places with their evidence; `None` where there is none.
    async fn consent_rows(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<ConsentRow>>, StoreError>;

    /// Deletes the rows at these places; answers how many there were.
    async fn delete_consent(&self, places: &[ConsentPlace]) -> Result<u64, StoreError>;

    /// Every bit that somebody ever said yes to, by number, with the purpose that it stands for.
    async fn consent_bits(&self) -> Result<Vec<ConsentBit>, StoreError>;

    /// Adds texts of notices in one transaction. Of one that is there already, by version, purpose and language, everything
    /// stays as it is.
    async fn add_notices(&self, rows: Vec<NoticeRow>) -> Result<(), StoreError>;

    /// The texts of these versions, each of which is named once and in order, by version, purpose and language.
    async fn notices(&self, versions: &[String]) -> Result<Vec<NoticeRow>, StoreError>;

    /// Writes a session's row, new or changed. Of an existing one counts and times only grow, and an end or a verdict
    /// stays: rows are saved behind statements, in any order, while others end and review the session.
    async fn put_session(&self, session: SessionRow) -> Result<(), StoreError>;

    /// One session.
    async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, StoreError>;

    /// Sessions in the filter's order.
    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError>;

    /// The sessions of a period, counted by what tells them apart; sorted, groups without sessions left out.
    async fn session_tallies(&self, period: &TallyPeriod) -> Result<Vec<SessionTally>, StoreError>;

    /// Notes that log entries belong to sessions; one that is noted already stays as it is.
    async fn add_session_entries(&self, entries: Vec<NewSessionEntry>) -> Result<(), StoreError>;

    /// The log entries of a session, in the order noted.
    async fn session_entries(
        &self,
        filter: &SessionEntryFilter,
    ) -> Result<Vec<SessionEntry>, StoreError>;
}
