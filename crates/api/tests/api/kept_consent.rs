//! What is kept of somebody who left, over HTTP: told when the account is closed, read with a reason, and nowhere else.

use privet_vault::audit::Entry;
use privet_vault::receipt::{AnswerKind, ReceiptPublicKey, verify};
use privet_wire::{Closed, ConsentKept, KeptConsent, ReceiptKey};
use serde_json::{Value, json};

use crate::bed::{Bed, MAILER, ORIGIN, Stores};

const REASON: &str = "claim 4711 about an advertisement";

async fn beds() -> [Bed; 2] {
    [
        Bed::ruled(MAILER).await,
        Bed::ruled_over(Stores::sqlite(), MAILER).await,
    ]
}

/// Ada said yes, took it back and left.
async fn left(bed: &Bed) -> ConsentKept {
    let oid = bed.subject("ada@example.com").await;
    let path = format!("/v1/subjects/{oid}");
    let job = bed.of("job").await;
    let grant = json!([{"purpose": "marketing", "notice": "2026-11"}]);
    let evidence = "form 8812, signed by Ada";
    for said in [
        json!({"grant": grant, "channel": "web", "evidence": evidence, "language": "de"}),
        json!({"withdraw": ["marketing"], "channel": "app"}),
    ] {
        let path = format!("{path}/consent");
        job.call("PUT", &path, Some(said)).await.expect(200);
    }
    let closed = job.call("POST", &format!("{path}/close"), None).await;
    let closed: Closed = closed.expect(200).read();
    closed.consent.unwrap()
}

fn asking(puid: impl ToString, reason: &str) -> Value {
    json!({"puid": puid.to_string(), "reason": reason})
}

#[tokio::test]
async fn what_is_kept_is_read_under_the_account_that_the_closing_told() {
    for bed in beds().await {
        let kept = left(&bed).await;
        let told = bed.client.get("/v1/consent/receipt-key").await.expect(200);
        let key: ReceiptPublicKey = told.read::<ReceiptKey>().id.parse().unwrap();
        let auditor = bed.of("auditor").await;
        let read = auditor.post("/v1/kept-consent", asking(kept.puid, REASON));
        let read: KeptConsent = read.await.expect(200).read();
        assert_eq!((read.puid, read.until), (kept.puid, kept.until));
        assert_eq!(read.before, None);
        let [last, first] = &read.answers[..] else {
            panic!("two answers");
        };
        assert_eq!(last.event.withdrawn, ["marketing"]);
        let evidence = first.event.evidence.as_ref().unwrap();
        assert_eq!(&**evidence, "form 8812, signed by Ada");
        for (answer, kind) in [(first, AnswerKind::Given), (last, AnswerKind::Withdrawn)] {
            let receipt = answer.receipt.as_ref().unwrap().to_string();
            let content = verify(receipt.as_bytes(), &key).unwrap();
            assert_eq!(content.subject.to_string(), kept.puid.to_string());
            assert_eq!(content.answers[0].kind, kind);
        }
        let mut older = asking(kept.puid, REASON);
        older["before"] = json!(2);
        let older = auditor.post("/v1/kept-consent", older).await.expect(200);
        assert_eq!(older.read::<KeptConsent>().answers, read.answers[1..]);

        // Neither the account nor the reason stands in the log.
        let entries = bed.stores.log.entries(ORIGIN, 0, 1 << 20).await.unwrap();
        let text = entries.concat();
        let text = String::from_utf8_lossy(&text);
        for secret in [&kept.puid.to_string(), "4711", "8812"] {
            assert!(!text.contains(secret), "{secret}");
        }
        let kinds = entries.iter().map(|bytes| Entry::parse(bytes).unwrap());
        let read = kinds
            .filter(|entry| entry.kind() == Some(privet_vault::audit::EntryKind::KeptConsentRead));
        assert_eq!(read.count(), 2);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_shown() {
    let bed = Bed::ruled(MAILER).await;
    let puid = left(&bed).await.puid;
    let auditor = bed.of("auditor").await;
    let nobody = "0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d";
    let mut more = asking(puid, REASON);
    more["subject"] = json!("ada");
    for (body, problem) in [
        (asking(nobody, REASON), "404 not_found"),
        (asking(puid, "."), "422 reason_too_weak"),
        (asking(puid, &"reason ".repeat(400)), "422 reason_too_long"),
        (asking("ada", REASON), "400 malformed_json"),
        (json!({ "puid": puid }), "400 malformed_json"),
        (more, "400 malformed_json"),
    ] {
        let answer = auditor.post("/v1/kept-consent", body.clone()).await;
        assert_eq!(answer.problem(), problem, "{body}");
    }
    for who in ["job", "mailer", "operator", "on_call"] {
        for puid in [puid.to_string(), nobody.to_owned()] {
            let client = bed.of(who).await;
            let answer = client.post("/v1/kept-consent", asking(puid, REASON)).await;
            assert_eq!(answer.problem(), "403 policy_denied", "{who}");
        }
    }
    // Who never answered leaves nothing to be told of.
    let oid = bed.subject("bob@example.com").await;
    let path = format!("/v1/subjects/{oid}/close");
    let closed = bed.of("job").await.call("POST", &path, None).await;
    assert!(closed.expect(200).json().get("consent").is_none());
}

/// On its day it is gone, whether or not it was destroyed by then.
#[tokio::test]
async fn nothing_is_shown_from_its_day_on() {
    let bed = Bed::ruled(MAILER).await;
    let puid = left(&bed).await.puid;
    bed.clock.advance_days(90);
    let auditor = bed.of("auditor").await;
    let read = auditor.post("/v1/kept-consent", asking(puid, REASON)).await;
    assert_eq!(read.problem(), "404 not_found");
}
