//! What passes of a request: small messages in, treated records as text out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod bed;
mod canary;
mod hostile;
mod logs;
mod points;
mod shown;
mod spans;
