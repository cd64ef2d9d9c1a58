//! `#[derive(Classified)]`, which gives a structure or an enum a `Debug` that shows nothing which
//! the classes of its fields forbid, and refuses to compile while a field bears none. Use it through
//! `privet-classify`, which re-exports it and documents the classes.
//!
//! ```
//! use privet_classify::{Cc, Classified, Uii, Upi};
//!
//! #[derive(Classified)]
//! struct Ticket {
//!     #[class(SYS)]
//!     number: u32,
//!     opened_by: Upi<u64>,
//!     reply_to: Option<Uii<String>>,
//!     messages: Vec<Cc<String>>,
//! }
//!
//! let ticket = Ticket {
//!     number: 7,
//!     opened_by: 4711.into(),
//!     reply_to: Some("ada@example.org".to_owned().into()),
//!     messages: vec!["It does not work.".to_owned().into()],
//! };
//! assert_eq!(
//!     format!("{ticket:?}"),
//!     "Ticket { number: 7, opened_by: [UPI], reply_to: Some([UII]), messages: [[CC]] }"
//! );
//! ```
//!
//! Not here: `Serialize`. Serde derives it, with its own attributes; classified values inside write
//! their log form unless the answer is asked for in words (`privet_classify::wire`).

mod expand;
mod input;
mod sounds;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `Debug` and `privet_classify::Redacted`.
///
/// Each field bears a class, or the derive does not compile:
///
/// - by its type: `Uii<T>`, `Upi<T>`, …, an option, box or collection of such, another structure
///   with this derive;
/// - `#[class(SYS)]` for a plain value about the machine alone. If its name sounds personal, the
///   derive wants to know why it is not: `#[class(SYS, because = "the address of our own server")]`.
///
/// No other class can be put on a plain field: `#[class(UII)] email: String` would hide the address
/// when the structure is printed, and not when the field is.
///
/// An enum says that which variant it is may be shown, `#[classified(variants = SYS)]`; where the
/// variant itself tells something about a person, the enum belongs into a class as a whole, as
/// `Udi<Gender>`.
///
/// `#[classified(crate = path)]` names the crate where `privet_classify` is re-exported.
///
/// ```
/// use privet_classify::{Classified, Uii};
///
/// #[derive(Classified)]
/// #[classified(variants = SYS)]
/// enum Recipient {
///     Everybody,
///     One(Uii<String>),
/// }
/// assert_eq!(format!("{:?}", Recipient::One("Ada".to_owned().into())), "One([UII])");
/// # let _ = Recipient::Everybody;
/// ```
#[proc_macro_derive(Classified, attributes(class, classified))]
pub fn derive_classified(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    input::Container::parse(input)
        .map(|container| expand::expand(&container))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
