//! The bytes of an entry: one JSON object, stored and hashed verbatim. `docs/formats/audit-entries.md` describes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use privet_seal::Entropy;
use privet_tlog::{Hash, leaf_hash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hex::Hex;
use super::side::SideData;
use super::subjects::subjects_root;
use super::{Actor, EntryKind, Record, SideKey, side};
use crate::port::SideRow;
use crate::{Environment, Error, Form, GrantId, Result, SessionId, TokenId};

/// Longest entry in bytes. What could be longer belongs into the side record.
pub const ENTRY_BYTES_MAX: usize = 8 * 1024;

const VERSION: u8 = 1;

/// Length of a time as entries spell it: `2026-11-20T17:12:03.123456Z`.
const STAMP_BYTES: usize = 27;

/// Longest name of a purpose.
const PURPOSE_BYTES_MAX: usize = 64;

/// An entry ready to be appended, made in the task of whoever waits for it: the sequencer is one task for all.
pub(crate) struct Prepared {
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaf: Hash,
    pub(crate) stamp: Timestamp,
    stamp_at: usize,
    pub(crate) side: Option<SideRow>,
}

impl Prepared {
    /// Gives the record its bytes. `key` is only needed by records with subjects or a side map.
    pub(crate) fn new(
        mut record: Record,
        key: Option<&SideKey>,
        environment: &Environment,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Self> {
        move_odd_purpose(&mut record);
        let (subjects, side) = commit_to_side(&record, key, entropy)?;
        let stamp = to_microsecond(now);
        let body = Body {
            v: VERSION,
            t: record.kind.as_str(),
            ts: stamp_text(stamp),
            env: environment.as_str(),
            actor: ActorBody::from(&record.actor),
            purpose: record.purpose.as_deref(),
            reason: record.reason,
            decision: record.decision.as_ref().map(|ruling| DecisionBody {
                allow: ruling.allow,
                policies: &ruling.policies,
                bundle: Hex(ruling.bundle),
            }),
            form: record.form,
            counts: &record.counts,
            session: record.session,
            grant: record.grant,
            facts: &record.facts,
            subjects,
            side: side.as_ref().map(|side| Hex(side.sha256)),
        };
        let mut bytes = Vec::with_capacity(768);
        serde_json::to_writer(&mut bytes, &body)
            .map_err(|_| Error::Internal("an audit entry cannot be JSON"))?;
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(Error::Internal("an audit entry exceeds 8 KiB"));
        }
        let stamp_at = br#"{"v":1,"t":"","ts":""#.len() + record.kind.as_str().len();
        if bytes.get(stamp_at..stamp_at + STAMP_BYTES) != Some(body.ts.as_bytes()) {
            return Err(Error::Internal("the clock is outside the years 0 to 9999"));
        }
        let leaf = leaf_hash(&bytes);
        Ok(Self {
            bytes,
            leaf,
            stamp,
            stamp_at,
            side,
        })
    }

    /// Raises the entry's time: two callers may reach the queue in another order than they read the clock.
    pub(crate) fn restamp(&mut self, stamp: Timestamp) {
        let text = stamp_text(stamp);
        if let Some(place) = self
            .bytes
            .get_mut(self.stamp_at..self.stamp_at + STAMP_BYTES)
            && place.len() == text.len()
        {
            place.copy_from_slice(text.as_bytes());
            self.stamp = stamp;
            self.leaf = leaf_hash(&self.bytes);
        }
    }
}

/// An entry as somebody reads it. What a newer version adds is ignored; the bytes stay what counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Entry {
    /// Version of the format.
    pub v: u8,
    /// The name of what happened; see [`Entry::kind`].
    pub t: String,
    /// When, to the microsecond; never before the entry before it.
    pub ts: Timestamp,
    /// The environment.
    pub env: String,
    /// Who.
    pub actor: EntryActor,
    /// For what purpose.
    pub purpose: Option<String>,
    /// A stable code that says why.
    pub reason: Option<String>,
    /// What the policy said.
    pub decision: Option<EntryDecision>,
    /// The form in which values were shown.
    pub form: Option<Form>,
    /// Numbers by name.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// The session it happened in.
    pub session: Option<SessionId>,
    /// The grant it rests on.
    pub grant: Option<GrantId>,
    /// Facts by name.
    #[serde(default)]
    pub facts: Map<String, Value>,
    subjects: Option<SubjectsBody>,
    side: Option<Hex<32>>,
}

/// Who acted, as an entry says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntryActor {
    /// `system`, `person`, `job` or `subject`.
    pub kind: String,
    /// The principal's name; none for the system and for subjects.
    pub name: Option<String>,
    /// The token that proved it.
    pub token: Option<TokenId>,
}

/// What the policy said, as an entry says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntryDecision {
    /// Whether it allowed.
    pub allow: bool,
    /// Ids of the policies that decided.
    pub policies: Vec<String>,
    bundle: Hex<32>,
}

impl EntryDecision {
    /// Digest of the bundle that was in force.
    pub fn bundle(&self) -> [u8; 32] {
        self.bundle.0
    }
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`Error::Internal`] if the bytes are not an entry of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let entry: Self = serde_json::from_slice(bytes)
            .map_err(|_| Error::Internal("an audit entry cannot be read"))?;
        if entry.v != VERSION {
            return Err(Error::Internal("an audit entry of an unknown version"));
        }
        Ok(entry)
    }

    /// What happened; `None` if a newer version of Privet wrote of something that this one does not know.
    pub fn kind(&self) -> Option<EntryKind> {
        self.t.parse().ok()
    }

    /// Root of the salted tree over the subjects, and how many they are; `None` if the entry is about no subject.
    pub fn subjects(&self) -> Option<(Hash, u64)> {
        self.subjects
            .map(|subjects| (Hash(subjects.root.0), subjects.count))
    }

    /// SHA-256 of the sealed side record; `None` if there never was one.
    pub fn side(&self) -> Option<[u8; 32]> {
        self.side.map(|hash| hash.0)
    }
}

/// Cuts a time to what entries can say.
pub(crate) fn to_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

fn stamp_text(stamp: Timestamp) -> String {
    format!("{stamp:.6}")
}

/// A purpose is a name in the data map. In a refused request it may be anything, a person's name for one: then it is
/// not for ever.
fn move_odd_purpose(record: &mut Record) {
    let is_name = |text: &str| {
        text.len() <= PURPOSE_BYTES_MAX
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
    };
    if let Some(purpose) = record.purpose.take_if(|purpose| !is_name(purpose)) {
        record.side.insert("purpose".to_owned(), purpose.into());
    }
}

/// The salted tree and the side record, where there is something for them.
fn commit_to_side(
    record: &Record,
    key: Option<&SideKey>,
    entropy: &dyn Entropy,
) -> Result<(Option<SubjectsBody>, Option<SideRow>)> {
    let data = SideData {
        map: &record.side,
        statements: record.statements.as_deref(),
    };
    if record.subjects.is_empty() && data.is_empty() {
        return Ok((None, None));
    }
    let key = key.ok_or(Error::Internal(
        "an audit entry without a key for its side record",
    ))?;
    if record.subjects.is_empty() {
        return Ok((None, Some(side::seal(key, None, &[], data, entropy)?)));
    }
    let mut seed = [0; 32];
    entropy.fill(&mut seed);
    let subjects = SubjectsBody {
        count: u64::try_from(record.subjects.len()).unwrap_or(u64::MAX),
        root: Hex(subjects_root(&seed, &record.subjects).0),
    };
    let side = side::seal(key, Some(&seed), &record.subjects, data, entropy)?;
    Ok((Some(subjects), Some(side)))
}

/// An entry as it is written; the order of the fields is that of the bytes.
#[derive(Serialize)]
struct Body<'a> {
    v: u8,
    t: &'a str,
    ts: String,
    env: &'a str,
    actor: ActorBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<Form>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    counts: &'a BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<GrantId>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    facts: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subjects: Option<SubjectsBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Hex<32>>,
}

#[derive(Serialize)]
struct ActorBody<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenId>,
}

impl<'a> From<&'a Actor> for ActorBody<'a> {
    fn from(actor: &'a Actor) -> Self {
        let kind = actor.kind_str();
        match actor {
            Actor::System | Actor::Subject => Self {
                kind,
                name: None,
                token: None,
            },
            Actor::Principal { name, token, .. } => Self {
                kind,
                name: Some(name.as_str()),
                token: *token,
            },
        }
    }
}

#[derive(Serialize)]
struct DecisionBody<'a> {
    allow: bool,
    policies: &'a [Box<str>],
    bundle: Hex<32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct SubjectsBody {
    count: u64,
    root: Hex<32>,
}
