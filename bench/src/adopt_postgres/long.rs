//! A large table that is adopted while pgbench updates it, adds to it and goes on writing plaintext for as long as it is
//! let; and every row of it checked afterwards.
//!
//! Each of pgbench's transactions also writes into a table that nobody seals, so that what must be there is known: how
//! often each row was updated, which were renamed, which were added.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail, ensure};
use privet_cluster::Cluster;
use privet_vault::{AdoptOrder, Caller, Form, OpenItem, RevealedValue, Vault};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls, Row as SqlRow};

use super::{Bed, busy, shop};
use crate::adopt::run_job;
use crate::pgbench::PgBench;
use crate::place;
use crate::report::{Report, Row};

const DATABASE: &str = "long";
/// Transactions a second, in slices of so many seconds until the adoption is over.
const RATE: &str = "400";
const SLICE: &str = "5";
/// Rows that are checked at once; three values each.
const ROWS_CHECKED: i64 = 300;
const CHECKERS: i64 = 4;

/// A visit counts, and writes a new name in plaintext until that is refused. An arrival is a new row in plaintext, until
/// then. The constraint's refusal undoes that part alone.
const FUNCTIONS: &str = "
CREATE TABLE arrival (customer_id bigserial PRIMARY KEY);
CREATE TABLE refusal (number bigserial PRIMARY KEY);
CREATE FUNCTION visit(who bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO visit (customer_id) VALUES (who);
    BEGIN
        UPDATE customer SET visits = visits + 1, first_name = 'Again ' || who, renamed = true WHERE customer_id = who;
    EXCEPTION WHEN check_violation THEN
        UPDATE customer SET visits = visits + 1 WHERE customer_id = who;
    END;
END $$;
CREATE FUNCTION arrive() RETURNS void LANGUAGE plpgsql AS $$
DECLARE who bigint;
BEGIN
    INSERT INTO arrival DEFAULT VALUES RETURNING customer_id INTO who;
    INSERT INTO customer (customer_id, first_name, last_name, email, country)
        VALUES (who, 'New ' || who, 'Newer ' || who, 'new' || who || '@example.com', 'NO');
EXCEPTION WHEN check_violation THEN INSERT INTO refusal DEFAULT VALUES;
END $$;";

pub(super) async fn run(report: &mut Report, cluster: &Cluster, rows: u32) -> Result<()> {
    busy::fill(cluster, DATABASE, rows)?;
    let first = u64::from(rows) + 1;
    let functions = format!("{FUNCTIONS} ALTER SEQUENCE arrival_customer_id_seq RESTART {first}");
    cluster.sql(DATABASE, &functions)?;
    let bed = Bed::make(cluster, DATABASE, &busy::map()).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let updating = updating(cluster, &bed, rows, Arc::clone(&stop))?;
    let adopted = run_job(&bed.vault, &bed.source, AdoptOrder::SEAL).await;
    stop.store(true, Ordering::SeqCst);
    let transactions = updating.await??;
    let adopted = adopted?;
    ensure!(
        adopted.status.left == 0,
        "{} values are left in plaintext",
        adopted.status.left
    );
    let checked = check(&bed, cluster, rows, transactions).await?;
    let rate = adopted.status.done as f64 / adopted.whole.as_secs_f64();
    report.row(Row::new(
        format!("adopt {rows} rows in use"),
        rate,
        "values/s",
    ));
    report.row(Row::new(
        "  from start to end",
        adopted.whole.as_secs_f64(),
        "s",
    ));
    report.row(Row::new(
        "  pgbench's transactions, all kept",
        transactions,
        "",
    ));
    report.row(Row::new(
        "  values opened and compared",
        checked.values as f64,
        "",
    ));
    report.row(Row::new(
        "  renamed in plaintext meanwhile",
        checked.renamed as f64,
        "rows",
    ));
    report.row(Row::new(
        "  added in plaintext meanwhile",
        checked.arrived as f64,
        "rows",
    ));
    report.note(format!(
        "pgbench updates the table at {RATE} transactions a second all the while, with 4 clients, and writes names and rows in \
         plaintext until that is refused. Afterwards every row is read, every value opened and compared with what was last \
         written, and every row's count of updates with a table that is not sealed."
    ));
    bed.remove(cluster).await
}

type Updating = tokio::task::JoinHandle<Result<f64>>;

/// pgbench until it is told to stop; answers how many transactions it made.
fn updating(cluster: &Cluster, bed: &Bed, rows: u32, stop: Arc<AtomicBool>) -> Result<Updating> {
    let visits = bed.folder.join("visit.sql");
    std::fs::write(
        &visits,
        format!("\\set id random(1, {rows})\nSELECT visit(:id);\n"),
    )?;
    let arrivals = bed.folder.join("arrive.sql");
    std::fs::write(&arrivals, "SELECT arrive();\n")?;
    let weighed = |path: &std::path::Path, weight| Some(format!("{}@{weight}", path.to_str()?));
    let scripts = weighed(&visits, 9).zip(weighed(&arrivals, 1));
    let (visits, arrivals) = scripts.context("a folder's name is no text")?;
    let bench = PgBench::new(cluster, &bed.target);
    Ok(tokio::task::spawn_blocking(move || {
        let mut transactions = 0.0;
        while !stop.load(Ordering::SeqCst) {
            let ran = bench.run(&[
                "-n", "-M", "prepared", "-j", "1", "-c", "4", "-R", RATE, "-T", SLICE, "-f",
                &visits, "-f", &arrivals,
            ])?;
            transactions += ran.transactions;
        }
        Ok(transactions)
    }))
}

/// What was found.
#[derive(Debug, Clone, Copy, Default)]
struct Checked {
    values: u64,
    renamed: u64,
    arrived: u64,
}

async fn check(bed: &Bed, cluster: &Cluster, rows: u32, transactions: f64) -> Result<Checked> {
    let number = |sql: &str| -> Result<i64> { Ok(cluster.sql(DATABASE, sql)?.trim().parse()?) };
    // What pgbench says that it did is there, each row's updates are, and no row is missing or too many.
    let made = number(
        "SELECT (SELECT count(*) FROM visit) + (SELECT count(*) FROM arrival) + (SELECT count(*) FROM refusal)",
    )?;
    ensure!(
        made as f64 == transactions,
        "pgbench made {transactions} transactions, and {made} are there"
    );
    let wrong = number(
        "SELECT count(*) FROM customer FULL JOIN (SELECT customer_id, count(*) AS visits FROM visit GROUP BY 1) AS made
           USING (customer_id) WHERE customer.visits IS DISTINCT FROM coalesce(made.visits, 0)",
    )?;
    ensure!(
        wrong == 0,
        "{wrong} rows do not have the updates that were made"
    );
    let originals = number(&format!(
        "SELECT count(*) FROM customer WHERE customer_id <= {rows}"
    ))?;
    ensure!(
        originals == i64::from(rows),
        "{originals} of {rows} rows are there"
    );
    let strangers = number(&format!(
        "SELECT count(*) FROM customer WHERE customer_id > {rows} AND customer_id NOT IN (SELECT customer_id FROM arrival)"
    ))?;
    ensure!(strangers == 0, "{strangers} rows came from nowhere");
    let indexes = number("SELECT count(*) - count(DISTINCT email_px) FROM customer")?;
    ensure!(
        indexes == 0,
        "{indexes} rows have no blind index of their own"
    );
    let last = number("SELECT max(customer_id) FROM customer")?;

    let (job, _) = place::caller(&bed.vault, "job").await?;
    let mut checkers = JoinSet::new();
    let share = last / CHECKERS + 1;
    for nth in 0..CHECKERS {
        let (client, connection) = tokio_postgres::connect(&cluster.url(DATABASE), NoTls).await?;
        tokio::spawn(connection);
        let checker = Checker {
            client,
            vault: bed.vault.clone(),
            job: job.clone(),
            originals: i64::from(rows),
        };
        checkers.spawn(checker.rows(nth * share, (nth + 1) * share));
    }
    let mut whole = Checked::default();
    while let Some(checked) = checkers.join_next().await {
        let checked = checked??;
        whole.values += checked.values;
        whole.renamed += checked.renamed;
        whole.arrived += checked.arrived;
    }
    let there = number("SELECT count(*) FROM customer")?;
    ensure!(
        whole.values == 3 * there.unsigned_abs(),
        "not every value was compared"
    );
    Ok(whole)
}

/// Opens values and compares them.
struct Checker {
    client: Client,
    vault: Vault,
    job: Caller,
    originals: i64,
}

impl Checker {
    /// The rows with keys after `from` up to `to`.
    async fn rows(self, from: i64, to: i64) -> Result<Checked> {
        let select = self
            .client
            .prepare(
                "SELECT customer_id, first_name::text, last_name::text, email::text, renamed FROM customer
                  WHERE customer_id > $1 AND customer_id <= $2 ORDER BY customer_id LIMIT $3",
            )
            .await?;
        let (mut checked, mut after) = (Checked::default(), from);
        loop {
            let rows = self
                .client
                .query(&select, &[&after, &to, &ROWS_CHECKED])
                .await?;
            let Some(last) = rows.last() else {
                return Ok(checked);
            };
            after = last.try_get(0)?;
            self.compare(&rows, &mut checked).await?;
        }
    }

    async fn compare(&self, rows: &[SqlRow], checked: &mut Checked) -> Result<()> {
        let (mut items, mut expected) = (Vec::new(), Vec::new());
        for row in rows {
            let id: i64 = row.try_get(0)?;
            let renamed: bool = row.try_get(4)?;
            checked.renamed += u64::from(renamed);
            checked.arrived += u64::from(id > self.originals);
            let fields = ["first_name", "last_name", "email"];
            for (at, (field, value)) in fields.into_iter().zip(self.values(id, renamed)).enumerate()
            {
                items.push(OpenItem {
                    subject: format!("customer:{id}").parse()?,
                    field: field.to_owned(),
                    sealed: row.try_get(at + 1)?,
                });
                expected.push((id, field, value));
            }
        }
        let opened = self
            .vault
            .open_values(&self.job, &items, "service", Form::Clear)
            .await?;
        for (shown, (id, field, value)) in opened.iter().zip(&expected) {
            match shown {
                RevealedValue::Shown(text) if **text == *value => {}
                // Which, and not what: this is how values of real people would be spoken of, too.
                _ => bail!("`{field}` of row {id} is not what was last written"),
            }
        }
        checked.values += opened.len() as u64;
        Ok(())
    }

    fn values(&self, id: i64, renamed: bool) -> [String; 3] {
        if id > self.originals {
            return [
                format!("New {id}"),
                format!("Newer {id}"),
                format!("new{id}@example.com"),
            ];
        }
        let person = shop::person(id.unsigned_abs());
        let first_name = if renamed {
            format!("Again {id}")
        } else {
            person.first_name
        };
        [first_name, person.last_name, person.email]
    }
}
