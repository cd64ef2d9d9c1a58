//! How Privet's programs reach a PostgreSQL server: an address in libpq's words, TLS that checks whom it talks to, and
//! logins that are bound to the server's certificate.
//!
//! ```
//! use std::path::Path;
//!
//! use privet_postgres::{Address, Plaintext, Rules};
//!
//! let rules = Rules { folder: Path::new("."), plaintext: Plaintext::Local };
//! let address = Address::new("postgresql://privet@127.0.0.1/shop", &rules)?;
//! assert_eq!(address.database(), "shop");
//! // Another machine is reached through TLS with a checked name, or not at all.
//! let refused = Address::new("postgresql://privet@10.0.0.1/shop?sslmode=disable", &rules);
//! assert!(refused.is_err());
//! # Ok::<(), privet_postgres::Error>(())
//! ```
//!
//! [`Address::config`] and [`Address::tls`] are for `tokio-postgres`; [`Address::dial`] is for who speaks the protocol
//! itself. The driver knows neither `sslrootcert` nor the modes that check anything (its `require` accepts every
//! certificate that its connector accepts), and the connectors for rustls that exist leave those to their caller as
//! well and connect nothing but the driver; so the connector here is our own, some eighty lines over `tokio-rustls`.
//!
//! What this crate does not do: it logs in nowhere, speaks no protocol after TLS, keeps no pool and runs no SQL.

mod address;
mod dial;
mod distrust;
mod end_point;
mod error;
mod file;
mod host;
mod tls;

pub use address::{Address, Plaintext, Rules};
pub use dial::Stream;
pub use distrust::Distrust;
pub use end_point::end_point;
pub use error::Error;
pub use host::{Host, is_loopback};
pub use tls::{Encrypted, Tls, Trust};
