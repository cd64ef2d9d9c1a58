//! Whether a database is as the data map says, without a server and without keys.

use jiff::civil::Date;
use privet_classify::{DataMap, RetainFrom, SubjectPath};

use crate::adopt::{Plans, plan};
use crate::port::{
    Catalog, DataStore, ErasePlan, ReadPlan, Source, SourceError, StoreError, TableScan,
};
use crate::rows::{erasing, reading};
use crate::{SourceName, consent};

/// What a check found. It is passed when there are no problems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, one sentence each that says what to do.
    pub problems: Vec<String>,
    /// What is right but worth knowing.
    pub notes: Vec<String>,
    /// Sealed values found.
    pub sealed: u64,
}

/// What a map asks for that this version cannot do, one sentence each that says what to do. Asked wherever a map is read.
///
/// Closing an account destroys its keys at once; values that a law wants kept from that day on would go with them.
pub fn unsupported(map: &DataMap) -> Vec<String> {
    let from_closure = map.fields().filter(|field| {
        let retain = field.retain.as_ref();
        retain.is_some_and(|retain| retain.from == RetainFrom::Closure)
    });
    from_closure
        .map(|field| {
            format!(
                "field `{}`: this version cannot keep values from closure on: use a date column, or leave `retain` out",
                field.name
            )
        })
        .collect()
}

/// What a map says otherwise than what people were shown, one sentence each: a text of a notice never changes. Asks the data
/// store, and writes nothing.
///
/// # Errors
/// When the store cannot be read.
pub async fn check_notices(map: &DataMap, data: &dyn DataStore) -> Result<Vec<String>, StoreError> {
    consent::changed(data, map).await
}

/// Checks a source against the map: every column of its tables classified, every subject reachable, no plaintext in
/// a sealed column, index columns, indexes and guards in place.
///
/// # Errors
/// When the source cannot be read.
pub async fn check_source(map: &DataMap, source: &dyn Source) -> Result<Report, SourceError> {
    let catalog = source.catalog().await?;
    let plans = match plan(map, source.name(), &catalog) {
        Ok(plans) => plans,
        Err(problems) => {
            return Ok(Report {
                problems,
                ..Report::default()
            });
        }
    };
    let mut notes = plans.notes.clone();
    notes.extend(unlisted(map, source.name(), &catalog));
    let seals = plans.seals();
    let mut problems = source.obstacles(&seals).await?;
    // Whatever day it is: only what is kept depends on it.
    if let Err(found) = rights(map, source.name(), &catalog, Date::ZERO) {
        problems.extend(found);
    }
    if !problems.is_empty() {
        // What cannot be sealed cannot be counted either.
        return Ok(Report {
            problems,
            notes,
            sealed: 0,
        });
    }
    let mut sealed = 0;
    for table in &plans.tables {
        let scan = source.scan(&table.seal).await?;
        sealed += scan.sealed.iter().sum::<u64>();
        values(
            source.name().as_str(),
            &table.seal.table,
            &names(table),
            &scan,
            &mut problems,
        );
    }
    problems.extend(missing(source, &plans).await?);
    Ok(Report {
        problems,
        notes,
        sealed,
    })
}

/// The tables that the map does not list: nobody said anything about their columns, which may be right (products) or an
/// oversight.
fn unlisted(map: &DataMap, source: &SourceName, catalog: &Catalog) -> Option<String> {
    let listed = &map.source(source.as_str())?.tables;
    let names: Vec<String> = catalog
        .tables
        .iter()
        .filter(|table| !listed.iter().any(|one| one.name.as_str() == table.name))
        .map(|table| format!("`{}`", table.name))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "the data map does not list {}, so all that is in there is shown as it is",
            names.join(", ")
        )
    })
}

/// Whether a source was adopted as the map says, at the price of a look at its catalog: no row is read. Each sentence
/// says what is not as an adoption leaves it; the guards that refuse plaintext are put in place last, so that nothing is
/// said of a source only after an adoption was finished.
///
/// # Errors
/// When the source cannot be read.
pub async fn check_adopted(map: &DataMap, source: &dyn Source) -> Result<Vec<String>, SourceError> {
    let catalog = source.catalog().await?;
    match plan(map, source.name(), &catalog) {
        Ok(plans) => source.gaps(&plans.seals()).await,
        Err(problems) => Ok(problems),
    }
}

/// What is done with the rows of people in a source, table by table: for the copy that they get of their data, and when they
/// leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// How tables are read.
    pub reads: Vec<ReadPlan>,
    /// What is done for somebody who leaves, in its order, by the table that names them.
    pub erases: Vec<(String, Vec<ErasePlan>)>,
    /// Tables with personal columns for which the map has no rule, so that nothing is done there.
    pub unruled: Vec<String>,
}

/// Fits what the map says of people's rights to a source as it is; `today` decides what is kept still.
///
/// # Errors
/// Every problem, one sentence each that says what to do. While there is one, nothing is read or erased in that source.
pub fn rights(
    map: &DataMap,
    name: &SourceName,
    catalog: &Catalog,
    today: Date,
) -> Result<Rights, Vec<String>> {
    let mut rights = Rights::default();
    let mut problems = Vec::new();
    match reading(map, name, catalog) {
        Ok(tables) => {
            let plans = tables.into_iter();
            rights.reads = plans.map(|table| ReadPlan::clone(&table.plan)).collect();
        }
        Err(found) => problems.extend(found),
    }
    let tables = map
        .source(name.as_str())
        .into_iter()
        .flat_map(|source| &source.tables);
    let roots = tables.filter(|table| matches!(table.subject, Some(SubjectPath::Own { .. })));
    for root in roots {
        match erasing(map, name, catalog, root.name.as_str(), today) {
            Ok(found) => {
                rights.unruled.extend(found.unruled);
                rights.erases.push((root.name.to_string(), found.plans));
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(rights)
    } else {
        problems.sort();
        problems.dedup();
        Err(problems)
    }
}

fn names(table: &crate::adopt::TablePlan) -> Vec<&str> {
    table
        .seal
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect()
}

fn values(
    source: &str,
    table: &str,
    columns: &[&str],
    scan: &TableScan,
    problems: &mut Vec<String>,
) {
    for (column, plaintext) in columns.iter().zip(&scan.plaintext) {
        if *plaintext > 0 {
            problems.push(format!(
                "column `{column}` of table `{table}` holds {plaintext} values in plaintext: run `privet adopt {source}`"
            ));
        }
    }
    if scan.rows_without_subject > 0 {
        let rows: Vec<String> = scan
            .without_subject
            .iter()
            .map(ToString::to_string)
            .collect();
        problems.push(format!(
            "{} rows of table `{table}` have values but no subject (row ids {}{}): say whose they are, or empty them",
            scan.rows_without_subject,
            rows.join(", "),
            if (rows.len() as u64) < scan.rows_without_subject { ", …" } else { "" },
        ));
    }
}

async fn missing(source: &dyn Source, plans: &Plans) -> Result<Vec<String>, SourceError> {
    let gaps = source.gaps(&plans.seals()).await?;
    let name = source.name();
    Ok(gaps
        .into_iter()
        .map(|gap| format!("{gap}: run `privet adopt {name}`"))
        .collect())
}
