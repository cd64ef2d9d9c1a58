//! The text form of a sealed value: `pv1_` and unpadded base64url of the binary form.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::primitive::SUITE_AES_256_GCM_SIV;
use crate::sealed::VERSION;
use crate::{
    FieldNumber, KeyId, ParseError, SEALED_SIZE_BYTES_MAX, SEALED_SIZE_BYTES_MIN, SealedRef,
};

/// Characters that hold version, suite, key id and field number: 21 bytes, one more than needed.
const HEADER_CHARS: usize = 28;

/// What the text of every value begins with that this key sealed, and of no other: version, suite and key id are 18 bytes, which
/// are 24 characters.
///
/// ```
/// # use privet_seal::{KeyId, TOMBSTONE, TOMBSTONE_PREFIX, text_beginning};
/// let beginning = text_beginning(KeyId([7; 16]));
/// assert_eq!(beginning, "pv1_AQEHBwcHBwcHBwcHBwcHBwcH");
/// assert_eq!(beginning.len(), TOMBSTONE_PREFIX.len());
/// assert!(!TOMBSTONE.starts_with(&beginning));
/// ```
pub fn text_beginning(key: KeyId) -> String {
    let mut header = vec![VERSION, SUITE_AES_256_GCM_SIV];
    header.extend_from_slice(key.as_bytes());
    to_text(&header)
}

/// Text that looks like a sealed value: right prefix, length, version and suite. Whether the rest of it is base64url shows
/// when it is decoded.
#[derive(Clone, Copy)]
pub struct SealedText<'a> {
    encoded: &'a [u8],
    key_id: KeyId,
    field: FieldNumber,
}

impl<'a> SealedText<'a> {
    /// What every sealed value in text form starts with.
    pub const PREFIX: &'static str = "pv1_";

    /// Recognizes a sealed value among other text, cheaply and without decoding all of it.
    /// `None` is everything else, also a version or suite that is unknown here.
    pub fn recognize<T: AsRef<[u8]> + ?Sized>(text: &'a T) -> Option<Self> {
        let encoded = text.as_ref().strip_prefix(Self::PREFIX.as_bytes())?;
        let sizes = encoded_len(SEALED_SIZE_BYTES_MIN)..=encoded_len(SEALED_SIZE_BYTES_MAX);
        if !sizes.contains(&encoded.len()) || encoded.len() % 4 == 1 {
            return None;
        }
        let mut header = [0; HEADER_CHARS / 4 * 3];
        URL_SAFE_NO_PAD
            .decode_slice(encoded.get(..HEADER_CHARS)?, &mut header)
            .ok()?;
        let (&[version, suite], rest) = header.split_first_chunk()?;
        if version != VERSION || suite != SUITE_AES_256_GCM_SIV {
            return None;
        }
        let (key_id, rest) = rest.split_first_chunk()?;
        let field = u16::from_be_bytes(*rest.first_chunk()?);
        Some(Self {
            encoded,
            key_id: KeyId(*key_id),
            field: FieldNumber(field),
        })
    }

    /// The key that sealed it, from the header.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The field it was sealed for, from the header.
    pub fn field(&self) -> FieldNumber {
        self.field
    }

    /// Decodes into `buffer`, replacing what it holds; allocates only if the buffer is too small.
    ///
    /// # Errors
    /// The position of what does not fit.
    pub fn decode_into<'b>(&self, buffer: &'b mut Vec<u8>) -> Result<SealedRef<'b>, ParseError> {
        decode(self.encoded, buffer)?;
        SealedRef::parse(buffer)
    }
}

impl fmt::Debug for SealedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedText")
            .field("key_id", &self.key_id)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// The text form of a sealed value.
pub fn to_text(sealed: &[u8]) -> String {
    let mut text = String::with_capacity(SealedText::PREFIX.len() + encoded_len(sealed.len()));
    to_text_into(sealed, &mut text);
    text
}

/// Appends the text form of a sealed value.
pub fn to_text_into(sealed: &[u8], out: &mut String) {
    out.push_str(SealedText::PREFIX);
    URL_SAFE_NO_PAD.encode_string(sealed, out);
}

/// The binary form of a sealed value in text form.
///
/// # Errors
/// The position of what does not fit, also inside the decoded header.
pub fn from_text(text: &str) -> Result<Vec<u8>, ParseError> {
    let encoded = text
        .as_bytes()
        .strip_prefix(SealedText::PREFIX.as_bytes())
        .ok_or(ParseError::new(0, "the prefix `pv1_`"))?;
    let mut sealed = Vec::new();
    decode(encoded, &mut sealed)?;
    SealedRef::parse(&sealed)?;
    Ok(sealed)
}

fn decode(encoded: &[u8], out: &mut Vec<u8>) -> Result<(), ParseError> {
    let start = SealedText::PREFIX.len();
    let chars_max = encoded_len(SEALED_SIZE_BYTES_MAX);
    if encoded.len() > chars_max {
        return Err(ParseError::new(
            start + chars_max,
            "the end of a sealed value",
        ));
    }
    out.resize(base64::decoded_len_estimate(encoded.len()), 0);
    let len = URL_SAFE_NO_PAD.decode_slice(encoded, out).map_err(|_| {
        let bad = encoded.iter().position(|byte| !is_base64url(*byte));
        ParseError::new(start + bad.unwrap_or(encoded.len()), "unpadded base64url")
    })?;
    out.truncate(len);
    Ok(())
}

/// Characters of unpadded base64 for this many bytes.
const fn encoded_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

#[inline]
fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | (byte == b'-') | (byte == b'_')
}
