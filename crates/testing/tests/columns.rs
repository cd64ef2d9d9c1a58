//! Sealed values and blind indexes as columns: `sqlx` on SQLite and PostgreSQL, `tokio-postgres`, with a domain like the one
//! that an adoption makes.

#![expect(clippy::unwrap_used, reason = "tests")]

use privet::{BlindIndex, Client, Field, NewSubject, Purpose, Sealed, Stored, SubjectName};
use privet_classify::{Uii, value};
use privet_cluster::Cluster;
use privet_testing::TestPrivet;
use sqlx::{Connection as _, Row as _};

const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
[fields.email]
number = 1
class = "UII"
type = "email"
lookup = { unique = true }
purposes = ["service"]
"#;

#[derive(Debug)]
struct Email;
impl Field for Email {
    const NAME: &'static str = "email";
    type Value = Uii<String, value::Email>;
}

/// Ada, with her address as it is stored.
struct Ada {
    _privet: TestPrivet,
    client: Client,
    name: SubjectName,
    stored: Stored<Email>,
}

fn email() -> Uii<String, value::Email> {
    Uii::new("ada@example.com".to_owned())
}

impl Ada {
    async fn new() -> Self {
        let privet = TestPrivet::start(MAP).await.unwrap();
        let client = privet.client("job").await.unwrap();
        let name = client
            .create_subject(&NewSubject::new())
            .await
            .unwrap()
            .into();
        let stored = client.seal_one::<Email>(&name, &email()).await.unwrap();
        Self {
            _privet: privet,
            client,
            name,
            stored,
        }
    }

    fn index(&self) -> &BlindIndex<Email> {
        self.stored.index.as_ref().unwrap()
    }

    /// What was read back is what was written, and opens.
    async fn check(&self, sealed: Sealed<Email>, index: Option<BlindIndex<Email>>) {
        assert_eq!((&sealed, &index), (&self.stored.sealed, &self.stored.index));
        let purpose = Purpose::new("service");
        let opened = self.client.open_one(&purpose, &self.name, &sealed).await;
        assert_eq!(opened.unwrap(), Some(email()));
    }
}

const TABLE: &str = "CREATE TABLE customer (email text, email_px text UNIQUE)";
const DOMAIN: &str = "CREATE DOMAIN sealed AS text CHECK (VALUE ~ '^pv1_')";
const TABLE_WITH_DOMAIN: &str = "CREATE TABLE customer (email sealed, email_px text UNIQUE)";

#[tokio::test]
async fn sqlx_reads_and_writes_them_in_sqlite() {
    let ada = Ada::new().await;
    let mut db = sqlx::SqliteConnection::connect("sqlite::memory:")
        .await
        .unwrap();
    sqlx::query(TABLE).execute(&mut db).await.unwrap();
    sqlx::query("INSERT INTO customer VALUES ($1, $2)")
        .bind(&ada.stored.sealed)
        .bind(&ada.stored.index)
        .execute(&mut db)
        .await
        .unwrap();
    let row = sqlx::query("SELECT email, email_px FROM customer WHERE email_px = $1")
        .bind(ada.index())
        .fetch_one(&mut db)
        .await
        .unwrap();
    ada.check(row.get(0), row.get(1)).await;
    // What nobody sealed is not taken for sealed, and is not shown by the error.
    sqlx::query("INSERT INTO customer VALUES ('eve@example.com', NULL)")
        .execute(&mut db)
        .await
        .unwrap();
    let row = sqlx::query("SELECT email, email_px FROM customer WHERE email_px IS NULL")
        .fetch_one(&mut db)
        .await
        .unwrap();
    let error = row.try_get::<Sealed<Email>, _>(0).unwrap_err().to_string();
    assert!(
        error.contains("not a sealed value of field `email`"),
        "{error}"
    );
    assert!(!error.contains("eve"));
    assert_eq!(row.get::<Option<BlindIndex<Email>>, _>(1), None);
}

#[tokio::test]
async fn sqlx_reads_and_writes_them_in_a_domain_of_postgresql() {
    let ada = Ada::new().await;
    let cluster = Cluster::start().unwrap();
    cluster.database("shop").unwrap();
    let mut db = sqlx::PgConnection::connect(&cluster.url("shop"))
        .await
        .unwrap();
    for statement in [DOMAIN, TABLE_WITH_DOMAIN] {
        sqlx::query(statement).execute(&mut db).await.unwrap();
    }
    sqlx::query("INSERT INTO customer VALUES ($1, $2)")
        .bind(&ada.stored.sealed)
        .bind(&ada.stored.index)
        .execute(&mut db)
        .await
        .unwrap();
    let row = sqlx::query("SELECT email, email_px FROM customer WHERE email_px = $1")
        .bind(ada.index())
        .fetch_one(&mut db)
        .await
        .unwrap();
    ada.check(row.get(0), row.get(1)).await;
}

#[tokio::test]
async fn tokio_postgres_reads_and_writes_them_in_a_domain() {
    let ada = Ada::new().await;
    let cluster = Cluster::start().unwrap();
    cluster.database("shop").unwrap();
    let (db, connection) = tokio_postgres::connect(&cluster.url("shop"), tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    for statement in [DOMAIN, TABLE_WITH_DOMAIN] {
        db.batch_execute(statement).await.unwrap();
    }
    let insert = "INSERT INTO customer VALUES ($1, $2)";
    db.execute(insert, &[&ada.stored.sealed, &ada.stored.index])
        .await
        .unwrap();
    let select = "SELECT email, email_px FROM customer WHERE email_px = $1";
    let row = db.query_one(select, &[ada.index()]).await.unwrap();
    ada.check(row.get(0), row.get(1)).await;
    // A number is no place for them.
    db.batch_execute("CREATE TABLE other (number bigint)")
        .await
        .unwrap();
    let wrong = db
        .execute("INSERT INTO other VALUES ($1)", &[&ada.stored.sealed])
        .await;
    assert!(wrong.is_err());
    drop(db);
    connection.await.unwrap().unwrap();
}
