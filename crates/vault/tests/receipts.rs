//! Receipts of consent and of erasure: the published vectors, made and checked here.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use privet_tlog::note::VerifierKey;
use privet_vault::receipt::{
    AnswerKind, Controller, ErasureContent, Receipt, ReceiptAnswer, ReceiptContent, ReceiptError,
    ReceiptKey, ReceiptPublicKey, ReceiptText, verify, verify_erasure,
};
use serde_json::Value as Json;

fn vectors() -> Json {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/formats/vectors/consent-receipts.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(case: &'a Json, member: &str) -> &'a str {
    case.get(member).and_then(Json::as_str).unwrap()
}

fn list<'a>(case: &'a Json, member: &str) -> &'a [Json] {
    case.get(member).and_then(Json::as_array).unwrap()
}

fn bytes(hex: &str) -> [u8; 32] {
    let pairs = (0..64).step_by(2).map(|at| hex.get(at..at + 2).unwrap());
    let bytes: Vec<u8> = pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

fn content(case: &Json) -> ReceiptContent {
    let answers = list(case, "answers").iter().map(|answer| {
        let kind = match text(answer, "kind") {
            "given" => AnswerKind::Given,
            "renewed" => AnswerKind::Renewed,
            "refused" => AnswerKind::Refused,
            "withdrawn" => AnswerKind::Withdrawn,
            other => panic!("{other}"),
        };
        ReceiptAnswer {
            purpose: text(answer, "purpose").to_owned(),
            notice: text(answer, "notice").to_owned(),
            text: answer.get("sha256").map(|_| ReceiptText {
                language: text(answer, "language").parse().unwrap(),
                sha256: bytes(text(answer, "sha256")),
            }),
            kind,
        }
    });
    ReceiptContent {
        subject: text(case, "subject").parse().unwrap(),
        number: text(case, "number").parse().unwrap(),
        controller: Controller {
            name: text(case.get("controller").unwrap(), "name").to_owned(),
            contact: text(case.get("controller").unwrap(), "contact").to_owned(),
        },
        at: text(case, "at").parse().unwrap(),
        channel: text(case, "channel").parse().unwrap(),
        answers: answers.collect(),
    }
}

#[test]
fn keys_are_spelled_as_published() {
    let vectors = vectors();
    let keys = vectors["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for case in keys {
        let key = ReceiptKey::from_secret_text(text(case, "secret")).unwrap();
        assert_eq!(key.public().to_string(), text(case, "public"));
        assert_eq!(key.to_secret_text().unwrap().as_str(), text(case, "secret"));
        assert_eq!(text(case, "public").parse(), Ok(key.public()));
        assert!(!format!("{key:?}").contains(text(case, "secret")));
        // A secret is never taken for a public key, nor the other way round.
        assert!(text(case, "secret").parse::<ReceiptPublicKey>().is_err());
        assert!(ReceiptKey::from_secret_text(&key.public().multibase()).is_err());
    }
    for wrong in ["", "z", "did:key:", "6MkrJVn", "z6Mk0OIl", &"z1".repeat(99)] {
        assert!(wrong.parse::<ReceiptPublicKey>().is_err(), "{wrong}");
    }
}

#[test]
fn receipts_are_made_as_published() {
    let vectors = vectors();
    let cases = vectors["receipts"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let key = ReceiptKey::from_secret_text(text(case, "key")).unwrap();
        let receipt = Receipt::sign(&content(case), &key).unwrap();
        let made = std::str::from_utf8(receipt.as_bytes()).unwrap();
        assert_eq!(made, text(case, "receipt"));
        assert_eq!(verify(receipt.as_bytes(), &key.public()), Ok(content(case)));
        // Whoever kept it may have written its JSON anew.
        let value: Json = serde_json::from_str(made).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        assert_eq!(verify(&pretty, &key.public()), Ok(content(case)));
        assert!(!format!("{receipt:?}").contains(text(case, "subject")));
    }
}

#[test]
fn what_is_no_receipt_is_refused() {
    let vectors = vectors();
    let cases = vectors["receipts_invalid"].as_array().unwrap();
    assert_eq!(cases.len(), 29);
    for case in cases {
        let key: ReceiptPublicKey = text(case, "key").parse().unwrap();
        let read = verify(text(case, "receipt").as_bytes(), &key);
        assert!(read.is_err(), "{}: {read:?}", text(case, "why"));
    }
}

/// Every byte that is changed makes it another receipt or none.
#[test]
fn every_changed_byte_is_noticed() {
    let vectors = vectors();
    let case = &vectors["receipts"][1];
    let key = ReceiptKey::from_secret_text(text(case, "key")).unwrap();
    let right = text(case, "receipt").as_bytes();
    for place in 0..right.len() {
        for flip in [1, 32] {
            let mut wrong = right.to_vec();
            wrong[place] ^= flip;
            assert!(verify(&wrong, &key.public()).is_err(), "{place}");
        }
    }
    let long = [right, " ".repeat(256 * 1024).as_bytes()].concat();
    assert_eq!(verify(&long, &key.public()), Err(ReceiptError::Form));
}

fn erasure_vectors() -> Json {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/formats/vectors/erasure-receipts.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn log_key(vectors: &Json) -> VerifierKey {
    text(vectors, "log_key").parse().unwrap()
}

#[test]
fn receipts_of_erasure_are_made_as_published() {
    let vectors = erasure_vectors();
    let cases = list(&vectors, "receipts");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let key = ReceiptKey::from_secret_text(text(case, "key")).unwrap();
        let content: ErasureContent =
            serde_json::from_value(case.get("content").cloned().unwrap()).unwrap();
        let receipt = Receipt::sign_erasure(&content, &key).unwrap();
        let made = std::str::from_utf8(receipt.as_bytes()).unwrap();
        assert_eq!(made, text(case, "receipt"));
        let value: Json = serde_json::from_str(made).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        for bytes in [made.as_bytes(), &pretty] {
            assert_eq!(verify_erasure(bytes, &key.public()).as_ref(), Ok(&content));
        }
        let checkpoint = content.log.check(&[log_key(&vectors)]).unwrap();
        assert_eq!(checkpoint.size, 3);
        // Neither is taken for the other.
        assert!(verify(made.as_bytes(), &key.public()).is_err());
    }
    let consent = vectors_of_consent();
    let key = ReceiptKey::from_secret_text(text(&consent, "key")).unwrap();
    let taken = verify_erasure(text(&consent, "receipt").as_bytes(), &key.public());
    assert_eq!(taken, Err(ReceiptError::Form));
}

fn vectors_of_consent() -> Json {
    list(&vectors(), "receipts").first().cloned().unwrap()
}

#[test]
fn what_is_no_receipt_of_erasure_is_refused() {
    let vectors = erasure_vectors();
    let cases = list(&vectors, "receipts_invalid");
    assert_eq!(cases.len(), 29);
    for case in cases {
        let key: ReceiptPublicKey = text(case, "key").parse().unwrap();
        let read = verify_erasure(text(case, "receipt").as_bytes(), &key);
        assert!(read.is_err(), "{}: {read:?}", text(case, "why"));
    }
    let cases = list(&vectors, "proofs_invalid");
    assert_eq!(cases.len(), 6);
    for case in cases {
        let key: ReceiptPublicKey = text(case, "key").parse().unwrap();
        let content = verify_erasure(text(case, "receipt").as_bytes(), &key).unwrap();
        let checked = content.log.check(&[log_key(&vectors)]);
        let why = text(case, "why");
        assert_eq!(checked, Err(ReceiptError::NotInLog), "{why}");
    }
}

/// Every byte that is changed makes it another receipt or none.
#[test]
fn every_changed_byte_of_an_erasure_is_noticed() {
    let vectors = erasure_vectors();
    let case = list(&vectors, "receipts").first().unwrap();
    let key = ReceiptKey::from_secret_text(text(case, "key")).unwrap();
    let right = text(case, "receipt").as_bytes();
    for place in 0..right.len() {
        let mut wrong = right.to_vec();
        *wrong.get_mut(place).unwrap() ^= 1;
        assert!(verify_erasure(&wrong, &key.public()).is_err(), "{place}");
    }
}
