//! Refusing a statement without breaking the order of answers.
//!
//! An error that the gateway wrote by itself could overtake answers that are under way, and would leave the server's
//! transaction in another state than the client's. So the server is sent something in place of the statement that it
//! refuses by itself: a text that is no SQL, before it looks at anything else, in every state of a transaction and in
//! both protocols. What it says then is recognized by the token in it and replaced by what the client shall read.
//! (docs/decisions/0012-refusals.md says what else was tried.)

use std::collections::BTreeMap;

use memchr::memmem;

use crate::fault::Fault;

/// The prepared statement that never comes to be.
const STATEMENT: &str = "privet_refused";

/// Refusals that are under way at a time; a client that is refused more often than it reads answers is cut off.
const REFUSALS_MAX: usize = 1_000;

/// The refusals that the server has not answered yet.
pub(super) struct Refusals {
    /// Random, so that no statement of the client's and no text of the server's has it by accident.
    prefix: String,
    next: u32,
    told: BTreeMap<u32, Fault>,
}

impl Refusals {
    /// None yet; `secret` is drawn for the connection.
    pub(super) fn new(secret: [u8; 8]) -> Self {
        Self {
            prefix: format!("{STATEMENT}_{:016x}_", u64::from_be_bytes(secret)),
            next: 0,
            told: BTreeMap::new(),
        }
    }

    /// Whether any are under way.
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// What is sent instead of a Query or FunctionCall message, to be told `fault`; `None`: too many.
    pub(super) fn query(&mut self, fault: Fault) -> Option<Vec<u8>> {
        let token = self.token(fault)?;
        Some(frame(b'Q', &[&token]))
    }

    /// What is sent instead of any message of the extended protocol. The server skips everything behind it up to Sync.
    pub(super) fn parse(&mut self, fault: Fault) -> Option<Vec<u8>> {
        let token = self.token(fault)?;
        let mut frame = frame(b'P', &[STATEMENT, &token]);
        // No parameter types; they count in the length.
        frame.extend_from_slice(&[0, 0]);
        put_length(&mut frame);
        Some(frame)
    }

    fn token(&mut self, fault: Fault) -> Option<String> {
        if self.told.len() >= REFUSALS_MAX {
            return None;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.told.insert(number, fault);
        Some(format!("{}{number}x", self.prefix))
    }

    /// What the client shall read instead of this error of the server's, if it is one of these.
    pub(super) fn recognize(&mut self, error: &[u8]) -> Option<Fault> {
        let at = memmem::find(error, self.prefix.as_bytes())?;
        let rest = error.get(at + self.prefix.len()..)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(rest.get(..digits)?).ok()?;
        self.told.remove(&number.parse().ok()?)
    }

    /// Forgets what the server skipped, now that it has answered everything.
    pub(super) fn clear(&mut self) {
        self.told.clear();
    }
}

/// A frame of zero-terminated texts.
pub(super) fn frame(tag: u8, texts: &[&str]) -> Vec<u8> {
    let mut frame = vec![tag, 0, 0, 0, 0];
    for text in texts {
        frame.extend_from_slice(text.as_bytes());
        frame.push(0);
    }
    put_length(&mut frame);
    frame
}

/// Writes a frame's length into it.
pub(super) fn put_length(frame: &mut [u8]) {
    let length = u32::try_from(frame.len().saturating_sub(1)).unwrap_or(u32::MAX);
    if let Some(place) = frame.get_mut(1..5) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_recognized_once_and_by_its_own_token() {
        let mut refusals = Refusals::new([7; 8]);
        let query = refusals.query(Fault::error("42501", "no")).unwrap();
        assert_eq!(usize::from(query[4]), query.len() - 1);
        let text = String::from_utf8(query[5..].to_vec()).unwrap();
        let said = format!(
            "syntax error at or near \"{}\"",
            text.trim_end_matches('\0')
        );
        let other = Refusals::new([8; 8]).recognize(said.as_bytes());
        assert_eq!(other, None);
        assert_eq!(refusals.recognize(b"syntax error at or near \"x\""), None);
        let told = refusals.recognize(said.as_bytes()).unwrap();
        assert_eq!(told.code, "42501");
        assert_eq!(refusals.recognize(said.as_bytes()), None);
        assert!(refusals.is_empty());
    }

    #[test]
    fn refusals_have_a_limit() {
        let mut refusals = Refusals::new([0; 8]);
        let fault = || Fault::error("42501", "no");
        assert!((0..REFUSALS_MAX).all(|_| refusals.parse(fault()).is_some()));
        assert_eq!(refusals.parse(fault()), None);
        refusals.clear();
        assert!(refusals.query(fault()).is_some());
    }
}
