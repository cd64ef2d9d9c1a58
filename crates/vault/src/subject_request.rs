//! What a person asks for: to see everything that is held of them, and to be forgotten. A request never sticks and never
//! doubles: [`machine`] says what may happen to it, [`book`] stores that so that of several servers one gets its way. Requests are entered and
//! taken back (`ask.rs`), shown (`view.rs`) and carried out (`run.rs`).

mod access;
mod agent;
mod ask;
pub mod book;
mod collecting;
mod confirming;
mod deadline;
mod details;
mod file;
mod late;
pub mod machine;
mod reading;
mod run;
mod telling;
mod view;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

pub use access::CopyParts;
pub use agent::AgentRequest;
pub use book::{Outcome, RequestBook};
pub(crate) use confirming::Confirmation;
pub use deadline::{Deadline, Urgency};
pub(crate) use details::CHECKED_BYTES_MAX;
pub use details::{RequestChannel, RequestOrigin};
pub use machine::{
    Effects, Event, Lease, Progress, Refusal, RequestFile, RequestRules, Step, SubjectRequestKind,
    SubjectRequestState,
};
pub use privet_archive::Language;
pub use reading::{FileRange, FileReading, FileWish};
pub use run::RequestRun;
pub use telling::why_untold;
pub use view::{REQUESTS_MAX, RequestDetail, RequestList, RequestQuery, RequestSummary};

use crate::login::Attempts;
use crate::port::KeyStore;
use crate::{SubjectRequestId, Vault};

/// What a server keeps in memory about requests.
pub(crate) struct Requests {
    book: RequestBook,
    /// One run at a time; what was done by those for which nobody waited to the end.
    running: Arc<tokio::sync::Mutex<RequestRun>>,
    /// The same of telling people by mail.
    telling: tokio::sync::Mutex<()>,
    /// What is known to have been pointed out, so that it is once.
    reported: Mutex<BTreeSet<(SubjectRequestId, Urgency)>>,
    /// Tries of agents whose claims lead to nobody.
    misses: Mutex<Attempts>,
}

impl Requests {
    pub(crate) fn new(keys: Arc<dyn KeyStore>, rules: RequestRules) -> Self {
        Self {
            book: RequestBook::new(keys, rules),
            running: Arc::default(),
            telling: tokio::sync::Mutex::default(),
            reported: Mutex::default(),
            misses: Mutex::new(Attempts::of_agents()),
        }
    }
}

impl Vault {
    pub(crate) fn requests_book(&self) -> &RequestBook {
        &self.inner.requests.book
    }
}

/// The states in which a person still waits.
fn running_states() -> Vec<SubjectRequestState> {
    let mut states = SubjectRequestState::ALL.to_vec();
    states.retain(|state| state.is_running());
    states
}
