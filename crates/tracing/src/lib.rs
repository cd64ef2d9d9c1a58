//! Redacts what a program records with `tracing` by the class of its fields, before any subscriber
//! sees it: spans, events, fields that are recorded later, errors with their sources.
//!
//! ```
//! use privet_classify::{Class, Uii};
//! use privet_tracing::{Policy, redacted};
//! use tracing_subscriber::prelude::*;
//!
//! let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
//! let policy = Policy::new()
//!     .field("user.id", Class::Upi)
//!     .field("attempts", Class::Sys);
//! let _guard = redacted(stack, policy).set_default(); // In earnest: `.init()`.
//!
//! let name: Uii<String> = "Ada".to_owned().into();
//! tracing::info!(user.id = 4711, attempts = 3, basket = "3 × red wine", customer = %name, "paid");
//! // … INFO paid user.id="[UPI]" attempts=3 customer=[UII]
//! ```
//!
//! What happens to a field:
//!
//! | Field | What a subscriber sees |
//! |---|---|
//! | a classified value (`%` or `?`), or a structure with `derive(Classified)` | its log form, under any name |
//! | listed with a class | what the class's redactor makes of it; `SYS` as it is, a number as a number |
//! | `message` and others listed as text | the text without what `free_text` finds in it |
//! | anything else | nothing |
//!
//! The redacted record is a record of the same callsite, so everything behind it works as before:
//! filters, `fmt`, JSON, OpenTelemetry with its propagation. A layer of `tracing-subscriber` could
//! not do this: layers beside it get the record as it was. So this is a subscriber around the whole
//! stack, and [`redacted`] returns it as a `Dispatch`, which takes no further layer in front.
//!
//! Not here: names of spans and targets, which are constants of the program, and what a program
//! writes past `tracing`.

#[cfg(feature = "http")]
pub mod http;
pub mod panics;
mod plan;
mod policy;
mod record;
mod redacting;
mod shown_error;
mod slot;

pub use policy::{Policy, Texts, Unlisted};
pub use redacting::redacted;
