//! The whole way of a request: both protocols in front, the journal and the store behind, a table in the vault's place.
#![expect(clippy::unwrap_used, reason = "tests")]

mod bed;
mod forward;
mod grpc;
mod http;
mod keys;
mod metrics;
mod outages;
mod rust;
mod sdk;
mod serving;
mod stored;
mod tenants;
