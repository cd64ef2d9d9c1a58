//! Checks of a source, without a server.

use privet_classify::DataMap;
use privet_vault::check::{Report, check_source};

use crate::bed::{Bed, MAP, ROWS, bed, sqlite};

async fn report(bed: &Bed) -> Report {
    let map = DataMap::parse(MAP).unwrap();
    check_source(&map, &sqlite("shop", &bed.path()))
        .await
        .unwrap()
}

#[tokio::test]
async fn an_adopted_source_passes() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    let before = bed.bytes();
    assert_eq!(
        report(&bed).await,
        Report {
            problems: Vec::new(),
            notes: vec![
                "the data map does not list `product`, so all that is in there is shown as it is"
                    .to_owned()
            ],
            sealed: 11,
        }
    );
    assert_eq!(bed.bytes(), before);
}

#[tokio::test]
async fn a_source_before_its_adoption_does_not() {
    let bed = bed(ROWS).await;
    let found = report(&bed).await;
    assert_eq!(found.sealed, 0);
    for expected in [
        "column `name` of table `customer` holds 3 values in plaintext: run `privet adopt shop`",
        "table `customer` has no column `email_px` for the blind index: run `privet adopt shop`",
        "table `message` has no guard `privet_guard_insert_message` that refuses plaintext: run `privet adopt shop`",
    ] {
        assert!(
            found.problems.iter().any(|problem| problem == expected),
            "{expected}\n{found:#?}"
        );
    }
}

async fn check(change: &str, expected: &[&str]) {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    bed.execute(change);
    assert_eq!(report(&bed).await.problems, expected, "{change}");
}

#[tokio::test]
async fn a_change_after_the_adoption_is_found() {
    check("ALTER TABLE customer ADD COLUMN phone TEXT", &[
        "column `phone` of table `customer` is not classified: state its field or class in the data map",
    ])
    .await;
    check("ALTER TABLE invoice RENAME COLUMN at TO issued", &[
        "table `invoice` has no column `at`: correct its name, or take it out of the data map",
        "column `issued` of table `invoice` is not classified: state its field or class in the data map",
    ])
    .await;
    check("DROP TRIGGER privet_guard_update_customer; UPDATE customer SET name = 'Ada' WHERE id = 1;", &[
        "column `name` of table `customer` holds 1 values in plaintext: run `privet adopt shop`",
        "table `customer` has no guard `privet_guard_update_customer` that refuses plaintext: run `privet adopt shop`",
    ])
    .await;
    check("DROP INDEX privet_px_customer_email", &[
        "table `customer` has no unique index `privet_px_customer_email`: run `privet adopt shop`",
    ])
    .await;
    check(
        "PRAGMA foreign_keys = OFF; DROP TRIGGER privet_guard_insert_invoice;
         INSERT INTO invoice VALUES (50, 99, '2024-01-01', 'a');",
        &[
            "column `address` of table `invoice` holds 1 values in plaintext: run `privet adopt shop`",
            "1 rows of table `invoice` have values but no subject (row ids 50): say whose they are, or empty them",
            "table `invoice` has no guard `privet_guard_insert_invoice` that refuses plaintext: run `privet adopt shop`",
        ],
    )
    .await;
    check("DROP TABLE product", &[]).await;
}

#[tokio::test]
async fn a_source_that_the_map_does_not_have_is_said_to_be_missing() {
    let bed = bed(ROWS).await;
    let map = DataMap::parse(MAP).unwrap();
    let found = check_source(&map, &sqlite("other", &bed.path()))
        .await
        .unwrap();
    assert_eq!(
        found.problems,
        ["the data map has no source `other`: add `[sources.other]`"]
    );
}
