//! Connections to a database server, and what is set on them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use privet_postgres::Address;
use privet_vault::port::{BySeal, EraseStep, ReadPlan, SealPlan};
use tokio_postgres::{Client, Statement};

use super::erase::EraseSql;
use super::error::Failing;
use super::plan::PlanSql;
use super::rows::ReadSql;

/// How long connecting may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Values come and go as text, so that how text is written must not depend on the role's settings. With
/// `row_security` off, a statement that a policy would silently narrow fails instead. Batches go through a table in the
/// order of its key and reach single rows, so that plans which sort or hash all of it are never right.
const SETTINGS: &str =
    "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';
    SET bytea_output = 'hex'; SET extra_float_digits = 1; SET standard_conforming_strings = on;
    SET row_security = off; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET jit = off; SET max_parallel_workers_per_gather = 0;
    SET enable_sort = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// Values that are written back go as parameters, which a server may be told to log. Only a superuser, or a role that was
/// granted it, may switch that off; who may not is told of it by `remains`.
const LOG_NO_PARAMETERS: &str =
    "SET log_parameter_max_length = 0; SET log_parameter_max_length_on_error = 0";

/// Sealing changes how values are written down, not what they are: the application's triggers would take it for its own
/// kind of change.
const NO_TRIGGERS: &str = "SET session_replication_role = replica";

/// A connection, and what was asked through it before.
pub(super) struct Session {
    pub(super) client: Client,
    /// Whether the application's ordinary triggers and rules stay silent for what this connection writes.
    pub(super) silent: bool,
    statements: HashMap<String, Statement>,
    plans: HashMap<String, Arc<PlanSql>>,
    reads: HashMap<ReadPlan, Arc<ReadSql>>,
    steps: HashMap<EraseStep, Arc<EraseSql>>,
}

impl Session {
    /// A connection with our settings; it ends when it is dropped.
    pub(super) async fn connect(address: &Address) -> Result<Self, Failing> {
        let mut config = address.config();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WAIT);
        }
        if config.get_application_name().is_none() {
            config.application_name("privet");
        }
        let (client, connection) = config.connect(address.tls().clone()).await?;
        // Whoever uses the client is told of its errors.
        tokio::spawn(async move { drop(connection.await) });
        client.batch_execute(SETTINGS).await?;
        // Roles without the right go on without.
        let _ = client.batch_execute(LOG_NO_PARAMETERS).await;
        let silent = client.batch_execute(NO_TRIGGERS).await.is_ok();
        Ok(Self {
            client,
            silent,
            statements: HashMap::new(),
            plans: HashMap::new(),
            reads: HashMap::new(),
            steps: HashMap::new(),
        })
    }

    /// The statement, prepared once.
    pub(super) async fn statement(&mut self, sql: &str) -> Result<Statement, Failing> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The plan fitted to the table, once.
    pub(super) async fn plan(&mut self, plan: &SealPlan) -> Result<Arc<PlanSql>, Failing> {
        if let Some(found) = self.plans.get(&plan.table) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(PlanSql::new(&self.client, plan).await?);
        self.plans.insert(plan.table.clone(), Arc::clone(&made));
        Ok(made)
    }

    /// The same for a table that is read for people.
    pub(super) async fn reading(&mut self, plan: &ReadPlan) -> Result<Arc<ReadSql>, Failing> {
        if let Some(found) = self.reads.get(plan) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(ReadSql::new(&self.client, plan).await?);
        self.reads.insert(plan.clone(), Arc::clone(&made));
        Ok(made)
    }

    /// The same for a step of an erasure.
    pub(super) async fn erasing(&mut self, step: &EraseStep) -> Result<Arc<EraseSql>, Failing> {
        if let Some(found) = self.steps.get(step) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(EraseSql::new(&self.client, step).await?);
        // Steps that name keys of one person are not asked for again.
        if step.by_seal == BySeal::All {
            self.steps.insert(step.clone(), Arc::clone(&made));
        }
        Ok(made)
    }
}
