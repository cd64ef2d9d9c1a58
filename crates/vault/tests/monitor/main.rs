//! The monitor over real stores: who gets what, in which form, and what is on record before and after.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod approving;
mod bed;
mod consenting;
mod copied;
#[path = "../copies/mod.rs"]
mod copies;
mod copying;
mod engine;
mod erasing;
mod failing;
mod field_receipts;
mod fields;
mod granting;
mod importing;
mod jumping;
mod keeping;
mod logins;
mod losing;
mod noticing;
mod own;
mod querying;
mod receipting;
mod requesting;
mod revealing;
mod reviewing;
mod sealing;
mod servers;
mod sessions;
mod signalling;
mod sources;
mod telemetry;
mod telling;
mod tenants;
mod tokens;
mod unwrapping;
