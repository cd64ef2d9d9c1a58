//! The tests of the monitor once more, over stores in PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

#[path = "../monitor/approving.rs"]
mod approving;
#[path = "../monitor/bed.rs"]
mod bed;
#[path = "../monitor/consenting.rs"]
mod consenting;
mod engine;
#[path = "../monitor/erasing.rs"]
mod erasing;
#[path = "../monitor/failing.rs"]
mod failing;
#[path = "../monitor/granting.rs"]
mod granting;
#[path = "../monitor/keeping.rs"]
mod keeping;
#[path = "../monitor/logins.rs"]
mod logins;
#[path = "../monitor/losing.rs"]
mod losing;
#[path = "../monitor/noticing.rs"]
mod noticing;
#[path = "../monitor/own.rs"]
mod own;
#[path = "../monitor/querying.rs"]
mod querying;
#[path = "../monitor/revealing.rs"]
mod revealing;
#[path = "../monitor/reviewing.rs"]
mod reviewing;
#[path = "../monitor/sealing.rs"]
mod sealing;
#[path = "../monitor/servers.rs"]
mod servers;
#[path = "../monitor/sessions.rs"]
mod sessions;
#[path = "../monitor/sources.rs"]
mod sources;
#[path = "../monitor/telemetry.rs"]
mod telemetry;
#[path = "../monitor/tenants.rs"]
mod tenants;
#[path = "../monitor/tokens.rs"]
mod tokens;
#[path = "../monitor/unwrapping.rs"]
mod unwrapping;
