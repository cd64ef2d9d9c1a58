//! Answers SQL over telemetry, showing nobody but the people who agree to the purpose at that moment.
//!
//! The server asks the ledger who agrees and hands their ids to this program, with a statement; the program knows no keys and
//! no consent of its own. Each table that a statement can name is a [`PeopleTable`], whose scan reads the rows of those people:
//! the filter is below every plan and not part of any statement.
//!
//! What it does not do: write, read any file but the store's, remember anything, or decide who may ask.

mod bits;
mod bounds;
mod confine;
mod error;
mod fetch;
mod group;
mod lengths;
mod numbers;
mod output;
mod packed;
mod people;
mod request;
mod run;
mod runs;
mod scan;
mod session;
mod sieve;
mod spans;
mod table;
#[cfg(test)]
mod testing;

pub use error::{Code, Error};
pub use output::Writing;
pub use people::People;
pub use request::{Header, Limits, Output, Request};
pub use run::run;
pub use session::Session;
pub use table::{PeopleTable, Progress};
