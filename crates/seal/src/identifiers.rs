//! What a sealed value belongs to: key, field, environment and tenant. None of it is secret.

use std::fmt;
use std::str::FromStr;

use crate::{Entropy, Error, ParseError};

/// Names a key: 128 random bits, shown as 32 lowercase hexadecimal digits. Not secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// A fresh id. Ids of different keys of one person have nothing in common.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// The 16 bytes, as they stand in a sealed value.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        decode_hex(text.as_bytes()).map(Self)
    }
}

/// Decodes exactly `2 N` lowercase hexadecimal digits.
pub(crate) fn decode_hex<const N: usize>(text: &[u8]) -> Result<[u8; N], ParseError> {
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        let high = hex_digit(text, 2 * place)?;
        let low = hex_digit(text, 2 * place + 1)?;
        *byte = high << 4 | low;
    }
    if text.len() > 2 * N {
        return Err(ParseError::new(2 * N, "the end of a hexadecimal number"));
    }
    Ok(bytes)
}

fn hex_digit(text: &[u8], position: usize) -> Result<u8, ParseError> {
    match text.get(position) {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        _ => Err(ParseError::new(position, "a lowercase hexadecimal digit")),
    }
}

/// The stable number of a field in the data map.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FieldNumber(pub u16);

impl fmt::Display for FieldNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The environment and the tenant that a key and everything under it belong to. What is sealed
/// in one scope does not open in another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scope {
    environment: Box<str>,
    tenant: Box<str>,
}

impl Scope {
    /// Longest name of an environment or tenant, in bytes.
    pub const NAME_SIZE_BYTES_MAX: usize = 64;

    /// A scope of two names, each 1 to 64 bytes of `[a-z0-9_-]`.
    ///
    /// # Errors
    /// [`Error::Name`] says which of the two is not a valid name.
    pub fn new(environment: &str, tenant: &str) -> Result<Self, Error> {
        if !is_name(environment) {
            return Err(Error::Name {
                part: "environment",
            });
        }
        if !is_name(tenant) {
            return Err(Error::Name { part: "tenant" });
        }
        Ok(Self {
            environment: environment.into(),
            tenant: tenant.into(),
        })
    }

    /// The environment's name, as `prod`.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The tenant's name, as `acme`.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }
}

fn is_name(name: &str) -> bool {
    (1..=Scope::NAME_SIZE_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}
