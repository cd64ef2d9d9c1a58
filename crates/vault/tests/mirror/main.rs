//! The log beside its mirror: what is written there, what a start does about either when the other was put back, and who was
//! erased and stays so, whatever is restored.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

#[path = "../monitor/bed.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod bed;
mod comparing;
mod confirming;
mod engine;
mod faulty;
mod place;
mod restoring;
mod shipping;
mod world;
