//! The application's database: customers whose personal columns are sealed by adopting it, and their invoices.

use std::path::Path;
use std::time::Duration;

use privet_vault::{AdoptOrder, Caller, Vault};

/// Names, mail addresses, phones and notes of the customers 1, 2, 3.
pub(crate) const CUSTOMERS: [[&str; 4]; 3] = [
    [
        "Ada",
        "ada@example.com",
        "+1 555 0100",
        "wrote about her order; likes tea",
    ],
    [
        "Ben",
        "ben@example.com",
        "+1 555 0101",
        "asked for a refund",
    ],
    [
        "Zoë",
        "zoe@example.com",
        "+1 555 0102",
        "pv1_ is not a sealed value",
    ],
];

/// Creates the file in plaintext, as an application has it.
pub(crate) fn create(file: &Path) {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE customer (
                 id INTEGER PRIMARY KEY,
                 first_name TEXT NOT NULL,
                 email VARCHAR(120),
                 phone INTEGER,
                 note TEXT,
                 country TEXT,
                 visits INTEGER
             );
             CREATE TABLE invoice (
                 id INTEGER PRIMARY KEY,
                 customer_id INTEGER NOT NULL REFERENCES customer (id),
                 total REAL,
                 paid NUMERIC,
                 scan BLOB
             );
             CREATE INDEX invoice_customer ON invoice (customer_id);
             CREATE VIEW spender AS
                 SELECT customer_id, sum(total) AS spent FROM invoice GROUP BY customer_id;",
        )
        .unwrap();
    for (id, [first_name, email, phone, note]) in (1_u32..).zip(CUSTOMERS) {
        connection
            .execute(
                "INSERT INTO customer VALUES (?1, ?2, ?3, ?4, ?5, 'NZ', ?6)",
                rusqlite::params![id, first_name, email, phone, note, id * 10],
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO invoice VALUES (?1, ?2, ?3, 1, x'00ff')",
                rusqlite::params![id * 100, id, f64::from(id) + 0.5],
            )
            .unwrap();
    }
}

/// Seals its personal columns.
pub(crate) async fn adopt(vault: &Vault, operator: &Caller) {
    assert_eq!(adopt_source(vault, operator, "shop").await, 12);
}

/// Seals those of any source that is like it; answers how many values it had.
pub(crate) async fn adopt_source(vault: &Vault, operator: &Caller, source: &str) -> u64 {
    let job = vault
        .adopt_start(operator, &source.parse().unwrap(), AdoptOrder::SEAL)
        .await
        .unwrap();
    let watched = async {
        loop {
            let status = vault.adopt_status(operator, job).await.unwrap();
            if status.state.is_over() {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    let status = tokio::time::timeout(Duration::from_secs(120), watched)
        .await
        .unwrap();
    assert_eq!(status.left, 0, "{status:?}");
    status.done
}
