//! The client library of Privet: an application stores, reveals, looks up, seals and opens personal data.
//!
//! A [`Client`] belongs to one environment and one token. It finds the server of its environment by a convention or by an
//! address that is set, and proves to itself that token and server are of that environment before it sends anything else.
//! Every call has a deadline; what can be repeated safely is repeated, within limits; long lists are cut into requests that
//! the server takes.
//!
//! ```no_run
//! use privet::{Client, Field, Purpose, Reveal, SubjectName};
//! use privet_classify::{Uii, value};
//!
//! // `privet classify --lang rust --client` writes these for every field of a data map.
//! struct Email;
//! impl Field for Email {
//!     const NAME: &'static str = "email";
//!     type Value = Uii<String, value::Email>;
//! }
//! const SUPPORT: Purpose = Purpose::new("support");
//!
//! # async fn run() -> Result<(), privet::Error> {
//! // PRIVET_ENV, PRIVET_TOKEN, and PRIVET_URL where the convention does not do.
//! let client = Client::from_env()?;
//! let customer = SubjectName::row("shop", "customer", 42);
//! let revealed = client.reveal(&Reveal::new(SUPPORT).subject(&customer).field::<Email>()).await?;
//! if let Some(email) = revealed.value::<Email>(&customer)? {
//!     println!("{email}"); // [UII]: a value that comes out bears its class
//! }
//! # Ok(())
//! # }
//! ```
//!
//! An application that keeps values itself stores [`Sealed`] columns, sealed and opened through the server in batches:
//! [`SealBatch`], [`OpenBatch`]. No key ever comes here: a key that seals also opens.
//!
//! Not here: decisions (the server's policy), keys, and the protected console. A test needs no server: `privet-testing`
//! is one in memory.

mod environment;
mod token;

mod limits;
mod settings;

mod error;
mod http;
mod retry;
mod transport;

mod answer;
mod call;

mod client;
mod field;
mod name;

mod batch;
mod consent;
mod operations;
mod query;
mod reveal;
mod sealed;
mod subjects;

pub use batch::{OpenBatch, Opened, SealBatch, SealedBatch, Slot, Stored};
pub use client::Client;
pub use consent::ConsentAnswers;
pub use environment::Environment;
pub use error::Error;
pub use field::{Field, FieldValue};
pub use limits::Limits;
pub use name::{Purpose, SubjectName};
pub use operations::Operations;
pub use privet_wire as wire;
pub use reveal::{Found, Reveal, Revealed};
pub use sealed::{BlindIndex, NotSealed, Sealed};
pub use settings::Settings;
pub use subjects::{FieldWrites, NewSubject};
pub use token::Token;
pub use transport::{Transport, TransportError};
