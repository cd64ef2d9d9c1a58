//! A second implementation of the formats, written from `docs/formats/` over other crates than the
//! first: `aes-gcm-siv`, `hkdf`, `hmac`, `sha2`. Slow and literal; only the tests use it.

use aes_gcm_siv::Aes256GcmSiv;
use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

pub(crate) const SUITE: u8 = 1;

/// HKDF-Expand with SHA-256 to 32 bytes.
pub(crate) fn expand(key: &[u8], info: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 32];
    Hkdf::<Sha256>::from_prk(key)
        .unwrap()
        .expand(info, &mut out)
        .unwrap();
    out
}

/// HKDF with both steps, to 32 bytes.
pub(crate) fn extract_and_expand(salt: &[u8], secret: &[u8], info: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 32];
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info, &mut out)
        .unwrap();
    out
}

/// `label ‖ suite`: the info of every key of the AEAD.
pub(crate) fn info(label: &str) -> Vec<u8> {
    [label.as_bytes(), &[SUITE]].concat()
}

/// Each part after its length in 16 bits, big endian.
pub(crate) fn with_lengths(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        out.extend(*part);
    }
    out
}

/// `ciphertext ‖ tag` of AES-256-GCM-SIV.
pub(crate) fn encrypt(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    let nonce: [u8; 12] = nonce.try_into().unwrap();
    let cipher = Aes256GcmSiv::new_from_slice(key).unwrap();
    cipher.encrypt(&nonce.into(), Payload { msg, aad }).unwrap()
}

/// The plaintext, if it is authentic.
pub(crate) fn decrypt(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; 12] = nonce.try_into().unwrap();
    let cipher = Aes256GcmSiv::new_from_slice(key).unwrap();
    cipher.decrypt(&nonce.into(), Payload { msg, aad }).ok()
}

/// `type tag | value | 0x80 | zeros`.
pub(crate) fn pad(tag: u8, value: &[u8], block: usize) -> Vec<u8> {
    let mut plaintext = vec![tag];
    plaintext.extend(value);
    plaintext.push(0x80);
    while !plaintext.len().is_multiple_of(block) {
        plaintext.push(0);
    }
    plaintext
}

/// HMAC-SHA-256.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// HMAC-SHA-256 over label and parts, each after its length in 64 bits.
pub(crate) fn code(key: &[u8], label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::new();
    for part in std::iter::once(&label.as_bytes()).chain(parts) {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(*part);
    }
    hmac(key, &message)
}

/// Unpadded base64url.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of unpadded base64url.
pub(crate) fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
