//! A signed message: base64 of the signature and, after it, the JSON that it signs (section 3.07.1).

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::{Agent, Refusal};

/// Longest message that is read, in bytes of base64.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Keeps these hashes apart from any other.
const NAME_LABEL: &[u8] = b"privet/v1/drp/";

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// The bytes that an agent signed. They name a person, so that they are overwritten when dropped.
pub(crate) struct Signed(Zeroizing<Vec<u8>>);

impl Signed {
    /// Decodes a message and checks its signature. White space around it is no part of it.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Encoding`], [`Refusal::Signature`].
    pub(crate) fn open(body: &[u8], agent: &Agent) -> Result<Self, Refusal> {
        if body.len() > MESSAGE_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let decoded = STANDARD
            .decode(body.trim_ascii())
            .map_err(|_| Refusal::Encoding)?;
        let decoded = Zeroizing::new(decoded);
        let (signature, signed) = decoded
            .split_at_checked(SIGNATURE_BYTES)
            .ok_or(Refusal::Encoding)?;
        agent.verify(signed, signature)?;
        Ok(Self(Zeroizing::new(signed.to_vec())))
    }

    /// What was signed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What names what comes of a message: the same for the same message, and nobody's guess who has not seen its signature. Shaped as
/// a UUID of version 8 (RFC 9562, section 5.8). White space around a message is no part of it.
pub fn message_name(what: &str, agent: &Agent, body: &[u8]) -> [u8; 16] {
    let mut hash = Context::new(&SHA256);
    for part in [
        NAME_LABEL,
        what.as_bytes(),
        &[0],
        agent.id().as_bytes(),
        &[0],
    ] {
        hash.update(part);
    }
    hash.update(body.trim_ascii());
    let hash = hash.finish();
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.as_ref()) {
        *byte = *hashed;
    }
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}
