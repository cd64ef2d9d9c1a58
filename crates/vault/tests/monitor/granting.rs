//! Grants for lists of people, with a second pair of eyes, in an emergency, reused and revoked.

use std::sync::Arc;
use std::time::Duration;

use privet_store::MemoryStores;
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::port::{RequestDecision, SessionFilter, SessionOrder, Verdict};
use privet_vault::{
    Caller, Connection, DecryptRequest, Error, GrantId, GrantQuery, GrantRequestId, Mode,
    RequestState, SessionId, SessionQuery, StepQuery, SubjectName, Vault,
};

use crate::bed::{Bed, HandClock, bed, bed_with, parts, root};
use crate::sessions::{LINK, REASON, decrypt, sealed, statement};

/// Whatever is decrypted, somebody else has to approve it.
pub(crate) const TWO: &str =
    r#"@id("two") forbid (principal, action == Action::"decrypt", resource);"#;
/// The same for what customers wrote, and on-call sees everything else alone.
const TWO_FOR_CONTENT: &str = r#"@id("two-for-content")
    forbid (principal, action == Action::"decrypt", resource in Class::"CC");"#;
pub(crate) const GLASS: &str = r#"@id("glass") permit (principal is Person in Group::"on-call",
    action == Action::"break_glass", resource);"#;
const WHY: &str = "somebody empties accounts right now";

async fn desk(bed: &Bed, name: &str) -> (Connection, SessionId) {
    let caller = bed.caller(name).await;
    let mut console = bed.vault.connect(caller, "shop").await.unwrap();
    let id = console.justify(REASON, Some(LINK)).await.unwrap();
    (console, id)
}

/// Whether a cell opens by a new statement of this connection.
async fn opens(console: &mut Connection, cell: &str) -> bool {
    let permit = console.record(statement("SELECT email FROM customer"));
    let permit = permit.await.unwrap();
    let opened = console.opener().open_text(cell.as_bytes(), &mut Vec::new());
    console.shown(permit, 1);
    opened
}

fn list(subjects: &[&SubjectName]) -> DecryptRequest {
    let names: Vec<_> = subjects.iter().map(ToString::to_string).collect();
    DecryptRequest {
        subject: names.join(", "),
        ..decrypt(subjects[0], Some(&["email"]))
    }
}

/// The request's id, which the client is told.
pub(crate) fn request_id(error: &Error) -> GrantRequestId {
    assert_eq!(error.code(), "approval_needed");
    let text = error.to_string();
    assert!(text.starts_with("nothing is decrypted"), "{text}");
    let (_, rest) = text.split_once("as request ").unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}

pub(crate) fn as_grant(id: GrantRequestId) -> GrantId {
    GrantId::from_bytes(*id.as_bytes())
}

pub(crate) async fn entries(bed: &Bed, kind: EntryKind) -> Vec<Entry> {
    let all = bed.vault.audit().entries(0, 4_000).await.unwrap();
    let all = all.iter().map(|bytes| Entry::parse(bytes).unwrap());
    all.filter(|entry| entry.kind() == Some(kind)).collect()
}

#[tokio::test]
async fn a_grant_for_several_people_opens_theirs_and_nobody_elses() {
    let bed = bed().await;
    let mut people = Vec::new();
    for name in ["ada", "joan", "mary"] {
        let email = format!("{name}@example.com");
        let subject = bed.subject(&email).await;
        let cell = sealed(&bed, &subject, "email", &email).await;
        people.push((subject, cell));
    }
    let (mut console, id) = desk(&bed, "on_call").await;
    let wanted = list(&[&people[0].0, &people[1].0, &people[0].0]);
    let granted = console.decrypt(&wanted).await.unwrap();
    let row = bed.stores.keys.grant(granted.grant).await.unwrap().unwrap();
    assert_eq!(row.subjects.len(), 2, "each once");
    for ((_, cell), expected) in people.iter().zip([true, true, false]) {
        assert_eq!(opens(&mut console, cell).await, expected);
    }
    let auditor = bed.caller("auditor").await;
    let view = bed.vault.session_view(&auditor, id).await.unwrap();
    assert_eq!(view.grants[0].subject, Some(granted.subject));
    let steps = bed.vault.session_steps(&auditor, id, StepQuery::default());
    let steps = steps.await.unwrap().steps;
    assert!(
        steps
            .iter()
            .filter(|step| step.decrypted)
            .all(|step| step.sql.is_some())
    );

    // With one of them everything that was shown under the grant is gone, and the grant with it.
    let operator = bed.caller("operator").await;
    bed.vault
        .close_subject(&operator, &people[1].0)
        .await
        .unwrap();
    assert!(!opens(&mut console, &people[0].1).await);
    let steps = bed.vault.session_steps(&auditor, id, StepQuery::default());
    let steps = steps.await.unwrap().steps;
    assert!(
        steps
            .iter()
            .filter(|step| step.decrypted)
            .all(|step| step.destroyed)
    );
}

#[tokio::test]
async fn a_list_with_somebody_unknown_opens_nobody() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let request = DecryptRequest {
        subject: format!("{ada}, customer:404"),
        ..decrypt(&ada, None)
    };
    let error = console.decrypt(&request).await.unwrap_err();
    assert!(matches!(error, Error::NotFound("subject")));
    assert_eq!(console.mode(), Mode::Protected);
    assert_eq!(bed.count(EntryKind::GrantDenied).await, 1);
    let many = DecryptRequest {
        subject: vec!["customer:1"; 10_000].join(","),
        ..decrypt(&ada, None)
    };
    let error = console.decrypt(&many).await.unwrap_err();
    assert_eq!(error.code(), "subjects_too_many");
}

#[tokio::test]
async fn a_live_grant_that_covers_it_is_used_again() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let joan = bed.subject("joan@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let first = console.decrypt(&decrypt(&ada, None)).await.unwrap();
    assert!(!first.reused);
    bed.clock.advance(Duration::from_millis(500));
    for fields in [None, Some(&["email"][..]), Some(&["phone", "email"])] {
        let again = console.decrypt(&decrypt(&ada, fields)).await.unwrap();
        assert_eq!((again.grant, again.until), (first.grant, first.until));
        assert!(
            again.reused && again.note.contains("14 min 59 s left"),
            "{}",
            again.note
        );
    }
    assert_eq!(bed.count(EntryKind::GrantIssued).await, 1);
    assert_eq!(bed.count(EntryKind::GrantEnded).await, 0);
    assert_eq!(
        entries(&bed, EntryKind::SessionJoined).await.len(),
        3,
        "each is on record"
    );

    // Other evidence, other people or a grant that was revoked make another one.
    let mut other = decrypt(&ada, None);
    other.consent.push('2');
    let second = console.decrypt(&other).await.unwrap();
    assert_ne!(second.grant, first.grant);
    let third = console.decrypt(&list(&[&ada, &joan])).await.unwrap();
    assert!(!third.reused);
    bed.vault
        .revoke_grant(console.caller(), third.grant, "")
        .await
        .unwrap();
    assert_eq!(console.mode(), Mode::Protected);
    let fourth = console.decrypt(&list(&[&ada, &joan])).await.unwrap();
    assert!(!fourth.reused && fourth.grant != third.grant);
}

#[tokio::test]
async fn what_needs_a_second_person_waits_for_one() {
    let bed = bed_with(TWO).await;
    let ada = bed.subject("ada@example.com").await;
    let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let wanted = decrypt(&ada, Some(&["email"]));
    let id = request_id(&console.decrypt(&wanted).await.unwrap_err());
    assert_eq!(console.mode(), Mode::Protected);
    assert!(!opens(&mut console, &cell).await);
    // Asking again asks nobody twice.
    assert_eq!(request_id(&console.decrypt(&wanted).await.unwrap_err()), id);
    assert_eq!(
        request_id(&console.join_grant(as_grant(id)).await.unwrap_err()),
        id
    );
    assert_eq!(bed.count(EntryKind::GrantRequested).await, 1);

    let second = bed.caller("second").await;
    let seen = bed.vault.grant_requests(&second).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].subject, Some(ada.to_string()));
    assert_eq!(seen[0].evidence.as_deref(), Some(wanted.consent.as_str()));
    assert_eq!(seen[0].reason.as_deref(), Some(REASON));
    assert_eq!(seen[0].fields, ["email"]);
    bed.vault
        .approve_request(&second, id, "fine")
        .await
        .unwrap();
    assert!(
        !opens(&mut console, &cell).await,
        "approved is not taken up yet"
    );

    let granted = console.decrypt(&wanted).await.unwrap();
    assert!(
        granted.note.contains("`second` approved it"),
        "{}",
        granted.note
    );
    assert!(opens(&mut console, &cell).await);
    let issued = entries(&bed, EntryKind::GrantIssued).await;
    assert_eq!(issued[0].facts["approved_by"], "second");
    assert_eq!(issued[0].facts["request"], id.to_string());
    let row = bed.stores.keys.grant(granted.grant).await.unwrap().unwrap();
    assert_eq!(row.request, Some(id));

    // An approval is for one grant.
    console.encrypt().await.unwrap();
    let again = console.join_grant(as_grant(id)).await.unwrap_err();
    assert_eq!(again.code(), "request_over");
    assert_ne!(request_id(&console.decrypt(&wanted).await.unwrap_err()), id);
}

#[tokio::test]
async fn an_approved_request_is_taken_up_by_its_id() {
    let bed = bed_with(TWO).await;
    let ada = bed.subject("ada@example.com").await;
    let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let wanted = DecryptRequest {
        minutes: Some(7),
        ..decrypt(&ada, None)
    };
    let id = request_id(&console.decrypt(&wanted).await.unwrap_err());
    let second = bed.caller("second").await;
    bed.vault.approve_request(&second, id, "").await.unwrap();
    let granted = console.join_grant(as_grant(id)).await.unwrap();
    assert!(!granted.reused);
    assert_eq!(
        granted.until,
        bed.vault.time() + jiff::SignedDuration::from_mins(7)
    );
    assert!(opens(&mut console, &cell).await);
}

#[tokio::test]
async fn nobody_approves_their_own_with_whatever_token() {
    let bed = bed_with(TWO).await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let wanted = decrypt(&ada, None);
    let id = request_id(&console.decrypt(&wanted).await.unwrap_err());
    let check = async |name: &str, code: &str| {
        let caller = bed.caller(name).await;
        let error = bed
            .vault
            .approve_request(&caller, id, "")
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{name}");
    };
    check("on_call", "own_request").await;
    for name in ["auditor", "operator", "job"] {
        check(name, "policy_denied").await;
        let caller = bed.caller(name).await;
        let error = bed.vault.reject_request(&caller, id, "").await.unwrap_err();
        assert_eq!(error.code(), "policy_denied", "{name}");
        let error = bed.vault.grant_requests(&caller).await.unwrap_err();
        assert_eq!(error.code(), "policy_denied", "{name}");
        let rights = bed.vault.rights(&caller).unwrap();
        assert!(!rights.decides_requests, "{name}");
        assert_eq!(rights.reads_sessions, name == "auditor");
        assert_eq!(rights.reads_log, name == "auditor");
    }
    assert_eq!(request_id(&console.decrypt(&wanted).await.unwrap_err()), id);
    let denied = entries(&bed, EntryKind::GrantDenied).await;
    assert_eq!(denied.len(), 1 + 3 * 3, "each attempt is on record");
}

/// One request is for those who may decide on it, and for who made it; whoever may not is not told whether it is there.
#[tokio::test]
async fn one_request_is_read_by_whom_it_concerns() {
    let bed = bed_with(TWO).await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let wanted = decrypt(&ada, Some(&["email"]));
    let id = request_id(&console.decrypt(&wanted).await.unwrap_err());
    for name in ["on_call", "second"] {
        let caller = bed.caller(name).await;
        let view = bed.vault.grant_request(&caller, id).await.unwrap();
        assert_eq!(view.reason.as_deref(), Some(REASON));
        assert_eq!(view.evidence.as_deref(), Some(wanted.consent.as_str()));
        assert_eq!((view.note, view.session_ended), (None, false));
    }
    let read = entries(&bed, EntryKind::GrantRead).await;
    assert_eq!(read.len(), 2);
    assert_eq!(read[1].facts["request"], id.to_string());
    assert!(read[1].decision.as_ref().unwrap().allow);
    let unknown = GrantRequestId::from_bytes([7; 16]);
    for name in ["auditor", "operator", "job"] {
        let caller = bed.caller(name).await;
        for id in [id, unknown] {
            let error = bed.vault.grant_request(&caller, id).await.unwrap_err();
            assert_eq!(error.code(), "policy_denied", "{name}");
        }
    }
    let second = bed.caller("second").await;
    let error = bed.vault.grant_request(&second, unknown).await.unwrap_err();
    assert!(matches!(error, Error::NotFound("request")));

    // The last word counts, and what was written with it.
    for (yes, note) in [
        (true, "the ticket fits"),
        (false, "it was the wrong ticket"),
    ] {
        match yes {
            true => bed.vault.approve_request(&second, id, note).await.unwrap(),
            false => bed.vault.reject_request(&second, id, note).await.unwrap(),
        }
        let view = bed.vault.grant_request(&second, id).await.unwrap();
        assert_eq!(view.note.as_deref(), Some(note));
        assert_eq!(view.row.decision.unwrap().approved, yes);
    }
}

/// Whoever may write the key store's rows cannot approve: the approval has to be in the log.
#[tokio::test]
async fn an_approval_that_is_in_a_row_alone_is_none() {
    let bed = bed_with(TWO).await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let wanted = decrypt(&ada, None);
    let id = request_id(&console.decrypt(&wanted).await.unwrap_err());
    let forged = RequestDecision {
        approved: true,
        by: "second".parse().unwrap(),
        at: bed.vault.time(),
    };
    assert_eq!(bed.stores.keys.decide_request(id, forged).await, Ok(true));
    let error = console.join_grant(as_grant(id)).await.unwrap_err();
    assert_eq!(error.code(), "request_over");
    assert_ne!(request_id(&console.decrypt(&wanted).await.unwrap_err()), id);
    assert_eq!(bed.count(EntryKind::GrantIssued).await, 0);
}

#[tokio::test]
async fn a_request_ends_by_its_time_by_a_no_or_with_its_session() {
    let bed = bed_with(TWO).await;
    let ada = bed.subject("ada@example.com").await;
    let second = bed.caller("second").await;
    let approve = async |id| bed.vault.approve_request(&second, id, "").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let mut wanted = decrypt(&ada, None);
    let ask = async |console: &mut Connection, wanted: &DecryptRequest| {
        request_id(&console.decrypt(wanted).await.unwrap_err())
    };

    let rejected = ask(&mut console, &wanted).await;
    bed.vault
        .reject_request(&second, rejected, "no ticket")
        .await
        .unwrap();
    assert_eq!(approve(rejected).await.unwrap_err().code(), "request_over");
    let error = console.join_grant(as_grant(rejected)).await.unwrap_err();
    assert_eq!(error.code(), "request_over");

    let taken_back = ask(&mut console, &wanted).await;
    approve(taken_back).await.unwrap();
    bed.vault
        .reject_request(&second, taken_back, "")
        .await
        .unwrap();
    let error = console.join_grant(as_grant(taken_back)).await.unwrap_err();
    assert_eq!(error.code(), "request_over");

    let withdrawn = ask(&mut console, &wanted).await;
    bed.vault
        .reject_request(console.caller(), withdrawn, "")
        .await
        .unwrap();
    assert_eq!(approve(withdrawn).await.unwrap_err().code(), "request_over");

    // Of somebody else's session an approval is of no use.
    let approved = ask(&mut console, &wanted).await;
    approve(approved).await.unwrap();
    wanted.consent.push('2');
    let orphan = ask(&mut console, &wanted).await;
    let (mut other, _) = desk(&bed, "second").await;
    let error = other.join_grant(as_grant(approved)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound("grant")));
    console
        .justify("the invoice of yesterday is missing", None)
        .await
        .unwrap();
    assert_eq!(approve(orphan).await.unwrap_err().code(), "request_over");
    let error = console.join_grant(as_grant(approved)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound("grant")));
    let words: Vec<_> = entries(&bed, EntryKind::GrantRejected).await;
    let words: Vec<_> = words
        .iter()
        .map(|entry| entry.facts["why"].clone())
        .collect();
    assert_eq!(
        words,
        [
            "a second person said no",
            "its approval was taken back",
            "it was withdrawn"
        ]
    );
}

#[tokio::test]
async fn an_approval_comes_too_late_after_an_hour() {
    for approved in [false, true] {
        let bed = bed_with(TWO).await;
        let ada = bed.subject("ada@example.com").await;
        let (mut console, _) = desk(&bed, "on_call").await;
        let id = request_id(&console.decrypt(&decrypt(&ada, None)).await.unwrap_err());
        let second = bed.caller("second").await;
        if approved {
            bed.vault.approve_request(&second, id, "").await.unwrap();
        }
        for n in 0..3 {
            // The session stays active; the request does not.
            bed.clock.advance(Duration::from_secs(20 * 60));
            console.record(statement("SELECT 1")).await.unwrap();
            eventually(&bed, EntryKind::SessionStatements, n + 1).await;
        }
        if !approved {
            let late = bed
                .vault
                .approve_request(&second, id, "")
                .await
                .unwrap_err();
            assert_eq!(late.code(), "request_over");
        }
        assert!(bed.vault.grant_requests(&second).await.unwrap().is_empty());
        let error = console.join_grant(as_grant(id)).await.unwrap_err();
        assert_eq!(error.code(), "request_over");
    }
}

#[tokio::test]
async fn what_needs_nobody_opens_at_once_and_the_rest_is_named() {
    let bed = bed_with(TWO_FOR_CONTENT).await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, _) = desk(&bed, "on_call").await;
    let granted = console.decrypt(&decrypt(&ada, None)).await.unwrap();
    assert_eq!(granted.fields, ["email", "phone"]);
    assert!(
        granted.note.contains("Not note: a second person"),
        "{}",
        granted.note
    );
    let both = decrypt(&ada, Some(&["email", "note"]));
    let id = request_id(&console.decrypt(&both).await.unwrap_err());
    assert!(
        matches!(console.mode(), Mode::Decrypted { .. }),
        "the former grant goes on"
    );
    let second = bed.caller("second").await;
    let seen = bed.vault.grant_requests(&second).await.unwrap();
    assert_eq!(seen[0].fields, ["email", "note"]);
    assert_eq!(seen[0].state(bed.vault.time()), RequestState::Waiting);
    bed.vault.approve_request(&second, id, "").await.unwrap();
    let granted = console.decrypt(&both).await.unwrap();
    assert_eq!(granted.fields, ["email", "note"]);
}

#[tokio::test]
async fn an_emergency_takes_a_policy() {
    let bed = bed_with(TWO).await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, id) = desk(&bed, "on_call").await;
    let emergency = emergency(&ada);
    let error = console.decrypt(&emergency).await.unwrap_err();
    assert_eq!(error.code(), "emergency_denied");
    assert_eq!(console.mode(), Mode::Protected);
    assert_eq!(bed.count(EntryKind::GrantDenied).await, 1);
    let row = bed.stores.data.session(id).await.unwrap().unwrap();
    assert_eq!(row.emergency_at, None);
}

fn emergency(subject: &SubjectName) -> DecryptRequest {
    DecryptRequest {
        consent: String::new(),
        emergency: Some(WHY.to_owned()),
        ..decrypt(subject, None)
    }
}

#[tokio::test]
async fn an_emergency_is_short_and_marked() {
    let bed = bed_with(&format!("{TWO}{GLASS}")).await;
    let ada = bed.subject("ada@example.com").await;
    let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
    let (mut console, id) = desk(&bed, "on_call").await;
    let granted = console.decrypt(&emergency(&ada)).await.unwrap();
    assert!(
        granted.emergency && granted.note.starts_with("EMERGENCY"),
        "{}",
        granted.note
    );
    assert_eq!(
        granted.until,
        bed.vault.time() + jiff::SignedDuration::from_mins(5)
    );
    assert!(matches!(
        console.mode(),
        Mode::Decrypted {
            emergency: true,
            ..
        }
    ));
    assert!(opens(&mut console, &cell).await);
    let issued = entries(&bed, EntryKind::GrantIssued).await;
    assert_eq!(issued[0].facts["emergency"], true);
    assert!(!bed.log_text().await.contains("empties"));

    let auditor = bed.caller("auditor").await;
    let marked = SessionQuery {
        filter: SessionFilter {
            emergency: Some(true),
            ..SessionFilter::default()
        },
        ..SessionQuery::default()
    };
    let listed = bed.vault.sessions(&auditor, &marked).await.unwrap();
    assert_eq!(listed.sessions[0].row.id, id);
    assert!(!listed.sessions[0].overdue);
    let view = bed.vault.session_view(&auditor, id).await.unwrap();
    assert_eq!(view.grants[0].emergency.as_deref(), Some(WHY));
    let now = bed.vault.time();
    let day = jiff::SignedDuration::from_hours(24);
    let summary = bed.vault.summary(&auditor, now - day, now + day);
    assert_eq!(summary.await.unwrap().emergencies.len(), 1);
    bed.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(console.mode(), Mode::Protected);
}

#[tokio::test]
async fn emergencies_come_first_in_the_queue() {
    let bed = bed_with(GLASS).await;
    let ada = bed.subject("ada@example.com").await;
    let mut sessions = Vec::new();
    for n in 0..6 {
        let caller = bed.caller("on_call").await;
        let mut console = bed.vault.connect(caller, "shop").await.unwrap();
        let reason = format!("the customer of ticket {n} cannot log in");
        sessions.push(console.justify(&reason, None).await.unwrap());
        if n >= 4 {
            console.decrypt(&emergency(&ada)).await.unwrap();
        }
        console.close().await.unwrap();
        bed.clock.advance(Duration::from_millis(100));
    }
    let auditor = bed.caller("auditor").await;
    let mut query = SessionQuery {
        filter: SessionFilter {
            verdict: Some(Verdict::Pending),
            order: SessionOrder::OldestFirst,
            count_max: 3,
            ..SessionFilter::default()
        },
        urgent_first: true,
        ..SessionQuery::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = bed.vault.sessions(&auditor, &query).await.unwrap();
        seen.extend(page.sessions.iter().map(|listed| listed.row.id));
        query.filter.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    let expected = [4, 5, 0, 1, 2, 3].map(|n| sessions[n]);
    assert_eq!(seen, expected);
}

/// Starts another server where the first one stopped.
async fn restarted(stores: &MemoryStores, clock: &Arc<HandClock>) -> Vault {
    Vault::start(parts(stores, clock, "test", root()))
        .await
        .unwrap()
}

/// Waits for what the server does by itself.
pub(crate) async fn eventually(bed: &Bed, kind: EntryKind, count: usize) {
    let mut follower = bed.vault.audit().follow();
    let waiting = async {
        loop {
            let size = bed.vault.audit().size();
            if bed.count(kind).await >= count {
                return;
            }
            follower.longer_than(size).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(120), waiting).await;
    waited.unwrap_or_else(|_| panic!("no `{kind}`"));
}

#[tokio::test]
async fn an_emergency_that_nobody_reviewed_for_a_day_is_a_finding_once() {
    for reviewed in [false, true] {
        let mut bed = bed_with(GLASS).await;
        let ada = bed.subject("ada@example.com").await;
        let (mut console, id) = desk(&bed, "on_call").await;
        console.decrypt(&emergency(&ada)).await.unwrap();
        console.close().await.unwrap();
        if reviewed {
            let auditor = bed.caller("auditor").await;
            let review = bed
                .vault
                .review(&auditor, id, Verdict::Flagged, "why so late?");
            review.await.unwrap();
        }
        bed.clock.advance(Duration::from_secs(24 * 3600 + 1));
        for _ in 0..2 {
            bed.vault.stop().await;
            bed.vault = restarted(&bed.stores, &bed.clock).await;
            if !reviewed {
                eventually(&bed, EntryKind::Finding, 1).await;
            }
        }
        let found = entries(&bed, EntryKind::Finding).await;
        let names: Vec<_> = found.iter().map(|entry| &entry.facts["finding"]).collect();
        if reviewed {
            assert!(names.is_empty());
            continue;
        }
        assert_eq!(names, ["emergency_unreviewed"]);
        assert_eq!(found[0].session, Some(id));
        let auditor = bed.caller("auditor").await;
        let listed = bed
            .vault
            .sessions(&auditor, &SessionQuery::default())
            .await
            .unwrap();
        assert!(listed.sessions[0].overdue);
        let noticed = bed.vault.findings(&auditor).await.unwrap();
        assert_eq!(noticed.overdue[0].row.id, id);
        assert_eq!((noticed.overdue.len(), noticed.count()), (1, 1));
        let review = bed.vault.review(&auditor, id, Verdict::Approved, "");
        review.await.unwrap();
        let noticed = bed.vault.findings(&auditor).await.unwrap();
        assert_eq!(noticed.count(), 0, "somebody has looked");
    }
}

/// The text of a session dies with its key: 30 days after an approval, 180 days after its start without one, and that is
/// a finding.
#[tokio::test]
async fn what_was_typed_is_destroyed_after_its_term() {
    const DAY: u64 = 24 * 3600;
    for (verdict, days, findings) in [
        (Some(Verdict::Approved), 30, 0),
        (Some(Verdict::Flagged), 180, 1),
        (None, 180, 1),
    ] {
        let mut bed = bed().await;
        let ada = bed.subject("ada@example.com").await;
        let (mut console, id) = desk(&bed, "on_call").await;
        console.decrypt(&decrypt(&ada, None)).await.unwrap();
        console.record(statement("SELECT 4711")).await.unwrap();
        console.close().await.unwrap();
        if let Some(verdict) = verdict {
            let auditor = bed.caller("auditor").await;
            let review = bed.vault.review(&auditor, id, verdict, "as it is");
            review.await.unwrap();
        }
        let mut passed = 0;
        for (day, readable) in [(days - 1, true), (days, false)] {
            bed.clock.advance(Duration::from_secs(DAY * (day - passed)));
            passed = day;
            // A server that finds a long silence in its log does not trust its clock; the next start does.
            let starts = if readable { 2 } else { 1 };
            for _ in 0..starts {
                bed.vault.stop().await;
                bed.vault = restarted(&bed.stores, &bed.clock).await;
            }
            if !readable {
                eventually(&bed, EntryKind::KeysExpired, 1).await;
            }
            let auditor = bed.caller("auditor").await;
            let view = bed.vault.session_view(&auditor, id).await.unwrap();
            assert_eq!(view.readable, readable, "{verdict:?} on day {day}");
            assert_eq!(view.reason.is_some(), readable);
            let steps = bed.vault.session_steps(&auditor, id, StepQuery::default());
            let steps = steps.await.unwrap().steps;
            let statement = steps.iter().find(|step| step.decrypted).unwrap();
            assert_eq!(statement.sql.as_deref(), readable.then_some("SELECT 4711"));
            assert_eq!(statement.destroyed, !readable);
            // The verdict and the facts stay.
            assert_eq!(view.row.verdict(), verdict.unwrap_or(Verdict::Pending));
            assert_eq!(view.grants.len(), 1);
        }
        let found = entries(&bed, EntryKind::Finding).await;
        let of_session = found.iter().filter(|entry| entry.session == Some(id));
        let names: Vec<_> = of_session.map(|entry| &entry.facts["finding"]).collect();
        assert_eq!(names, vec!["expired_unreviewed"; findings], "{verdict:?}");
        let auditor = bed.caller("auditor").await;
        let noticed = bed.vault.findings(&auditor).await.unwrap();
        let expired: Vec<_> = noticed.expired.iter().map(|listed| listed.row.id).collect();
        assert_eq!(expired, vec![id; findings], "{verdict:?}");
        assert_eq!(noticed.count(), findings);
    }
}

#[tokio::test]
async fn a_revoked_grant_opens_nothing_more_of_the_result() {
    for name in ["auditor", "operator", "on_call"] {
        let bed = bed().await;
        let ada = bed.subject("ada@example.com").await;
        let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
        let (mut console, _) = desk(&bed, "on_call").await;
        let granted = console.decrypt(&decrypt(&ada, None)).await.unwrap();
        console.record(statement("SELECT 1")).await.unwrap();
        let mut opener = console.opener();
        assert!(opener.open_text(cell.as_bytes(), &mut Vec::new()));
        let caller = bed.caller(name).await;
        let revoke =
            async |caller: &Caller| bed.vault.revoke_grant(caller, granted.grant, "").await;
        for stranger in ["second", "job"] {
            let stranger = bed.caller(stranger).await;
            if stranger.principal().name.as_str() == "job" {
                assert_eq!(revoke(&stranger).await.unwrap_err().code(), "policy_denied");
            }
        }
        revoke(&caller).await.unwrap();
        assert!(
            !opener.open_text(cell.as_bytes(), &mut Vec::new()),
            "{name}"
        );
        assert_eq!(console.mode(), Mode::Protected);
        assert_eq!(revoke(&caller).await.unwrap_err().code(), "grant_over");
        let error = console.join_grant(granted.grant).await.unwrap_err();
        assert!(matches!(error, Error::NotFound("grant")));
        // The connection goes on protected, and nothing is said twice.
        assert!(!opens(&mut console, &cell).await);
        console.close().await.unwrap();
        let ended = entries(&bed, EntryKind::GrantEnded).await;
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].facts["why"], "revoked");
        assert_eq!(ended[0].actor.name.as_deref(), Some(name));
    }
}

#[tokio::test]
async fn grants_are_listed_for_those_who_watch_over_them() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let (mut console, id) = desk(&bed, "on_call").await;
    let ended = console.decrypt(&decrypt(&ada, None)).await.unwrap();
    console.encrypt().await.unwrap();
    let mut other = decrypt(&ada, Some(&["email"]));
    other.consent.push('2');
    let live = console.decrypt(&other).await.unwrap();
    let listed = async |name: &str, live| {
        let caller = bed.caller(name).await;
        let query = GrantQuery { live, count_max: 0 };
        bed.vault.grants(&caller, query).await
    };
    let all = listed("auditor", false).await.unwrap();
    let ids: Vec<_> = all
        .iter()
        .map(|listed| (listed.grant.row.id, listed.live))
        .collect();
    assert_eq!(ids, [(live.grant, true), (ended.grant, false)]);
    assert_eq!(
        all[0].grant.evidence.as_deref(),
        Some(other.consent.as_str())
    );
    assert_eq!(all[0].grant.row.session, id);
    let only_live = listed("auditor", true).await.unwrap();
    assert_eq!(only_live.len(), 1);
    // Operators may end grants: what and whose they see, not on which evidence.
    let facts = listed("operator", true).await.unwrap();
    assert_eq!((facts.len(), facts[0].grant.evidence.as_ref()), (1, None));
    for name in ["on_call", "job"] {
        assert_eq!(
            listed(name, false).await.unwrap_err().code(),
            "policy_denied"
        );
    }
}
