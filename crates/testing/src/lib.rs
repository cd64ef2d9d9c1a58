//! A Privet in memory for tests of applications: the real API over the real monitor, called within the process.
//!
//! Nothing is mocked but the disk and the network: policies decide, purposes are checked, values are sealed, and each look
//! is an entry of an audit log that a test can read. Nothing leaves the process, and nothing is left when it ends.
//!
//! ```
//! use privet::{Field, NewSubject, Purpose, Reveal};
//! use privet_classify::{Uii, because, value};
//! use privet_testing::TestPrivet;
//!
//! struct Email;
//! impl Field for Email {
//!     const NAME: &'static str = "email";
//!     type Value = Uii<String, value::Email>;
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let map = r#"
//!     [purposes]
//!     service = { basis = "contract" }
//!     [fields.email]
//!     number = 1
//!     class = "UII"
//!     type = "email"
//!     purposes = ["service"]
//! "#;
//! let privet = TestPrivet::start(map).await?;
//! let client = privet.client("job").await?;
//! let email = Uii::new("ada@example.com".to_owned());
//! let ada = client.create_subject(&NewSubject::new().field::<Email>(&email)).await?.into();
//! let asked = Reveal::new(Purpose::new("service")).subject(&ada).field::<Email>();
//! let found = client.reveal(&asked).await?.value::<Email>(&ada)?;
//! assert_eq!(found, Some(email));
//! // What a reviewer would ask: who looked at what, and for which purpose?
//! let looks = privet.looks().await?;
//! assert_eq!((looks.len(), &*looks[0].purpose, &looks[0].fields[..]), (1, "service", &["email".to_owned()][..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Values that could be somebody's are refused, as in every environment that is `synthetic_only`: tests use the ranges that
//! are reserved for examples, or [`privet_classify::synthetic`].
//!
//! Not here: the gateway, the pages, applications' databases (a row's name is known, its table is not looked at), and
//! anything for production: the root key is made anew at each start.

mod clock;
mod error;
mod looks;
mod suite;
mod test_privet;
mod transport;

pub use clock::TestClock;
pub use error::Error;
pub use looks::Look;
pub use suite::{Place, SUITE_MAP, suite};
pub use test_privet::{Builder, TestPrivet};
pub use transport::{InProcess, Trouble};
