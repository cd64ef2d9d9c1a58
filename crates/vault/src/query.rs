//! Questions to telemetry for a stated purpose. Where that rests on consent, they are answered from the events of the people
//! who agree at the moment the question starts, and of nobody else.

use std::sync::Arc;

use privet_classify::Basis;

use crate::audit::{EntryKind, Record};
use crate::consent::ConsentRule;
use crate::policy::Action;
use crate::port::{People, QueryAnswer, QueryEngine, QueryError, QueryFormat, QueryTask};
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, Result, Vault};

/// Bytes of a statement.
const SQL_BYTES_MAX: usize = 64 * 1024;

/// What somebody wants to know from telemetry.
#[derive(Clone)]
pub struct QueryOrder {
    /// What for, in the data map's words.
    pub purpose: String,
    /// One statement that reads.
    pub sql: String,
    /// How the answer is written.
    pub format: QueryFormat,
}

impl std::fmt::Debug for QueryOrder {
    // A statement may hold anything.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryOrder")
            .field("purpose", &self.purpose)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// An answer on its way; what was handed over is put on record when it ends, also when it is dropped before.
pub struct QueryRun {
    answer: Box<dyn QueryAnswer>,
    end: QueryEnd,
}

impl std::fmt::Debug for QueryRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryRun").finish_non_exhaustive()
    }
}

/// Puts the end on record, once: when it is told how it ended, or when it is dropped because whoever asked went away, also
/// before there was an answer.
struct QueryEnd {
    vault: Vault,
    record: Option<Record>,
    rows: u64,
    bytes: u64,
}

impl Vault {
    /// States what answers questions to telemetry, once. Without it there is none.
    pub fn answer_queries(&self, engine: Arc<dyn QueryEngine>) {
        // A second one would be a mistake of the binary's; the first stays.
        let _ = self.inner.queries.set(engine);
    }

    /// Asks telemetry. The entry with the statement is durable before it starts, and who agrees is found out after that, so
    /// that a withdrawal which was acknowledged before this call is always seen.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `query_invalid` for a statement that does not work, [`Error::Denied`] by policy,
    /// [`Error::Unready`] with code `telemetry_off` where no telemetry is kept.
    pub async fn query(&self, caller: &Caller, order: &QueryOrder) -> Result<QueryRun> {
        if order.sql.trim().is_empty() || order.sql.len() > SQL_BYTES_MAX {
            return Err(Error::invalid(
                "query_invalid",
                format!("a statement has 1 to {SQL_BYTES_MAX} bytes"),
            ));
        }
        let purpose = self.purpose(&order.purpose)?;
        let action = match purpose.basis {
            Basis::Consent => Action::Query,
            _ => Action::QueryEverybody,
        };
        let question = Question::about(action).purpose_if(Some(&order.purpose));
        let decision = self.decide(caller, &question)?;
        let ruling = self.ruling(&decision);
        if !decision.allowed {
            let record = Record::by(EntryKind::QueryDenied, caller);
            let record = record.purpose(&order.purpose).ruling(ruling);
            return Err(self.refuse(record, denied_by_policy(caller, action)).await);
        }
        let Some(engine) = self.inner.queries.get() else {
            return Err(Error::unready(
                "telemetry_off",
                "this server keeps no telemetry: ask its operator for a `[telemetry]` section in `privet.toml`",
            ));
        };
        self.fresh()?;
        let record = Record::by(EntryKind::QueryStarted, caller)
            .purpose(&order.purpose)
            .ruling(ruling)
            .fact("format", order.format.as_str())
            .personal("sql", order.sql.as_str());
        let started = self.record(record).await?;
        let record = Record::by(EntryKind::QueryFinished, caller)
            .purpose(&order.purpose)
            .fact("started", started);
        let mut end = QueryEnd {
            vault: self.clone(),
            record: Some(record),
            rows: 0,
            bytes: 0,
        };
        match self
            .answer_to(&**engine, ConsentRule::of(purpose)?, order)
            .await
        {
            Ok(answer) => Ok(QueryRun { answer, end }),
            Err(error) => {
                end.tell(error.code()).await?;
                Err(error)
            }
        }
    }

    async fn answer_to(
        &self,
        engine: &dyn QueryEngine,
        rule: Option<ConsentRule<'_>>,
        order: &QueryOrder,
    ) -> Result<Box<dyn QueryAnswer>> {
        let people = match rule {
            None => People::Everybody,
            Some(rule) => People::Agreeing(self.agreeing(&rule).await?),
        };
        let task = QueryTask {
            purpose: order.purpose.clone(),
            sql: order.sql.clone(),
            format: order.format,
            people,
        };
        engine.start(task).await.map_err(refusal)
    }
}

impl QueryRun {
    /// The next piece of the answer; `None` at the end, when its size is on record.
    ///
    /// # Errors
    /// [`Error::Limited`] when it takes more than it may, [`Error::Unready`] when what is read from does not answer. What was
    /// handed over until then is no whole answer.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let piece = self.answer.next().await.map_err(refusal);
        self.end.rows = self.answer.rows();
        match &piece {
            Ok(Some(bytes)) => self.end.bytes += bytes.len() as u64,
            Ok(None) => self.end.tell("whole").await?,
            Err(error) => self.end.tell(error.code()).await?,
        }
        piece
    }
}

impl QueryEnd {
    fn entry(&mut self, outcome: &'static str) -> Option<Record> {
        let record = self.record.take()?;
        let record = record.fact("outcome", outcome);
        Some(record.count("rows", self.rows).count("bytes", self.bytes))
    }

    async fn tell(&mut self, outcome: &'static str) -> Result<()> {
        match self.entry(outcome) {
            Some(entry) => self.vault.record(entry).await.map(drop),
            None => Ok(()),
        }
    }
}

impl Drop for QueryEnd {
    fn drop(&mut self) {
        // Outside a runtime nobody can have asked.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let Some(entry) = self.entry("left") else {
            return;
        };
        let vault = self.vault.clone();
        runtime.spawn(async move {
            if let Err(error) = vault.record(entry).await {
                tracing::warn!(%error, "the end of a query could not be put on record");
            }
        });
    }
}

fn refusal(error: QueryError) -> Error {
    match error {
        QueryError::Invalid(text) => Error::invalid("query_invalid", text),
        QueryError::Limit(text) => Error::limited("query_limit", text),
        QueryError::Unavailable(text) => Error::unready("query_unavailable", text),
    }
}
