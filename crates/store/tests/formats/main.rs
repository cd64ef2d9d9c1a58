//! Stores that older versions wrote are read by this one, row by row. `schemas` holds each older format as its versions
//! made it; such a file is never changed, and every new format adds the one that it follows.
#![expect(clippy::unwrap_used, reason = "tests")]

mod postgres;
mod rows;
mod sqlite;
