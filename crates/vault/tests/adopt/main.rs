//! Adopting and checking databases, over files of SQLite and real stores.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod adopting;
mod backing_up;
mod bed;
mod checking;
mod chinook;
mod failing;
mod killing;
mod postgres;
mod refusing;
mod undoing;
