//! Wrapped keys: `version(1) | suite(1) | wrapping key id(16) | nonce(12) | ciphertext(32) | tag(16)`.

use std::fmt;

use crate::associated_data::AssociatedData;
use crate::primitive::{self, Aead, SUITE_AES_256_GCM_SIV, TAG_LEN};
use crate::{Entropy, KeyId, Nonce, OpenError, ParseError, Scope, Secret32};

const VERSION: u8 = 1;
const LABEL: &str = "privet/v1/wrap";

/// Length in bytes of a wrapped key.
pub const WRAPPED_SIZE_BYTES: usize = 2 + 16 + Nonce::LEN + 32 + TAG_LEN;

/// What a key is for. A wrapped key does not unwrap as another kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum KeyKind {
    /// A tenant's key, which wraps the others. Wrapped by the root.
    Tenant,
    /// A subject's values in the vault, kept with the account id.
    SubjectAccount,
    /// A subject's values at applications, which live with the operational id.
    SubjectOperational,
    /// A subject's values that law requires to be kept, by rule and year.
    SubjectRetention,
    /// The blind index of a field, in one version.
    Index,
    /// The codes over the rows that link ids.
    Link,
    /// The pseudonyms of a tenant.
    Pseudonym,
    /// The side records of one session.
    Session,
    /// The side records of one day that belong to no session.
    Side,
    /// The results of one request of a subject.
    Request,
    /// The secret salt of a subject's telemetry ids.
    Salt,
    /// The salt of a tenant's object ids in one epoch.
    ObjectSalt,
}

impl KeyKind {
    /// Every kind, in the order of the codes.
    pub const ALL: [Self; 12] = [
        Self::Tenant,
        Self::SubjectAccount,
        Self::SubjectOperational,
        Self::SubjectRetention,
        Self::Index,
        Self::Link,
        Self::Pseudonym,
        Self::Session,
        Self::Side,
        Self::Request,
        Self::Salt,
        Self::ObjectSalt,
    ];

    /// The byte in the associated data. Codes are never used again for something else.
    pub fn code(self) -> u8 {
        match self {
            Self::Tenant => 1,
            Self::SubjectAccount => 2,
            Self::SubjectOperational => 3,
            Self::SubjectRetention => 4,
            Self::Index => 5,
            Self::Link => 6,
            Self::Pseudonym => 7,
            Self::Session => 8,
            Self::Side => 9,
            Self::Request => 10,
            Self::Salt => 11,
            Self::ObjectSalt => 12,
        }
    }

    /// The kind with this code, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name, as it stands in logs and in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::SubjectAccount => "subject-account",
            Self::SubjectOperational => "subject-operational",
            Self::SubjectRetention => "subject-retention",
            Self::Index => "index",
            Self::Link => "link",
            Self::Pseudonym => "pseudonym",
            Self::Session => "session",
            Self::Side => "side",
            Self::Request => "request",
            Self::Salt => "salt",
            Self::ObjectSalt => "object-salt",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a wrapped key is bound to: it unwraps only where all of this is the same.
#[derive(Clone, Copy, Debug)]
pub struct WrapContext<'a> {
    /// Environment and tenant.
    pub scope: &'a Scope,
    /// The id of the key that is wrapped.
    pub key_id: KeyId,
    /// The random reference of the subject whose key it is, if it is a subject's.
    pub subject: Option<[u8; 16]>,
    /// What it is for.
    pub kind: KeyKind,
    /// Its generation: 0 for the first.
    pub generation: u32,
}

impl WrapContext<'_> {
    fn associated_data(&self) -> AssociatedData {
        AssociatedData::new(LABEL)
            .with(self.scope.environment().as_bytes())
            .with(self.scope.tenant().as_bytes())
            .with(self.key_id.as_bytes())
            .with(self.subject.as_ref().map_or(&[], <[u8; 16]>::as_slice))
            .with(&[self.kind.code()])
            .with(&self.generation.to_be_bytes())
    }
}

/// A key that wraps others: a version of the root, or of a tenant's key. Wiped on drop.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct WrappingKey {
    id: KeyId,
    secret: Secret32,
    aead: Aead,
}

impl WrappingKey {
    /// A wrapping key with its id, which every key it wraps will carry.
    pub fn new(id: KeyId, secret: Secret32) -> Self {
        let aead = Aead::derive(secret.expose(), LABEL);
        Self { id, secret, aead }
    }

    /// A fresh random key with a fresh id.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::new(KeyId::random(entropy), Secret32::generate(entropy))
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Its bytes, to be wrapped in turn.
    pub fn secret(&self) -> &Secret32 {
        &self.secret
    }

    /// Wraps a secret, bound to its context. [`WRAPPED_SIZE_BYTES`] long.
    #[expect(clippy::expect_used, reason = "all lengths are fixed")]
    pub fn wrap(&self, context: &WrapContext<'_>, secret: &Secret32, nonce: Nonce) -> Vec<u8> {
        let mut wrapped = Vec::with_capacity(WRAPPED_SIZE_BYTES);
        wrapped.extend_from_slice(&[VERSION, SUITE_AES_256_GCM_SIV]);
        wrapped.extend_from_slice(self.id.as_bytes());
        wrapped.extend_from_slice(&nonce.0);
        let mut body = Secret32::zero();
        body.expose_mut().copy_from_slice(secret.expose());
        let mut tag = [0; TAG_LEN];
        // INVARIANT: encryption fails only for a body of more than 2^36 bytes; this has 32.
        self.aead
            .seal(
                nonce,
                context.associated_data().as_ref(),
                body.expose_mut(),
                &mut tag,
            )
            .expect("a body of 32 bytes");
        wrapped.extend_from_slice(body.expose());
        wrapped.extend_from_slice(&tag);
        wrapped
    }

    /// Unwraps a secret and checks it against the commitment that is stored beside it.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    pub fn unwrap(
        &self,
        context: &WrapContext<'_>,
        wrapped: &[u8],
        commitment: &[u8; 32],
    ) -> Result<Secret32, OpenError> {
        let wrapped = WrappedRef::parse(wrapped).map_err(|_| OpenError)?;
        if wrapped.wrapping_key_id != self.id {
            return Err(OpenError);
        }
        let mut secret = Secret32::zero();
        let WrappedRef {
            nonce,
            ciphertext,
            tag,
            ..
        } = wrapped;
        let associated_data = context.associated_data();
        self.aead.open(
            nonce,
            associated_data.as_ref(),
            ciphertext,
            tag,
            secret.expose_mut(),
        )?;
        if !primitive::equal(&secret.commitment(), commitment) {
            return Err(OpenError);
        }
        Ok(secret)
    }
}

/// A wrapped key whose header was understood.
#[derive(Clone, Copy)]
pub struct WrappedRef<'a> {
    wrapping_key_id: KeyId,
    nonce: &'a [u8; Nonce::LEN],
    ciphertext: &'a [u8; 32],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> WrappedRef<'a> {
    /// Reads the header and checks the length.
    ///
    /// # Errors
    /// The position of what does not fit; an unknown version or suite is refused.
    pub fn parse(wrapped: &'a [u8]) -> Result<Self, ParseError> {
        let short = ParseError::new(wrapped.len(), "more bytes of a wrapped key");
        let (&[version, suite], rest) = wrapped.split_first_chunk().ok_or(short)?;
        if version != VERSION {
            return Err(ParseError::new(0, "a known version"));
        }
        if suite != SUITE_AES_256_GCM_SIV {
            return Err(ParseError::new(1, "a known suite"));
        }
        let (id, rest) = rest.split_first_chunk().ok_or(short)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(short)?;
        let (ciphertext, rest) = rest.split_first_chunk().ok_or(short)?;
        let (tag, rest) = rest.split_first_chunk().ok_or(short)?;
        if !rest.is_empty() {
            return Err(ParseError::new(
                WRAPPED_SIZE_BYTES,
                "the end of a wrapped key",
            ));
        }
        Ok(Self {
            wrapping_key_id: KeyId(*id),
            nonce,
            ciphertext,
            tag,
        })
    }

    /// The key that wrapped it.
    pub fn wrapping_key_id(&self) -> KeyId {
        self.wrapping_key_id
    }
}

impl fmt::Debug for WrappedRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedRef")
            .field("wrapping_key_id", &self.wrapping_key_id)
            .finish_non_exhaustive()
    }
}
