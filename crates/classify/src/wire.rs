//! The value on its way to whom it belongs: `Serialize` for the wire, asked for in words.
//!
//! A struct has one `Serialize`, written by serde, with its attributes and its names. Inside of a
//! classified value it writes the log form, so that JSON that goes to a log by accident shows
//! nothing. A handler that answers the person themself says so:
//!
//! ```
//! use privet_classify::{Uii, because, wire::Wire};
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Profile {
//!     email: Uii<String>,
//! }
//!
//! let profile = Profile { email: "ada@example.org".to_owned().into() };
//! assert_eq!(serde_json::to_string(&profile)?, r#"{"email":"[UII]"}"#);
//!
//! let answer = Wire::new(&profile, because("a person asks for their own profile"));
//! assert_eq!(serde_json::to_string(&answer)?, r#"{"email":"ada@example.org"}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! How the inner values know: serializing is one synchronous call on one thread, and `Wire` marks
//! that thread for the time of the call. `Debug` and `Display` do not look at the mark. Two types
//! with two implementations of `Serialize` were rejected: the second one would have to repeat every
//! attribute of serde (`docs/decisions/`, on data privacy).

use std::cell::Cell;

use serde::{Serialize, Serializer};

use crate::because::Because;

thread_local! {
    static ASKED_FOR: Cell<bool> = const { Cell::new(false) };
}

/// Serializes `T` with its classified values in the open. It has no `Debug`: it is made to be sent,
/// not to be looked at.
///
/// ```
/// use privet_classify::{Uii, because, wire::Wire};
///
/// let name = Uii::<_>::new("Ada");
/// let answer = Wire::new(&name, because("a person reads their own name"));
/// assert_eq!(serde_json::to_string(&(&answer, &name))?, r#"["Ada","[UII]"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "an answer in the open has no log form; its value inside has one"
)]
pub struct Wire<T>(T);

impl<T: Serialize> Wire<T> {
    /// What is to be sent, by value or by reference, and why it may be.
    ///
    /// ```
    /// # use privet_classify::{Udi, because, wire::Wire};
    /// let answer = Wire::new(Udi::<_>::new("CH"), because("a person reads their own country"));
    /// assert_eq!(serde_json::to_string(&answer)?, r#""CH""#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub const fn new(value: T, _why: Because) -> Self {
        Self(value)
    }
}

impl<T: Serialize> Serialize for Wire<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let _asked = Mark::set(true);
        self.0.serialize(serializer)
    }
}

pub(crate) fn is_asked_for() -> bool {
    ASKED_FOR.get()
}

/// Serializes inside of `run` as outside of any [`Wire`]: for whoever makes a log record while an
/// answer is being written.
///
/// ```
/// # use privet_classify::{Uii, because, wire::{Wire, as_for_logs}};
/// # use serde::{Serialize, Serializer};
/// struct Logged(Uii<&'static str>);
/// impl Serialize for Logged {
///     fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
///         as_for_logs(|| self.0.serialize(serializer))
///     }
/// }
/// let answer = Wire::new(Logged(Uii::new("Ada")), because("an answer to herself"));
/// assert_eq!(serde_json::to_string(&answer)?, r#""[UII]""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn as_for_logs<R>(run: impl FnOnce() -> R) -> R {
    let _mark = Mark::set(false);
    run()
}

/// Puts the mark back as it was, after an error and a panic too.
struct Mark(bool);

impl Mark {
    fn set(asked: bool) -> Self {
        Self(ASKED_FOR.replace(asked))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        ASKED_FOR.set(self.0);
    }
}
