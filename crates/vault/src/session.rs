//! The protected console: who may work, why, what was typed, what was opened, and what an auditor made of it.
//!
//! A [`Connection`] is one client's. Its *justification* (a [session](crate::SessionId) with a reason) is shared by
//! all connections of the same person, token, address and source, on whichever server; its *grant* is its own. Nothing
//! here knows a wire protocol.

mod analysis;
mod asked;
mod connection;
mod deciding;
mod decrypt;
mod end;
mod ending;
mod finding;
mod gathered;
mod grant;
mod granted;
mod grants;
mod justification;
mod list;
mod listing;
mod marker;
mod mode;
mod opener;
mod part;
mod probe;
mod proof;
mod request;
mod requests;
mod review;
mod rights;
mod rule;
mod shared;
mod showing;
mod statements;
mod step;
mod summary;
mod telling;
mod view;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

pub use analysis::SessionFindings;
pub use asked::{ASK_THE_PERSON, DecryptRequest, SUBJECTS_MAX};
pub use connection::Connection;
pub use gathered::Statement;
pub use grant::Granted;
pub use grants::{GrantQuery, ListedGrant};
pub use list::{LIST_MAX, ListedSession, SEARCH_MAX, SessionList, SessionQuery};
pub use mode::{Mode, Status};
pub use opener::{Moment, Opener};
pub use requests::{GRANT_REQUESTS_MAX, RequestState, RequestView};
pub use rights::Rights;
pub use statements::Permit;
pub use summary::{Counts, ReasonCounts, ReviewerCounts, SourceCounts, Summary};
pub use view::{GrantView, NoteView, SessionView, StepPage, StepQuery, StepView};

use crate::{GrantId, PrincipalName, SessionId, SourceName, SubjectRef, TokenId};
pub(crate) use deciding::over;
use grant::LiveGrant;
use justification::LiveSession;
pub(crate) use justification::{Reason, check_reason};
pub(crate) use listing::Listing;
pub(crate) use step::SessionReader;

/// What a justification holds for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Desk {
    principal: PrincipalName,
    token: TokenId,
    address: String,
    source: SourceName,
}

/// How long one entry covers what one person reads of one session.
const READING: Duration = Duration::from_secs(300);

/// The sessions and grants that are live on this server. Others are found through the shared stores when somebody here
/// needs them.
#[derive(Default)]
pub(crate) struct Sessions {
    live: Mutex<HashMap<SessionId, (Desk, Arc<LiveSession>)>>,
    grants: Mutex<HashMap<GrantId, Weak<LiveGrant>>>,
    /// Who reads which session, and since when. It holds what was read within one [`READING`] alone.
    readings: Mutex<HashMap<(PrincipalName, SessionId), Duration>>,
    /// Sessions of which a finding is on record, as far as this server knows.
    reported: Mutex<HashSet<SessionId>>,
    /// Ended, and the other servers do not know it yet.
    untold: Mutex<Vec<SessionId>>,
    /// Telling people what they are asked: one at a time.
    telling: tokio::sync::Mutex<()>,
    /// Whom this server told.
    told: Mutex<telling::Told>,
}

impl Sessions {
    /// The newest session at a desk.
    fn justified(&self, desk: &Desk) -> Option<Arc<LiveSession>> {
        let live = lock(&self.live);
        let at_desk = live.values().filter(|(at, _)| at == desk);
        at_desk
            .map(|(_, session)| session)
            .max_by_key(|session| session.started_at())
            .cloned()
    }

    /// Every session is kept, also a second one at the same desk: what ends a token must find both. Answers the one that
    /// is kept: of one id there is one, or what ends it would miss the other.
    fn remember(&self, desk: Desk, session: Arc<LiveSession>) -> Arc<LiveSession> {
        let mut live = lock(&self.live);
        let (_, kept) = live.entry(session.id()).or_insert((desk, session));
        Arc::clone(kept)
    }

    fn forget(&self, session: SessionId) {
        lock(&self.live).remove(&session);
    }

    /// Answers the grant that is kept, which may be one that another connection has just found.
    fn remember_grant(&self, grant: Arc<LiveGrant>) -> Arc<LiveGrant> {
        let mut grants = lock(&self.grants);
        grants.retain(|_, known| known.strong_count() > 0);
        if let Some(kept) = grants.get(&grant.id()).and_then(Weak::upgrade) {
            return kept;
        }
        grants.insert(grant.id(), Arc::downgrade(&grant));
        grant
    }

    fn grant(&self, id: GrantId) -> Option<Arc<LiveGrant>> {
        lock(&self.grants).get(&id).and_then(Weak::upgrade)
    }

    /// Ends a grant at once, also in the middle of a result.
    pub(crate) fn end_grant(&self, id: GrantId) {
        if let Some(grant) = self.grant(id) {
            grant.end();
        }
    }

    /// Ends what rests on a revoked token.
    pub(crate) fn end_token(&self, token: TokenId) {
        for (desk, session) in lock(&self.live).values() {
            if desk.token != token {
                continue;
            }
            // It stays among the live ones until its end is on record.
            session.stop("its token was revoked");
            self.end_grants_of(session.id());
        }
    }

    /// Lets go of a session that another server ended.
    pub(crate) fn end_session(&self, id: SessionId) {
        let ended = lock(&self.live).remove(&id);
        if let Some((_, session)) = ended {
            // Its connections write what they have still to write, and state a reason again.
            session.stop("it was ended on another server");
            self.end_grants_of(id);
        }
    }

    /// Ends what was opened in a session.
    fn end_grants_of(&self, session: SessionId) {
        let grants = lock(&self.grants);
        let of_session = grants.values().filter_map(Weak::upgrade);
        of_session
            .filter(|grant| grant.session() == session)
            .for_each(|grant| grant.end());
    }

    /// Ends every grant for an erased subject.
    pub(crate) fn end_subject(&self, subject: SubjectRef) {
        let grants = lock(&self.grants);
        let of_subject = grants.values().filter_map(Weak::upgrade);
        of_subject
            .filter(|grant| grant.is_for(subject))
            .for_each(|grant| grant.end());
    }

    /// A session that goes on here.
    fn live(&self, id: SessionId) -> Option<Arc<LiveSession>> {
        lock(&self.live)
            .get(&id)
            .map(|(_, session)| Arc::clone(session))
    }

    /// Whether an entry covers what this person reads of the session now.
    fn is_being_read(&self, who: &PrincipalName, id: SessionId, now: Duration) -> bool {
        let readings = lock(&self.readings);
        let since = readings.get(&(who.clone(), id));
        since.is_some_and(|since| now.saturating_sub(*since) < READING)
    }

    /// A reading is on record.
    fn reads(&self, who: PrincipalName, id: SessionId, now: Duration) {
        let mut readings = lock(&self.readings);
        readings.retain(|_, since| now.saturating_sub(*since) < READING);
        readings.insert((who, id), now);
    }

    /// Justified sessions of this server.
    pub(crate) fn live_count(&self) -> usize {
        lock(&self.live).len()
    }
}

/// A panic elsewhere must not turn a lock into a second failure: the guarded maps are valid after any panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
