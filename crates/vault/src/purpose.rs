//! Looking a purpose up in the data map.

use privet_classify::Purpose;

use crate::{Error, Result, Vault};

/// Purposes that a refusal lists; a data map with more is to be read.
const LISTED_MAX: usize = 20;

impl Vault {
    /// The purpose of that name.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `unknown_purpose`, which lists those that there are: names are made by whoever runs this
    /// environment, and the one that was asked for, which may be anything, is not repeated.
    pub(crate) fn purpose(&self, name: &str) -> Result<&Purpose> {
        let map = &self.inner.map;
        map.purpose(name).ok_or_else(|| {
            let listed = map.purposes().take(LISTED_MAX);
            let listed: Vec<_> = listed.map(|known| format!("`{}`", known.name)).collect();
            let more = match map.purposes().len() > LISTED_MAX {
                true => ", …",
                false => "",
            };
            let listed = listed.join(", ");
            Error::invalid(
                "unknown_purpose",
                format!("the purpose is not in the data map, which has {listed}{more}"),
            )
        })
    }
}
