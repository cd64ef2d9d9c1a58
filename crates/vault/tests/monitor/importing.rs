//! Answers that were given elsewhere: taken over once, in order, by the way of every other answer, and never over what a person
//! said later.

use jiff::{SignedDuration, Timestamp};
use privet_store::{Faults, Moment};
use privet_vault::audit::EntryKind;
use privet_vault::port::{ChangeKind, StoreError};
use privet_vault::{
    Clock as _, ConsentChange, ConsentChannel, ConsentGrant, IMPORT_LINES_MAX, ImportLine,
    Imported, Oid, SubjectName, Vault,
};

use crate::bed::{Bed, bed, bed_with_failing_keys, request};
use crate::consenting::{no, yes};

const EVIDENCE: &str = "form 4711 in the old system";

fn oid(subject: &SubjectName) -> Oid {
    match subject {
        SubjectName::Oid(oid) => *oid,
        SubjectName::Alias { .. } => panic!("subjects of these tests are named by their ids"),
    }
}

/// So many hours before now.
fn ago(bed: &Bed, hours: i64) -> Timestamp {
    bed.clock.now() - SignedDuration::from_hours(hours)
}

fn line(
    subject: &SubjectName,
    grant: &[(&str, &str)],
    withdraw: &[&str],
    at: Timestamp,
) -> ImportLine {
    let grant = grant.iter().map(|(purpose, notice)| ConsentGrant {
        purpose: (*purpose).to_owned(),
        notice: (*notice).to_owned(),
    });
    ImportLine {
        subject: oid(subject),
        change: ConsentChange {
            grant: grant.collect(),
            withdraw: withdraw.iter().map(|name| (*name).to_owned()).collect(),
            channel: ConsentChannel::Import,
            language: None,
            evidence: Some(EVIDENCE.to_owned().into()),
        },
        at,
    }
}

fn grants(subject: &SubjectName, at: Timestamp) -> ImportLine {
    line(subject, &[("marketing", "2026-11")], &[], at)
}

fn withdraws(subject: &SubjectName, at: Timestamp) -> ImportLine {
    line(subject, &[], &["marketing"], at)
}

async fn import(vault: &Vault, bed: &Bed, lines: Vec<ImportLine>) -> Vec<Imported> {
    let job = bed.caller("job").await;
    vault.import_consent(&job, lines).await.unwrap()
}

async fn agrees(bed: &Bed, subject: &SubjectName) -> bool {
    let mailer = bed.caller("mailer").await;
    let wish = request(subject, &["email"], "marketing");
    match bed.vault.reveal(&mailer, &wish).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), "consent_missing");
            false
        }
    }
}

async fn answers(bed: &Bed, subject: &SubjectName) -> u64 {
    let job = bed.caller("job").await;
    let view = bed.vault.consent(&job, subject, None).await.unwrap();
    view.number
}

async fn told(bed: &Bed) -> usize {
    let changes = bed.stores.keys.changes_after(0).await.unwrap();
    let told = changes
        .iter()
        .filter(|change| matches!(change.kind, ChangeKind::ConsentChanged(_)));
    told.count()
}

#[tokio::test]
async fn answers_are_taken_over_once_with_their_time_and_evidence() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let bob = bed.subject("bob@example.com").await;
    let (first, second) = (ago(&bed, 48), ago(&bed, 24));
    let lines = || {
        vec![
            grants(&ada, first),
            grants(&bob, first),
            withdraws(&ada, second),
        ]
    };
    let recorded = [
        Imported::Recorded(1),
        Imported::Recorded(1),
        Imported::Recorded(2),
    ];
    assert_eq!(import(&bed.vault, &bed, lines()).await, recorded);
    assert!(agrees(&bed, &bob).await && !agrees(&bed, &ada).await);
    assert_eq!(told(&bed).await, 3);

    let job = bed.caller("job").await;
    let history = bed.vault.consent_history(&job, &ada, None).await.unwrap();
    let newest = &history.events[0];
    assert_eq!(
        (newest.at, newest.channel),
        (second, ConsentChannel::Import)
    );
    assert_eq!(
        history.events[1].evidence.as_ref().unwrap().as_str(),
        EVIDENCE
    );
    let then = bed.vault.consent(&job, &ada, Some(first)).await.unwrap();
    assert!(
        then.purposes
            .iter()
            .any(|one| one.purpose == "marketing" && one.agreed)
    );
    assert!(!bed.log_text().await.contains("4711"));

    // Once more, and in two halves: nothing is added.
    assert_eq!(
        import(&bed.vault, &bed, lines()).await,
        vec![Imported::Known; 3]
    );
    let mut halves = lines();
    let rest = halves.split_off(1);
    assert_eq!(
        import(&bed.vault, &bed, rest).await,
        vec![Imported::Known; 2]
    );
    assert_eq!(import(&bed.vault, &bed, halves).await, [Imported::Known]);
    assert_eq!(
        (answers(&bed, &ada).await, answers(&bed, &bob).await),
        (2, 1)
    );
    assert_eq!(bed.count(EntryKind::ConsentImported).await, 4);
    assert_eq!(bed.count(EntryKind::ConsentGranted).await, 0);
}

#[tokio::test]
async fn what_was_said_later_holds() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    no(&bed, &ada).await;
    let old = import(&bed.vault, &bed, vec![grants(&ada, ago(&bed, 24))]).await;
    assert_eq!(old, [Imported::Older]);
    assert!(!agrees(&bed, &ada).await && answers(&bed, &ada).await == 1);

    // Also among the lines themselves: a file that is not in order cannot bring a yes back.
    let bob = bed.subject("bob@example.com").await;
    let lines = vec![withdraws(&bob, ago(&bed, 24)), grants(&bob, ago(&bed, 48))];
    let outcomes = import(&bed.vault, &bed, lines).await;
    assert_eq!(outcomes, [Imported::Recorded(1), Imported::Older]);
    assert!(!agrees(&bed, &bob).await);

    // Of one moment the no holds, in either order; what is about something else is taken over.
    let at = ago(&bed, 24);
    for (number, order) in (0..).zip([[true, false], [false, true]]) {
        let eve = bed.subject(&format!("eve{number}@example.com")).await;
        let lines = order.map(|is_yes| match is_yes {
            true => grants(&eve, at),
            false => withdraws(&eve, at),
        });
        import(&bed.vault, &bed, lines.into()).await;
        assert!(!agrees(&bed, &eve).await);
        let other = line(&eve, &[("improvement", "2026-11")], &[], at);
        let taken = import(&bed.vault, &bed, vec![other]).await;
        assert!(matches!(taken[0], Imported::Recorded(_)), "{taken:?}");
        assert!(!agrees(&bed, &eve).await);
    }

    // An answer that was given here after the import counts, and the import does not come back.
    let kim = bed.subject("kim@example.com").await;
    let lines = || vec![withdraws(&kim, ago(&bed, 24))];
    import(&bed.vault, &bed, lines()).await;
    yes(&bed, &kim).await;
    assert_eq!(import(&bed.vault, &bed, lines()).await, [Imported::Known]);
    assert!(agrees(&bed, &kim).await);
}

#[tokio::test]
async fn a_yes_to_an_old_notice_is_kept_and_agrees_to_nothing() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let at = ago(&bed, 24);
    let old = line(&ada, &[("marketing", "2019-05")], &[], at);
    let recorded = import(&bed.vault, &bed, vec![old]).await;
    assert_eq!(recorded, [Imported::Recorded(1)]);
    assert!(!agrees(&bed, &ada).await);
    let job = bed.caller("job").await;
    let view = bed.vault.consent(&job, &ada, None).await.unwrap();
    let marketing = view.purposes.iter().find(|one| one.purpose == "marketing");
    let marketing = marketing.unwrap();
    assert_eq!(marketing.notice.as_deref(), Some("2019-05"));
    assert_eq!((marketing.answer, marketing.agreed), (Some(true), false));
}

#[tokio::test]
async fn each_line_is_judged_by_itself() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let nobody = SubjectName::Oid("00000000-0000-4000-8000-000000000000".parse().unwrap());
    let at = ago(&bed, 24);
    let mut unproven = grants(&ada, at);
    unproven.change.evidence = None;
    let mut only_no = withdraws(&ada, at);
    only_no.change.evidence = None;
    let future = bed.clock.now() + SignedDuration::from_hours(1);
    let lines = vec![
        grants(&nobody, at),
        line(&ada, &[("curiosity", "1")], &[], at),
        line(&ada, &[("service", "1")], &[], at),
        line(&ada, &[("marketing", " ")], &[], at),
        line(&ada, &[("marketing", &"1".repeat(65))], &[], at),
        line(&ada, &[("marketing", "1")], &["marketing"], at),
        line(&ada, &[], &[], at),
        grants(&ada, future),
        unproven,
        only_no,
    ];
    let outcomes = import(&bed.vault, &bed, lines).await;
    let codes: Vec<&str> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Imported::Invalid(reason) => reason.code,
            Imported::Recorded(1) => "recorded",
            Imported::Unknown => "unknown",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        codes,
        [
            "unknown",
            "unknown_purpose",
            "purpose_without_consent",
            "notice_invalid",
            "notice_invalid",
            "consent_twice",
            "consent_empty",
            "consent_in_future",
            "evidence_missing",
            "recorded",
        ]
    );
    let job = bed.caller("job").await;
    let many = (0..=IMPORT_LINES_MAX).map(|_| grants(&ada, at)).collect();
    let refused = bed.vault.import_consent(&job, many).await.unwrap_err();
    assert_eq!(refused.code(), "too_many");
    assert_eq!(
        bed.vault.import_consent(&job, Vec::new()).await.unwrap(),
        []
    );
    for name in ["on_call", "auditor", "operator", "analyst"] {
        let person = bed.caller(name).await;
        let lines = vec![grants(&ada, ago(&bed, 1))];
        let refused = bed.vault.import_consent(&person, lines).await;
        assert_eq!(refused.unwrap_err().code(), "policy_denied");
    }
    assert_eq!(bed.count(EntryKind::ConsentDenied).await, 4);
    assert_eq!(answers(&bed, &ada).await, 1);
}

/// Whatever breaks in between: running the import again ends with every answer there once, and everybody told of the last.
#[tokio::test]
async fn an_import_that_broke_off_is_run_again() {
    for nth in 1..=10 {
        for moment in [Moment::Before, Moment::After] {
            let faults = Faults::new();
            let bed = bed_with_failing_keys(&faults).await;
            let ada = bed.subject("ada@example.com").await;
            let (first, second) = (ago(&bed, 48), ago(&bed, 24));
            let lines = || vec![withdraws(&ada, first), grants(&ada, second)];
            let job = bed.caller("job").await;
            // The call that fails may be one of the server's own, which follows the sequence meanwhile.
            faults.fail_nth(nth, moment, StoreError::Unavailable("gone".into()));
            let _ = bed.vault.import_consent(&job, lines()).await;
            faults.clear();
            let again = bed.vault.import_consent(&job, lines()).await.unwrap();
            assert!(
                again
                    .iter()
                    .all(|one| matches!(one, Imported::Known | Imported::Recorded(_))),
                "{again:?}"
            );
            assert_eq!(answers(&bed, &ada).await, 2, "{nth}");
            assert!(agrees(&bed, &ada).await);
            let told_before = told(&bed).await;
            assert!(told_before >= 1, "nobody was told");
        }
    }
}
