//! What the monitor hands to the log: everything an entry says, before it has bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{EntryKind, SubjectUse};
use crate::{Caller, Form, GrantId, PrincipalKind, PrincipalName, SessionId, TokenId};

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The server by itself: heartbeats, starts, expiries.
    System,
    /// Somebody on their own behalf. Who it is stands in the salted tree alone, with whose data it is about: an entry is
    /// for ever, and must not say how often somebody was here, or when.
    Subject,
    /// A principal, under its token.
    Principal {
        /// Person or job.
        kind: PrincipalKind,
        /// The name that policies use.
        name: PrincipalName,
        /// The token that proved it, where there was one.
        token: Option<TokenId>,
    },
}

impl Actor {
    /// `system`, `person`, `job`, `subject`: as entries spell it.
    pub const fn kind_str(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Subject => PrincipalKind::Subject.as_str(),
            Self::Principal { kind, .. } => kind.as_str(),
        }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        let principal = caller.principal();
        if principal.kind == PrincipalKind::Subject {
            return Self::Subject;
        }
        Self::Principal {
            kind: principal.kind,
            name: principal.name.clone(),
            token: Some(caller.token()),
        }
    }
}

/// What the policy said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it allowed.
    pub allow: bool,
    /// Ids of the policies that decided; empty when none applied (default deny).
    pub policies: Arc<[Box<str>]>,
    /// Digest of the bundle in force.
    pub bundle: [u8; 32],
}

/// One entry to be, built by the monitor.
///
/// The entry itself is for ever and is read by many, so nothing personal may stand in it. What has a type here is
/// safe by its type. `counts` and `facts` are for what is neither long nor personal (numbers, ids of keys and tokens,
/// names of sources); `personal` goes to the sealed side record and ends with its key.
#[derive(Clone)]
pub struct Record {
    /// What happened.
    pub kind: EntryKind,
    /// Who acted.
    pub actor: Actor,
    /// The purpose, by its name in the data map. Anything that cannot be such a name is moved to the side record.
    pub purpose: Option<String>,
    /// A stable code that says why (mostly: why not).
    pub reason: Option<&'static str>,
    /// What the policy said.
    pub decision: Option<Ruling>,
    /// The form in which values were shown.
    pub form: Option<Form>,
    /// The session it happened in.
    pub session: Option<SessionId>,
    /// The grant it rests on.
    pub grant: Option<GrantId>,
    /// Whose data, which fields, how much: committed to by a salted tree, listed in the side record.
    pub subjects: Vec<SubjectUse>,
    /// Numbers by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// Facts by name; never personal.
    pub facts: Map<String, Value>,
    /// What is long or personal: reason, link, evidence, address.
    pub side: Map<String, Value>,
    /// Statements of a session, likewise: a JSON array that is made where they pass. Of a busy log they are nearly everything,
    /// and a tree of values would be built only to be written out again.
    pub statements: Option<Box<RawValue>>,
}

impl Record {
    /// A record that says only what happened and who did it.
    pub fn new(kind: EntryKind, actor: Actor) -> Self {
        Self {
            kind,
            actor,
            purpose: None,
            reason: None,
            decision: None,
            form: None,
            session: None,
            grant: None,
            subjects: Vec::new(),
            counts: BTreeMap::new(),
            facts: Map::new(),
            side: Map::new(),
            statements: None,
        }
    }

    /// A record of what a caller did, with the network address in the side record.
    pub fn by(kind: EntryKind, caller: &Caller) -> Self {
        Self::new(kind, Actor::from(caller)).personal("address", caller.address())
    }

    /// States the purpose, by its name in the data map.
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.purpose = Some(purpose.into());
        self
    }

    /// States the code that says why.
    #[must_use]
    pub fn reason(mut self, code: &'static str) -> Self {
        self.reason = Some(code);
        self
    }

    /// States what the policy said.
    #[must_use]
    pub fn ruling(mut self, ruling: Ruling) -> Self {
        self.decision = Some(ruling);
        self
    }

    /// States the form in which values were shown.
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.form = Some(form);
        self
    }

    /// States the session.
    #[must_use]
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// States the grant.
    #[must_use]
    pub fn grant(mut self, grant: GrantId) -> Self {
        self.grant = Some(grant);
        self
    }

    /// Adds a subject.
    #[must_use]
    pub fn subject(mut self, subject: SubjectUse) -> Self {
        self.subjects.push(subject);
        self
    }

    /// Adds subjects.
    #[must_use]
    pub fn subjects(mut self, subjects: impl IntoIterator<Item = SubjectUse>) -> Self {
        self.subjects.extend(subjects);
        self
    }

    /// States a number.
    #[must_use]
    pub fn count(mut self, name: &'static str, count: u64) -> Self {
        self.counts.insert(name, count);
        self
    }

    /// States a fact; never anything personal, for the entry cannot be forgotten.
    #[must_use]
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// States the statements, as a JSON array; it goes to the sealed side record.
    #[must_use]
    pub fn statements(mut self, statements: Box<RawValue>) -> Self {
        self.statements = Some(statements);
        self
    }

    /// States what is long or personal; it goes to the sealed side record.
    #[must_use]
    pub fn personal(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.side.insert(name.to_owned(), value.into());
        self
    }
}

impl std::fmt::Debug for Record {
    // The side map is personal, and a record ends up in logs sooner than one thinks.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
