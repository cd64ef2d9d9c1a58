//! Signed notes (C2SP signed-note): a text, and below it one line for each signature.

mod key;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use key::{KeyId, KeyName, SigningKey, VerifierKey};

use crate::{OpenError, ParseError};

/// Longest note that is read, in bytes. Checkpoints have a few hundred; the rest is room for many
/// signatures, also post-quantum ones.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;

/// Most signatures in a note that is read; the specification asks for 16 at least.
pub const SIGNATURES_MAX: usize = 64;

/// What each signature line begins with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub name: KeyName,
    /// Short id of the key; name and id together say which key it is.
    pub id: KeyId,
    /// The signature itself: 64 bytes for Ed25519.
    pub bytes: Vec<u8>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        writeln!(
            f,
            "{SIGNATURE_MARK}{} {}",
            self.name,
            STANDARD.encode(bytes)
        )
    }
}

/// A text with signatures that were made or verified here. It prints as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
    unverified_signatures: Vec<Signature>,
}

impl Note {
    /// Signs `text` with each of `keys`.
    ///
    /// # Errors
    /// [`ParseError`] unless `text` ends in a newline and has no other control characters, or if there
    /// is no key or the note would be larger than [`Note::parse`] reads.
    pub fn sign(text: &str, keys: &[&SigningKey]) -> Result<Self, ParseError> {
        check_text(text)?;
        let signatures: Vec<_> = keys
            .iter()
            .map(|key| Signature {
                name: key.name().clone(),
                id: key.id(),
                bytes: key.sign(text.as_bytes()).to_vec(),
            })
            .collect();
        let note = Self {
            text: text.to_owned(),
            signatures,
            unverified_signatures: Vec::new(),
        };
        // What is signed here must be readable there: an empty list or an oversized text is not.
        Self::parse(note.to_string().as_bytes())?;
        Ok(note)
    }

    /// Reads a note without believing it: nothing but [`UnverifiedNote::verify`] yields its text.
    ///
    /// # Errors
    /// [`ParseError`] unless `bytes` are a signed note within [`NOTE_BYTES_MAX`] and [`SIGNATURES_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<UnverifiedNote, ParseError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(malformed(1, "too long"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| malformed(1, "not UTF-8"))?;
        // The last empty line ends the text, which may have empty lines of its own.
        let (text, signatures) = note
            .rsplit_once("\n\n")
            .ok_or(malformed(1, "no blank line before the signatures"))?;
        let text = format!("{text}\n");
        check_text(&text)?;
        let first_line = text.matches('\n').count() + 2;
        let signatures = parse_signatures(signatures, first_line)?;
        Ok(UnverifiedNote { text, signatures })
    }

    /// The signed text, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures that were verified, or made here; one or more.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Signatures by keys that the verifier does not know, which prove nothing to it.
    pub fn unverified_signatures(&self) -> &[Signature] {
        &self.unverified_signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .chain(&self.unverified_signatures)
            .try_for_each(|signature| write!(f, "{signature}"))
    }
}

/// A note that was read but not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedNote {
    text: String,
    signatures: Vec<Signature>,
}

impl UnverifiedNote {
    /// Checks every signature that claims to be by one of `keys`; those by other keys are passed over.
    ///
    /// # Errors
    /// [`OpenError::BadSignature`] if one of them is wrong, even if another is right;
    /// [`OpenError::NoKnownSignature`] if there is none.
    pub fn verify(self, keys: &[VerifierKey]) -> Result<Note, OpenError> {
        let (mut verified, mut unknown): (Vec<Signature>, Vec<Signature>) = (vec![], vec![]);
        for signature in self.signatures {
            let mut known = false;
            for key in keys.iter().filter(|key| key.made(&signature)) {
                known = true;
                if !key.verify(self.text.as_bytes(), &signature.bytes) {
                    return Err(OpenError::BadSignature {
                        name: signature.name,
                    });
                }
            }
            if known {
                verified.push(signature)
            } else {
                unknown.push(signature)
            }
        }
        if verified.is_empty() {
            return Err(OpenError::NoKnownSignature);
        }
        Ok(Note {
            text: self.text,
            signatures: verified,
            unverified_signatures: unknown,
        })
    }
}

fn check_text(text: &str) -> Result<(), ParseError> {
    if !text.ends_with('\n') {
        return Err(malformed(1, "the text does not end in a newline"));
    }
    for (number, line) in text.split('\n').enumerate() {
        if line.bytes().any(|byte| byte < b' ') {
            return Err(malformed(number + 1, "control character"));
        }
    }
    Ok(())
}

fn parse_signatures(lines: &str, first_line: usize) -> Result<Vec<Signature>, ParseError> {
    let mut signatures = Vec::new();
    let lines = lines.strip_suffix('\n').ok_or(malformed(
        first_line,
        "the last signature does not end in a newline",
    ))?;
    for (i, line) in lines.split('\n').enumerate() {
        let number = first_line + i;
        if signatures.len() == SIGNATURES_MAX {
            return Err(malformed(number, "too many signatures"));
        }
        signatures.push(parse_signature(line).ok_or(malformed(number, "not a signature"))?);
    }
    Ok(signatures)
}

fn parse_signature(line: &str) -> Option<Signature> {
    let (name, base64) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
    let bytes = STANDARD.decode(base64).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (!signature.is_empty()).then_some(Signature {
        name: KeyName::new(name).ok()?,
        id: KeyId(u32::from_be_bytes(*id)),
        bytes: signature.to_vec(),
    })
}

fn malformed(line: usize, why: &'static str) -> ParseError {
    ParseError::new("signed note", line, why)
}
