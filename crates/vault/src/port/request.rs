//! Requests for grants that a second person has to approve.

use jiff::Timestamp;

use crate::{GrantId, GrantRequestId, PrincipalName, SessionId, SourceName, SubjectRef};

/// A request as a row: facts alone. How the subjects were named, and the evidence, lie in the side record of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRequestRow {
    /// The request.
    pub id: GrantRequestId,
    /// The session that it was made in, which alone can use it.
    pub session: SessionId,
    /// Who asks; never the one who approves.
    pub principal: PrincipalName,
    /// Over which application's database.
    pub source: SourceName,
    /// Whose data, in the order asked for.
    pub subjects: Vec<SubjectRef>,
    /// Which fields.
    pub fields: Vec<u16>,
    /// For how long the grant would last, in minutes.
    pub minutes: u32,
    /// When it was made.
    pub asked_at: Timestamp,
    /// When it ends, decided or not.
    pub expires_at: Timestamp,
    /// What was decided.
    pub decision: Option<RequestDecision>,
    /// The grant that was made of it.
    pub grant: Option<GrantId>,
    /// From when on the person whose answer it waits for is to be told by mail; `None`: nobody is, or was.
    pub tell_at: Option<Timestamp>,
}

/// What a second person said to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDecision {
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
}

impl GrantRequestRow {
    /// Whether a grant can be made of it at this moment.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        let approved = self.decision.as_ref().is_some_and(|said| said.approved);
        approved && self.grant.is_none() && now < self.expires_at
    }

    /// Whether it still waits for somebody at this moment.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        self.decision.is_none() && self.grant.is_none() && now < self.expires_at
    }

    /// Whether a decision can be taken at its moment: the first one, or a "no" after a "yes" that nobody has used.
    pub fn takes(&self, decision: &RequestDecision) -> bool {
        let former = self.decision.as_ref();
        let in_time = self.grant.is_none() && decision.at < self.expires_at;
        in_time && former.is_none_or(|former| former.approved && !decision.approved)
    }
}
