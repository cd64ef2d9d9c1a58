//! Adoptions of a database that nobody else uses.

use privet_classify::DataMap;
use privet_vault::check::check_source;
use privet_vault::port::Clearing;
use privet_vault::{AdoptOrder, JobState};

use super::{ROWS, SCHEMA, Shop, map};

async fn shop() -> Shop {
    Shop::new(&format!("{SCHEMA}{ROWS}")).await
}

/// The files that hold the tables: other names mean that a table was written anew.
fn files(shop: &Shop) -> String {
    shop.sql(
        "SELECT string_agg(pg_relation_filepath(oid), ' ' ORDER BY relname) FROM pg_class
              WHERE relname IN ('customer', 'invoice', 'message', 'customer_email_key')",
    )
}

#[tokio::test]
async fn a_look_changes_nothing() {
    let shop = shop().await;
    let before = shop.dump();
    let status = shop.adopt(AdoptOrder::LOOK).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!(
        (status.state, status.total, status.done),
        (JobState::Done, 11, 0)
    );
    assert_eq!(shop.dump(), before);
    assert_eq!(shop.stores.keys.subject_count().await.unwrap(), 0);
}

#[tokio::test]
async fn every_value_is_sealed_and_no_table_written_anew() {
    let shop = shop().await;
    let before = files(&shop);
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!(
        (status.state, status.done, status.left),
        (JobState::Done, 11, 0)
    );
    assert_eq!(files(&shop), before);
    for (subject, field, sql, expected) in [
        (
            "customer:1",
            "name",
            "SELECT name FROM customer WHERE id = 1",
            "Ada Marker",
        ),
        (
            "customer:1",
            "email",
            "SELECT email FROM customer WHERE id = 1",
            "Ada@marker.example",
        ),
        (
            "customer:2",
            "birthday",
            "SELECT birthday FROM customer WHERE id = 2",
            "1988-02-29",
        ),
        (
            "customer:1",
            "billing_address",
            "SELECT address FROM invoice WHERE at = '2024-02-03 10:00:00'",
            "1 Marker St",
        ),
        (
            "customer:7",
            "billing_address",
            "SELECT address FROM invoice WHERE customer_id = 7",
            "3 Marker St",
        ),
        (
            "customer:1",
            "message",
            "SELECT body FROM message",
            "Marker: where is my lamp?",
        ),
        (
            "customer:2",
            "name",
            "SELECT name FROM customer WHERE id = 1",
            "Unreadable",
        ),
    ] {
        assert_eq!(shop.opened(subject, field, sql).await, expected, "{sql}");
    }
    assert_eq!(shop.stores.keys.subject_count().await.unwrap(), 3);
    let filled =
        "SELECT string_agg(id::text, ',' ORDER BY id) FROM customer WHERE email_px LIKE 'px1\\_%'";
    assert_eq!(shop.sql(filled), "1,7");
    let found = check_source(&DataMap::parse(&map()).unwrap(), &*shop.port)
        .await
        .unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(found.sealed, 11);
}

#[tokio::test]
async fn plaintext_is_refused_with_an_error_that_does_not_repeat_it() {
    let shop = shop().await;
    shop.adopt(AdoptOrder::SEAL).await;
    let client = shop.client().await;
    for sql in [
        "INSERT INTO customer (id, name) VALUES (8, 'Di Marker')",
        "UPDATE customer SET name = 'Di Marker'",
        "UPDATE customer SET name = name || 'Di Marker?'",
        "UPDATE message SET body = 'pv1_Marker'",
    ] {
        let error = client.batch_execute(sql).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert!(
            error
                .message()
                .contains("violates check constraint \"sealed_values_only\""),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains("Marker"), "{error:?}");
    }
    assert_eq!(
        shop.sql("SELECT count(*) FROM pg_constraint WHERE conname = 'sealed_values_only' AND convalidated"),
        "5"
    );
    // What is sealed may go elsewhere, and away.
    shop.sql("UPDATE customer SET birthday = NULL; UPDATE customer SET name = (SELECT name FROM customer WHERE id = 1)");
}

#[tokio::test]
async fn adopting_again_finds_nothing_to_do() {
    let shop = shop().await;
    shop.adopt(AdoptOrder::SEAL).await;
    let before = shop.dump();
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!(
        (status.state, status.total, status.done),
        (JobState::Done, 0, 0)
    );
    assert_eq!(
        status.tables.iter().map(|table| table.sealed).sum::<u64>(),
        11
    );
    assert_eq!(shop.dump(), before);
}

#[tokio::test]
async fn a_table_written_anew_holds_no_plaintext() {
    let shop = shop().await;
    let long = "x".repeat(4_000);
    shop.sql(&format!("UPDATE message SET body = 'Marker {long}'; ALTER TABLE message ALTER body SET STORAGE external"));
    assert!(shop.holds("customer", "Marker") && shop.holds("invoice", "Marker"));
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(status.state, JobState::Done, "{status:?}");
    // Without a lock that anybody would notice, old row versions stay; the notes say so.
    assert!(shop.holds("customer", "Marker"));
    assert!(
        status.notes.iter().any(|note| note.contains("`--rewrite`")),
        "{:?}",
        status.notes
    );
    let status = shop
        .adopt(AdoptOrder {
            clearing: Clearing::Rewrite,
            ..AdoptOrder::SEAL
        })
        .await;
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 0),
        "{status:?}"
    );
    assert!(
        !status.notes.iter().any(|note| note.contains("`--rewrite`")),
        "{:?}",
        status.notes
    );
    for table in ["customer", "invoice", "message", "customer_email_key"] {
        assert!(
            !shop.holds(table, "Marker") && !shop.holds(table, "marker.example"),
            "{table}"
        );
    }
    assert_eq!(shop.sql("SELECT count(*) FROM pg_stats WHERE most_common_vals::text LIKE '%Marker%' OR histogram_bounds::text LIKE '%Marker%'"), "0");
}

#[tokio::test]
async fn duplicates_in_a_unique_field_are_named_by_their_keys() {
    let shop = shop().await;
    shop.sql("INSERT INTO customer (id, name, email) VALUES (20, 'x', 'ADA@MARKER.EXAMPLE')");
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(
        status.problems,
        [
            "column `email` of table `customer` must be unique, but 2 rows (row ids 1, 20) share a value with another row: \
          correct them, or set `lookup = { unique = false }`"
        ]
    );
    assert_eq!(
        shop.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'privet'"),
        "0"
    );
}

#[tokio::test]
async fn rows_without_a_subject_or_a_date_are_named_and_left() {
    let shop = shop().await;
    shop.sql("INSERT INTO invoice VALUES ('00000000-0000-0000-0000-0000000000aa', NULL, '2024-01-01', 'a'),
                ('00000000-0000-0000-0000-0000000000bb', 1, NULL, 'b')");
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 2),
        "{status:?}"
    );
    let first: Vec<_> = status.tables[1]
        .findings
        .iter()
        .map(|finding| finding.first.join(" "))
        .collect();
    assert_eq!(
        first,
        [
            "00000000-0000-0000-0000-0000000000bb",
            "00000000-0000-0000-0000-0000000000aa"
        ]
    );
    assert!(
        status
            .notes
            .iter()
            .any(|note| note.contains("VALIDATE CONSTRAINT")),
        "{:?}",
        status.notes
    );
}

#[tokio::test]
async fn a_long_name_gets_a_domain_and_an_index_of_its_own() {
    let (table, column) = ("t".repeat(63), "email");
    let setting = crate::bed::Setting {
        map: map()
            .replace("tables.customer", &format!("tables.{table}"))
            .replace("-> customer", &format!("-> {table}")),
        ..crate::bed::Setting::default()
    };
    let sql = format!("{SCHEMA}{ROWS}").replace("customer ", &format!("{table} "));
    let shop = Shop::with(&setting, "shop", &sql).await;
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(status.problems, Vec::<String>::new(), "{column}");
    assert_eq!(status.state, JobState::Done);
    assert_eq!(
        shop.sql("SELECT count(DISTINCT domain_name) FROM privet.sealed_column"),
        "5"
    );
}
