//! A session in which nothing but the tables of people can be named, and nothing but questions asked.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use privet_telemetry_store::{Attribute, Snapshot, Table};

use crate::error::Error;
use crate::people::People;
use crate::request::Limits;
use crate::table::{PeopleTable, Progress};

/// How deep brackets and subqueries may be nested.
const RECURSION_MAX: &str = "40";
/// The longest statement: chains of operators are walked by functions that call themselves, whose stack this bounds.
const TOKENS_MAX: usize = 4_000;
/// The widest plan: more joins than any question has.
const PLAN_NODES_MAX: usize = 500;

/// Answers statements over one snapshot, for the people given.
pub struct Session {
    context: SessionContext,
    progress: Arc<Progress>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// A session with a table for each kind of telemetry.
    ///
    /// # Errors
    ///
    /// [`Error::Process`] if the folder for what does not fit into memory cannot be used.
    pub fn new(
        snapshot: &Snapshot,
        attributes: &[Attribute],
        people: &People,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let progress = Arc::new(Progress::default());
        let context = SessionContext::new_with_state(
            SessionStateBuilder::new()
                .with_config(config(limits)?)
                .with_runtime_env(runtime(limits)?)
                .with_default_features()
                // Nothing reads or writes files of any format.
                .with_file_formats(Vec::new())
                .with_table_factories(std::collections::HashMap::new())
                .build(),
        );
        for table in Table::ALL {
            let provider = PeopleTable::new(
                table,
                attributes,
                snapshot,
                people.clone(),
                limits.partitions,
                Arc::clone(&progress),
            );
            context.register_table(table.name(), Arc::new(provider))?;
        }
        Ok(Self { context, progress })
    }

    /// How far it has come.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// The answer to one statement.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if it asks nothing; [`Error::Statement`] if it is wrong.
    pub async fn ask(&self, sql: &str) -> Result<SendableRecordBatchStream, Error> {
        check_size(sql)?;
        let plan = self.context.state().create_logical_plan(sql).await?;
        check(&plan)?;
        let frame = self.context.execute_logical_plan(plan).await?;
        let context = frame.task_ctx();
        let plan = frame.create_physical_plan().await?;
        Ok(execute_stream(plan, Arc::new(context))?)
    }
}

fn config(limits: &Limits) -> Result<SessionConfig, Error> {
    let config = SessionConfig::new()
        .with_target_partitions(limits.partitions.max(1))
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(true)
        .set_bool("datafusion.execution.enable_recursive_ctes", false)
        .set_str("datafusion.sql_parser.recursion_limit", RECURSION_MAX)
        .set_str("datafusion.execution.time_zone", "+00:00");
    Ok(config)
}

fn runtime(limits: &Limits) -> Result<Arc<RuntimeEnv>, Error> {
    let memory = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    let spill = match &limits.spill_folder {
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::Disabled,
    };
    let disk = DiskManagerBuilder::default()
        .with_mode(spill)
        .with_max_temp_directory_size(limits.spill_bytes);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(disk)
        .build()
        .map_err(|_| Error::Process("cannot use its folder"))?;
    // The machine's own files are an object store by default. The tables bring theirs along, and nothing else has one.
    if let Ok(url) = "file:///".parse() {
        let _ = runtime.deregister_object_store(&url);
    }
    Ok(Arc::new(runtime))
}

/// A statement that the threads' stacks hold, whatever it is.
fn check_size(sql: &str) -> Result<(), Error> {
    // A text that has no tokens is the parser's to complain about.
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize();
    let tokens = tokens.unwrap_or_default();
    let words = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)));
    if words.count() > TOKENS_MAX {
        return Err(Error::Refused(
            "the statement has more than 4,000 words and signs",
        ));
    }
    Ok(())
}

/// A statement that reads. What is listed here is what there is to ask; whatever DataFusion learns to do later is refused
/// until somebody has thought about it.
fn check(plan: &LogicalPlan) -> Result<(), Error> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(|_| Error::Refused(REFUSED))?;
    let mut nodes = 0;
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        nodes += 1;
        if nodes > PLAN_NODES_MAX {
            refused = Some("the statement has too many parts");
        }
        match node {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::TableScan(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::Explain(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Unnest(_) => {}
            // How long a scan took says something about rows that are not shown.
            LogicalPlan::Analyze(_) => {
                refused = Some("EXPLAIN ANALYZE is not answered: use EXPLAIN")
            }
            _ => refused = Some(REFUSED),
        }
        Ok(if refused.is_some() {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })
    .map_err(|error: DataFusionError| Error::from(error))?;
    match refused {
        Some(why) => Err(Error::Refused(why)),
        None => Ok(()),
    }
}

const REFUSED: &str = "only questions are answered: SELECT, with what belongs to it, or EXPLAIN";
