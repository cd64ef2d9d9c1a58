//! A second person on another server: what is asked on one is decided on the other, and taken up on either.

use privet_vault::audit::{Entry, EntryKind};
use privet_vault::{GrantRequestId, GrantView, Mode, RequestState, RequestView, SessionId, Vault};

use crate::bed::Bed;
use crate::granting::{GLASS, TWO, as_grant, request_id};
use crate::servers::Pair;
use crate::sessions::{LINK, REASON, decrypt, sealed, statement};

/// The entries of a kind in one server's own log.
async fn entries(vault: &Vault, kind: EntryKind) -> Vec<Entry> {
    let all = vault.audit().entries(0, 4_000).await.unwrap();
    let all = all.iter().map(|bytes| Entry::parse(bytes).unwrap());
    all.filter(|entry| entry.kind() == Some(kind)).collect()
}

/// What a colleague sees of a request on this server. A server lists what it wrote a moment later, and a busy one later than
/// that: this waits until `seen` is there.
async fn view(bed: &Bed, id: GrantRequestId, seen: fn(&RequestView) -> bool) -> RequestView {
    let second = bed.caller("second").await;
    loop {
        let view = bed.vault.grant_request(&second, id).await.unwrap();
        if seen(&view) {
            return view;
        }
        tokio::task::yield_now().await;
    }
}

/// Where a request stands, once it can be read on this server.
async fn state(bed: &Bed, id: GrantRequestId) -> RequestState {
    let readable = |view: &RequestView| view.reason.is_some() && view.evidence.is_some();
    let view = view(bed, id, readable).await;
    assert_eq!(view.reason.as_deref(), Some(REASON));
    view.state(bed.vault.time())
}

/// What an auditor sees of a session's only grant on this server, once it can be read there.
async fn grant(bed: &Bed, session: SessionId) -> GrantView {
    let auditor = bed.caller("auditor").await;
    loop {
        let view = bed.vault.session_view(&auditor, session).await.unwrap();
        assert_eq!(view.grants.len(), 1);
        if view.grants[0].subject.is_some() {
            return view.grants[0].clone();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_asked_on_one_server_is_approved_on_the_other() {
    let pair = Pair::ruled(TWO).await;
    let ada = pair.one.subject("ada@example.com").await;
    let cell = sealed(&pair.one, &ada, "email", "ada@example.com").await;
    let [mut here, mut there] = pair.desk().await;
    let session = here.justify(REASON, Some(LINK)).await.unwrap();
    there.join().await.unwrap();
    let wanted = decrypt(&ada, Some(&["email"]));
    let id = request_id(&here.decrypt(&wanted).await.unwrap_err());
    for bed in [&pair.one, &pair.two] {
        assert_eq!(state(bed, id).await, RequestState::Waiting);
    }
    // Asked for on the other connection, it is the same request.
    let again = there.decrypt(&wanted).await.unwrap_err();
    assert_eq!(request_id(&again), id);
    let own = pair.two.caller("on_call").await;
    let refused = pair.two.vault.approve_request(&own, id, "").await;
    assert_eq!(refused.unwrap_err().code(), "own_request");

    let second = pair.two.caller("second").await;
    let note = "the customer agreed on the phone";
    pair.two
        .vault
        .approve_request(&second, id, note)
        .await
        .unwrap();
    let decided = view(&pair.one, id, |view| view.note.is_some()).await;
    assert_eq!(decided.note.as_deref(), Some(note));
    assert_eq!(state(&pair.one, id).await, RequestState::Approved);
    let granted = here.decrypt(&wanted).await.unwrap();
    assert!(
        granted.note.contains("`second` approved it"),
        "{}",
        granted.note
    );
    let permit = here.record(statement("SELECT 1")).await.unwrap();
    assert!(here.opener().open_text(cell.as_bytes(), &mut Vec::new()));
    here.shown(permit, 1);

    // One approval makes one grant, on however many servers; the grant itself is joined.
    let used = there.join_grant(as_grant(id)).await.unwrap_err();
    assert_eq!(used.code(), "request_over");
    grant(&pair.two, session).await;
    there.join_grant(granted.grant).await.unwrap();
    assert!(matches!(there.mode(), Mode::Decrypted { .. }));
    for bed in [&pair.one, &pair.two] {
        assert_eq!(state(bed, id).await, RequestState::Used);
    }
    // Each entry is in the log of the server where it happened, and an auditor reads all of it on either.
    assert_eq!(
        entries(&pair.one.vault, EntryKind::GrantRequested)
            .await
            .len(),
        1
    );
    assert_eq!(
        entries(&pair.two.vault, EntryKind::GrantApproved)
            .await
            .len(),
        1
    );
    let issued = entries(&pair.one.vault, EntryKind::GrantIssued).await;
    assert_eq!(issued[0].facts["approved_by"], "second");
    for bed in [&pair.one, &pair.two] {
        let seen = grant(bed, session).await;
        assert_eq!(seen.approved_by.as_deref(), Some("second"));
    }
}

#[tokio::test]
async fn an_approval_is_taken_back_on_the_other_server() {
    let pair = Pair::ruled(TWO).await;
    let ada = pair.one.subject("ada@example.com").await;
    let [mut here, _] = pair.desk().await;
    here.justify(REASON, Some(LINK)).await.unwrap();
    let wanted = decrypt(&ada, Some(&["email"]));
    let id = request_id(&here.decrypt(&wanted).await.unwrap_err());
    let second = pair.one.caller("second").await;
    pair.one
        .vault
        .approve_request(&second, id, "")
        .await
        .unwrap();
    let other = pair.two.caller("second").await;
    pair.two.vault.reject_request(&other, id, "").await.unwrap();
    let over = here.join_grant(as_grant(id)).await.unwrap_err();
    assert_eq!(over.code(), "request_over");
    let late = pair.two.vault.approve_request(&other, id, "").await;
    assert_eq!(late.unwrap_err().code(), "request_over");
    assert_eq!(here.mode(), Mode::Protected);
    let anew = request_id(&here.decrypt(&wanted).await.unwrap_err());
    assert_ne!(anew, id);
}

/// An auditor of the other server sees an emergency as what it is.
#[tokio::test]
async fn an_emergency_is_everybody_s() {
    let pair = Pair::ruled(GLASS).await;
    let ada = pair.one.subject("ada@example.com").await;
    let [mut here, _] = pair.desk().await;
    let session = here.justify(REASON, Some(LINK)).await.unwrap();
    let mut wanted = decrypt(&ada, Some(&["email"]));
    wanted.emergency = Some("somebody empties accounts right now".to_owned());
    here.decrypt(&wanted).await.unwrap();
    let seen = grant(&pair.two, session).await;
    assert!(seen.row.emergency);
    assert_eq!(
        seen.emergency.as_deref(),
        Some("somebody empties accounts right now")
    );
    let auditor = pair.two.caller("auditor").await;
    let view = pair.two.vault.session_view(&auditor, session).await;
    let view = view.unwrap();
    assert!(view.row.emergency_at.is_some() && !view.overdue);
}
