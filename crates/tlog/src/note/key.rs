//! Keys of signed notes: names, ids, and Ed25519 keys in the text forms that other tools read.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Signature;
use crate::ParseError;
use crate::hash::sha256_prefix;

/// Signature type 0x01 of signed-note: Ed25519 over the text as it is.
const TYPE_ED25519: u8 = 0x01;

/// Bytes of an Ed25519 seed and of an Ed25519 public key (RFC 8032, section 5.1.5).
const KEY_BYTES: usize = 32;

/// What the text form of a signing key begins with.
const PRIVATE_MARK: &str = "PRIVATE+KEY+";

/// The name of a key: not empty, without spaces, plus signs or control characters; best a URL without
/// its scheme, as `audit.example.com/prod`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Accepts `name` if it may stand in a signature line.
    ///
    /// # Errors
    /// [`ParseError`] otherwise.
    pub fn new(name: impl Into<String>) -> Result<Self, ParseError> {
        let name = name.into();
        let forbidden = |c: char| c.is_whitespace() || c == '+' || c < ' ';
        if name.is_empty() || name.contains(forbidden) {
            return Err(ParseError::new(
                "key name",
                1,
                "empty, or a space or plus sign in it",
            ));
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The short id that, next to the name, says which key made a signature: the first four bytes of
/// `SHA-256(name || 0x0A || signature type || public key)`. It identifies, it does not authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub u32);

impl KeyId {
    fn of(name: &KeyName, public: &[u8; KEY_BYTES]) -> Self {
        let mut input = name.0.as_bytes().to_vec();
        input.extend_from_slice(&[b'\n', TYPE_ED25519]);
        input.extend_from_slice(public);
        Self(sha256_prefix(&input))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// A key that verifies signatures. As text a *vkey*: `name+id+base64(type || public key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    public: [u8; KEY_BYTES],
}

impl VerifierKey {
    /// The key with this name and this Ed25519 public key.
    pub fn from_public(name: KeyName, public: [u8; KEY_BYTES]) -> Self {
        Self {
            id: KeyId::of(&name, &public),
            name,
            public,
        }
    }

    /// Name of the key.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Short id of the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The Ed25519 public key.
    pub fn public(&self) -> &[u8; KEY_BYTES] {
        &self.public
    }

    /// Whether `signature` claims to be by this key.
    pub(super) fn made(&self, signature: &Signature) -> bool {
        self.id == signature.id && self.name == signature.name
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [TYPE_ED25519; 1 + KEY_BYTES];
        key.split_at_mut(1).1.copy_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FORM: &str = "verifier key";
        let (name, id, public) = parse_key(text, FORM)?;
        let key = Self::from_public(name, *public);
        if key.id != id {
            return Err(ParseError::new(
                FORM,
                1,
                "the id belongs to another name or key",
            ));
        }
        Ok(key)
    }
}

/// A key that signs. It prints neither by `Debug` nor by `Display`; the seed is wiped when dropped.
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key made from 32 random bytes (RFC 8032, section 5.1.5), which the caller keeps secret.
    ///
    /// # Errors
    /// [`ParseError`] if the cryptographic library refuses the seed.
    pub fn from_seed(name: KeyName, seed: &[u8; KEY_BYTES]) -> Result<Self, ParseError> {
        const ERROR: ParseError = ParseError::new("signing key", 1, "not an Ed25519 seed");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| ERROR)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| ERROR)?;
        Ok(Self {
            verifier: VerifierKey::from_public(name, public),
            pair,
        })
    }

    /// Reads what [`SigningKey::to_secret_text`] writes.
    ///
    /// # Errors
    /// [`ParseError`], which says nothing about the secret part.
    pub fn from_secret_text(text: &str) -> Result<Self, ParseError> {
        const FORM: &str = "signing key";
        let rest = text.strip_prefix(PRIVATE_MARK).ok_or(ParseError::new(
            FORM,
            1,
            "`PRIVATE+KEY+` expected",
        ))?;
        let (name, id, seed) = parse_key(rest, FORM)?;
        let key = Self::from_seed(name, &seed)?;
        if key.id() != id {
            return Err(ParseError::new(
                FORM,
                1,
                "the id belongs to another name or key",
            ));
        }
        Ok(key)
    }

    /// `PRIVATE+KEY+name+id+base64(type || seed)`, the form that Go's note package uses: a secret, to
    /// be kept outside every store.
    ///
    /// # Errors
    /// [`ParseError`] if the cryptographic library does not hand out the seed.
    pub fn to_secret_text(&self) -> Result<Zeroizing<String>, ParseError> {
        let seed = self
            .pair
            .seed()
            .and_then(|seed| seed.as_be_bytes())
            .map_err(|_| ParseError::new("signing key", 1, "no access to the seed"))?;
        let mut key = Zeroizing::new([TYPE_ED25519; 1 + KEY_BYTES]);
        key.split_at_mut(1).1.copy_from_slice(seed.as_ref());
        let encoded = Zeroizing::new(STANDARD.encode(*key));
        // Reserved at once, so that no shorter copy of the secret is left behind by growing.
        let prefix = format!("{PRIVATE_MARK}{}+{}+", self.name(), self.id());
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + encoded.len()));
        text.push_str(&prefix);
        text.push_str(&encoded);
        Ok(text)
    }

    /// Name of the key.
    pub fn name(&self) -> &KeyName {
        self.verifier.name()
    }

    /// Short id of the key.
    pub fn id(&self) -> KeyId {
        self.verifier.id()
    }

    /// The key that verifies what this one signs.
    pub fn verifier(&self) -> VerifierKey {
        self.verifier.clone()
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        // An Ed25519 signature always has 64 bytes (RFC 8032, section 5.1.6).
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+{}, secret)", self.name(), self.id())
    }
}

type KeyParts = (KeyName, KeyId, Zeroizing<[u8; KEY_BYTES]>);

/// Takes `name+id+base64(type || 32 bytes)` apart.
fn parse_key(text: &str, form: &'static str) -> Result<KeyParts, ParseError> {
    let malformed = |why| ParseError::new(form, 1, why);
    let mut parts = text.splitn(3, '+');
    let mut next = || parts.next().ok_or(malformed("not `name+id+key`"));
    let (name, id, key) = (next()?, next()?, next()?);

    let name = KeyName::new(name)?;
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let id = (id.len() == 8 && id.bytes().all(lower_hex))
        .then(|| u32::from_str_radix(id, 16).ok())
        .flatten()
        .ok_or(malformed(
            "the id is not eight lowercase hexadecimal digits",
        ))?;
    let key = STANDARD
        .decode(key)
        .map(Zeroizing::new)
        .map_err(|_| malformed("not base64"))?;
    let (kind, key) = key.split_first().ok_or(malformed("no key"))?;
    if *kind != TYPE_ED25519 {
        return Err(malformed("not an Ed25519 key"));
    }
    let key = <[u8; KEY_BYTES]>::try_from(key).map_err(|_| malformed("not 32 bytes of key"))?;
    Ok((name, KeyId(id), Zeroizing::new(key)))
}
