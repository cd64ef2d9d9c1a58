//! The mail that people get about their requests, over SMTP.
//!
//! [`Templates`] are checked when they are read, with everything they may be given; [`Mailer::send`] says whether a mail is
//! [sent](Outcome::Sent), [to be tried again](Outcome::Deferred) or [refused](Outcome::Refused), and why, without a word of
//! what the mail server said: that often repeats the address. The caller gives each mail its [`MessageId`]; one that is sent
//! twice, because the server's answer was lost, is the same mail to whoever gets it.
//!
//! ```
//! use privet_mail::{Address, Encryption, Mailer, Server, Templates};
//!
//! let server = Server {
//!     host: "mail.example".to_owned(),
//!     port: None,
//!     encryption: Encryption::StartTls,
//!     login: None,
//!     authorities: None,
//!     from: "privacy@books.example".parse::<Address>()?,
//!     from_name: "Example Books".to_owned(),
//!     timeout: std::time::Duration::from_secs(60),
//! };
//! let mailer = Mailer::new(server, Templates::read([])?)?;
//! # let _ = mailer;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate does not do: it keeps no outbox and tries nothing again, which is for whoever knows what must not be lost;
//! it reads no file and no clock, and logs nothing.

mod error;

mod address;
mod notice;
mod outcome;

mod mailer;
mod people;
mod templates;

pub use address::{Address, MessageId};
pub use error::Error;
pub use mailer::{Encryption, Login, Mail, Mailer, Server};
pub use notice::Notice;
pub use outcome::{Cause, Failure, Outcome, Stage};
pub use people::PeopleMailer;
pub use templates::Templates;
