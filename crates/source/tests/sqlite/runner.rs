//! The child process: statements, their ends, and its own.

use std::time::{Duration, Instant};

use privet_vault::port::{RunLimits, RunMode, Runner, Source, SqlValue};
use rustix::process::{Pid, Signal, kill_process};

use crate::{LIMITS, Shop, integer, run, text};

const PEOPLE: &str =
    "CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(40), balance REAL, photo BLOB);
     INSERT INTO customer VALUES (1, 'Ada', 1.5, x'0001'), (2, NULL, -0.0, NULL);";
/// Runs until it is stopped.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn values_come_back_with_their_types() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let (rows, changed) = run(&mut runner, "SELECT * FROM customer ORDER BY id", &[])
        .await
        .unwrap();
    assert_eq!(changed, 0);
    assert_eq!(
        rows,
        [
            vec![
                integer(1),
                text("Ada"),
                SqlValue::Real(1.5),
                SqlValue::Blob(vec![0, 1])
            ],
            vec![
                integer(2),
                SqlValue::Null,
                SqlValue::Real(0.0),
                SqlValue::Null
            ],
        ]
    );
}

#[tokio::test]
async fn a_description_names_columns_types_and_parameters() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let sql = "SELECT name, id + $2 AS sum FROM customer WHERE id = $1; SELECT 2";
    let (described, size) = runner.describe(sql).await.unwrap().unwrap();
    assert_eq!(sql.get(size..), Some(" SELECT 2"));
    assert_eq!(
        described.columns,
        [
            ("name".into(), "VARCHAR(40)".into()),
            ("sum".into(), String::new())
        ]
    );
    assert_eq!((described.parameters, described.read_only), (2, true));
    let (described, _) = runner
        .describe("DELETE FROM customer")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((described.parameters, described.read_only), (0, false));
    assert_eq!(runner.describe("-- nothing\n ;").await.unwrap(), None);
}

#[tokio::test]
async fn parameters_go_by_their_own_number() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let (rows, _) = run(
        &mut runner,
        "SELECT $2, $1, $2",
        &[text("one"), text("two")],
    )
    .await
    .unwrap();
    assert_eq!(rows, [vec![text("two"), text("one"), text("two")]]);
    let error = run(&mut runner, "SELECT $3", &[text("one")])
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        ("22023", "`$3` has no value: 1 were given")
    );
    let error = run(&mut runner, "SELECT :name", &[]).await.unwrap_err();
    assert_eq!(error.code, "42601");
}

#[tokio::test]
async fn changed_rows_are_counted() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    for (sql, expected) in [
        ("INSERT INTO customer (name) VALUES ('a'), ('b')", 2),
        ("UPDATE customer SET name = 'c' WHERE id > 2", 2),
        ("CREATE TABLE other (a)", 0),
        ("SELECT 1", 0),
        ("UPDATE customer SET name = 'c' WHERE id > 200", 0),
        ("DELETE FROM customer WHERE id > 2 RETURNING id", 2),
        ("BEGIN", 0),
        ("COMMIT", 0),
    ] {
        let (_, changed) = run(&mut runner, sql, &[]).await.unwrap();
        assert_eq!(changed, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_statement_without_rows_is_done_when_it_started() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    runner.start("DELETE FROM customer", &[]).await.unwrap();
    let left: i64 = shop
        .open()
        .query_row("SELECT count(*) FROM customer", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(
        runner.next_rows(10).await.unwrap(),
        Vec::<Vec<SqlValue>>::new()
    );
    assert_eq!(runner.finish().await.unwrap(), 2);
}

#[tokio::test]
async fn transactions_hold_and_roll_back() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    run(&mut runner, "BEGIN; DELETE FROM customer;", &[])
        .await
        .unwrap();
    assert!(runner.in_transaction());
    let error = run(&mut runner, "SELECT nowhere", &[]).await.unwrap_err();
    assert_eq!(error.code, "42703");
    assert!(
        runner.in_transaction(),
        "an error leaves the transaction to the client"
    );
    run(&mut runner, "ROLLBACK", &[]).await.unwrap();
    assert!(!runner.in_transaction());
    let (rows, _) = run(&mut runner, "SELECT count(*) FROM customer", &[])
        .await
        .unwrap();
    assert_eq!(rows, [vec![integer(2)]]);
}

#[tokio::test]
async fn large_results_come_in_bounded_parts() {
    let shop = Shop::new("");
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
               SELECT i, zeroblob(1000) FROM n";
    runner.start(sql, &[]).await.unwrap();
    let (mut parts, mut rows) = (0, 0);
    loop {
        let part = runner.next_rows(u32::MAX).await.unwrap();
        if part.is_empty() {
            break;
        }
        assert!(part.len() < 300, "{} rows of 1 KB at once", part.len());
        rows += part.len();
        parts += 1;
    }
    assert_eq!(rows, 3000);
    assert!(parts >= 10);
}

#[tokio::test]
async fn a_statement_may_be_left_and_another_described_meanwhile() {
    let shop = Shop::new("");
    let mut runner = shop.runner(RunMode::Ordinary).await;
    runner.start("VALUES (1), (2), (3)", &[]).await.unwrap();
    assert_eq!(runner.next_rows(1).await.unwrap(), [vec![integer(1)]]);
    assert!(runner.describe("SELECT 4").await.unwrap().is_some());
    assert_eq!(runner.next_rows(1).await.unwrap(), [vec![integer(2)]]);
    runner.start("SELECT 5", &[]).await.unwrap();
    assert_eq!(runner.next_rows(9).await.unwrap(), [vec![integer(5)]]);
    assert_eq!(runner.finish().await.unwrap(), 0);
    assert_eq!(runner.next_rows(1).await.unwrap_err().code, "55000");
}

#[tokio::test]
async fn an_endless_statement_ends_at_its_limit() {
    let shop = Shop::new("");
    let limits = RunLimits {
        statement: Duration::from_millis(150),
        ..LIMITS
    };
    let mut runner = shop
        .source()
        .sqlite_runner(RunMode::ReadOnly, limits)
        .await
        .unwrap();
    let started = Instant::now();
    let error = run(&mut runner, ENDLESS, &[]).await.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        ("57014", "canceling statement due to statement timeout")
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(
        run(&mut runner, "SELECT 1", &[]).await.unwrap().0,
        [vec![integer(1)]]
    );
}

#[tokio::test]
async fn a_client_cancels_its_statement_and_no_other() {
    let shop = Shop::new("");
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let cancel = runner.canceller();
    cancel();
    run(&mut runner, "SELECT 1", &[]).await.unwrap();
    cancel();
    run(&mut runner, "SELECT 1", &[]).await.unwrap();
    runner.start(ENDLESS, &[]).await.unwrap();
    let (rows, ()) = tokio::join!(runner.next_rows(1), async {
        // The other future has been polled first, so the request is on its way.
        cancel();
    });
    let error = rows.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        ("57014", "canceling statement due to user request")
    );
    run(&mut runner, "SELECT 1", &[]).await.unwrap();
}

#[tokio::test]
async fn memory_is_bounded() {
    let shop = Shop::new("");
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let sorts = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                 SELECT i, randomblob(20000) AS b FROM n ORDER BY b";
    let error = run(&mut runner, sorts, &[]).await.unwrap_err();
    assert_eq!(error.code, "53200", "{error:?}");
    let error = run(
        &mut runner,
        "SELECT zeroblob(65000000), zeroblob(65000000)",
        &[],
    )
    .await
    .unwrap_err();
    assert!(matches!(error.code, "53200" | "54000"), "{error:?}");
    let error = run(&mut runner, "SELECT zeroblob(1000000000)", &[])
        .await
        .unwrap_err();
    assert_eq!(error.code, "54000");
    run(&mut runner, "SELECT 1", &[]).await.unwrap();
}

#[tokio::test]
async fn a_killed_child_costs_its_transaction_and_nothing_else() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    run(&mut runner, "BEGIN; DELETE FROM customer", &[])
        .await
        .unwrap();
    let id = i32::try_from(runner.process_id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    let error = run(&mut runner, "SELECT 1", &[]).await.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (
            "57P02",
            "the process that ran the statement ended (signal 9); the open transaction was rolled back"
        )
    );
    assert!(!runner.in_transaction());
    let (rows, _) = run(&mut runner, "SELECT count(*) FROM customer", &[])
        .await
        .unwrap();
    assert_eq!(rows, [vec![integer(2)]]);
}

#[tokio::test]
async fn what_a_killed_writer_left_is_rolled_back_for_readers_too() {
    let shop = Shop::new(PEOPLE);
    // Pages that were changed are written to the file before the transaction ends, because the cache is small.
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let fill = "INSERT INTO customer (photo) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                SELECT zeroblob(4000) FROM n";
    run(&mut runner, "BEGIN; UPDATE customer SET name = 'lost'", &[])
        .await
        .unwrap();
    run(&mut runner, fill, &[]).await.unwrap();
    let id = i32::try_from(runner.process_id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    run(&mut runner, "SELECT 1", &[]).await.unwrap_err();
    let journal = shop.dir.path().join("shop.sqlite-journal");
    assert!(
        std::fs::metadata(&journal).unwrap().len() > 0,
        "nothing was left half done"
    );
    let left = shop.copy();
    std::fs::copy(&journal, left.dir.path().join("shop.sqlite-journal")).unwrap();
    let mut reader = left.runner(RunMode::ReadOnly).await;
    let (rows, _) = run(&mut reader, "SELECT count(*), max(name) FROM customer", &[])
        .await
        .unwrap();
    assert_eq!(rows, [vec![integer(2), text("Ada")]]);
    assert_eq!(shop.source().catalog().await.unwrap().tables.len(), 1);
    assert!(!journal.exists());
}

#[tokio::test]
async fn a_child_ends_with_its_runner_even_in_mid_statement() {
    let shop = Shop::new("");
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let id = runner.process_id().unwrap();
    runner.start(ENDLESS, &[]).await.unwrap();
    let abandoned = tokio::time::timeout(Duration::from_millis(20), runner.next_rows(1)).await;
    assert!(abandoned.is_err());
    drop(runner);
    gone(id).await;
}

#[tokio::test]
async fn a_child_ends_with_its_runner_though_somebody_could_still_cancel() {
    let shop = Shop::new(PEOPLE);
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let id = runner.process_id().unwrap();
    run(&mut runner, "BEGIN; DELETE FROM customer", &[])
        .await
        .unwrap();
    let cancel = runner.canceller();
    drop(runner);
    gone(id).await;
    // Its lock went with it.
    shop.open().execute_batch("DELETE FROM customer").unwrap();
    cancel();
}

async fn gone(id: u32) {
    let status = format!("/proc/{id}/stat");
    let gone = async {
        // A zombie, which the runtime collects when it likes, has ended too.
        while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_abandoned_answer_is_never_taken_for_another() {
    let shop = Shop::new("");
    let mut runner = shop.runner(RunMode::Ordinary).await;
    runner.start(ENDLESS, &[]).await.unwrap();
    let abandoned = tokio::time::timeout(Duration::from_millis(20), runner.next_rows(1)).await;
    assert!(abandoned.is_err());
    assert_eq!(
        run(&mut runner, "SELECT 'mine'", &[]).await.unwrap().0,
        [vec![text("mine")]]
    );
}

#[tokio::test]
async fn the_child_inherits_no_environment_and_no_folder() {
    let shop = Shop::new("");
    let runner = shop.runner(RunMode::Ordinary).await;
    let id = runner.process_id().unwrap();
    assert_eq!(std::fs::read(format!("/proc/{id}/environ")).unwrap(), b"");
    assert_eq!(
        std::fs::read_link(format!("/proc/{id}/cwd")).unwrap(),
        std::path::Path::new("/")
    );
    let command = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap();
    assert!(!command.contains("shop"), "{command}");
}

#[tokio::test]
async fn a_missing_file_is_not_made() {
    let shop = Shop::new("");
    std::fs::remove_file(shop.path()).unwrap();
    let error = shop
        .source()
        .sqlite_runner(RunMode::Ordinary, LIMITS)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "source `shop` cannot be reached: unable to open database file"
    );
    assert!(!shop.path().exists());
}

#[tokio::test]
async fn oversized_and_broken_statements_are_refused() {
    let shop = Shop::new("");
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let long = format!("SELECT '{}'", "x".repeat(1 << 20));
    assert_eq!(runner.start(&long, &[]).await.unwrap_err().code, "54000");
    assert_eq!(
        runner
            .start("SELECT 1\0; DROP TABLE x", &[])
            .await
            .unwrap_err()
            .code,
        "42601"
    );
    assert_eq!(
        runner
            .start("SELECT 1; SELECT 2", &[])
            .await
            .unwrap_err()
            .code,
        "42601"
    );
    assert_eq!(runner.start("SELEC", &[]).await.unwrap_err().code, "42601");
    let deep = format!("SELECT {}1", "- ".repeat(5000));
    assert!(runner.start(&deep, &[]).await.is_err());
    run(&mut runner, "SELECT 1", &[]).await.unwrap();
}

#[tokio::test]
async fn an_error_of_the_database_has_its_sqlstate() {
    let shop = Shop::new(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 1, c CHECK (c > 0) DEFAULT 1);
         CREATE TABLE k (p REFERENCES p (id)); INSERT INTO p (id, u) VALUES (1, 1);",
    );
    let mut runner = shop.runner(RunMode::Ordinary).await;
    for (sql, code) in [
        ("INSERT INTO p (u) VALUES (1)", "23505"),
        ("INSERT INTO p (id) VALUES (1)", "23505"),
        ("INSERT INTO p (n) VALUES (NULL)", "23502"),
        ("INSERT INTO p (c) VALUES (0)", "23514"),
        ("INSERT INTO k VALUES (7)", "23503"),
        ("SELECT * FROM nowhere", "42P01"),
        ("SELECT nowhere()", "42883"),
        ("CREATE TABLE p (a)", "42P07"),
        ("COMMIT", "25P01"),
        ("SELECT json('{')", "42000"),
    ] {
        let error = run(&mut runner, sql, &[]).await.unwrap_err();
        assert_eq!(error.code, code, "{sql}: {error:?}");
    }
}
