//! How personal a value is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::UnknownName;

/// The class of a field, a column or a telemetry attribute, from the most personal to the least.
/// The text form (`FromStr`, `Display`, serde) is the short name in capitals.
///
/// ```
/// use privet_classify::Class;
///
/// assert_eq!("UII".parse(), Ok(Class::Uii));
/// assert_eq!(Class::Cc.to_string(), "CC");
/// assert!(Class::Uii < Class::Sys);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Class {
    /// `UII`, user-identifying information: names a person directly (name, e-mail, phone, address).
    Uii,
    /// `UPI`, user-pseudonymous identifier: tells people apart without naming them (customer
    /// number).
    Upi,
    /// `UDI`, user-demographic information: describes a person (birthday, country, gender).
    Udi,
    /// `CC`, customer content: what a person wrote or uploaded (messages, notes, names of
    /// projects).
    Cc,
    /// `OI`, organisation information: about an organisation, not a person (company, invoice
    /// total).
    Oi,
    /// `SYS`, system metadata: about the machine (row ids, sizes, time stamps of jobs).
    Sys,
}

impl Class {
    /// Every class, the most personal first.
    ///
    /// ```
    /// # use privet_classify::Class;
    /// let names = Class::ALL.map(Class::as_str);
    /// assert_eq!(names, ["UII", "UPI", "UDI", "CC", "OI", "SYS"]);
    /// ```
    pub const ALL: [Self; 6] = [
        Self::Uii,
        Self::Upi,
        Self::Udi,
        Self::Cc,
        Self::Oi,
        Self::Sys,
    ];

    /// Whether a value of this class says by itself who somebody is. An environment with
    /// `synthetic_only = true` takes such values only from the ranges reserved for examples
    /// ([`crate::ValueType::is_reserved_example`]).
    ///
    /// ```
    /// # use privet_classify::Class;
    /// assert!(Class::Uii.is_identifying());
    /// assert!(!Class::Upi.is_identifying());
    /// ```
    #[must_use]
    pub fn is_identifying(self) -> bool {
        self == Self::Uii
    }

    /// Whether a value of this class is about a person, so that it may stay readable in an
    /// application's database only where the data map says so in words (`clear = true`).
    ///
    /// ```
    /// # use privet_classify::Class;
    /// assert!(Class::Udi.is_about_a_person());
    /// assert!(!Class::Oi.is_about_a_person());
    /// ```
    #[must_use]
    pub fn is_about_a_person(self) -> bool {
        matches!(self, Self::Uii | Self::Udi | Self::Cc)
    }

    /// The short name in capitals, as the data map writes it.
    ///
    /// ```
    /// # use privet_classify::Class;
    /// assert_eq!(Class::Upi.as_str(), "UPI");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uii => "UII",
            Self::Upi => "UPI",
            Self::Udi => "UDI",
            Self::Cc => "CC",
            Self::Oi => "OI",
            Self::Sys => "SYS",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Class {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("class", &Self::ALL, Self::as_str, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        for class in Class::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        let error = "uii".parse::<Class>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown class; known: `UII`, `UPI`, `UDI`, `CC`, `OI`, `SYS`"
        );
    }

    #[test]
    fn only_uii_identifies() {
        let identifying: Vec<_> = Class::ALL
            .into_iter()
            .filter(|c| c.is_identifying())
            .collect();
        assert_eq!(identifying, [Class::Uii]);
    }
}
