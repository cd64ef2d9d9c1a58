//! Adopting and checking databases, over files of SQLite and on real servers of PostgreSQL; stores are in
//! memory, or in files where a test says so.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod adopting;
mod backing_up;
mod bed;
mod checking;
mod chinook;
mod engine;
mod failing;
mod killing;
mod leaving;
mod postgres;
mod refusing;
mod rights;
mod undoing;
