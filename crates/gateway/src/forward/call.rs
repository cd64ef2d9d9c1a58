//! Session commands on a forwarded connection. The server never sees them: they are answered here, once it has answered
//! everything that came before. A command that fails is refused through the server, so that it fails the client's
//! transaction as any other statement would.

use privet_vault::Mode;
use privet_vault::port::{RunMode, SqlValue, Upstream};

use super::link::Link;
use super::prepared::{CallPortal, PreparedCall};
use super::{Cycle, Forward};
use crate::answer::Answer;
use crate::commands::{Call, Command};
use crate::fault::{Fault, Severity};
use crate::frame::{Bind, Column, Format, Target, TransactionStatus};
use crate::session::Halt;
use crate::stream::End;
use crate::value::{self, Type};

impl Forward {
    /// Answers a session command that came as a simple query.
    pub(super) async fn call_query(&mut self, call: &Call) -> Result<(), Halt> {
        self.begin_local().await?;
        let answer = self.run(call.bind(&[])?).await?;
        if let Some(answer) = answer {
            let columns: Vec<Column> = text_columns(&answer.columns);
            self.session.wire.out.row_description(&columns);
            self.send_rows(&answer)?;
        }
        self.session.wire.out.command_complete("CALL");
        self.session.report_mode();
        self.session.wire.out.ready_for_query(self.status);
        self.cycle = Cycle::Done;
        Ok(())
    }

    /// Keeps a session command that is prepared.
    pub(super) async fn parse_call(
        &mut self,
        name: String,
        call: Call,
        types: Vec<u32>,
    ) -> Result<(), Halt> {
        self.begin_local().await?;
        self.prepared
            .keep_call(name, PreparedCall { call, types })?;
        self.session.wire.out.parse_complete();
        Ok(())
    }

    /// Binds a prepared session command.
    pub(super) async fn bind_call(&mut self, bind: Bind) -> Result<(), Halt> {
        self.begin_local().await?;
        let Some(prepared) = self.prepared.call(&bind.statement).cloned() else {
            return Ok(());
        };
        let formats = bind.formats;
        let format = |index: usize| match formats.as_slice() {
            [all] => *all,
            each => each.get(index).copied().unwrap_or(Format::Text),
        };
        let parameters = bind.parameters.into_iter().enumerate();
        self.prepared.portal = Some(CallPortal {
            name: bind.portal,
            prepared,
            parameters: parameters
                .map(|(index, value)| (format(index), value))
                .collect(),
            is_done: false,
        });
        self.session.wire.out.bind_complete();
        Ok(())
    }

    /// Describes a prepared or bound session command; `false`: it is none.
    pub(super) async fn describe_call(&mut self, target: &Target) -> Result<bool, Halt> {
        let prepared = match target {
            Target::Statement(name) => self.prepared.call(name).cloned(),
            Target::Portal(name) => self.bound(name).map(|portal| portal.prepared.clone()),
        };
        let Some(prepared) = prepared else {
            return Ok(false);
        };
        self.begin_local().await?;
        if let Target::Statement(_) = target {
            let types: Vec<u32> = (0..usize::from(prepared.call.parameters))
                .map(|index| prepared.parameter_type(index))
                .collect();
            self.session.wire.out.parameter_description(&types);
        }
        let columns = self.session.columns(prepared.call.procedure);
        if columns.is_empty() {
            self.session.wire.out.no_data();
        } else {
            let columns = text_columns(&columns);
            self.session.wire.out.row_description(&columns);
        }
        Ok(true)
    }

    /// Whether this portal is a session command.
    pub(super) fn is_call_portal(&self, name: &str) -> bool {
        self.bound(name).is_some()
    }

    /// Runs the session command that is bound.
    pub(super) async fn execute_call(&mut self) -> Result<(), Halt> {
        self.begin_local().await?;
        let Some(portal) = self
            .prepared
            .portal
            .as_mut()
            .filter(|portal| !portal.is_done)
        else {
            self.session.wire.out.command_complete("CALL");
            return Ok(());
        };
        portal.is_done = true;
        let values = portal.values()?;
        let command = portal.prepared.call.bind(&values)?;
        if let Some(answer) = self.run(command).await? {
            self.send_rows(&answer)?;
        }
        self.session.wire.out.command_complete("CALL");
        Ok(())
    }

    /// Forgets a prepared or bound session command; `false`: it is none.
    pub(super) async fn close_call(&mut self, target: &Target) -> Result<bool, Halt> {
        let is_call = match target {
            Target::Statement(name) => self.prepared.forget(name),
            Target::Portal(name) => {
                let bound = self.bound(name).is_some();
                self.prepared.portal.take_if(|_| bound).is_some()
            }
        };
        if is_call {
            self.begin_local().await?;
            self.session.wire.out.close_complete();
        }
        Ok(is_call)
    }

    /// From here up to Sync the gateway answers.
    ///
    /// # Errors
    /// Behind statements of the server's in the same cycle: those would have to be answered first, and are not before
    /// Sync.
    async fn begin_local(&mut self) -> Result<(), Halt> {
        if self.cycle == Cycle::Forwarded {
            return Err(Fault::error(
                "42601",
                "a `CALL privet.…` must not follow other statements in one pipeline: synchronize first",
            )
            .into());
        }
        self.quiesce().await?;
        if self.status == TransactionStatus::Failed {
            return Err(Fault::error(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            )
            .into());
        }
        self.cycle = Cycle::Local;
        Ok(())
    }

    /// Does what a session command says, and takes the connection that fits the mode afterwards.
    async fn run(&mut self, command: Command) -> Result<Option<Answer>, Halt> {
        let opens = matches!(command, Command::Decrypt { .. } | Command::Join { .. });
        let idle = self.status == TransactionStatus::Idle;
        // Connected first: a grant that cannot be used is not made.
        let reader = match self.link.mode {
            RunMode::Ordinary if opens && idle => Some(self.connect(RunMode::ReadOnly).await?),
            _ => None,
        };
        let called = self.session.call(command, self.status).await?;
        match reader {
            Some(reader) => self.relink(reader, RunMode::ReadOnly),
            None if called.mode_changed => self.follow_mode().await?,
            None => {}
        }
        Ok(called.answer)
    }

    /// Goes back to the connection of protected sessions once a grant has ended, at the next pause outside of a
    /// transaction. Until then the client stays where it cannot write.
    pub(super) async fn follow_mode(&mut self) -> Result<(), End> {
        let decrypted = matches!(self.session.connection.mode(), Mode::Decrypted { .. });
        let pauses = self.cycle != Cycle::Forwarded && self.unit.bytes.is_empty();
        if self.link.mode == RunMode::Ordinary || decrypted || !pauses {
            return Ok(());
        }
        self.quiesce().await?;
        if self.status != TransactionStatus::Idle {
            return Ok(());
        }
        let connected = self.connect(RunMode::Ordinary).await;
        let upstream = connected.map_err(|mut fault| {
            fault.severity = Severity::Fatal;
            End::Told(fault)
        })?;
        self.relink(upstream, RunMode::Ordinary);
        Ok(())
    }

    async fn connect(&mut self, mode: RunMode) -> Result<Upstream, Fault> {
        let connection = &self.session.connection;
        Ok(connection.upstream(mode, &self.settings).await??)
    }

    /// Takes another connection to the server; what was prepared on the former one is gone with it.
    fn relink(&mut self, upstream: Upstream, mode: RunMode) {
        self.finish_shown();
        for (name, value) in &upstream.parameters {
            self.session.wire.out.parameter_status(name, value);
        }
        let former = std::mem::replace(&mut self.link, Link::new(upstream, mode));
        self.link.answer_cancels(&self.session.running);
        self.prepared.forget_texts();
        self.refusals.clear();
        tokio::spawn(former.close());
    }

    fn bound(&self, name: &str) -> Option<&CallPortal> {
        let portal = self.prepared.portal.as_ref();
        portal.filter(|portal| portal.name == name)
    }

    fn send_rows(&mut self, answer: &Answer) -> Result<(), Fault> {
        let columns = text_columns(&answer.columns);
        value::send_rows(&answer.rows, &columns, &mut self.session.wire.out)
    }
}

impl PreparedCall {
    fn parameter_type(&self, index: usize) -> u32 {
        value::parameter_oid(self.types.get(index).copied().unwrap_or(0))
    }
}

impl CallPortal {
    fn values(&self) -> Result<Vec<SqlValue>, Fault> {
        let values = self.parameters.iter().enumerate();
        values
            .map(|(index, (format, value))| {
                let oid = self.prepared.parameter_type(index);
                value::decode(value.as_deref(), oid, *format, index + 1)
            })
            .collect()
    }
}

/// Everything that session commands answer is text, whose two forms are the same.
fn text_columns(columns: &[(String, Type)]) -> Vec<Column> {
    columns
        .iter()
        .map(|(name, of_type)| of_type.column(name, Format::Text))
        .collect()
}
