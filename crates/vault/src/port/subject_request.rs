//! What people ask for, as rows. They lie in the key store, beside what ties a person to their ids, because a row that
//! outlived its subject elsewhere would say when somebody left.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{KeyRow, StoreError};
use crate::subject_request::{Progress, SubjectRequestKind, SubjectRequestState};
use crate::{SubjectRef, SubjectRequestId};

/// A request as a row. Who asked, and how it was made sure that it was them, is in `details`, sealed under the request's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRequestRow {
    /// The request.
    pub id: SubjectRequestId,
    /// Whose it is; nobody's once the subject is destroyed, nor where single fields are erased.
    pub subject: Option<SubjectRef>,
    /// What is asked for.
    pub kind: SubjectRequestKind,
    /// When it came to us: the day from which the law counts.
    pub received_at: Timestamp,
    /// When it was entered.
    pub asked_at: Timestamp,
    /// Sealed, and bound to the id, the subject and the kind; empty once the subject is destroyed.
    pub details: Vec<u8>,
    /// Counts the changes of what follows, from 1.
    pub version: u64,
    /// Where it stands.
    pub progress: Progress,
}

/// Which requests are wanted. Everything that is stated has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectRequestFilter {
    /// Those of one subject.
    pub subject: Option<SubjectRef>,
    /// Those in one of these states; in any if there is none.
    pub states: Vec<SubjectRequestState>,
    /// Those for which the clock may have something to say at this moment ([`Progress::wakes_at`]).
    pub wakes_by: Option<Timestamp>,
    /// Those behind this one in the list's order.
    pub after: Option<(Timestamp, SubjectRequestId)>,
    /// At most so many.
    pub count_max: u32,
}

/// Requests of people, in the key store.
#[async_trait]
pub trait SubjectRequestStore: Send + Sync {
    /// Adds a request with its key, where it has one: nobody's request has no details that it could seal. [`StoreError::Conflict`],
    /// and nothing is added, when it or its key exists, its subject does not, or the subject has another request of this kind that
    /// [is running](SubjectRequestState::is_running).
    async fn add_subject_request(
        &self,
        request: SubjectRequestRow,
        key: Option<KeyRow>,
    ) -> Result<(), StoreError>;

    /// One request.
    async fn subject_request(
        &self,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequestRow>, StoreError>;

    /// Requests in the order in which they were entered, the oldest first (of one moment by id).
    async fn subject_requests(
        &self,
        filter: &SubjectRequestFilter,
    ) -> Result<Vec<SubjectRequestRow>, StoreError>;

    /// Puts new progress in the place of that of `version`, which is one more from then on. With `destroys_key`, the request's key is
    /// destroyed and its details are emptied in the same transaction, which overwrites what it deletes. `false`, and nothing is changed, when the request has another version or
    /// is no more; [`StoreError::Conflict`] when it would be a second one that is running.
    async fn advance_subject_request(
        &self,
        id: SubjectRequestId,
        version: u64,
        progress: Progress,
        destroys_key: bool,
    ) -> Result<bool, StoreError>;
}
