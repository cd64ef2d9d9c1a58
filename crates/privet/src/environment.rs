//! Environments: they share nothing, so everything that is sent names or implies one.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The name of an environment: `dev`, `staging`, `prod`, …
///
/// ```
/// let environment: privet::Environment = "staging".parse()?;
/// assert_eq!(environment.as_str(), "staging");
/// assert!("Staging 2".parse::<privet::Environment>().is_err());
/// # Ok::<(), privet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Environment(String);

impl Environment {
    /// The name.
    ///
    /// ```
    /// let environment: privet::Environment = "prod".parse()?;
    /// assert_eq!(environment.as_str(), "prod");
    /// # Ok::<(), privet::Error>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Environment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::setting(
                "an environment is named by 1 to 64 of `a-z`, `0-9`, `_` and `-`, as the server's `privet.toml` names it",
            ))
        }
    }
}
