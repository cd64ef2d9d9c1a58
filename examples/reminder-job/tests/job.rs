//! The job over a real database and a Privet in memory.

#![expect(clippy::unwrap_used, reason = "tests")]

use privet::wire::Oid;
use privet::{Client, NewSubject, SealBatch};
use privet_classify::synthetic::Person;
use privet_classify::{DataMap, Uii};
use privet_testing::{TestPrivet, Trouble};
use reminder_job::fields::field;
use reminder_job::{Outcome, run};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

const MAP: &str = include_str!("../datamap.toml");
const TABLES: [&str; 2] = [
    "CREATE TABLE customer (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, email_px TEXT)",
    "CREATE TABLE parcel (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, reminded INTEGER NOT NULL DEFAULT 0)",
];

struct Bed {
    privet: TestPrivet,
    client: Client,
    database: SqlitePool,
    customers: Vec<Oid>,
}

impl Bed {
    /// A shop with so many customers, a parcel for each.
    async fn new(count: u64) -> Self {
        let privet = TestPrivet::start(MAP).await.unwrap();
        let client = privet.client("job").await.unwrap();
        // All connections to a database in memory are one.
        let one = SqlitePoolOptions::new().max_connections(1);
        let options = SqliteConnectOptions::new().in_memory(true);
        let database = one.connect_with(options).await.unwrap();
        for table in TABLES {
            sqlx::query(table).execute(&database).await.unwrap();
        }
        let mut bed = Self {
            privet,
            client,
            database,
            customers: Vec::new(),
        };
        bed.fill(count).await;
        bed
    }

    async fn fill(&mut self, count: u64) {
        let mut batch = SealBatch::new();
        let mut slots = Vec::new();
        for index in 0..count {
            let oid = self
                .client
                .create_subject(&NewSubject::new())
                .await
                .unwrap();
            let person = Person::new(3, index);
            let name = Uii::new(person.full_name());
            let name = batch.add::<field::Name>(&oid.into(), &name);
            let email = batch.add::<field::Email>(&oid.into(), &Uii::new(person.email));
            slots.push((oid, name, email));
        }
        let mut sealed = self.client.seal(batch).await.unwrap();
        for (oid, name, email) in slots {
            sqlx::query("INSERT INTO customer (id, name, email) VALUES ($1, $2, $3)")
                .bind(oid.to_string())
                .bind(sealed.take(name).unwrap().sealed)
                .bind(sealed.take(email).unwrap().sealed)
                .execute(&self.database)
                .await
                .unwrap();
            sqlx::query("INSERT INTO parcel (customer) VALUES ($1)")
                .bind(oid.to_string())
                .execute(&self.database)
                .await
                .unwrap();
            self.customers.push(oid);
        }
    }

    async fn run(&self) -> (anyhow::Result<Outcome>, String) {
        let mut mails = Vec::new();
        let outcome = run(&self.database, &self.client, &mut mails).await;
        (outcome, String::from_utf8(mails).unwrap())
    }
}

#[tokio::test]
async fn everybody_who_is_still_there_gets_one_mail() {
    let bed = Bed::new(1_100).await;
    let gone = [3, 700].map(|index| *bed.customers.get(index).unwrap());
    for oid in gone {
        bed.client.close(oid).await.unwrap();
    }
    let (outcome, mails) = bed.run().await;
    let all = Outcome {
        written: 1_098,
        gone: 2,
    };
    assert_eq!(outcome.unwrap(), all);
    assert_eq!(mails.matches("\r\nHello ").count(), 1_098);
    for index in [0, 3, 700, 1_099] {
        let email = format!("To: {}\r\n", Person::new(3, index).email);
        assert_eq!(
            mails.contains(&email),
            index != 3 && index != 700,
            "{email}"
        );
    }
    // Two values of 500 people a request, each request on record under the job's name and purpose.
    let looks = bed.privet.looks().await.unwrap();
    let looks: Vec<_> = looks
        .iter()
        .map(|look| (&*look.principal, &*look.purpose, look.fields.join(" ")))
        .collect();
    assert_eq!(looks, vec![("job", "service", "email name".to_owned()); 3]);
    let (again, mails) = bed.run().await;
    assert_eq!((again.unwrap(), &*mails), (Outcome::default(), ""));
}

#[tokio::test]
async fn a_run_that_was_cut_short_is_gone_on_with() {
    let bed = Bed::new(600).await;
    // The second batch meets a server that went away during the first.
    let mut mails = Vec::new();
    let first = run_with_trouble(&bed, &mut mails).await;
    assert!(first.is_err());
    assert_eq!(
        String::from_utf8(mails).unwrap().matches("To: ").count(),
        500
    );
    let (second, mails) = bed.run().await;
    assert_eq!(second.unwrap().written, 100);
    assert_eq!(mails.matches("To: ").count(), 100);
}

/// A mailer that lets the server go away with the first mail.
struct Mailer<'a> {
    bed: &'a Bed,
    mails: &'a mut Vec<u8>,
}

impl std::io::Write for Mailer<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.mails.is_empty() {
            self.bed
                .privet
                .transport()
                .trouble([Trouble::Unreachable; 4]);
        }
        self.mails.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn run_with_trouble(bed: &Bed, mails: &mut Vec<u8>) -> anyhow::Result<Outcome> {
    run(&bed.database, &bed.client, &mut Mailer { bed, mails }).await
}

#[test]
fn code_and_data_map_agree() {
    let map = DataMap::parse(MAP).unwrap();
    let files = [
        ("fields.rs", include_str!("../src/fields.rs")),
        ("lib.rs", include_str!("../src/lib.rs")),
        ("main.rs", include_str!("../src/main.rs")),
    ];
    let report = privet_code::check(&map, &files);
    assert!(report.problems.is_empty(), "{:#?}", report.problems);
    assert_eq!(report.reveals.len(), 1, "{:#?}", report.reveals);
}
