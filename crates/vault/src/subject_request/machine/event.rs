//! What happens to a request, and what has to happen then.

use jiff::SignedDuration;

use crate::RequestRunId;

/// What a server does for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Gather what is held, and make the file.
    Collect,
    /// Tell the person that the file is there.
    Notify,
    /// Destroy the subject.
    Destroy,
    /// Find out whether that is confirmed, and make the receipt.
    Confirm,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// It is taken back.
    Cancelled,
    /// A server wants to take the step that is due.
    Claimed {
        /// The attempt, drawn for this claim.
        run: RequestRunId,
        /// The origin of the server's log.
        server: String,
        /// Whether it does not wait for the batch or the pause. An erasure's time to be taken back is never cut short.
        at_once: bool,
    },
    /// The attempt goes on.
    Prolonged {
        /// The attempt.
        run: RequestRunId,
    },
    /// The file is there.
    Collected {
        /// The attempt.
        run: RequestRunId,
        /// What the person receives, in bytes.
        size_bytes: u64,
    },
    /// The person was told.
    Told {
        /// The attempt.
        run: RequestRunId,
    },
    /// The person cannot be told, and trying again would be of no use. The file stays.
    Untold {
        /// The attempt.
        run: RequestRunId,
        /// The stable code of why.
        code: String,
    },
    /// The attempt failed.
    Failed {
        /// The attempt.
        run: RequestRunId,
        /// The stable code of why.
        code: String,
        /// The shortest pause that is of use, up to [`RequestRules::pause_max`](super::RequestRules::pause_max).
        at_least: SignedDuration,
        /// Random, so that what failed together is not tried again together.
        jitter: u32,
    },
    /// Somebody who may closes the subject at once: a server takes the erasure although it can still be taken back.
    Hastened {
        /// The attempt, drawn for this claim.
        run: RequestRunId,
        /// The origin of the server's log.
        server: String,
    },
    /// What is about to be destroyed is known.
    Prepared {
        /// The attempt.
        run: RequestRunId,
        /// What the receipt will say of it.
        receipt: Vec<u8>,
    },
    /// What was done since is known better.
    Noted {
        /// The attempt.
        run: RequestRunId,
        /// What the receipt says so far.
        receipt: Vec<u8>,
    },
    /// The subject's keys and links are destroyed, by whomever. Who held the request holds it on.
    Destroyed,
    /// No restore brings the subject back.
    Confirmed {
        /// The attempt.
        run: RequestRunId,
        /// What the receipt says from now on; `None` if what was destroyed is not known any more.
        receipt: Option<Vec<u8>>,
    },
    /// Time has passed: a file may be over.
    Passed,
}

/// What has to happen with a transition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Effects {
    /// The request's key is destroyed, in the same transaction.
    pub destroys_key: bool,
    /// Its files are deleted, afterwards; without their key they say nothing any more.
    pub deletes_files: bool,
    /// The step that the server may take now.
    pub step: Option<Step>,
}

/// Why an event changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// There is nothing to do yet.
    NotDue,
    /// Another attempt holds it.
    Taken,
    /// The attempt does not hold it any more: what it did does not count.
    Lost,
    /// It ended before.
    Ended,
    /// It cannot be taken back any more.
    TooLate,
}
