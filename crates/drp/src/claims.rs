//! What every signed message says of itself: who sends it to whom, and for how long it is valid.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::agent::is_id;
use crate::{Agent, Refusal};

/// The version that is spoken.
const VERSION: &str = "1.0";

/// How long a message may be valid at most. The protocol recommends ten minutes; until then a server has to remember
/// what it has seen.
pub const VALID_FOR_MAX: SignedDuration = SignedDuration::from_hours(24);

/// An id that can be none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a business has 1 to 64 of `A-Z`, `a-z`, `0-9`, `_`, `-`, `.`")]
pub struct IdError;

/// The id of a business in the service directory (section 3.05.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessId(Box<str>);

impl FromStr for BusinessId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match is_id(text) {
            true => Ok(Self(text.into())),
            false => Err(IdError),
        }
    }
}

impl fmt::Display for BusinessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a message is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'e> {
    /// The agent that authenticated, or that the path of the request names.
    pub agent: &'e Agent,
    /// Who we are.
    pub business: &'e BusinessId,
    /// Now.
    pub now: Timestamp,
}

/// The claims that all messages have; ISO 8601 with an offset, since a time without one is no moment.
#[derive(Deserialize)]
pub(crate) struct Claims {
    #[serde(rename = "agent-id")]
    agent_id: String,
    #[serde(rename = "business-id")]
    business_id: String,
    #[serde(rename = "issued-at")]
    issued_at: Timestamp,
    #[serde(rename = "expires-at")]
    pub(crate) expires_at: Timestamp,
    #[serde(rename = "drp.version")]
    version: String,
}

impl Claims {
    /// Reads and checks them in the order of section 3.07. What was signed by a key that the directory gives this agent, and
    /// still names another one, was made by whoever holds that key for somebody else.
    ///
    /// # Errors
    /// [`Refusal`], the first that holds.
    pub(crate) fn check(signed: &[u8], expected: &Expected<'_>) -> Result<Self, Refusal> {
        let claims: Self = serde_json::from_slice(signed).map_err(|_| Refusal::Malformed)?;
        if claims.agent_id != expected.agent.id() {
            return Err(Refusal::Agent);
        }
        if claims.business_id != *expected.business.0 {
            return Err(Refusal::Business);
        }
        if claims.issued_at > expected.now {
            return Err(Refusal::NotYet);
        }
        if claims.expires_at <= expected.now {
            return Err(Refusal::Expired);
        }
        if claims.expires_at.duration_since(claims.issued_at) > VALID_FOR_MAX {
            return Err(Refusal::Window);
        }
        if claims.version != VERSION {
            return Err(Refusal::Version);
        }
        Ok(claims)
    }
}
