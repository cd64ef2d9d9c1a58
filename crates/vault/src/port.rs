//! The ports: what any store or application database must offer, in domain words. `store` and `source` implement
//! them, `login` that of identity providers, `request-files` those of files, `mirror` that of the log's mirror, `mail` that of
//! mail to people; nothing else does.

mod backup;
mod catalog;
mod consent;
mod data;
mod file_store;
mod identity;
mod keys;
mod log;
mod mail;
mod mirror;
mod notice;
mod query;
mod request;
mod rows;
mod runner;
mod session;
mod source;
mod spool;
mod stream;
mod subject_request;
mod telemetry_events;
mod upstream;

pub use backup::KeyBackup;
pub use catalog::{Catalog, ColumnInfo, ForeignKey, IndexInfo, TableInfo};
pub use consent::{ConsentBit, ConsentPlace, ConsentRow, NewConsentRow};
pub use data::{DataStore, IndexEntry, ValueSwap, ValueWrite};
pub use file_store::{FileError, FileName, FileStore, NewFile};
pub use identity::{IdentityError, IdentityProvider, LoginAttempt, LoginProof};
pub use keys::{
    AliasRow, Change, ChangeKind, ConsentEnd, FieldErasure, GrantRow, KeyRow, KeyStore, NewSubject,
    OrphanRow, Orphans, RetentionKey, ScramVerifier, SubjectRow, TokenRow,
};
pub use log::{LogBatch, LogState, LogStore, SideRow, TileRow};
pub use mail::{LoginLink, MailError, MailNotice, MailToPeople, PersonMail};
pub use mirror::{LogMirror, MirrorCheckpoint, MirrorError, MirrorVersion};
pub use notice::NoticeRow;
pub use query::{People, QueryAnswer, QueryEngine, QueryError, QueryFormat, QueryTask};
pub use request::{GrantRequestRow, RequestDecision};
pub use rows::{
    BySeal, ClearedColumn, EraseAction, ErasePlan, EraseStep, Erased, PersonalRow, ReadPlan,
    Replacement, Retained, RetainedColumn, RootKeys, SealedPlan, SealedSwap, SealedUnder,
    TOMBSTONE, TOMBSTONE_MARK, TOMBSTONE_PREFIX, Way,
};
pub use runner::{Described, RunError, RunLimits, RunMode, Runner, Runners};
pub use session::{
    EMERGENCY_REVIEW, NewSessionEntry, Review, SessionCursor, SessionEntry, SessionEntryFilter,
    SessionFilter, SessionOrder, SessionPart, SessionRow, SessionTally, TallyPeriod, Verdict,
};
pub use source::{
    Affected, Clearing, Hop, Integrity, RowKey, RowVersion, SealPlan, SealPlanColumn, SealedRow,
    Serving, Source, SourceError, SourceRow, SqlValue, TableScan, Wanted,
};
pub use spool::{SpoolName, SpoolRead, Spools};
pub use stream::{ConsentTold, StreamEvent, StreamRow, Telling};
pub use subject_request::{SubjectRequestFilter, SubjectRequestRow, SubjectRequestStore};
pub use telemetry_events::{
    EventColumn, EventError, EventReader, EventTable, PersonalEvent, PersonalIds, TelemetryEvents,
};
pub use upstream::{ByteStream, Canceller, Upstream, UpstreamError, Upstreams};

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Compare-and-swap lost, or the key exists already.
    #[error("another writer was first")]
    Conflict,
    /// A value that must be unique exists already.
    #[error("field `{0}` must be unique and holds this value already")]
    NotUnique(u16),
    /// The store was written by a newer version of Privet.
    #[error("the store has format {found}, this version knows up to {known}: use a newer `privet`")]
    NewerVersion {
        /// The format found.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// Another server holds the store.
    #[error("the store is in use by another server")]
    InUse,
    /// The disk is full.
    #[error("no space left for the store")]
    Full,
    /// What was read cannot be what was written.
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
    /// Anything else; the text is the engine's own and holds no values.
    #[error("{0}")]
    Unavailable(String),
}
