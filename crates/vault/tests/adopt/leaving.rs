//! Closing an account erases the person's rows in applications' databases: now, or when they can be reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use privet_vault::audit::Entry;
use privet_vault::port::Source;
use privet_vault::{Clock, Closed, RowsErased, SubjectName, Vault};
use rusqlite::Connection;

use crate::bed::{Bed, MAP, ROWS, SCHEMA, Setting, Stores, bed_with, caller, parts, sqlite};
use crate::postgres;

/// A clock that is moved by hand, from 2026-11-20 on.
#[derive(Default)]
pub(crate) struct Calendar(AtomicI64);

impl Calendar {
    pub(crate) fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap();
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Moves to the beginning of a day.
    fn to(&self, day: Date) {
        let day = day.to_zoned(TimeZone::UTC).unwrap().timestamp();
        self.0
            .store(day.as_second() - BEGIN.as_second(), Ordering::SeqCst);
    }
}

const BEGIN: Timestamp = Timestamp::constant(1_795_132_800, 0);

impl Clock for Calendar {
    fn now(&self) -> Timestamp {
        BEGIN + Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

/// The shop's map with what is left of whom: customers as tombstones, invoices without what is personal, no messages.
pub(crate) fn with_rules(map: &str) -> String {
    let rule = |map: String, subject: &str, erase: &str| {
        map.replace(subject, &format!("{subject}erase = \"{erase}\"\n"))
    };
    let map = rule(map.to_owned(), "subject = \"id\"\n", "tombstone");
    let map = rule(map, "subject = \"customer_id -> customer\"\n", "null");
    rule(map, "subject = \"invoice_id -> invoice\"\n", "row")
}

fn setting() -> Setting {
    Setting {
        map: with_rules(MAP),
        ..Setting::default()
    }
}

pub(crate) async fn shop() -> Bed {
    let bed = bed_with(&setting(), &format!("{SCHEMA}{ROWS}")).await;
    bed.adopt().await;
    bed
}

pub(crate) async fn close(vault: &Vault, subject: &str) -> Closed {
    let operator = caller(vault, "operator").await;
    let subject: SubjectName = subject.parse().unwrap();
    vault.close_subject(&operator, &subject).await.unwrap()
}

/// `customer 0 1 0 0`: deleted, cleared, detached, kept.
fn counts(closed: &Closed) -> Vec<String> {
    let rows = closed.rows.erased.iter();
    rows.map(|((_, table), rows)| {
        let RowsErased {
            deleted,
            cleared,
            detached,
            kept,
        } = rows;
        format!("{table} {deleted} {cleared} {detached} {kept}")
    })
    .collect()
}

/// Waits for what maintenance does.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while !is_so().await {
            looks.tick().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), waiting).await;
    assert!(waited.is_ok(), "{what} did not happen");
}

pub(crate) async fn orphans(stores: &Stores) -> Vec<String> {
    let shop = "shop".parse().unwrap();
    let far = date(9000, 1, 1);
    let rows = stores.keys.orphan_rows(&shop, far, None, 100).await;
    rows.unwrap()
        .into_iter()
        .map(|row| format!("{}:{}", row.table, row.key))
        .collect()
}

/// The entries about erased rows: who, how many outstanding.
pub(crate) async fn entries(vault: &Vault) -> Vec<String> {
    let entries = vault.audit().entries(0, 4_000).await.unwrap();
    let entries = entries.iter().map(|bytes| Entry::parse(bytes).unwrap());
    let about = entries.filter(|entry| entry.t == "erasure.rows");
    about
        .map(|entry| {
            assert_eq!(entry.facts.len(), 0, "nothing in the open that counts rows");
            format!("{:?}", entry.counts)
        })
        .collect()
}

#[tokio::test]
async fn an_account_that_is_closed_leaves_no_rows_behind() {
    let bed = shop().await;
    let others = "SELECT group_concat(name || coalesce(email, '') || coalesce(birthday, '') || coalesce(email_px, '')) FROM customer WHERE id <> 1";
    let before = bed.value(others);
    let address = bed.value("SELECT address FROM invoice WHERE id = 1");
    let closed = close(&bed.vault, "customer:1").await;
    assert_eq!(
        counts(&closed),
        ["customer 0 1 0 0", "invoice 0 0 0 2", "message 1 0 0 0"]
    );
    assert_eq!(closed.rows.outstanding, BTreeMap::new());
    assert_eq!(closed.rows.unruled.len(), 0);
    assert_eq!(closed.kept.len(), 2);
    let row = "SELECT (name LIKE 'pv1\\_AQAAAAAA%' ESCAPE '\\') || (email LIKE 'pv1\\_AQAAAAAA%' ESCAPE '\\')
                 || (email_px IS NULL) || (country IS NULL) || (birthday LIKE 'pv1\\_AQAAAAAA%' ESCAPE '\\') FROM customer WHERE id = 1";
    assert_eq!(bed.value(row), "11111");
    assert_eq!(bed.value(others), before);
    assert_eq!(
        bed.value("SELECT address FROM invoice WHERE id = 1"),
        address
    );
    assert_eq!(bed.value("SELECT CAST(count(*) AS TEXT) FROM message"), "0");
    assert_eq!(entries(&bed.vault).await, [r#"{"outstanding": 0}"#]);
    // What law keeps is looked at again on its day.
    assert_eq!(orphans(&bed.stores).await, ["customer:1"]);
}

#[tokio::test]
async fn a_server_of_postgresql_lets_go_of_rows_too() {
    let setting = Setting {
        map: with_rules(&postgres::map()),
        ..Setting::default()
    };
    let sql = format!("{}{}", postgres::SCHEMA, postgres::ROWS);
    let shop = postgres::Shop::with(&setting, "shop", &sql).await;
    shop.adopt(privet_vault::AdoptOrder::SEAL).await;
    let others = "SELECT string_agg(c::text, ';' ORDER BY id) FROM customer c WHERE id <> 1";
    let before = shop.sql(others);
    let closed = close(&shop.vault, "customer:1").await;
    assert_eq!(
        counts(&closed),
        ["customer 0 1 0 0", "invoice 0 0 0 2", "message 1 0 0 0"]
    );
    let row = "SELECT name LIKE 'pv1\\_AQAAAAAA%', email LIKE 'pv1\\_AQAAAAAA%', email_px IS NULL, country IS NULL
               FROM customer WHERE id = 1";
    assert_eq!(shop.sql(row), "t|t|t|t");
    assert_eq!(shop.sql(others), before);
    assert_eq!(shop.sql("SELECT count(*) FROM message"), "0");
    let closed = close(&shop.vault, "customer:2").await;
    assert_eq!(counts(&closed), ["customer 0 1 0 0"]);
    assert_eq!(orphans(&shop.stores).await, ["customer:1"]);
}

#[tokio::test]
async fn a_database_that_is_away_delays_and_does_not_fail() {
    let bed = shop().await;
    let (path, away) = (bed.path(), bed.dir.path().join("away.sqlite"));
    std::fs::rename(&path, &away).unwrap();
    // A server that starts anew has no file open.
    let source = Arc::new(sqlite("shop", &path));
    let vault = Vault::start(parts(&bed.stores, source, &setting()))
        .await
        .unwrap();
    let closed = close(&vault, "customer:2").await;
    let why: Vec<_> = closed
        .rows
        .outstanding
        .iter()
        .map(|(source, why)| format!("{source}: {why}"))
        .collect();
    assert!(
        why.len() == 1 && why[0].starts_with("shop: source `shop` cannot be reached"),
        "{why:?}"
    );
    assert_eq!(counts(&closed), [""; 0]);
    assert_eq!(orphans(&bed.stores).await, ["customer:2"]);
    assert_eq!(
        entries(&vault).await.last().map(String::as_str),
        Some(r#"{"outstanding": 1}"#)
    );
    std::fs::rename(&away, &path).unwrap();
    until("the rest of the erasure", async || {
        orphans(&bed.stores).await.is_empty()
    })
    .await;
    let name = "SELECT substr(name, 1, 12) FROM customer WHERE id = 2";
    assert_eq!(bed.value(name), "pv1_AQAAAAAA");
}

#[tokio::test]
async fn a_database_that_lost_a_column_is_left_as_it_is() {
    let bed = shop().await;
    bed.execute("ALTER TABLE message RENAME COLUMN body TO words");
    let everything = "SELECT group_concat(name || coalesce(country, '')) FROM customer";
    let before = bed.value(everything);
    let closed = close(&bed.vault, "customer:1").await;
    let why = closed.rows.outstanding.values().next().unwrap();
    assert!(
        why.contains("table `message` has no column `body`"),
        "{why}"
    );
    assert_eq!((counts(&closed), bed.value(everything)), (vec![], before));
    bed.execute("ALTER TABLE message RENAME COLUMN words TO body");
    let gone = "SELECT CAST(count(*) AS TEXT) FROM message";
    until("the rest of the erasure", async || bed.value(gone) == "0").await;
}

#[tokio::test]
async fn what_law_kept_goes_on_its_day() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.sqlite");
    Connection::open(&path)
        .unwrap()
        .execute_batch(&format!("{SCHEMA}{ROWS}"))
        .unwrap();
    let (stores, clock) = (Stores::new().await, Arc::new(Calendar::default()));
    let source: Arc<dyn Source> = Arc::new(sqlite("shop", &path));
    let mut all = parts(&stores, source, &setting());
    all.clock = clock.clone();
    let vault = Vault::start(all).await.unwrap();
    crate::bed::adopt(&vault, &"shop".parse().unwrap(), false).await;
    close(&vault, "customer:1").await;
    let left = || {
        let file = Connection::open(&path).unwrap();
        let sql = "SELECT count(address) FROM invoice WHERE customer_id = 1";
        file.query_row::<i64, _, _>(sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(left(), 2);
    // 2031-12-31, the end of seven years after 2024.
    clock.to(date(2031, 12, 31));
    until("the first end", async || left() == 1).await;
    assert_eq!(orphans(&stores).await, ["customer:1"]);
    clock.to(date(2032, 12, 31));
    until("the second end", async || {
        left() == 0 && orphans(&stores).await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_map_without_rules_leaves_rows_and_says_so() {
    let bed = bed_with(&Setting::default(), &format!("{SCHEMA}{ROWS}")).await;
    bed.adopt().await;
    let closed = close(&bed.vault, "customer:1").await;
    let unruled = closed.rows.unruled.iter().map(|(_, table)| table.as_str());
    assert_eq!(
        unruled.collect::<Vec<_>>(),
        ["customer", "invoice", "message"]
    );
    assert_eq!(
        (counts(&closed), closed.rows.outstanding.len()),
        (vec![], 0)
    );
    assert_eq!(bed.value("SELECT country FROM customer WHERE id = 1"), "UK");
}
