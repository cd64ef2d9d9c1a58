//! The protected console: reasons, grants, markers, openers and reviews.

use std::time::Duration;

use privet_seal::Zeroizing;
use privet_store::{FailNth, Faults};
use privet_vault::audit::EntryKind;
use privet_vault::port::{SessionFilter, Verdict};
use privet_vault::{
    Caller, Connection, DecryptRequest, Mode, SealItem, SessionId, SessionQuery, Statement,
    StepQuery, SubjectName, Vault,
};

use crate::bed::{Bed, bed, hand_clock, parts, root};
use crate::engine::new_stores;

pub(crate) const REASON: &str = "customer cannot log in since the update";
pub(crate) const LINK: &str = "https://tickets.example.com/4711";

pub(crate) async fn connection(bed: &Bed) -> Connection {
    let engineer = bed.caller("on_call").await;
    bed.vault.connect(engineer, "shop").await.unwrap()
}

pub(crate) async fn sealed(bed: &Bed, subject: &SubjectName, field: &str, value: &str) -> String {
    let job = bed.caller("job").await;
    let item = SealItem {
        subject: subject.clone(),
        field: field.to_owned(),
        value: Zeroizing::new(value.to_owned()),
    };
    bed.vault.seal_values(&job, &[item]).await.unwrap()[0]
        .sealed
        .clone()
}

pub(crate) fn decrypt(subject: &SubjectName, fields: Option<&[&str]>) -> DecryptRequest {
    DecryptRequest {
        consent: "https://tickets.example.com/4711#consent".to_owned(),
        subject: subject.to_string(),
        fields: fields.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        minutes: None,
        emergency: None,
    }
}

pub(crate) fn statement(sql: &str) -> Statement<'_> {
    Statement {
        sql,
        parameters: &[],
    }
}

#[tokio::test]
async fn without_a_reason_nothing_goes() {
    let bed = bed().await;
    let mut console = connection(&bed).await;
    assert_eq!(console.mode(), Mode::Unjustified);
    for error in [
        console
            .record(statement("SELECT 1"))
            .await
            .map(drop)
            .unwrap_err(),
        console.runner().await.map(drop).unwrap_err(),
        console
            .substitute_markers(b"'~eq:email:a@example.com~'")
            .await
            .map(drop)
            .unwrap_err(),
        console
            .decrypt(&DecryptRequest::default())
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert_eq!(error.code(), "session_unjustified");
    }
}

#[tokio::test]
async fn what_is_no_reason() {
    let bed = bed().await;
    let mut console = connection(&bed).await;
    for reason in [
        "",
        ".",
        "   ",
        "........",
        "aaaaaaaaaaaa",
        "test",
        "\u{200b}\u{200b}",
    ] {
        let error = console.justify(reason, Some(LINK)).await.unwrap_err();
        assert_eq!(error.code(), "reason_too_weak", "{reason:?}");
    }
    for link in [
        "ticket 4711",
        "javascript:alert(1)",
        "https://",
        "https:// x.example",
    ] {
        let error = console.justify(REASON, Some(link)).await.unwrap_err();
        assert_eq!(error.code(), "link_not_url", "{link:?}");
    }
    assert_eq!(console.mode(), Mode::Unjustified);
    console.justify(REASON, Some(LINK)).await.unwrap();
    let again = console
        .justify(&REASON.to_uppercase(), Some(LINK))
        .await
        .unwrap_err();
    assert_eq!(again.code(), "reason_repeated");
    assert_eq!(console.mode(), Mode::Protected);
}

#[tokio::test]
async fn a_grant_opens_one_subject_and_its_fields_only() {
    let bed = bed().await;
    let (ada, joan) = (
        bed.subject("ada@example.com").await,
        bed.subject("joan@example.com").await,
    );
    let mine = sealed(&bed, &ada, "email", "ada@example.com").await;
    let phone = sealed(&bed, &ada, "phone", "+1 202 555 0143").await;
    let other = sealed(&bed, &joan, "email", "joan@example.com").await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();

    let opens = async |console: &mut Connection, cell: &str| {
        let permit = console
            .record(statement("SELECT email FROM customer"))
            .await
            .unwrap();
        let mut out = Vec::new();
        let opened = console.opener().open_text(cell.as_bytes(), &mut out);
        console.shown(permit, 1);
        opened.then(|| String::from_utf8(out).unwrap())
    };
    assert_eq!(opens(&mut console, &mine).await, None, "protected");
    let granted = console
        .decrypt(&decrypt(&ada, Some(&["email"])))
        .await
        .unwrap();
    assert_eq!(granted.fields, ["email"]);
    assert_eq!(
        opens(&mut console, &mine).await.as_deref(),
        Some("ada@example.com")
    );
    assert_eq!(opens(&mut console, &phone).await, None, "field not granted");
    assert_eq!(opens(&mut console, &other).await, None, "another subject");
    assert_eq!(
        opens(&mut console, &mine[..mine.len() - 1]).await,
        None,
        "truncated"
    );
    assert_eq!(opens(&mut console, "ada").await, None, "no sealed value");
    // Without a statement on record nothing opens.
    assert!(!console.opener().open_text(mine.as_bytes(), &mut Vec::new()));
    console.encrypt().await.unwrap();
    assert_eq!(opens(&mut console, &mine).await, None, "given back");
}

#[tokio::test]
async fn a_grant_ends_by_time_by_erasure_and_in_the_middle_of_a_result() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let mine = sealed(&bed, &ada, "email", "ada@example.com").await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();
    console.decrypt(&decrypt(&ada, None)).await.unwrap();
    let _permit = console.record(statement("SELECT 1")).await.unwrap();
    let mut opener = console.opener();
    assert!(opener.open_text(mine.as_bytes(), &mut Vec::new()));
    let operator = bed.caller("operator").await;
    bed.vault.close_subject(&operator, &ada).await.unwrap();
    assert!(
        !opener.open_text(mine.as_bytes(), &mut Vec::new()),
        "erased"
    );
    assert_eq!(console.mode(), Mode::Protected);
    let gone = console.decrypt(&decrypt(&ada, None)).await.unwrap_err();
    assert_eq!(gone.code(), "not_found");

    let joan = bed.subject("joan@example.com").await;
    console.decrypt(&decrypt(&joan, None)).await.unwrap();
    assert!(matches!(console.mode(), Mode::Decrypted { .. }));
    bed.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(console.mode(), Mode::Protected, "15 minutes are over");
}

#[tokio::test]
async fn evidence_fields_and_minutes_are_checked_before_anything_opens() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();
    let good = decrypt(&ada, None);
    for (wish, code) in [
        (
            DecryptRequest {
                consent: "she said yes".into(),
                ..good.clone()
            },
            "evidence_not_url",
        ),
        (
            DecryptRequest {
                consent: String::new(),
                ..good.clone()
            },
            "evidence_not_url",
        ),
        (
            DecryptRequest {
                subject: "everybody".into(),
                ..good.clone()
            },
            "subject",
        ),
        (
            DecryptRequest {
                subject: "customer:99".into(),
                ..good.clone()
            },
            "not_found",
        ),
        (
            DecryptRequest {
                minutes: Some(0),
                ..good.clone()
            },
            "minutes",
        ),
        (
            DecryptRequest {
                minutes: Some(100_000),
                ..good.clone()
            },
            "minutes",
        ),
        (
            DecryptRequest {
                fields: Some(vec![]),
                ..good.clone()
            },
            "fields",
        ),
        (
            DecryptRequest {
                fields: Some(vec!["shoe".into()]),
                ..good.clone()
            },
            "unknown_field",
        ),
    ] {
        assert_eq!(
            console.decrypt(&wish).await.unwrap_err().code(),
            code,
            "{wish:?}"
        );
        assert_eq!(console.mode(), Mode::Protected);
    }
}

#[tokio::test]
async fn a_second_grant_takes_the_place_of_the_first() {
    let bed = bed().await;
    let (ada, joan) = (
        bed.subject("ada@example.com").await,
        bed.subject("joan@example.com").await,
    );
    let mine = sealed(&bed, &ada, "email", "ada@example.com").await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();
    console.decrypt(&decrypt(&ada, None)).await.unwrap();
    console.decrypt(&decrypt(&joan, None)).await.unwrap();
    let _permit = console.record(statement("SELECT 1")).await.unwrap();
    assert!(!console.opener().open_text(mine.as_bytes(), &mut Vec::new()));
    assert_eq!(bed.count(EntryKind::GrantIssued).await, 2);
    assert_eq!(bed.count(EntryKind::GrantEnded).await, 1);
}

#[tokio::test]
async fn connections_of_one_desk_share_the_reason_and_no_others() {
    let bed = bed().await;
    let token = bed.token("on_call").await;
    let at = async |address: &str| {
        let caller = bed.vault.authenticate(&token, address).await.unwrap();
        bed.vault.connect(caller, "shop").await.unwrap()
    };
    let mut first = at("192.0.2.1").await;
    first.justify(REASON, Some(LINK)).await.unwrap();
    assert_eq!(at("192.0.2.1").await.mode(), Mode::Protected);
    assert_eq!(at("192.0.2.2").await.mode(), Mode::Unjustified);
    bed.clock.advance(Duration::from_secs(31 * 60));
    assert_eq!(first.mode(), Mode::Unjustified, "30 idle minutes");
    assert_eq!(at("192.0.2.1").await.mode(), Mode::Unjustified);
}

#[tokio::test]
async fn markers_become_indexes_and_are_counted() {
    let bed = bed().await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();
    let sql = b"SELECT 1 FROM customer WHERE email_px = '~eq:email:a@example.com~'";
    let replaced = console.substitute_markers(sql).await.unwrap().unwrap();
    let text = String::from_utf8(replaced).unwrap();
    assert!(
        text.contains("'px1_") && !text.contains("example"),
        "{text}"
    );
    assert!(
        console
            .substitute_markers(b"SELECT 1")
            .await
            .unwrap()
            .is_none()
    );
    for (wrong, code) in [
        ("'~eq:email:a b~'", "marker_left"),
        ("'~eq:phone:1~'", "no_lookup"),
        ("'~eq:shoe:1~'", "unknown_field"),
    ] {
        let error = console
            .substitute_markers(wrong.as_bytes())
            .await
            .unwrap_err();
        assert_eq!(error.code(), code);
    }
    assert_eq!(bed.count(EntryKind::Probe).await, 1);
    let many = "'~eq:email:a@example.com~',".repeat(100);
    let error = console
        .substitute_markers(many.as_bytes())
        .await
        .unwrap_err();
    assert_eq!(error.code(), "probe_limit");
}

#[tokio::test]
async fn an_auditor_reads_all_of_it_and_never_reviews_their_own() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let mine = sealed(&bed, &ada, "email", "ada@example.com").await;
    let second = bed.caller("second").await;
    let mut console = bed.vault.connect(second.clone(), "shop").await.unwrap();
    let id = console.justify(REASON, Some(LINK)).await.unwrap();
    console.record(statement("SELECT protected")).await.unwrap();
    console.decrypt(&decrypt(&ada, None)).await.unwrap();
    let permit = console.record(statement("SELECT decrypted")).await.unwrap();
    assert!(console.opener().open_text(mine.as_bytes(), &mut Vec::new()));
    console.shown(permit, 1);
    console.close().await.unwrap();

    let auditor = bed.caller("auditor").await;
    // What was shown is written behind the result.
    while bed.count(EntryKind::StatementShown).await == 0 {
        tokio::task::yield_now().await;
    }
    let filter = SessionFilter {
        decrypted: Some(true),
        ..SessionFilter::default()
    };
    assert_eq!(listed(&bed, &auditor, filter).await.len(), 1);
    let view = bed.vault.session_view(&auditor, id).await.unwrap();
    assert_eq!(view.reason.as_deref(), Some(REASON));
    assert_eq!(view.link.as_deref(), Some(LINK));
    assert_eq!(view.grants.len(), 1);
    assert_eq!(
        view.grants[0].evidence.as_deref(),
        Some("https://tickets.example.com/4711#consent")
    );
    let whole = StepQuery::default();
    let page = bed.vault.session_steps(&auditor, id, whole).await.unwrap();
    assert_eq!(page.next, None);
    let statements: Vec<_> = page
        .steps
        .iter()
        .filter_map(|step| step.sql.as_deref())
        .collect();
    assert_eq!(statements, ["SELECT protected", "SELECT decrypted"]);
    let decrypted = page.steps.iter().find(|step| step.decrypted).unwrap();
    assert_eq!(decrypted.opened, [("email".to_owned(), 1)]);

    verdicts(&bed, &auditor, &second, id).await;
    let text = bed.log_text().await;
    for personal in [
        "customer cannot",
        "tickets.example",
        "SELECT",
        "why the phone",
    ] {
        assert!(!text.contains(personal), "{personal}");
    }
}

/// The sessions that a filter lets through.
async fn listed(bed: &Bed, caller: &Caller, filter: SessionFilter) -> Vec<SessionId> {
    let query = SessionQuery {
        filter,
        ..SessionQuery::default()
    };
    let list = bed.vault.sessions(caller, &query).await.unwrap();
    list.sessions.iter().map(|listed| listed.row.id).collect()
}

/// Nobody reviews their own session, a flag says why, and a verdict ends the wait.
async fn verdicts(bed: &Bed, auditor: &Caller, actor: &Caller, id: SessionId) {
    let own = bed
        .vault
        .review(actor, id, Verdict::Approved, "")
        .await
        .unwrap_err();
    assert_eq!(own.code(), "own_session");
    let silent = bed
        .vault
        .review(auditor, id, Verdict::Flagged, " ")
        .await
        .unwrap_err();
    assert_eq!(silent.code(), "note");
    let pending = SessionFilter {
        verdict: Some(Verdict::Pending),
        ..SessionFilter::default()
    };
    assert_eq!(listed(bed, auditor, pending.clone()).await, [id]);
    bed.vault
        .review(auditor, id, Verdict::Flagged, "why the phone too?")
        .await
        .unwrap();
    assert!(listed(bed, auditor, pending).await.is_empty());
    let view = bed.vault.session_view(auditor, id).await.unwrap();
    assert_eq!(view.notes.len(), 1);
    assert_eq!(view.notes[0].text.as_deref(), Some("why the phone too?"));
    assert_eq!(view.notes[0].verdict, Some(Verdict::Flagged));
    assert_eq!(view.row.review.unwrap().verdict, Verdict::Flagged);
}

#[tokio::test]
async fn a_dropped_connection_leaves_no_grant() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();
    console.decrypt(&decrypt(&ada, None)).await.unwrap();
    drop(console);
    while bed.count(EntryKind::GrantEnded).await == 0 {
        tokio::task::yield_now().await;
    }
}

/// An operator revokes every token of a principal.
async fn revoke_all(bed: &Bed, principal: &str) {
    let operator = bed.caller("operator").await;
    for token in bed.vault.tokens(&operator).await.unwrap() {
        if token.row.principal.as_str() == principal {
            bed.vault
                .revoke_token(&operator, token.row.id)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_revoked_token_does_nothing_more_on_an_open_connection() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();
    revoke_all(&bed, "on_call").await;
    assert_eq!(console.mode(), Mode::Unjustified);
    for error in [
        console
            .justify("something else is the matter", None)
            .await
            .map(drop)
            .unwrap_err(),
        console
            .decrypt(&decrypt(&ada, None))
            .await
            .map(drop)
            .unwrap_err(),
        console
            .record(statement("SELECT 1"))
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        assert_eq!(error.code(), "unauthenticated");
    }
}

#[tokio::test]
async fn an_expired_token_does_nothing_more_on_an_open_connection() {
    let bed = bed().await;
    let mut console = connection(&bed).await;
    bed.clock.advance(Duration::from_secs(31 * 24 * 3600));
    let error = console.justify(REASON, Some(LINK)).await.unwrap_err();
    assert_eq!(error.code(), "unauthenticated");
}

/// Two connections at one desk, both open before either had a reason, as graphical clients do it.
async fn two_connections(bed: &Bed) -> [Connection; 2] {
    let engineer = bed.caller("on_call").await;
    let first = bed.vault.connect(engineer.clone(), "shop").await.unwrap();
    let second = bed.vault.connect(engineer, "shop").await.unwrap();
    [first, second]
}

#[tokio::test]
async fn a_second_connection_joins_the_session_of_the_first() {
    let bed = bed().await;
    let [mut first, mut second] = two_connections(&bed).await;
    let session = first.justify(REASON, Some(LINK)).await.unwrap();
    second.join().await.unwrap();
    assert_eq!(second.status().session, Some(session));
    assert_eq!(bed.count(EntryKind::SessionOpened).await, 1);
}

#[tokio::test]
async fn saying_the_same_on_a_second_connection_joins_the_session() {
    let bed = bed().await;
    let [mut first, mut second] = two_connections(&bed).await;
    let session = first.justify(REASON, Some(LINK)).await.unwrap();
    assert_eq!(second.justify(REASON, Some(LINK)).await.unwrap(), session);
    assert_eq!(bed.count(EntryKind::SessionOpened).await, 1);
}

#[tokio::test]
async fn a_revocation_finds_both_sessions_of_a_desk() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
    let [mut first, mut second] = two_connections(&bed).await;
    first.justify(REASON, Some(LINK)).await.unwrap();
    first.decrypt(&decrypt(&ada, None)).await.unwrap();
    first.record(statement("SELECT 1")).await.unwrap();
    let mut opener = first.opener();
    let mut out = Vec::new();
    assert!(opener.open_text(cell.as_bytes(), &mut out));
    second
        .justify("the invoice of yesterday is missing", None)
        .await
        .unwrap();
    revoke_all(&bed, "on_call").await;
    assert!(!opener.open_text(cell.as_bytes(), &mut out));
    assert_eq!(first.mode(), Mode::Unjustified);
    assert_eq!(second.mode(), Mode::Unjustified);
}

#[tokio::test]
async fn a_verdict_on_a_session_that_goes_on_stays() {
    let bed = bed().await;
    let mut console = connection(&bed).await;
    let id = console.justify(REASON, Some(LINK)).await.unwrap();
    let auditor = bed.caller("auditor").await;
    bed.vault
        .review(&auditor, id, Verdict::Flagged, "this looks wrong")
        .await
        .unwrap();
    console.record(statement("SELECT 1")).await.unwrap();
    console.close().await.unwrap();
    let row = bed.stores.data.session(id).await.unwrap().unwrap();
    assert_eq!(row.review.unwrap().verdict, Verdict::Flagged);
}

#[tokio::test]
async fn a_new_reason_ends_the_grant_for_all_who_joined_it() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
    let [mut first, mut second] = two_connections(&bed).await;
    first.justify(REASON, Some(LINK)).await.unwrap();
    let granted = first.decrypt(&decrypt(&ada, None)).await.unwrap();
    second.join().await.unwrap();
    second.join_grant(granted.grant).await.unwrap();
    second.record(statement("SELECT 1")).await.unwrap();
    let mut opener = second.opener();
    first
        .justify("the invoice of yesterday is missing", None)
        .await
        .unwrap();
    assert!(!opener.open_text(cell.as_bytes(), &mut Vec::new()));
    assert_eq!(bed.count(EntryKind::GrantEnded).await, 1);
    let row = bed.stores.keys.grant(granted.grant).await.unwrap().unwrap();
    assert!(row.ended_at.is_some());
}

/// Half of a result was seen, and then the client left, gave the grant back or asked something else.
#[tokio::test]
async fn what_was_shown_of_a_result_that_was_given_up_is_on_record() {
    for way in ["drop", "encrypt", "next", "new reason"] {
        let bed = bed().await;
        let ada = bed.subject("ada@example.com").await;
        let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
        let mut console = connection(&bed).await;
        let id = console.justify(REASON, Some(LINK)).await.unwrap();
        console.decrypt(&decrypt(&ada, None)).await.unwrap();
        console.record(statement("SELECT 1")).await.unwrap();
        assert!(console.opener().open_text(cell.as_bytes(), &mut Vec::new()));
        match way {
            "drop" => console.close().await.unwrap(),
            "encrypt" => console.encrypt().await.unwrap(),
            "next" => drop(console.record(statement("SELECT 2")).await.unwrap()),
            _ => drop(
                console
                    .justify("the invoice of yesterday is missing", None)
                    .await
                    .unwrap(),
            ),
        }
        let auditor = bed.caller("auditor").await;
        let steps = bed.vault.session_steps(&auditor, id, StepQuery::default());
        let steps = steps.await.unwrap().steps;
        let opened = steps.iter().find(|step| step.decrypted).unwrap();
        assert_eq!(opened.opened, [("email".to_owned(), 1)], "{way}");
    }
}

/// Nobody gets an early approval and goes on under it.
#[tokio::test]
async fn an_approval_ends_the_session() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
    let mut console = connection(&bed).await;
    let id = console.justify(REASON, Some(LINK)).await.unwrap();
    console.decrypt(&decrypt(&ada, None)).await.unwrap();
    console.record(statement("SELECT 1")).await.unwrap();
    let mut opener = console.opener();
    let auditor = bed.caller("auditor").await;
    bed.vault
        .review(&auditor, id, Verdict::Approved, "in order")
        .await
        .unwrap();
    assert!(!opener.open_text(cell.as_bytes(), &mut Vec::new()));
    let error = console.record(statement("SELECT 2")).await.unwrap_err();
    assert_eq!(error.code(), "session_ended");
    let row = bed.stores.data.session(id).await.unwrap().unwrap();
    assert!(row.ended_at.is_some());
    assert_eq!(row.review.unwrap().verdict, Verdict::Approved);
}

/// The list of decrypted sessions has it before anything opens.
#[tokio::test]
async fn a_session_is_listed_as_decrypted_before_its_first_value() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let mut console = connection(&bed).await;
    let id = console.justify(REASON, Some(LINK)).await.unwrap();
    console.decrypt(&decrypt(&ada, None)).await.unwrap();
    console.record(statement("SELECT 1")).await.unwrap();
    let row = bed.stores.data.session(id).await.unwrap().unwrap();
    assert!(row.decrypted);
}

/// Wherever a decryption is when its subject is erased: once the erasure is answered, nothing of them opens.
#[tokio::test]
async fn a_grant_that_is_made_during_an_erasure_opens_nothing() {
    let mut held = 0;
    for nth in 1..30 {
        let faults = Faults::new();
        let (stores, clock) = (new_stores().await, hand_clock());
        let mut waiting = parts(&stores, &clock, "test", root());
        waiting.keys = std::sync::Arc::new(FailNth::new(stores.keys.clone(), &faults));
        let bed = Bed {
            vault: Vault::start(waiting).await.unwrap(),
            clock,
            stores,
        };
        let ada = bed.subject("ada@example.com").await;
        let cell = sealed(&bed, &ada, "email", "ada@example.com").await;
        let mut console = connection(&bed).await;
        console.justify(REASON, Some(LINK)).await.unwrap();
        let operator = bed.caller("operator").await;
        let wanted = decrypt(&ada, None);

        let gate = faults.hold_nth(nth);
        let mut decrypting = tokio::spawn(async move {
            let granted = console.decrypt(&wanted).await;
            (console, granted)
        });
        tokio::select! {
            () = gate.reached() => held += 1,
            done = &mut decrypting => {
                // It has no such call: all of them were held by now.
                drop(done.unwrap());
                break;
            }
        }
        let closing = bed.vault.close_subject(&operator, &ada);
        // The call that is held may be one that the erasure waits for: maintenance makes some, too.
        let closed = tokio::time::timeout(Duration::from_millis(500), closing).await;
        gate.open();
        let (mut console, _) = decrypting.await.unwrap();
        if closed.is_err() {
            continue;
        }
        closed.unwrap().unwrap();
        let _ = console.record(statement("SELECT 1")).await;
        let opened = console.opener().open_text(cell.as_bytes(), &mut Vec::new());
        assert!(!opened, "call {nth}");
    }
    assert!(held >= 2, "{held}");
}
