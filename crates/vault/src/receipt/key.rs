//! Keys of receipts: Ed25519, in the text forms of W3C Controlled Identifiers 1.0 (Multikey, section 2.2.2) and of
//! `did:key`, so that whoever checks a receipt needs no server to find out what a key is.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use privet_seal::{Entropy, Zeroizing};

/// Bytes of an Ed25519 seed and of an Ed25519 public key (RFC 8032, section 5.1.5).
const KEY_BYTES: usize = 32;
/// Multicodec `ed25519-pub`, as a variable-length integer.
const PUBLIC_CODE: [u8; 2] = [0xed, 0x01];
/// Multicodec `ed25519-priv`, likewise.
const SECRET_CODE: [u8; 2] = [0x80, 0x26];
/// Multibase's mark of base58 in Bitcoin's alphabet.
const BASE58: char = 'z';
/// A key's text has 48 characters; more is not looked at.
const TEXT_BYTES_MAX: usize = 64;
const DID: &str = "did:key:";

/// Not the text of a key. It says nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key in base58, which begins with `z`")]
pub struct ReceiptKeyError;

/// The public half. As text `did:key:z6Mk…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptPublicKey([u8; KEY_BYTES]);

impl ReceiptPublicKey {
    /// As a Multikey spells it: `z6Mk…`.
    pub fn multibase(&self) -> String {
        let mut text = bs58::encode(with_code(PUBLIC_CODE, &self.0).as_slice()).into_string();
        text.insert(0, BASE58);
        text
    }

    /// What a proof names it by.
    pub fn verification_method(&self) -> String {
        let key = self.multibase();
        format!("{DID}{key}#{key}")
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Display for ReceiptPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DID}{}", self.multibase())
    }
}

impl FromStr for ReceiptPublicKey {
    type Err = ReceiptKeyError;

    /// With `did:key:` or without.
    fn from_str(text: &str) -> Result<Self, ReceiptKeyError> {
        let text = text.strip_prefix(DID).unwrap_or(text);
        Ok(Self(*parse(PUBLIC_CODE, text)?))
    }
}

/// The key that signs. It is neither shown nor copied; the seed is wiped when it is dropped.
pub struct ReceiptKey {
    public: ReceiptPublicKey,
    pair: Ed25519KeyPair,
}

impl ReceiptKey {
    /// A new one.
    ///
    /// # Errors
    /// When the cryptographic library refuses it.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, ReceiptKeyError> {
        let mut seed = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The key made from 32 random bytes (RFC 8032, section 5.1.5), which the caller keeps secret.
    ///
    /// # Errors
    /// When the cryptographic library refuses it.
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Result<Self, ReceiptKeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| ReceiptKeyError)?;
        let public = pair.public_key().as_ref().try_into();
        Ok(Self {
            public: ReceiptPublicKey(public.map_err(|_| ReceiptKeyError)?),
            pair,
        })
    }

    /// Reads what [`to_secret_text`](Self::to_secret_text) writes.
    ///
    /// # Errors
    /// [`ReceiptKeyError`], which says nothing of the key.
    pub fn from_secret_text(text: &str) -> Result<Self, ReceiptKeyError> {
        Self::from_seed(&*parse(SECRET_CODE, text)?)
    }

    /// `z3u2…`, a Multikey's `secretKeyMultibase`: a secret, to be kept outside every store.
    ///
    /// # Errors
    /// When the cryptographic library does not hand out the seed.
    pub fn to_secret_text(&self) -> Result<Zeroizing<String>, ReceiptKeyError> {
        let seed = self.pair.seed().and_then(|seed| seed.as_be_bytes());
        let seed = seed.map_err(|_| ReceiptKeyError)?;
        let seed = <&[u8; KEY_BYTES]>::try_from(seed.as_ref()).map_err(|_| ReceiptKeyError)?;
        let encoded = bs58::encode(with_code(SECRET_CODE, seed).as_slice()).into_string();
        let encoded = Zeroizing::new(encoded);
        // Reserved at once, so that no shorter copy of the secret is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(1 + encoded.len()));
        text.push(BASE58);
        text.push_str(&encoded);
        Ok(text)
    }

    /// The public half.
    pub fn public(&self) -> ReceiptPublicKey {
        self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        // An Ed25519 signature always has 64 bytes (RFC 8032, section 5.1.6).
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        bytes
    }
}

impl fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiptKey({}, secret)", self.public)
    }
}

fn with_code(code: [u8; 2], key: &[u8; KEY_BYTES]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(code.len() + KEY_BYTES));
    bytes.extend_from_slice(&code);
    bytes.extend_from_slice(key);
    bytes
}

fn parse(code: [u8; 2], text: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, ReceiptKeyError> {
    let digits = text.strip_prefix(BASE58).ok_or(ReceiptKeyError)?;
    if digits.len() > TEXT_BYTES_MAX {
        return Err(ReceiptKeyError);
    }
    let bytes = bs58::decode(digits).into_vec().map(Zeroizing::new);
    let bytes = bytes.map_err(|_| ReceiptKeyError)?;
    let key = bytes.strip_prefix(code.as_slice()).ok_or(ReceiptKeyError)?;
    let key = <[u8; KEY_BYTES]>::try_from(key).map_err(|_| ReceiptKeyError)?;
    Ok(Zeroizing::new(key))
}
