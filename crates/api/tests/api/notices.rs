//! What people are shown, over HTTP: read by version, and bound to the answer by its language.

use privet_vault::receipt::{ReceiptPublicKey, verify};
use privet_wire::{Consent, ConsentHistory, ImportAnswer, Notice};
use serde_json::json;

use crate::bed::{Bed, MAILER, Stores};

const GERMAN: &str = "Wir schreiben Ihnen.";
/// Of `GERMAN`.
const SHA_256: &str = "fb75ad24f027f5dcd25e3a5cb3da88e91562a19aa127221221f8e1476594da43";

async fn beds() -> [Bed; 2] {
    [
        Bed::ruled(MAILER).await,
        Bed::ruled_over(Stores::sqlite(), MAILER).await,
    ]
}

#[tokio::test]
async fn a_notice_is_read_by_its_version() {
    for bed in beds().await {
        for name in ["on_call", "auditor", "operator", "job"] {
            let client = bed.of(name).await;
            let notice: Notice = client.get("/v1/notices/2026-11").await.expect(200).read();
            assert_eq!(notice.version, "2026-11");
            let texts = notice.texts.iter();
            let texts: Vec<_> = texts
                .map(|text| [&*text.purpose, &*text.language, &*text.text])
                .collect();
            let german = ["marketing", "de", GERMAN];
            assert_eq!(texts, [german, ["marketing", "en", "We write to you."]]);
            assert_eq!(notice.texts[0].sha256, SHA_256);
        }
        let job = bed.of("job").await;
        for unknown in [
            "2026-12",
            "2026-11%20",
            "%2e%2e",
            "a%2Fb",
            "%00",
            &"9".repeat(200),
        ] {
            let answer = job.get(&format!("/v1/notices/{unknown}")).await;
            assert_eq!(answer.problem(), "404 not_found", "{unknown}");
        }
    }
}

#[tokio::test]
async fn an_answer_names_the_language_of_the_text() {
    for bed in beds().await {
        let oid = bed.subject("ada@example.com").await;
        let path = format!("/v1/subjects/{oid}/consent");
        let job = bed.of("job").await;
        let yes = |language: &str| {
            let grant = json!([{"purpose": "marketing", "notice": "2026-11"}]);
            json!({"grant": grant, "channel": "web", "language": language})
        };
        for (language, problem) in [
            ("fr", "422 language_unknown"),
            ("de-AT", "422 language_unknown"),
            ("german", "422 language_invalid"),
            ("", "422 language_invalid"),
        ] {
            let answer = job.call("PUT", &path, Some(yes(language))).await;
            assert_eq!(answer.problem(), problem, "{language}");
        }
        // Tags are one, however they are spelled.
        let now: Consent = job
            .call("PUT", &path, Some(yes("DE")))
            .await
            .expect(200)
            .read();
        assert_eq!(now.number, 1);
        let no = json!({"withdraw": ["marketing"], "channel": "web", "language": "fr"});
        job.call("PUT", &path, Some(no)).await.expect(200);
        let history: ConsentHistory = job.get(&format!("{path}/history")).await.expect(200).read();
        let languages = history.events.iter().map(|event| event.language.as_deref());
        assert_eq!(languages.collect::<Vec<_>>(), [Some("fr"), Some("de")]);

        let receipt = job.get(&format!("{path}/receipts/1")).await.expect(200);
        let key: ReceiptPublicKey = bed.vault.receipt_key().unwrap();
        verify(receipt.text().as_bytes(), &key).unwrap();
        let notice = &receipt.json()["dpv:hasRecordOfActivity"][0]["dpv:hasNotice"];
        assert_eq!(notice["dct:language"], "de");
        assert_eq!(notice["spdx:checksum"]["spdx:checksumValue"], SHA_256);
        let receipt = job.get(&format!("{path}/receipts/2")).await.expect(200);
        verify(receipt.text().as_bytes(), &key).unwrap();
        assert!(!receipt.text().contains("spdx"), "{}", receipt.text());
    }
}

#[tokio::test]
async fn a_line_of_an_import_names_it_too() {
    for bed in beds().await {
        let oid = bed.subject("ada@example.com").await;
        let line = |language: &str| {
            let grant = json!([{"purpose": "marketing", "notice": "2026-11"}]);
            let at = "2025-03-01T09:30:00Z";
            json!({"subject": oid, "grant": grant, "at": at, "evidence": "form 4711", "language": language})
        };
        let lines = format!("{}\n{}\n{}", line("german"), line("fr"), line("en"));
        let job = bed.of("job").await;
        let token = job.token.as_deref().unwrap();
        let request = format!(
            "POST /v1/consent/import HTTP/1.1\r\nhost: privet\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n{lines}",
            lines.len()
        );
        let answer: ImportAnswer = job.raw(request.as_bytes()).await.expect(200).read();
        let codes = answer.lines.iter().map(|line| line.code.as_deref());
        let codes: Vec<_> = codes.collect();
        assert_eq!(
            codes,
            [Some("language_invalid"), Some("language_unknown"), None]
        );
        assert_eq!(answer.lines[2].number, Some(1));
    }
}
