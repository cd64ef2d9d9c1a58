//! The simple protocol: one message, any number of statements, all or nothing.

use super::Local;
use super::rows::Shape;
use crate::commands;
use crate::fault::Fault;
use crate::session::{Halt, Session};
use crate::statement::{Plan, Session as Setting};
use crate::text::{self, Token};

impl Local {
    /// Answers a Query message, with its ReadyForQuery.
    pub(super) async fn query(&mut self, sql: String) -> Result<(), Halt> {
        // As in PostgreSQL, the unnamed statement and portal do not survive a simple query.
        self.forget_unnamed().await?;
        match self.statements(&sql).await {
            Ok(()) => {}
            Err(Halt::End(end)) => return Err(Halt::End(end)),
            Err(Halt::Fault(fault)) => self.fail(&fault, false).await?,
        }
        self.ready();
        Ok(())
    }

    async fn statements(&mut self, sql: &str) -> Result<(), Halt> {
        let tokens = text::tokens(sql);
        // Looked for in the whole message first: nothing of it runs when a call is not alone.
        commands::find(&tokens)?;
        let count = text::statements(&tokens).count();
        if count == 0 {
            self.session.wire.out.empty_query();
            return Ok(());
        }
        let mut rest = tokens.as_slice();
        while let Some(start) = rest.iter().position(|token| !token.is_symbol(';')) {
            rest = rest.get(start..).unwrap_or_default();
            let length = self.statement_length(sql, rest).await?;
            let (statement, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            if count > 1 && self.engine.transaction.is_idle() {
                // Several statements of one message stand or fall together.
                self.engine.transaction.open("BEGIN", false, true);
            }
            self.statement(text::source(sql, statement), statement)
                .await?;
        }
        if self.engine.transaction.is_implicit() {
            self.commit().await?;
        }
        Ok(())
    }

    /// How many tokens the first statement takes. A trigger has semicolons inside; only the engine knows its end.
    async fn statement_length(&mut self, sql: &str, tokens: &[Token<'_>]) -> Result<usize, Halt> {
        let short = tokens
            .iter()
            .position(|token| token.is_symbol(';'))
            .unwrap_or(tokens.len());
        let head = tokens.get(..4).unwrap_or(tokens);
        let is_trigger = head.first().is_some_and(|first| first.is_word("create"))
            && head.iter().any(|token| token.is_word("trigger"));
        if !is_trigger || self.session.connection.mode() == privet_vault::Mode::Unjustified {
            return Ok(short);
        }
        self.abandon_active().await?;
        let from = tokens.first().map_or(0, |token| token.start);
        let text = sql.get(from..).unwrap_or_default();
        let Session {
            wire,
            running,
            stopping,
            connection,
            ..
        } = &mut self.session;
        let runner = self.engine.runner(connection).await?;
        let described = Session::watched(wire, running, stopping, runner.describe(text)).await?;
        // What the engine does not understand it will say again when it is to run it.
        let Ok(Some((_, bytes))) = described else {
            return Ok(short);
        };
        let length = tokens
            .iter()
            .position(|token| token.start >= from + bytes)
            .unwrap_or(tokens.len());
        Ok(length.max(1))
    }

    async fn statement(&mut self, sql: &str, tokens: &[Token<'_>]) -> Result<(), Halt> {
        let plan = Plan::of(tokens)?;
        self.session.gate(&plan, sql, tokens)?;
        match plan {
            Plan::Empty => {}
            Plan::Call(call) => {
                let command = call.bind(&[])?;
                let answer = self.call(command).await?;
                match answer {
                    Some(answer) => self.answer(&answer)?,
                    None => self.session.wire.out.command_complete("CALL"),
                }
            }
            Plan::Transaction(what) => {
                self.note(sql, &[]).await?;
                let tag = self.transact(&what).await?;
                self.session.wire.out.command_complete(tag);
            }
            Plan::Session(setting) => {
                self.note(sql, &[]).await?;
                self.setting(&setting).await?;
            }
            Plan::Facts | Plan::Catalog => {
                let answer = self.own_answer(&plan, sql, tokens, &[]).await?;
                self.answer(&answer)?;
            }
            Plan::Run if self.answers_liveness(sql, tokens) => {
                let answer = self.session.facts().select(tokens)?;
                self.answer(&answer)?;
            }
            Plan::Run => self.run(sql).await?,
        }
        Ok(())
    }

    async fn run(&mut self, sql: &str) -> Result<(), Halt> {
        let mut cursor = self.start(sql, &[], &Shape::default()).await?;
        if !cursor.columns.is_empty() {
            self.session.wire.out.row_description(&cursor.columns);
        }
        let pumped = self.pump(&mut cursor, 0).await;
        let finished = self.finish(&mut cursor).await;
        pumped?;
        let tag = Self::tag(&cursor, finished?);
        self.session.wire.out.command_complete(&tag);
        Ok(())
    }

    async fn setting(&mut self, setting: &Setting) -> Result<(), Halt> {
        match setting {
            Setting::Show(_) | Setting::ShowAll => {
                let answer = self.session.facts().show(setting)?;
                self.answer(&answer)
            }
            other => {
                let tag = self.set(other).await?;
                self.session.wire.out.command_complete(tag);
                Ok(())
            }
        }
    }

    /// Changes settings; answers the tag.
    pub(super) async fn set(&mut self, setting: &Setting) -> Result<&'static str, Halt> {
        self.refuse_if_failed()?;
        let (changed, tag) = match setting {
            Setting::Set { name, value, tag } => {
                let changed = self.session.settings.set(name, value.as_deref())?;
                (changed.into_iter().collect(), *tag)
            }
            Setting::ResetAll => (self.session.settings.reset(), "RESET"),
            Setting::Discard(all) => {
                if *all && !self.engine.transaction.is_idle() {
                    return Err(Fault::error(
                        "25001",
                        "DISCARD ALL cannot run inside a transaction block",
                    )
                    .into());
                }
                if *all {
                    self.forget_all().await?;
                }
                (
                    if *all {
                        self.session.settings.reset()
                    } else {
                        Vec::new()
                    },
                    if *all { "DISCARD ALL" } else { "DISCARD" },
                )
            }
            Setting::Deallocate(name) => {
                self.deallocate(name.as_deref())?;
                (
                    Vec::new(),
                    if name.is_some() {
                        "DEALLOCATE"
                    } else {
                        "DEALLOCATE ALL"
                    },
                )
            }
            Setting::Nothing(tag) => (Vec::new(), *tag),
            Setting::Show(_) | Setting::ShowAll => (Vec::new(), "SHOW"),
        };
        for name in changed {
            let value = self
                .session
                .settings
                .value(name)
                .unwrap_or_default()
                .to_owned();
            self.session.wire.out.parameter_status(name, &value);
        }
        Ok(tag)
    }
}
