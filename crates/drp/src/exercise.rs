//! What an agent asks for, about whom (sections 2.01, 2.04, 3.01 and 3.04).

use std::fmt;

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::claims::Claims;
use crate::message::Signed;
use crate::{Agent, Expected, Refusal};

/// Longest value of a claim, in bytes; a mail address has 254.
const CLAIM_BYTES_MAX: usize = 1_024;
/// Longest id that an agent gives its request.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The rights that can be exercised (section 3.01). `access:categories` and `access:specific` have no meaning yet in
/// version 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// `access`: everything that is held, as a file.
    Access,
    /// `deletion`.
    Deletion,
    /// `sale:opt-out`: not to be sold or shared.
    SaleOptOut,
    /// `sale:opt-in`.
    SaleOptIn,
}

impl Right {
    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Deletion => "deletion",
            Self::SaleOptOut => "sale:opt-out",
            Self::SaleOptIn => "sale:opt-in",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Access,
            Self::Deletion,
            Self::SaleOptOut,
            Self::SaleOptIn,
        ];
        all.into_iter().find(|right| right.as_str() == word)
    }
}

/// The legal rules a request rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// The California Consumer Privacy Act.
    Ccpa,
    /// None is named: the request asks for what is done voluntarily.
    Voluntary,
}

/// Who the person is, as the agent knows them. Without `Debug`: all of it is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// A mail address that the agent verified.
    pub email: Option<Zeroizing<String>>,
    /// A telephone number in E.164 that the agent verified.
    pub phone_number: Option<Zeroizing<String>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// A request that an agent signed, for us, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exercise {
    /// What is asked for.
    pub right: Right,
    /// On which rules.
    pub regime: Regime,
    /// The agent's own id of the request.
    pub agent_request_id: Option<Box<str>>,
    /// Whom it is about.
    pub identity: Identity,
    /// Until when the message is valid.
    pub expires_at: Timestamp,
    /// SHA-256 of the signed bytes: the same message again has the same, until it expires.
    pub digest: [u8; 32],
}

#[derive(Deserialize)]
struct Claimed {
    exercise: String,
    regime: Option<String>,
    #[serde(rename = "agent-request-id")]
    agent_request_id: Option<Box<str>>,
    #[serde(default, deserialize_with = "personal")]
    email: Option<Zeroizing<String>>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default, deserialize_with = "personal")]
    phone_number: Option<Zeroizing<String>>,
    #[serde(default)]
    phone_number_verified: bool,
}

impl Exercise {
    /// Reads and checks a request. Of the claims about the person, those count that the agent says it verified; names and
    /// postal addresses, which find nobody for certain, are not read.
    ///
    /// # Errors
    /// [`Refusal`], the first that holds.
    pub fn read(body: &[u8], expected: &Expected<'_>) -> Result<Self, Refusal> {
        let signed = Signed::open(body, expected.agent)?;
        let claims = Claims::check(signed.bytes(), expected)?;
        let claimed: Claimed =
            serde_json::from_slice(signed.bytes()).map_err(|_| Refusal::Malformed)?;
        let right = Right::parse(&claimed.exercise).ok_or(Refusal::Unsupported)?;
        let regime = match claimed.regime.as_deref() {
            None => Regime::Voluntary,
            Some("ccpa") => Regime::Ccpa,
            Some(_) => return Err(Refusal::Unsupported),
        };
        let email = claimed.email.filter(|_| claimed.email_verified);
        let phone_number = claimed
            .phone_number
            .filter(|_| claimed.phone_number_verified);
        let claims_of_person = [&email, &phone_number];
        let too_long = |claim: &&Option<Zeroizing<String>>| matches!(claim, Some(text) if text.len() > CLAIM_BYTES_MAX);
        let id = claimed.agent_request_id;
        if claims_of_person.iter().any(too_long) || !id.as_deref().is_none_or(is_request_id) {
            return Err(Refusal::Malformed);
        }
        Ok(Self {
            right,
            regime,
            agent_request_id: id,
            identity: Identity {
                email,
                phone_number,
            },
            expires_at: claims.expires_at,
            digest: sha256(signed.bytes()),
        })
    }
}

/// An agent takes a request back; the person may have said why.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Revoke {
    /// The person's words.
    #[serde(default, deserialize_with = "personal")]
    pub reason: Option<Zeroizing<String>>,
}

impl fmt::Debug for Revoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoke").finish_non_exhaustive()
    }
}

impl Revoke {
    /// Reads and checks one (section 2.04). The message says neither who nor when: which request it means, and that it is
    /// this agent's, comes from the path and the token.
    ///
    /// # Errors
    /// [`Refusal`], the first that holds.
    pub fn read(body: &[u8], agent: &Agent) -> Result<Self, Refusal> {
        let signed = Signed::open(body, agent)?;
        serde_json::from_slice(signed.bytes()).map_err(|_| Refusal::Malformed)
    }
}

fn personal<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Zeroizing::new))
}

/// Printable ASCII, so that it can be stored, compared and shown anywhere.
fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    for (to, from) in sum
        .iter_mut()
        .zip(digest::digest(&digest::SHA256, bytes).as_ref())
    {
        *to = *from;
    }
    sum
}
