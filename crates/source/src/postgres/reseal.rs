//! A person's sealed values under certain keys, and putting in their place what was made of them. Rows are told apart by where they
//! lie: one that somebody changed lies elsewhere, and is found when it is looked for again.

use privet_vault::port::{RowKey, SealedPlan, SealedSwap, SealedUnder};
use tokio_postgres::types::ToSql;

use super::connect::Session;
use super::erase::begins;
use super::error::Failing;
use super::name::quoted;
use super::person::{Person, Target};
use super::plan::of_t;

/// As rows are erased.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL enable_hashjoin = on; SET LOCAL enable_sort = on;
    SET LOCAL plan_cache_mode = force_custom_plan";

/// The person's next rows with such values.
pub(super) async fn read(
    session: &mut Session,
    plan: &SealedPlan,
    person: &str,
    keys: &[String],
    after: Option<&RowKey>,
    rows_max: u32,
) -> Result<Vec<SealedUnder>, Failing> {
    let client = &session.client;
    let target = Target::find(client, &plan.table).await?;
    let mut from = format!("FROM {} AS t", target.from());
    let who = Person::join(client, &mut from, target.oid, &plan.way, 0, "JOIN").await?;
    if !who.fits(person) {
        return Ok(Vec::new());
    }
    let columns: Vec<String> = plan.columns.iter().map(|name| of_t(name)).collect();
    let sealed: Vec<String> = columns.iter().map(|column| begins(column, keys)).collect();
    let values = columns.iter().zip(&sealed);
    let values =
        values.map(|(column, sealed)| format!(", CASE WHEN {sealed} THEN {column}::text END"));
    let (table, place) = place(after)?;
    let sql = format!(
        "SELECT t.tableoid::text, t.ctid::text{} {from} WHERE {} AND ({})
           AND ($2::text IS NULL OR (t.tableoid, t.ctid) > ($2::text::oid, $3::text::tid))
         ORDER BY t.tableoid, t.ctid LIMIT $4::int8",
        values.collect::<String>(),
        who.is_among(1),
        sealed.join(" OR ")
    );
    let (people, limit): (&[&str], i64) = (&[person], i64::from(rows_max));
    let given: [&(dyn ToSql + Sync); 4] = [&people, &table, &place, &limit];
    client.batch_execute(BEGIN).await?;
    let rows = client.query(&sql, &given).await?;
    client.batch_execute("COMMIT").await?;
    let row = |row: &tokio_postgres::Row| {
        let values = (0..columns.len()).map(|at| row.try_get(2 + at));
        Ok(SealedUnder {
            key: RowKey::Columns([row.try_get(0)?, row.try_get(1)?].into()),
            values: values.collect::<Result<_, _>>()?,
        })
    };
    rows.iter().map(row).collect()
}

/// The partition, and where in it.
fn place(key: Option<&RowKey>) -> Result<(Option<&str>, Option<&str>), Failing> {
    match key {
        None => Ok((None, None)),
        Some(RowKey::Columns(texts)) => match &**texts {
            [table, place] => Ok((Some(table), Some(place))),
            _ => Err(Failing::Odd("a row's place does not fit its table")),
        },
        Some(RowKey::Number(_)) => Err(Failing::Odd("a row's place is a number")),
    }
}

/// All of them or none; answers which rows were still what they had been.
pub(super) async fn swap(
    session: &mut Session,
    plan: &SealedPlan,
    swaps: &[SealedSwap],
) -> Result<Vec<bool>, Failing> {
    let client = &session.client;
    let target = Target::find(client, &plan.table).await?;
    let (mut tables, mut places) = (Vec::new(), Vec::new());
    for swap in swaps {
        let (table, at) = place(Some(&swap.key))?;
        tables.push(table);
        places.push(at);
    }
    let (mut set, mut same, mut names, mut given) = <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    let mut texts: Vec<Vec<Option<&str>>> = Vec::new();
    for (position, column) in plan.columns.iter().enumerate() {
        let value = |swap: &'_ SealedSwap| swap.values.get(position).is_some_and(Option::is_some);
        // Of the others, some are of types that hold no text.
        if !swaps.iter().any(value) {
            continue;
        }
        let pairs = swaps.iter().map(|swap| {
            let value = swap.values.get(position).and_then(Option::as_ref);
            value.map(|(old, new)| (old.as_str(), new.as_str())).unzip()
        });
        let (old, new): (Vec<_>, Vec<_>) = pairs.unzip();
        texts.extend([old, new]);
        let (name, text) = (quoted(column), format!("{}::text", of_t(column)));
        let first = 1 + texts.len();
        set.push(format!("{name} = coalesce(u.n{position}, {text})"));
        same.push(format!("(u.o{position} IS NULL OR {text} = u.o{position})"));
        names.push(format!(", o{position}, n{position}"));
        given.push(format!(", ${first}::text[], ${}::text[]", first + 1));
    }
    if set.is_empty() {
        return Ok(vec![false; swaps.len()]);
    }
    let sql = format!(
        "UPDATE {} AS t SET {}
         FROM unnest($1::text[], $2::text[]{}) WITH ORDINALITY AS u(relation, place{}, position)
         WHERE t.tableoid = u.relation::oid AND t.ctid = u.place::tid AND {} RETURNING u.position",
        target.from(),
        set.join(", "),
        given.concat(),
        names.concat(),
        same.join(" AND ")
    );
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&tables, &places];
    parameters.extend(texts.iter().map(|texts| texts as &(dyn ToSql + Sync)));
    client.batch_execute(BEGIN).await?;
    let rows = client.query(&sql, &parameters).await?;
    client.batch_execute("COMMIT").await?;
    let mut swapped = vec![false; swaps.len()];
    for row in &rows {
        let at = usize::try_from(row.try_get::<_, i64>(0)? - 1).ok();
        if let Some(swapped) = at.and_then(|at| swapped.get_mut(at)) {
            *swapped = true;
        }
    }
    Ok(swapped)
}
