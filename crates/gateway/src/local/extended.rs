//! The extended protocol: Parse, Bind, Describe, Execute, Close, Sync.

use privet_vault::port::{Described, SqlValue};

use super::Local;
use super::execute::answer_tag;
use super::expression::highest_parameter;
use super::prepared::{Portal, Progress, Statement, format_at, no_statement};
use super::rows::Shape;
use crate::answer::Answer;
use crate::fault::Fault;
use crate::frame::{Bind, Target};
use crate::session::{Halt, Session};
use crate::statement::{Plan, Session as Setting};
use crate::text::{self, Token};
use crate::value;

impl Local {
    pub(super) async fn parse(
        &mut self,
        name: String,
        sql: String,
        types: Vec<u32>,
    ) -> Result<(), Halt> {
        self.abandon_active().await?;
        if name.is_empty() {
            // Gone even if the new one fails: a client must not bind a statement that it believes replaced.
            self.prepared.remove_statement("");
        }
        let tokens = text::tokens(&sql);
        crate::commands::find(&tokens)?;
        let plan = self.plan_one(&tokens)?;
        if !matches!(plan, Plan::Transaction(_)) {
            self.refuse_if_failed()?;
        }
        self.session.gate(&plan, &sql, &tokens)?;
        let (described, sql) = match plan {
            Plan::Run if !self.answers_liveness(&sql, &tokens) => {
                // Markers are replaced here and not at each execution: nothing of them reaches the engine.
                let (sql, _) = self.session.without_markers(&sql, &[]).await?;
                (Some(self.described(&sql).await?), sql)
            }
            _ => (None, sql.clone()),
        };
        let count = match (&described, &plan) {
            (Some(described), _) => usize::from(described.parameters),
            (None, Plan::Call(call)) => usize::from(call.parameters),
            (None, _) => highest_parameter(&tokens),
        };
        let stated = (0..count).map(|index| types.get(index).copied().unwrap_or(0));
        let types = stated.map(value::parameter_oid).collect();
        self.prepared.add_statement(
            name,
            Statement {
                sql,
                plan,
                types,
                described,
                told: None,
            },
        )?;
        self.session.wire.out.parse_complete();
        Ok(())
    }

    /// The plan of a text that must hold one statement at most. Where a trigger ends only the engine knows.
    fn plan_one(&self, tokens: &[Token<'_>]) -> Result<Plan, Fault> {
        let mut statements = text::statements(tokens);
        let plan = Plan::of(statements.next().unwrap_or_default())?;
        let is_trigger = tokens.iter().take(4).any(|token| token.is_word("trigger"));
        if statements.next().is_some() && !(plan == Plan::Run && is_trigger) {
            return Err(Fault::error(
                "42601",
                "cannot insert multiple commands into a prepared statement",
            ));
        }
        Ok(plan)
    }

    /// The engine's description of one statement.
    async fn described(&mut self, sql: &str) -> Result<Described, Halt> {
        let Session {
            wire,
            running,
            stopping,
            connection,
            ..
        } = &mut self.session;
        let runner = self.engine.runner(connection).await?;
        running.begin_ours(runner.canceller());
        let described = Session::watched(wire, running, stopping, runner.describe(sql)).await;
        self.session.running.end();
        let described = described?.map_err(|error| self.engine.failed(error))?;
        Ok(described
            .map(|(described, _)| described)
            .unwrap_or_default())
    }

    pub(super) async fn bind(&mut self, bind: Bind) -> Result<(), Halt> {
        let statement = self.prepared.statement(&bind.statement)?;
        let count = statement.types.len();
        if bind.parameters.len() != count {
            let message = format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {count}",
                bind.parameters.len(),
                bind.statement
            );
            return Err(Fault::error("08P01", message).into());
        }
        if bind.formats.len() > 1 && bind.formats.len() != count {
            let message = format!(
                "bind message has {} parameter formats but {count} parameters",
                bind.formats.len()
            );
            return Err(Fault::error("08P01", message).into());
        }
        let mut parameters = Vec::with_capacity(count);
        for (index, (bytes, oid)) in bind.parameters.iter().zip(&statement.types).enumerate() {
            let format = format_at(&bind.formats, index);
            parameters.push(value::decode(bytes.as_deref(), *oid, format, index + 1)?);
        }
        let portal = Portal {
            sql: statement.sql.clone(),
            plan: statement.plan.clone(),
            described: statement.described.clone(),
            parameters,
            shape: Shape {
                told: statement.told.clone(),
                formats: bind.result_formats,
            },
            progress: Progress::Bound,
        };
        if bind.portal.is_empty() {
            self.close_portal("").await?;
        }
        self.prepared.add_portal(bind.portal, portal)?;
        self.session.wire.out.bind_complete();
        Ok(())
    }

    /// The answer to a plan that the gateway answers with rows, if it is one.
    pub(super) async fn made(
        &mut self,
        plan: &Plan,
        sql: &str,
        parameters: &[SqlValue],
    ) -> Result<Option<Answer>, Halt> {
        let tokens = text::tokens(sql);
        let tokens = text::first_statement(&tokens);
        Ok(match plan {
            Plan::Facts | Plan::Catalog => {
                Some(self.own_answer(plan, sql, tokens, parameters).await?)
            }
            Plan::Session(setting @ (Setting::Show(_) | Setting::ShowAll)) => {
                Some(self.session.facts().show(setting)?)
            }
            Plan::Call(call) if call.procedure == crate::commands::Procedure::Status => {
                self.call(crate::commands::Command::Status).await?
            }
            Plan::Run if self.answers_liveness(sql, tokens) => {
                Some(self.session.facts().select(tokens)?)
            }
            _ => None,
        })
    }

    pub(super) async fn begin_portal(&mut self, portal: &mut Portal) -> Result<(), Halt> {
        let described = portal.described.as_ref();
        let writes = described.is_some_and(|described| !described.read_only);
        // One statement up to Sync is its own transaction. More of them stand or fall together, as in PostgreSQL.
        if writes && self.engine.transaction.is_idle() && !self.session.wire.next_is(b'S') {
            self.engine.transaction.open("BEGIN", false, true);
        }
        let cursor = self
            .start(&portal.sql, &portal.parameters, &portal.shape)
            .await?;
        portal.progress = Progress::Running(Box::new(cursor));
        Ok(())
    }

    pub(super) async fn execute(&mut self, name: &str, rows_max: u32) -> Result<(), Halt> {
        let mut portal = self.prepared.take_portal(name)?;
        let executed = self.execute_portal(&mut portal, rows_max).await;
        if executed.is_err() && matches!(portal.progress, Progress::Running(_)) {
            portal.progress = Progress::Ended;
        }
        self.prepared.put_portal(name, portal);
        executed
    }

    async fn execute_portal(&mut self, portal: &mut Portal, rows_max: u32) -> Result<(), Halt> {
        if let Progress::Bound = portal.progress {
            self.begin_or_do(portal).await?;
            if let Progress::Done(_) = portal.progress {
                return Ok(());
            }
        }
        match &mut portal.progress {
            Progress::Running(cursor) => {
                let pumped = self.pump(cursor, rows_max).await;
                if let Ok(false) = pumped {
                    self.session.wire.out.portal_suspended();
                    return Ok(());
                }
                let finished = self.finish(cursor).await;
                pumped?;
                let changed = finished?;
                let tag = Self::tag(cursor, changed);
                self.session.wire.out.command_complete(&tag);
            }
            Progress::Answered(answer, sent) => {
                let columns = portal.shape.columns(&answer.columns)?;
                let limit = if rows_max == 0 {
                    usize::MAX
                } else {
                    usize::try_from(rows_max).unwrap_or(usize::MAX)
                };
                let rest = answer.rows.get(*sent..).unwrap_or_default();
                let now = rest.get(..limit.min(rest.len())).unwrap_or_default();
                value::send_rows(now, &columns, &mut self.session.wire.out)?;
                *sent += now.len();
                if now.len() == limit {
                    self.session.wire.out.portal_suspended();
                    return Ok(());
                }
                self.session.wire.out.command_complete(&answer_tag(answer));
            }
            Progress::Done(tag) => {
                self.session.wire.out.command_complete(tag);
                return Ok(());
            }
            Progress::Ended => {
                let fault = Fault::error(
                    "34000",
                    "the portal ended because another statement ran meanwhile",
                );
                return Err(fault
                    .hint("fetch all rows before the next statement, or use another connection")
                    .into());
            }
            Progress::Bound => return Ok(()),
        }
        // A finished portal has no more rows, however often it is asked.
        portal.progress = Progress::Done("SELECT 0".to_owned());
        Ok(())
    }

    /// Starts the engine's statements; everything else is done at once, and answered if it shows no rows.
    async fn begin_or_do(&mut self, portal: &mut Portal) -> Result<(), Halt> {
        let tokens = text::tokens(&portal.sql);
        let tokens = text::first_statement(&tokens);
        // The mode may have changed since the statement was prepared.
        self.session.gate(&portal.plan, &portal.sql, tokens)?;
        if portal.described.is_some() {
            return self.begin_portal(portal).await;
        }
        if let Some(answer) = self
            .made(&portal.plan, &portal.sql, &portal.parameters)
            .await?
        {
            portal.progress = Progress::Answered(answer, 0);
            return Ok(());
        }
        let tag = match &portal.plan {
            Plan::Call(call) => {
                self.call(call.bind(&portal.parameters)?).await?;
                "CALL"
            }
            Plan::Transaction(what) => {
                self.note(&portal.sql, &[]).await?;
                self.transact(what).await?
            }
            Plan::Session(setting) => {
                self.note(&portal.sql, &[]).await?;
                self.set(setting).await?
            }
            Plan::Run => {
                // Described before a reason was stated, when only liveness checks pass.
                return Err(Fault::error("26000", "the statement must be prepared again").into());
            }
            Plan::Empty | Plan::Facts | Plan::Catalog => {
                self.session.wire.out.empty_query();
                portal.progress = Progress::Done("SELECT 0".to_owned());
                return Ok(());
            }
        };
        self.session.wire.out.command_complete(tag);
        portal.progress = Progress::Done(tag.to_owned());
        Ok(())
    }

    pub(super) async fn close(&mut self, target: Target) -> Result<(), Halt> {
        match target {
            Target::Statement(name) => {
                self.prepared.remove_statement(&name);
            }
            Target::Portal(name) => self.close_portal(&name).await?,
        }
        self.session.wire.out.close_complete();
        Ok(())
    }

    async fn close_portal(&mut self, name: &str) -> Result<(), Halt> {
        if let Some(Portal {
            progress: Progress::Running(mut cursor),
            ..
        }) = self.prepared.remove_portal(name)
        {
            self.finish(&mut cursor).await?;
        }
        Ok(())
    }

    /// Ends a run of extended messages: what was begun for it ends, portals outside of transactions are gone.
    pub(super) async fn sync(&mut self) -> Result<(), Halt> {
        self.skipping = false;
        let transaction = &self.engine.transaction;
        if transaction.is_idle() || transaction.is_implicit() {
            self.abandon_active().await?;
            self.prepared.forget_portals();
        }
        if self.engine.transaction.is_implicit() {
            match self.commit().await {
                Ok(_) => {}
                Err(Halt::End(end)) => return Err(Halt::End(end)),
                Err(Halt::Fault(fault)) => self.session.wire.out.error(&fault),
            }
        }
        self.ready();
        Ok(())
    }

    /// Ends the statement that a portal still runs: the runner runs one at a time.
    pub(super) async fn abandon_active(&mut self) -> Result<(), crate::stream::End> {
        let Some(mut cursor) = self.prepared.take_running() else {
            return Ok(());
        };
        match self.finish(&mut cursor).await {
            Err(Halt::End(end)) => Err(end),
            Ok(_) | Err(Halt::Fault(_)) => Ok(()),
        }
    }

    pub(super) async fn forget_unnamed(&mut self) -> Result<(), Halt> {
        self.close_portal("").await?;
        self.prepared.remove_statement("");
        Ok(())
    }

    pub(super) async fn forget_all(&mut self) -> Result<(), Halt> {
        self.abandon_active().await?;
        self.prepared.forget_portals();
        self.prepared.forget_statements();
        Ok(())
    }

    pub(super) fn deallocate(&mut self, name: Option<&str>) -> Result<(), Fault> {
        match name {
            None => self.prepared.forget_statements(),
            Some(name) => {
                if !self.prepared.remove_statement(name) {
                    return Err(no_statement(name));
                }
            }
        }
        Ok(())
    }
}
