//! The rest of the API: for those who run Privet, audit it and approve, and for their tools.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use privet_wire::{
    AdoptRequest, CommentRequest, Decide, GrantId, GrantList, GrantQuery, GrantRequestId,
    GrantRequestList, IssueToken, IssuedToken, Job, JobId, JobStarted, LogPage, LogQuery,
    LogStatus, LoginLink, RequestRun, ReviewRequest, RevokeGrant, SessionDetail, SessionFindings,
    SessionId, SessionPage, SessionQuery, SessionSearch, StepQuery, Summary, SummaryQuery, TokenId,
    TokenList, UndoRequest, UndoRequested,
};

use crate::call::Call;
use crate::retry::Repeat;
use crate::{Client, Error};

/// Tokens, sessions, grants, adoptions and the audit log: see [`Client::operations`].
///
/// ```
/// # async fn example(client: privet::Client) -> Result<(), privet::Error> {
/// let operations: privet::Operations<'_> = client.operations();
/// println!("{} entries", operations.log_status().await?.size);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Operations<'a>(&'a Client);

impl Client {
    /// What operators, auditors and approvers do, as their policies allow.
    ///
    /// ```no_run
    /// # async fn run(client: privet::Client) -> Result<(), privet::Error> {
    /// for token in client.operations().tokens().await?.tokens {
    ///     println!("{} {:?}", token.principal, token.state);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn operations(&self) -> Operations<'_> {
        Operations(self)
    }
}

fn post(template: &'static str) -> Call {
    Call::new(Method::POST, template, Repeat::Undone)
}

/// Every call fails as [`Client::whoami`] does.
#[expect(
    clippy::missing_errors_doc,
    reason = "they all fail in the same ways, which stand at `Client::whoami`"
)]
impl Operations<'_> {
    /// Every token, newest first.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// use privet::wire::TokenState;
    ///
    /// let tokens = operations.tokens().await?.tokens;
    /// let live = tokens.iter().filter(|token| token.state == TokenState::Live).count();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn tokens(&self) -> Result<TokenList, Error> {
        self.0.call(Call::get("/v1/tokens")).await
    }

    /// Issues a token. Its text is shown this once.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let order = privet::wire::IssueToken { principal: "mailer".to_owned(), days: 90, note: "in CI".to_owned() };
    /// let issued = operations.issue_token(&order).await?;
    /// println!("until {}", issued.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn issue_token(&self, token: &IssueToken) -> Result<IssuedToken, Error> {
        self.0.call(post("/v1/tokens").json(token)?).await
    }

    /// Revokes a token: it ends at once.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::TokenId) -> Result<(), privet::Error> {
    /// operations.revoke_token(id).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), Error> {
        let call = Call::new(Method::DELETE, "/v1/tokens/{id}", Repeat::Undone);
        self.0.call(call.id(id)).await
    }

    /// A link that logs its holder in to the pages, once.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let link = operations.login_link().await?;
    /// println!("until {}", link.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn login_link(&self) -> Result<LoginLink, Error> {
        self.0.call(post("/v1/login-links")).await
    }

    /// Sessions of the protected console, newest first.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// use privet::wire::{SessionQuery, Verdict};
    ///
    /// let pending = SessionQuery { verdict: Some(Verdict::Pending), ..SessionQuery::default() };
    /// println!("{} to review", operations.sessions(&pending).await?.sessions.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sessions(&self, query: &SessionQuery) -> Result<SessionPage, Error> {
        self.0.call(Call::get("/v1/sessions").query(query)?).await
    }

    /// Sessions with a text in their reason.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// use privet::wire::{Personal, SessionQuery, SessionSearch};
    ///
    /// let search = SessionSearch { text: Personal::new("ticket 4711"), filter: SessionQuery::default() };
    /// let found = operations.search_sessions(&search).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn search_sessions(&self, search: &SessionSearch) -> Result<SessionPage, Error> {
        let call = Call::new(Method::POST, "/v1/sessions/search", Repeat::Harmless);
        self.0.call(call.json(search)?).await
    }

    /// One session with what was done in it.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::SessionId) -> Result<(), privet::Error> {
    /// let detail = operations.session(id, &privet::wire::StepQuery::default()).await?;
    /// println!("{} statements", detail.statements.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn session(&self, id: SessionId, steps: &StepQuery) -> Result<SessionDetail, Error> {
        let call = Call::get("/v1/sessions/{id}").id(id).query(steps)?;
        self.0.call(call).await
    }

    /// The proof that a session's entries are in the log: a bundle (`docs/formats/proof-bundles.md`).
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::SessionId) -> Result<(), privet::Error> {
    /// let bundle: bytes::Bytes = operations.session_proof(id).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn session_proof(&self, id: SessionId) -> Result<Bytes, Error> {
        let call = Call::get("/v1/sessions/{id}/proof").id(id);
        self.0.call_bytes(call).await
    }

    /// A verdict on a session.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::SessionId) -> Result<(), privet::Error> {
    /// use privet::wire::{ReviewRequest, Verdict};
    ///
    /// operations.review(id, &ReviewRequest { verdict: Verdict::Approved, note: None }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn review(&self, id: SessionId, review: &ReviewRequest) -> Result<(), Error> {
        let call = post("/v1/sessions/{id}/review").id(id).json(review)?;
        self.0.call(call).await
    }

    /// A comment on a session.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::SessionId) -> Result<(), privet::Error> {
    /// use privet::wire::{CommentRequest, Personal};
    ///
    /// operations.comment(id, &CommentRequest { text: Personal::new("which ticket was this?") }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn comment(&self, id: SessionId, comment: &CommentRequest) -> Result<(), Error> {
        let call = post("/v1/sessions/{id}/comments").id(id).json(comment)?;
        self.0.call(call).await
    }

    /// Carries out at once what people asked for and what waits for the daily batch, and waits until that is done.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// println!("{} people erased", operations.run_requests().await?.erased);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run_requests(&self) -> Result<RequestRun, Error> {
        loop {
            let call = Call::new(Method::POST, "/v1/requests/run", Repeat::Harmless);
            let run: RequestRun = self.0.call(call).await?;
            if !run.running {
                return Ok(run);
            }
        }
    }

    /// Grants, newest first.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let live = privet::wire::GrantQuery { live: true, ..Default::default() };
    /// for listed in operations.grants(&live).await?.grants {
    ///     println!("{} until {}", listed.principal, listed.grant.ends_at);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn grants(&self, query: &GrantQuery) -> Result<GrantList, Error> {
        self.0.call(Call::get("/v1/grants").query(query)?).await
    }

    /// Ends a grant, also in the middle of a result.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::GrantId) -> Result<(), privet::Error> {
    /// operations.revoke_grant(id, &privet::wire::RevokeGrant { note: None }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn revoke_grant(&self, id: GrantId, why: &RevokeGrant) -> Result<(), Error> {
        let call = post("/v1/grants/{id}/revoke").id(id).json(why)?;
        self.0.call(call).await
    }

    /// Requests for a second person's approval.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// println!("{} wait for somebody", operations.grant_requests().await?.requests.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn grant_requests(&self) -> Result<GrantRequestList, Error> {
        self.0.call(Call::get("/v1/grant-requests")).await
    }

    /// Approves a request of somebody else.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::GrantRequestId) -> Result<(), privet::Error> {
    /// operations.approve(id, &privet::wire::Decide { note: None }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn approve(&self, id: GrantRequestId, note: &Decide) -> Result<(), Error> {
        let call = post("/v1/grant-requests/{id}/approve").id(id);
        self.0.call(call.json(note)?).await
    }

    /// Denies a request, or takes one's own back.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::GrantRequestId) -> Result<(), privet::Error> {
    /// use privet::wire::{Decide, Personal};
    ///
    /// operations.deny(id, &Decide { note: Some(Personal::new("ask the customer first")) }).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn deny(&self, id: GrantRequestId, note: &Decide) -> Result<(), Error> {
        let call = post("/v1/grant-requests/{id}/deny").id(id).json(note)?;
        self.0.call(call).await
    }

    /// What happened in a period. The format is JSON, whatever the query says.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let fortnight = operations.summary(&privet::wire::SummaryQuery::default()).await?;
    /// println!("{} to {}", fortnight.from, fortnight.before);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn summary(&self, query: &SummaryQuery) -> Result<Summary, Error> {
        let query = SummaryQuery {
            format: privet_wire::SummaryFormat::Json,
            ..query.clone()
        };
        self.0.call(Call::get("/v1/summary").query(&query)?).await
    }

    /// What the analysis of sessions points out.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// println!("{} overdue", operations.findings().await?.overdue.len());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn findings(&self) -> Result<SessionFindings, Error> {
        self.0.call(Call::get("/v1/findings")).await
    }

    /// Starts sealing a source's columns in place, or only looks.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// use privet::wire::AdoptRequest;
    ///
    /// let look = AdoptRequest { dry_run: true, max_rate: None, rewrite: false };
    /// let job = operations.adopt("shop", &look).await?.job;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn adopt(&self, source: &str, order: &AdoptRequest) -> Result<JobStarted, Error> {
        let call = post("/v1/sources/{name}/adopt").id(segment(source)?);
        self.0.call(call.json(order)?).await
    }

    /// Asks for an adoption to be taken back.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let why = privet::wire::UndoRequest { reason: "the wrong column".to_owned() };
    /// println!("to be approved by {}", operations.undo("shop", &why).await?.until);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn undo(&self, source: &str, why: &UndoRequest) -> Result<UndoRequested, Error> {
        let call = post("/v1/sources/{name}/undo").id(segment(source)?);
        self.0.call(call.json(why)?).await
    }

    /// Approves what another person asked for, which starts it.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::JobId) -> Result<(), privet::Error> {
    /// let started = operations.approve_job(id).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn approve_job(&self, id: JobId) -> Result<JobStarted, Error> {
        self.0.call(post("/v1/jobs/{id}/approve").id(id)).await
    }

    /// Where a job stands.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>, id: privet::wire::JobId) -> Result<(), privet::Error> {
    /// let job = operations.job(id).await?;
    /// println!("{} of {}", job.done, job.total);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn job(&self, id: JobId) -> Result<Job, Error> {
        self.0.call(Call::get("/v1/jobs/{id}").id(id)).await
    }

    /// The state of the audit log.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// println!("{} entries", operations.log_status().await?.size);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_status(&self) -> Result<LogStatus, Error> {
        self.0.call(Call::get("/v1/audit/state")).await
    }

    /// Entries of the audit log. A query that waits for new ones has that much longer.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let next = privet::wire::LogQuery { first: Some(100), wait_seconds: Some(20), ..Default::default() };
    /// for entry in operations.log_entries(&next).await?.entries {
    ///     println!("{}: {}", entry.index, entry.entry);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_entries(&self, query: &LogQuery) -> Result<LogPage, Error> {
        let wait = Duration::from_secs(query.wait_seconds.unwrap_or_default().into());
        let call = Call::get("/v1/audit/entries").query(query)?;
        self.0.with_patience(wait).call(call).await
    }

    /// The newest signed checkpoint (C2SP signed note).
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let note: bytes::Bytes = operations.log_checkpoint().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_checkpoint(&self) -> Result<Bytes, Error> {
        self.0.call_bytes(Call::get("/v1/audit/checkpoint")).await
    }

    /// A tile of hashes or a bundle of entries (C2SP tlog-tiles), by its path, such as `0/000` or `entries/000.p/17`.
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let first = operations.log_tile("0/000").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_tile(&self, path: &str) -> Result<Bytes, Error> {
        for part in path.split('/') {
            segment(part)?;
        }
        self.0
            .call_bytes(Call::get("/v1/audit/tile/{*path}").id(path))
            .await
    }

    /// The proof that an entry is in the log (C2SP tlog-proof).
    ///
    /// ```
    /// # async fn example(operations: privet::Operations<'_>) -> Result<(), privet::Error> {
    /// let proof = operations.log_proof(42).await?;
    /// assert!(proof.starts_with(b"c2sp.org/tlog-proof@v1"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_proof(&self, index: u64) -> Result<Bytes, Error> {
        let call = Call::get("/v1/audit/proof/{index}").id(index);
        self.0.call_bytes(call).await
    }
}

/// A name that stands in a path as it is.
fn segment(name: &str) -> Result<&str, Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain) {
        true => Ok(name),
        false => Err(Error::setting(
            "a name in a path is of letters, digits, `_`, `-` and `.`",
        )),
    }
}
