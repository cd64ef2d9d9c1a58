//! What is kept of somebody who left: found by whoever may, under the id that the closing told, until its day, and by nobody else.

use std::sync::Arc;
use std::time::Duration;

use privet_classify::DataMap;
use privet_seal::{FileKeyProvider, Zeroizing};
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::receipt::{AnswerKind, ReceiptKey, verify};
use privet_vault::{
    ConsentChange, ConsentKept, Error, KeptConsent, KeptConsentOrder, Puid, SubjectName, Vault,
};

use crate::bed::{Bed, MAP, Seeded, hand_clock, parts, root};
use crate::consenting::{change, say};
use crate::engine::new_stores;

const DAY: u64 = 24 * 3600;
const EVIDENCE: &str = "form https://shop.example/forms/8812 of Ada";
const REASON: &str = "claim 4711 about an advertisement";
const KEEPING: &str = "[consent]\nkeep = { for = \"90d\", why = \"claims\" }\nlanguage = \"de\"\n\
    [controller]\nname = \"Shop Ltd\"\ncontact = \"privacy@shop.example\"\n\
    [notices.\"2026-11\"]\nmarketing = \"Wir schreiben Ihnen.\"\nimprovement = \"Wir sehen zu.\"\n";

/// A server of an environment that keeps answers for 90 days.
async fn keeping(environment: &str, root: Arc<FileKeyProvider>) -> Bed {
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut parts = parts(&stores, &clock, environment, root);
    parts.map = map();
    let vault = Vault::start(parts).await.unwrap();
    vault.sign_receipts(ReceiptKey::from_seed(&[9; 32]).unwrap());
    Bed {
        vault,
        clock,
        stores,
    }
}

fn map() -> DataMap {
    DataMap::parse(&[MAP, KEEPING].concat()).unwrap()
}

/// The same server once more, so many days later.
async fn later(bed: Bed, days: u64) -> Bed {
    bed.vault.stop().await;
    bed.clock.advance(Duration::from_secs(DAY * days));
    let mut vault = None;
    // A server that finds a long silence in its log does not trust its clock; the next start does.
    for _ in 0..2 {
        let mut parts = parts(&bed.stores, &bed.clock, "test", root());
        parts.map = map();
        let started = Vault::start(parts).await.unwrap();
        started.sign_receipts(ReceiptKey::from_seed(&[9; 32]).unwrap());
        if let Some(former) = vault.replace(started) {
            Vault::stop(&former).await;
        }
    }
    Bed {
        vault: vault.unwrap(),
        clock: Arc::clone(&bed.clock),
        stores: bed.stores.clone(),
    }
}

/// Somebody who said yes, showed it, and took it back.
async fn person(bed: &Bed) -> SubjectName {
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let yes = ConsentChange {
        evidence: Some(EVIDENCE.to_owned().into()),
        language: Some("de".parse().unwrap()),
        ..change(&["marketing"], &[])
    };
    say(&bed.vault, &job, &ada, yes).await;
    say(&bed.vault, &job, &ada, change(&[], &["marketing"])).await;
    ada
}

async fn close(bed: &Bed, subject: &SubjectName) -> Option<ConsentKept> {
    let job = bed.caller("job").await;
    let closed = bed.vault.close_subject(&job, subject).await.unwrap();
    closed.consent
}

fn order(puid: Puid, reason: &str) -> KeptConsentOrder {
    KeptConsentOrder {
        puid,
        reason: Zeroizing::new(reason.to_owned()),
        before: None,
    }
}

async fn read(bed: &Bed, who: &str, puid: Puid) -> Result<KeptConsent, Error> {
    let caller = bed.caller(who).await;
    let order = order(puid, REASON);
    bed.vault.kept_consent(&caller, &order).await
}

async fn code(bed: &Bed, who: &str, puid: Puid) -> &'static str {
    match read(bed, who, puid).await {
        Ok(_) => "shown",
        Err(error) => error.code(),
    }
}

#[tokio::test]
async fn what_somebody_said_who_left_is_shown_with_its_proof() {
    let bed = keeping("test", root()).await;
    let ada = person(&bed).await;
    let kept = close(&bed, &ada).await.unwrap();
    let today = bed.vault.time().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(kept.until, today + jiff::Span::new().days(90));

    let found = read(&bed, "auditor", kept.puid).await.unwrap();
    assert_eq!(
        (found.puid, found.until, found.before),
        (kept.puid, kept.until, None)
    );
    let numbers: Vec<_> = found
        .answers
        .iter()
        .map(|answer| answer.event.number)
        .collect();
    assert_eq!(numbers, [2, 1]);
    let [last, first] = &found.answers[..] else {
        panic!("two answers");
    };
    assert_eq!(last.event.withdrawn, ["marketing"]);
    assert_eq!(
        first.event.granted,
        [("marketing".to_owned(), "2026-11".to_owned())]
    );
    assert!(first.event.has_evidence && !last.event.has_evidence);
    let evidence = first.event.evidence.as_ref().map(|text| text.as_str());
    assert_eq!(evidence, Some(EVIDENCE));

    // Each with its receipt, which names the account.
    let key = bed.vault.receipt_key().unwrap();
    let contents = [last, first].map(|answer| {
        let receipt = answer.receipt.as_ref().unwrap();
        verify(receipt.as_bytes(), &key).unwrap()
    });
    for content in &contents {
        assert_eq!(content.subject.to_string(), kept.puid.to_string());
    }
    let kinds = contents.each_ref().map(|content| content.answers[0].kind);
    assert_eq!(kinds, [AnswerKind::Withdrawn, AnswerKind::Given]);
    let text = contents[1].answers[0].text.as_ref().unwrap();
    assert_eq!(text.language.as_str(), "de");

    // On record, and nothing of it in the open.
    assert_eq!(bed.count(EntryKind::KeptConsentRead).await, 1);
    let log = bed.log_text().await;
    let puid = kept.puid.to_string();
    for secret in [&puid, "4711", "8812"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

/// Long lives come a page at a time, and a page's last answer is what it was all the same.
#[tokio::test]
async fn many_answers_come_in_pages() {
    let bed = keeping("test", root()).await;
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    for number in 1..=102_u32 {
        let said = match number % 2 {
            1 => change(&["marketing"], &[]),
            _ => change(&[], &["marketing"]),
        };
        say(&bed.vault, &job, &ada, said).await;
    }
    let kept = close(&bed, &ada).await.unwrap();
    let auditor = bed.caller("auditor").await;
    let mut order = order(kept.puid, REASON);
    let mut numbers = Vec::new();
    for expected in [Some(3), None] {
        let page = bed.vault.kept_consent(&auditor, &order).await.unwrap();
        let key = bed.vault.receipt_key().unwrap();
        for answer in &page.answers {
            let receipt = answer.receipt.as_ref().unwrap();
            let content = verify(receipt.as_bytes(), &key).unwrap();
            let kind = content.answers[0].kind;
            let yes = answer.event.number % 2 == 1;
            let expected = if yes {
                AnswerKind::Given
            } else {
                AnswerKind::Withdrawn
            };
            assert_eq!(kind, expected, "{}", answer.event.number);
            numbers.push(answer.event.number);
        }
        assert_eq!(page.before, expected);
        order.before = page.before;
    }
    assert_eq!(numbers, (1..=102).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn nobody_reads_it_without_the_right_or_a_reason() {
    let bed = keeping("test", root()).await;
    let ada = person(&bed).await;
    let kept = close(&bed, &ada).await.unwrap();
    // An application's token finds nothing out, also not that there is something.
    let nobody = Puid::from_bytes([7; 16]);
    // Nor does whoever asks telemetry, which says when ids without a name answered.
    for who in ["job", "mailer", "on_call", "operator", "analyst", "both"] {
        for puid in [kept.puid, nobody] {
            assert_eq!(code(&bed, who, puid).await, "policy_denied", "{who}");
        }
    }
    assert_eq!(bed.count(EntryKind::ConsentDenied).await, 12);
    let auditor = bed.caller("auditor").await;
    for reason in ["", ".", "aaaaaaaaaaaa", &"reason ".repeat(400)] {
        let order = order(kept.puid, reason);
        let refused = bed.vault.kept_consent(&auditor, &order).await;
        let code = refused.unwrap_err().code();
        assert!(
            ["reason_too_weak", "reason_too_long"].contains(&code),
            "{code}"
        );
    }
    assert_eq!(bed.count(EntryKind::KeptConsentRead).await, 0);
    // Looking for somebody of whom nothing is kept is on record, too.
    assert_eq!(code(&bed, "auditor", nobody).await, "not_found");
    assert_eq!(bed.count(EntryKind::KeptConsentRead).await, 1);
}

/// An id leads to what is kept, and neither to a living account nor to what was not to be kept.
#[tokio::test]
async fn only_what_is_kept_is_found() {
    let bed = keeping("test", root()).await;
    let ada = person(&bed).await;
    let SubjectName::Oid(oid) = ada else {
        panic!("a subject of these tests is named by its id");
    };
    let rows = bed.stores.keys.subjects_by_oid(&[oid]).await.unwrap();
    let row = rows[0].clone().unwrap();
    assert_eq!(code(&bed, "auditor", row.puid).await, "not_found");
    // Who never answered leaves nothing.
    let bob = bed.subject("bob@example.com").await;
    assert_eq!(close(&bed, &bob).await, None);
    let kept = close(&bed, &ada).await.unwrap();
    assert_eq!(kept.puid, row.puid);
    assert_eq!(code(&bed, "auditor", kept.puid).await, "shown");
    // The operational id and the reference lead to nothing.
    for other in [*oid.as_bytes(), *row.reference.as_bytes()] {
        let other = Puid::from_bytes(other);
        assert_eq!(code(&bed, "auditor", other).await, "not_found");
    }
}

#[tokio::test]
async fn it_is_gone_on_its_day() {
    let bed = keeping("test", root()).await;
    let ada = person(&bed).await;
    let kept = close(&bed, &ada).await.unwrap();
    let bed = later(bed, 89).await;
    assert_eq!(code(&bed, "auditor", kept.puid).await, "shown");
    // Whether or not it was destroyed by then.
    let bed = later(bed, 1).await;
    let error = read(&bed, "auditor", kept.puid).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
    assert!(
        error.to_string().contains("its last day has come"),
        "{error}"
    );
}

/// Another environment's auditor has another tenant's keys: the same id finds nothing there, also with the rows at hand.
#[tokio::test]
async fn another_environment_finds_nothing() {
    let bed = keeping("test", root()).await;
    let ada = person(&bed).await;
    let kept = close(&bed, &ada).await.unwrap();
    let other = Arc::new(FileKeyProvider::create(&Seeded::new(77)));
    let staging = keeping("staging", other).await;
    assert_eq!(code(&staging, "auditor", kept.puid).await, "not_found");
    let stolen = bed.token("auditor").await;
    let refused = staging.vault.authenticate(&stolen, "192.0.2.1").await;
    assert_eq!(refused.map(drop).unwrap_err().code(), "unauthenticated");
}

/// The entry is durable before the key store is asked: without it, nothing is looked for.
#[tokio::test]
async fn without_an_entry_nothing_is_opened() {
    let bed = keeping("test", root()).await;
    let ada = person(&bed).await;
    let kept = close(&bed, &ada).await.unwrap();
    let auditor = bed.caller("auditor").await;
    bed.vault.audit().shutdown().await;
    let order = order(kept.puid, REASON);
    let refused = bed.vault.kept_consent(&auditor, &order).await;
    assert_eq!(refused.unwrap_err().code(), "audit_stopped");
    let entries = bed.stores.log.entries(crate::bed::ORIGIN, 0, 1 << 20).await;
    let kinds = entries.unwrap().into_iter();
    let kinds = kinds.map(|bytes| Entry::parse(&bytes).unwrap().kind());
    assert!(
        kinds
            .into_iter()
            .all(|kind| kind != Some(EntryKind::KeptConsentRead))
    );
}
