//! Erasing the rows of one person, as an application would: its constraints and triggers are in force.

use privet_vault::port::{
    BySeal, ClearedColumn, EraseAction, ErasePlan, EraseStep, Erased, Replacement, Retained,
    RetainedColumn, TOMBSTONE, TOMBSTONE_MARK, TOMBSTONE_PREFIX,
};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::connect::Session;
use super::error::Failing;
use super::name::{literal, quoted};
use super::person::{Person, Target};
use super::plan::of_t;

/// How long a batch waits for a row that another transaction holds.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL enable_hashjoin = on; SET LOCAL enable_sort = on;
    SET LOCAL plan_cache_mode = force_custom_plan";

/// How many times more rows are cleared in a transaction: they stay where they are, and each transaction goes past those that are
/// cleared already. Nobody waits for it but whoever writes one of these rows.
const CLEARED: i64 = 16;

/// Sealing keeps the application's triggers and references silent; erasing is the application's kind of change.
const NOT_SILENT: &str = "SET LOCAL session_replication_role = origin";

/// A step as SQL.
#[derive(Debug)]
pub(super) struct EraseSql {
    person: Person,
    /// With the person's key, in an array, in the first parameter, and the most rows in the second where there is a limit.
    limited: String,
    /// Without a limit.
    whole: String,
    /// How many rows are kept, and since when.
    retained: String,
    /// Whether it can be done in batches.
    in_batches: bool,
}

impl EraseSql {
    pub(super) async fn new(client: &Client, step: &EraseStep) -> Result<Self, Failing> {
        let target = Target::find(client, &step.table).await?;
        let mut from = format!("FROM {} AS t", target.from());
        let person = Person::join(client, &mut from, target.oid, &step.way, 0, "JOIN").await?;
        let found = format!("{from} WHERE {}", person.is_among(1));
        let picked = format!("{found} AND {}", due(step));
        let change = change(step, &target);
        // Rows of partitions have the same places.
        let place = if target.is_partitioned {
            "(t.tableoid, t.ctid) IN (SELECT t.tableoid, t.ctid"
        } else {
            "t.ctid = ANY (ARRAY(SELECT t.ctid"
        };
        let end = if target.is_partitioned { ")" } else { "))" };
        Ok(Self {
            limited: format!("{change} WHERE {place} {picked} LIMIT $2::int8{end}"),
            whole: format!("{change} WHERE {place} {picked}{end}"),
            retained: retained_sql(step, &found),
            in_batches: !target.is_partitioned,
            person,
        })
    }
}

fn change(step: &EraseStep, target: &Target) -> String {
    let table = target.from();
    let set = |set: Vec<String>| format!("UPDATE {table} AS t SET {}", set.join(", "));
    match &step.action {
        EraseAction::Delete => format!("DELETE FROM {table} AS t"),
        EraseAction::Detach(columns) => set(columns
            .iter()
            .map(|column| format!("{} = NULL", quoted(column)))
            .collect()),
        EraseAction::Clear(columns) => set(columns
            .iter()
            .map(|column| {
                let (name, old, new) = (
                    quoted(&column.name),
                    of_t(&column.name),
                    replacement(column.with),
                );
                match kept(step, column) {
                    Some(kept) => format!(
                        "{name} = CASE WHEN {old} IS NULL OR {kept} THEN {old} ELSE {new} END"
                    ),
                    None => format!("{name} = CASE WHEN {old} IS NULL THEN NULL ELSE {new} END"),
                }
            })
            .collect()),
    }
}

/// Whether there is something to do about a row `t`.
fn due(step: &EraseStep) -> String {
    let any = |parts: Vec<String>| match parts.is_empty() {
        true => "false".to_owned(),
        false => format!("({})", parts.join(" OR ")),
    };
    match &step.action {
        EraseAction::Delete => format!("NOT {}", any(step.retained.iter().map(is_kept).collect())),
        EraseAction::Detach(columns) => any(columns
            .iter()
            .map(|column| format!("{} IS NOT NULL", of_t(column)))
            .collect()),
        EraseAction::Clear(columns) => any(columns
            .iter()
            .map(|column| {
                let value = of_t(&column.name);
                let mut full = format!("{value} IS NOT NULL");
                if column.with != Replacement::Null {
                    full.push_str(&format!(
                        " AND left({value}::text, {}) <> {}",
                        TOMBSTONE_PREFIX.len(),
                        literal(TOMBSTONE_PREFIX)
                    ));
                }
                match kept(step, column) {
                    Some(kept) => format!("({full} AND NOT {kept})"),
                    None => format!("({full})"),
                }
            })
            .collect()),
    }
}

/// Whether the value of this column is kept; `None` where none ever is.
fn kept(step: &EraseStep, column: &ClearedColumn) -> Option<String> {
    let of_law = |name: &str| {
        let retained = step.retained.iter().find(|retained| retained.name == name);
        retained.map(is_kept)
    };
    let value = column.index_of.as_ref().unwrap_or(&column.name);
    let begins = |keys: &[String]| begins(&of_t(value), keys);
    match (&step.by_seal, &column.index_of) {
        (BySeal::All, _) => of_law(&column.name),
        (BySeal::But { newer, .. }, Some(_)) => Some(begins(newer)),
        (BySeal::But { newer, kept }, None) => {
            let spared = format!("{} OR {}", begins(newer), begins(kept));
            let law = of_law(value).map_or_else(String::new, |law| format!(" OR {law}"));
            Some(format!("({spared}{law})"))
        }
        // An index goes with its value.
        (BySeal::Only(keys), _) => {
            let law = of_law(value).map_or_else(String::new, |law| format!(" OR {law}"));
            Some(format!("(NOT {}{law})", begins(keys)))
        }
    }
}

/// Whether one of these keys sealed the value of an expression; never NULL.
pub(super) fn begins(expression: &str, keys: &[String]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| literal(key)).collect();
    let chars = TOMBSTONE_PREFIX.len();
    format!(
        "coalesce(left({expression}::text, {chars}) COLLATE \"C\" = ANY (ARRAY[{}]::text[]), false)",
        keys.join(", ")
    )
}

/// Never NULL, so that its contrary is never NULL either. What is no date begins no retention.
fn is_kept(column: &RetainedColumn) -> String {
    let (value, day) = (of_t(&column.name), day(column));
    format!(
        "coalesce({value} IS NOT NULL AND {day} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$' AND {day} >= {}, false)",
        literal(&column.since)
    )
}

fn day(column: &RetainedColumn) -> String {
    format!("left({}::text, 10) COLLATE \"C\"", of_t(&column.from))
}

fn replacement(with: Replacement) -> String {
    match with {
        Replacement::Null => "NULL".to_owned(),
        Replacement::Tombstone => literal(TOMBSTONE),
        Replacement::OwnTombstone => {
            let before = TOMBSTONE.get(..TOMBSTONE_MARK.start).unwrap_or_default();
            let after = TOMBSTONE.get(TOMBSTONE_MARK.end..).unwrap_or_default();
            format!(
                "{} || replace(gen_random_uuid()::text, '-', '') || {}",
                literal(before),
                literal(after)
            )
        }
    }
}

fn retained_sql(step: &EraseStep, found: &str) -> String {
    let kept: Vec<String> = step.retained.iter().map(is_kept).collect();
    let first = step.retained.iter().zip(&kept);
    let first = first.map(|(column, kept)| format!(", min({}) FILTER (WHERE {kept})", day(column)));
    format!(
        "SELECT count(*){} {found} AND ({})",
        first.collect::<String>(),
        kept.join(" OR ")
    )
}

/// One transaction; a plan that goes together is done in one, however many rows that are.
pub(super) async fn erase(
    session: &mut Session,
    plan: &ErasePlan,
    person: &str,
    rows_max: u32,
) -> Result<Erased, Failing> {
    let mut steps = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let nothing = matches!(&step.action, EraseAction::Clear(columns) if columns.is_empty());
        let sql = session.erasing(step).await?;
        steps.push((step, (!nothing && sql.person.fits(person)).then_some(sql)));
    }
    session.client.batch_execute(BEGIN).await?;
    if session.silent {
        session.client.batch_execute(NOT_SILENT).await?;
    }
    if plan.together {
        let deferred = "SET CONSTRAINTS ALL DEFERRED";
        session.client.batch_execute(deferred).await?;
    }
    let mut erased = Erased::default();
    let times = if plan.clearing().is_some() {
        CLEARED
    } else {
        1
    };
    let (keys, limit) = ([person], i64::from(rows_max) * times);
    for (step, sql) in steps {
        let Some(sql) = sql else {
            erased.rows.push(0);
            continue;
        };
        let batch = sql.in_batches && !plan.together;
        let text = if batch { &sql.limited } else { &sql.whole };
        let statement = match step.by_seal {
            BySeal::All => session.statement(text).await?,
            // It names keys of one person, and is not asked for again.
            BySeal::But { .. } | BySeal::Only(_) => session.client.prepare(text).await?,
        };
        let keys: &[&str] = &keys;
        let mut given: Vec<&(dyn ToSql + Sync)> = vec![&keys];
        if batch {
            given.push(&limit);
        }
        let done = session.client.execute(&statement, &given).await;
        let rows = done.map_err(|error| refused(error.into(), &step.table))?;
        // A row that somebody changed in the same moment was passed over: only when none is found are there none.
        erased.more |= batch && rows > 0;
        erased.rows.push(rows);
    }
    let last = plan.steps.last().map_or("", |step| &step.table);
    let committed = session.client.batch_execute("COMMIT").await;
    committed.map_err(|error| refused(error.into(), last))?;
    Ok(erased)
}

/// Which rows of the person hold values that are kept.
pub(super) async fn retained(
    session: &mut Session,
    step: &EraseStep,
    person: &str,
) -> Result<Retained, Failing> {
    let sql = session.erasing(step).await?;
    if step.retained.is_empty() || !sql.person.fits(person) {
        return Ok(Retained::default());
    }
    let keys: &[&str] = &[person];
    let row = session.client.query_one(&sql.retained, &[&keys]).await?;
    let first = (0..step.retained.len()).map(|position| row.try_get(1 + position));
    Ok(Retained {
        rows: row.try_get::<_, i64>(0)?.unsigned_abs(),
        first: first.collect::<Result<_, _>>()?,
    })
}

/// Violated constraints (class 23) and what triggers raise (P0, and any code that they choose). The message may hold values;
/// names of constraints and tables are the application's own.
fn refused(failing: Failing, table: &str) -> Failing {
    let Failing::Engine(error) = &failing else {
        return failing;
    };
    let Some(answer) = error.as_db_error() else {
        return failing;
    };
    let code = answer.code().code();
    if !code.starts_with("23") && !code.starts_with("P0") {
        return failing;
    }
    let by = answer.table().unwrap_or_default();
    let why = match answer.constraint() {
        Some(constraint) => format!("SQLSTATE {code}: constraint `{constraint}` of table `{by}`"),
        None => format!("SQLSTATE {code}"),
    };
    Failing::Refused {
        table: table.to_owned(),
        why,
    }
}
