//! The errors of this crate. None holds plaintext, key bytes or input.

use crate::KeyId;

/// What a caller asked for cannot be done; nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An environment or tenant name is not 1 to 64 bytes of `[a-z0-9_-]`.
    #[error("`{part}` must be 1 to 64 characters of a-z, 0-9, `_` and `-`")]
    Name {
        /// Which part: `environment` or `tenant`.
        part: &'static str,
    },
    /// A padding block of 0 bytes.
    #[error("a padding block must be at least 1 byte")]
    Block,
    /// The value, once sealed, would exceed the limit.
    #[error("value is too long to seal: the sealed form may have {size_bytes_max} bytes")]
    TooLong {
        /// The limit of the sealed form in bytes.
        size_bytes_max: usize,
    },
    /// A secret was not 32 bytes long.
    #[error("a secret must be exactly 32 bytes")]
    SecretLength,
    /// The cost of a passphrase lies outside the limits of [`crate::PassphraseCost`].
    #[error("passphrase cost is outside its limits")]
    PassphraseCost,
}

/// A sealed value, a wrapped key or a record did not open.
///
/// One value for every cause (wrong key, field, tenant or environment; altered, truncated or
/// foreign bytes), so that nobody learns from the error which of them it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("does not open")]
pub struct OpenError;

/// Bytes or text are not of the expected format. Says where, never what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {position}")]
pub struct ParseError {
    position: usize,
    expected: &'static str,
}

impl ParseError {
    pub(crate) fn new(position: usize, expected: &'static str) -> Self {
        Self { position, expected }
    }

    /// Offset in bytes of the first byte that does not fit (the length, if bytes are missing).
    pub fn position(&self) -> usize {
        self.position
    }

    /// What the format wants at that place.
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}

/// A [`crate::KeyProvider`] could not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The key was wrapped by a root version that this provider does not hold (any more).
    #[error("no root key version `{0}`")]
    UnknownVersion(KeyId),
    /// The wrapped key did not open.
    #[error("wrapped key does not open")]
    Open(#[from] OpenError),
    /// The current root version cannot be destroyed: rotate first.
    #[error("root key version `{0}` is the current one: rotate before destroying it")]
    CurrentVersion(KeyId),
    /// The root key file holds as many versions as it may: destroy old ones first.
    #[error("root key file is full: destroy old versions first")]
    Full,
    /// The passphrase is wrong (or the protected part of the file was altered).
    #[error("passphrase does not open the root key file")]
    WrongPassphrase,
    /// The root key file is protected and no passphrase was given.
    #[error("root key file is protected by a passphrase, and none was given")]
    PassphraseNeeded,
    /// A passphrase was given, but the root key file is not protected by one.
    #[error("a passphrase was given, but the root key file is not protected by one")]
    NotProtected,
    /// The root key file was written by a newer version of this program.
    #[error("root key file has a newer format than this program knows")]
    NewerFormat,
    /// The root key file is damaged or not a root key file.
    #[error("malformed root key file")]
    Malformed(#[source] ParseError),
    /// A remote provider did not answer, or refused.
    #[error("key provider is unavailable")]
    Unavailable,
}
