//! Somebody with very many rows leaves: in transactions that an application waits for a moment each, however many there are.

use std::io::Read as _;
use std::path::Path;

use crate::leaving::{close, entries, orphans, shop, until};

/// Rows that a transaction erases at most.
const AT_ONCE: u32 = 1_000;
/// One in so many is of somebody else.
const OTHERS: u32 = 100;

/// So many in each of two tables.
const COUNT: u32 = 100_000;

/// How many transactions have changed a file (<https://sqlite.org/fileformat2.html#file_change_counter>).
fn transactions(path: &Path) -> u32 {
    let mut head = [0; 28];
    let mut file = std::fs::File::open(path).unwrap();
    file.read_exact(&mut head).unwrap();
    u32::from_be_bytes(head[24..].try_into().unwrap())
}

#[tokio::test]
async fn whoever_has_very_many_rows_leaves_step_by_step() {
    let bed = shop().await;
    // Invoices that are too old for any law, with a message each.
    bed.execute(&format!(
        "CREATE INDEX invoice_of ON invoice (customer_id);
         CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);
         INSERT INTO n WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {COUNT}) SELECT i FROM r;
         BEGIN;
         INSERT INTO invoice SELECT 1000 + i, CASE WHEN i % {OTHERS} = 0 THEN 7 ELSE 1 END, '2010-01-01',
           (SELECT address FROM invoice WHERE id = 1) FROM n;
         INSERT INTO message SELECT 1000 + i, 1000 + i, (SELECT body FROM message WHERE id = 1) FROM n;
         COMMIT;"
    ));
    let before = transactions(&bed.path());
    close(&bed.vault, "customer:1").await;
    // What takes longer than whoever closes an account waits goes on by itself.
    let last = "SELECT CAST(count(*) AS TEXT) FROM invoice WHERE customer_id = 1 AND address IS NOT NULL AND at < '2011'";
    let done = async || orphans(&bed.stores).await == ["customer:1"] && bed.value(last) == "0";
    until("the rest of the erasure", async || {
        done().await && settled(&entries(&bed.vault).await)
    })
    .await;
    let others = (COUNT / OTHERS).to_string();
    for left in [
        "SELECT CAST(count(*) AS TEXT) FROM message",
        "SELECT CAST(count(address) AS TEXT) FROM invoice WHERE at < '2011'",
    ] {
        assert_eq!(bed.value(left), others, "{left}");
    }
    let rows = 2 * (COUNT - COUNT / OTHERS);
    let transactions = transactions(&bed.path()).wrapping_sub(before);
    assert!(
        transactions >= rows / AT_ONCE,
        "{rows} rows in {transactions} transactions"
    );
}

/// Whether the last entry says that nothing is outstanding.
fn settled(entries: &[String]) -> bool {
    entries.last().map(String::as_str) == Some(r#"{"outstanding": 0}"#)
}
