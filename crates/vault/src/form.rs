//! How a value is shown.

use std::fmt;
use std::str::FromStr;

/// How a value is shown, from the most open to the most closed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The value itself.
    Clear,
    /// A mask of fixed length by value type.
    Masked,
    /// A keyed pseudonym that joins neither recipients nor purposes.
    Pseudonym,
    /// The sealed value.
    Sealed,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 4] = [Self::Clear, Self::Masked, Self::Pseudonym, Self::Sealed];

    /// `clear`, `masked`, `pseudonym`, `sealed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Masked => "masked",
            Self::Pseudonym => "pseudonym",
            Self::Sealed => "sealed",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not a form's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `clear`, `masked`, `pseudonym` or `sealed`")]
pub struct UnknownForm;

impl FromStr for Form {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        Self::ALL
            .into_iter()
            .find(|form| form.as_str() == text)
            .ok_or(UnknownForm)
    }
}
