//! Consent over HTTP: recorded, read, and what it lets through.

use privet_vault::receipt::{AnswerKind, ReceiptPublicKey, verify};
use privet_wire::{
    Consent, ConsentAnswer, ConsentHistory, GpcAnswer, ImportAnswer, ImportOutcome, LookupAnswer,
    OpenAnswer, ReceiptKey, RevealAnswer, SealAnswer,
};
use serde_json::{Value, json};

use crate::bed::{Bed, MAILER, Stores, reveal_email};
use crate::http::{Answer, Client};

async fn beds() -> [Bed; 2] {
    [
        Bed::ruled(MAILER).await,
        Bed::ruled_over(Stores::sqlite(), MAILER).await,
    ]
}

async fn put(bed: &Bed, oid: &str, body: Value) -> Answer {
    let path = format!("/v1/subjects/{oid}/consent");
    let job = bed.of("job").await;
    job.call("PUT", &path, Some(body)).await
}

fn yes() -> Value {
    let grant = json!([{"purpose": "marketing", "notice": "2026-11"}]);
    json!({"grant": grant, "channel": "web", "evidence": "form 8812, signed by Ada"})
}

fn no() -> Value {
    json!({"withdraw": ["marketing"], "channel": "app"})
}

#[tokio::test]
async fn an_answer_is_recorded_told_and_kept() {
    for bed in beds().await {
        let oid = bed.subject("ada@example.com").await;
        let path = format!("/v1/subjects/{oid}/consent");
        let job = bed.of("job").await;
        let never: Consent = job.get(&path).await.expect(200).read();
        assert_eq!((never.number, never.purposes.len()), (0, 1));
        assert!(!never.purposes[0].agreed && never.purposes[0].answer.is_none());

        let agreed: Consent = put(&bed, &oid, yes()).await.expect(200).read();
        assert_eq!(agreed.number, 1);
        let marketing = &agreed.purposes[0];
        assert!(marketing.agreed && marketing.answer == Some(ConsentAnswer::Yes));
        assert_eq!(marketing.notice.as_deref(), Some("2026-11"));
        let withdrawn: Consent = put(&bed, &oid, no()).await.expect(200).read();
        assert!(!withdrawn.purposes[0].agreed);

        let moment = marketing.since.unwrap();
        let then: Consent = job
            .get(&format!("{path}?as_of={moment}"))
            .await
            .expect(200)
            .read();
        assert_eq!((then.number, then.purposes[0].agreed), (1, true));

        let history: ConsentHistory = job.get(&format!("{path}/history")).await.expect(200).read();
        let events = &history.events;
        assert_eq!((events.len(), history.before), (2, None));
        assert_eq!(events[0].withdrawn, ["marketing"]);
        assert_eq!(events[1].granted[0].purpose, "marketing");
        let evidence = events[1].evidence.as_ref().unwrap();
        assert_eq!(&**evidence, "form 8812, signed by Ada");
        let older: ConsentHistory = job
            .get(&format!("{path}/history?before=2"))
            .await
            .expect(200)
            .read();
        assert_eq!(older.events, events[1..]);
        let beyond = job
            .get(&format!("{path}/history?before={}", u64::MAX))
            .await;
        assert_eq!(beyond.problem(), "400 invalid_query");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let bed = Bed::ruled(MAILER).await;
    let oid = bed.subject("ada@example.com").await;
    let grant = |purpose: &str, notice: &str| {
        let grant = json!([{"purpose": purpose, "notice": notice}]);
        json!({"grant": grant, "channel": "web"})
    };
    let mut both = yes();
    both["withdraw"] = json!(["marketing"]);
    let mut gpc = yes();
    gpc["channel"] = json!("gpc");
    let mut blank = yes();
    blank["evidence"] = json!(" ");
    for (body, problem) in [
        (grant("curiosity", "2026-11"), "422 unknown_purpose"),
        (grant("service", "2026-11"), "422 purpose_without_consent"),
        (grant("marketing", "2025-01"), "422 notice_outdated"),
        (both, "422 consent_twice"),
        (gpc, "422 consent_channel"),
        (blank, "422 evidence_invalid"),
        (json!({"channel": "web"}), "422 consent_empty"),
        (
            json!({"withdraw": ["marketing"], "channel": "pigeon"}),
            "400 malformed_json",
        ),
        (json!({"withdraw": ["marketing"]}), "400 malformed_json"),
    ] {
        assert_eq!(put(&bed, &oid, body).await.problem(), problem);
    }
    let nobody = "0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d";
    assert_eq!(put(&bed, nobody, yes()).await.problem(), "404 not_found");
}

#[tokio::test]
async fn those_who_agree_are_shown_and_the_others_named() {
    for bed in beds().await {
        let (ada, bob) = (
            bed.subject("ada@example.com").await,
            bed.subject("bob@example.com").await,
        );
        let mailer = bed.of("mailer").await;
        let items: Vec<Value> = [(&ada, "ada@example.com"), (&bob, "bob@example.com")]
            .map(|(oid, email)| json!({"subject": oid, "field": "email", "value": email}))
            .into();
        let sealed: SealAnswer = mailer
            .post("/v1/seal", json!({ "items": items }))
            .await
            .expect(200)
            .read();
        let items: Vec<Value> = [&ada, &bob]
            .iter()
            .zip(&sealed.items)
            .map(|(oid, item)| json!({"subject": oid, "field": "email", "sealed": item.sealed}))
            .collect();
        let opening = json!({"items": items, "purpose": "marketing"});
        let asking = json!({
            "subjects": [ada, bob], "fields": ["email"], "purpose": "marketing",
        });
        let seeking = json!({
            "field": "email", "value": "ada@example.com", "purpose": "marketing",
        });
        for (path, body) in [("/v1/reveal", &asking), ("/v1/open", &opening)] {
            let refused = mailer.post(path, body.clone()).await;
            assert_eq!(refused.problem(), "403 consent_missing", "{path}");
        }
        put(&bed, &ada, yes()).await.expect(200);

        let shown: RevealAnswer = mailer.post("/v1/reveal", asking).await.expect(200).read();
        let email = shown.subjects[0].values["email"].as_ref().unwrap();
        assert_eq!(&**email, "ada@example.com");
        assert!(shown.subjects[0].refused.is_none());
        let refused = &shown.subjects[1];
        assert!(refused.found && refused.values.is_empty());
        assert_eq!(refused.refused.as_deref(), Some("consent_missing"));

        let opened: OpenAnswer = mailer.post("/v1/open", opening).await.expect(200).read();
        assert_eq!(
            &**opened.items[0].value.as_ref().unwrap(),
            "ada@example.com"
        );
        assert_eq!(opened.items[1].value, None);
        assert_eq!(opened.items[1].refused.as_deref(), Some("consent_missing"));

        let found: LookupAnswer = mailer.post("/v1/lookup", seeking.clone()).await.read();
        assert_eq!(found.subjects.len(), 1);
        put(&bed, &ada, no()).await.expect(200);
        let found: LookupAnswer = mailer.post("/v1/lookup", seeking).await.read();
        assert!(found.subjects.is_empty());
        let refused = reveal_email(&mailer, &ada, "marketing").await;
        assert_eq!(refused.problem(), "403 consent_missing");
        reveal_email(&mailer, &ada, "service").await.expect(200);
    }
}

/// The signal of the person's browser, as an application passes it on with each page view.
#[tokio::test]
async fn global_privacy_control_says_no_once() {
    for bed in beds().await {
        let oid = bed.subject("ada@example.com").await;
        let path = format!("/v1/subjects/{oid}/consent");
        let job = bed.of("job").await;
        let gpc = async |values: &[&str]| -> GpcAnswer {
            let body = json!({ "sec_gpc": values });
            let answer = job.post(&format!("{path}/gpc"), body).await;
            answer.expect(200).read()
        };
        put(&bed, &oid, yes()).await.expect(200);
        for nothing in [&[][..], &["0"], &[""], &["true", "1 "], &["1, 1"], &["2"]] {
            let answer = gpc(nothing).await;
            assert_eq!((answer.signal, answer.withdrawn.len()), (false, 0));
        }
        let numbers = async || -> Consent { job.get(&path).await.expect(200).read() };
        assert!(numbers().await.purposes[0].agreed);
        let answer = gpc(&["0", "1", "1"]).await;
        assert!(answer.signal && answer.withdrawn == ["marketing"]);
        for _ in 0..3 {
            let again = gpc(&["1"]).await;
            assert!(again.signal && again.withdrawn.is_empty());
        }
        let now = numbers().await;
        assert_eq!((now.number, now.purposes[0].agreed), (2, false));

        // Asked, the person says yes with the signal on: that is theirs to say.
        put(&bed, &oid, yes()).await.expect(200);
        assert!(gpc(&["1"]).await.withdrawn.is_empty());
        assert!(numbers().await.purposes[0].agreed);

        // Who was never asked is not asked again.
        let bob = bed.subject("bob@example.com").await;
        let body = json!({"sec_gpc": ["1"]});
        let path = format!("/v1/subjects/{bob}/consent/gpc");
        let first: GpcAnswer = job.post(&path, body.clone()).await.expect(200).read();
        assert_eq!(first.withdrawn, ["marketing"]);
        let second: GpcAnswer = job.post(&path, body).await.expect(200).read();
        assert!(second.withdrawn.is_empty());
    }
}

#[tokio::test]
async fn a_web_site_can_say_that_it_honours_the_signal() {
    let bed = Bed::ruled(MAILER).await;
    let said = bed.client.get("/.well-known/gpc.json").await.expect(200);
    assert_eq!(
        said.json(),
        json!({"gpc": true, "lastUpdate": "2026-11-26"})
    );
}

/// What a person is handed for each answer can be checked with what the server tells everybody, and is the same each time.
#[tokio::test]
async fn each_answer_has_a_receipt() {
    for bed in beds().await {
        let oid = bed.subject("ada@example.com").await;
        let told = bed.client.get("/v1/consent/receipt-key").await.expect(200);
        let told: ReceiptKey = told.read();
        let key: ReceiptPublicKey = told.id.parse().unwrap();
        assert_eq!(told.assertion_method, [key.verification_method()]);
        assert_eq!(
            told.verification_method[0].public_key_multibase,
            key.multibase()
        );
        let job = bed.of("job").await;
        let mut handed = Vec::new();
        for (number, said) in (1..).zip([no(), no(), yes(), yes(), no()]) {
            let now: Consent = put(&bed, &oid, said).await.expect(200).read();
            let path = now.receipt.unwrap();
            let expected = format!("/v1/subjects/{oid}/consent/receipts/{number}");
            assert_eq!(path, expected);
            handed.push((path.clone(), job.get(&path).await.expect(200)));
        }
        let all = [
            AnswerKind::Refused,
            AnswerKind::Refused,
            AnswerKind::Given,
            AnswerKind::Renewed,
            AnswerKind::Withdrawn,
        ];
        for ((number, kind), (path, receipt)) in (1..).zip(all).zip(&handed) {
            assert_eq!(receipt.header("content-type"), Some("application/ld+json"));
            let content = verify(&receipt.body, &key).unwrap();
            assert_eq!(content.subject.to_string(), oid);
            assert_eq!(content.controller.name, "Shop Ltd");
            assert_eq!((content.number, content.answers.len()), (number, 1));
            assert_eq!(content.answers[0].notice, "2026-11");
            assert_eq!(content.answers[0].kind, kind);
            // Asked for again after all else, it is what it was.
            assert_eq!(job.get(path).await.expect(200).body, receipt.body);
        }
        let seen: Consent = job
            .get(&format!("/v1/subjects/{oid}/consent"))
            .await
            .expect(200)
            .read();
        assert_eq!(seen.receipt, None);
        for (number, problem) in [
            ("0", "404 not_found"),
            ("6", "404 not_found"),
            ("9223372036854775807", "404 not_found"),
            ("18446744073709551615", "404 not_found"),
            ("18446744073709551616", "400 invalid_id"),
            ("-1", "400 invalid_id"),
            ("x", "400 invalid_id"),
        ] {
            let path = format!("/v1/subjects/{oid}/consent/receipts/{number}");
            assert_eq!(job.get(&path).await.problem(), problem, "{number}");
        }
    }
}

/// A file of another system's answers, with what is wrong in it named line by line and nothing of it repeated.
#[tokio::test]
async fn answers_that_were_given_elsewhere_are_taken_over() {
    for bed in beds().await {
        let oid = bed.subject("ada@example.com").await;
        let at = "2025-03-01T09:30:00Z";
        let grant = json!([{"purpose": "marketing", "notice": "2026-11"}]);
        let yes = json!({"subject": oid, "grant": grant, "at": at, "evidence": "form 4711"});
        let no = json!({"subject": oid, "withdraw": ["marketing"], "at": "2025-02-01T00:00:00Z"});
        let mut strange = yes.clone();
        strange["ada@example.com"] = json!(1);
        let lines =
            format!("{yes}\r\n\n  \n{{\"subject\": ada@example.com\n{strange}\n{no}\n{yes}");
        let job = bed.of("job").await;
        let send = async |client: &Client, kind: &str, lines: &str| -> Answer {
            let token = client.token.as_deref().unwrap();
            let request = format!(
                "POST /v1/consent/import HTTP/1.1\r\nhost: privet\r\nconnection: close\r\n\
                 authorization: Bearer {token}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{lines}",
                lines.len()
            );
            client.raw(request.as_bytes()).await
        };
        let ndjson = "application/x-ndjson; charset=utf-8";
        let answer = send(&job, ndjson, &lines).await.expect(200);
        assert!(!answer.text().contains("ada@example"), "{}", answer.text());
        let answer: ImportAnswer = answer.read();
        let outcomes = answer.lines.iter().map(|line| {
            let code = line.code.as_deref().unwrap_or_default();
            (line.line, line.outcome, code)
        });
        assert_eq!(
            outcomes.collect::<Vec<_>>(),
            [
                (1, ImportOutcome::Recorded, ""),
                (4, ImportOutcome::Invalid, "malformed_json"),
                (5, ImportOutcome::Invalid, "malformed_json"),
                (6, ImportOutcome::Older, ""),
                (7, ImportOutcome::Known, ""),
            ]
        );
        assert_eq!(answer.lines[0].number, Some(1));
        let detail = answer.lines[2].detail.as_deref().unwrap();
        assert!(
            detail.starts_with("an unknown member; expected one of"),
            "{detail}"
        );
        let path = format!("/v1/subjects/{oid}/consent");
        let now: Consent = job.get(&path).await.expect(200).read();
        assert_eq!((now.number, now.purposes[0].agreed), (1, true));
        let receipt = job.get(&format!("{path}/receipts/1")).await.expect(200);
        assert_eq!(receipt.json()["dct:created"], at);

        for (kind, lines, problem) in [
            (ndjson, "", "422 too_many"),
            (ndjson, "\n \n", "422 too_many"),
            (ndjson, &*"{}\n".repeat(501), "422 too_many"),
            ("text/plain", "{}", "415 not_json"),
        ] {
            assert_eq!(send(&job, kind, lines).await.problem(), problem);
        }
        let auditor = bed.of("auditor").await;
        let refused = send(&auditor, ndjson, "not JSON").await;
        assert_eq!(refused.problem(), "403 policy_denied");
    }
}
