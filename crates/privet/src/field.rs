//! Fields of the data map as types, so that a value cannot be taken for another's.

use std::fmt::Display;
use std::str::FromStr;

use privet_classify::taxonomy::DataClass;
use privet_classify::{Classified, because};
use privet_wire::Personal;

/// A field of the data map. `privet classify --lang rust --client` writes one for each.
///
/// ```
/// use privet_classify::{Cc, value};
///
/// struct Note;
/// impl privet::Field for Note {
///     const NAME: &'static str = "note";
///     type Value = Cc<String, value::Text>;
/// }
/// ```
pub trait Field: 'static {
    /// Its name in the data map.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// use privet::Field as _;
    ///
    /// assert_eq!(Email::NAME, "email");
    /// ```
    const NAME: &'static str;
    /// What its values are.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// let email: <Email as privet::Field>::Value = Uii::new("ada@example.com".to_owned());
    /// ```
    type Value: FieldValue;
}

/// What a value of a field can be: any classified value that is read from text and written as text.
///
/// ```
/// use privet::FieldValue;
/// use privet_classify::{Udi, because};
///
/// let age = Udi::<i64>::from_plain("42").expect("a number");
/// assert_eq!(*age.reveal(because("an example")), 42);
/// assert!(Udi::<i64>::from_plain("many").is_none());
/// ```
pub trait FieldValue: Sized {
    /// The value that Privet handed out; nothing if it is not of the type.
    ///
    /// ```
    /// use privet::FieldValue as _;
    /// use privet_classify::Udi;
    ///
    /// assert_eq!(Udi::<i64>::from_plain("42"), Some(Udi::new(42)));
    /// assert_eq!(Udi::<i64>::from_plain("many"), None);
    /// ```
    fn from_plain(text: &str) -> Option<Self>;
    /// The value as Privet takes it in.
    ///
    /// ```
    /// use privet::FieldValue as _;
    ///
    /// let plain = privet_classify::Udi::<i64>::new(42).to_plain();
    /// assert_eq!((plain.as_str(), format!("{plain:?}")), ("42", "…".to_owned()));
    /// ```
    fn to_plain(&self) -> Personal;
}

impl<T: FromStr + Display, C: DataClass, V> FieldValue for Classified<T, C, V> {
    fn from_plain(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::new)
    }

    fn to_plain(&self) -> Personal {
        Personal::new(self.reveal(because("Privet keeps it")).to_string())
    }
}
