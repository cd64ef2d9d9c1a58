//! Whom a mail is for, and which one it is.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Longest address (RFC 5321, section 4.5.3.1.3, without its brackets).
const ADDRESS_LEN_MAX: usize = 254;

/// An address of mail (RFC 5321). It identifies a person: it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(pub(crate) lettre::Address);

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > ADDRESS_LEN_MAX || text.chars().any(char::is_control) {
            return Err(Error::Address);
        }
        text.parse().map(Self).map_err(|_| Error::Address)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

/// The Message-ID of a mail (RFC 5322, section 3.6.4): the same mail always has the same, so that who gets it twice sees it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    /// `<name@domain>`. The name says which mail this is; nothing of it may be secret or a person's.
    ///
    /// # Errors
    /// [`Error::MessageId`] for characters that would need quotes, or names that are empty or too long.
    pub fn new(name: &str, domain: &str) -> Result<Self, Error> {
        let is_plain = |text: &str| {
            let plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
            (1..=128).contains(&text.len())
                && text.bytes().all(plain)
                && text.split('.').all(|part| !part.is_empty())
        };
        if !is_plain(name) || !is_plain(domain) {
            return Err(Error::MessageId);
        }
        Ok(Self(format!("<{name}@{domain}>")))
    }

    /// As it stands in the mail.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
