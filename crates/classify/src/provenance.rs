//! Whether a rendered text came from classified values alone.
//!
//! Whoever redacts records by the names of their fields sees a text like `pp1_k7_…` and cannot tell
//! whether it is a pseudonym or something that a person typed: to redact it twice would make a
//! pseudonym of a pseudonym, to believe it would let a liar pass. So the text is not looked at.
//! While [`render`] writes a value, classified values and what `derive(Classified)` made say so as
//! they write; what comes from anywhere else, but for the punctuation of the standard library's
//! collections, makes the whole text [`Origin::Other`].
//!
//! ```
//! use privet_classify::{Uii, provenance::{Origin, render}};
//!
//! let email: Uii<String> = "ada@example.org".to_owned().into();
//! let origin = render(format_args!("{:?}", [email]), &mut String::new(), 80);
//! assert_eq!(origin, Origin::Classified);
//! ```
//!
//! The state is the thread's and lives for the time of one call; rendering inside of a rendering
//! (a `Debug` that logs) keeps its own.

use std::cell::Cell;
use std::fmt::{self, Write};

/// Where a rendered text came from.
///
/// ```
/// use privet_classify::provenance::{Origin, render};
///
/// assert_eq!(render(format_args!("Ada"), &mut String::new(), 80), Origin::Other);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Classified values and the punctuation of collections, nothing else: a log form.
    Classified,
    /// Anything else, at least in part.
    Other,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// A classified value is being written.
    inside: bool,
    /// One was.
    seen: bool,
    /// Something else was.
    other: bool,
}

thread_local! {
    static STATE: Cell<State> = const { Cell::new(State { inside: false, seen: false, other: false }) };
}

/// Appends the text of `value` to `out`, at most `bytes_max` of it (an `…` stands for the rest), and
/// says where it came from.
///
/// ```
/// use privet_classify::provenance::{self, Origin};
/// use privet_classify::Uii;
///
/// let email: Uii<String> = "ada@example.org".to_owned().into();
/// let mut out = String::new();
/// assert_eq!(provenance::render(format_args!("{:?}", Some(&email)), &mut out, 80), Origin::Classified);
/// assert_eq!(out, "Some([UII])");
/// assert_eq!(provenance::render(format_args!("mail to {email}"), &mut out, 80), Origin::Other);
/// assert_eq!(provenance::render(format_args!("[UII]"), &mut out, 80), Origin::Other);
/// ```
pub fn render(value: fmt::Arguments<'_>, out: &mut String, bytes_max: usize) -> Origin {
    let saved = Saved(STATE.replace(State::default()));
    let mut sink = Sink {
        limit: out.len().saturating_add(bytes_max),
        out,
        cut: false,
    };
    let written = sink.write_fmt(value);
    let state = STATE.get();
    drop(saved);
    if state.seen && !state.other && written.is_ok() {
        Origin::Classified
    } else {
        Origin::Other
    }
}

/// Marks what `write` writes as coming from a classified value.
pub(crate) fn classified<'f, 'a>(
    f: &'f mut fmt::Formatter<'a>,
    write: impl FnOnce(&mut fmt::Formatter<'a>) -> fmt::Result,
) -> fmt::Result {
    let before = STATE.get();
    STATE.set(State {
        inside: true,
        ..before
    });
    let result = write(f);
    STATE.set(State {
        inside: before.inside,
        seen: true,
        ..STATE.get()
    });
    result
}

struct Saved(State);

impl Drop for Saved {
    fn drop(&mut self) {
        STATE.set(self.0);
    }
}

struct Sink<'a> {
    out: &'a mut String,
    limit: usize,
    cut: bool,
}

impl fmt::Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let state = STATE.get();
        if !state.inside && !state.other && !is_punctuation(text) {
            STATE.set(State {
                other: true,
                ..state
            });
        }
        let room = self.limit.saturating_sub(self.out.len());
        if self.cut {
            // What is over the limit is left out, not an error: many a `Debug` takes it for a bug.
        } else if text.len() <= room {
            self.out.push_str(text);
        } else {
            self.out
                .push_str(text.get(..text.floor_char_boundary(room)).unwrap_or(""));
            self.out.push('…');
            self.cut = true;
        }
        Ok(())
    }
}

/// The pieces that the standard library writes around the items of a collection, an option or a
/// result. Whoever writes exactly these as a value of their own has told nothing.
fn is_punctuation(piece: &str) -> bool {
    matches!(
        piece,
        "" | "["
            | "]"
            | "("
            | ")"
            | "{"
            | "}"
            | "[\n"
            | "{\n"
            | "(\n"
            | ", "
            | ",\n"
            | ","
            | ": "
            | "\n"
            | "    "
            | "Some"
            | "None"
            | "Ok"
            | "Err"
    )
}
