//! Adoptions that succeed.

use std::sync::Arc;

use privet_vault::{AdoptOrder, Error, JobState, Vault};

use crate::bed::{Bed, MAP, ROWS, Setting, bed, caller, parts, sqlite};

#[tokio::test]
async fn a_look_changes_nothing_and_says_what_would() {
    let bed = bed(ROWS).await;
    let before = bed.bytes();
    let status = bed.look().await;
    assert_eq!(bed.bytes(), before);
    assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 0);
    assert_eq!((status.state, status.dry_run), (JobState::Done, true));
    assert_eq!((status.done, status.total, status.left), (0, 11, 0));
    let tables: Vec<_> = status
        .tables
        .iter()
        .map(|table| {
            (
                table.table.as_str(),
                table.columns.join(" "),
                table.rows,
                table.to_seal,
            )
        })
        .collect();
    assert_eq!(
        tables,
        [
            ("customer", "birthday email name".to_owned(), 3, 7),
            ("invoice", "address".to_owned(), 4, 3),
            ("message", "body".to_owned(), 1, 1),
        ]
    );
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!(status.notes, Vec::<String>::new());
}

#[tokio::test]
async fn every_value_is_sealed_under_its_own_person() {
    let bed = bed(ROWS).await;
    assert!(bed.holds("Marker") && bed.holds("19880229") | bed.holds("cy@marker.example"));
    let status = bed.adopt().await;
    assert_eq!(
        (status.state, status.done, status.left),
        (JobState::Done, 11, 0),
        "{status:?}"
    );
    assert!(!bed.holds("Marker"));
    assert!(!bed.holds("marker.example"));
    assert!(!bed.holds("1990-12-31"));
    for (subject, field, sql, expected) in [
        (
            "customer:1",
            "name",
            "SELECT name FROM customer WHERE id = 1",
            "Ada Marker",
        ),
        (
            "shop/customer:1",
            "email",
            "SELECT email FROM customer WHERE id = 1",
            "Ada@marker.example",
        ),
        (
            "customer:2",
            "birthday",
            "SELECT birthday FROM customer WHERE id = 2",
            "19880229",
        ),
        (
            "customer:1",
            "billing_address",
            "SELECT address FROM invoice WHERE id = 1",
            "1 Marker St",
        ),
        (
            "customer:7",
            "billing_address",
            "SELECT address FROM invoice WHERE id = 3",
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
        (
            "customer:1",
            "message",
            "SELECT name FROM customer WHERE id = 1",
            "Unreadable",
        ),
    ] {
        assert_eq!(bed.opened(subject, field, sql).await, expected, "{sql}");
    }
    assert_eq!(bed.value("SELECT email FROM customer WHERE id = 2"), "-");
    assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 3);
}

#[tokio::test]
async fn blind_indexes_are_filled_and_unique() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    let filled = "SELECT group_concat(id ORDER BY id) FROM customer WHERE email_px LIKE 'px1_%'";
    assert_eq!(bed.value(filled), "1,7");
    let error = bed.open().execute(
        "UPDATE customer SET email_px = (SELECT max(email_px) FROM customer)",
        [],
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "UNIQUE constraint failed: customer.email_px"
    );
}

#[tokio::test]
async fn retained_values_have_a_key_for_their_year_until_its_end() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    let days = retained_until(&bed).await;
    // The invoice of 2015 need not be kept any more, so that its address goes when the customer goes.
    assert_eq!(days, [vec!["2031-12-31", "2032-12-31"], vec![]]);
}

/// The days on which the retention keys of customers 1 and 7 die.
async fn retained_until(bed: &Bed) -> Vec<Vec<String>> {
    let found = bed
        .stores
        .keys
        .subjects_by_alias(&bed.source, "customer", &["1".into(), "7".into()])
        .await
        .unwrap();
    let subjects: Vec<_> = found
        .into_iter()
        .map(|row| row.unwrap().1.reference)
        .collect();
    let keys = bed.stores.keys.keys_of_subjects(&subjects).await.unwrap();
    keys.iter()
        .map(|keys| {
            let expiring = keys.iter().filter_map(|key| key.expires_on);
            let mut days: Vec<_> = expiring.map(|day| day.to_string()).collect();
            days.sort();
            days
        })
        .collect()
}

#[tokio::test]
async fn a_longer_retention_prolongs_the_keys_that_values_join() {
    let mut bed = bed(ROWS).await;
    bed.adopt().await;
    for (id, law) in [(20, "10y"), (21, "5y")] {
        bed.execute(&format!(
            "DROP TRIGGER privet_guard_insert_invoice;
             INSERT INTO invoice VALUES ({id}, 1, '2024-11-11', '4 Marker St');"
        ));
        let setting = Setting {
            map: MAP.replace("7y", law),
            ..Setting::default()
        };
        let source = Arc::new(sqlite("shop", &bed.path()));
        bed.vault = Vault::start(parts(&bed.stores, source, &setting))
            .await
            .unwrap();
        let status = bed.adopt().await;
        assert_eq!((status.state, status.done), (JobState::Done, 1), "{law}");
        // A shorter law ends nothing that was promised under the longer one.
        let days = retained_until(&bed).await;
        assert_eq!(days, [vec!["2032-12-31", "2034-12-31"], vec![]], "{law}");
    }
}

/// The application went on after the last batch and before the guards, which are taken away here.
async fn check_went_on(bed: &Bed, change: &str) {
    bed.adopt().await;
    bed.execute(&format!(
        "DROP TRIGGER privet_guard_insert_customer; DROP TRIGGER privet_guard_update_customer;
         DROP INDEX privet_px_customer_email; {change}"
    ));
    let status = bed.adopt().await;
    assert_eq!(status.problems, Vec::<String>::new(), "{change}");
    assert_eq!((status.state, status.left), (JobState::Done, 0));
}

#[tokio::test]
async fn an_address_that_was_written_again_is_no_duplicate_of_itself() {
    let again = bed(ROWS).await;
    check_went_on(
        &again,
        "UPDATE customer SET email = 'ada@marker.example' WHERE id = 1",
    )
    .await;
    let passed_on = bed(ROWS).await;
    check_went_on(
        &passed_on,
        "UPDATE customer SET email = 'new@marker.example' WHERE id = 1;
         UPDATE customer SET email = 'ada@marker.example' WHERE id = 2;",
    )
    .await;
    let email = "SELECT email FROM customer WHERE id = 2";
    assert_eq!(
        passed_on.opened("customer:2", "email", email).await,
        "ada@marker.example"
    );
}

#[tokio::test]
async fn adopting_again_finds_nothing_to_do() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    let sealed =
        bed.value("SELECT group_concat(name || email_px) FROM customer WHERE email IS NOT NULL");
    let status = bed.adopt().await;
    assert_eq!(
        (status.state, status.total, status.done),
        (JobState::Done, 0, 0),
        "{status:?}"
    );
    assert_eq!(status.tables[0].sealed, 7);
    assert_eq!(
        bed.value("SELECT group_concat(name || email_px) FROM customer WHERE email IS NOT NULL"),
        sealed
    );
}

#[tokio::test]
async fn rows_that_came_later_are_sealed_by_the_next_run() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    bed.execute("INSERT INTO message (id, invoice_id) VALUES (2, 1); DROP TRIGGER privet_guard_update_message;
                 UPDATE message SET body = 'Marker again' WHERE id = 2;");
    let status = bed.adopt().await;
    assert_eq!(
        (status.state, status.done),
        (JobState::Done, 1),
        "{status:?}"
    );
    assert_eq!(
        bed.opened(
            "customer:1",
            "message",
            "SELECT body FROM message WHERE id = 2"
        )
        .await,
        "Marker again"
    );
    assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 3);
}

#[tokio::test]
async fn rows_without_a_subject_or_a_date_are_named_and_left() {
    let bed = bed(&format!(
        "{ROWS} PRAGMA foreign_keys = OFF;
         INSERT INTO invoice VALUES (10, NULL, '2024-01-01', 'a'), (11, 99, '2024-01-01', 'b'), (12, 1, NULL, 'c'),
           (13, 1, '3 Feb 2024', 'd'), (14, 1, 20240101, 'e'), (15, 99, NULL, NULL);
         UPDATE customer SET email = 'nobody' WHERE id = 2;"
    ))
    .await;
    let status = bed.adopt().await;
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 5),
        "{status:?}"
    );
    let findings: Vec<_> = status
        .tables
        .iter()
        .flat_map(|table| &table.findings)
        .map(|finding| (finding.what.as_str(), finding.rows, finding.first.join(" ")))
        .collect();
    assert_eq!(
        findings,
        [
            (
                "has a value of field `email` that is no email: it is sealed, but cannot be looked up",
                1,
                "2".to_owned()
            ),
            (
                "has no date in `at`, from which the retention of field `billing_address` counts: that value stays as it is",
                3,
                "12 13 14".to_owned()
            ),
            (
                "has no subject: its values stay as they are until the row says whose they are",
                2,
                "10 11".to_owned()
            ),
        ]
    );
    let left = "SELECT group_concat(id) FROM invoice WHERE address NOT LIKE 'pv1_%'";
    assert_eq!(bed.value(left), "10,11,12,13,14");
    assert_eq!(
        bed.opened(
            "customer:2",
            "email",
            "SELECT email FROM customer WHERE id = 2"
        )
        .await,
        "nobody"
    );
}

#[tokio::test]
async fn the_log_says_what_was_done_and_names_nobody() {
    let bed = bed(ROWS).await;
    bed.look().await;
    bed.adopt().await;
    let look = r#"{"dry_run":true,"source":"shop"}"#;
    let real = r#"{"dry_run":false,"key_backup":"waived","source":"shop"}"#;
    let done = |dry_run| format!(r#"{{"dry_run":{dry_run},"outcome":"done","source":"shop"}}"#);
    let counted = r#"{"left": 0, "rows": 8, "tables": 3, "values": 11}"#;
    assert_eq!(
        bed.entries().await,
        [
            format!("adopt.started  {look} {counted}"),
            format!(
                r#"adopt.finished  {} {{"left": 0, "rows": 8, "values": 0}}"#,
                done(true)
            ),
            format!("adopt.started  {real} {counted}"),
            format!(
                r#"adopt.finished  {} {{"left": 0, "rows": 8, "values": 11}}"#,
                done(false)
            ),
        ]
    );
}

#[tokio::test]
async fn one_source_is_adopted_once_at_a_time() {
    let bed = bed(ROWS).await;
    let operator = caller(&bed.vault, "operator").await;
    bed.vault
        .adopt_start(&operator, &bed.source, AdoptOrder::LOOK)
        .await
        .unwrap();
    let error = bed
        .vault
        .adopt_start(&operator, &bed.source, AdoptOrder::LOOK)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), matches!(error, Error::Conflict(_))),
        ("adoption_running", true)
    );
}

#[tokio::test]
async fn a_person_with_many_rows_is_one_subject() {
    let bed = bed(
        "INSERT INTO customer (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO invoice (customer_id, at, address) SELECT 1 + i % 3, '2024-01-01', 'Marker ' || i FROM n;",
    )
    .await;
    let status = bed.adopt().await;
    assert_eq!(
        (status.state, status.done),
        (JobState::Done, 5003),
        "{status:?}"
    );
    assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 3);
    let last = "SELECT address FROM invoice WHERE id = 5000";
    assert_eq!(
        bed.opened("customer:3", "billing_address", last).await,
        "Marker 5000"
    );
}
