//! Forms, purposes, look-ups, and uniqueness.

use privet_vault::audit::EntryKind;
use privet_vault::policy::{Policy, PolicyFiles};
use privet_vault::{Form, SealItem, SubjectName, Vault};

use crate::bed::{Bed, bed, hand_clock, parts, request, root, shown, values};
use crate::engine::new_stores;

const EMAIL: &str = "ada.lovelace@example.com";

#[tokio::test]
async fn a_job_sees_clear_values_of_its_purpose() {
    let bed = bed().await;
    let subject = bed.subject(EMAIL).await;
    let job = bed.caller("job").await;
    let revealed = bed
        .vault
        .reveal(&job, &request(&subject, &["email", "note"], "service"))
        .await
        .unwrap();
    assert_eq!(revealed.form, Form::Clear);
    let row = revealed.subjects[0].as_ref().unwrap();
    assert_eq!(shown(&row[0]), EMAIL);
    assert_eq!(shown(&row[1]), "(missing)");
    let kinds = bed.kinds().await;
    assert_eq!(
        kinds[usize::try_from(revealed.entry).unwrap()],
        EntryKind::Reveal
    );
}

#[tokio::test]
async fn people_see_masks_unless_they_ask_for_what_they_may_not_have() {
    let bed = bed().await;
    let subject = bed.subject(EMAIL).await;
    let engineer = bed.caller("on_call").await;
    let mut wish = request(&subject, &["email"], "support");
    let revealed = bed.vault.reveal(&engineer, &wish).await.unwrap();
    assert_eq!(revealed.form, Form::Masked);
    let mask = shown(&revealed.subjects[0].as_ref().unwrap()[0]);
    assert!(!mask.contains("ada") && !mask.contains("example"), "{mask}");

    wish.form = Some(Form::Clear);
    let error = bed.vault.reveal(&engineer, &wish).await.unwrap_err();
    assert_eq!(error.code(), "policy_denied");
    assert_eq!(bed.count(EntryKind::RevealDenied).await, 1);
}

#[tokio::test]
async fn pseudonyms_join_neither_people_nor_purposes() {
    let bed = bed().await;
    let (ada, joan) = (
        bed.subject(EMAIL).await,
        bed.subject("joan@example.com").await,
    );
    let job = bed.caller("job").await;
    let mut seen = Vec::new();
    for subject in [&ada, &joan, &ada] {
        let mut wish = request(subject, &["email"], "service");
        wish.form = Some(Form::Pseudonym);
        let revealed = bed.vault.reveal(&job, &wish).await.unwrap();
        seen.push(shown(&revealed.subjects[0].as_ref().unwrap()[0]));
    }
    assert_eq!(seen[0], seen[2]);
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_purpose_must_exist_serve_the_field_and_rest_on_something() {
    let bed = bed().await;
    let subject = bed.subject(EMAIL).await;
    let job = bed.caller("job").await;
    for (fields, purpose, code) in [
        (vec!["email"], "curiosity", "unknown_purpose"),
        (vec!["note"], "support", "purpose_not_allowed"),
        (vec!["email"], "marketing", "policy_denied"),
        (vec!["shoe_size"], "service", "unknown_field"),
    ] {
        let error = bed
            .vault
            .reveal(&job, &request(&subject, &fields, purpose))
            .await
            .unwrap_err();
        assert_eq!(error.code(), code);
        // Whoever mistyped one finds those that there are; what they typed is not repeated.
        let said = error.to_string();
        assert!(!said.contains("curiosity"), "{said}");
        assert_eq!(
            said.contains("`service`, `support`"),
            code == "unknown_purpose",
            "{said}"
        );
    }
    // A purpose that the job did not declare.
    let error = bed
        .vault
        .reveal(&job, &request(&subject, &["email"], "support"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "policy_denied");
}

#[tokio::test]
async fn unknown_subjects_are_gaps_in_the_answer() {
    let bed = bed().await;
    let subject = bed.subject(EMAIL).await;
    let job = bed.caller("job").await;
    let nobody: SubjectName = "6f1c2d3e-0000-4000-8000-000000000000".parse().unwrap();
    let mut wish = request(&nobody, &["email"], "service");
    wish.subjects.push(subject);
    let revealed = bed.vault.reveal(&job, &wish).await.unwrap();
    assert!(revealed.subjects[0].is_none());
    assert_eq!(shown(&revealed.subjects[1].as_ref().unwrap()[0]), EMAIL);
}

#[tokio::test]
async fn a_lookup_finds_by_the_normalized_value() {
    let bed = bed().await;
    let SubjectName::Oid(oid) = bed.subject(EMAIL).await else {
        panic!()
    };
    let job = bed.caller("job").await;
    let vault = &bed.vault;
    let hits = vault
        .lookup(&job, "email", " Ada.Lovelace@EXAMPLE.com", "service")
        .await
        .unwrap();
    assert_eq!(hits.subjects, [oid]);
    let none = vault
        .lookup(&job, "email", "ada@example.com", "service")
        .await
        .unwrap();
    assert!(none.subjects.is_empty());
    assert_ne!(none.indexes, hits.indexes);
    // What an application's own column holds for the value.
    let item = SealItem {
        subject: SubjectName::Oid(oid),
        field: "email".to_owned(),
        value: EMAIL.to_owned().into(),
    };
    let sealed = vault.seal_values(&job, &[item]).await.unwrap();
    assert_eq!(hits.indexes.first(), sealed[0].index.as_ref());
    let error = vault
        .lookup(&job, "phone", "+12025550143", "service")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "no_lookup");
}

#[tokio::test]
async fn of_many_who_want_a_unique_value_one_gets_it() {
    let bed = bed().await;
    let job = bed.caller("job").await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (vault, job) = (bed.vault.clone(), job.clone());
        tries.spawn(async move {
            vault
                .create_subject(&job, values(&[("email", EMAIL)]), &[])
                .await
        });
    }
    let results = tries.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.code(), "not_unique");
    }
    // Those who lost left nothing behind.
    assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 1);
}

#[tokio::test]
async fn values_are_checked_before_they_are_stored() {
    let bed = bed().await;
    let job = bed.caller("job").await;
    let wrong = values(&[("email", "not an address")]);
    let error = bed
        .vault
        .create_subject(&job, wrong, &[])
        .await
        .unwrap_err();
    assert_eq!(error.code(), "value_invalid");
    assert!(!error.to_string().contains("not an address"), "{error}");
}

#[tokio::test]
async fn the_log_holds_nothing_personal() {
    let bed = bed().await;
    let subject = bed.subject(EMAIL).await;
    let job = bed.caller("job").await;
    let mut wish = request(&subject, &["email", "phone"], "service");
    wish.reason = Some("because Ada asked".to_owned());
    bed.vault.reveal(&job, &wish).await.unwrap();
    bed.vault
        .lookup(&job, "email", EMAIL, "service")
        .await
        .unwrap();
    let text = bed.log_text().await;
    for personal in [
        "ada",
        "lovelace",
        "555",
        "because",
        "192.0.2.1",
        &subject.to_string(),
    ] {
        assert!(!text.to_lowercase().contains(personal), "{personal}");
    }
}

/// A bundle makes the rules stricter and never looser: without a grant, nothing is clear for a person.
#[tokio::test]
async fn no_bundle_gives_people_clear_values() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut loose = parts(&stores, &clock, "test", root());
    let files = PolicyFiles {
        schema: PolicyFiles::STANDARD.schema,
        policies: &[(
            "all.cedar",
            "@id(\"all\") permit (principal, action, resource);",
        )],
        principals: "[people.on_call]\ngroups = [\"on-call\"]\n[jobs.job]\ngroups = [\"pii-jobs\"]\npurposes = [\"service\"]\n",
    };
    loose.policy = Policy::load(&files, &"test".parse().unwrap()).unwrap();
    let vault = Vault::start(loose).await.unwrap();
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    let subject = bed.subject("ada@example.com").await;
    let person = bed.caller("on_call").await;
    let mut wanted = request(&subject, &["email"], "service");
    wanted.form = Some(Form::Clear);
    let error = bed.vault.reveal(&person, &wanted).await.unwrap_err();
    assert_eq!(error.code(), "policy_denied");
    wanted.form = Some(Form::Masked);
    bed.vault.reveal(&person, &wanted).await.unwrap();
    let job = bed.caller("job").await;
    wanted.form = Some(Form::Clear);
    bed.vault.reveal(&job, &wanted).await.unwrap();
}
