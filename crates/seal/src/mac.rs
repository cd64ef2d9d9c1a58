//! Message authentication codes: over the rows that link ids, and pseudonyms.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{OpenError, Secret32, primitive};

/// Authenticates rows of the key store, as the links between ids: whoever can write the store
/// but lacks this key cannot tie a person to somebody else's keys unnoticed.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct MacKey(hmac::Key);

impl MacKey {
    /// The code over the parts, each after its length, with the label `privet/v1/link` first.
    /// Two different lists of parts never have the same input.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        sign(&self.0, "privet/v1/link", parts)
    }

    /// Checks a code in constant time.
    ///
    /// # Errors
    /// [`OpenError`] if it is not the code of these parts.
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> Result<(), OpenError> {
        if primitive::equal(&self.mac(parts), mac) {
            Ok(())
        } else {
            Err(OpenError)
        }
    }
}

impl From<Secret32> for MacKey {
    fn from(secret: Secret32) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }
}

/// Makes pseudonyms that say nothing about the subject and join neither purposes nor recipients.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct PseudonymKey(hmac::Key);

impl PseudonymKey {
    /// What every pseudonym starts with.
    pub const PREFIX: &'static str = "ps1_";

    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The pseudonym of a subject for one purpose and one recipient: `ps1_` and base64url of the
    /// first 128 bits of the code over label, subject reference, purpose and recipient.
    pub fn pseudonym(&self, subject: &[u8; 16], purpose: &str, recipient: &str) -> String {
        let parts = [subject.as_slice(), purpose.as_bytes(), recipient.as_bytes()];
        let code = sign(&self.0, "privet/v1/pseudonym", &parts);
        let mut text = String::from(Self::PREFIX);
        let (half, _) = code.split_at(16);
        URL_SAFE_NO_PAD.encode_string(half, &mut text);
        text
    }
}

impl From<Secret32> for PseudonymKey {
    fn from(secret: Secret32) -> Self {
        Self::new(secret.expose())
    }
}

/// Says where a subject's records lie among everybody's: places that look random, and of which nobody else can tell which
/// belong together, how many there are, or in which order they came.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct PlaceKey(hmac::Key);

impl PlaceKey {
    /// The key of places that belongs to a subject's secret: HKDF-Expand(secret, `privet/v1/place`).
    pub fn derive(secret: &Secret32) -> Self {
        let key = primitive::expand(secret.expose(), &[b"privet/v1/place"]);
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
    }

    /// Where the record with this number lies: the first 128 bits of the code over label and number.
    pub fn place(&self, number: u64) -> [u8; 16] {
        let code = sign(&self.0, "privet/v1/place", &[&number.to_be_bytes()]);
        let mut place = [0; 16];
        for (to, from) in place.iter_mut().zip(code) {
            *to = from;
        }
        place
    }
}

/// HMAC-SHA-256 over label and parts, each after its length in 64 bits, big endian.
pub(crate) fn sign(key: &hmac::Key, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in std::iter::once(&label.as_bytes()).chain(parts) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let tag = context.sign();
    let mut code = [0; 32];
    for (to, from) in code.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    code
}
