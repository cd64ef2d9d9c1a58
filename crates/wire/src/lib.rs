//! Types of the HTTP API: bodies of requests and answers, and problems, as JSON.
//!
//! The server and its clients share these types, so that they cannot disagree. Requests are read strictly: an unknown
//! member is an error. What may be personal is [`Personal`], which no `Debug` shows and which is overwritten when it
//! is dropped.
//!
//! ```
//! use privet_wire::{Form, RevealRequest};
//!
//! let request = RevealRequest {
//!     subjects: vec!["shop/customer:42".to_owned()],
//!     fields: vec!["email".to_owned()],
//!     purpose: "support".to_owned(),
//!     form: Some(Form::Masked),
//!     reason: None,
//! };
//! let json = serde_json::to_string(&request)?;
//! assert_eq!(
//!     json,
//!     r#"{"subjects":["shop/customer:42"],"fields":["email"],"purpose":"support","form":"masked"}"#
//! );
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! What it does not do: it sends nothing, decides nothing, and knows neither routes' paths nor the vault.

mod audit;
mod consent;
mod grant;
mod id;
mod job;
mod kept_consent;
mod notice;
mod personal;
mod problem;
mod query;
mod secret_buffer;
mod server;
mod session;
mod subject;
mod subject_request;
mod summary;
mod token;
mod value;

pub use audit::{LogCheck, LogEntry, LogPage, LogQuery, LogStatus};
pub use consent::{
    Consent, ConsentAnswer, ConsentChannel, ConsentEvent, ConsentGrant, ConsentHistory,
    ConsentHistoryQuery, ConsentQuery, GpcAnswer, GpcSupport, HonourGpc, IMPORT_LINES_MAX,
    ImportAnswer, ImportOutcome, ImportedConsent, ImportedLine, PurposeConsent, PutConsent,
    ReceiptKey, VerificationMethod,
};
pub use grant::{
    Decide, Grant, GrantList, GrantQuery, GrantRequest, GrantRequestList, ListedGrant,
    RequestState, RevokeGrant,
};
pub use id::{
    GrantId, GrantRequestId, JobId, NotAnId, Oid, Puid, SessionId, SubjectRequestId, TokenId,
};
pub use job::{
    AdoptRequest, Finding, Job, JobStarted, JobState, JobTable, UndoRequest, UndoRequested,
};
pub use kept_consent::{KeptAnswer, KeptConsent, ReadKeptConsent};
pub use notice::{Notice, NoticeText};
pub use personal::Personal;
pub use problem::{PROBLEM_JSON, Problem};
pub use query::{QueryFormat, QueryRequest};
pub use secret_buffer::SecretBuffer;
pub use server::{Health, HealthReason, HealthStatus, PrincipalKind, Whoami};
pub use session::{
    CommentRequest, Note, OpenedCount, Review, ReviewRequest, Session, SessionDetail, SessionPage,
    SessionQuery, SessionSearch, Statement, StepQuery, Verdict,
};
pub use subject::{
    ClearedTable, Closed, ConsentKept, CreateSubject, EraseFields, ErasedRows, FieldElsewhere,
    FieldsErased, KeptField, KeptKey, OutstandingSource, PutFields, RotateTelemetryId, Subject,
    SubjectCreated, TelemetryIdRotation,
};
pub use subject_request::{
    AskRequest, RequestChannel, RequestRun, RequestUrgency, SubjectRequest, SubjectRequestDetail,
    SubjectRequestKind, SubjectRequestPage, SubjectRequestQuery, SubjectRequestState,
};
pub use summary::{
    ReasonSummary, ReviewerSummary, SessionCounts, SessionFindings, SourceSummary, Summary,
    SummaryFormat, SummaryQuery,
};
pub use token::{IssueToken, IssuedToken, LoginLink, Token, TokenList, TokenState};
pub use value::{
    Form, LookupAnswer, LookupRequest, OpenAnswer, OpenItem, OpenRequest, OpenedItem, RevealAnswer,
    RevealRequest, RevealedSubject, SealAnswer, SealItem, SealRequest, SealedItem,
};
