//! What a person asks for: to see everything that is held of them, and to be forgotten. A request never sticks and never
//! doubles: [`machine`] says what may happen to it, [`book`] stores that so that of several servers one gets its way.

pub mod book;
mod deadline;
pub mod machine;

pub use book::{Outcome, RequestBook};
pub use deadline::{Deadline, Urgency};
pub use machine::{
    Effects, Event, Lease, Progress, Refusal, RequestFile, RequestRules, Step, SubjectRequestKind,
    SubjectRequestState,
};
