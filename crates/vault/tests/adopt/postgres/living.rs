//! Adoptions of a database that is used meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use privet_vault::{AdoptOrder, JobState, JobStatus};

use super::{ROWS, SCHEMA, Shop, client};

const CUSTOMERS: u32 = 4_000;

fn many(rows: u32) -> String {
    format!(
        "{SCHEMA}
         INSERT INTO customer (id, name, email, birthday, country)
           SELECT i, 'Marker ' || i, 'm' || i || '@marker.example', '1990-01-01', 'UK' FROM generate_series(1, {rows}) AS i;
         INSERT INTO invoice (customer_id, at, address) SELECT id, '2024-01-01', id || ' Marker St' FROM customer;"
    )
}

/// A program that writes plaintext until it is refused, as it would before its new version is rolled out; then it counts
/// visits. It never fails otherwise.
struct Writer {
    stop: Arc<AtomicBool>,
    refused: Arc<AtomicBool>,
    written: Arc<AtomicU32>,
}

impl Writer {
    fn start(shop: &Shop, number: u32) -> (Self, tokio::task::JoinHandle<()>) {
        let writer = Self {
            stop: Arc::default(),
            refused: Arc::default(),
            written: Arc::default(),
        };
        let (stop, refused, written) = (
            writer.stop.clone(),
            writer.refused.clone(),
            writer.written.clone(),
        );
        let database = shop.database.clone();
        let work = tokio::spawn(async move {
            let mut client = client(&database).await;
            for turn in 0_u32.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let first = 1 + (turn * 7 + number * 1_013) % CUSTOMERS;
                let second = 1 + (turn * 13 + number * 611) % CUSTOMERS;
                let transaction = client.transaction().await.unwrap();
                transaction
                    .execute(
                        "UPDATE customer SET country = 'NO' WHERE id = $1::int8",
                        &[&i64::from(first)],
                    )
                    .await
                    .unwrap();
                transaction
                    .execute(
                        "UPDATE invoice SET at = at + interval '1 s' WHERE customer_id = $1::int8",
                        &[&i64::from(second)],
                    )
                    .await
                    .unwrap();
                if !refused.load(Ordering::SeqCst) {
                    let sql =
                        "UPDATE customer SET name = 'Marker again ' || id WHERE id = $1::int8";
                    match transaction.execute(sql, &[&i64::from(second)]).await {
                        Ok(_) => {}
                        Err(error) => {
                            // Nothing but the guard may have stopped it: no deadlock, no lock, no missing type.
                            assert_eq!(error.code().unwrap().code(), "23514", "{error:?}");
                            refused.store(true, Ordering::SeqCst);
                            transaction.rollback().await.unwrap();
                            continue;
                        }
                    }
                }
                transaction.commit().await.unwrap();
                written.fetch_add(1, Ordering::SeqCst);
            }
        });
        (writer, work)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_applications_write() {
    let shop = Shop::new(&many(CUSTOMERS)).await;
    let writers: Vec<_> = (0..3).map(|number| Writer::start(&shop, number)).collect();
    let status = shop.adopt(AdoptOrder::SEAL).await;
    for (writer, work) in writers {
        writer.stop.store(true, Ordering::SeqCst);
        work.await.unwrap();
        assert!(writer.written.load(Ordering::SeqCst) > 0);
    }
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!((status.state, status.left), (JobState::Done, 0));
    let plain = "SELECT count(*) FROM customer WHERE name NOT LIKE 'pv1\\_%' OR email NOT LIKE 'pv1\\_%' OR email_px IS NULL";
    assert_eq!(shop.sql(plain), "0");
    assert_eq!(
        shop.sql("SELECT count(*) FROM customer"),
        CUSTOMERS.to_string()
    );
    for id in [1, 2, 999, 2_000, 2_001, CUSTOMERS] {
        let name = shop
            .opened(
                &format!("customer:{id}"),
                "name",
                &format!("SELECT name FROM customer WHERE id = {id}"),
            )
            .await;
        assert!(
            name == format!("Marker {id}") || name == format!("Marker again {id}"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_waited_for_without_stopping_anybody() {
    let shop = Shop::new(&format!("{SCHEMA}{ROWS}")).await;
    let mut client = shop.client().await;
    let transaction = client.transaction().await.unwrap();
    transaction
        .execute("UPDATE customer SET country = 'SE' WHERE id = 1", &[])
        .await
        .unwrap();
    let adopting = shop.adopt(AdoptOrder::SEAL);
    let other = async {
        // The table's type changes only when the transaction is over: the adoption waits for it.
        let waiting = "SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while shop.sql(waiting) == "0" {
            tokio::task::yield_now().await;
        }
        // Whoever else wants the table gets past, and does not wait until that transaction is over.
        let busy = shop.client().await;
        busy.execute("UPDATE customer SET country = 'DK' WHERE id = 2", &[])
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    };
    let (status, ()) = tokio::join!(adopting, other);
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 0),
        "{status:?}"
    );
    assert_eq!(
        shop.sql("SELECT string_agg(country, ',' ORDER BY id) FROM customer"),
        "SE,DK"
    );
}

/// An index that is made beside its table waits for every older transaction; what takes longer than a moment must not leave
/// half an index behind.
#[tokio::test]
async fn an_index_waits_for_a_report_that_takes_its_time() {
    let shop = Shop::new(&format!("{SCHEMA}{ROWS}")).await;
    let mut client = shop.client().await;
    let report = client
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .start()
        .await
        .unwrap();
    report
        .query("SELECT count(*) FROM product", &[])
        .await
        .unwrap();
    let adopting = shop.adopt(AdoptOrder::SEAL);
    let reporting = async {
        let waiting = "SELECT count(*) FROM pg_stat_progress_create_index
                        WHERE datname = current_database() AND phase = 'waiting for old snapshots'";
        while shop.sql(waiting) == "0" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Longer than a change of the schema would wait.
        tokio::time::sleep(Duration::from_millis(600)).await;
        report.commit().await.unwrap();
    };
    let (status, ()) = tokio::join!(adopting, reporting);
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!((status.state, status.left), (JobState::Done, 0));
    let indexes = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    assert_eq!(shop.sql(indexes), "0");
}

#[tokio::test]
async fn a_rate_is_kept() {
    let shop = Shop::new(&many(100)).await;
    let order = AdoptOrder {
        rate_max: std::num::NonZeroU32::new(200),
        ..AdoptOrder::SEAL
    };
    let start = Instant::now();
    let status = shop.adopt(order).await;
    assert_eq!(
        (status.state, status.done),
        (JobState::Done, 400),
        "{status:?}"
    );
    assert!(
        start.elapsed() >= Duration::from_millis(1_700),
        "{:?}",
        start.elapsed()
    );
}

/// A row in each batch is changed again and again, so that the job is left in the middle, as one that is killed would be.
#[tokio::test]
async fn what_was_begun_is_ended_by_the_next_run() {
    let shop = Shop::new(&many(3_000)).await;
    // A trigger that stops the job at a row in the middle stands for whatever may break it off.
    shop.sql(
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN IF NEW.id = 2500 THEN RAISE ''Marker''; END IF; RETURN NEW; END';
         CREATE TRIGGER stop BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION stop();
         ALTER TABLE customer DISABLE TRIGGER stop",
    );
    let operator = crate::bed::caller(&shop.vault, "operator").await;
    let id = shop
        .vault
        .adopt_start(&operator, &shop.source, AdoptOrder::SEAL)
        .await
        .unwrap();
    let mut watched = shop.vault.adopt_follow(&operator, id).await.unwrap();
    watched
        .wait_for(|status| status.state == JobState::Sealing)
        .await
        .unwrap();
    shop.sql("ALTER TABLE customer ENABLE ALWAYS TRIGGER stop");
    let status: JobStatus = crate::bed::ended(&shop.vault, &operator, id).await;
    if status.state == JobState::Failed {
        assert_eq!(
            status.problems,
            ["source `shop`: the server refused with SQLSTATE P0001"]
        );
    }
    let again = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(again.state, JobState::Failed);
    assert!(
        again.problems[0].starts_with("trigger `stop` of table `customer` would fire"),
        "{:?}",
        again.problems
    );
    shop.sql("DROP TRIGGER stop ON customer");
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 0),
        "{status:?}"
    );
    assert_eq!(
        shop.sql(
            "SELECT count(*) FROM customer WHERE name LIKE 'pv1\\_%' AND email_px LIKE 'px1\\_%'"
        ),
        "3000"
    );
}
