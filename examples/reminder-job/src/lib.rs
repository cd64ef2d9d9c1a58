//! A job that reminds customers of parcels that wait for them, to show how a program works through many people's data: in
//! batches, for one purpose, under its own identity, so that it can be stopped and started again at any point.
//!
//! It opens names and addresses of a batch at a time, writes the mails, and marks the rows. Who has left in the meantime is
//! passed over: nothing of theirs opens.

// `privet classify --lang rust --client --map datamap.toml`
pub mod fields;

use std::io::Write;

use anyhow::{Context as _, Result};
use privet::{Client, OpenBatch, Sealed, SubjectName};
use privet_classify::{Because, because};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

use fields::{field, purpose};

/// Customers of one batch: two values each, and a request takes 1,000.
const BATCH: i64 = 500;

const WHY: Because = because("the mail goes to the customer themself");

/// What became of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Mails written.
    pub written: u64,
    /// Customers who have left.
    pub gone: u64,
}

/// A parcel that waits, with what its customer's row holds.
struct Waiting {
    parcel: i64,
    subject: SubjectName,
    name: Sealed<field::Name>,
    email: Sealed<field::Email>,
}

impl Waiting {
    fn read(row: &SqliteRow) -> Result<Self> {
        let subject: String = row.try_get("customer")?;
        let subject: privet::wire::Oid = subject.parse().context("a customer's id")?;
        Ok(Self {
            parcel: row.try_get("parcel")?,
            subject: subject.into(),
            name: row.try_get("name")?,
            email: row.try_get("email")?,
        })
    }
}

/// Writes a mail for each parcel whose customer was not reminded yet.
///
/// # Errors
/// When the database, Privet or the mailer fails; what was done until then is kept, and another run goes on from there.
pub async fn run(
    database: &SqlitePool,
    privet: &Client,
    mailer: &mut impl Write,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    loop {
        let waiting = next(database).await?;
        if waiting.is_empty() {
            return Ok(outcome);
        }
        remind(database, privet, mailer, &waiting, &mut outcome).await?;
    }
}

async fn next(database: &SqlitePool) -> Result<Vec<Waiting>> {
    let rows = sqlx::query(
        "SELECT parcel.id AS parcel, customer.id AS customer, customer.name, customer.email
         FROM parcel JOIN customer ON customer.id = parcel.customer
         WHERE parcel.reminded = 0 ORDER BY parcel.id LIMIT $1",
    )
    .bind(BATCH)
    .fetch_all(database)
    .await?;
    rows.iter().map(Waiting::read).collect()
}

async fn remind(
    database: &SqlitePool,
    privet: &Client,
    mailer: &mut impl Write,
    waiting: &[Waiting],
    outcome: &mut Outcome,
) -> Result<()> {
    let mut batch = OpenBatch::new(purpose::SERVICE);
    let slots: Vec<_> = waiting
        .iter()
        .map(|row| {
            let name = batch.add(&row.subject, &row.name);
            (name, batch.add(&row.subject, &row.email))
        })
        .collect();
    let mut opened = privet.open(batch).await?;
    for (row, (name, email)) in waiting.iter().zip(slots) {
        match (opened.take(name)?, opened.take(email)?) {
            (Some(name), Some(email)) => {
                write(mailer, &name, &email).context("the mailer")?;
                outcome.written += 1;
            }
            _ => outcome.gone += 1,
        }
        // One by one: after a crash at most one customer is reminded twice, and none is forgotten.
        sqlx::query("UPDATE parcel SET reminded = 1 WHERE id = $1")
            .bind(row.parcel)
            .execute(database)
            .await?;
    }
    Ok(())
}

/// A mail in the form of RFC 5322, as `sendmail -t` takes it.
fn write(
    mailer: &mut impl Write,
    name: &fields::Name,
    email: &fields::Email,
) -> std::io::Result<()> {
    let (name, email) = (name.reveal(WHY), email.reveal(WHY));
    write!(
        mailer,
        "To: {email}\r\nSubject: Your parcel waits for you\r\n\r\nHello {name},\r\n\r\nyour parcel waits for you.\r\n\r\n"
    )?;
    mailer.flush()
}
