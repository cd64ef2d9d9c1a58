//! Adoptions that are refused before anything changes.

use privet_classify::DataMap;
use privet_vault::check::check_source;
use privet_vault::{AdoptOrder, Error, JobState};

use crate::bed::{Bed, MAP, ROWS, SCHEMA, Setting, bed, bed_with, caller, sqlite};

/// The job fails with these problems and leaves the database alone.
async fn check(bed: &Bed, expected: &[&str]) {
    let before = bed.bytes();
    let status = bed.adopt().await;
    assert_eq!(status.problems, expected);
    assert_eq!((status.state, status.done), (JobState::Failed, 0));
    assert_eq!(bed.bytes(), before, "something was changed");
    assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 0);
    let entries = bed.entries().await;
    assert!(
        entries
            .last()
            .unwrap()
            .starts_with("adopt.finished problems "),
        "{entries:?}"
    );
}

#[tokio::test]
async fn duplicates_in_a_unique_field_are_counted_and_named() {
    let bed = bed(&format!(
        "{ROWS} INSERT INTO customer (id, name, email) VALUES (20, 'x', 'ADA@MARKER.EXAMPLE'), (21, 'y', 'o@o.example');"
    ))
    .await;
    check(
        &bed,
        &["column `email` of table `customer` must be unique, but 2 rows (row ids 1, 20) share a value with another \
           row: correct them, or set `lookup = { unique = false }`"],
    )
    .await;
}

#[tokio::test]
async fn a_new_row_like_a_sealed_one_is_found_too() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    bed.execute("DROP TRIGGER privet_guard_insert_customer; INSERT INTO customer (id, name, email) VALUES (30, 'x', 'cy@Marker.Example');");
    let status = bed.adopt().await;
    assert_eq!(status.state, JobState::Failed);
    assert_eq!(
        status.problems,
        [
            "column `email` of table `customer` must be unique, but 2 rows (row ids 7, 30) share a value with another row: \
          correct them, or set `lookup = { unique = false }`"
        ]
    );
}

#[tokio::test]
async fn real_people_do_not_get_into_a_synthetic_environment() {
    let setting = Setting {
        synthetic_only: true,
        ..Setting::default()
    };
    let rows = "INSERT INTO customer (id, name, email) VALUES (1, 'Ada Example', 'ada@example.com'), (2, 'Zyx Qwvut', 'z@bank.com');";
    let bed = bed_with(&setting, &format!("{SCHEMA}{rows}")).await;
    let status = bed.adopt().await;
    assert_eq!(status.state, JobState::Failed);
    let email = status
        .problems
        .iter()
        .find(|problem| problem.contains("`email`"))
        .unwrap();
    assert_eq!(
        email,
        "table `customer`, field `email`: this environment takes only values from the ranges reserved for examples; \
         1 rows (row ids 2) hold others"
    );
}

#[tokio::test]
async fn a_database_that_does_not_fit_the_map_is_refused_as_a_whole() {
    let bed = bed_with(
        &Setting::default(),
        "CREATE TABLE Customer (id INTEGER PRIMARY KEY, name, EMAIL, birthday, country, phone);
         CREATE VIEW invoice AS SELECT 1; CREATE TABLE message (id INTEGER PRIMARY KEY, invoice_id);",
    )
    .await;
    check(
        &bed,
        &[
            "table `customer` is written `Customer` in the database: write it so in the data map",
            "table `invoice` of source `shop` is a view: list the tables that it shows",
            "table `message` has no column `body`: correct its name, or take it out of the data map",
        ],
    )
    .await;
}

#[tokio::test]
async fn values_that_are_too_long_to_seal_are_named_before_anything_is_sealed() {
    let bed = bed(&format!(
        "{ROWS} INSERT INTO message VALUES (2, 1, printf('%.*c', 1048576 - 49, 'x')), (3, 1, zeroblob(2000000)),
           (4, 1, printf('%.*c', 1048576 - 50, 'x'));"
    ))
    .await;
    check(
        &bed,
        &["column `body` of table `message` holds values that are too long to seal, which ends at 1 MiB: shorten them, or \
           give the column a class in place of the field; 2 rows (row ids 2, 3) hold such"],
    )
    .await;
}

#[tokio::test]
async fn retention_from_closure_is_refused_while_closing_destroys_everything() {
    let setting = Setting {
        map: MAP.replace(r#"from = "at""#, r#"from = "closure""#),
        ..Setting::default()
    };
    let bed = bed_with(&setting, &format!("{SCHEMA}{ROWS}")).await;
    let expected = "field `billing_address`: this version cannot keep values from closure on: use a date column, or leave \
                    `retain` out";
    check(&bed, &[expected]).await;
    let map = DataMap::parse(&setting.map).unwrap();
    let report = check_source(&map, &sqlite("shop", &bed.path())).await;
    assert_eq!(report.unwrap().problems, [expected]);
}

#[tokio::test]
async fn what_the_engine_finds_in_the_way_is_refused() {
    let bed = bed(&format!("{ROWS} CREATE INDEX by_name ON customer (name);")).await;
    check(
        &bed,
        &["column `name` of table `customer` has the index `by_name`, which finds nothing among sealed values: drop it \
           first (`DROP INDEX \"by_name\"`)"],
    )
    .await;
}

#[tokio::test]
async fn a_source_of_another_tenant_is_refused() {
    let setting = Setting {
        tenant: "other",
        ..Setting::default()
    };
    let bed = bed_with(&setting, &format!("{SCHEMA}{ROWS}")).await;
    check(
        &bed,
        &["source `shop` belongs to tenant `acme`, and this server serves `other`: state the same in both"],
    )
    .await;
}

#[tokio::test]
async fn a_damaged_value_is_named_before_anything_changes() {
    let bed = bed(&format!(
        "{ROWS} UPDATE message SET body = CAST(x'41ff' AS TEXT);"
    ))
    .await;
    let before = bed.bytes();
    let status = bed.adopt().await;
    assert_eq!(
        status.problems,
        [
            "row 1 of table `message` holds text in column `body` that is not UTF-8: correct it, or make it a blob"
        ]
    );
    assert_eq!(bed.bytes(), before);
}

#[tokio::test]
async fn only_those_whom_policy_lets_adopt() {
    let bed = bed(ROWS).await;
    for name in ["on_call", "auditor", "job"] {
        let caller = caller(&bed.vault, name).await;
        let error = bed
            .vault
            .adopt_start(&caller, &bed.source, AdoptOrder::LOOK)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{name}: {error}");
    }
    assert_eq!(bed.entries().await.len(), 3);
    assert!(
        bed.entries()
            .await
            .iter()
            .all(|entry| entry.starts_with("adopt.denied"))
    );
    let operator = caller(&bed.vault, "operator").await;
    let job = bed
        .vault
        .adopt_start(&operator, &bed.source, AdoptOrder::LOOK)
        .await
        .unwrap();
    let on_call = caller(&bed.vault, "on_call").await;
    assert!(matches!(
        bed.vault.adopt_status(&on_call, job).await,
        Err(Error::Denied(_))
    ));
    let nowhere = "nowhere".parse().unwrap();
    assert!(matches!(
        bed.vault
            .adopt_start(&operator, &nowhere, AdoptOrder::LOOK)
            .await,
        Err(Error::NotFound("source"))
    ));
}

#[tokio::test]
async fn a_way_without_a_declared_key_is_followed_and_noted() {
    let schema = SCHEMA.replace(" REFERENCES customer (id)", "");
    let bed = bed_with(&Setting::default(), &format!("{schema}{ROWS}")).await;
    let status = bed.adopt().await;
    assert_eq!(status.state, JobState::Done, "{status:?}");
    assert_eq!(
        status.notes[..1],
        [
            "the database declares no foreign key from `invoice.customer_id` to `customer.id`; the data map is followed"
        ]
    );
    assert!(MAP.contains("customer_id -> customer"));
}
