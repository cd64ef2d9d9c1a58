//! The Data Rights Protocol 1.0 as messages: what an authorized agent sends on behalf of a person who wants to see
//! their data, or to have it erased.
//!
//! An agent signs its whole request (Ed25519, in libsodium's combined mode: the signature, then the signed bytes) and
//! sends it as base64. [`Exercise::read`] checks what section 3.07 of the protocol asks for, in its order, before a
//! word of the request is believed. `docs/formats/data-rights-protocol.md` says what Privet makes of it.
//!
//! ```
//! use privet_drp::{Agents, BusinessId, Exercise, Expected, Refusal};
//!
//! let agents = Agents::parse(br#"[{"id": "EXAMPLE_AGENT", "name": "Example Agent",
//!     "verify_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}]"#)?;
//! let expected = Expected {
//!     agent: agents.get("EXAMPLE_AGENT").ok_or("unknown agent")?,
//!     business: &"SHOP".parse::<BusinessId>()?,
//!     now: "2026-11-26T12:00:00Z".parse()?,
//! };
//! assert_eq!(Exercise::read(b"bm90IHNpZ25lZA==", &expected).err(), Some(Refusal::Encoding));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it does not do: no input or output, no clock, no store, no tokens. Who the person is, and whether the same
//! message came before ([`Exercise::digest`]), is the caller's business.

mod agent;
mod refusal;

mod claims;
mod message;

mod exercise;
mod setup;
mod status;

pub use agent::{Agent, Agents, DirectoryError};
pub use claims::{BusinessId, Expected, IdError, VALID_FOR_MAX};
pub use exercise::{Exercise, Identity, Regime, Revoke, Right};
pub use message::{MESSAGE_BYTES_MAX, message_name};
pub use refusal::Refusal;
pub use setup::KeySetup;
pub use status::{ErrorBody, Reason, State, Status};
