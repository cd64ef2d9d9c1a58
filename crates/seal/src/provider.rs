//! The port to whatever holds the root key: a file, OpenBao or Vault, PKCS#11, a cloud's service.

use zeroize::Zeroizing;

use crate::{Entropy, KeyId, Nonce, ProviderError, Secret32, WrapContext};

/// Holds the versions of the root key and wraps tenant keys with them. Root keys never leave it.
pub trait KeyProvider: Send + Sync {
    /// What kind of provider this is and which versions it holds. No secrets.
    fn describe(&self) -> ProviderDescription;

    /// The version that wraps now.
    fn current(&self) -> KeyId;

    /// Wraps a secret with the current version.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] if a remote provider does not answer.
    fn wrap(
        &self,
        context: &WrapContext<'_>,
        secret: &Secret32,
        nonce: Nonce,
    ) -> Result<Vec<u8>, ProviderError>;

    /// Unwraps a secret with the version that wrapped it and checks the commitment.
    ///
    /// # Errors
    /// [`ProviderError::UnknownVersion`] if that version is gone, [`ProviderError::Open`] for every
    /// other cause in what was passed.
    fn unwrap(
        &self,
        context: &WrapContext<'_>,
        wrapped: &[u8],
        commitment: &[u8; 32],
    ) -> Result<Secret32, ProviderError>;

    /// Adds a version and makes it the current one. Older versions keep unwrapping.
    ///
    /// # Errors
    /// [`ProviderError`] says what to do.
    fn rotate(&self, entropy: &dyn Entropy) -> Result<RootChange, ProviderError>;

    /// Destroys a version: what it wrapped is lost. Rewrap with the current version first.
    ///
    /// # Errors
    /// [`ProviderError::CurrentVersion`] for the current one, [`ProviderError::UnknownVersion`].
    fn destroy(&self, version: KeyId, entropy: &dyn Entropy) -> Result<RootChange, ProviderError>;
}

/// What a provider says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderDescription {
    /// Its kind, as `file`.
    pub kind: &'static str,
    /// The versions it holds, oldest first; the last is the current one.
    pub versions: Vec<KeyId>,
    /// Whether destroying a version also ends every copy of it. A file cannot promise that: its
    /// backups, snapshots and flash cells keep copies.
    pub destroys_copies: bool,
    /// Whether the root key is protected where it lies (a passphrase, a device, a service).
    pub protected: bool,
}

/// The outcome of changing root versions.
#[must_use = "a change of the root key file takes effect only when its bytes are written"]
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub enum RootChange {
    /// The provider has done it.
    Done {
        /// The version that wraps from now on.
        current: KeyId,
    },
    /// Nothing has changed yet: write these bytes in place of the file, durably (a new file with
    /// mode 0600, synced, renamed, directory synced), then read the provider anew from them.
    Write {
        /// The version that wraps once the file is written.
        current: KeyId,
        /// The whole new file. Secret, unless protected by a passphrase.
        file: Zeroizing<Vec<u8>>,
    },
}

impl RootChange {
    /// The version that wraps once the change is in effect.
    pub fn current(&self) -> KeyId {
        match self {
            Self::Done { current } | Self::Write { current, .. } => *current,
        }
    }
}
