//! The data store: sealed values, blind indexes, the consent ledger, sessions and reviews.

use async_trait::async_trait;
use privet_seal::KeyId;

use super::{
    ConsentBit, ConsentRow, NewConsentRow, NewSessionEntry, SealedState, SessionEntry,
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

/// The data store. Methods that take lists answer in the list's order.
#[async_trait]
pub trait DataStore: Send + Sync {
    /// Stores values in one transaction; [`StoreError::NotUnique`] names the field whose unique index refused
    /// (nothing is stored).
    async fn put_values(&self, values: Vec<ValueWrite>) -> Result<(), StoreError>;

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

    /// Deletes a subject's values and index rows; answers how many values there were. What it agreed to goes with its
    /// [key](Self::delete_consent): it is what shows that the use of its data was lawful.
    async fn delete_subject(&self, subject: Puid) -> Result<u64, StoreError>;

    /// Adds events to the consent ledger in one transaction, and answers for each whether it was added. It is not when
    /// its number does not follow the person's last one (in the order of the list), or when a bit that it grants stands
    /// for another purpose already; of such a one nothing is kept.
    ///
    /// Rows lie in the order of people's ids, not in the order in which they came.
    async fn append_consent(&self, rows: Vec<NewConsentRow>) -> Result<Vec<bool>, StoreError>;

    /// Each subject's last state; `None` for one that never answered.
    async fn consent_now(&self, subjects: &[Puid]) -> Result<Vec<Option<SealedState>>, StoreError>;

    /// A subject's rows, the newest first: those with a number below `before` where one is given, at most `count_max`.
    async fn consent_rows(
        &self,
        subject: Puid,
        before: Option<u64>,
        count_max: u32,
    ) -> Result<Vec<ConsentRow>, StoreError>;

    /// Deletes the rows that were sealed under these keys, which are destroyed or about to be; answers how many there
    /// were.
    async fn delete_consent(&self, keys: &[KeyId]) -> Result<u64, StoreError>;

    /// Every bit that somebody ever said yes to, by number, with the purpose that it stands for.
    async fn consent_bits(&self) -> Result<Vec<ConsentBit>, StoreError>;

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
