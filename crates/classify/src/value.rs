//! Value types as types: the third parameter of [`Classified`](struct@crate::Classified), which says how the text of a
//! value is made and how it is masked.
//!
//! ```
//! use privet_classify::{Uii, value};
//!
//! // A value whose log form may be a mask of a mail address.
//! let email: Uii<String, value::Email> = "ada@example.org".to_owned().into();
//! // A value that has no text of its own: always erased.
//! let photo: Uii<Vec<u8>, value::Opaque> = vec![0xff, 0xd8].into();
//! assert_eq!(format!("{email} {photo:?}"), "[UII] [UII]");
//! ```

use std::fmt;

use zeroize::Zeroizing;

use crate::value_type::ValueType;

/// How values of `T` are turned into text, for the log forms that need it (pseudonym, keep), and
/// what they look like (mask).
///
/// ```
/// use privet_classify::{Upi, ValueType, value::Kind};
///
/// /// The number of a customer's card, which is in the open only on the card.
/// enum Card {}
/// impl Kind<u64> for Card {
///     const TYPE: Option<ValueType> = None;
///     fn text(_: &u64) -> Option<&dyn std::fmt::Display> {
///         None
///     }
/// }
/// assert_eq!(Upi::<u64, Card>::new(4_711).to_string(), "[UPI]");
/// ```
#[diagnostic::on_unimplemented(
    message = "values of type `{T}` have no text that a log form could be made of",
    label = "`{T}` does not implement `Display`",
    note = "implement `Display` for `{T}`, or write `value::Opaque` as the value type, as in `Uii<{T}, value::Opaque>`: it is always erased"
)]
pub trait Kind<T: ?Sized> {
    /// What the values look like, if that is known.
    ///
    /// ```
    /// # use privet_classify::{ValueType, value::{Any, Email, Kind}};
    /// assert_eq!(<Email as Kind<String>>::TYPE, Some(ValueType::Email));
    /// assert_eq!(<Any as Kind<String>>::TYPE, None);
    /// ```
    const TYPE: Option<ValueType>;

    /// The text of a value, if it has one.
    ///
    /// ```
    /// # use privet_classify::value::{Any, Kind, Opaque};
    /// assert_eq!(Any::text(&4_711).map(|text| text.to_string()), Some("4711".to_owned()));
    /// assert!(Opaque::text(&4_711).is_none());
    /// ```
    fn text(value: &T) -> Option<&dyn fmt::Display>;
}

/// Anything that can be displayed; what it looks like is not known, so that its mask is `•••••`.
///
/// ```
/// use privet_classify::{Uii, value::Any};
///
/// let name: Uii<String, Any> = "Ada".to_owned().into();
/// assert_eq!(name.to_string(), "[UII]");
/// ```
#[derive(Debug)]
pub enum Any {}

// The trait says what to write; that `Display` is missing says it not.
#[diagnostic::do_not_recommend]
impl<T: fmt::Display> Kind<T> for Any {
    const TYPE: Option<ValueType> = None;

    fn text(value: &T) -> Option<&dyn fmt::Display> {
        Some(value)
    }
}

/// A value without text: structures, bytes, types of others. Whatever the rules say, it is erased.
///
/// ```
/// use privet_classify::{Cc, value::Opaque};
///
/// let photo: Cc<Vec<u8>, Opaque> = vec![0xff, 0xd8].into();
/// assert_eq!(format!("{photo:?}"), "[CC]");
/// ```
#[derive(Debug)]
pub enum Opaque {}

impl<T> Kind<T> for Opaque {
    const TYPE: Option<ValueType> = None;

    fn text(_: &T) -> Option<&dyn fmt::Display> {
        None
    }
}

macro_rules! kinds {
    ($($name:ident)*) => {
        $(
            #[doc = concat!("Values of [`ValueType::", stringify!($name), "`].")]
            ///
            /// ```
            #[doc = concat!("use privet_classify::{Udi, value};")]
            ///
            #[doc = concat!("let value: Udi<String, value::", stringify!($name), "> = String::new().into();")]
            /// assert_eq!(value.to_string(), "[UDI]");
            /// ```
            #[derive(Debug)]
            pub enum $name {}

            #[diagnostic::do_not_recommend]
            impl<T: fmt::Display> Kind<T> for $name {
                const TYPE: Option<ValueType> = Some(ValueType::$name);

                fn text(value: &T) -> Option<&dyn fmt::Display> {
                    Some(value)
                }
            }
        )*
    };
}

kinds!(Email Phone Name Address Date Text CountryCode PostalCode Integer Url Ip);

/// A text whose memory is overwritten when it is dropped. It has a `Display` (which shows it), so
/// that it can stand in a classified value, as `Uii<Wiped>`; alone it has no `Debug`.
///
/// ```
/// use privet_classify::{Uii, because, value};
///
/// let email: Uii<value::Wiped, value::Email> = value::Wiped::from("ada@example.org".to_owned()).into();
/// assert_eq!(format!("{email:?}"), "[UII]");
/// assert_eq!(email.reveal(because("an example")).as_str(), "ada@example.org");
/// ```
#[derive(PartialEq, Eq)]
#[expect(
    missing_debug_implementations,
    reason = "its Debug would show the value; inside a classified value it has one"
)]
pub struct Wiped(Zeroizing<String>);

impl Wiped {
    /// The text.
    ///
    /// ```
    /// # use privet_classify::value::Wiped;
    /// assert_eq!(Wiped::from("ada@example.org".to_owned()).as_str(), "ada@example.org");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Wiped {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Display for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for Wiped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Wiped {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
