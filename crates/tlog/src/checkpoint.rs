//! Checkpoints (C2SP tlog-checkpoint): a log's statement of its size and root.

use std::fmt;

use crate::note::{KeyName, Note, SigningKey, VerifierKey};
use crate::tile::parse_decimal;
use crate::{Hash, OpenError, ParseError, TREE_SIZE_MAX};

const FORM: &str = "checkpoint";

/// Which log it is: the first line of its checkpoints, and the name of the keys that sign them. One per
/// environment and writer, as `audit.example.com/prod`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(KeyName);

impl Origin {
    /// Accepts `origin` under the rules for key names, for the log's keys are named after it.
    ///
    /// # Errors
    /// [`ParseError`] if it is empty, or has spaces or plus signs.
    pub fn new(origin: impl Into<String>) -> Result<Self, ParseError> {
        KeyName::new(origin).map(Self)
    }

    /// The origin as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name of the keys that sign this log's checkpoints.
    pub fn key_name(&self) -> &KeyName {
        &self.0
    }
}

impl From<KeyName> for Origin {
    fn from(name: KeyName) -> Self {
        Self(name)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The state of a log: all entries up to `size` are committed to by `root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn to_text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            self.root.to_base64()
        )
    }

    /// Reads the text of a note. Extension lines are allowed and passed over: this log writes none,
    /// and nothing may rest on them.
    ///
    /// # Errors
    /// [`ParseError`] unless `text` is a checkpoint of a tree of at most [`TREE_SIZE_MAX`] leaves.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.strip_suffix('\n').ok_or(ParseError::new(
            FORM,
            1,
            "the text does not end in a newline",
        ))?;
        let mut lines = text.split('\n');
        let mut line = |number| lines.next().ok_or(ParseError::new(FORM, number, "missing"));

        let origin = Origin::new(line(1)?).map_err(|error| error.within(FORM, 1))?;
        let size = parse_decimal(line(2)?)
            .filter(|size| *size <= TREE_SIZE_MAX)
            .ok_or(ParseError::new(FORM, 2, "not a tree size"))?;
        let root = Hash::from_base64(line(3)?).map_err(|error| error.within(FORM, 3))?;
        if let Some(extra) = lines.position(str::is_empty) {
            return Err(ParseError::new(FORM, 4 + extra, "empty extension line"));
        }
        Ok(Self { origin, size, root })
    }

    /// The checkpoint as a note signed with each of `keys`, one of which bears the origin's name.
    ///
    /// # Errors
    /// [`ParseError`] if no key does, for nobody could verify such a note as the log's.
    pub fn signed(&self, keys: &[&SigningKey]) -> Result<Note, ParseError> {
        if !keys.iter().any(|key| key.name() == self.origin.key_name()) {
            return Err(ParseError::new(
                FORM,
                1,
                "no signing key is named after the origin",
            ));
        }
        Note::sign(&self.to_text(), keys)
    }

    /// Reads and verifies a signed checkpoint: one of its signatures must be by one of `keys` that bears
    /// the name of the checkpoint's own origin. Who knows keys of several logs compares the origin, too.
    ///
    /// # Errors
    /// [`OpenError`] says why it must not be believed.
    pub fn open(note: &[u8], keys: &[VerifierKey]) -> Result<Self, OpenError> {
        let note = Note::parse(note)?.verify(keys)?;
        let checkpoint = Self::parse(note.text())?;
        let origin = checkpoint.origin.key_name();
        if !note
            .signatures()
            .iter()
            .any(|signature| signature.name == *origin)
        {
            return Err(OpenError::NoKnownSignature);
        }
        Ok(checkpoint)
    }
}
