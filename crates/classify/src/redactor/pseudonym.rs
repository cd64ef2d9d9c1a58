//! Keyed pseudonyms for logs. Format, with vectors: `docs/formats/log-pseudonyms.md`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::cache;

/// The domain separation of class keys.
const LABEL: &[u8] = b"privet/v1/log-pseudonym\0";

/// The longest id of a key in bytes.
const KEY_ID_BYTES_MAX: usize = 16;

/// How much of the HMAC is shown, in bytes.
const SHOWN_BYTES: usize = 16;

/// The longest pseudonym in bytes: `pp1_`, id, `_`, 22 characters of base64.
pub(super) const TEXT_BYTES_MAX: usize = 4 + KEY_ID_BYTES_MAX + 1 + 22;

/// The key of pseudonyms, with an id that every pseudonym shows, so that a change of keys is seen.
///
/// ```
/// use privet_classify::PseudonymKey;
///
/// let secret = [7; 32]; // In earnest: 32 random bytes from where the application keeps secrets.
/// let key = PseudonymKey::new("2026q4", secret)?;
/// assert_eq!(key.id(), "2026q4");
/// # Ok::<(), privet_classify::KeyIdError>(())
/// ```
pub struct PseudonymKey {
    id: String,
    secret: Zeroizing<[u8; 32]>,
}

impl PseudonymKey {
    /// The key of that id (1 to 16 of `a-z` and `0-9`). The secret is 32 random bytes; whoever has
    /// it can find out whose a pseudonym is by trying everybody.
    ///
    /// ```
    /// # use privet_classify::PseudonymKey;
    /// assert!(PseudonymKey::new("2026q4", [7; 32]).is_ok());
    /// assert!(PseudonymKey::new("2026 Q4", [7; 32]).is_err());
    /// ```
    ///
    /// # Errors
    /// If the id is not of that form.
    pub fn new(id: &str, mut secret: [u8; 32]) -> Result<Self, KeyIdError> {
        let fits = (1..=KEY_ID_BYTES_MAX).contains(&id.len());
        let kept = Zeroizing::new(secret);
        secret.zeroize();
        if !fits || !id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9')) {
            return Err(KeyIdError);
        }
        Ok(Self {
            id: id.to_owned(),
            secret: kept,
        })
    }

    /// The id.
    ///
    /// ```
    /// # use privet_classify::PseudonymKey;
    /// let key = PseudonymKey::new("k7", [7; 32])?;
    /// assert_eq!(key.id(), "k7");
    /// # Ok::<(), privet_classify::KeyIdError>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key of one class: a value of two classes has two pseudonyms, which nobody can join.
    pub(super) fn for_class(&self, class: &str) -> ClassKey {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut context = keyed(self.secret.as_slice());
        context.update(LABEL);
        context.update(class.as_bytes());
        let mut derived = context.finalize().into_bytes();
        let hmac = keyed(&derived);
        derived.as_mut_slice().zeroize();
        ClassKey {
            prefix: format!("pp1_{}_", self.id),
            hmac,
            instance: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// Shows the id alone.
impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PseudonymKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The id of a key is not of the form that pseudonyms can show.
///
/// ```
/// use privet_classify::{KeyIdError, PseudonymKey};
///
/// assert_eq!(PseudonymKey::new("", [7; 32]).err(), Some(KeyIdError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a key; use 1 to 16 of `a-z` and `0-9`, as `2026q4`")]
pub struct KeyIdError;

/// The key of one class.
pub(super) struct ClassKey {
    prefix: String,
    /// The HMAC with its key taken in already, to be cloned: half the work of a short value.
    hmac: Hmac<Sha256>,
    /// Tells the keys of a process apart in the cache.
    instance: u64,
}

impl fmt::Debug for ClassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClassKey").field(&self.prefix).finish()
    }
}

impl ClassKey {
    /// Writes the pseudonym of `value`; without the heap where its text is short.
    pub(super) fn write(
        &self,
        value: &dyn fmt::Display,
        write: impl FnOnce(&str) -> fmt::Result,
    ) -> fmt::Result {
        let mut text = Text::Short(Short::default(), &self.hmac);
        fmt::Write::write_fmt(&mut text, format_args!("{value}"))?;
        match &text {
            Text::Short(short, _) => {
                let make = || self.pseudonym(self.hmac.clone().chain_update(short.bytes()));
                cache::with(self.instance, short.bytes(), make, write)
            }
            Text::Long(hmac) => write(self.pseudonym(hmac.clone()).as_str()),
        }
    }

    fn pseudonym(&self, hmac: Hmac<Sha256>) -> Pseudonym {
        let mut pseudonym = Pseudonym::default();
        let tag = hmac.finalize().into_bytes();
        let shown = tag.get(..SHOWN_BYTES).unwrap_or_default();
        let start = self.prefix.len();
        if let Some(prefix) = pseudonym.bytes.get_mut(..start) {
            prefix.copy_from_slice(self.prefix.as_bytes());
        }
        // INVARIANT: the text has room for the longest prefix and 22 characters.
        let rest = pseudonym.bytes.get_mut(start..).unwrap_or_default();
        let written = URL_SAFE_NO_PAD.encode_slice(shown, rest).unwrap_or(0);
        pseudonym.len = u8::try_from(start + written).unwrap_or(0);
        pseudonym
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(hmac) => hmac,
        // INVARIANT: HMAC takes a key of any length (RFC 2104, section 2).
        Err(_) => Hmac::new(&Default::default()),
    }
}

/// A pseudonym as text, on the stack.
#[derive(Clone, Copy)]
pub(super) struct Pseudonym {
    bytes: [u8; TEXT_BYTES_MAX],
    len: u8,
}

impl Default for Pseudonym {
    fn default() -> Self {
        Self {
            bytes: [0; TEXT_BYTES_MAX],
            len: 0,
        }
    }
}

impl Pseudonym {
    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        // INVARIANT: prefix and base64 are ASCII.
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// The text of a value while it is written: on the stack, or straight into the HMAC once it is
/// longer than that.
enum Text<'a> {
    Short(Short, &'a Hmac<Sha256>),
    Long(Hmac<Sha256>),
}

struct Short {
    bytes: [u8; Short::BYTES_MAX],
    len: usize,
}

impl Short {
    const BYTES_MAX: usize = 128;

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Default for Short {
    fn default() -> Self {
        Self {
            bytes: [0; Self::BYTES_MAX],
            len: 0,
        }
    }
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        match self {
            Self::Short(short, fresh) => {
                let end = short.len + piece.len();
                if let Some(room) = short.bytes.get_mut(short.len..end) {
                    room.copy_from_slice(piece.as_bytes());
                    short.len = end;
                } else {
                    let hmac = fresh.clone().chain_update(short.bytes());
                    *self = Self::Long(hmac.chain_update(piece.as_bytes()));
                }
            }
            Self::Long(hmac) => hmac.update(piece.as_bytes()),
        }
        Ok(())
    }
}
