//! Sealed values that applications keep: they open for the right subject, field, tenant and environment alone.

use privet_seal::Zeroizing;
use privet_vault::{Form, OpenItem, SealItem, SubjectName, Vault};

use crate::bed::{Bed, bed, hand_clock, parts, root, shown};
use crate::engine::new_stores;

async fn sealed(bed: &Bed, subject: &SubjectName, field: &str, value: &str) -> String {
    let job = bed.caller("job").await;
    let item = SealItem {
        subject: subject.clone(),
        field: field.to_owned(),
        value: Zeroizing::new(value.to_owned()),
    };
    let answer = bed.vault.seal_values(&job, &[item]).await.unwrap();
    answer.into_iter().next().unwrap().sealed
}

async fn opened(bed: &Bed, subject: &SubjectName, field: &str, sealed: &str, form: Form) -> String {
    let job = bed.caller("job").await;
    let item = OpenItem {
        subject: subject.clone(),
        field: field.to_owned(),
        sealed: sealed.to_owned(),
    };
    shown(
        &bed.vault
            .open_values(&job, &[item], "service", form)
            .await
            .unwrap()[0],
    )
}

#[tokio::test]
async fn a_value_opens_where_it_belongs_and_nowhere_else() {
    let bed = bed().await;
    let (ada, joan) = (
        bed.subject("ada@example.com").await,
        bed.subject("joan@example.com").await,
    );
    let value = sealed(&bed, &ada, "email", "other@example.com").await;
    assert!(value.starts_with("pv1_"));
    let check = async |subject, field, text: &str, expected: &str| {
        for form in [Form::Clear, Form::Sealed] {
            let got = opened(&bed, subject, field, text, form).await;
            let expected = match (expected, form) {
                ("(unreadable)", _) | (_, Form::Clear) => expected,
                _ => text,
            };
            assert_eq!(got, expected);
        }
    };
    check(&ada, "email", &value, "other@example.com").await;
    check(&joan, "email", &value, "(unreadable)").await;
    check(&ada, "phone", &value, "(unreadable)").await;
    check(&ada, "email", "pv1_", "(unreadable)").await;
    check(&ada, "email", "other@example.com", "(unreadable)").await;
    let mut other_version = value.clone();
    other_version.replace_range(4..6, "Ag");
    check(&ada, "email", &other_version, "(unreadable)").await;
}

#[tokio::test]
async fn another_environment_opens_nothing_even_with_the_same_keys() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    sealed(&bed, &ada, "email", "other@example.com").await;
    // The same stores and the same root key, called by another environment's name.
    let error = Vault::start(parts(&bed.stores, &bed.clock, "prod", root()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "root_key");
    assert!(error.to_string().contains("`prod`"), "{error}");
}

#[tokio::test]
async fn another_root_key_opens_nothing() {
    let (stores, clock) = (new_stores().await, hand_clock());
    drop(
        Vault::start(parts(&stores, &clock, "test", root()))
            .await
            .unwrap(),
    );
    let other = privet_seal::FileKeyProvider::create(&crate::bed::Seeded::new(99));
    let other = std::sync::Arc::new(other);
    let error = Vault::start(parts(&stores, &clock, "test", other))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "root_key");
}

#[tokio::test]
async fn a_subject_that_does_not_exist_cannot_be_sealed_for() {
    let bed = bed().await;
    let job = bed.caller("job").await;
    let item = SealItem {
        subject: "6f1c2d3e-0000-4000-8000-000000000000".parse().unwrap(),
        field: "email".to_owned(),
        value: Zeroizing::new("a@example.com".to_owned()),
    };
    assert_eq!(
        bed.vault
            .seal_values(&job, &[item])
            .await
            .unwrap_err()
            .code(),
        "not_found"
    );
}
