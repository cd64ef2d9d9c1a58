//! What may be revealed, to whom, in which form, and the record of it.
//!
//! [`Vault`] is the one monitor that every reveal passes: it authenticates, decides by policy, checks purpose,
//! consent and grant, makes the audit entry durable, opens, gives the value its form and answers. Doors (HTTP, SQL)
//! hold a `Vault` and nothing else; stores, applications' databases, the clock and randomness are handed in as
//! [`Parts`]. The crate knows no SQL, no HTTP and no wire protocol.

mod clock;
mod config;
mod error;
mod form;
mod id;
mod principal;

pub mod policy;
pub mod port;

mod vault;

mod changed;
mod keyring;
mod maintenance;
mod mirrored;
mod recent;
mod watch;

pub mod audit;

mod erasure;
mod health;
mod log_read;
mod login;
mod lookup;
mod mail;
mod me;
mod purpose;
mod reveal;
mod seal_open;
mod sending;
mod subject;
pub mod subject_request;
mod token;

mod session;

mod consent;
pub mod receipt;
mod telemetry;

mod query;

mod adopt;
mod rows;

mod collect;

pub mod check;

pub use adopt::{AdoptOrder, Finding, JobState, JobStatus, TableStatus, UndoRequested};
pub use clock::{Clock, SystemClock, ThreadEntropy};
pub use config::{Config, SessionLimits};
pub use consent::{
    ConsentAnswer, ConsentChange, ConsentChannel, ConsentEvent, ConsentGrant, ConsentHistory,
    ConsentState, ConsentView, GpcOutcome, IMPORT_LINES_MAX, ImportLine, Imported, KeptAnswer,
    KeptConsent, KeptConsentOrder, Notice, NoticeText, PastConsent, PurposeConsent, UnknownChannel,
};
pub use erasure::{
    ClearedTable, Closed, ConsentKept, FieldElsewhere, FieldsErased, KeptField, RowsErased,
    SourceFields, SourceRows,
};
pub use error::{Error, Reason, Result};
pub use form::{Form, UnknownForm};
pub use health::VaultHealth;
pub use id::{
    Environment, GrantId, GrantRequestId, JobId, NameError, Oid, PrincipalName, Puid, RequestRunId,
    SessionId, SourceName, SubjectRef, SubjectRequestId, TenantName, TokenId,
};
pub use log_read::{LogDetail, LogEntries, LogState, ReadEntry};
pub use login::{LoggedIn, LoginCode};
pub use lookup::Found;
pub use me::{
    AskedLook, FormToken, Held, HeldElsewhere, HeldField, HeldPurpose, Look, LookPage, Looker, Me,
    Objection, OwnAnswer, OwnLogin, OwnLoginBegun, OwnPages,
};
pub use principal::{Caller, Principal, PrincipalKind};
pub use privet_classify::{Language, LanguageError};
pub use query::{QueryOrder, QueryRun};
pub use reveal::{RevealRequest, Revealed, RevealedValue};
pub use seal_open::{OpenItem, SealItem, SealedItem};
pub use session::{
    ASK_THE_PERSON, Connection, Counts, DecryptRequest, GRANT_REQUESTS_MAX, GrantQuery, GrantView,
    Granted, LIST_MAX, ListedGrant, ListedSession, Mode, Moment, NoteView, Opener, Permit,
    ReasonCounts, RequestState, RequestView, ReviewerCounts, Rights, SEARCH_MAX, SUBJECTS_MAX,
    SessionFindings, SessionList, SessionQuery, SessionView, SourceCounts, Statement, Status,
    StepPage, StepQuery, StepView, Summary,
};
pub use subject::{FieldValues, SubjectName, SubjectView};
pub use telemetry::{Objects, Pseudonymizer, Rotation, Stamp};
pub use token::{IssuedToken, ListedToken, ScramLookup, TokenState};
pub use vault::{Parts, Vault};
