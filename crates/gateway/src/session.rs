//! One client's session, whatever kind of source lies behind it: greeting, mode, session commands, the gate before a
//! reason was stated, and the record.

mod call;

use privet_vault::port::{RunMode, SqlValue, Upstream};
use privet_vault::{Connection, Mode, Permit, Statement, Vault};
use tokio::sync::watch;

use crate::answer::Answer;
use crate::cancel::{Cancels, Key, Running};
use crate::catalog;
use crate::commands;
use crate::facts::Facts;
use crate::fault::Fault;
use crate::frame::TransactionStatus;
use crate::settings::{self, Settings};
use crate::startup::{Authenticated, Parameters, Refused};
use crate::statement::{self, Plan};
use crate::stream::{End, Wire};
use crate::text::Token;
use crate::value;

/// Times as clients are told them: RFC 3339 in UTC, to the second.
const SECONDS: &str = "%Y-%m-%dT%H:%M:%SZ";

/// Why a statement did not go through.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It failed; the connection goes on.
    Fault(Fault),
    /// The connection ends.
    End(End),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<End> for Halt {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<privet_vault::Error> for Halt {
    fn from(error: privet_vault::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// A client that logged in to a source.
pub(crate) struct Session {
    /// Frames in and out.
    pub(crate) wire: Wire,
    /// The vault's side: mode, record, openers.
    pub(crate) connection: Connection,
    /// What PostgreSQL clients set and ask.
    pub(crate) settings: Settings,
    /// What a cancel request stops.
    pub(crate) running: Running,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Sealed columns of the source: table, column, field.
    pub(crate) sealed: Vec<(String, String, String)>,
    user: String,
    database: String,
    key: Key,
    shown_mode: String,
}

/// A session, and what runs its statements.
pub(crate) enum Opened {
    /// A child process of ours.
    Local(Session),
    /// A database server, which was told what the client wants set.
    Forwarded(Session, Upstream, Vec<(String, String)>),
}

impl Session {
    /// Connects an authenticated client to its source and says all that clients expect to hear.
    pub(crate) async fn open(
        client: Authenticated,
        vault: &Vault,
        cancels: &Cancels,
        stopping: watch::Receiver<bool>,
    ) -> Result<Opened, Box<Refused>> {
        let (wire, parameters, minor, caller) = client.into_parts();
        let connection = match vault.connect(caller, &parameters.database).await {
            Ok(connection) => connection,
            Err(error) => return Err(Refused::told(wire, ended(error))),
        };
        let (settings, upstream) = match prepare(&connection, &parameters).await {
            Ok(prepared) => prepared,
            // PostgreSQL ends the connection for a setting that it does not know.
            Err(fault) => return Err(Refused::told(wire, fatal(fault))),
        };
        let running = Running::default();
        let Some(key) = cancels.register(minor, running.clone()) else {
            return Err(Refused::told(wire, Fault::fatal("58000", "no randomness")));
        };
        let mut session = Self {
            wire,
            connection,
            settings,
            running,
            stopping,
            sealed: sealed_columns(vault, &parameters.database),
            user: parameters.user,
            database: parameters.database,
            key,
            shown_mode: String::new(),
        };
        if let Some(reason) = &parameters.reason
            && let Err(error) = session.justify(reason, parameters.link.as_deref()).await
            && !session.joins(&error)
        {
            return Err(Refused::told(session.wire, ended(error)));
        }
        Ok(match upstream {
            None => {
                session.greet(None);
                Opened::Local(session)
            }
            Some(upstream) => {
                session.greet(Some(&upstream.parameters));
                Opened::Forwarded(session, upstream, parameters.settings)
            }
        })
    }

    /// Follows what happened to the person and their session since the last message: a revoked token ends the
    /// connection, a reason that another connection stated holds for this one.
    pub(crate) async fn keep_up(&mut self) -> Result<(), End> {
        if self.connection.mode() != Mode::Unjustified {
            return Ok(());
        }
        match self.connection.join().await {
            Err(error @ privet_vault::Error::Unauthenticated) => Err(End::Told(error.into())),
            Err(error) => {
                tracing::warn!(%error, "a session could not be joined");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether a reason was refused only because a session with it goes on: a client that opens several connections
    /// states it with each, and all but the first join.
    fn joins(&self, error: &privet_vault::Error) -> bool {
        error.code() == "reason_repeated" && self.connection.mode() != Mode::Unjustified
    }

    /// Says what clients expect after login; `parameters` are those of the server behind, if there is one.
    fn greet(&mut self, parameters: Option<&[(String, String)]>) {
        match parameters {
            None => {
                for (name, value) in self.settings.reported() {
                    self.wire.out.parameter_status(name, value);
                }
            }
            Some(parameters) => {
                for (name, value) in parameters {
                    self.wire.out.parameter_status(name, value);
                }
            }
        }
        self.report_mode();
        self.wire
            .out
            .backend_key_data(self.key.process, &self.key.secret);
        self.wire.out.ready_for_query(TransactionStatus::Idle);
    }

    /// Tells the client its mode when it changed, and why if it did not ask for it.
    pub(crate) fn report_mode(&mut self) {
        let mode = mode_text(&self.connection.mode());
        if mode == self.shown_mode {
            return;
        }
        let former = std::mem::replace(&mut self.shown_mode, mode);
        if former.starts_with("decrypted") && self.shown_mode == "protected" {
            let notice = Fault::notice("the grant has ended: values are sealed again");
            self.wire.out.notice(&notice);
        } else if !former.is_empty() && self.shown_mode == "unjustified" {
            let notice = Fault::notice("the session has ended: state a reason to go on");
            self.wire.out.notice(&notice.hint(commands::JUSTIFY));
        }
        // Last, so that whoever heard of the new mode has heard why.
        self.wire
            .out
            .parameter_status("privet.mode", &self.shown_mode);
    }

    /// Whether values open at the moment, as far as the client was told.
    pub(crate) fn shows_decrypted(&self) -> bool {
        self.shown_mode.starts_with("decrypted")
    }

    /// Whether a plan may go on: before a reason was stated only what shows no data, and what clients send by
    /// themselves.
    pub(crate) fn gate(&self, plan: &Plan, sql: &str, tokens: &[Token<'_>]) -> Result<(), Fault> {
        if plan.passes_unjustified()
            || self.connection.mode() != Mode::Unjustified
            || statement::is_startup_statement(sql, tokens)
        {
            return Ok(());
        }
        let fault = Fault::error(
            "42501",
            "this session has no reason yet: say first why you are here",
        );
        Err(fault.hint(commands::JUSTIFY))
    }

    /// Replaces equality markers in a statement and its parameters, so that the plaintext goes nowhere.
    pub(crate) async fn without_markers(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
    ) -> Result<(String, Vec<SqlValue>), Fault> {
        let sql = self.replaced(sql).await?;
        let mut replaced = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            replaced.push(match parameter {
                SqlValue::Text(text) => SqlValue::Text(self.replaced(text).await?),
                // Bytes can be cast to text, so a marker in them is one as well.
                SqlValue::Blob(bytes) => match self.connection.substitute_markers(bytes).await? {
                    Some(bytes) => SqlValue::Blob(bytes),
                    None => parameter.clone(),
                },
                other => other.clone(),
            });
        }
        Ok((sql, replaced))
    }

    /// The same for statements that the gateway answers itself, which go on record all the same. Before a reason was
    /// stated there is no record and nothing to replace.
    pub(crate) async fn without_markers_if_any(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
    ) -> Result<(String, Vec<SqlValue>), Fault> {
        if self.connection.mode() == Mode::Unjustified {
            return Ok((sql.to_owned(), parameters.to_vec()));
        }
        self.without_markers(sql, parameters).await
    }

    /// A text with its markers replaced.
    pub(crate) async fn replaced(&mut self, text: &str) -> Result<String, Fault> {
        match self.connection.substitute_markers(text.as_bytes()).await? {
            None => Ok(text.to_owned()),
            Some(bytes) => String::from_utf8(bytes)
                .map_err(|_| Fault::error("22021", "invalid byte sequence for encoding `UTF8`")),
        }
    }

    /// Puts a statement on record, if there is a session to record it in. In a decrypted connection the entry is
    /// durable when this returns.
    pub(crate) async fn record(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
    ) -> Result<Option<Permit>, Fault> {
        if self.connection.mode() == Mode::Unjustified {
            return Ok(None);
        }
        let parameters: Vec<Option<String>> = parameters.iter().map(value::recorded).collect();
        let statement = Statement {
            sql,
            parameters: &parameters,
        };
        Ok(Some(self.connection.record(statement).await?))
    }

    /// Puts on record how many rows a recorded statement showed.
    pub(crate) fn shown(&mut self, permit: Option<Permit>, rows: u64) {
        if let Some(permit) = permit {
            self.connection.shown(permit, rows);
        }
    }

    /// The facts about this session.
    pub(crate) fn facts(&mut self) -> Facts<'_> {
        Facts {
            user: &self.user,
            database: &self.database,
            process: self.key.process,
            settings: &mut self.settings,
        }
    }

    /// Answers a question to PostgreSQL's catalogs. Before a reason was stated the source is not asked either.
    pub(crate) async fn catalog(
        &mut self,
        sql: &str,
        tokens: &[Token<'_>],
        parameters: &[SqlValue],
        views: Vec<privet_vault::port::TableInfo>,
    ) -> Result<Answer, Fault> {
        let described = match self.connection.mode() {
            Mode::Unjustified => privet_vault::port::Catalog::default(),
            _ => self.connection.catalog().await?,
        };
        let source = catalog::Source {
            name: &self.database,
            user: &self.user,
            catalog: &described,
            views: &views,
            sealed: &self.sealed,
            settings: &self.settings,
        };
        catalog::answer(sql, tokens, parameters, &source)
    }

    /// Runs a step of the source's work to its end, while the client is watched: if it goes, or the server stops, what
    /// runs is stopped.
    pub(crate) async fn watched<T>(
        wire: &mut Wire,
        running: &Running,
        stopping: &mut watch::Receiver<bool>,
        step: impl Future<Output = T>,
    ) -> Result<T, End> {
        let mut step = std::pin::pin!(step);
        let end = tokio::select! {
            biased;
            done = &mut step => return Ok(done),
            () = wire.gone() => End::Gone,
            () = stopped(stopping) => stopping_fault(),
        };
        running.stop().await;
        // A step that is dropped half way would cost more than waiting for its end, which is bounded.
        step.await;
        Err(end)
    }
}

/// Waits until the server stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        // Nobody can ask for a stop any more.
        std::future::pending::<()>().await;
    }
}

/// What clients are told when the server stops.
pub(crate) fn stopping_fault() -> End {
    End::Told(Fault::fatal("57P01", "the server is stopping"))
}

/// What the client wants set, and the database server that has been told so, if there is one.
async fn prepare(
    connection: &Connection,
    parameters: &Parameters,
) -> Result<(Settings, Option<Upstream>), Fault> {
    let mut settings = Settings::new(&parameters.user);
    if !connection.is_forwarded() {
        for (name, value) in &parameters.settings {
            settings.set(name, Some(value))?;
        }
        return Ok((settings, None));
    }
    for (name, value) in &parameters.settings {
        settings::check(name, value)?;
    }
    let upstream = connection
        .upstream(RunMode::Ordinary, &parameters.settings)
        .await??;
    Ok((settings, Some(upstream)))
}

/// An error that ends the connection.
fn ended(error: privet_vault::Error) -> Fault {
    fatal(Fault::from(error))
}

fn fatal(mut fault: Fault) -> Fault {
    fault.severity = crate::fault::Severity::Fatal;
    fault
}

/// The mode as `privet.mode` shows it.
fn mode_text(mode: &Mode) -> String {
    match mode {
        Mode::Unjustified => "unjustified".to_owned(),
        Mode::Protected => "protected".to_owned(),
        Mode::Decrypted {
            subject,
            until,
            emergency,
            ..
        } => {
            let mark = if *emergency { "EMERGENCY " } else { "" };
            format!(
                "decrypted {mark}{subject} until {}",
                until.strftime(SECONDS)
            )
        }
    }
}

/// The source's sealed columns by the data map.
fn sealed_columns(vault: &Vault, source: &str) -> Vec<(String, String, String)> {
    let Some(source) = vault.map().source(source) else {
        return Vec::new();
    };
    let columns = source.tables.iter().flat_map(|table| {
        table.sealed_columns().map(|(column, field)| {
            (
                table.name.to_string(),
                column.name.to_string(),
                field.to_string(),
            )
        })
    });
    columns.collect()
}
