//! The root key in a file: the provider, and the file's text format. Whoever calls reads and
//! writes the bytes; this crate does no I/O. `docs/formats/keys.md` specifies the format.

mod format;
mod passphrase;

use zeroize::Zeroizing;

use crate::{
    Entropy, Error, KeyId, KeyProvider, Nonce, ProviderDescription, ProviderError, RootChange,
    Secret32, WrapContext, WrappedRef, WrappingKey,
};
use passphrase::Lock;

pub use passphrase::PassphraseCost;

/// Most root versions in one file.
pub const ROOT_VERSIONS_MAX: usize = 64;

/// The provider for development and small installations: all versions of the root key lie in one
/// file, in the clear (mode 0600) or sealed under a passphrase.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct FileKeyProvider {
    /// Oldest first; never empty.
    versions: Vec<WrappingKey>,
    lock: Option<Lock>,
}

impl FileKeyProvider {
    /// A new root with one random version, without a passphrase.
    pub fn create(entropy: &dyn Entropy) -> Self {
        Self {
            versions: vec![WrappingKey::generate(entropy)],
            lock: None,
        }
    }

    /// The same root under a passphrase (another one, if it had one). Derives a key with Argon2id,
    /// which takes the time and memory of `cost`; takes effect when the bytes of
    /// [`FileKeyProvider::encode`] are written.
    ///
    /// # Errors
    /// [`Error::PassphraseCost`] if the memory cannot be had.
    pub fn protect(
        self,
        passphrase: &[u8],
        cost: PassphraseCost,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let lock = Lock::new(passphrase, cost, entropy)?;
        Ok(Self {
            versions: self.versions,
            lock: Some(lock),
        })
    }

    /// Reads a root key file.
    ///
    /// # Errors
    /// [`ProviderError::Malformed`] with a position, [`ProviderError::NewerFormat`],
    /// [`ProviderError::PassphraseNeeded`], [`ProviderError::NotProtected`] (a passphrase was
    /// given for a file that has none) or [`ProviderError::WrongPassphrase`].
    pub fn parse(file: &[u8], passphrase: Option<&[u8]>) -> Result<Self, ProviderError> {
        let (versions, lock) = format::parse(file, passphrase)?;
        Ok(Self { versions, lock })
    }

    /// The bytes of the file. Secret, unless protected by a passphrase. Randomness is used for
    /// the nonces of a protected file only.
    pub fn encode(&self, entropy: &dyn Entropy) -> Zeroizing<Vec<u8>> {
        let versions: Vec<&WrappingKey> = self.versions.iter().collect();
        format::encode(&versions, self.lock.as_ref(), entropy)
    }

    #[expect(
        clippy::expect_used,
        reason = "a root key file has at least one version"
    )]
    fn current_version(&self) -> &WrappingKey {
        // INVARIANT: `create` makes one version, `parse` refuses a file without, and destroying
        // the current one is refused.
        self.versions.last().expect("at least one root version")
    }
}

impl KeyProvider for FileKeyProvider {
    fn describe(&self) -> ProviderDescription {
        ProviderDescription {
            kind: "file",
            versions: self.versions.iter().map(WrappingKey::id).collect(),
            destroys_copies: false,
            protected: self.lock.is_some(),
        }
    }

    fn current(&self) -> KeyId {
        self.current_version().id()
    }

    fn wrap(
        &self,
        context: &WrapContext<'_>,
        secret: &Secret32,
        nonce: Nonce,
    ) -> Result<Vec<u8>, ProviderError> {
        Ok(self.current_version().wrap(context, secret, nonce))
    }

    fn unwrap(
        &self,
        context: &WrapContext<'_>,
        wrapped: &[u8],
        commitment: &[u8; 32],
    ) -> Result<Secret32, ProviderError> {
        let id = WrappedRef::parse(wrapped)
            .map_err(|_| crate::OpenError)?
            .wrapping_key_id();
        let version = self.versions.iter().find(|version| version.id() == id);
        let version = version.ok_or(ProviderError::UnknownVersion(id))?;
        Ok(version.unwrap(context, wrapped, commitment)?)
    }

    fn rotate(&self, entropy: &dyn Entropy) -> Result<RootChange, ProviderError> {
        if self.versions.len() >= ROOT_VERSIONS_MAX {
            return Err(ProviderError::Full);
        }
        let next = WrappingKey::generate(entropy);
        let versions: Vec<&WrappingKey> = self.versions.iter().chain([&next]).collect();
        let file = format::encode(&versions, self.lock.as_ref(), entropy);
        Ok(RootChange::Write {
            current: next.id(),
            file,
        })
    }

    fn destroy(&self, version: KeyId, entropy: &dyn Entropy) -> Result<RootChange, ProviderError> {
        if version == self.current() {
            return Err(ProviderError::CurrentVersion(version));
        }
        let left: Vec<&WrappingKey> = self
            .versions
            .iter()
            .filter(|held| held.id() != version)
            .collect();
        if left.len() == self.versions.len() {
            return Err(ProviderError::UnknownVersion(version));
        }
        let file = format::encode(&left, self.lock.as_ref(), entropy);
        Ok(RootChange::Write {
            current: self.current(),
            file,
        })
    }
}
