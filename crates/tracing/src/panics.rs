//! A panic hook that prints no values.
//!
//! The message of a panic holds whatever was to be formatted into it, most often what an `unwrap`
//! found in an error. The place in the program is what helps to find the cause, and it is a constant.
//!
//! ```
//! privet_tracing::panics::install(); // First thing in `main`.
//! ```

use std::fmt;
use std::io::Write;
use std::panic::Location;

/// Where a thread panicked.
///
/// ```
/// privet_tracing::panics::install_with(|place| {
///     assert_eq!(place.to_string(), format!("{}:{}:{}", place.file, place.line, place.column));
/// });
/// # let _ = std::panic::catch_unwind(|| panic!("shown to nobody"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The source file, as the compiler was given it.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Makes the hook of the process one that prints the place of a panic to the standard error, and
/// neither its message nor the name of its thread, which a program may have made of a value. With
/// `RUST_BACKTRACE=1` the functions follow, whose names are constants too.
///
/// ```
/// privet_tracing::panics::install();
/// let caught = std::panic::catch_unwind(|| panic!("no mail to {}", "ada@example.org"));
/// assert!(caught.is_err()); // The standard error has a line: `panicked at src/mail.rs:12:5`.
/// ```
///
/// What catches a panic still gets its message; do not print it (`JoinError` of `tokio` does in its
/// `Display`).
pub fn install() {
    install_with(|place| {
        let trace = std::backtrace::Backtrace::capture();
        let mut stderr = std::io::stderr().lock();
        // There is nowhere left to report that the standard error is closed.
        let _ = writeln!(
            stderr,
            "panicked at {place}; the message is left out, it may hold values"
        );
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            let _ = writeln!(stderr, "{trace}");
        }
    });
}

/// As [`install`], with something else to do with the place. It runs on the thread that panicked,
/// wherever that was: it must not take a lock that may be held there, and not panic.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static LINE: AtomicU32 = AtomicU32::new(0);
/// privet_tracing::panics::install_with(|place| LINE.store(place.line, Ordering::Relaxed));
/// assert!(std::panic::catch_unwind(|| panic!("no mail to {}", "Ada")).is_err());
/// assert_ne!(LINE.load(Ordering::Relaxed), 0);
/// ```
pub fn install_with(report: impl Fn(Place<'_>) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(location) = panic.location() {
            report(Place::of(location));
        }
    }));
}

impl<'a> Place<'a> {
    fn of(location: &'a Location<'_>) -> Self {
        Self {
            file: location.file(),
            line: location.line(),
            column: location.column(),
        }
    }
}
