//! The tests of adopting once more, over stores in PostgreSQL; and what takes such stores: servers that are killed, replicas
//! of the key store.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../adopt/adopting.rs"]
mod adopting;
mod backing_up;
#[path = "../adopt/bed.rs"]
mod bed;
mod engine;
#[path = "../adopt/failing.rs"]
mod failing;
mod killing;
#[path = "../adopt/postgres/mod.rs"]
mod postgres;
#[path = "../adopt/refusing.rs"]
mod refusing;
#[path = "../adopt/undoing.rs"]
mod undoing;
