//! Adopting and checking databases, over files of SQLite and on real servers of PostgreSQL; stores are in
//! memory, or in files where a test says so.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod adopting;
mod backing_up;
mod bed;
mod checking;
mod chinook;
mod complete;
#[path = "../copies/mod.rs"]
#[expect(dead_code, reason = "the monitor's tests make more of it")]
mod copies;
mod copying;
mod engine;
mod failing;
mod fields;
mod killing;
mod leaving;
mod many;
mod postgres;
mod refusing;
mod rights;
mod undoing;
