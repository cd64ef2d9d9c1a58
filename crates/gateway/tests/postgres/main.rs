//! The SQL door in front of a real PostgreSQL, from outside: real clients, the server's own answers beside the door's, and
//! attempts to get round it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod attacks;
mod clients;
mod compare;
mod hostile;
mod modes;
mod psql;
mod raw;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod versions;
mod world;
