//! The agents whose requests are taken, as the service directory describes them (section 3.05.1).

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::Refusal;

/// Bytes of an Ed25519 public key.
const KEY_BYTES: usize = 32;
/// Longest id of an agent or a business, in bytes.
pub(crate) const ID_BYTES_MAX: usize = 64;

/// Why a directory of agents cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// It is not a list of agents.
    #[error("the directory of agents is not a JSON list of agents: {0}")]
    Malformed(String),
    /// An id can be no id.
    #[error(
        "`{0}` cannot be the id of an agent: use 1 to 64 of `A-Z`, `a-z`, `0-9`, `_`, `-`, `.`"
    )]
    Id(String),
    /// Two agents share an id.
    #[error("the directory has agent `{0}` twice")]
    Twice(String),
    /// A key is no Ed25519 public key.
    #[error("the `verify_key` of agent `{0}` is not 32 bytes in base64")]
    Key(String),
}

/// One agent of the directory.
#[derive(Clone)]
pub struct Agent {
    id: Box<str>,
    name: Box<str>,
    key: [u8; KEY_BYTES],
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Agent {
    /// Its id in the directory.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks a signature by this agent (RFC 8032).
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub(crate) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(signed, signature)
            .map_err(|_| Refusal::Signature)
    }
}

/// The agents that an operator trusts: the root of what any request rests on.
#[derive(Debug, Clone, Default)]
pub struct Agents(BTreeMap<Box<str>, Agent>);

/// What is read of an entry; addresses and contacts are for people.
#[derive(Deserialize)]
struct Described {
    id: String,
    name: String,
    verify_key: String,
}

impl Agents {
    /// Reads a directory: a JSON list of agents as section 3.05.1 describes them.
    ///
    /// # Errors
    /// [`DirectoryError`] for the first agent that is wrong.
    pub fn parse(json: &[u8]) -> Result<Self, DirectoryError> {
        let described: Vec<Described> = serde_json::from_slice(json)
            .map_err(|error| DirectoryError::Malformed(error.to_string()))?;
        let mut agents = BTreeMap::new();
        for Described {
            id,
            name,
            verify_key,
        } in described
        {
            if !is_id(&id) {
                return Err(DirectoryError::Id(id));
            }
            let key = STANDARD.decode(verify_key).ok();
            let Some(key) = key.and_then(|key| key.try_into().ok()) else {
                return Err(DirectoryError::Key(id));
            };
            let agent = Agent {
                id: id.clone().into(),
                name: name.into(),
                key,
            };
            if agents.insert(id.clone().into_boxed_str(), agent).is_some() {
                return Err(DirectoryError::Twice(id));
            }
        }
        Ok(Self(agents))
    }

    /// The agent of an id.
    pub fn get(&self, id: &str) -> Option<&Agent> {
        self.0.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.0.values()
    }
}

/// The directory's own pattern is `[A-Z_]+`; its examples have small letters and hyphens.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}
