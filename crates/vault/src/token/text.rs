//! The text of a token, and what is stored of it: nothing that could be used to log in.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use privet_seal::{Entropy, Zeroizing};

use super::ITERATIONS;
use crate::port::ScramVerifier;
use crate::vault::hex;
use crate::{Environment, Error, Result};

const SECRET_BYTES: usize = 24;
const CHECKSUM_DIGITS: usize = 8;

pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

pub(super) fn new_text(environment: &Environment, entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    entropy.fill(&mut *secret);
    let mut text = Zeroizing::new(format!("pvt_{environment}_{}", hex(&*secret)));
    let sum = checksum(&text);
    text.push_str(&sum);
    text
}

/// The checksum tells a mistyped token from a revoked one before any store is asked.
fn checksum(text: &str) -> String {
    let mut sum = hex(&sha256(text));
    sum.truncate(CHECKSUM_DIGITS);
    sum
}

pub(super) fn check_shape(text: &str, environment: &Environment) -> Result<()> {
    let body = text.strip_prefix("pvt_").ok_or(Error::Unauthenticated)?;
    let (named, secret) = body.rsplit_once('_').ok_or(Error::Unauthenticated)?;
    let whole = secret.len() == SECRET_BYTES * 2 + CHECKSUM_DIGITS;
    let split = text
        .len()
        .checked_sub(CHECKSUM_DIGITS)
        .ok_or(Error::Unauthenticated)?;
    let (start, sum) = text.split_at_checked(split).ok_or(Error::Unauthenticated)?;
    let right = constant_time::verify_slices_are_equal(checksum(start).as_bytes(), sum.as_bytes());
    if named == environment.as_str() && whole && right.is_ok() {
        Ok(())
    } else {
        Err(Error::Unauthenticated)
    }
}

/// RFC 5802 section 3 with SHA-256 (RFC 7677). Tokens are ASCII, so SASLprep leaves them as they are.
pub(super) fn scram_verifier(token: &str, entropy: &dyn Entropy) -> ScramVerifier {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let mut salted = Zeroizing::new([0; 32]);
    let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        &salt,
        token.as_bytes(),
        &mut *salted,
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*salted);
    let mut stored_key = [0; 32];
    let client_key = hmac::sign(&key, b"Client Key");
    stored_key.copy_from_slice(digest::digest(&digest::SHA256, client_key.as_ref()).as_ref());
    let mut server_key = [0; 32];
    server_key.copy_from_slice(hmac::sign(&key, b"Server Key").as_ref());
    ScramVerifier {
        iterations: ITERATIONS,
        salt,
        stored_key,
        server_key,
    }
}
