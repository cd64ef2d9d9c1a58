//! What auditors read and write: lists, searches, long sessions a page at a time, comments, summaries.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use privet_vault::audit::EntryKind;
use privet_vault::port::{SessionFilter, SessionOrder, Verdict};
use privet_vault::{
    Caller, Connection, DecryptRequest, SEARCH_MAX, SessionId, SessionQuery, Statement, StepQuery,
    SubjectName,
};

use crate::bed::{Bed, bed, bed_with};

async fn console(bed: &Bed, reason: &str) -> (Connection, SessionId) {
    let engineer = bed.caller("on_call").await;
    let mut console = bed.vault.connect(engineer, "shop").await.unwrap();
    let link = "https://tickets.example.com/4711";
    let id = console.justify(reason, Some(link)).await.unwrap();
    (console, id)
}

async fn session(bed: &Bed, reason: &str) -> SessionId {
    let (console, id) = console(bed, reason).await;
    console.close().await.unwrap();
    bed.clock.advance(Duration::from_secs(60));
    id
}

async fn decrypting(bed: &Bed, reason: &str, subject: &SubjectName) -> SessionId {
    // After time was moved on, the shared sequence has to be read before anything opens.
    while !bed.vault.health().reasons.is_empty() {
        tokio::task::yield_now().await;
    }
    let (mut console, id) = console(bed, reason).await;
    let request = DecryptRequest {
        consent: "https://tickets.example.com/4711#yes".to_owned(),
        subject: subject.to_string(),
        ..DecryptRequest::default()
    };
    console.decrypt(&request).await.unwrap();
    console
        .record(statement("SELECT email FROM customer"))
        .await
        .unwrap();
    console.close().await.unwrap();
    bed.clock.advance(Duration::from_secs(60));
    id
}

fn statement(sql: &str) -> Statement<'_> {
    Statement {
        sql,
        parameters: &[],
    }
}

fn search(text: &str) -> SessionQuery {
    SessionQuery {
        text: Some(text.to_owned()),
        ..SessionQuery::default()
    }
}

async fn found(bed: &Bed, caller: &Caller, query: &SessionQuery) -> Vec<SessionId> {
    let list = bed.vault.sessions(caller, query).await.unwrap();
    list.sessions.iter().map(|listed| listed.row.id).collect()
}

#[tokio::test]
async fn reasons_are_found_without_a_copy_of_them() {
    let bed = bed().await;
    let lost = session(&bed, "The customer's ORDER is lost").await;
    let _other = session(&bed, "login fails since monday").await;
    let auditor = bed.caller("auditor").await;
    for text in ["order", "  Customer's  ", "ORDER IS"] {
        assert_eq!(found(&bed, &auditor, &search(text)).await, [lost], "{text}");
    }
    assert!(found(&bed, &auditor, &search("invoice")).await.is_empty());
    assert_eq!(
        found(&bed, &auditor, &search("tickets.example"))
            .await
            .len(),
        2
    );
    let long = bed
        .vault
        .sessions(&auditor, &search(&"x".repeat(201)))
        .await;
    assert_eq!(long.unwrap_err().code(), "text");
    // Neither the reasons nor what was sought stand in the log.
    let log = bed.log_text().await.to_lowercase();
    for personal in ["order", "invoice", "monday"] {
        assert!(!log.contains(personal), "{personal}");
    }
}

#[tokio::test]
async fn a_list_tells_reasons_only_when_asked() {
    let bed = bed().await;
    session(&bed, "login fails since monday").await;
    let auditor = bed.caller("auditor").await;
    let mut query = SessionQuery::default();
    let bare = bed.vault.sessions(&auditor, &query).await.unwrap();
    assert_eq!(bare.sessions[0].reason, None);
    query.reasons = true;
    let told = bed.vault.sessions(&auditor, &query).await.unwrap();
    let reason = told.sessions[0].reason.as_deref();
    assert_eq!(reason, Some("login fails since monday"));
}

#[tokio::test]
async fn a_search_ends_and_can_be_continued() {
    let bed = bed().await;
    let needle = session(&bed, "a needle is in here").await;
    let hay = bed.stores.data.session(needle).await.unwrap().unwrap();
    for n in 0..SEARCH_MAX {
        let mut bytes = [0xff; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let mut row = hay.clone();
        row.id = SessionId::from_bytes(bytes);
        row.started_at = hay.started_at + SignedDuration::from_secs(1);
        bed.stores.data.put_session(row).await.unwrap();
    }
    let auditor = bed.caller("auditor").await;
    let mut query = search("needle");
    let first = bed.vault.sessions(&auditor, &query).await.unwrap();
    assert_eq!((first.sessions.len(), first.looked_at), (0, SEARCH_MAX));
    query.filter.after = first.next;
    assert!(query.filter.after.is_some());
    assert_eq!(found(&bed, &auditor, &query).await, [needle]);
}

#[tokio::test]
async fn a_bundle_closes_one_source_to_auditors() {
    let forbidden = "@id(\"no-shop\") forbid (principal, action in [Action::\"read_sessions\", \
                     Action::\"review_session\"], resource in Source::\"shop\");";
    let bed = bed_with(forbidden).await;
    let id = session(&bed, "login fails since monday").await;
    let auditor = bed.caller("auditor").await;
    assert!(
        found(&bed, &auditor, &SessionQuery::default())
            .await
            .is_empty()
    );
    let view = bed.vault.session_view(&auditor, id).await.unwrap_err();
    let steps = bed
        .vault
        .session_steps(&auditor, id, StepQuery::default())
        .await;
    let verdict = bed.vault.review(&auditor, id, Verdict::Approved, "").await;
    let comment = bed.vault.comment(&auditor, id, "so it is").await;
    for error in [
        view,
        steps.map(drop).unwrap_err(),
        verdict.unwrap_err(),
        comment.unwrap_err(),
    ] {
        assert_eq!(error.code(), "policy_denied");
    }
    let (from, before) = (Timestamp::UNIX_EPOCH, bed.vault.time());
    let from = from.max(before - SignedDuration::from_hours(24));
    let summary = bed.vault.summary(&auditor, from, before).await.unwrap();
    assert_eq!(summary.total.sessions, 0);
}

#[tokio::test]
async fn a_long_session_is_read_a_page_at_a_time() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, id) = console(&bed, "an import went wrong").await;
    for n in 0..1_234 {
        console
            .record(statement(&format!("SELECT {n}")))
            .await
            .unwrap();
    }
    let request = DecryptRequest {
        consent: "https://tickets.example.com/4711#yes".to_owned(),
        subject: ada.to_string(),
        ..DecryptRequest::default()
    };
    console.decrypt(&request).await.unwrap();
    let permit = console.record(statement("SELECT opened")).await.unwrap();
    console.shown(permit, 1);
    console.close().await.unwrap();
    let auditor = bed.caller("auditor").await;
    let before = bed.count(EntryKind::SessionRead).await;
    let mut query = StepQuery::default();
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = bed.vault.session_steps(&auditor, id, query).await.unwrap();
        pages += 1;
        assert!(page.steps.len() < 800, "{}", page.steps.len());
        seen.extend(page.steps.into_iter().filter_map(|step| step.sql));
        let Some(next) = page.next else { break };
        query.after = next;
    }
    assert!(pages > 1);
    let expected = (0..1_234).map(|n| format!("SELECT {n}"));
    let expected: Vec<_> = expected.chain(["SELECT opened".to_owned()]).collect();
    assert_eq!(seen, expected);
    // Turning pages is one reading; coming back later is another.
    assert_eq!(bed.count(EntryKind::SessionRead).await, before + 1);
    bed.clock.advance(Duration::from_secs(301));
    bed.vault.session_view(&auditor, id).await.unwrap();
    assert_eq!(bed.count(EntryKind::SessionRead).await, before + 2);

    let sensitive = StepQuery {
        sensitive: true,
        after: 0,
    };
    let page = bed
        .vault
        .session_steps(&auditor, id, sensitive)
        .await
        .unwrap();
    let kinds: Vec<_> = page.steps.iter().map(|step| &*step.kind).collect();
    assert_eq!(
        &kinds[..2],
        ["grant.issued", "statement.opened"],
        "{kinds:?}"
    );
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn comments_stay_beside_verdicts() {
    let bed = bed().await;
    let id = session(&bed, "login fails since monday").await;
    let (auditor, second) = (bed.caller("auditor").await, bed.caller("second").await);
    let vault = &bed.vault;
    vault
        .comment(&auditor, id, " asked in the ticket ")
        .await
        .unwrap();
    vault
        .review(&auditor, id, Verdict::Flagged, "no answer")
        .await
        .unwrap();
    vault.comment(&second, id, "answered now").await.unwrap();
    vault
        .review(&second, id, Verdict::Approved, "")
        .await
        .unwrap();
    let view = vault.session_view(&auditor, id).await.unwrap();
    let notes: Vec<_> = view
        .notes
        .iter()
        .map(|note| (&*note.by, note.verdict, note.text.as_deref()))
        .collect();
    assert_eq!(
        notes,
        [
            ("auditor", None, Some("asked in the ticket")),
            ("auditor", Some(Verdict::Flagged), Some("no answer")),
            ("second", None, Some("answered now")),
            ("second", Some(Verdict::Approved), None),
        ]
    );
    for text in ["", "  ", &"x".repeat(4_001)] {
        let refused = vault.comment(&auditor, id, text).await.unwrap_err();
        assert_eq!(refused.code(), "note");
    }
    let (own, own_id) = {
        let mut console = vault.connect(second.clone(), "shop").await.unwrap();
        let id = console.justify("something of my own", None).await.unwrap();
        (console, id)
    };
    drop(own);
    let refused = vault
        .comment(&second, own_id, "all fine")
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "own_session");
    let engineer = bed.caller("on_call").await;
    let refused = vault.comment(&engineer, id, "it was me").await.unwrap_err();
    assert_eq!(refused.code(), "policy_denied");
    assert!(
        !bed.log_text().await.contains("answer"),
        "comments are sealed"
    );
}

#[tokio::test]
async fn a_summary_counts_a_period_and_the_one_before_it() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let start = bed.vault.time();
    decrypting(&bed, "ticket 1: login fails", &ada).await;
    bed.clock.advance(Duration::from_secs(13 * 86_400));
    let from = bed.vault.time();
    let first = decrypting(&bed, "Ticket 2: login fails!", &ada).await;
    decrypting(&bed, "a refund is missing", &ada).await;
    let quiet = session(&bed, "a disk was full").await;
    let auditor = bed.caller("auditor").await;
    let vault = &bed.vault;
    vault
        .review(&auditor, first, Verdict::Flagged, "why?")
        .await
        .unwrap();
    vault
        .review(&auditor, quiet, Verdict::Approved, "")
        .await
        .unwrap();
    let before = from + SignedDuration::from_hours(14 * 24);
    let summary = vault.summary(&auditor, from, before).await.unwrap();
    let counts = summary.total;
    assert_eq!((counts.sessions, counts.decrypted), (3, 2));
    assert_eq!((counts.pending, counts.approved, counts.flagged), (1, 1, 1));
    assert_eq!(summary.former.sessions, 1);
    assert_eq!(summary.sources.len(), 1);
    assert_eq!(summary.sources[0].steps.len(), 14);
    assert_eq!(summary.sources[0].steps[0], counts);
    assert_eq!(summary.reviewers.len(), 1);
    assert_eq!(
        (summary.reviewers[0].approved, summary.reviewers[0].flagged),
        (1, 1)
    );
    let reasons: Vec<_> = summary
        .reasons
        .iter()
        .map(|reason| (reason.reason.as_deref().unwrap(), reason.now, reason.former))
        .collect();
    assert_eq!(
        reasons,
        [
            ("Ticket 2: login fails!", 1, 1),
            ("a refund is missing", 1, 0)
        ]
    );
    assert_eq!((summary.decrypted.len(), summary.pending.len()), (2, 1));
    let backwards = vault.summary(&auditor, before, start).await.unwrap_err();
    assert_eq!(backwards.code(), "period");
    let engineer = bed.caller("on_call").await;
    let denied = vault.summary(&engineer, from, before).await.unwrap_err();
    assert_eq!(denied.code(), "policy_denied");
}

#[tokio::test]
async fn what_waits_longest_comes_first_and_ones_own_not_at_all() {
    let bed = bed().await;
    let old = session(&bed, "login fails since monday").await;
    let new = session(&bed, "login fails since tuesday").await;
    let second = bed.caller("second").await;
    let mut own = bed.vault.connect(second.clone(), "shop").await.unwrap();
    own.justify("something of my own", None).await.unwrap();
    let queue = SessionQuery {
        filter: SessionFilter {
            verdict: Some(Verdict::Pending),
            order: SessionOrder::OldestFirst,
            not_by: Some(second.principal().name.clone()),
            ..SessionFilter::default()
        },
        ..SessionQuery::default()
    };
    assert_eq!(found(&bed, &second, &queue).await, [old, new]);
}
