//! The executable as people and programs meet it: real processes, loopback, ports of the system's choice.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;
mod terminal;

mod audit;
mod bucket;
mod client_library;
mod code;
mod consent;
mod console;
mod copies;
mod databases;
mod day;
mod demo;
mod failures;
mod help;
mod kept_consent;
mod kills;
mod leaks;
mod load;
mod mail;
#[expect(dead_code, reason = "the tests of the mailer use all of it")]
#[path = "../../../mail/tests/mail/server.rs"]
mod mail_server;
mod many_rows;
mod markers;
mod mirror;
mod people;
mod query;
mod requests;
mod serve;
mod synth;
mod telemetry;
mod told;
