//! Subjects and values: made, shown, found, sealed, opened, closed.

use privet_api::ApiConfig;
use privet_wire::{
    Closed, FieldsErased, Form, LookupAnswer, OpenAnswer, RevealAnswer, SealAnswer, Subject,
};
use serde_json::{Value, json};

use crate::bed::{Bed, Stores, bed, other_environment, reveal_email};
use crate::http::{Answer, Client};

async fn both() -> [Bed; 2] {
    [
        bed().await,
        Bed::start(Stores::sqlite(), ApiConfig::default()).await,
    ]
}

fn email_of(answer: &RevealAnswer, subject: usize) -> &str {
    answer.subjects[subject].values["email"].as_ref().unwrap()
}

#[tokio::test]
async fn a_subject_lives_and_is_closed() {
    for bed in both().await {
        let job = bed.of("job").await;
        let body = json!({
            "fields": {"email": "ada@example.com"}, "aliases": ["shop/customer:42"],
        });
        let oid = bed.subject_with(body).await;
        let path = format!("/v1/subjects/{oid}");
        let described: Subject = job.get(&path).await.expect(200).read();
        assert_eq!(described.oid.to_string(), oid);
        assert_eq!(
            (&*described.tenant, &*described.fields[0]),
            ("acme", "email")
        );
        assert_eq!(described.aliases, ["shop/customer:42"]);

        let values = json!({"fields": {"phone": "+1 202 555 0143", "email": "ada2@example.com"}});
        let fields = format!("{path}/fields");
        job.call("PUT", &fields, Some(values)).await.expect(204);
        let answer: RevealAnswer = reveal_email(&job, &oid, "service").await.expect(200).read();
        assert_eq!(answer.form, Form::Clear);
        assert_eq!(email_of(&answer, 0), "ada2@example.com");
        let answer: RevealAnswer = reveal_email(&job, "shop/customer:42", "service")
            .await
            .read();
        assert_eq!(email_of(&answer, 0), "ada2@example.com");

        let deleted = json!({"fields": {"phone": null}});
        job.call("PUT", &fields, Some(deleted)).await.expect(204);
        let described: Subject = job.get(&path).await.expect(200).read();
        assert_eq!(described.fields, ["email"]);

        let closed = job.post(&format!("{path}/close"), json!({})).await;
        let closed: Closed = closed.expect(200).read();
        assert_eq!((closed.keys_destroyed, closed.values_deleted), (2, 1));
        for name in [&*oid, "shop/customer:42"] {
            let gone = reveal_email(&job, name, "service").await;
            assert_eq!(gone.problem(), "404 not_found");
        }
        assert_eq!(job.get(&path).await.problem(), "404 not_found");
        let again = job.post(&format!("{path}/close"), json!({})).await;
        assert_eq!(again.problem(), "404 not_found");
        // The value is free for another subject.
        bed.subject("ada2@example.com").await;
    }
}

#[tokio::test]
async fn single_fields_are_erased() {
    for bed in both().await {
        let (job, operator) = (bed.of("job").await, bed.of("operator").await);
        let body = json!({"fields": {"email": "ada@example.com", "phone": "+1 202 555 0143"}});
        let oid = bed.subject_with(body).await;
        let path = format!("/v1/subjects/{oid}");
        let erase = format!("{path}/fields/erase");
        let ask =
            |fields: &[&str], checked: Option<&str>| json!({"fields": fields, "checked": checked});
        // People of the staff say how they know who asks; programs need not.
        let unsaid = operator.post(&erase, ask(&["phone"], None)).await;
        assert_eq!(unsaid.problem(), "422 identity_unchecked");
        let long = "x".repeat(2_001);
        let long = operator.post(&erase, ask(&["phone"], Some(&long))).await;
        assert_eq!(long.problem(), "422 identity_unchecked");
        for fields in [&["shoe_size"][..], &["phone", "Phone"]] {
            let refused = job.post(&erase, ask(fields, None)).await;
            assert_eq!(refused.problem(), "422 unknown_field", "{fields:?}");
        }
        let nothing = job.post(&erase, ask(&[], None)).await;
        assert_eq!(nothing.problem(), "422 too_many");
        let described: Subject = job.get(&path).await.expect(200).read();
        assert_eq!(described.fields, ["email", "phone"]);

        let known = "knew the last invoice";
        let erased = operator.post(&erase, ask(&["phone"], Some(known))).await;
        let erased: FieldsErased = erased.expect(200).read();
        assert_eq!(erased.fields, ["phone"]);
        assert_eq!((erased.values_deleted, erased.values_resealed), (1, 1));
        assert!(erased.confirmed && erased.kept.is_empty());
        let request = erased.request.unwrap();
        let listed = operator.get("/v1/requests").await.expect(200).json();
        let found = &listed["requests"][0];
        assert_eq!(found["id"], request.to_string());
        assert_eq!(found["fields"], json!(["phone"]));
        assert_eq!(found["state"], "done");
        let described: Subject = job.get(&path).await.expect(200).read();
        assert_eq!(described.fields, ["email"]);
        let answer: RevealAnswer = reveal_email(&job, &oid, "service").await.expect(200).read();
        assert_eq!(email_of(&answer, 0), "ada@example.com");
        // Twice is as good as once, and nobody is nobody.
        let again: FieldsErased = job
            .post(&erase, ask(&["phone"], None))
            .await
            .expect(200)
            .read();
        assert_eq!((again.values_deleted, again.values_resealed), (0, 1));
        job.post(&format!("{path}/close"), json!({}))
            .await
            .expect(200);
        let gone = job.post(&erase, ask(&["phone"], None)).await;
        assert_eq!(gone.problem(), "404 not_found");
    }
}

#[tokio::test]
async fn many_subjects_and_fields_in_one_call() {
    for bed in both().await {
        let job = bed.of("job").await;
        let mut subjects = Vec::new();
        for number in 0..5 {
            subjects.push(bed.subject(&format!("person{number}@example.com")).await);
        }
        subjects.insert(2, "0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d".to_owned());
        subjects.push(subjects[0].clone());
        let body = json!({
            "subjects": subjects, "fields": ["phone", "note", "email"],
            "purpose": "service", "reason": "a test",
        });
        let before = bed.count("reveal").await;
        let answer: RevealAnswer = job.post("/v1/reveal", body).await.expect(200).read();
        assert_eq!(bed.count("reveal").await, before + 1);
        let named: Vec<_> = answer.subjects.iter().map(|s| s.subject.clone()).collect();
        assert_eq!(named, subjects);
        let found: Vec<_> = answer
            .subjects
            .iter()
            .map(|subject| subject.found)
            .collect();
        assert_eq!(found, [true, true, false, true, true, true, true]);
        assert_eq!(email_of(&answer, 3), "person2@example.com");
        assert_eq!(email_of(&answer, 6), "person0@example.com");
        assert_eq!(answer.subjects[0].values["note"], None);
        assert!(answer.subjects[2].values.is_empty());
    }
}

#[tokio::test]
async fn forms_depend_on_who_asks() {
    let bed = bed().await;
    let oid = bed.subject("ada@example.com").await;
    let (job, on_call) = (bed.of("job").await, bed.of("on_call").await);
    let asked = |form: &str, purpose: &str| json!({"subjects": [oid], "fields": ["email"], "purpose": purpose, "form": form});
    for (form, start) in [
        ("clear", "ada@example.com"),
        ("masked", "•"),
        ("pseudonym", ""),
        ("sealed", "pv1_"),
    ] {
        let answer = job.post("/v1/reveal", asked(form, "service")).await;
        let answer: RevealAnswer = answer.expect(200).read();
        assert!(email_of(&answer, 0).starts_with(start), "{form}");
        assert_eq!(email_of(&answer, 0).contains("ada@"), form == "clear");
    }
    let answer = reveal_email(&on_call, &oid, "support").await.expect(200);
    let answer: RevealAnswer = answer.read();
    assert_eq!(answer.form, Form::Masked);
    assert!(!email_of(&answer, 0).contains("ada"));
    let clear = on_call.post("/v1/reveal", asked("clear", "support")).await;
    assert_eq!(clear.problem(), "403 policy_denied");
}

#[tokio::test]
async fn purposes_are_checked() {
    let bed = bed().await;
    let oid = bed.subject("ada@example.com").await;
    let job = bed.of("job").await;
    for (purpose, problem) in [
        ("service", None),
        ("support", Some("403 policy_denied")),
        ("marketing", Some("403 policy_denied")),
        ("curiosity", Some("422 unknown_purpose")),
    ] {
        let answer = reveal_email(&job, &oid, purpose).await;
        let refused = (answer.status != 200).then(|| answer.problem());
        assert_eq!(refused.as_deref(), problem, "{purpose}");
    }
    let note = json!({"subjects": [oid], "fields": ["note"], "purpose": "support"});
    let answer = job.post("/v1/reveal", note).await;
    assert_eq!(answer.problem(), "403 purpose_not_allowed");
}

#[tokio::test]
async fn a_value_is_found_by_what_it_is() {
    for bed in both().await {
        let oid = bed.subject("ada@example.com").await;
        let job = bed.of("job").await;
        let asked = |field: &str, value: &str| json!({"field": field, "value": value, "purpose": "service"});
        let found = job
            .post("/v1/lookup", asked("email", " ADA@Example.com "))
            .await;
        let found: LookupAnswer = found.expect(200).read();
        assert_eq!(found.subjects, [oid.parse().unwrap()]);
        let index = |value: &str| json!({"subject": oid, "field": "email", "value": value});
        let body = json!({"items": [index("ada@example.com"), index("eve@example.com")]});
        let sealed: SealAnswer = job.post("/v1/seal", body).await.expect(200).read();
        assert_eq!(found.indexes, [sealed.items[0].index.clone().unwrap()]);
        let none = job
            .post("/v1/lookup", asked("email", "eve@example.com"))
            .await;
        let none: LookupAnswer = none.expect(200).read();
        assert!(none.subjects.is_empty());
        assert_eq!(none.indexes, [sealed.items[1].index.clone().unwrap()]);
        for (field, value, problem) in [
            ("phone", "+1 202 555 0143", "422 no_lookup"),
            ("shoe_size", "44", "422 unknown_field"),
            ("email", "ada", "422 value_invalid"),
        ] {
            let answer = job.post("/v1/lookup", asked(field, value)).await;
            assert_eq!(answer.problem(), problem);
            assert!(!answer.text().contains("\"ada\"") && !answer.text().contains("0143"));
        }
    }
}

#[tokio::test]
async fn a_unique_value_belongs_to_one() {
    for bed in both().await {
        bed.subject("ada@example.com").await;
        let job = bed.of("job").await;
        let again = json!({"fields": {"email": "Ada@EXAMPLE.com"}});
        let answer = job.post("/v1/subjects", again.clone()).await;
        assert_eq!(answer.problem(), "409 not_unique");
        assert!(!answer.text().to_lowercase().contains("ada"));
        let other = bed.subject("eve@example.com").await;
        let path = format!("/v1/subjects/{other}/fields");
        let answer = job.call("PUT", &path, Some(again)).await;
        assert_eq!(answer.problem(), "409 not_unique");
        let kept: RevealAnswer = reveal_email(&job, &other, "service").await.read();
        assert_eq!(email_of(&kept, 0), "eve@example.com");
    }
}

#[tokio::test]
async fn of_many_who_want_one_value_one_gets_it() {
    for bed in both().await {
        let job = bed.of("job").await;
        let racing = (0..16).map(|_| {
            let job = job.clone();
            tokio::spawn(async move {
                let body = json!({"fields": {"email": "ada@example.com"}});
                job.post("/v1/subjects", body).await
            })
        });
        let racing: Vec<_> = racing.collect();
        let mut won = 0;
        for racer in racing {
            let answer = racer.await.unwrap();
            match answer.status {
                201 => won += 1,
                _ => assert_eq!(answer.problem(), "409 not_unique"),
            }
        }
        assert_eq!(won, 1);
        let asked = json!({"field": "email", "value": "ada@example.com", "purpose": "service"});
        let found: privet_wire::LookupAnswer = job.post("/v1/lookup", asked).await.read();
        assert_eq!(found.subjects.len(), 1);
    }
}

async fn seal(job: &Client, subject: &str, field: &str, value: &str) -> String {
    let item = json!({"subject": subject, "field": field, "value": value});
    let answer = job.post("/v1/seal", json!({"items": [item]})).await;
    let answer: SealAnswer = answer.expect(200).read();
    let with_lookup = field == "email";
    assert_eq!(answer.items[0].index.is_some(), with_lookup);
    answer.items[0].sealed.clone()
}

async fn open(job: &Client, items: Value) -> Answer {
    let body = json!({"items": items, "purpose": "service"});
    job.post("/v1/open", body).await
}

#[tokio::test]
async fn a_moved_value_does_not_open() {
    for bed in both().await {
        let job = bed.of("job").await;
        let ada = bed.subject("ada@example.com").await;
        let eve = bed.subject("eve@example.com").await;
        let sealed = seal(&job, &ada, "email", "ada@example.com").await;
        let item = |subject: &str, field: &str, sealed: &str| json!({"subject": subject, "field": field, "sealed": sealed});
        let right = item(&ada, "email", &sealed);
        let answer = open(&job, json!([right])).await.expect(200);
        let answer: OpenAnswer = answer.read();
        assert_eq!(
            &**answer.items[0].value.as_ref().unwrap(),
            "ada@example.com"
        );

        let mut flipped = sealed.clone();
        let last = if flipped.pop() == Some('A') { 'B' } else { 'A' };
        flipped.push(last);
        let unknown_version = format!("pv1_Ag{}", &sealed[6..]);
        let unknown_suite = format!("pv1_AX{}", &sealed[6..]);
        let wrong = [
            item(&eve, "email", &sealed),
            item(&ada, "note", &sealed),
            item(&ada, "email", &flipped),
            item(&ada, "email", &unknown_version),
            item(&ada, "email", &unknown_suite),
            item(&ada, "email", &sealed[..sealed.len() - 8]),
            item(&ada, "email", &sealed.replace("pv1_", "pv2_")),
            item(&ada, "email", "ada@example.com"),
            item(&ada, "email", ""),
            item("0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d", "email", &sealed),
        ];
        for item in &wrong {
            let answer = open(&job, json!([item])).await;
            assert_eq!(answer.problem(), "422 unreadable");
            assert!(!answer.text().contains("ada@"), "{}", answer.text());
        }
        let mut mixed: Vec<Value> = wrong.to_vec();
        mixed.insert(4, right);
        let answer: OpenAnswer = open(&job, json!(mixed)).await.expect(200).read();
        let opened: Vec<_> = answer.items.iter().map(|i| i.value.is_some()).collect();
        assert_eq!(opened.iter().position(|open| *open), Some(4));
        assert_eq!(opened.iter().filter(|open| **open).count(), 1);
    }
}

#[tokio::test]
async fn a_value_of_another_environment_does_not_open() {
    let bed = bed().await;
    let other = other_environment().await;
    let job = bed.of("job").await;
    let ada = bed.subject("ada@example.com").await;
    let there = other.of("job").await;
    let twin = other.subject("ada@example.com").await;
    let sealed = seal(&there, &twin, "email", "ada@example.com").await;
    let item = json!({"subject": ada, "field": "email", "sealed": sealed});
    assert_eq!(open(&job, json!([item])).await.problem(), "422 unreadable");
}

#[tokio::test]
async fn what_was_closed_opens_nowhere() {
    let bed = bed().await;
    let job = bed.of("job").await;
    let ada = bed.subject("ada@example.com").await;
    let sealed = seal(&job, &ada, "note", "likes bicycles").await;
    job.post(&format!("/v1/subjects/{ada}/close"), json!({}))
        .await
        .expect(200);
    let item = json!({"subject": ada, "field": "note", "sealed": sealed});
    assert_eq!(open(&job, json!([item])).await.problem(), "422 unreadable");
    let item = json!({"subject": ada, "field": "note", "value": "likes bicycles"});
    let answer = job.post("/v1/seal", json!({"items": [item]})).await;
    assert_eq!(answer.problem(), "404 not_found");
}

fn reveal(subjects: Value, fields: Value) -> Value {
    json!({"subjects": subjects, "fields": fields, "purpose": "service"})
}

#[tokio::test]
async fn wrong_requests_are_told_and_not_echoed() {
    let bed = bed().await;
    let job = bed.of("job").await;
    let oid = bed.subject("ada@example.com").await;
    let many = vec![&oid; 1_001];
    let cases = [
        (
            "/v1/reveal",
            reveal(json!([]), json!(["email"])),
            "422 too_many",
        ),
        (
            "/v1/reveal",
            reveal(json!([oid]), json!([])),
            "422 too_many",
        ),
        (
            "/v1/reveal",
            reveal(json!(many), json!(["email"])),
            "422 too_many",
        ),
        (
            "/v1/reveal",
            reveal(json!([oid]), json!(["bob@example.com"])),
            "422 unknown_field",
        ),
        (
            "/v1/reveal",
            reveal(json!(["bob@example.com"]), json!(["email"])),
            "400 invalid_subject",
        ),
        (
            "/v1/reveal",
            reveal(json!(["bob/x:1"]), json!(["email"])),
            "404 not_found",
        ),
        (
            "/v1/reveal",
            json!({"subjects": [oid]}),
            "400 malformed_json",
        ),
        (
            "/v1/subjects",
            json!({"fields": {"email": "bob"}}),
            "422 value_invalid",
        ),
        (
            "/v1/subjects",
            json!({"fields": {"bob": "bob"}}),
            "422 unknown_field",
        ),
        (
            "/v1/subjects",
            json!({"fields": {"email": null}}),
            "400 malformed_json",
        ),
        ("/v1/subjects", json!({"bob": {}}), "400 malformed_json"),
        ("/v1/subjects", json!({"aliases": [oid]}), "422 alias"),
        ("/v1/subjects/bob/close", json!({}), "400 invalid_id"),
        ("/v1/seal", json!({"items": []}), "422 too_many"),
        (
            "/v1/open",
            json!({"items": [], "purpose": "service"}),
            "422 too_many",
        ),
    ];
    for (path, body, problem) in cases {
        let answer = job.post(path, body).await;
        assert_eq!(answer.problem(), problem, "{path}: {}", answer.text());
        assert!(!answer.text().contains("bob"), "{}", answer.text());
    }
}
