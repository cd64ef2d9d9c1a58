//! What every store does with a list of writes before it stores them, and the limits that all share.

use std::collections::BTreeMap;

use privet_seal::KeyKind;
use privet_vault::port::{
    ConsentBit, LogBatch, SessionFilter, StoreError, TallyPeriod, ValueWrite, Verdict,
};
use privet_vault::subject_request::{SubjectRequestKind, SubjectRequestState};

/// Sessions listed when the filter names no number.
const SESSIONS_DEFAULT: u32 = 100;

/// How many sessions a filter asks for at most.
pub(crate) fn sessions_max(filter: &SessionFilter) -> u32 {
    match filter.count_max {
        0 => SESSIONS_DEFAULT,
        count_max => count_max,
    }
}

/// A verdict as SQL: written out, because an index over what is pending is found by its own condition alone.
pub(crate) fn verdict_condition(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None => "TRUE",
        Some(Verdict::Pending) => "verdict IS NULL OR verdict = 'pending'",
        Some(Verdict::Approved) => "verdict = 'approved'",
        Some(Verdict::Flagged) => "verdict = 'flagged'",
    }
}

/// Likewise, for the index over emergencies.
pub(crate) fn emergency_condition(emergency: Option<bool>) -> &'static str {
    match emergency {
        None => "TRUE",
        Some(true) => "emergency_at IS NOT NULL",
        Some(false) => "emergency_at IS NULL",
    }
}

/// A verdict as it was stored.
pub(crate) fn verdict_of(text: &str) -> Option<Verdict> {
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.as_str() == text)
}

/// The states that are wanted, as SQL: what stands there is ours, nobody's input.
pub(crate) fn states_condition(states: &[SubjectRequestState]) -> String {
    if states.is_empty() {
        return "TRUE".to_owned();
    }
    let names: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    format!("state IN ('{}')", names.join("', '"))
}

/// A state as it was stored.
pub(crate) fn state_of(text: &str) -> Option<SubjectRequestState> {
    let mut states = SubjectRequestState::ALL.into_iter();
    states.find(|state| state.as_str() == text)
}

/// What was asked for, as it was stored.
pub(crate) fn kind_of(text: &str) -> Option<SubjectRequestKind> {
    let mut kinds = SubjectRequestKind::ALL.into_iter();
    kinds.find(|kind| kind.as_str() == text)
}

/// The length of a period's steps, at least a second.
pub(crate) fn step_nanoseconds(period: &TallyPeriod) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    let step = i64::try_from(period.step.as_nanos()).unwrap_or(i64::MAX);
    step.max(SECOND)
}

/// Whether a bit that is to be granted stands for another purpose already.
pub(crate) fn contradicts(known: &[ConsentBit], granted: &[ConsentBit]) -> bool {
    let other = |new: &ConsentBit| {
        let mut known = known.iter();
        known.any(|known| known.bit == new.bit && known.purpose != new.purpose)
    };
    granted.iter().any(other)
}

/// Changes in one answer at most.
pub(crate) const CHANGES_MAX: u32 = 1000;

/// Changes that are trimmed at once at most.
pub(crate) const TRIMMED_MAX: u32 = 10_000;

/// Leaves the last write per subject and field, in the order of their keys, each index row once (unique if one of its
/// twins is). So a call means the same whatever order a store works in.
pub(crate) fn last_writes(values: Vec<ValueWrite>) -> Vec<ValueWrite> {
    let last: BTreeMap<_, _> = values
        .into_iter()
        .map(|write| ((write.puid, write.field), write))
        .collect();
    let mut writes: Vec<_> = last.into_values().collect();
    for write in &mut writes {
        write
            .index
            .sort_by_key(|entry| (entry.bytes, !entry.unique));
        write.index.dedup_by_key(|entry| entry.bytes);
    }
    writes
}

/// Refuses a batch whose numbers do not add up, before anything of it is stored.
pub(crate) fn check_batch(batch: &LogBatch) -> Result<(), StoreError> {
    let size = batch.size_before.checked_add(batch.entries.len() as u64);
    let tiles_fit = batch.tiles.iter().all(|tile| {
        (1..=256).contains(&tile.width) && tile.data.len() == usize::from(tile.width) * 32
    });
    if size == Some(batch.state.size) && tiles_fit {
        return Ok(());
    }
    Err(StoreError::Unavailable(
        "a log batch's sizes do not add up".to_owned(),
    ))
}

/// The kinds of keys that erasure destroys with their subject. The owner of such a key is the subject's reference.
pub(crate) const SUBJECT_KINDS: [KeyKind; 5] = [
    KeyKind::SubjectAccount,
    KeyKind::SubjectOperational,
    KeyKind::SubjectRetention,
    KeyKind::Request,
    KeyKind::Salt,
];

/// Nonce, ciphertext and tag of a wrapped key: what is of this key alone (before them stands the id of the wrapping
/// key, which others have too).
pub(crate) fn secret_part(wrapped: &[u8]) -> &[u8] {
    wrapped
        .last_chunk::<60>()
        .map_or(wrapped, <[u8; 60]>::as_slice)
}
