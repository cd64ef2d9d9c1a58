//! The tests of what restores do beside the log's mirror once more, over stores in PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

#[path = "../monitor/bed.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod bed;
#[path = "../mirror/engine.rs"]
mod engine;
#[path = "../mirror/faulty.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod faulty;
#[path = "../mirror/place.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod place;
#[path = "../mirror/restoring.rs"]
mod restoring;
mod world;
