//! What people are shown when they are asked: kept as it was, by version, and bound to their answer.

use std::sync::Arc;

use privet_classify::DataMap;
use privet_seal::{FileKeyProvider, Zeroizing};
use privet_store::{FailNth, Faults, MemoryStores};
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::check::check_notices;
use privet_vault::port::NoticeRow;
use privet_vault::receipt::{ReceiptContent, ReceiptKey, verify};
use privet_vault::{
    ConsentChange, ConsentChannel, ConsentGrant, Error, ImportLine, Imported, Notice, Parts,
    SubjectName, Vault,
};
use sha2::{Digest as _, Sha256};

use crate::bed::{Bed, HandClock, MAP, hand_clock, parts, parts_of_another, root};
use crate::engine::new_stores;

const OTHER: &str = "privet.example/test/2";
const CONTROLLER: &str = "[controller]\nname = \"Shop Ltd\"\ncontact = \"privacy@shop.example\"\n";
const GERMAN: &str = "Wir schreiben Ihnen,\nwenn es Neues gibt.";

/// The bed's map with these texts.
fn map(notices: &str) -> DataMap {
    DataMap::parse(&[MAP, CONTROLLER, notices].concat()).unwrap()
}

/// Texts of the notice in force; `marketing` in German is this one.
fn in_force(german: &str) -> String {
    let german = serde_json::to_string(german).unwrap();
    format!(
        "[notices.\"2026-11\"]\nimprovement = {{ en = \"We look.\" }}\n\
         marketing = {{ en = \"We write.\", de = {german} }}\n"
    )
}

/// One installation, whose servers come and go.
struct Place {
    stores: MemoryStores,
    clock: Arc<HandClock>,
    root: Arc<FileKeyProvider>,
}

impl Place {
    async fn new() -> Self {
        Self {
            stores: new_stores().await,
            clock: hand_clock(),
            root: root(),
        }
    }

    fn parts(&self, notices: &str) -> Parts {
        let root = Arc::clone(&self.root);
        let mut parts = parts(&self.stores, &self.clock, "test", root);
        parts.map = map(notices);
        parts
    }

    /// A server with these texts.
    async fn start(&self, notices: &str) -> Result<Bed, Error> {
        let vault = Vault::start(self.parts(notices)).await?;
        vault.sign_receipts(ReceiptKey::from_seed(&[9; 32]).unwrap());
        let MemoryStores { data, keys, log } = &self.stores;
        Ok(Bed {
            vault,
            clock: Arc::clone(&self.clock),
            stores: MemoryStores {
                data: Arc::clone(data),
                keys: Arc::clone(keys),
                log: Arc::clone(log),
            },
        })
    }

    /// The same once another server has ended in good order.
    async fn restart(&self, former: Bed, notices: &str) -> Result<Bed, Error> {
        former.vault.stop().await;
        drop(former);
        self.start(notices).await
    }
}

async fn notice(bed: &Bed, version: &str) -> Result<Notice, Error> {
    // Somebody who may do nothing else with consent.
    let analyst = bed.caller("analyst").await;
    bed.vault.notice(&analyst, version).await
}

/// Purpose, language and text of each.
fn texts(notice: &Notice) -> Vec<[&str; 3]> {
    let texts = notice.texts.iter();
    texts
        .map(|text| [&*text.purpose, &*text.language, &*text.text])
        .collect()
}

fn says(language: Option<&str>, grant: &[(&str, &str)], withdraw: &[&str]) -> ConsentChange {
    let grant = grant.iter().map(|(purpose, notice)| ConsentGrant {
        purpose: (*purpose).to_owned(),
        notice: (*notice).to_owned(),
    });
    ConsentChange {
        grant: grant.collect(),
        withdraw: withdraw.iter().map(|name| (*name).to_owned()).collect(),
        channel: ConsentChannel::Web,
        language: language.map(|tag| tag.parse().unwrap()),
        evidence: None,
    }
}

async fn receipt(bed: &Bed, subject: &SubjectName, number: u64) -> ReceiptContent {
    let job = bed.caller("job").await;
    let receipt = bed.vault.consent_receipt(&job, subject, number).await;
    let key = bed.vault.receipt_key().unwrap();
    verify(receipt.unwrap().as_bytes(), &key).unwrap()
}

/// The language of a text, and its hash.
type ShownText = (String, [u8; 32]);

/// The purpose of each answer that a receipt bears, with its text.
fn shown(content: &ReceiptContent) -> Vec<(&str, Option<ShownText>)> {
    let answers = content.answers.iter();
    answers
        .map(|answer| {
            let text = answer.text.as_ref();
            let text = text.map(|text| (text.language.to_string(), text.sha256));
            (answer.purpose.as_str(), text)
        })
        .collect()
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[tokio::test]
async fn what_was_once_in_force_can_be_read_when_the_map_no_longer_has_it() {
    let place = Place::new().await;
    let bed = place.start(&in_force(GERMAN)).await.unwrap();
    let first = notice(&bed, "2026-11").await.unwrap();
    let expected = [
        ["improvement", "en", "We look."],
        ["marketing", "de", GERMAN],
        ["marketing", "en", "We write."],
    ];
    assert_eq!(texts(&first), expected);
    assert_eq!(first.texts[1].sha256, hash(GERMAN));
    // Each is in the log, before it is kept.
    let kept: Vec<Entry> = {
        let entries = bed.vault.audit().entries(0, 4_000).await.unwrap();
        let entries = entries.iter().map(|bytes| Entry::parse(bytes).unwrap());
        entries
            .filter(|entry| entry.kind() == Some(EntryKind::NoticeKept))
            .collect()
    };
    assert_eq!(kept.len(), 3);
    let fact = |entry: &Entry, name: &str| entry.facts[name].as_str().unwrap().to_owned();
    for (entry, text) in kept.iter().zip(&first.texts) {
        let facts = ["version", "purpose", "language", "sha256"].map(|name| fact(entry, name));
        let hex: String = text
            .sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let text = [
            "2026-11".to_owned(),
            text.purpose.clone(),
            text.language.clone(),
            hex,
        ];
        assert_eq!(facts, text);
    }

    // The same once more says nothing new; a language may come later.
    let bed = place.restart(bed, &in_force(GERMAN)).await.unwrap();
    assert_eq!(bed.count(EntryKind::NoticeKept).await, 3);
    let later =
        in_force(GERMAN).replace("en = \"We look.\"", "en = \"We look.\", nb = \"Vi ser.\"");
    let bed = place.restart(bed, &later).await.unwrap();
    assert_eq!(bed.count(EntryKind::NoticeKept).await, 4);
    let second = notice(&bed, "2026-11").await.unwrap();
    let since: Vec<_> = first.texts.iter().map(|text| text.since).collect();
    assert_eq!(second.texts.len(), 4);
    assert!(
        since
            .iter()
            .all(|since| second.texts.iter().any(|text| text.since == *since))
    );

    // Taken out of the map, they are still there.
    let bed = place.restart(bed, "").await.unwrap();
    assert_eq!(notice(&bed, "2026-11").await.unwrap(), second);
    for unknown in ["2026-12", "", "2026-1", "2026-11 "] {
        let answer = notice(&bed, unknown).await;
        assert_eq!(answer.unwrap_err().code(), "not_found", "{unknown}");
    }
}

#[tokio::test]
async fn a_text_that_was_served_is_not_changed() {
    let place = Place::new().await;
    let bed = place.start(&in_force(GERMAN)).await.unwrap();
    let kept = notice(&bed, "2026-11").await.unwrap();
    bed.vault.stop().await;
    // Also what looks like a correction, and with it whatever else is new.
    let other = in_force("Wir schreiben Ihnen,\nwenn es neues gibt.")
        .replace("en = \"We look.\"", "en = \"We look.\", nb = \"Vi ser.\"");
    let changed = check_notices(&map(&other), &*place.stores.data).await;
    assert_eq!(
        changed.unwrap(),
        [
            "the text of notice `2026-11` for purpose `marketing` in `de` is not the one that is kept since 2025-11-20: a text \
          that people answered cannot be changed: put that one back, or give this one a version of its own"
        ]
    );
    drop(bed);
    let error = place.start(&other).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "notice_changed");
    assert!(error.to_string().contains("`marketing` in `de`"), "{error}");
    let again = place.start(&in_force(GERMAN)).await.unwrap();
    assert_eq!(notice(&again, "2026-11").await.unwrap(), kept);
    let same = check_notices(&map(&in_force(GERMAN)), &*place.stores.data).await;
    assert_eq!(same.unwrap(), [""; 0]);
}

/// Two servers with different texts start at once; whichever call of the second waits until the first has started, never do both
/// serve people.
#[tokio::test]
async fn of_servers_with_different_texts_one_starts() {
    let mut held = 0;
    for nth in 1..=20 {
        let place = Place::new().await;
        let faults = Faults::new();
        let mut second = parts_of_another(&place.stores, &place.clock, OTHER);
        second.map = map(&in_force("Wir schreiben."));
        second.data = Arc::new(FailNth::new(Arc::clone(&place.stores.data), &faults));
        let gate = faults.hold_nth(nth);
        let second = tokio::spawn(Vault::start(second));
        let reached = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.reached().await }
        });
        while !second.is_finished() && !reached.is_finished() {
            tokio::task::yield_now().await;
        }
        held += u32::from(!second.is_finished());
        let first = place.start(&in_force(GERMAN)).await;
        gate.open();
        let second = second.await.unwrap();
        reached.abort();
        let started = [first.is_ok(), second.is_ok()];
        assert_eq!(
            started.iter().filter(|one| **one).count(),
            1,
            "{nth}: {started:?}"
        );
        let codes = [first.err(), second.err()];
        let code = codes.into_iter().flatten().map(|error| error.code()).next();
        assert_eq!(code, Some("notice_changed"), "{nth}");
    }
    assert!(held >= 4, "{held}");
}

#[tokio::test]
async fn an_answer_is_bound_to_the_text_that_was_shown() {
    let place = Place::new().await;
    let bed = place.start(&in_force(GERMAN)).await.unwrap();
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let now = "2026-11";
    let both = [("marketing", now), ("improvement", now)];
    // In a language in which nobody was shown one of the two, nothing is recorded.
    for language in ["fr", "de", "de-AT"] {
        let change = says(Some(language), &both, &[]);
        let refused = bed.vault.record_consent(&job, &ada, &change).await;
        assert_eq!(
            refused.unwrap_err().code(),
            "language_unknown",
            "{language}"
        );
    }
    let text = bed
        .vault
        .record_consent(&job, &ada, &says(Some("fr"), &both[..1], &[]))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("`fr`") && text.ends_with("there is: `de`, `en`"),
        "{text}"
    );

    let german = says(Some("de"), &both[..1], &["improvement"]);
    let changes = [
        german,
        says(None, &both[1..], &[]),
        // Taking back needs no text.
        says(Some("fr"), &[], &["marketing"]),
        says(Some("en"), &both, &[]),
    ];
    for change in &changes {
        bed.vault.record_consent(&job, &ada, change).await.unwrap();
    }
    let history = bed.vault.consent_history(&job, &ada, None).await.unwrap();
    let languages = history.events.iter().map(|event| event.language.clone());
    let languages: Vec<_> = languages
        .map(|tag| tag.map(|tag| tag.to_string()))
        .collect();
    let tag = |tag: &str| Some(tag.to_owned());
    assert_eq!(languages, [tag("en"), tag("fr"), None, tag("de")]);

    let of = |language: &str, text: &str| Some((language.to_owned(), hash(text)));
    let first = receipt(&bed, &ada, 1).await;
    let expected = [("marketing", of("de", GERMAN)), ("improvement", None)];
    assert_eq!(shown(&first), expected);
    assert_eq!(
        shown(&receipt(&bed, &ada, 2).await),
        [("improvement", None)]
    );
    assert_eq!(shown(&receipt(&bed, &ada, 3).await), [("marketing", None)]);
    let fourth = receipt(&bed, &ada, 4).await;
    let expected = [
        ("marketing", of("en", "We write.")),
        ("improvement", of("en", "We look.")),
    ];
    assert_eq!(shown(&fourth), expected);

    // The receipts say the same when the map has other texts, and none.
    let bed = place.restart(bed, "").await.unwrap();
    assert_eq!(receipt(&bed, &ada, 1).await, first);
    assert_eq!(receipt(&bed, &ada, 4).await, fourth);
    let job = bed.caller("job").await;
    let change = says(Some("de"), &both[..1], &[]);
    let refused = bed.vault.record_consent(&job, &ada, &change);
    let text = refused.await.unwrap_err().to_string();
    assert!(text.ends_with("there is: none"), "{text}");
}

/// Of an answer that was given elsewhere the text may be one that nobody is shown any more.
#[tokio::test]
async fn an_imported_answer_is_bound_to_a_former_text() {
    let place = Place::new().await;
    let former = "[former_notices.\"2025-01\"]\nmarketing = { de = \"Wir schreiben.\" }\n";
    let bed = place.start(former).await.unwrap();
    let bed = place.restart(bed, &in_force(GERMAN)).await.unwrap();
    let ada = bed.subject("ada@example.com").await;
    let SubjectName::Oid(subject) = ada else {
        panic!("a subject of these tests is named by its id");
    };
    let line = |language, notice| ImportLine {
        subject,
        change: ConsentChange {
            channel: ConsentChannel::Import,
            evidence: Some(Zeroizing::new("form 4711".to_owned())),
            ..says(Some(language), &[("marketing", notice)], &[])
        },
        at: "2025-03-01T09:30:00Z".parse().unwrap(),
    };
    let lines = vec![
        line("fr", "2025-01"),
        line("de", "2024-01"),
        line("de", "2025-01"),
    ];
    let job = bed.caller("job").await;
    let imported = bed.vault.import_consent(&job, lines).await.unwrap();
    for wrong in &imported[..2] {
        let Imported::Invalid(reason) = wrong else {
            panic!("{wrong:?}");
        };
        assert_eq!(reason.code, "language_unknown");
    }
    assert_eq!(imported[2], Imported::Recorded(1));
    let text = Some(("de".to_owned(), hash("Wir schreiben.")));
    assert_eq!(shown(&receipt(&bed, &ada, 1).await), [("marketing", text)]);
}

/// Somebody with the database's rights wrote another text under its hash.
#[tokio::test]
async fn a_kept_text_that_is_not_its_hashs_is_not_served() {
    let place = Place::new().await;
    let bed = place.start("").await.unwrap();
    let row = NoticeRow {
        version: "2025-01".to_owned(),
        purpose: "marketing".to_owned(),
        language: "de".to_owned(),
        text: "Wir verkaufen alles.".to_owned(),
        sha256: hash("Wir schreiben."),
        since: bed.vault.time(),
    };
    place.stores.data.add_notices(vec![row]).await.unwrap();
    let refused = notice(&bed, "2025-01").await;
    assert_eq!(refused.unwrap_err().code(), "internal");
}

#[tokio::test]
async fn a_notice_is_shown_to_whoever_has_a_token_and_to_nobody_else() {
    let place = Place::new().await;
    let bed = place.start(&in_force(GERMAN)).await.unwrap();
    for name in ["on_call", "auditor", "operator", "analyst", "job"] {
        let caller = bed.caller(name).await;
        assert!(bed.vault.notice(&caller, "2026-11").await.is_ok(), "{name}");
    }
    let late = bed.caller("job").await;
    bed.clock
        .advance(std::time::Duration::from_secs(31 * 86_400));
    let refused = bed.vault.notice(&late, "2026-11").await;
    assert_eq!(refused.unwrap_err().code(), "unauthenticated");
}
