//! What the gateway answers without the engine, or with only a look at the shape of its views.

use privet_vault::port::{ColumnInfo, SqlValue, TableInfo};

use super::Local;
use crate::answer::Answer;
use crate::catalog;
use crate::commands::Command;
use crate::session::{Halt, Session};
use crate::statement::{self, Plan};
use crate::text::Token;

/// Views whose columns one question may ask for.
const VIEWS_MAX: usize = 200;

impl Local {
    /// Answers a plan that the engine has no part in, and puts it on record.
    pub(super) async fn own_answer(
        &mut self,
        plan: &Plan,
        sql: &str,
        tokens: &[Token<'_>],
        parameters: &[SqlValue],
    ) -> Result<Answer, Halt> {
        self.refuse_if_failed()?;
        self.note(sql, parameters).await?;
        if *plan == Plan::Facts {
            return Ok(self.session.facts().select(tokens)?);
        }
        let justified = self.session.connection.mode() != privet_vault::Mode::Unjustified;
        let views = if justified && catalog::asks_columns(tokens) {
            self.views().await?
        } else {
            Vec::new()
        };
        Ok(self.session.catalog(sql, tokens, parameters, views).await?)
    }

    /// Whether this is a liveness check such as `SELECT 1` before a reason was stated, when the engine is not asked.
    pub(super) fn answers_liveness(&self, sql: &str, tokens: &[Token<'_>]) -> bool {
        self.session.connection.mode() == privet_vault::Mode::Unjustified
            && statement::is_startup_statement(sql, tokens)
    }

    /// Puts a statement on record that the gateway answers itself.
    pub(super) async fn note(&mut self, sql: &str, parameters: &[SqlValue]) -> Result<(), Halt> {
        self.abandon_active().await?;
        let (sql, parameters) = self.session.without_markers_if_any(sql, parameters).await?;
        let permit = self.session.record(&sql, &parameters).await?;
        self.session.shown(permit, 0);
        Ok(())
    }

    /// The source's views with their columns; one that the engine cannot describe any more has none.
    async fn views(&mut self) -> Result<Vec<TableInfo>, Halt> {
        let names = self.session.connection.catalog().await?.views;
        let mut views = Vec::new();
        for (name, _) in names.into_iter().take(VIEWS_MAX) {
            let sql = format!("SELECT * FROM \"{}\"", name.replace('"', "\"\""));
            let Session {
                wire,
                running,
                stopping,
                connection,
                ..
            } = &mut self.session;
            let runner = self.engine.runner(connection).await?;
            let described =
                Session::watched(wire, running, stopping, runner.describe(&sql)).await?;
            let Ok(Some((described, _))) = described else {
                continue;
            };
            let columns = described
                .columns
                .into_iter()
                .map(|(name, declared_type)| ColumnInfo {
                    name,
                    declared_type,
                    ..ColumnInfo::default()
                });
            views.push(TableInfo {
                name,
                columns: columns.collect(),
                ..TableInfo::default()
            });
        }
        Ok(views)
    }

    /// Does what a session command says. What ran under another mode is let go.
    pub(super) async fn call(&mut self, command: Command) -> Result<Option<Answer>, Halt> {
        self.abandon_active().await?;
        let status = self.engine.transaction.status();
        let called = self.session.call(command, status).await?;
        if called.mode_changed {
            self.prepared.forget_portals();
            self.engine.drop_runner();
        }
        Ok(called.answer)
    }
}
