//! The OTLP door: takes logs, traces and metrics from ordinary OpenTelemetry SDKs, treats every attribute by the class that
//! the data map gives it, puts people's ids for telemetry in the place of their operational ids, and keeps what passes.
//!
//! A request takes this way: accept loop (limits, TLS) → route (HTTP or gRPC) → token and policy → body, unpacked and decoded within
//! bounds ([`Message`]) → the people whom it is about ([`Monitor`]) → what passes of it ([`Treated`]) → the journal, synced
//! ([`Journal`]) → the answer. Whole files of the journal go into the telemetry store later ([`Storing`]), and from there to a
//! collector, if there is one ([`Forwarding`]).
//!
//! What it does not do: it opens no value and sees no key; it asks nothing of a client's clock; it does not sample or aggregate.

mod answer;
mod copies;
mod counts;
mod forward;
mod grpc;
mod intake;
mod journal;
mod limits;
mod message;
mod metrics;
mod monitor;
mod parts;
mod passing;
mod people;
mod query;
mod record;
mod room;
mod routes;
mod rules;
mod serve;
mod storing;
mod telling;
mod treat;
mod vault;

pub use copies::EventCopies;
pub use counts::{Counts, Dropped, Lost};
pub use forward::{
    Collector, CollectorError, CollectorSettings, Endpoint, EndpointError, ForwardLimits,
    Forwarded, Forwarding, Protocol, Queue, Unsent,
};
pub use intake::{Intake, NotTaken, Packing, Unpacked};
pub use journal::{Damage, Journal, JournalError, JournalLimits, Refused, Segment};
pub use limits::Limits;
pub use message::{Encoding, Message, Signal, Undecoded};
pub use metrics::DoorMetrics;
pub use monitor::Monitor;
pub use people::{People, Stamp};
pub use query::{QueryLimits, QueryProgram};
pub use record::{
    Attribute, Batch, Common, Consent, Exemplar, Link, Log, Origin, Person, Point, PointKind, Span,
    Value,
};
pub use routes::router;
pub use rules::Rules;
pub use serve::{ServeError, serve};
pub use storing::{NotStored, Storing};
pub use telling::{Untold, tell, tell_once};
pub use treat::{Surroundings, Treated};
pub use vault::VaultMonitor;
