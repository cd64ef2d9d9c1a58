//! The audit log from outside: durability, order, refusals, recovery, tampering.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests; clippy knows only functions marked as such"
)]

mod append;
mod entries;
mod offline;
mod recovery;
mod stores;
mod support;
