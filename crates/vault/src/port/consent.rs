//! The consent ledger as a store keeps it: rows that are only ever added, sealed, each with everything that its person had
//! answered by then.
//!
//! A store sees rows at places that look random, and nothing else: neither whose they are nor which belong to the same
//! person, neither what was said nor when nor how, nor which of two came first. Telemetry says when some id's consent
//! changed, and how often; a time, an order or a count here would tie that id to an account.

/// Where an event lies: 16 bytes that only the holder of its person's key can tell (`docs/formats/consent-ledger.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsentPlace(pub [u8; 16]);

/// One event of the ledger, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRow {
    /// What it said and what holds from then on: a sealed record.
    pub state: Vec<u8>,
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
    /// Where it will lie.
    pub place: ConsentPlace,
    /// The row.
    pub row: ConsentRow,
    /// What the person says yes to: these bits stand for these purposes from now on, at the latest. It is not kept with the
    /// row.
    pub granted: Vec<ConsentBit>,
}
