//! Whether a database is as the data map says, without a server and without keys.

use privet_classify::{DataMap, RetainFrom};

use crate::SourceName;
use crate::adopt::{Plans, plan};
use crate::port::{Catalog, Source, SourceError, TableScan};

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
