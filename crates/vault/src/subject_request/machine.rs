//! How a subject request goes from being asked to its end: one total function over states and events, without a store, a
//! clock or a server. Whoever carries requests out asks it what may happen, and stores what it says by compare-and-swap.
//!
//! ```text
//! access:   waiting ─> collecting ─> ready ─> notified ─> expired
//!              └───────────┴───────────┴─────────┴─────> cancelled
//! erasure:  cooling ─> destroying ─> confirming ─> done
//!              └─────> cancelled
//! of single fields:                  confirming ─> done
//! ```

mod event;
mod state;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::RequestRunId;

pub use event::{Effects, Event, Refusal, Step};
pub use state::{
    Lease, Progress, RequestFile, RequestRules, SubjectRequestKind, SubjectRequestState,
};

/// How much two servers' clocks may differ. A lease or a pause that ends later than even this explains was given under a
/// clock that has been put right since, and holds nobody up.
const SKEW_MAX: SignedDuration = SignedDuration::from_hours(1);

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Progress {
    /// A request that is asked for now.
    pub fn asked(
        kind: SubjectRequestKind,
        notify: bool,
        now: Timestamp,
        rules: &RequestRules,
    ) -> Self {
        let (state, due_at) = match kind {
            SubjectRequestKind::Access => (SubjectRequestState::Waiting, next_batch(now, rules)),
            SubjectRequestKind::Erasure => {
                (SubjectRequestState::Cooling, after(now, rules.cooling))
            }
        };
        Self {
            state,
            due_at,
            attempts: 0,
            failure: None,
            lease: None,
            notify: notify && kind == SubjectRequestKind::Access,
            file: None,
            receipt: None,
            ended_at: None,
        }
    }

    /// The erasure of a subject that is closed at once, held by whoever closes it.
    pub fn closing(
        run: RequestRunId,
        server: String,
        receipt: Vec<u8>,
        now: Timestamp,
        rules: &RequestRules,
    ) -> Self {
        Self {
            state: SubjectRequestState::Destroying,
            due_at: now,
            lease: Some(Lease {
                run,
                server,
                until: after(now, rules.lease),
            }),
            receipt: Some(receipt),
            ..Self::asked(SubjectRequestKind::Erasure, false, now, rules)
        }
    }

    /// The erasure of single fields, which is under way, held by whoever carries it out. It cannot be taken back.
    pub fn erasing_fields(
        run: RequestRunId,
        server: String,
        receipt: Vec<u8>,
        now: Timestamp,
        rules: &RequestRules,
    ) -> Self {
        Self {
            state: SubjectRequestState::Confirming,
            ..Self::closing(run, server, receipt, now, rules)
        }
    }

    /// From when on the clock alone may change something, where it ever may.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        let step = match &self.lease {
            Some(lease) => lease.until,
            None => self.due_at,
        };
        let over = self.file.as_ref().map_or(Timestamp::MAX, |file| file.until);
        match self.state {
            SubjectRequestState::Waiting
            | SubjectRequestState::Collecting
            | SubjectRequestState::Cooling
            | SubjectRequestState::Destroying
            | SubjectRequestState::Confirming => Some(step),
            SubjectRequestState::Ready if self.notify => Some(step.min(over)),
            SubjectRequestState::Ready | SubjectRequestState::Notified => Some(over),
            SubjectRequestState::Expired
            | SubjectRequestState::Done
            | SubjectRequestState::Cancelled => None,
        }
    }

    /// Whether what an attempt has written must stay: it is the file, or it is being made. Everything else is left over.
    pub fn needs(&self, run: RequestRunId) -> bool {
        let makes = self.state == SubjectRequestState::Collecting
            && self.lease.as_ref().is_some_and(|lease| lease.run == run);
        let made = self.state.has_file() && self.file.as_ref().is_some_and(|file| file.run == run);
        makes || made
    }

    /// The step that a server may take now: its time has come, and nobody else takes it.
    ///
    /// # Errors
    /// Why there is none.
    pub fn due(
        &self,
        now: Timestamp,
        at_once: bool,
        rules: &RequestRules,
    ) -> Result<Step, Refusal> {
        if self.is_held(now, rules) {
            return Err(Refusal::Taken);
        }
        // A pause never ends later than this, unless the clock was ahead when it began.
        let is_over = self.due_at <= now || self.due_at > after(now, rules.pause_max + SKEW_MAX);
        let step = match self.state {
            SubjectRequestState::Waiting if at_once || self.due_at <= now => Step::Collect,
            SubjectRequestState::Collecting if at_once || is_over => Step::Collect,
            SubjectRequestState::Ready if self.notify && !self.is_over(now) => {
                if !at_once && !is_over {
                    return Err(Refusal::NotDue);
                }
                Step::Notify
            }
            SubjectRequestState::Cooling if self.due_at <= now => Step::Destroy,
            SubjectRequestState::Destroying if at_once || is_over => Step::Destroy,
            SubjectRequestState::Confirming if at_once || is_over => Step::Confirm,
            state if state.has_ended() => return Err(Refusal::Ended),
            _ => return Err(Refusal::NotDue),
        };
        Ok(step)
    }

    fn is_held(&self, now: Timestamp, rules: &RequestRules) -> bool {
        self.lease.as_ref().is_some_and(|lease| {
            lease.until > now && lease.until <= after(now, rules.lease + SKEW_MAX)
        })
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.file.as_ref().is_some_and(|file| file.until <= now)
    }
}

/// What an event makes of a request, and what has to happen with it.
///
/// # Errors
/// Why it changes nothing.
pub fn next(
    before: &Progress,
    event: &Event,
    now: Timestamp,
    rules: &RequestRules,
) -> Result<(Progress, Effects), Refusal> {
    match event {
        Event::Cancelled => cancelled(before, now),
        Event::Claimed {
            run,
            server,
            at_once,
        } => {
            let step = before.due(now, *at_once, rules)?;
            Ok(claimed(before, step, leased(*run, server, now, rules)))
        }
        Event::Hastened { run, server } => match before.state {
            _ if before.is_held(now, rules) => Err(Refusal::Taken),
            SubjectRequestState::Cooling | SubjectRequestState::Destroying => {
                let lease = leased(*run, server, now, rules);
                Ok(claimed(before, Step::Destroy, lease))
            }
            state => Err(without_effect(state)),
        },
        Event::Prolonged { run } => {
            let lease = held_by(before, *run)?;
            Ok(alone(prolonged(before, lease, after(now, rules.lease))))
        }
        Event::Collected { run, size_bytes } => {
            let lease = held_by(before, *run)?;
            collected(before, lease, *size_bytes, now, rules)
        }
        Event::Told { run } => {
            held_by(before, *run)?;
            told(before, now)
        }
        Event::Untold { run, code } => {
            held_by(before, *run)?;
            untold(before, code, now)
        }
        Event::Failed {
            run,
            code,
            at_least,
            jitter,
        } => {
            held_by(before, *run)?;
            let at_least = (*at_least).min(rules.pause_max);
            let attempts = before.attempts.saturating_add(1);
            let pause = pause(attempts, *jitter, rules).max(at_least);
            Ok(alone(failed(before, attempts, code, after(now, pause))))
        }
        // Once it is destroyed, nobody can say any more what that was.
        Event::Prepared { run, receipt } => {
            noted(before, *run, SubjectRequestState::Destroying, receipt)
        }
        Event::Noted { run, receipt } => {
            noted(before, *run, SubjectRequestState::Confirming, receipt)
        }
        Event::Destroyed => match before.state {
            SubjectRequestState::Cooling | SubjectRequestState::Destroying => {
                Ok(destroyed(before, now))
            }
            state => Err(without_effect(state)),
        },
        Event::Confirmed { run, receipt } => {
            held_by(before, *run)?;
            confirmed(before, receipt.clone(), now)
        }
        Event::Passed => {
            if before.state.has_file() && before.is_over(now) {
                return Ok(ended(before, SubjectRequestState::Expired, now));
            }
            Err(without_effect(before.state))
        }
    }
}

fn cancelled(before: &Progress, now: Timestamp) -> Result<(Progress, Effects), Refusal> {
    match before.state {
        SubjectRequestState::Waiting
        | SubjectRequestState::Collecting
        | SubjectRequestState::Ready
        | SubjectRequestState::Notified
        | SubjectRequestState::Cooling => Ok(ended(before, SubjectRequestState::Cancelled, now)),
        SubjectRequestState::Destroying | SubjectRequestState::Confirming => Err(Refusal::TooLate),
        SubjectRequestState::Expired
        | SubjectRequestState::Done
        | SubjectRequestState::Cancelled => Err(Refusal::Ended),
    }
}

fn claimed(before: &Progress, step: Step, lease: Lease) -> (Progress, Effects) {
    let state = match step {
        Step::Collect => SubjectRequestState::Collecting,
        Step::Notify => SubjectRequestState::Ready,
        Step::Destroy => SubjectRequestState::Destroying,
        Step::Confirm => SubjectRequestState::Confirming,
    };
    let progress = Progress {
        state,
        lease: Some(lease),
        ..before.clone()
    };
    let effects = Effects {
        step: Some(step),
        ..Effects::default()
    };
    (progress, effects)
}

fn collected(
    before: &Progress,
    lease: &Lease,
    size_bytes: u64,
    now: Timestamp,
    rules: &RequestRules,
) -> Result<(Progress, Effects), Refusal> {
    if before.state != SubjectRequestState::Collecting {
        return Err(Refusal::Lost);
    }
    let file = RequestFile {
        run: lease.run,
        server: lease.server.clone(),
        size_bytes,
        made_at: now,
        until: after(now, rules.file_life),
    };
    Ok(alone(Progress {
        file: Some(file),
        ..stepped(before, SubjectRequestState::Ready, now)
    }))
}

fn prolonged(before: &Progress, lease: &Lease, until: Timestamp) -> Progress {
    let lease = Lease {
        until,
        ..lease.clone()
    };
    Progress {
        lease: Some(lease),
        ..before.clone()
    }
}

fn failed(before: &Progress, attempts: u32, code: &str, due_at: Timestamp) -> Progress {
    Progress {
        due_at,
        attempts,
        failure: Some(code.to_owned()),
        lease: None,
        ..before.clone()
    }
}

/// The person was told.
fn told(before: &Progress, now: Timestamp) -> Result<(Progress, Effects), Refusal> {
    match before.state {
        SubjectRequestState::Ready => {
            let state = SubjectRequestState::Notified;
            Ok(alone(stepped(before, state, now)))
        }
        _ => Err(Refusal::Lost),
    }
}

/// Nobody is told any more; why not stands there for as long as the file does.
fn untold(before: &Progress, code: &str, now: Timestamp) -> Result<(Progress, Effects), Refusal> {
    if before.state != SubjectRequestState::Ready {
        return Err(Refusal::Lost);
    }
    Ok(alone(Progress {
        notify: false,
        attempts: before.attempts.saturating_add(1),
        failure: Some(code.to_owned()),
        ..stepped(before, SubjectRequestState::Ready, now)
    }))
}

fn leased(run: RequestRunId, server: &str, now: Timestamp, rules: &RequestRules) -> Lease {
    Lease {
        run,
        server: server.to_owned(),
        until: after(now, rules.lease),
    }
}

fn noted(
    before: &Progress,
    run: RequestRunId,
    state: SubjectRequestState,
    receipt: &[u8],
) -> Result<(Progress, Effects), Refusal> {
    held_by(before, run)?;
    if before.state != state {
        return Err(Refusal::Lost);
    }
    Ok(alone(Progress {
        receipt: Some(receipt.to_vec()),
        ..before.clone()
    }))
}

/// Its key goes with the subject; so do what else they asked for, and its files.
fn destroyed(before: &Progress, now: Timestamp) -> (Progress, Effects) {
    let progress = Progress {
        lease: before.lease.clone(),
        ..stepped(before, SubjectRequestState::Confirming, now)
    };
    let effects = Effects {
        destroys_key: true,
        ..Effects::default()
    };
    (progress, effects)
}

fn confirmed(
    before: &Progress,
    receipt: Option<Vec<u8>>,
    now: Timestamp,
) -> Result<(Progress, Effects), Refusal> {
    if before.state != SubjectRequestState::Confirming {
        return Err(Refusal::Lost);
    }
    Ok(alone(Progress {
        receipt,
        ended_at: Some(now),
        ..stepped(before, SubjectRequestState::Done, now)
    }))
}

/// The lease, if this attempt still holds it. That its time is over does not matter as long as nobody took it over.
fn held_by(before: &Progress, run: RequestRunId) -> Result<&Lease, Refusal> {
    if before.state.has_ended() {
        return Err(Refusal::Ended);
    }
    let lease = before.lease.as_ref().filter(|lease| lease.run == run);
    lease.ok_or(Refusal::Lost)
}

/// A step has succeeded.
fn stepped(before: &Progress, state: SubjectRequestState, now: Timestamp) -> Progress {
    Progress {
        state,
        due_at: now,
        attempts: 0,
        failure: None,
        lease: None,
        ..before.clone()
    }
}

fn ended(before: &Progress, state: SubjectRequestState, now: Timestamp) -> (Progress, Effects) {
    let progress = Progress {
        ended_at: Some(now),
        ..stepped(before, state, now)
    };
    let effects = Effects {
        destroys_key: true,
        deletes_files: true,
        step: None,
    };
    (progress, effects)
}

fn alone(progress: Progress) -> (Progress, Effects) {
    (progress, Effects::default())
}

fn without_effect(state: SubjectRequestState) -> Refusal {
    if state.has_ended() {
        Refusal::Ended
    } else {
        Refusal::NotDue
    }
}

/// The pause after so many failures: doubled with each, of which the second half is left to chance.
fn pause(attempts: u32, jitter: u32, rules: &RequestRules) -> SignedDuration {
    let doubled = 2_i32.checked_pow(attempts.saturating_sub(1));
    let whole = doubled.and_then(|factor| rules.pause.checked_mul(factor));
    let half = whole.unwrap_or(SignedDuration::MAX).min(rules.pause_max) / 2;
    let share = f64::from(jitter) / f64::from(u32::MAX);
    half + SignedDuration::try_from_secs_f64(half.as_secs_f64() * share).unwrap_or_default()
}

/// The next batch after a moment.
fn next_batch(now: Timestamp, rules: &RequestRules) -> Timestamp {
    let today = now.to_zoned(TimeZone::UTC).date();
    let batch = today.to_datetime(rules.batch_at);
    let batch = batch.to_zoned(TimeZone::UTC).map(|at| at.timestamp());
    match batch {
        Ok(batch) if batch > now => batch,
        Ok(batch) => after(batch, DAY),
        Err(_) => now,
    }
}

/// Later by so much, or the end of time.
fn after(moment: Timestamp, by: SignedDuration) -> Timestamp {
    moment.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
