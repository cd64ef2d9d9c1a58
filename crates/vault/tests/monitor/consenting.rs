//! Consent: who agrees is opened for a purpose that rests on it, and nobody else, from the moment they say so until the
//! moment they take it back.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use privet_classify::DataMap;
use privet_store::{FailNth, Faults, Moment};
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::port::{ChangeKind, NewConsentRow, StoreError};
use privet_vault::{
    Caller, ConsentChange, ConsentChannel, ConsentGrant, ConsentView, Error, Form, OpenItem,
    RevealRequest, RevealedValue, SealItem, SubjectName, SubjectRef, Vault,
};

use crate::bed::{
    Bed, MAP, Seeded, bed, bed_with, bed_with_failing_keys, hand_clock, parts, parts_of_another,
    request, root, shown,
};
use crate::engine::new_stores;
use crate::servers::Pair;
use crate::unwrapping::{consent_key, places, places_under, rows, tenant_keys};

const NOTICE: &str = "2026-11";
const EVIDENCE: &str = "form https://shop.example/forms/8812 of Ada";

pub(crate) fn change(grant: &[&str], withdraw: &[&str]) -> ConsentChange {
    let grant = grant.iter().map(|purpose| ConsentGrant {
        purpose: (*purpose).to_owned(),
        notice: NOTICE.to_owned(),
    });
    ConsentChange {
        grant: grant.collect(),
        withdraw: withdraw.iter().map(|name| (*name).to_owned()).collect(),
        channel: ConsentChannel::Web,
        language: None,
        evidence: None,
    }
}

pub(crate) async fn say(
    vault: &Vault,
    caller: &Caller,
    subject: &SubjectName,
    said: ConsentChange,
) -> u64 {
    let view = vault.record_consent(caller, subject, &said).await.unwrap();
    view.number
}

pub(crate) async fn yes(bed: &Bed, subject: &SubjectName) {
    let job = bed.caller("job").await;
    say(&bed.vault, &job, subject, change(&["marketing"], &[])).await;
}

pub(crate) async fn no(bed: &Bed, subject: &SubjectName) {
    let job = bed.caller("job").await;
    say(&bed.vault, &job, subject, change(&[], &["marketing"])).await;
}

/// Whether the subject's address is shown for a purpose, or the code of the refusal.
pub(crate) async fn reveals(bed: &Bed, subject: &SubjectName, purpose: &str) -> String {
    let mailer = bed.caller("mailer").await;
    let wish = request(subject, &["email"], purpose);
    match bed.vault.reveal(&mailer, &wish).await {
        Ok(revealed) => match &revealed.subjects[0] {
            Some(row) => shown(&row[0]),
            None => "(none)".to_owned(),
        },
        Err(error) => error.code().to_owned(),
    }
}

async fn finds(bed: &Bed, email: &str, purpose: &str) -> usize {
    let mailer = bed.caller("mailer").await;
    let found = bed.vault.lookup(&mailer, "email", email, purpose).await;
    let found = found.unwrap();
    // For a purpose on consent they would lead to rows of whoever holds the value, agreed or not.
    assert_eq!(found.indexes.is_empty(), purpose != "service");
    found.subjects.len()
}

async fn sealed(bed: &Bed, subject: &SubjectName, value: &str) -> OpenItem {
    let item = SealItem {
        subject: subject.clone(),
        field: "email".to_owned(),
        value: value.to_owned().into(),
    };
    let job = bed.caller("job").await;
    let mut sealed = bed.vault.seal_values(&job, &[item]).await.unwrap();
    OpenItem {
        subject: subject.clone(),
        field: "email".to_owned(),
        sealed: sealed.remove(0).sealed,
    }
}

async fn opens(bed: &Bed, items: &[OpenItem]) -> Result<Vec<String>, Error> {
    let mailer = bed.caller("mailer").await;
    let opened = bed
        .vault
        .open_values(&mailer, items, "marketing", Form::Clear)
        .await?;
    Ok(opened.iter().map(shown).collect())
}

pub(crate) async fn reference(bed: &Bed, subject: &SubjectName) -> SubjectRef {
    let SubjectName::Oid(oid) = subject else {
        panic!("subjects of these tests are named by their ids");
    };
    let rows = bed.stores.keys.subjects_by_oid(&[*oid]).await.unwrap();
    rows[0].as_ref().unwrap().reference
}

/// Whose consent changed, in the order of the shared sequence.
async fn consents_told(bed: &Bed) -> Vec<SubjectRef> {
    let changes = bed.stores.keys.changes_after(0).await.unwrap();
    let told = changes.iter().filter_map(|change| match change.kind {
        ChangeKind::ConsentChanged(subject) => Some(subject),
        _ => None,
    });
    told.collect()
}

/// The last entry of a kind.
async fn last_entry(bed: &Bed, kind: EntryKind) -> Entry {
    let entries = bed.vault.audit().entries(0, 4_000).await.unwrap();
    let mut entries = entries.iter().map(|bytes| Entry::parse(bytes).unwrap());
    entries.rfind(|entry| entry.kind() == Some(kind)).unwrap()
}

#[tokio::test]
async fn silence_is_no_and_the_last_answer_counts() {
    let bed = bed().await;
    let email = "ada@example.com";
    let ada = bed.subject(email).await;
    let value = [sealed(&bed, &ada, email).await];
    for agrees in [None, Some(true), Some(false), Some(true), Some(false)] {
        match agrees {
            None => {}
            Some(true) => yes(&bed, &ada).await,
            Some(false) => no(&bed, &ada).await,
        }
        let agrees = agrees == Some(true);
        let expected = if agrees { email } else { "consent_missing" };
        assert_eq!(reveals(&bed, &ada, "marketing").await, expected);
        assert_eq!(finds(&bed, email, "marketing").await, usize::from(agrees));
        let opened = opens(&bed, &value).await;
        let opened = opened.map_or_else(|error| error.code().to_owned(), |mut all| all.remove(0));
        assert_eq!(opened, expected);
        // A purpose that rests on something else is nobody's to refuse, and a yes to one purpose is none to another.
        assert_eq!(reveals(&bed, &ada, "service").await, email);
        assert_eq!(finds(&bed, email, "service").await, 1);
        let other = reveals(&bed, &ada, "improvement").await;
        assert_eq!(other, "consent_missing");
    }
    let kinds = [
        (EntryKind::ConsentGranted, 2),
        (EntryKind::ConsentWithdrawn, 2),
        (EntryKind::RevealDenied, 3 + 5),
        (EntryKind::OpenDenied, 3),
    ];
    for (kind, count) in kinds {
        assert_eq!(bed.count(kind).await, count, "{kind}");
    }
}

#[tokio::test]
async fn of_many_those_who_agree_are_shown_and_the_others_named() {
    let bed = bed().await;
    let emails = ["a@example.com", "b@example.com", "c@example.com"];
    let mut subjects = Vec::new();
    let mut items = Vec::new();
    for email in emails {
        let subject = bed.subject(email).await;
        items.push(sealed(&bed, &subject, email).await);
        subjects.push(subject);
    }
    yes(&bed, &subjects[0]).await;
    yes(&bed, &subjects[2]).await;
    no(&bed, &subjects[1]).await;
    let nobody: SubjectName = "0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d".parse().unwrap();
    subjects.insert(1, nobody.clone());

    let wish = RevealRequest {
        subjects,
        ..request(&nobody, &["email"], "marketing")
    };
    let mailer = bed.caller("mailer").await;
    let revealed = bed.vault.reveal(&mailer, &wish).await.unwrap();
    assert_eq!(revealed.refused, [false, false, true, false]);
    let first = |row: &Option<Vec<RevealedValue>>| row.as_ref().map(|row| shown(&row[0]));
    let rows: Vec<_> = revealed.subjects.iter().map(first).collect();
    let (a, c) = (emails[0].to_owned(), emails[2].to_owned());
    assert_eq!(rows, [Some(a), None, None, Some(c)]);
    let entry = last_entry(&bed, EntryKind::Reveal).await;
    assert_eq!(entry.counts["refused"], 1);
    assert_eq!(entry.subjects().unwrap().1, 2, "only those who were opened");

    let opened = opens(&bed, &items).await.unwrap();
    assert_eq!(opened, [emails[0], "(refused)", emails[2]]);
    let entry = last_entry(&bed, EntryKind::Open).await;
    assert_eq!(entry.counts["refused"], 1);
    assert_eq!(entry.subjects().unwrap().1, 2);
    assert_eq!(finds(&bed, emails[1], "marketing").await, 0);
    let entry = last_entry(&bed, EntryKind::Lookup).await;
    assert_eq!((entry.counts["hits"], entry.counts["refused"]), (0, 1));
    assert!(entry.subjects().is_none());
}

/// An acknowledged withdrawal is seen by the next call on every server: there is nothing to catch up with.
#[tokio::test]
async fn what_was_withdrawn_on_one_server_is_closed_on_the_other() {
    let Pair { one, two } = Pair::ruled("").await;
    let ada = one.subject("ada@example.com").await;
    // The other one has her opened already when the key of her answers is made.
    assert_eq!(reveals(&two, &ada, "marketing").await, "consent_missing");
    for _ in 0..3 {
        yes(&one, &ada).await;
        assert_eq!(reveals(&two, &ada, "marketing").await, "ada@example.com");
        no(&two, &ada).await;
        assert_eq!(reveals(&one, &ada, "marketing").await, "consent_missing");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_change_is_said_and_nothing_of_it_is_kept() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let mut old = change(&["marketing"], &[]);
    old.grant[0].notice = "2026-10".to_owned();
    let gpc = ConsentChange {
        channel: ConsentChannel::Gpc,
        language: None,
        ..change(&["marketing"], &["improvement"])
    };
    let with = |evidence: String| ConsentChange {
        evidence: Some(evidence.into()),
        ..change(&["marketing"], &[])
    };
    for (wrong, code) in [
        (change(&["curiosity"], &[]), "unknown_purpose"),
        (change(&[], &["curiosity"]), "unknown_purpose"),
        (change(&["service"], &[]), "purpose_without_consent"),
        (change(&[], &["support"]), "purpose_without_consent"),
        (change(&["marketing"], &["marketing"]), "consent_twice"),
        (change(&["marketing", "marketing"], &[]), "consent_twice"),
        (change(&[], &[]), "consent_empty"),
        (old, "notice_outdated"),
        (gpc, "consent_channel"),
        (with(" ".to_owned()), "evidence_invalid"),
        (with("x".repeat(20_000)), "evidence_invalid"),
    ] {
        let refused = bed.vault.record_consent(&job, &ada, &wrong).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        assert_eq!(error.code(), code);
    }
    let engineer = bed.caller("on_call").await;
    let right = change(&["marketing"], &[]);
    let refused = bed.vault.record_consent(&engineer, &ada, &right).await;
    assert_eq!(refused.unwrap_err().code(), "policy_denied");
    let read = bed.vault.consent(&engineer, &ada, None).await;
    assert_eq!(read.unwrap_err().code(), "policy_denied");
    assert_eq!(bed.count(EntryKind::ConsentDenied).await, 2);
    let adas = reference(&bed, &ada).await;
    assert_eq!(consent_key(&bed.stores, adas).await, None);
}

pub(crate) fn of<'v>(view: &'v ConsentView, purpose: &str) -> &'v privet_vault::PurposeConsent {
    let mut purposes = view.purposes.iter();
    purposes.find(|one| one.purpose == purpose).unwrap()
}

#[tokio::test]
async fn the_state_of_now_and_of_any_moment_is_told() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let start = bed.vault.time();
    let both = change(&["marketing", "improvement"], &[]);
    let first = say(&bed.vault, &job, &ada, both).await;
    bed.clock.advance(Duration::from_millis(100));
    // It says the same once more: the answer is as old as before.
    yes(&bed, &ada).await;
    bed.clock.advance(Duration::from_millis(100));
    no(&bed, &ada).await;

    let now = bed.vault.consent(&job, &ada, None).await.unwrap();
    let marketing = of(&now, "marketing");
    assert_eq!((marketing.agreed, marketing.answer), (false, Some(false)));
    assert_eq!(
        marketing.since,
        Some(start + SignedDuration::from_millis(200))
    );
    let improvement = of(&now, "improvement");
    assert!(improvement.agreed && improvement.since == Some(start));
    assert_eq!(improvement.notice.as_deref(), Some(NOTICE));
    assert_eq!(now.purposes.len(), 2, "what rests on consent, nothing else");

    for (millis, agreed) in [
        (-1, false),
        (0, true),
        (199, true),
        (200, false),
        (5_000, false),
    ] {
        let moment = start + SignedDuration::from_millis(millis);
        let then = bed.vault.consent(&job, &ada, Some(moment)).await.unwrap();
        assert_eq!(of(&then, "marketing").agreed, agreed, "{millis} ms");
        assert_eq!(of(&then, "improvement").agreed, millis >= 0);
    }
    let history = bed.vault.consent_history(&job, &ada, None).await.unwrap();
    let said: Vec<_> = history
        .events
        .iter()
        .map(|event| (event.granted.len(), event.withdrawn.clone()))
        .collect();
    let none = Vec::<String>::new();
    let marketing = vec!["marketing".to_owned()];
    assert_eq!(said, [(0, marketing), (1, none.clone()), (2, none)]);
    assert_eq!(history.events[2].number, first);
    assert_eq!(history.before, None);
    assert_eq!(bed.count(EntryKind::ConsentRead).await, 1 + 5 + 1);
}

/// A clock that is behind: the event that came last is the last all the same, in the state and in the history.
#[tokio::test]
async fn clocks_do_not_decide_which_answer_is_the_last() {
    let ahead = bed().await;
    let clock = hand_clock();
    let mut other = parts_of_another(&ahead.stores, &clock, "privet.example/test/2");
    other.entropy = Arc::new(Seeded::new(4_711));
    let behind = Bed {
        vault: Vault::start(other).await.unwrap(),
        clock,
        stores: ahead.stores.clone(),
    };
    ahead.clock.advance(Duration::from_millis(900));
    let later = ahead.vault.time();
    assert!(behind.vault.time() < later);
    let ada = ahead.subject("ada@example.com").await;
    yes(&ahead, &ada).await;
    assert_eq!(reveals(&ahead, &ada, "marketing").await, "ada@example.com");
    no(&behind, &ada).await;
    assert_eq!(reveals(&ahead, &ada, "marketing").await, "consent_missing");
    let job = behind.caller("job").await;
    for (moment, answer) in [
        (later - SignedDuration::from_nanos(1), None),
        (later, Some(false)),
        (later + SignedDuration::from_hours(1), Some(false)),
    ] {
        let then = behind
            .vault
            .consent(&job, &ada, Some(moment))
            .await
            .unwrap();
        assert_eq!(of(&then, "marketing").answer, answer);
    }
    let history = behind.vault.consent_history(&job, &ada, None).await;
    let times: Vec<_> = history.unwrap().events.iter().map(|e| e.at).collect();
    assert_eq!(times, [later, later]);
}

#[tokio::test]
async fn no_answer_of_many_at_once_is_lost() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let mut saying = tokio::task::JoinSet::new();
    for n in 0..12 {
        let (vault, job, ada) = (bed.vault.clone(), job.clone(), ada.clone());
        saying.spawn(async move {
            let said = match n % 3 {
                0 => change(&["marketing"], &[]),
                1 => change(&[], &["marketing"]),
                _ => change(&["improvement"], &[]),
            };
            say(&vault, &job, &ada, said).await
        });
    }
    let mut given = saying.join_all().await;
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), 12);
    // Each event leaves alone what it says nothing of.
    let view = bed.vault.consent(&job, &ada, None).await.unwrap();
    assert_eq!(view.number, 12);
    let history = bed.vault.consent_history(&job, &ada, None).await.unwrap();
    let numbers: Vec<_> = history.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=12).rev().collect::<Vec<_>>());
    for purpose in ["marketing", "improvement"] {
        let last = history.events.iter().find_map(|event| {
            let yes = event.granted.iter().any(|(name, _)| name == purpose);
            let no = event.withdrawn.iter().any(|name| name == purpose);
            (yes || no).then_some(yes)
        });
        assert_eq!(of(&view, purpose).answer, last, "{purpose}");
    }
    let reference = reference(&bed, &ada).await;
    assert_eq!(consents_told(&bed).await, [reference; 12]);
}

/// A vault over the same stores with another data map.
pub(crate) async fn restarted(bed: &Bed, map: &str) -> Result<Bed, Error> {
    let mut parts = parts(&bed.stores, &bed.clock, "test", root());
    parts.map = DataMap::parse(map).unwrap();
    bed.vault.stop().await;
    Ok(Bed {
        vault: Vault::start(parts).await?,
        clock: bed.clock.clone(),
        stores: bed.stores.clone(),
    })
}

/// A yes is one to the text that was shown.
#[tokio::test]
async fn a_new_notice_asks_anew() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    yes(&bed, &ada).await;
    let changed = MAP.replace(
        "bit = 0, notice = \"2026-11\"",
        "bit = 0, notice = \"2027-01\"",
    );
    let bed = restarted(&bed, &changed).await.unwrap();
    assert_eq!(reveals(&bed, &ada, "marketing").await, "consent_missing");
    let job = bed.caller("job").await;
    let view = bed.vault.consent(&job, &ada, None).await.unwrap();
    let marketing = of(&view, "marketing");
    assert!(!marketing.agreed && marketing.answer == Some(true));
    assert_eq!(marketing.notice.as_deref(), Some(NOTICE));
    assert_eq!(marketing.current_notice, "2027-01");
    let old = change(&["marketing"], &[]);
    let refused = bed
        .vault
        .record_consent(&job, &ada, &old)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "notice_outdated");
    assert!(refused.to_string().contains("2027-01"), "{refused}");
    let mut new = change(&["marketing"], &[]);
    new.grant[0].notice = "2027-01".to_owned();
    say(&bed.vault, &job, &ada, new).await;
    assert_eq!(reveals(&bed, &ada, "marketing").await, "ada@example.com");
}

#[tokio::test]
async fn what_rested_on_consent_stays_so() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let line = "marketing = { basis = \"consent\", bit = 0, notice = \"2026-11\" }\n";
    let moved = MAP.replace(line, "marketing = { basis = \"legitimate_interest\" }\n");
    let other_bit = MAP.replace("bit = 0", "bit = 5");
    let taken = MAP.replace("marketing", "profiling");
    let dropped = MAP.replace(line, "").replace("\"marketing\", ", "");
    // Nobody has agreed to anything yet.
    let mut bed = restarted(&bed, &moved).await.unwrap();
    bed = restarted(&bed, MAP).await.unwrap();
    // A no binds nobody; a yes does, also once it is taken back.
    no(&bed, &ada).await;
    bed = restarted(&bed, &other_bit).await.unwrap();
    bed = restarted(&bed, MAP).await.unwrap();
    yes(&bed, &ada).await;
    no(&bed, &ada).await;
    for (map, part) in [
        (&moved, "legitimate_interest"),
        (&other_bit, "`bit = 0`"),
        (&taken, "`profiling`"),
    ] {
        let refused = restarted(&bed, map).await.err().unwrap();
        assert_eq!(refused.code(), "consent_basis");
        assert!(refused.to_string().contains(part), "{refused}");
    }
    bed = restarted(&bed, &dropped).await.unwrap();
    assert_eq!(reveals(&bed, &ada, "marketing").await, "unknown_purpose");
    let job = bed.caller("job").await;
    let history = bed.vault.consent_history(&job, &ada, None).await.unwrap();
    assert_eq!(history.events[0].withdrawn, ["marketing"]);
}

#[tokio::test]
async fn evidence_is_sealed_and_ends_with_the_account() {
    let read = r#"@id("read") permit (principal, action == Action::"read_consent", resource);"#;
    let bed = bed_with(read).await;
    let ada = bed.subject("ada@example.com").await;
    let (adas, job) = (reference(&bed, &ada).await, bed.caller("job").await);
    let said = ConsentChange {
        evidence: Some(EVIDENCE.to_owned().into()),
        ..change(&["marketing"], &[])
    };
    say(&bed.vault, &job, &ada, said).await;
    let history = bed.vault.consent_history(&job, &ada, None).await.unwrap();
    let evidence = history.events[0].evidence.as_ref();
    assert_eq!(evidence.map(|text| text.as_str()), Some(EVIDENCE));
    // People of the staff learn that there is some.
    let auditor = bed.caller("auditor").await;
    let history = bed.vault.consent_history(&auditor, &ada, None).await;
    let event = &history.unwrap().events[0];
    assert!(event.has_evidence && event.evidence.is_none());
    let places = places(&bed.stores, adas).await;
    let stored = rows(&bed.stores, &places).await.remove(0);
    let evidence = stored.evidence.unwrap();
    assert!(!String::from_utf8_lossy(&evidence).contains("8812"));
    let log = bed.log_text().await;
    assert!(!log.contains("8812") && !log.contains("shop.example"));
    let keys = bed.stores.keys.clone();
    let key = consent_key(&bed.stores, adas).await.unwrap();
    assert_eq!((key.told, key.created_at.as_second() % 86_400), (1, 0));

    bed.vault.close_subject(&job, &ada).await.unwrap();
    let gone = bed.vault.consent(&job, &ada, None).await.unwrap_err();
    assert_eq!(gone.code(), "not_found");
    assert_eq!(reveals(&bed, &ada, "marketing").await, "(none)");
    let known = keys.keys_by_id(&[key.id]).await.unwrap();
    assert_eq!(known, [None], "nothing opens it any more");
    let left = rows(&bed.stores, &places).await;
    assert_eq!(left, [], "and so it is deleted");
}

/// A law may ask for proof for years: the answers stay readable under their own key, and die on its day.
#[tokio::test]
async fn what_was_agreed_to_is_kept_as_long_as_the_data_map_says() {
    const DAY: u64 = 24 * 3600;
    let bed = bed().await;
    let keeping = format!("{MAP}\n[consent]\nkeep = {{ for = \"90d\", why = \"claims\" }}\n");
    let mut bed = restarted(&bed, &keeping).await.unwrap();
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let job = bed.caller("job").await;
    let said = ConsentChange {
        evidence: Some(EVIDENCE.to_owned().into()),
        ..change(&["marketing"], &[])
    };
    say(&bed.vault, &job, &ada, said).await;
    no(&bed, &ada).await;
    yes(&bed, &bob).await;
    let (adas, bobs) = (reference(&bed, &ada).await, reference(&bed, &bob).await);
    let bobs = places(&bed.stores, bobs).await;
    let before = consent_key(&bed.stores, adas).await.unwrap();
    let places = places(&bed.stores, adas).await;
    let closed = bed.vault.close_subject(&job, &ada).await.unwrap();
    let today = bed.vault.time().to_zoned(jiff::tz::TimeZone::UTC).date();
    let last = today + jiff::Span::new().days(90);
    let [kept] = closed.kept.as_slice() else {
        panic!("one key is kept, and not {:?}", closed.kept);
    };
    let (key, keys) = (kept.id, bed.stores.keys.clone());
    assert_eq!(kept.expires_on, last);
    assert_eq!(rows(&bed.stores, &places).await.len(), 2);
    // What is left of the key says neither whose it was nor when they left, and finds the same rows.
    assert_eq!(keys.keys_by_id(&[before.id]).await.unwrap(), [None]);
    assert_eq!(consent_key(&bed.stores, adas).await, None);
    let left = keys.keys_by_id(&[key]).await.unwrap().remove(0).unwrap();
    assert!(left.owner != *adas.as_bytes() && left.wrapped != before.wrapped);
    let made = left.created_at.to_zoned(jiff::tz::TimeZone::UTC);
    assert_eq!(made.datetime(), today.first_of_year().at(0, 0, 0, 0));
    assert_eq!((left.expires_on, left.told), (Some(last), 2));
    let tenant_keys = tenant_keys(&bed.stores).await;
    assert_eq!(places_under(&tenant_keys, &left), places);

    let mut passed = 0;
    for (day, count) in [(89, 2), (90, 0)] {
        bed.clock.advance(Duration::from_secs(DAY * (day - passed)));
        passed = day;
        // A server that finds a long silence in its log does not trust its clock; the next start does.
        for _ in 0..2 {
            bed = restarted(&bed, &keeping).await.unwrap();
        }
        // Whichever of the servers has its turn first: one that is stopped right after it may not have said so.
        let gone = async {
            loop {
                let found = bed.stores.keys.keys_by_id(&[key]).await.unwrap();
                if found[0].is_none() && rows(&bed.stores, &places).await.is_empty() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        if count == 0 {
            let waited = tokio::time::timeout(Duration::from_secs(120), gone).await;
            waited.unwrap_or_else(|_| panic!("the rows and their key stay"));
        } else {
            assert_eq!(rows(&bed.stores, &places).await.len(), count, "day {day}");
            let found = bed.stores.keys.keys_by_id(&[key]).await.unwrap();
            assert!(found[0].is_some(), "day {day}");
        }
    }
    // Who did not leave lost nothing.
    assert_eq!(rows(&bed.stores, &bobs).await.len(), 1);
    assert_eq!(reveals(&bed, &bob, "marketing").await, "bob@example.com");
}

/// Who can write to the data store can take a row away, and then nobody agrees by it; they cannot make somebody agree, also
/// if they know which rows are whose.
#[tokio::test]
async fn rows_that_were_moved_say_nothing() {
    let bed = bed().await;
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    yes(&bed, &ada).await;
    no(&bed, &ada).await;
    no(&bed, &bob).await;
    let (adas, bobs) = (reference(&bed, &ada).await, reference(&bed, &bob).await);
    let adas = places(&bed.stores, adas).await;
    let bobs = places(&bed.stores, bobs).await;
    let agreed = rows(&bed.stores, &adas).await[0].clone();
    // As an answer of somebody else's, and as a later one of their own.
    for place in [bobs[1], adas[2]] {
        let forged = NewConsentRow {
            place,
            row: agreed.clone(),
            granted: Vec::new(),
        };
        let added = bed.stores.data.append_consent(vec![forged]).await;
        assert_eq!(added, Ok(vec![true]));
    }
    let job = bed.caller("job").await;
    for (subject, email) in [(&ada, "ada@example.com"), (&bob, "bob@example.com")] {
        assert_eq!(reveals(&bed, subject, "marketing").await, "consent_missing");
        assert_eq!(finds(&bed, email, "marketing").await, 0);
        assert_eq!(reveals(&bed, subject, "service").await, email);
        // What the next answer would rest on cannot be read.
        let read = bed.vault.consent(&job, subject, None).await;
        assert_eq!(read.unwrap_err().code(), "internal");
        let said = change(&["improvement"], &[]);
        let refused = bed.vault.record_consent(&job, subject, &said).await;
        assert_eq!(refused.unwrap_err().code(), "internal");
    }
}

/// Whoever reads of a change in the shared sequence finds its row, and what was acknowledged is in the sequence.
#[tokio::test]
async fn a_change_is_acknowledged_once_every_server_is_told() {
    for nth in 1..=8 {
        for moment in [Moment::Before, Moment::After] {
            let faults = Faults::new();
            let bed = bed_with_failing_keys(&faults).await;
            let ada = bed.subject("ada@example.com").await;
            let reference = reference(&bed, &ada).await;
            let job = bed.caller("job").await;
            let said = change(&["marketing"], &[]);
            // The call that fails may be one of the server's own, which follows the sequence meanwhile.
            faults.fail_nth(nth, moment, StoreError::Unavailable("gone".into()));
            let first = bed.vault.record_consent(&job, &ada, &said).await;
            faults.clear();
            let told = consents_told(&bed).await;
            let places = places(&bed.stores, reference).await;
            let kept = rows(&bed.stores, &places).await.len();
            assert!(told.len() <= kept, "told of what is not there");
            if first.is_ok() {
                assert_eq!((kept, told.len()), (1, 1));
            }
            // Saying it again is harmless, and every server is told then.
            let again = bed.vault.record_consent(&job, &ada, &said).await.unwrap();
            assert!(of(&again, "marketing").agreed);
            assert_eq!(again.number as usize, kept + 1);
            let key = consent_key(&bed.stores, reference).await.unwrap();
            assert_eq!(key.told, again.number);
            let told_again = consents_told(&bed).await;
            assert_eq!(told_again, vec![reference; told.len() + 1]);
            assert_eq!(reveals(&bed, &ada, "marketing").await, "ada@example.com");
        }
    }
}

/// One server erases somebody while another, which has them opened still, records an answer of theirs.
#[tokio::test]
async fn an_answer_that_meets_an_erasure_leaves_no_key_behind() {
    let Pair { one, two } = Pair::ruled("").await;
    for has_answered in [false, true, false, true] {
        let ada = one.subject("ada@example.com").await;
        let reference = reference(&one, &ada).await;
        if has_answered {
            no(&two, &ada).await;
        }
        assert_eq!(reveals(&two, &ada, "marketing").await, "consent_missing");
        let places = places(&one.stores, reference).await;
        assert_eq!(
            rows(&one.stores, &places).await.len(),
            usize::from(has_answered)
        );
        let (job, eraser) = (two.caller("job").await, one.caller("job").await);
        one.vault.close_subject(&eraser, &ada).await.unwrap();
        let said = change(&["marketing"], &[]);
        let refused = two.vault.record_consent(&job, &ada, &said).await;
        assert_eq!(refused.unwrap_err().code(), "not_found");
        let keys = one.stores.keys.keys_of_subjects(&[reference]).await;
        assert_eq!(keys, Ok(vec![Vec::new()]));
        assert_eq!(rows(&one.stores, &places).await, []);
    }
}

#[tokio::test]
async fn a_change_without_its_entry_and_a_reveal_without_the_ledger_do_not_happen() {
    let (log, data) = (Faults::new(), Faults::new());
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.log = Arc::new(FailNth::new(stores.log.clone(), &log));
    failing.data = Arc::new(FailNth::new(stores.data.clone(), &data));
    let vault = Vault::start(failing).await.unwrap();
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    let ada = bed.subject("ada@example.com").await;
    let (adas, job) = (reference(&bed, &ada).await, bed.caller("job").await);
    let said = change(&["marketing"], &[]);
    log.fail_nth(1, Moment::Before, StoreError::Full);
    let refused = bed.vault.record_consent(&job, &ada, &said).await;
    assert!(refused.unwrap_err().code().starts_with("audit_"));
    log.clear();
    assert_eq!(consent_key(&bed.stores, adas).await, None);

    say(&bed.vault, &job, &ada, said).await;
    let mailer = bed.caller("mailer").await;
    let wish = request(&ada, &["email"], "marketing");
    bed.vault.reveal(&mailer, &wish).await.unwrap();
    let before = bed.count(EntryKind::Reveal).await;
    data.fail_nth(1, Moment::Before, StoreError::Unavailable("disk".into()));
    let refused = bed.vault.reveal(&mailer, &wish).await.unwrap_err();
    assert_eq!(refused.code(), "store_unavailable");
    data.clear();
    assert_eq!(bed.count(EntryKind::Reveal).await, before);
}
