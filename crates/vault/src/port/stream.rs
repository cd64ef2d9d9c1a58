//! What telemetry has to be told of people whose consent changed or whose id ended, as the key store keeps it until it
//! was told.

use jiff::Timestamp;
use privet_seal::Tyid;

use crate::{SubjectRef, TenantName};

/// A person's answers as a record of telemetry, under the id that telemetry knows them by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent {
    /// Whose, between two rotations.
    pub tyid: Tyid,
    /// The tenant whose telemetry it is.
    pub tenant: TenantName,
    /// The purposes agreed to, by their bits in the consent map.
    pub bits: u32,
    /// Of two records about one id the one with the higher stamp is the later answer; on a tie, deny wins.
    pub stamp: u32,
    /// Whether the id ended: nothing that is stamped earlier counts any more, and nothing later comes.
    pub is_final: bool,
    /// When.
    pub at: Timestamp,
}

impl StreamEvent {
    /// The stamp of the last word about an id; no answer can have it.
    pub const STAMP_FINAL: u32 = u32::MAX;

    /// The last word about an id that ends: no to everything, and later than any answer.
    pub fn last(tyid: Tyid, tenant: TenantName, at: Timestamp) -> Self {
        Self {
            tyid,
            tenant,
            bits: 0,
            stamp: Self::STAMP_FINAL,
            is_final: true,
            at,
        }
    }
}

/// An event that waits to be written into the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    /// The change of the shared sequence that it belongs to. Higher than that of every event before it, and never used
    /// again.
    pub number: u64,
    /// The event.
    pub event: StreamEvent,
}

/// What telemetry is told of a change, and the salt that this was worked out with. A store that holds another salt
/// refuses, or a change could be told under an id that has ended, and never under the one that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// The generation of the subject's salt; 0: it has none.
    pub generation: u32,
    /// What is told; nobody has seen a person without a salt.
    pub event: Option<StreamEvent>,
}

/// A change of a subject's consent, and what telemetry is told of it; `None`: nothing, whatever salt there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentTold {
    /// Whose.
    pub subject: SubjectRef,
    /// The number of the subject's last event in the ledger, which is durable: whoever finds no row of it any more knows
    /// that the data store went back.
    pub number: u64,
    /// What is told.
    pub telling: Option<Telling>,
}
