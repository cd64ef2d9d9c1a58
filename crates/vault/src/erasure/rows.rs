//! Erasing the rows of people who left, in applications' databases. Their keys are gone already, so that nothing sealed in these
//! rows opens; what is done here ends what was readable, and the rows themselves.
//!
//! Which rows named them is known to the key store until they are erased. So a database that is down, or does not fit the data map,
//! delays this and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::audit::{Actor, EntryKind, Record};
use crate::port::{Catalog, EraseAction, ErasePlan, Erased, OrphanRow, Source, SourceError};
use crate::rows::{erasing, next_end};
use crate::session::lock;
use crate::{Result, SourceName, Vault};

/// How many rows are erased in one transaction.
const ROWS_MAX: u32 = 1_000;
/// How many are at most erased in a single one, of all tables; most people have fewer.
const AT_ONCE_MAX: u32 = 2_000;
/// How many people are looked at before the next source has its turn.
const PEOPLE_MAX: u32 = 200;
/// How long whoever closes an account waits for one source; what is left goes on without them.
const SOURCE_WAIT: Duration = Duration::from_secs(10);
/// How long one person's rows may keep a source busy before others have their turn; what was done until then stays done.
const LATER_WAIT: Duration = Duration::from_secs(600);

/// What was done in one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsErased {
    /// Rows deleted.
    pub deleted: u64,
    /// Rows that stay, without what was personal in them.
    pub cleared: u64,
    /// Rows, often of others, that stay and have lost a reference to a deleted one.
    pub detached: u64,
    /// Rows with values that law keeps for now.
    pub kept: u64,
}

/// What was done in applications' databases, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRows {
    /// By source and table; those where nothing was to be done are left out.
    pub erased: BTreeMap<(SourceName, String), RowsErased>,
    /// Tables with personal columns for which the data map has no rule, so that rows may be left there.
    pub unruled: BTreeSet<(SourceName, String)>,
    /// Sources where something is still to be done, with the reason. It goes on by itself.
    pub outstanding: BTreeMap<SourceName, String>,
}

impl SourceRows {
    fn is_empty(&self) -> bool {
        self.erased.is_empty() && self.outstanding.is_empty()
    }

    fn add(&mut self, source: &SourceName, plan: &ErasePlan, erased: &Erased) {
        for (step, count) in plan.steps.iter().zip(&erased.rows) {
            if *count == 0 {
                continue;
            }
            let table = self.erased.entry((source.clone(), step.table.clone()));
            let table = table.or_default();
            match step.action {
                EraseAction::Delete => table.deleted += count,
                EraseAction::Clear(_) => table.cleared += count,
                EraseAction::Detach(_) => table.detached += count,
            }
        }
    }
}

/// Rows that somebody is at work on.
#[derive(Debug, Default)]
pub(crate) struct InHand(Mutex<BTreeSet<OrphanRow>>);

/// One of them, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    rows: Arc<InHand>,
    row: OrphanRow,
}

impl InHand {
    /// `None` when somebody else is at work on it already.
    pub(super) fn take(self: &Arc<Self>, row: OrphanRow) -> Option<Held> {
        lock(&self.0).insert(row.clone()).then(|| Held {
            rows: Arc::clone(self),
            row,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.rows.0).remove(&self.row);
    }
}

/// People whose rows in a source are erased, each with the day on which law lets go of what it keeps for now.
type Settled = Vec<(OrphanRow, Option<Date>)>;

/// Why rows are still there.
#[derive(Debug)]
struct Failed {
    why: String,
    /// Whether it is this person's rows alone that cannot be erased.
    is_of_person: bool,
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self {
            why,
            is_of_person: false,
        }
    }
}

impl From<SourceError> for Failed {
    fn from(error: SourceError) -> Self {
        Self {
            why: error.to_string(),
            is_of_person: matches!(error, SourceError::Refused { .. }),
        }
    }
}

/// A source as it is now.
struct Erasing<'v> {
    vault: &'v Vault,
    source: Arc<dyn Source>,
    catalog: Catalog,
    today: Date,
}

impl Vault {
    /// Erases the rows that these aliases name, which are orphaned by now, and says what came of it. Never an error: what is not
    /// done stays known, and is done later.
    pub(super) async fn erase_rows_of(&self, aliases: &[Held], actor: &Actor) -> SourceRows {
        let mut by_source: BTreeMap<SourceName, Vec<&OrphanRow>> = BTreeMap::new();
        for Held { row, .. } in aliases {
            by_source.entry(row.source.clone()).or_default().push(row);
        }
        let mut rows = SourceRows::default();
        let mut settled = Settled::new();
        for (source, people) in by_source {
            let work = self.erase_in(&source, &people, &mut rows, &mut settled);
            let why = match tokio::time::timeout(SOURCE_WAIT, work).await {
                Ok(Ok(())) => continue,
                Ok(Err(failed)) => failed.why,
                Err(_) => format!("source `{source}` takes longer than that: it goes on"),
            };
            rows.outstanding.insert(source, why);
        }
        self.settle(&rows, settled, actor).await;
        rows
    }

    /// What is still to be done in any source. A failure in one does not keep another waiting.
    pub(crate) async fn erase_orphan_rows(&self) -> Result<()> {
        // By a wrong clock, what law keeps would be erased before its day.
        let today = match self.trusts_the_day() {
            Ok(()) => self.now().to_zoned(TimeZone::UTC).date(),
            Err(_) => Date::MIN,
        };
        for source in self.inner.sources.keys() {
            let mut after = None;
            for _ in 0..PEOPLE_MAX {
                let next = self
                    .inner
                    .keys
                    .orphan_rows(source, today, after.as_ref(), 1);
                let Some(row) = next.await?.pop() else { break };
                after = Some(row.clone());
                // Somebody else is at it.
                let Some(held) = self.inner.in_hand.take(row) else {
                    continue;
                };
                if !self.erase_later(source, &held).await {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Erases one person's rows in one source; whether the source can be asked about somebody else.
    async fn erase_later(&self, source: &SourceName, held: &Held) -> bool {
        let (mut rows, mut settled) = (SourceRows::default(), Settled::new());
        let person = [&held.row];
        let work = self.erase_in(source, &person, &mut rows, &mut settled);
        let done = tokio::time::timeout(LATER_WAIT, work).await;
        self.settle(&rows, settled, &Actor::System).await;
        let failed = match done {
            Ok(Ok(())) => return true,
            Ok(Err(failed)) => failed,
            Err(_) => Failed::from(format!("source `{source}` takes very long: it goes on")),
        };
        let why = failed.why;
        tracing::warn!(%source, why, "rows of a person who left are still there; it is tried again");
        failed.is_of_person
    }

    /// Erases these people's rows in one source; those that are done are among `settled`.
    async fn erase_in(
        &self,
        name: &SourceName,
        people: &[&OrphanRow],
        rows: &mut SourceRows,
        settled: &mut Settled,
    ) -> Result<(), Failed> {
        let source = self.inner.sources.get(name);
        let source =
            source.ok_or_else(|| format!("this server has no source `{name}` any more"))?;
        let source = Arc::clone(source);
        let catalog = source.catalog().await?;
        let work = Erasing {
            vault: self,
            source,
            catalog,
            today: self.now().to_zoned(TimeZone::UTC).date(),
        };
        for person in people {
            let again = work.person(person, rows).await?;
            settled.push(((*person).clone(), again));
        }
        Ok(work.source.scrub().await?)
    }

    /// Puts on record what was done, and then no longer expects it.
    async fn settle(&self, rows: &SourceRows, settled: Settled, actor: &Actor) {
        if !rows.is_empty() {
            let record = Record::new(EntryKind::ErasureRows, actor.clone())
                .count("outstanding", rows.outstanding.len() as u64)
                .personal("rows", tables(rows));
            if let Err(error) = self.record(record).await {
                tracing::error!(%error, "rows of a person who left were erased, and it is not on record; it is looked at again");
                return;
            }
        }
        for (row, again) in settled {
            if let Err(error) = self.inner.keys.settle_orphan_row(&row, again).await {
                tracing::warn!(%error, "a person's erased rows are looked at again");
            }
        }
    }
}

impl Erasing<'_> {
    /// Everything of one person, or an error, after which it is begun again. Answers on which day law lets go of something that
    /// it keeps for now.
    async fn person(
        &self,
        person: &OrphanRow,
        rows: &mut SourceRows,
    ) -> Result<Option<Date>, Failed> {
        let (name, map) = (&person.source, &self.vault.inner.map);
        let found = erasing(map, name, &self.catalog, &person.table, self.today);
        let found = found.map_err(|problems| problems.join("; "))?;
        let mut again: Option<Date> = None;
        let source = &self.source;
        let at_once = source.erase_at_once(&found.plans, &person.key, AT_ONCE_MAX);
        if let Some(erased) = at_once.await? {
            for (plan, erased) in found.plans.iter().zip(&erased) {
                rows.add(name, plan, erased);
            }
        } else {
            for plan in &found.plans {
                loop {
                    let erased = source.erase(plan, &person.key, ROWS_MAX).await?;
                    rows.add(name, plan, &erased);
                    if !erased.more {
                        break;
                    }
                }
            }
        }
        let steps = found.plans.iter().flat_map(|plan| &plan.steps);
        let clearing = steps.filter(|step| matches!(step.action, EraseAction::Clear(_)));
        for step in clearing.filter(|step| !step.retained.is_empty()) {
            let retained = self.source.retained(step, &person.key).await?;
            if retained.rows > 0 {
                let table = rows.erased.entry((name.clone(), step.table.clone()));
                table.or_default().kept += retained.rows;
                let end = next_end(map, name, step, &retained.first);
                again = match (again, end) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
        let unruled = found.unruled.into_iter().map(|table| (name.clone(), table));
        rows.unruled.extend(unruled);
        Ok(again)
    }
}

/// The counts for the side record. In the open, a number of rows could be found again in an old copy of the application's
/// database, and would say whose end this was.
fn tables(rows: &SourceRows) -> serde_json::Value {
    let tables = rows.erased.iter().map(|((source, table), rows)| {
        let RowsErased {
            deleted,
            cleared,
            detached,
            kept,
        } = rows;
        serde_json::json!({
            "source": source.as_str(), "table": table, "deleted": deleted, "cleared": cleared, "detached": detached,
            "kept": kept,
        })
    });
    tables.collect()
}
