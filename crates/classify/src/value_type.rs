//! Value types: what the values of a field look like, and so how to validate, normalize, mask and
//! invent them. No message and no mask shows any part of a value, but for a public mail domain.

mod address;
mod country;
mod date;
mod email;
mod host;
mod ip;
mod mask;
mod phone;
mod postal;
mod text;
mod url;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use mask::MaskRules;
pub(crate) use text::fold;

use crate::error::{UnknownName, ValueError};
use crate::synthetic;

/// The longest value in bytes that is validated and normalized. Free text may be as long as the
/// caller lets it be.
pub(crate) const VALUE_BYTES_MAX: usize = 1024;

/// What the values of a field look like. The text form (`FromStr`, `Display`, serde) is in lower
/// snake case: `email`, `postal_code`.
///
/// ```
/// use privet_classify::ValueType;
///
/// assert_eq!("postal_code".parse(), Ok(ValueType::PostalCode));
/// assert!(ValueType::Email.validate("ada@example.org").is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueType {
    /// A mail address: `ada@example.org`. RFC 5321 and 6531, without quoted local parts.
    Email,
    /// A telephone number with the usual separators: `+1 202 555 0142`. ITU-T E.164.
    Phone,
    /// The name of a person, or a part of it.
    Name,
    /// A postal address, or a line of it.
    Address,
    /// A day, with or without a time after it: `1990-12-31`. ISO 8601, RFC 3339.
    Date,
    /// Free text.
    Text,
    /// A country: `CH`. ISO 3166-1 alpha-2, and `XK`.
    CountryCode,
    /// A postal code: `SW1V 3EN`.
    PostalCode,
    /// A whole number of 64 bits: `42`.
    Integer,
    /// An absolute address on the web or elsewhere: `https://example.org/ada`. RFC 3986.
    Url,
    /// An IPv4 or IPv6 address: `192.0.2.1`.
    Ip,
}

impl ValueType {
    /// Every value type.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// assert!(ValueType::ALL.iter().all(|kind| kind.as_str().parse() == Ok(*kind)));
    /// ```
    pub const ALL: [Self; 11] = [
        Self::Email,
        Self::Phone,
        Self::Name,
        Self::Address,
        Self::Date,
        Self::Text,
        Self::CountryCode,
        Self::PostalCode,
        Self::Integer,
        Self::Url,
        Self::Ip,
    ];

    /// The name, as the data map writes it.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// assert_eq!(ValueType::CountryCode.as_str(), "country_code");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Address => "address",
            Self::Date => "date",
            Self::Text => "text",
            Self::CountryCode => "country_code",
            Self::PostalCode => "postal_code",
            Self::Integer => "integer",
            Self::Url => "url",
            Self::Ip => "ip",
        }
    }

    /// Checks that `value` is of the type. A value is valid exactly if it can be normalized.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// assert!(ValueType::Date.validate("1990-12-31").is_ok());
    /// assert!(ValueType::Date.validate("31.12.1990").is_err());
    /// ```
    ///
    /// # Errors
    /// What is wrong and what would be right, without the value.
    pub fn validate(self, value: &str) -> Result<(), ValueError> {
        self.normalize(value).map(drop)
    }

    /// The form in which equal values are equal bytes, for blind indexes. There is one rule for
    /// each type; a change of any result makes every index that was made before useless. Normalizing
    /// twice changes nothing. Not for storage or display: letters change case, and the time after a
    /// date is dropped.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// assert_eq!(ValueType::Email.normalize(" Ada@Example.ORG ")?, "ada@example.org");
    /// # Ok::<(), privet_classify::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// If `value` is not of the type: what is wrong and what would be right, without the value.
    pub fn normalize(self, value: &str) -> Result<String, ValueError> {
        let wrong = |wrong: Wrong| ValueError {
            value_type: self,
            wrong: wrong.0,
            right: wrong.1,
        };
        self.check_length(value).map_err(wrong)?;
        let normal = match self {
            Self::Email => email::normalize(value),
            Self::Phone => phone::normalize(value),
            Self::Name => text::normalize_name(value),
            Self::Address => text::normalize_address(value),
            Self::Date => date::normalize(value),
            Self::Text => text::normalize(value),
            Self::CountryCode => country::normalize(value),
            Self::PostalCode => postal::normalize(value),
            Self::Integer => normalize_integer(value),
            Self::Url => url::normalize(value),
            Self::Ip => ip::normalize(value),
        }
        .map_err(wrong)?;
        // Some letters grow when normalized; the result must itself be a value.
        self.check_length(&normal).map_err(wrong)?;
        Ok(normal)
    }

    fn check_length(self, value: &str) -> Result<(), Wrong> {
        if self == Self::Text || value.len() <= VALUE_BYTES_MAX {
            Ok(())
        } else {
            Err((
                "it is longer than 1024 bytes",
                "shorten it, or give the field type `text`",
            ))
        }
    }

    /// What may be shown in place of `value`: the same text for every value of the type, so that
    /// not even a length shows; only a mail domain on the public list stands as it is.
    ///
    /// ```
    /// # use privet_classify::{MaskRules, ValueType};
    /// let rules = MaskRules::default();
    /// assert_eq!(ValueType::Phone.mask("+1 202 555 0142", &rules), "••• ••• ••");
    /// ```
    #[must_use]
    pub fn mask(self, value: &str, rules: &MaskRules) -> String {
        mask::mask(self, value, rules).into_owned()
    }

    /// As [`Self::mask`], without the heap where the mask is the same for every value.
    pub(crate) fn mask_text(self, value: &str, rules: &MaskRules) -> Cow<'static, str> {
        mask::mask(self, value, rules)
    }

    /// The block in bytes to which a value is padded before it is sealed, so that short values do
    /// not show their length: 32, for free text 1.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// assert_eq!(ValueType::Email.padding_block(), 32);
    /// assert_eq!(ValueType::Text.padding_block(), 1);
    /// ```
    #[must_use]
    pub fn padding_block(self) -> u8 {
        if self == Self::Text { 1 } else { 32 }
    }

    /// An invented value, the same for the same `seed` and `index`, valid and in the range reserved
    /// for examples. For one `seed` and `index` the values of the types fit together
    /// ([`synthetic::Person`]); mail addresses differ for every index.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// let phone = ValueType::Phone.synthesize(7, 0);
    /// assert_eq!(phone, ValueType::Phone.synthesize(7, 0));
    /// assert!(ValueType::Phone.is_reserved_example(&phone));
    /// ```
    #[must_use]
    pub fn synthesize(self, seed: u64, index: u64) -> String {
        synthetic::value(self, seed, index)
    }

    /// Whether `value` is in the range reserved for examples, so that it cannot be a real person's:
    /// mail and web addresses under a domain of RFC 2606, IP addresses of RFC 5737, 3849 and 9637,
    /// telephone numbers 555-0100 to 555-0199, names and addresses of the generator's lists,
    /// integers up to 9999, text made by the generator. Dates, countries and postal codes are
    /// always: alone, they name nobody.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// assert!(ValueType::Ip.is_reserved_example("192.0.2.1"));
    /// assert!(!ValueType::Ip.is_reserved_example("9.9.9.9"));
    /// ```
    #[must_use]
    pub fn is_reserved_example(self, value: &str) -> bool {
        let Ok(normal) = self.normalize(value) else {
            return false;
        };
        match self {
            Self::Email => email::is_reserved(&normal),
            Self::Phone => phone::is_reserved(&normal),
            Self::Name => synthetic::is_listed_name(value),
            Self::Address => address::is_reserved(&normal),
            Self::Date | Self::CountryCode | Self::PostalCode => true,
            Self::Text => text::is_reserved(value),
            Self::Integer => normal
                .parse()
                .is_ok_and(|number: u64| number <= INTEGER_EXAMPLE_MAX),
            Self::Url => url::is_reserved(&normal),
            Self::Ip => ip::is_reserved(&normal),
        }
    }

    /// Whether the type has so few values that a blind index over it can be guessed through.
    ///
    /// ```
    /// # use privet_classify::ValueType;
    /// assert!(ValueType::CountryCode.is_small_domain());
    /// assert!(!ValueType::Email.is_small_domain());
    /// ```
    #[must_use]
    pub fn is_small_domain(self) -> bool {
        matches!(
            self,
            Self::Date | Self::CountryCode | Self::PostalCode | Self::Integer
        )
    }
}

/// The largest integer that is taken for an example: too small for the number of an account or a
/// person.
const INTEGER_EXAMPLE_MAX: u64 = 9_999;

/// What is wrong with a value, and what would be right.
type Wrong = (&'static str, &'static str);

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ValueType {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("value type", &Self::ALL, Self::as_str, text)
    }
}

fn normalize_integer(value: &str) -> Result<String, Wrong> {
    match value.trim().parse::<i64>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => Err((
            "it is not a whole number of 64 bits",
            "write only digits, as `42` or `-7`",
        )),
    }
}
