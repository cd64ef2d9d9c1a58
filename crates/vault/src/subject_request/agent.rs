//! Requests that an agent sends on behalf of people, whom it says it has verified. It names nobody but by what it knows of them, learns
//! nothing of them, and sees its own requests alone.

use privet_seal::Zeroizing;

use super::details::{RequestChannel, RequestOrigin};
use super::machine::SubjectRequestKind;
use super::view::RequestSummary;
use crate::audit::{EntryKind, Record};
use crate::policy::{Action, Decision};
use crate::port::SubjectRequestRow;
use crate::session::lock;
use crate::{
    Caller, Error, IssuedToken, Oid, PrincipalName, Result, SubjectName, SubjectRequestId, TokenId,
    Vault,
};

/// How long a token lives that an agent asked for.
const TOKEN_DAYS: u32 = 30;
/// What stands beside such a token in the list of tokens.
const NOTE: &str = "asked for by the agent";

/// What an agent asks for, for somebody.
pub struct AgentRequest {
    /// The request's id, made of the agent's message, so that the same message is the same request.
    pub id: SubjectRequestId,
    /// What is asked for.
    pub kind: SubjectRequestKind,
    /// By what the person is found: fields with a look-up, and the values that the agent verified. All that are known have to lead
    /// to the same person.
    pub claims: Vec<(String, Zeroizing<String>)>,
    /// How the identity was checked, in words.
    pub checked: Zeroizing<String>,
}

impl std::fmt::Debug for AgentRequest {
    // Who it is about is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentRequest")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Enters what an agent asks for; `None` if what it verified leads to nobody, or to several people. The same message again is
    /// answered as the first time.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::Conflict`] with code `request_running` when the person has such a request already, by whomever,
    /// [`Error::Limited`] with code `agent_limit` after many tries of which something led to nobody; else as [`Vault::request_access`].
    pub async fn request_by_agent(
        &self,
        caller: &Caller,
        request: AgentRequest,
    ) -> Result<Option<RequestSummary>> {
        let decision = self.permit_agent(caller).await?;
        if request.kind == SubjectRequestKind::Access {
            self.copies()?;
        }
        self.fresh()?;
        if let Some(row) = self.inner.keys.subject_request(request.id).await? {
            self.check_agent(caller, &row).await?;
            return Ok(Some(RequestSummary::new(&row, None, self.now())));
        }
        self.count_try(caller, &decision).await?;
        let Match { person, is_whole } = self.person_of(&request.claims).await?;
        if is_whole {
            let agent = caller.principal().name.as_str();
            lock(&self.inner.requests.misses).forgive(agent);
        }
        let Some(oid) = person else {
            let record = Record::by(EntryKind::RequestDenied, caller)
                .ruling(self.ruling(&decision))
                .reason("no_match");
            self.record(record).await?;
            return Ok(None);
        };
        let origin = RequestOrigin {
            channel: Some(RequestChannel::Agent),
            received_on: None,
            checked: Some(request.checked),
        };
        let name = SubjectName::Oid(oid);
        let entered =
            self.enter_request_as(caller, &decision, (&name, request.kind), origin, request.id);
        let entered = entered.await.map_err(|error| match error {
            // Whose request it is that runs, and its id, is not for this agent to know.
            Error::Conflict(reason) if reason.code == "request_running" => Error::conflict(
                "request_running",
                "this person has such a request already: wait until it is answered",
            ),
            error => error,
        })?;
        Ok(Some(RequestSummary {
            oid: None,
            ..entered
        }))
    }

    /// Where a request stands that this agent entered.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, and for every request that is not this agent's, known or not.
    pub async fn request_of_agent(
        &self,
        caller: &Caller,
        id: SubjectRequestId,
    ) -> Result<RequestSummary> {
        self.permit_agent(caller).await?;
        let row = self.agents_row(caller, id).await?;
        Ok(RequestSummary::new(&row, None, self.now()))
    }

    /// Takes a request back that this agent entered.
    ///
    /// # Errors
    /// As [`Vault::request_of_agent`], and [`Error::Conflict`] when it is too late.
    pub async fn cancel_by_agent(
        &self,
        caller: &Caller,
        id: SubjectRequestId,
    ) -> Result<RequestSummary> {
        let decision = self.permit_agent(caller).await?;
        self.agents_row(caller, id).await?;
        let cancelled = self.cancel_for(caller, &decision, id).await?;
        Ok(RequestSummary {
            oid: None,
            ..cancelled
        })
    }

    /// Issues a token to an agent whose signed message was checked; `id` is made of that message, which is good for one token.
    ///
    /// # Errors
    /// [`Error::Conflict`] for a message that came before, [`Error::Invalid`] for an agent that the policy bundle does not know.
    pub async fn token_for_agent(&self, agent: &PrincipalName, id: TokenId) -> Result<IssuedToken> {
        let issued = self.new_token_as(agent, TOKEN_DAYS, NOTE, id).await?;
        let record = Record::new(EntryKind::TokenIssued, crate::audit::Actor::System)
            .fact("principal", agent.as_str())
            .fact("token", issued.id.to_string());
        self.record(record).await?;
        Ok(issued)
    }

    /// Counts a try as a miss until it is known to be none.
    async fn count_try(&self, caller: &Caller, decision: &Decision) -> Result<()> {
        let now = self.inner.clock.monotonic();
        let agent = caller.principal().name.as_str();
        if lock(&self.inner.requests.misses).allows(agent, now) {
            return Ok(());
        }
        let record = Record::by(EntryKind::RequestDenied, caller)
            .ruling(self.ruling(decision))
            .reason("agent_limit");
        self.record(record).await?;
        Err(Error::limited(
            "agent_limit",
            "of too many requests within an hour, something that was verified led to nobody: wait an hour, then send this one again",
        ))
    }

    async fn permit_agent(&self, caller: &Caller) -> Result<Decision> {
        self.permit(caller, Action::ActForPeople, EntryKind::RequestDenied)
            .await
    }

    async fn agents_row(&self, caller: &Caller, id: SubjectRequestId) -> Result<SubjectRequestRow> {
        self.fresh()?;
        let row = self.inner.keys.subject_request(id).await?;
        let row = row.ok_or_else(another_agents)?;
        self.check_agent(caller, &row).await?;
        Ok(row)
    }

    /// Of a request that ended, who entered it is not known any more; then knowing its id is what counts, which is made of a message
    /// that only the agent and this server have seen.
    async fn check_agent(&self, caller: &Caller, row: &SubjectRequestRow) -> Result<()> {
        let details = self.request_details(row).await?;
        let is_agents = details.is_none_or(|details| {
            details.channel == RequestChannel::Agent
                && details.by.as_ref() == Some(&caller.principal().name)
        });
        match is_agents {
            true => Ok(()),
            false => Err(another_agents()),
        }
    }

    /// The only person whom all claims lead to that lead to anybody.
    async fn person_of(&self, claims: &[(String, Zeroizing<String>)]) -> Result<Match> {
        let mut person = None;
        let mut is_whole = true;
        for (field, value) in claims {
            let found = match self.holders(field, value).await {
                // What is no value of its field is nobody's.
                Err(Error::Invalid(reason)) if reason.code == "value_invalid" => Vec::new(),
                found => found?,
            };
            match (found.as_slice(), person) {
                ([], _) => is_whole = false,
                ([one], None) => person = Some(*one),
                ([one], Some(other)) if *one == other => {}
                _ => return Ok(Match::default()),
            }
        }
        Ok(Match {
            person,
            is_whole: is_whole && person.is_some(),
        })
    }
}

/// Whom claims lead to.
#[derive(Default)]
struct Match {
    person: Option<Oid>,
    /// Whether each of them does: else what is nobody's was tried out beside what is somebody's.
    is_whole: bool,
}

fn another_agents() -> Error {
    Error::denied(
        "not_your_request",
        "this is no request of yours: ask with the token of the agent that sent it",
    )
}
