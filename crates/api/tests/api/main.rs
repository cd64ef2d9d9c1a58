//! The HTTP door over real stores and a real socket.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod bed;
mod http;

mod authorization;
mod bearer;
mod codes;
mod consent;
mod description;
mod drp;
mod erasure_receipt;
mod hostile;
mod kept_consent;
mod lifecycle;
mod log;
mod notices;
mod own;
mod own_attacks;
mod own_consent;
mod own_copy;
mod own_mail;
mod own_matrix;
mod pages;
mod postbox;
mod query;
mod requests;
mod sessions;
mod telemetry_id;
mod tls;
mod values;
