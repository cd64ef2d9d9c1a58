//! What a stranger's statements may do: one attempt in each file of `refused/` and `allowed/` (an ordinary
//! session) and of `read_only/` (refused in a decrypted one, allowed in an ordinary one).
//!
//! The first line of a refused one is `-- CODE message`, the end of which is checked.

use std::fs;
use std::path::Path;

use privet_vault::port::{RunError, RunMode, Runner, Source};

use crate::seal::{customer_plan, seal_all};
use crate::{Shop, finish, run};

/// The attempts find a table with sealed columns, one without, a view, a trigger and a full-text table.
async fn adopted() -> Shop {
    let shop = Shop::new(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT, city TEXT);
         INSERT INTO customer VALUES (1, 'Ada', 'ada@example.com', 'London'), (2, 'Bo', 'bo@example.com', 'Oslo');
         CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT);
         INSERT INTO item VALUES (1, 'lamp');
         CREATE VIEW city AS SELECT DISTINCT city FROM customer;
         CREATE TABLE log (what TEXT);
         CREATE TRIGGER item_log AFTER INSERT ON item BEGIN INSERT INTO log VALUES (NEW.title); END;
         CREATE VIRTUAL TABLE words USING fts5(title);
         INSERT INTO words VALUES ('a lamp');",
    );
    let source = shop.source();
    seal_all(&source, &customer_plan()).await;
    finish(&source, &[customer_plan()]).await.unwrap();
    shop
}

async fn attempt(shop: &Shop, mode: RunMode, sql: &str) -> Result<(), RunError> {
    let mut runner = shop.runner(mode).await;
    run(&mut runner, sql, &[]).await.map(|_| ())
}

fn attempts(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/sqlite")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
        .into_iter()
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect()
}

async fn check_refused(folder: &str, mode: RunMode) {
    let fresh = adopted().await;
    for (name, sql) in attempts(folder) {
        let shop = fresh.copy();
        let before = dump(&shop);
        let expected = sql.lines().next().unwrap().trim_start_matches("-- ");
        let (code, message) = expected.split_once(' ').unwrap();
        let error = attempt(&shop, mode, &sql).await.expect_err(&name);
        assert!(
            error.code == code && error.message.ends_with(message),
            "{folder}/{name}: {} {}",
            error.code,
            error.message
        );
        assert_eq!(dump(&shop), before, "{folder}/{name} changed something");
        assert_eq!(
            shop.source().gaps(&[customer_plan()]).await.unwrap(),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

/// Schema and rows of the ordinary tables.
fn dump(shop: &Shop) -> String {
    let connection = shop.open();
    let mut out = String::new();
    for table in ["sqlite_schema", "customer", "item", "log"] {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table}"))
            .unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                out.push_str(&format!("{:?}|", row.get_ref(column).unwrap()));
            }
        }
    }
    let beside = fs::read_dir(shop.dir.path()).unwrap().count();
    format!("{out}{beside}")
}

#[tokio::test]
async fn refused_statements_are_refused_and_change_nothing() {
    check_refused("refused", RunMode::Ordinary).await;
}

#[tokio::test]
async fn a_decrypted_session_only_reads() {
    check_refused("read_only", RunMode::ReadOnly).await;
    let fresh = adopted().await;
    for (name, sql) in attempts("read_only") {
        attempt(&fresh.copy(), RunMode::Ordinary, &sql)
            .await
            .expect(&name);
    }
}

#[tokio::test]
async fn ordinary_statements_work() {
    let fresh = adopted().await;
    for (name, sql) in attempts("allowed") {
        attempt(&fresh.copy(), RunMode::Ordinary, &sql)
            .await
            .expect(&name);
    }
}

#[tokio::test]
async fn a_session_that_began_before_the_adoption_is_guarded_after_it() {
    let shop = Shop::new(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
         INSERT INTO customer VALUES (1, 'Ada', 'ada@example.com'), (2, 'Bo', 'bo@example.com');",
    );
    let mut idle = shop.runner(RunMode::Ordinary).await;
    let mut begun = shop.runner(RunMode::Ordinary).await;
    run(&mut idle, "SELECT 1", &[]).await.unwrap();
    // Without a look at the database a transaction holds nothing yet.
    run(&mut begun, "BEGIN", &[]).await.unwrap();
    let source = shop.source();
    seal_all(&source, &customer_plan()).await;
    finish(&source, &[customer_plan()]).await.unwrap();

    let by_hand = "UPDATE customer SET email_px = 'px1_AAAA' WHERE id = 1";
    let error = run(&mut begun, by_hand, &[]).await.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (
            "40001",
            "the database was adopted since the transaction began, which was rolled back: begin again"
        )
    );
    assert!(!begun.in_transaction());
    for runner in [&mut idle, &mut begun] {
        let error = run(runner, by_hand, &[]).await.unwrap_err();
        assert_eq!(error.code, "P0001", "{error:?}");
        let rename = "ALTER TABLE customer RENAME COLUMN email TO e";
        let error = run(runner, rename, &[]).await.unwrap_err();
        assert_eq!(error.code, "42501", "{error:?}");
    }
}

#[tokio::test]
async fn a_column_sealed_in_a_later_adoption_is_guarded_too() {
    let shop = adopted().await;
    let mut runner = shop.runner(RunMode::Ordinary).await;
    let rename = "ALTER TABLE item RENAME COLUMN title TO name";
    run(&mut runner, "BEGIN", &[]).await.unwrap();
    run(&mut runner, rename, &[]).await.unwrap();
    run(&mut runner, "ROLLBACK", &[]).await.unwrap();
    let source = shop.source();
    let item = crate::seal::plan("item", vec![crate::seal::looked_up("title")], "id");
    seal_all(&source, &item).await;
    finish(&source, &[customer_plan(), item]).await.unwrap();
    for (sql, code) in [
        (rename, "42501"),
        ("UPDATE item SET title_px = 'px1_AAAA'", "P0001"),
        ("UPDATE customer SET email_px = 'px1_AAAA'", "P0001"),
    ] {
        let error = run(&mut runner, sql, &[]).await.unwrap_err();
        assert_eq!(error.code, code, "{sql}: {error:?}");
    }
    run(&mut runner, "UPDATE item SET title_px = NULL", &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn the_mark_of_an_unfinished_adoption_is_not_taken_away() {
    let shop = adopted().await;
    shop.source().prepare(&customer_plan()).await.unwrap();
    for sql in [
        "DROP TABLE privet_unclean",
        "ALTER TABLE privet_unclean RENAME TO other",
    ] {
        let error = attempt(&shop, RunMode::Ordinary, sql).await.unwrap_err();
        assert_eq!(error.code, "42501", "{sql}: {error:?}");
    }
}
