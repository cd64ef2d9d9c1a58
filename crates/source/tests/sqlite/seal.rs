//! Sealing a file in place, with stand-ins for sealed values.

use privet_vault::port::{
    Affected, Hop, RowKey, SealPlan, SealPlanColumn, SealedRow, Source, SourceError, SqlValue,
    TableScan, Wanted,
};

use std::slice::from_ref;
use std::time::Duration;

use privet_source::SqliteSource;

use crate::{Shop, finish, integer, text};

/// Looks like a sealed value, different for each row and column.
fn sealed_text(row: &RowKey, column: usize) -> String {
    format!("pv1_AQE{:_>68}", format!("{row}-{column}"))
}

fn sealed(row: &RowKey, column: usize) -> SqlValue {
    SqlValue::Text(sealed_text(row, column))
}

pub(crate) fn column(name: &str) -> SealPlanColumn {
    SealPlanColumn {
        name: name.into(),
        index_column: None,
        unique: false,
        retain_from: None,
    }
}

pub(crate) fn looked_up(name: &str) -> SealPlanColumn {
    SealPlanColumn {
        index_column: Some(format!("{name}_px")),
        unique: true,
        ..column(name)
    }
}

pub(crate) fn plan(table: &str, columns: Vec<SealPlanColumn>, root_column: &str) -> SealPlan {
    SealPlan {
        table: table.into(),
        columns,
        hops: vec![],
        root_table: table.into(),
        root_column: root_column.into(),
    }
}

/// Name and e-mail of table `customer`.
pub(crate) fn customer_plan() -> SealPlan {
    plan("customer", vec![column("name"), looked_up("email")], "id")
}

/// What the vault does between reading and writing, with stand-ins.
pub(crate) async fn seal_all(source: &SqliteSource, plan: &SealPlan) -> Affected {
    source.prepare(plan).await.unwrap();
    let (mut after, mut all) = (None, Affected::default());
    loop {
        let rows = source
            .read(plan, Wanted::Plaintext, after.as_ref(), 3)
            .await
            .unwrap();
        let Some(last) = rows.last() else { return all };
        after = Some(last.key.clone());
        let batch = rows
            .into_iter()
            .filter(|row| row.subject.is_some())
            .map(|row| {
                let wanted = |at: &usize| row.values[*at] != SqlValue::Null;
                let each = || 0..plan.columns.len();
                SealedRow {
                    key: row.key.clone(),
                    version: None,
                    subject: row.subject.clone(),
                    retain_from: row.retain_from.clone(),
                    new: each()
                        .map(|at| wanted(&at).then(|| sealed(&row.key, at)))
                        .collect(),
                    index: each()
                        .map(|at| wanted(&at).then(|| format!("px1_{:A>24}", row.key)))
                        .collect(),
                    old: row.values.clone(),
                }
            });
        let affected = source.write(plan, batch.collect()).await.unwrap();
        all.written += affected.written;
        all.changed += affected.changed;
    }
}

fn rows(shop: &Shop, sql: &str) -> String {
    let connection = shop.open();
    let mut statement = connection.prepare(sql).unwrap();
    let count = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut out = vec![];
    while let Some(row) = rows.next().unwrap() {
        let cells: Vec<String> = (0..count)
            .map(|at| format!("{:?}", row.get::<_, rusqlite::types::Value>(at).unwrap()))
            .collect();
        out.push(cells.join(" "));
    }
    out.join("\n")
}

const CUSTOMERS: &str = "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, country TEXT);
     INSERT INTO customer (name, email, country) VALUES
       ('Ada Marker', 'ada@marker.example', 'UK'), ('Bo Marker', NULL, 'NO'), ('Cy Marker', 'cy@marker.example', 'US'),
       ('Di Marker', 'di@marker.example', 'US'), ('Ed Marker', NULL, NULL);
     CREATE TABLE invoice (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer, address TEXT, at TEXT);
     INSERT INTO invoice (customer_id, address, at) VALUES (1, '1 Marker St', '2024-02-03'), (NULL, '2 Marker St', NULL);
     PRAGMA foreign_keys = OFF; INSERT INTO invoice (customer_id, address) VALUES (77, '3 Marker St'), (3, NULL);";

#[tokio::test]
async fn a_table_is_sealed_in_batches_and_counted() {
    let shop = Shop::new(CUSTOMERS);
    let (source, plan) = (shop.source(), customer_plan());
    assert_eq!(
        source.obstacles(from_ref(&plan)).await.unwrap(),
        Vec::<String>::new()
    );
    let before = source.integrity().await.unwrap();
    let scan = source.scan(&plan).await.unwrap();
    let expected = TableScan {
        rows: 5,
        rows_to_seal: 5,
        plaintext: vec![5, 3],
        sealed: vec![0, 0],
        ..TableScan::default()
    };
    assert_eq!(scan, expected);
    assert_eq!(
        seal_all(&source, &plan).await,
        Affected {
            written: 5,
            changed: 0
        }
    );
    finish(&source, from_ref(&plan)).await.unwrap();
    let scan = source.scan(&plan).await.unwrap();
    assert_eq!(
        scan,
        TableScan {
            rows: 5,
            plaintext: vec![0, 0],
            sealed: vec![5, 3],
            ..TableScan::default()
        }
    );
    assert_eq!(source.integrity().await.unwrap(), before);
    assert_eq!(
        source.gaps(from_ref(&plan)).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        seal_all(&source, &plan).await,
        Affected::default(),
        "nothing is sealed twice"
    );
    assert_eq!(
        rows(
            &shop,
            "SELECT id, email_px, country FROM customer ORDER BY id LIMIT 2"
        ),
        "Integer(1) Text(\"px1_AAAAAAAAAAAAAAAAAAAAAAA1\") Text(\"UK\")\nInteger(2) Null Text(\"NO\")"
    );
}

#[tokio::test]
async fn the_subject_is_found_along_the_way() {
    let shop = Shop::new(CUSTOMERS);
    let source = shop.source();
    let hop = Hop {
        columns: vec![("customer_id".into(), "id".into())],
        parent: "customer".into(),
    };
    let address = SealPlanColumn {
        retain_from: Some("at".into()),
        ..column("address")
    };
    let plan = SealPlan {
        hops: vec![hop],
        root_table: "customer".into(),
        ..plan("invoice", vec![address], "id")
    };
    let scan = source.scan(&plan).await.unwrap();
    assert_eq!(
        scan,
        TableScan {
            rows: 4,
            rows_to_seal: 3,
            rows_without_subject: 2,
            without_subject: vec![RowKey::Number(2), RowKey::Number(3)],
            plaintext: vec![3],
            plaintext_without_subject: 2,
            sealed: vec![0],
        }
    );
    let rows = source
        .read(&plan, Wanted::Plaintext, None, 10)
        .await
        .unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.key.clone(), row.subject.as_deref(), &row.retain_from[0]))
        .collect();
    assert_eq!(
        seen,
        [
            (RowKey::Number(1), Some("1"), &text("2024-02-03")),
            (RowKey::Number(2), None, &SqlValue::Null),
            (RowKey::Number(3), None, &SqlValue::Null)
        ]
    );
    assert_eq!(
        source.integrity().await.unwrap().dangling,
        [("invoice".to_owned(), 1)]
    );
}

#[tokio::test]
async fn a_row_that_changed_meanwhile_is_left_alone() {
    let shop = Shop::new("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, email TEXT);
                          INSERT INTO customer VALUES (1, 'ada', 'a'), (2, 'bo', 'b'), (3, 'cy', 'c');");
    let (source, plan) = (shop.source(), customer_plan());
    source.prepare(&plan).await.unwrap();
    let rows = source
        .read(&plan, Wanted::Plaintext, None, 10)
        .await
        .unwrap();
    shop.open()
        .execute_batch(
            "UPDATE customer SET name = 'ADA' WHERE id = 1; DELETE FROM customer WHERE id = 2",
        )
        .unwrap();
    let batch = rows.into_iter().map(|row| SealedRow {
        new: vec![Some(sealed(&row.key, 0)), Some(sealed(&row.key, 1))],
        index: vec![None, Some(format!("px1_{:A>24}", row.key))],
        subject: row.subject.clone(),
        retain_from: row.retain_from.clone(),
        old: row.values.clone(),
        key: row.key.clone(),
        version: None,
    });
    let affected = source.write(&plan, batch.collect()).await.unwrap();
    assert_eq!(
        affected,
        Affected {
            written: 1,
            changed: 2
        }
    );
    let left = source
        .read(&plan, Wanted::Plaintext, None, 10)
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].values, [text("ADA"), text("a")]);
}

/// Seals `address` of `invoice`, with a change between reading and writing; answers the subject and date of the row
/// that is left for the next pass.
async fn check_changed_owner(
    hops: &[(&str, &str, &str)],
    root: (&str, &str),
    change: &str,
) -> String {
    let shop = Shop::new(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, number TEXT COLLATE NOCASE UNIQUE);
         INSERT INTO customer VALUES (1, 'a'), (2, 'b');
         CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER);
         INSERT INTO orders VALUES (10, 1), (20, 2);
         CREATE TABLE invoice (id INTEGER PRIMARY KEY, order_id INTEGER, owner TEXT COLLATE NOCASE, address TEXT, at TEXT);
         INSERT INTO invoice VALUES (1, 10, 'a', 'x', '2024-01-01'), (2, 20, 'b', 'y', '2024-01-01');",
    );
    let source = shop.source();
    let hop = |(column, parent, parent_column): &(&str, &str, &str)| Hop {
        columns: vec![((*column).into(), (*parent_column).into())],
        parent: (*parent).into(),
    };
    let address = SealPlanColumn {
        retain_from: Some("at".into()),
        ..column("address")
    };
    let plan = SealPlan {
        hops: hops.iter().map(hop).collect(),
        root_table: root.0.into(),
        ..plan("invoice", vec![address], root.1)
    };
    source.prepare(&plan).await.unwrap();
    let rows = source
        .read(&plan, Wanted::Plaintext, None, 10)
        .await
        .unwrap();
    shop.open().execute_batch(change).unwrap();
    let batch = rows.into_iter().map(|row| SealedRow {
        key: row.key.clone(),
        version: None,
        subject: row.subject.clone(),
        old: row.values.clone(),
        retain_from: row.retain_from.clone(),
        new: vec![Some(sealed(&row.key, 0))],
        index: vec![None],
    });
    let affected = source.write(&plan, batch.collect()).await.unwrap();
    assert_eq!((affected.written, affected.changed), (1, 1), "{change}");
    let left = source
        .read(&plan, Wanted::Plaintext, None, 10)
        .await
        .unwrap();
    assert_eq!(left.len(), 1, "{change}");
    assert_eq!(left[0].values, [text("x")]);
    let SqlValue::Text(at) = &left[0].retain_from[0] else {
        return format!("{:?}", left[0].subject);
    };
    format!("{:?} {at}", left[0].subject)
}

#[tokio::test]
async fn a_row_that_changed_hands_meanwhile_is_left_alone() {
    let over_orders = [
        ("order_id", "orders", "id"),
        ("customer_id", "customer", "id"),
    ];
    for (hops, root, change, expected) in [
        (
            &[][..],
            ("invoice", "owner"),
            "UPDATE invoice SET owner = 'A' WHERE id = 1",
            "Some(\"A\") 2024-01-01",
        ),
        (
            &[],
            ("invoice", "owner"),
            "UPDATE invoice SET owner = NULL WHERE id = 1",
            "None 2024-01-01",
        ),
        (
            &over_orders,
            ("customer", "number"),
            "UPDATE invoice SET order_id = 20 WHERE id = 1",
            "Some(\"b\") 2024-01-01",
        ),
        (
            &over_orders,
            ("customer", "number"),
            "UPDATE orders SET customer_id = 2 WHERE id = 10",
            "Some(\"b\") 2024-01-01",
        ),
        (
            &over_orders,
            ("customer", "number"),
            "UPDATE customer SET number = 'A' WHERE id = 1",
            "Some(\"A\") 2024-01-01",
        ),
        (
            &over_orders,
            ("customer", "number"),
            "DELETE FROM orders WHERE id = 10",
            "None 2024-01-01",
        ),
        (
            &over_orders,
            ("customer", "id"),
            "UPDATE invoice SET at = '2020-01-01' WHERE id = 1",
            "Some(\"1\") 2020-01-01",
        ),
    ] {
        assert_eq!(check_changed_owner(hops, root, change).await, expected);
    }
}

#[tokio::test]
async fn every_type_is_read_as_it_is_stored() {
    let shop = Shop::new(
        "CREATE TABLE odd (id INTEGER PRIMARY KEY, v, n NUMERIC, d DATETIME);
         INSERT INTO odd (v, n, d) VALUES (1, 2, '2024-01-01'), (1.5, 'x', 20240101), (x'00', 2.5, NULL), ('', NULL, ''),
           (9223372036854775807, -1, x'');",
    );
    let source = shop.source();
    let plan = plan("odd", vec![column("v"), column("n"), column("d")], "id");
    let values: Vec<_> = source
        .read(&plan, Wanted::Plaintext, None, 10)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.values.clone())
        .collect();
    assert_eq!(
        values,
        [
            [integer(1), integer(2), text("2024-01-01")],
            [SqlValue::Real(1.5), text("x"), integer(20_240_101)],
            [SqlValue::Blob(vec![0]), SqlValue::Real(2.5), SqlValue::Null],
            [text(""), SqlValue::Null, text("")],
            [integer(i64::MAX), integer(-1), SqlValue::Blob(vec![])],
        ]
    );
    assert_eq!(
        seal_all(&source, &plan).await,
        Affected {
            written: 5,
            changed: 0
        }
    );
    assert_eq!(source.scan(&plan).await.unwrap().plaintext, [0, 0, 0]);
}

#[tokio::test]
async fn names_may_be_anything() {
    let shop = Shop::new(
        r#"CREATE TABLE "cus""tomer '; DROP" ("ke y", "na""me ?1", rowid TEXT, "select_px");
           INSERT INTO "cus""tomer '; DROP" VALUES ('k', 'Ada', 'x', NULL);"#,
    );
    let source = shop.source();
    let columns = vec![SealPlanColumn {
        index_column: Some("na\"me ?1_px".into()),
        ..column("na\"me ?1")
    }];
    let plan = plan("cus\"tomer '; DROP", columns, "ke y");
    assert_eq!(
        source.obstacles(from_ref(&plan)).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(seal_all(&source, &plan).await.written, 1);
    finish(&source, from_ref(&plan)).await.unwrap();
    assert_eq!(
        source.gaps(from_ref(&plan)).await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(source.indexed(&plan, 0, None, 9).await.unwrap().len(), 1);
    assert!(!shop.holds("Ada"));
}

#[tokio::test]
async fn extreme_row_ids_are_not_left_out() {
    let shop = Shop::new(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
         INSERT INTO customer VALUES (-9223372036854775808, 'a', NULL), (0, 'b', NULL), (9223372036854775807, 'c', NULL);",
    );
    let source = shop.source();
    assert_eq!(seal_all(&source, &customer_plan()).await.written, 3);
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_named_and_not_guessed() {
    let shop = Shop::new(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
                          INSERT INTO customer VALUES (4, CAST(x'41ff' AS TEXT), NULL);",
    );
    let error = shop
        .source()
        .read(&customer_plan(), Wanted::Plaintext, None, 9)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        SourceError::Schema(
            "row 4 of table `customer` holds text in column `name` that is not UTF-8: correct it, or make it a blob".into()
        )
    );
}

async fn check_nothing_left(prelude: &str, epilogue: &str) {
    let schema = format!("{prelude} {CUSTOMERS} {epilogue}");
    let shop = Shop::new(&schema);
    let source = shop.source();
    // Traces of former lives: a deleted row, an overwritten value.
    shop.open()
        .execute_batch("INSERT INTO customer (name) VALUES ('Zoe Marker'); DELETE FROM customer WHERE name LIKE 'Zoe%';")
        .unwrap();
    assert!(shop.holds("Marker"));
    seal_all(&source, &customer_plan()).await;
    let address = plan("invoice", vec![column("address")], "id");
    seal_all(&source, &address).await;
    finish(&source, &[customer_plan(), address]).await.unwrap();
    assert!(
        !shop.holds("Marker"),
        "plaintext is left in the file or beside it"
    );
    assert!(!shop.holds("marker.example"));
    let beside = std::fs::read_dir(shop.dir.path()).unwrap().count();
    assert_eq!(beside, 1, "journals are left");
}

#[tokio::test]
async fn no_plaintext_is_left_in_free_pages() {
    check_nothing_left("", "").await;
}

#[tokio::test]
async fn no_plaintext_is_left_in_a_write_ahead_log() {
    check_nothing_left("PRAGMA journal_mode = WAL;", "").await;
}

#[tokio::test]
async fn no_plaintext_is_left_with_incremental_vacuum() {
    check_nothing_left("PRAGMA auto_vacuum = INCREMENTAL;", "").await;
}

#[tokio::test]
async fn no_plaintext_is_left_in_statistics() {
    let unique = "CREATE UNIQUE INDEX by_email ON customer (email); ANALYZE;";
    check_nothing_left("", unique).await;
}

#[tokio::test]
async fn a_reader_of_the_old_log_is_asked_to_go() {
    let shop = Shop::new(&format!("PRAGMA journal_mode = WAL; {CUSTOMERS}"));
    let source = shop.source().with_lock_wait(Duration::from_millis(50));
    let reader = shop.open();
    reader
        .execute_batch("BEGIN; SELECT * FROM customer;")
        .unwrap();
    seal_all(&source, &customer_plan()).await;
    let error = finish(&source, &[customer_plan()]).await.unwrap_err();
    assert!(matches!(error, SourceError::Locked(_)), "{error}");
    assert!(shop.holds("ada@marker.example"));
    assert_eq!(
        source.gaps(&[customer_plan()]).await.unwrap(),
        ["old values may still be in the file"]
    );
    reader.execute_batch("COMMIT").unwrap();
    finish(&source, &[customer_plan()]).await.unwrap();
    drop(reader);
    assert!(!shop.holds("ada@marker.example"));
    assert_eq!(
        source.gaps(&[customer_plan()]).await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn the_mark_of_an_unfinished_adoption_is_no_table_of_the_applications() {
    let shop = Shop::new(CUSTOMERS);
    let source = shop.source();
    let (catalog, integrity) = (source.catalog().await, source.integrity().await);
    let plan = plan("customer", vec![column("name")], "id");
    source.prepare(&plan).await.unwrap();
    assert_eq!(
        rows(&shop, "SELECT count(*) FROM privet_unclean"),
        "Integer(0)"
    );
    assert_eq!(source.catalog().await, catalog);
    assert_eq!(source.integrity().await, integrity);
}

#[tokio::test]
async fn a_table_that_took_the_name_of_the_mark_is_left_alone() {
    let shop = Shop::new(&format!(
        "{CUSTOMERS} CREATE TABLE privet_unclean (mine); INSERT INTO privet_unclean VALUES (1);"
    ));
    let error = shop.source().prepare(&customer_plan()).await.unwrap_err();
    assert_eq!(
        error,
        SourceError::Schema(
            "a table is named `privet_unclean`, by which Privet marks an unfinished adoption: rename it".into()
        )
    );
    assert_eq!(rows(&shop, "SELECT mine FROM privet_unclean"), "Integer(1)");
}

#[tokio::test]
async fn a_locked_database_is_said_to_be_locked() {
    let shop = Shop::new(CUSTOMERS);
    let other = shop.open();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let source = shop.source().with_lock_wait(Duration::from_millis(50));
    let error = source.prepare(&customer_plan()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "source `shop` is locked by another program: close it, or try again later"
    );
}

#[tokio::test]
async fn the_applications_triggers_do_not_fire() {
    let shop = Shop::new(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT, changed INTEGER DEFAULT 0);
         INSERT INTO customer (name) VALUES ('a');
         CREATE TRIGGER touch AFTER UPDATE ON customer BEGIN UPDATE customer SET changed = 1 WHERE id = NEW.id; END;",
    );
    seal_all(&shop.source(), &customer_plan()).await;
    assert_eq!(rows(&shop, "SELECT changed FROM customer"), "Integer(0)");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let shop = Shop::new(CUSTOMERS);
    assert_eq!(
        shop.source().gaps(&[customer_plan()]).await.unwrap(),
        [
            "table `customer` has no column `email_px` for the blind index",
            "table `customer` has no unique index `privet_px_customer_email`",
            "table `customer` has no guard `privet_guard_insert_customer` that refuses plaintext",
            "table `customer` has no guard `privet_guard_update_customer` that refuses plaintext",
        ]
    );
}

#[tokio::test]
async fn values_that_only_look_sealed_are_plaintext() {
    let shop = Shop::new("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);");
    let source = shop.source();
    let long = sealed_text(&RowKey::Number(1), 0);
    for (value, plain) in [
        ("'pv1_short'".to_owned(), 1),
        (format!("'{long} '"), 1),
        (format!("'x{long}'"), 1),
        (format!("CAST('{long}' AS BLOB)"), 1),
        (format!("'{long}'"), 0),
    ] {
        shop.open()
            .execute_batch(&format!(
                "DELETE FROM customer; INSERT INTO customer (name) VALUES ({value})"
            ))
            .unwrap();
        assert_eq!(
            source.scan(&customer_plan()).await.unwrap().plaintext,
            [plain, 0],
            "{value}"
        );
    }
}
