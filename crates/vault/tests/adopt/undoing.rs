//! Taking adoptions back: two people, everything as it was, except for those who were erased.

use privet_vault::{AdoptOrder, Error, JobState, JobStatus, SourceName, SubjectName, Vault};

use crate::bed::{ROWS, bed, caller, ended};
use crate::postgres::{self, Shop};

const REASON: &str = "the pilot with this database is over";

/// Asked for by the operator, approved by the auditor.
async fn undo(vault: &Vault, source: &SourceName) -> JobStatus {
    let operator = caller(vault, "operator").await;
    let auditor = caller(vault, "auditor").await;
    let asked = vault.undo_request(&operator, source, REASON).await.unwrap();
    let id = vault.undo_approve(&auditor, asked.id).await.unwrap();
    ended(vault, &auditor, id).await
}

async fn erase(vault: &Vault, subject: &str) {
    let operator = caller(vault, "operator").await;
    let subject: SubjectName = subject.parse().unwrap();
    vault.close_subject(&operator, &subject).await.unwrap();
}

/// The schema and every row, as text.
fn whole(bed: &crate::bed::Bed) -> String {
    let connection = bed.open();
    let mut out = Vec::new();
    let mut statement = connection
        .prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    out.extend(rows.map(Result::unwrap));
    for table in ["customer", "invoice", "message", "product"] {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table}"))
            .unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns)
                .map(|at| format!("{:?}", row.get_ref(at).unwrap()))
                .collect();
            out.push(values.join(" "));
        }
    }
    out.join("\n")
}

#[tokio::test]
async fn a_file_becomes_what_it_was() {
    let bed = bed(ROWS).await;
    let before = whole(&bed);
    bed.adopt().await;
    assert_ne!(whole(&bed), before);
    let status = undo(&bed.vault, &bed.source).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!(
        (status.state, status.done, status.left),
        (JobState::Done, 11, 0)
    );
    assert_eq!(whole(&bed), before);
    // And may be adopted again.
    assert_eq!(bed.adopt().await.done, 11);
}

#[tokio::test]
async fn a_server_s_database_becomes_what_it_was() {
    let shop = Shop::new(&format!("{}{}", postgres::SCHEMA, postgres::ROWS)).await;
    let before = shop.dump();
    shop.adopt(AdoptOrder::SEAL).await;
    assert_ne!(shop.dump(), before);
    let status = undo(&shop.vault, &shop.source).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!(
        (status.state, status.done, status.left),
        (JobState::Done, 11, 0)
    );
    assert_eq!(shop.dump(), before);
    assert_eq!(shop.adopt(AdoptOrder::SEAL).await.done, 11);
}

#[tokio::test]
async fn whoever_was_erased_stays_so() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    let name = bed.value("SELECT name FROM customer WHERE id = 1");
    erase(&bed.vault, "customer:1").await;
    let status = undo(&bed.vault, &bed.source).await;
    // Name, e-mail address, birthday, two addresses and a message of customer 1.
    assert_eq!(
        (status.state, status.done, status.left),
        (JobState::Done, 5, 6),
        "{status:?}"
    );
    assert_eq!(bed.value("SELECT name FROM customer WHERE id = 1"), name);
    assert_eq!(
        bed.value("SELECT name FROM customer WHERE id = 2"),
        "Bo Marker"
    );

    let shop = Shop::new(&format!("{}{}", postgres::SCHEMA, postgres::ROWS)).await;
    shop.adopt(AdoptOrder::SEAL).await;
    erase(&shop.vault, "customer:1").await;
    let status = undo(&shop.vault, &shop.source).await;
    assert_eq!(
        (status.state, status.done, status.left),
        (JobState::Done, 5, 6),
        "{status:?}"
    );
    assert_eq!(
        status.notes,
        ["name", "email"].map(|column| {
            let was = if column == "name" { 60 } else { 40 };
            format!(
                "column `{column}` of table `customer` was `character varying({was})` and becomes `text`, because it holds \
                 values that stay sealed"
            )
        }).into_iter().rev().collect::<Vec<_>>()
    );
    assert_eq!(
        shop.sql("SELECT name FROM customer WHERE id = 7"),
        "Cy Marker"
    );
    assert_eq!(
        shop.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'privet'"),
        "0"
    );
}

#[tokio::test]
async fn it_takes_two_people() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    let vault = &bed.vault;
    let operator = caller(vault, "operator").await;
    let auditor = caller(vault, "auditor").await;
    for name in ["on_call", "auditor", "job"] {
        let other = caller(vault, name).await;
        let error = vault
            .undo_request(&other, &bed.source, REASON)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "policy_denied", "{name}");
    }
    let error = vault
        .undo_request(&operator, &bed.source, ".")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "reason_too_weak");
    let nowhere = "nowhere".parse().unwrap();
    let error = vault
        .undo_request(&operator, &nowhere, REASON)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound("source")), "{error:?}");
    let asked = vault
        .undo_request(&operator, &bed.source, REASON)
        .await
        .unwrap();
    for (name, code) in [
        ("operator", "own_request"),
        ("on_call", "policy_denied"),
        ("job", "policy_denied"),
    ] {
        let other = caller(vault, name).await;
        let error = vault.undo_approve(&other, asked.id).await.unwrap_err();
        assert_eq!(error.code(), code, "{name}");
    }
    assert!(
        bed.value("SELECT name FROM customer WHERE id = 1")
            .starts_with("pv1_")
    );
    // A later request takes the place of the one before, and each is good once.
    let again = vault
        .undo_request(&operator, &bed.source, REASON)
        .await
        .unwrap();
    let error = vault.undo_approve(&auditor, asked.id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound("request")), "{error:?}");
    let id = vault.undo_approve(&auditor, again.id).await.unwrap();
    ended(vault, &auditor, id).await;
    let error = vault.undo_approve(&auditor, again.id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound("request")), "{error:?}");
}

#[tokio::test]
async fn the_log_says_who_wanted_it_and_whose_values_were_opened() {
    let bed = bed(ROWS).await;
    bed.adopt().await;
    undo(&bed.vault, &bed.source).await;
    let entries = bed.vault.audit().entries(0, 4_000).await.unwrap();
    let entries = entries
        .iter()
        .map(|bytes| privet_vault::audit::Entry::parse(bytes).unwrap());
    let said: Vec<String> = entries
        .filter(|entry| entry.t.starts_with("undo."))
        .map(|entry| {
            let facts: Vec<String> = entry
                .facts
                .iter()
                .filter(|(name, _)| *name != "job")
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!(
                "{} {} {:?} {}",
                entry.t,
                facts.join(" "),
                entry.counts,
                entry.subjects().map_or(0, |(_, count)| count)
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            r#"undo.requested source="shop" {} 0"#,
            r#"undo.started source="shop" requester="operator" {"values": 11} 0"#,
            r#"undo.opened source="shop" {} 3"#,
            r#"undo.opened source="shop" {} 2"#,
            r#"undo.opened source="shop" {} 1"#,
            r#"undo.finished source="shop" outcome="done" {"left": 0, "values": 11} 0"#,
        ]
    );
}
