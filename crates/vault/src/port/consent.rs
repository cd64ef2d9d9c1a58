//! The consent ledger as a store keeps it: rows that are only ever added, sealed, each with everything that the person had
//! answered by then.
//!
//! A store sees whose answers they are and how many, and nothing else: neither what was said nor when nor how, nor
//! which of two people answered first. Telemetry says when some id's consent changed; times or an order here would tie
//! that id to an account.

use privet_seal::KeyId;

use crate::Puid;

/// What holds after one event, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedState {
    /// The event's number among the person's own, from 1. The state of the highest one holds.
    pub number: u64,
    /// The key in the key store that opens it.
    pub key: KeyId,
    /// A sealed record (`docs/formats/consent-ledger.md`).
    pub sealed: Vec<u8>,
}

/// One event of the ledger, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRow {
    /// What it said and what holds from then on.
    pub state: SealedState,
    /// What shows that the answers were given: a sealed record under the same key.
    pub evidence: Option<Vec<u8>>,
}

/// What a bit of the consent map stands for. It never stands for anything else once somebody has said yes to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsentBit {
    /// The bit.
    pub bit: u8,
    /// The purpose's name in the data map.
    pub purpose: String,
}

/// An event to be added.
#[derive(Debug, Clone)]
pub struct NewConsentRow {
    /// Whose answers.
    pub puid: Puid,
    /// The row; its number follows that of the person's last one.
    pub row: ConsentRow,
    /// What the person says yes to: these bits stand for these purposes from now on, at the latest. It is not kept with the
    /// row.
    pub granted: Vec<ConsentBit>,
}
