//! A shop on a real server of PostgreSQL, which goes on being used while it is adopted.

pub(crate) mod chinook;
mod living;
mod sealing;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_source::{PostgresAddresses, PostgresSource};
use privet_vault::{AdoptOrder, JobStatus, SourceName, Vault};

use crate::bed::{Setting, Stores, caller, ended, opened, parts};

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start().unwrap());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// As `bed::SCHEMA`, as people write it for PostgreSQL.
pub(crate) const SCHEMA: &str = "
CREATE TABLE customer (id bigserial PRIMARY KEY, name varchar(60) NOT NULL, email varchar(40) UNIQUE,
                       birthday text COLLATE \"C\", country text);
CREATE TABLE invoice (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer_id bigint REFERENCES customer (id),
                      at timestamp, address text);
CREATE TABLE message (invoice_id uuid REFERENCES invoice (id), number int, body text, PRIMARY KEY (invoice_id, number));
CREATE TABLE product (id serial PRIMARY KEY, title text);";

pub(crate) const ROWS: &str = "
INSERT INTO customer VALUES (1, 'Ada Marker', 'Ada@marker.example', '1990-12-31', 'UK'),
  (2, 'Bo Marker', NULL, '1988-02-29', 'NO'), (7, 'Cy Marker', 'cy@marker.example', NULL, NULL);
INSERT INTO invoice VALUES ('00000000-0000-0000-0000-000000000001', 1, '2024-02-03 10:00:00', '1 Marker St'),
  ('00000000-0000-0000-0000-000000000002', 1, '2025-02-03', '2 Marker St'),
  ('00000000-0000-0000-0000-000000000003', 7, '2015-02-03', '3 Marker St'),
  ('00000000-0000-0000-0000-000000000004', 2, '2024-05-06', NULL);
INSERT INTO message VALUES ('00000000-0000-0000-0000-000000000002', 1, 'Marker: where is my lamp?');";

/// The data map for it: messages have a number in place of an id.
pub(crate) fn map() -> String {
    crate::bed::MAP.replace(
        "invoice_id = { class = \"SYS\" }\nbody",
        "invoice_id = { class = \"SYS\" }\nnumber = { class = \"SYS\" }\nbody",
    )
    .replace("subject = \"invoice_id -> invoice\"\n[sources.shop.tables.message.columns]\nid = { class = \"SYS\" }\n",
             "subject = \"invoice_id -> invoice\"\n[sources.shop.tables.message.columns]\n")
}

/// A database of its own, a vault over it, and who uses both.
pub(crate) struct Shop {
    pub(crate) database: String,
    pub(crate) stores: Stores,
    pub(crate) vault: Vault,
    pub(crate) source: SourceName,
    pub(crate) port: Arc<PostgresSource>,
}

impl Shop {
    pub(crate) async fn new(sql: &str) -> Self {
        let setting = Setting {
            map: map(),
            ..Setting::default()
        };
        Self::with(&setting, "shop", sql).await
    }

    pub(crate) async fn with(setting: &Setting, name: &str, sql: &str) -> Self {
        let database = new_database();
        run_sql(&database, sql);
        let port = Arc::new(source(name, &CLUSTER.url(&database)));
        let stores = Stores::new().await;
        let vault = Vault::start(parts(&stores, port.clone(), setting))
            .await
            .unwrap();
        Self {
            database,
            stores,
            vault,
            source: name.parse().unwrap(),
            port,
        }
    }

    /// Runs SQL as the superuser and answers what was printed, without the last line's end.
    pub(crate) fn sql(&self, sql: &str) -> String {
        run_sql(&self.database, sql)
    }

    pub(crate) async fn adopt(&self, order: AdoptOrder) -> JobStatus {
        let operator = caller(&self.vault, "operator").await;
        let started = self.vault.adopt_start(&operator, &self.source, order).await;
        ended(&self.vault, &operator, started.unwrap()).await
    }

    /// A sealed value of the shop's database, opened as this subject's.
    pub(crate) async fn opened(&self, subject: &str, field: &str, sql: &str) -> String {
        opened(&self.vault, subject, field, &self.sql(sql)).await
    }

    pub(crate) async fn client(&self) -> tokio_postgres::Client {
        client(&self.database).await
    }

    /// Whether a file of this database's relations holds this text, once the server has written out what it has in
    /// memory.
    pub(crate) fn holds(&self, relation: &str, text: &str) -> bool {
        self.sql("CHECKPOINT");
        let held = format!(
            "SELECT position('{text}'::bytea IN pg_read_binary_file(pg_relation_filepath('{relation}'))) > 0"
        );
        self.sql(&held) == "t"
    }

    /// The whole database as text, as `pg_dump` writes it.
    pub(crate) fn dump(&self) -> String {
        dump(&self.database)
    }
}

pub(crate) fn dump(database: &str) -> String {
    let dump = std::process::Command::new(CLUSTER.program("pg_dump"))
        .arg(url(database))
        .output()
        .unwrap();
    assert!(dump.status.success());
    // Newer versions write a random key around the dump; rows come in whatever order they lie.
    let text = String::from_utf8(dump.stdout).unwrap();
    let mut lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].starts_with("COPY "))
        .collect();
    for start in starts {
        let end = lines[start..]
            .iter()
            .position(|line| *line == "\\.")
            .unwrap();
        lines[start + 1..start + end].sort_unstable();
    }
    lines.join("\n")
}

pub(crate) fn url(database: &str) -> String {
    CLUSTER.url(database)
}

pub(crate) fn new_database() -> String {
    let database = format!("shop_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    CLUSTER.database(&database).unwrap();
    database
}

pub(crate) fn run_sql(database: &str, sql: &str) -> String {
    CLUSTER.sql(database, sql).unwrap().trim_end().to_owned()
}

pub(crate) fn source(name: &str, owner: &str) -> PostgresSource {
    let rules = Rules {
        folder: Path::new("."),
        plaintext: Plaintext::Local,
    };
    let address = Arc::new(Address::new(owner, &rules).unwrap());
    let addresses = PostgresAddresses {
        console: address.clone(),
        reader: address.clone(),
        owner: Some(address),
    };
    PostgresSource::new(name.parse().unwrap(), addresses, Vec::new())
}

pub(crate) async fn client(database: &str) -> tokio_postgres::Client {
    let connected = tokio_postgres::connect(&CLUSTER.url(database), tokio_postgres::NoTls).await;
    let (client, connection) = connected.unwrap();
    tokio::spawn(connection);
    client
}
