//! A value that bears its class as a type.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::because::Because;
use crate::provenance;
use crate::redactor::Redactors;
use crate::taxonomy::{self, DataClass, Label};
use crate::value::{Any, Kind};
use crate::wire;

/// A value of `T` that bears the class `C` and looks like `V`. `Debug`, `Display` and `Serialize`
/// show its log form, which [`Redactors::install`] decides for the whole process (before that, all
/// but `SYS` is erased); the only way to the value is [`Self::reveal`] and its kin, which name why.
///
/// It does not dereference to `T` and implements neither `AsRef` nor `Borrow`: what wants a plain
/// value (a path, an SQL parameter, a mail's address) does not compile until somebody says why.
///
/// ```
/// use privet_classify::{Uii, because};
///
/// let name: Uii<String> = "Ada Lovelace".to_owned().into();
/// assert_eq!(format!("{name} {name:?}"), "[UII] [UII]");
/// assert_eq!(name.reveal(because("greeting in the mail to herself")), "Ada Lovelace");
/// ```
pub struct Classified<T, C, V = Any> {
    value: T,
    // A function pointer: neither the class nor the value type is held, so neither decides whether
    // this is `Send`.
    marker: PhantomData<fn() -> (C, V)>,
}

/// A value that identifies a person directly.
///
/// ```
/// use privet_classify::Uii;
///
/// assert_eq!(Uii::<_>::new("ada@example.org").to_string(), "[UII]");
/// ```
pub type Uii<T, V = Any> = Classified<T, taxonomy::Uii, V>;
/// A pseudonymous identifier; its only readable log form is a keyed pseudonym.
///
/// ```
/// use privet_classify::Upi;
///
/// assert_eq!(Upi::<_>::new(4711).to_string(), "[UPI]");
/// ```
pub type Upi<T, V = Any> = Classified<T, taxonomy::Upi, V>;
/// A value that describes a person.
///
/// ```
/// use privet_classify::Udi;
///
/// assert_eq!(Udi::<_>::new("CH").to_string(), "[UDI]");
/// ```
pub type Udi<T, V = Any> = Classified<T, taxonomy::Udi, V>;
/// What a person wrote or uploaded.
///
/// ```
/// use privet_classify::Cc;
///
/// assert_eq!(Cc::<_>::new("My holiday").to_string(), "[CC]");
/// ```
pub type Cc<T, V = Any> = Classified<T, taxonomy::Cc, V>;
/// A value about an organisation.
///
/// ```
/// use privet_classify::Oi;
///
/// assert_eq!(Oi::<_>::new("Example Ltd").to_string(), "[OI]");
/// ```
pub type Oi<T, V = Any> = Classified<T, taxonomy::Oi, V>;
/// A value about the machine; its log form is the value.
///
/// ```
/// use privet_classify::Sys;
///
/// assert_eq!(Sys::<_>::new(200).to_string(), "200");
/// ```
pub type Sys<T, V = Any> = Classified<T, taxonomy::Sys, V>;

impl<T, C, V> Classified<T, C, V> {
    /// Gives a value its class.
    ///
    /// ```
    /// # use privet_classify::Uii;
    /// const SUPPORT: Uii<&str> = Uii::new("support@example.org");
    /// assert_eq!(SUPPORT.to_string(), "[UII]");
    /// ```
    pub const fn new(value: T) -> Self {
        Self {
            value,
            marker: PhantomData,
        }
    }

    /// The value, and in the code beside it why.
    ///
    /// ```
    /// # use privet_classify::{Upi, because};
    /// let id: Upi<u64> = 4711.into();
    /// assert_eq!(*id.reveal(because("the key of the row to load")), 4711);
    /// ```
    pub const fn reveal(&self, _why: Because) -> &T {
        &self.value
    }

    /// The value to change in place, and why. The class stays.
    ///
    /// ```
    /// # use privet_classify::{Cc, because};
    /// let mut note: Cc<String> = "Hello".to_owned().into();
    /// note.reveal_mut(because("the person adds to their own note")).push('!');
    /// assert_eq!(note, "Hello!".to_owned().into());
    /// ```
    pub const fn reveal_mut(&mut self, _why: Because) -> &mut T {
        &mut self.value
    }

    /// The value without its class, and why.
    ///
    /// ```
    /// # use privet_classify::{Udi, because};
    /// let country: Udi<String> = "CH".to_owned().into();
    /// assert_eq!(country.into_revealed(because("the tax rate depends on it")), "CH");
    /// ```
    pub fn into_revealed(self, _why: Because) -> T {
        self.value
    }

    /// Another value of the same class, made from this one: the class follows the data.
    ///
    /// ```
    /// # use privet_classify::Uii;
    /// let name: Uii<String> = "Ada".to_owned().into();
    /// let shout: Uii<String> = name.map(|name| name.to_uppercase());
    /// assert_eq!(shout, "ADA".to_owned().into());
    /// ```
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Classified<U, C, V> {
        Classified::new(change(self.value))
    }

    /// The value by reference, of the same class.
    ///
    /// ```
    /// # use privet_classify::{Uii, because};
    /// let name: Uii<String> = "Ada".to_owned().into();
    /// let letters: Uii<usize> = name.borrowed().map(|name| name.len());
    /// assert_eq!(letters, 3.into());
    /// ```
    pub const fn borrowed(&self) -> Classified<&T, C, V> {
        Classified::new(&self.value)
    }
}

impl<T, C: DataClass, V> Classified<T, C, V> {
    /// The class at run time.
    ///
    /// ```
    /// # use privet_classify::{Class, Uii, taxonomy::Label};
    /// assert_eq!(Uii::<u8>::new(1).label(), Label::Known(Class::Uii));
    /// ```
    pub const fn label(&self) -> Label {
        C::LABEL
    }
}

impl<T, C: DataClass, V: Kind<T>> Classified<T, C, V> {
    /// The log form under other rules than the process's.
    ///
    /// ```
    /// # use privet_classify::{Class, Redactor, Redactors, Uii, value};
    /// let rules = Redactors::builder().class(Class::Uii, Redactor::Mask).build()?;
    /// let email: Uii<String, value::Email> = "ada@example.org".to_owned().into();
    /// let mut shown = String::new();
    /// email.write_log_form(&rules, &mut shown)?;
    /// assert_eq!(shown, "•••••@•••••");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write_log_form(&self, rules: &Redactors, out: &mut dyn fmt::Write) -> fmt::Result {
        match V::text(&self.value) {
            Some(text) => rules.write(C::LABEL, V::TYPE, &text, out),
            None => C::LABEL.erased(|erased| out.write_str(erased)),
        }
    }

    fn fmt_log_form(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = Redactors::installed();
        provenance::classified(f, |f| match V::text(&self.value) {
            Some(text) => rules.fmt(C::LABEL, V::TYPE, &text, f),
            None => C::LABEL.erased(|erased| f.pad(erased)),
        })
    }
}

impl<T, C: DataClass, V: Kind<T>> fmt::Debug for Classified<T, C, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_log_form(f)
    }
}

impl<T, C: DataClass, V: Kind<T>> fmt::Display for Classified<T, C, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_log_form(f)
    }
}

/// The log form, as text; the value itself inside of [`wire::Wire`] alone.
impl<T: Serialize, C: DataClass, V: Kind<T>> Serialize for Classified<T, C, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if wire::is_asked_for() {
            self.value.serialize(serializer)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de, T: Deserialize<'de>, C: DataClass, V> Deserialize<'de> for Classified<T, C, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Errors of serde quote what they found: `invalid type: string "ada@…"`.
        T::deserialize(deserializer).map(Self::new).map_err(|_| {
            serde::de::Error::custom(format_args!(
                "a value of class `{}` is not of the type expected here",
                C::LABEL.as_str()
            ))
        })
    }
}

impl<T, C, V> From<T> for Classified<T, C, V> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// A text that is not a value of the type; what was wrong is not said, because parsers quote what
/// they read.
///
/// ```
/// use privet_classify::Upi;
///
/// let error = "4711 (Ada)".parse::<Upi<u64>>().unwrap_err();
/// assert_eq!(error.to_string(), "not a value of the type that was expected of class `UPI`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a value of the type that was expected of class `{class}`")]
pub struct ParseClassifiedError {
    class: &'static str,
}

impl<T: FromStr, C: DataClass, V> FromStr for Classified<T, C, V> {
    type Err = ParseClassifiedError;

    fn from_str(text: &str) -> Result<Self, ParseClassifiedError> {
        let class = C::LABEL.as_str();
        text.parse()
            .map(Self::new)
            .map_err(|_| ParseClassifiedError { class })
    }
}

// Written out because `derive` would ask the same of the markers, which have no values. Comparing
// tells whether two values are equal, which their owner may know; no comparison shows one.

impl<T: Clone, C, V> Clone for Classified<T, C, V> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T: Copy, C, V> Copy for Classified<T, C, V> {}

impl<T: Default, C, V> Default for Classified<T, C, V> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: PartialEq, C, V> PartialEq for Classified<T, C, V> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq, C, V> Eq for Classified<T, C, V> {}

impl<T: PartialOrd, C, V> PartialOrd for Classified<T, C, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord, C, V> Ord for Classified<T, C, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl<T: Hash, C, V> Hash for Classified<T, C, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}
