//! The OTLP door: takes logs, traces and metrics from ordinary OpenTelemetry SDKs, treats every attribute by the class that
//! the data map gives it, puts people's ids for telemetry in the place of their operational ids, and keeps what passes.

mod counts;
mod journal;
mod limits;
mod message;
mod parts;
mod people;
mod record;
mod rules;
mod treat;

pub use counts::{Counts, Dropped, Lost};
pub use journal::{Damage, Journal, JournalError, JournalLimits, Refused, Segment};
pub use limits::Limits;
pub use message::{Encoding, Message, Signal, Undecoded};
pub use people::{People, Stamp};
pub use record::{
    Attribute, Batch, Common, Consent, Exemplar, Link, Log, Origin, Person, Point, PointKind, Span,
    Value,
};
pub use rules::Rules;
pub use treat::{Surroundings, Treated};
