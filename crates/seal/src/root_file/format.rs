//! The text of a root key file. Lines end with a line feed; the last `root` is the current one.
//!
//! ```text
//! privet-root-keys 1
//! protection none            or: protection argon2id m=65536 t=3 p=4 salt=<base64url of 16 bytes>
//! root <id, hex> <base64url of 32 bytes>           or, protected, of nonce | ciphertext | tag
//! check <SHA-256 of all bytes before this line, hex>
//! ```

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::ROOT_VERSIONS_MAX;
use super::passphrase::{LABEL, Lock, PassphraseCost};
use crate::associated_data::AssociatedData;
use crate::identifiers::decode_hex;
use crate::primitive::TAG_LEN;
use crate::{Entropy, KeyId, Nonce, OpenError, ParseError, ProviderError, Secret32, WrappingKey};

const MAGIC: &str = "privet-root-keys ";
const FORMAT: &str = "1";
const PROTECTED_LEN: usize = Nonce::LEN + 32 + TAG_LEN;

/// Room for a `root` line: 5 + 32 + 1 + 80 + 1 characters, rounded up.
const LINE_SIZE_MAX: usize = 128;
const FILE_SIZE_MAX: usize = (ROOT_VERSIONS_MAX + 4) * LINE_SIZE_MAX;

/// The text of these versions, oldest first.
pub(super) fn encode(
    versions: &[&WrappingKey],
    lock: Option<&Lock>,
    entropy: &dyn Entropy,
) -> Zeroizing<Vec<u8>> {
    // All the room at once: growing later would leave a copy of the secrets behind.
    let mut file = Zeroizing::new(Vec::with_capacity((versions.len() + 4) * LINE_SIZE_MAX));
    for part in [MAGIC, FORMAT, "\n", protection(lock).as_str(), "\n"] {
        file.extend_from_slice(part.as_bytes());
    }
    for (index, version) in versions.iter().enumerate() {
        file.extend_from_slice(format!("root {} ", version.id()).as_bytes());
        let secret = version.secret().expose();
        let mut stored = Zeroizing::new([0; PROTECTED_LEN]);
        let stored = match lock {
            None => secret.as_slice(),
            Some(lock) => {
                let binding = binding(lock, version.id(), index, versions.len());
                protect(lock, &binding, secret, &mut stored, entropy);
                stored.as_slice()
            }
        };
        push_base64(stored, &mut file);
        file.push(b'\n');
    }
    let check = check_line(&file);
    file.extend_from_slice(check.as_bytes());
    file
}

/// Reads the text; `passphrase` as given by the operator.
pub(super) fn parse(
    file: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<(Vec<WrappingKey>, Option<Lock>), ProviderError> {
    let mut lines = Lines::new(file)?;
    let (_, magic) = lines.next_line("the line `privet-root-keys 1`")?;
    match magic.strip_prefix(MAGIC) {
        Some(FORMAT) => (),
        Some(number) if number.parse().is_ok_and(|number: u32| number > 1) => {
            return Err(ProviderError::NewerFormat);
        }
        _ => return Err(malformed(0, "the line `privet-root-keys 1`")),
    }
    let entries = lines.checked_entries()?;
    let (at, text) = lines.next_line("a line `protection`")?;
    let protection = parse_protection(at, text)?;
    let lock = match (protection, passphrase) {
        (None, None) => None,
        (None, Some(_)) => return Err(ProviderError::NotProtected),
        (Some(_), None) => return Err(ProviderError::PassphraseNeeded),
        (Some((cost, salt)), Some(passphrase)) => Some(
            Lock::derive(passphrase, cost, salt)
                .map_err(|_| malformed(at, "a cost that this machine can pay"))?,
        ),
    };
    let mut versions: Vec<WrappingKey> = Vec::new();
    for index in 0..entries {
        let (at, text) = lines.next_line("a line `root`")?;
        let version = parse_root(at, text, lock.as_ref(), index, entries)?;
        if versions.iter().any(|earlier| earlier.id() == version.id()) {
            return Err(malformed(at, "a root version that was not there before"));
        }
        versions.push(version);
    }
    Ok((versions, lock))
}

fn protection(lock: Option<&Lock>) -> String {
    let Some(Lock { cost, salt, .. }) = lock else {
        return "protection none".to_owned();
    };
    let (memory, passes, lanes) = (cost.memory_kib(), cost.passes(), cost.lanes());
    let salt = URL_SAFE_NO_PAD.encode(salt);
    format!("protection argon2id m={memory} t={passes} p={lanes} salt={salt}")
}

/// Cost and salt of a protected file.
fn parse_protection(
    at: usize,
    line: &str,
) -> Result<Option<(PassphraseCost, [u8; 16])>, ProviderError> {
    let wrong = || {
        malformed(
            at,
            "`protection none` or `protection argon2id` with its cost",
        )
    };
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["protection", "none"] => Ok(None),
        ["protection", "argon2id", memory, passes, lanes, salt] => {
            let number = |word: &str, prefix| -> Result<u32, ProviderError> {
                word.strip_prefix(prefix)
                    .and_then(|n| n.parse().ok())
                    .ok_or_else(wrong)
            };
            let (memory, passes) = (number(memory, "m=")?, number(passes, "t=")?);
            let cost = PassphraseCost::new(memory, passes, number(lanes, "p=")?)
                .map_err(|_| malformed(at, "a cost within the limits"))?;
            let encoded = salt.strip_prefix("salt=").ok_or_else(wrong)?;
            let mut salt = [0; 16];
            decode_exactly(encoded, &mut salt).ok_or_else(wrong)?;
            Ok(Some((cost, salt)))
        }
        _ => Err(wrong()),
    }
}

fn parse_root(
    at: usize,
    line: &str,
    lock: Option<&Lock>,
    index: usize,
    count: usize,
) -> Result<WrappingKey, ProviderError> {
    let wrong = || malformed(at, "`root`, an id and a secret");
    let (id, encoded) = line
        .strip_prefix("root ")
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(wrong)?;
    let id: KeyId = id.parse().map_err(|_| malformed(at + 5, "an id"))?;
    let mut secret = Secret32::zero();
    let Some(lock) = lock else {
        decode_exactly(encoded, secret.expose_mut()).ok_or_else(wrong)?;
        return Ok(WrappingKey::new(id, secret));
    };
    let mut stored = [0; PROTECTED_LEN];
    decode_exactly(encoded, &mut stored).ok_or_else(wrong)?;
    unprotect(lock, &binding(lock, id, index, count), &stored, &mut secret)
        .map_err(|_| ProviderError::WrongPassphrase)?;
    Ok(WrappingKey::new(id, secret))
}

/// Associated data of a protected secret: the file's protection, the version, its place and how
/// many there are, so that no line can be moved, dropped or repeated.
fn binding(lock: &Lock, id: KeyId, index: usize, count: usize) -> AssociatedData {
    AssociatedData::new(LABEL)
        .with(protection(Some(lock)).as_bytes())
        .with(id.as_bytes())
        .with(&(index as u64).to_be_bytes())
        .with(&(count as u64).to_be_bytes())
}

#[expect(clippy::expect_used, reason = "all lengths are fixed")]
fn protect(
    lock: &Lock,
    binding: &AssociatedData,
    secret: &[u8; 32],
    stored: &mut [u8; PROTECTED_LEN],
    entropy: &dyn Entropy,
) {
    let nonce = Nonce::random(entropy);
    let (head, rest) = stored.split_at_mut(Nonce::LEN);
    head.copy_from_slice(&nonce.0);
    let (body, tag) = rest.split_at_mut(32);
    body.copy_from_slice(secret);
    // INVARIANT: 60 bytes less nonce and secret are the tag's 16, and encryption fails only for
    // a body of more than 2^36 bytes.
    let tag = tag.try_into().expect("room for the tag");
    lock.aead
        .seal(nonce, binding.as_ref(), body, tag)
        .expect("a body of 32 bytes");
}

fn unprotect(
    lock: &Lock,
    binding: &AssociatedData,
    stored: &[u8; PROTECTED_LEN],
    secret: &mut Secret32,
) -> Result<(), OpenError> {
    let (nonce, rest) = stored.split_first_chunk().ok_or(OpenError)?;
    let (ciphertext, tag) = rest.split_last_chunk().ok_or(OpenError)?;
    lock.aead.open(
        nonce,
        binding.as_ref(),
        ciphertext,
        tag,
        secret.expose_mut(),
    )
}

#[expect(clippy::expect_used, reason = "the room suffices for what is stored")]
fn push_base64(stored: &[u8], file: &mut Vec<u8>) {
    let mut encoded = Zeroizing::new([0; 80]);
    // INVARIANT: 32 bytes make 43 characters, 60 make 80. Writing less would lose the root key.
    let len = URL_SAFE_NO_PAD
        .encode_slice(stored, encoded.as_mut_slice())
        .expect("80 characters");
    file.extend_from_slice(encoded.get(..len).expect("within 80 characters"));
}

fn decode_exactly<const N: usize>(encoded: &str, out: &mut [u8; N]) -> Option<()> {
    // The length first: the decoder may otherwise stop short of filling the array.
    if encoded.len() != (N * 4).div_ceil(3) {
        return None;
    }
    let len = URL_SAFE_NO_PAD
        .decode_slice(encoded, out.as_mut_slice())
        .ok()?;
    (len == N).then_some(())
}

fn check_line(before: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, before);
    let digits: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("check {digits}\n")
}

fn malformed(position: usize, expected: &'static str) -> ProviderError {
    ProviderError::Malformed(ParseError::new(position, expected))
}

/// The lines of a file, each with its position.
struct Lines<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lines<'a> {
    fn new(file: &'a [u8]) -> Result<Self, ProviderError> {
        if file.len() > FILE_SIZE_MAX {
            return Err(malformed(FILE_SIZE_MAX, "the end of a root key file"));
        }
        match str::from_utf8(file) {
            Ok(text) => Ok(Self { text, position: 0 }),
            Err(error) => Err(malformed(error.valid_up_to(), "text")),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn next_line(&mut self, expected: &'static str) -> Result<(usize, &'a str), ProviderError> {
        let at = self.position;
        let (line, _) = self
            .rest()
            .split_once('\n')
            .ok_or(malformed(at, expected))?;
        self.position += line.len() + 1;
        Ok((at, line))
    }

    /// Verifies the last line and says how many `root` lines stand between the second and it.
    fn checked_entries(&self) -> Result<usize, ProviderError> {
        let end = self
            .text
            .trim_end_matches('\n')
            .rfind('\n')
            .map_or(0, |before| before + 1);
        let (before, last) = self.text.split_at_checked(end).unwrap_or_default();
        let digits = last
            .strip_prefix("check ")
            .and_then(|digits| digits.strip_suffix('\n'));
        let digits = digits.ok_or(malformed(end, "a line `check`"))?;
        decode_hex::<32>(digits.as_bytes()).map_err(|_| malformed(end, "a SHA-256 hash"))?;
        if last != check_line(before.as_bytes()) {
            return Err(malformed(
                end,
                "the hash of the lines above: some line was altered",
            ));
        }
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        let entries = lines.saturating_sub(2);
        if entries == 0 || entries > ROOT_VERSIONS_MAX {
            return Err(malformed(end, "1 to 64 root versions"));
        }
        Ok(entries)
    }
}
