//! People on their own behalf: how they come in, that they reach nobody else, and what the log says of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use privet_seal::Zeroizing;
use privet_tlog::ProofBundle;
use privet_vault::audit::{Entry, EntryKind, SubjectProof};
use privet_vault::port::{IdentityError, IdentityProvider, LoginAttempt, LoginProof};
use privet_vault::*;

use crate::bed::{Bed, bed, bed_with, request, shown, values};
use crate::granting::entries;
use crate::sessions::{LINK, REASON, decrypt, sealed, statement};

const HERE: &str = "192.0.2.1";
const MINUTE: Duration = Duration::from_secs(60);

/// A provider whose codes are the names of whom they prove.
#[derive(Default)]
struct Codes {
    sent: Mutex<Vec<String>>,
}

#[async_trait]
impl IdentityProvider for Codes {
    fn name(&self) -> &str {
        "Shop"
    }

    async fn address(&self, attempt: &LoginAttempt) -> Result<String, IdentityError> {
        self.sent.lock().unwrap().push(attempt.state.to_string());
        Ok("https://login.example.com/".to_owned())
    }

    async fn prove(
        &self,
        _: &LoginAttempt,
        proof: LoginProof<'_>,
    ) -> Result<SubjectName, IdentityError> {
        match proof.code {
            "down" => Err(IdentityError::Unavailable("timeout".into())),
            code => code
                .parse()
                .map_err(|_| IdentityError::Refused("no such code".into())),
        }
    }

    async fn farewell(&self) -> Option<String> {
        None
    }
}

pub(crate) struct Door {
    pub(crate) bed: Bed,
    codes: Arc<Codes>,
}

impl Door {
    pub(crate) fn of(bed: Bed, looks_after: SignedDuration) -> Self {
        let codes = Arc::<Codes>::default();
        bed.vault.open_own_pages(OwnPages {
            provider: codes.clone(),
            looks_after,
        });
        Self { bed, codes }
    }

    async fn open() -> Self {
        Self::of(bed().await, SignedDuration::ZERO)
    }

    /// Time passes, and the server has read the shared sequence since: nothing opens before.
    async fn pass(&self, time: Duration) {
        self.bed.clock.advance(time);
        let lent = self.bed.vault.pseudonymizer();
        let fresh = async {
            while lent.warm(&[], &mut Vec::new()).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(300), fresh)
            .await
            .unwrap();
    }

    /// A login that was begun: the browser's secret, and the state that the provider was sent.
    async fn begun(&self) -> (Zeroizing<String>, String) {
        let begun = self.bed.vault.begin_own_login(HERE).await.unwrap();
        let state = self.codes.sent.lock().unwrap().last().unwrap().clone();
        (begun.secret, state)
    }

    async fn finish(
        &self,
        secret: &str,
        state: &str,
        code: Option<&str>,
    ) -> Result<Zeroizing<String>> {
        let answer = OwnAnswer {
            state,
            code,
            issuer: None,
        };
        self.bed.vault.finish_own_login(secret, answer, HERE).await
    }

    async fn secret_of(&self, subject: &SubjectName) -> Zeroizing<String> {
        let (secret, state) = self.begun().await;
        let code = subject.to_string();
        self.finish(&secret, &state, Some(&code)).await.unwrap()
    }

    pub(crate) async fn me(&self, subject: &SubjectName) -> Me {
        let secret = self.secret_of(subject).await;
        self.bed.vault.me(&secret, HERE).await.unwrap().me
    }

    async fn refused(&self, secret: &str, state: &str, code: Option<&str>) -> &'static str {
        self.finish(secret, state, code).await.unwrap_err().code()
    }
}

#[tokio::test]
async fn a_login_is_bound_to_its_browser_and_works_once() {
    let door = Door::open().await;
    let ada = door.bed.subject("ada@example.com").await.to_string();
    let (secret, state) = door.begun().await;
    let (other, other_state) = door.begun().await;
    assert_eq!(door.refused("0a", &state, Some(&ada)).await, "own_login");
    assert_eq!(door.refused(&other, &state, Some(&ada)).await, "own_login");
    // Another one's answer spends the login that it was slipped into.
    assert_eq!(
        door.refused(&other, &other_state, Some(&ada)).await,
        "own_login"
    );
    let login = door.finish(&secret, &state, Some(&ada)).await.unwrap();
    assert!(door.bed.vault.me(&login, HERE).await.is_ok());
    assert_eq!(door.refused(&secret, &state, Some(&ada)).await, "own_login");

    let (late, state) = door.begun().await;
    door.pass(10 * MINUTE + Duration::from_secs(1)).await;
    assert_eq!(door.refused(&late, &state, Some(&ada)).await, "own_login");
    // Neither a login under way nor one of the staff is one of a person.
    let (under_way, _) = door.begun().await;
    assert!(door.bed.vault.me(&under_way, HERE).await.is_err());
    let auditor = door.bed.token("auditor").await;
    let staff = door.bed.vault.login_by_token(&auditor, HERE).await.unwrap();
    assert!(door.bed.vault.me(&staff, HERE).await.is_err());
    assert!(door.bed.vault.logged_in(&login, HERE).is_err());
    assert_eq!(door.bed.count(EntryKind::LoginOpened).await, 2);
}

#[tokio::test]
async fn who_is_not_proved_or_not_held_stays_outside() {
    let door = Door::open().await;
    for (code, expected) in [
        (None, "own_login_refused"),
        (Some(""), "own_login_refused"),
        (Some("nonsense"), "own_login_refused"),
        (Some("down"), "provider_unavailable"),
        (Some("shop/customer:42"), "own_unknown"),
        (Some("6f1c2d3e-0000-4000-8000-000000000000"), "own_unknown"),
    ] {
        let (secret, state) = door.begun().await;
        assert_eq!(
            door.refused(&secret, &state, code).await,
            expected,
            "{code:?}"
        );
    }
    assert_eq!(door.bed.count(EntryKind::LoginOpened).await, 0);
    let bare = bed().await;
    let off = bare.vault.begin_own_login(HERE).await.unwrap_err();
    assert_eq!(off.code(), "own_pages_off");
}

#[tokio::test]
async fn a_login_ends_by_idleness_by_leaving_and_with_the_person() {
    let door = Door::open().await;
    let vault = &door.bed.vault;
    let (ada, bob) = (
        door.bed.subject("ada@example.com").await,
        door.bed.subject("bob@example.com").await,
    );
    let idle = door.secret_of(&ada).await;
    door.pass(29 * MINUTE).await;
    assert!(vault.me(&idle, HERE).await.is_ok());
    door.pass(31 * MINUTE).await;
    let over = vault.me(&idle, HERE).await.unwrap_err();
    assert_eq!(over.code(), "unauthenticated");

    let left = door.secret_of(&ada).await;
    vault.leave_own_pages(&left, HERE).await.unwrap();
    assert!(vault.me(&left, HERE).await.is_err());
    vault.leave_own_pages(&left, HERE).await.unwrap();
    assert_eq!(door.bed.count(EntryKind::LoginEnded).await, 1);

    let (of_ada, of_bob) = (door.secret_of(&ada).await, door.secret_of(&bob).await);
    let operator = door.bed.caller("operator").await;
    vault.close_subject(&operator, &ada).await.unwrap();
    let gone = vault.me(&of_ada, HERE).await.unwrap_err();
    assert_eq!(gone.code(), "unauthenticated");
    assert!(vault.me(&of_bob, HERE).await.is_ok());
    let (secret, state) = door.begun().await;
    let name = ada.to_string();
    assert_eq!(
        door.refused(&secret, &state, Some(&name)).await,
        "own_unknown"
    );
}

#[tokio::test]
async fn one_person_has_a_limited_number_of_logins() {
    let door = Door::open().await;
    let ada = door.bed.subject("ada@example.com").await;
    let mut secrets = Vec::new();
    for _ in 0..11 {
        door.pass(Duration::from_secs(10)).await;
        secrets.push(door.secret_of(&ada).await);
    }
    assert!(door.bed.vault.me(&secrets[0], HERE).await.is_err());
    assert!(door.bed.vault.me(&secrets[1], HERE).await.is_ok());
}

#[tokio::test]
async fn what_is_held_is_shown_behind_masks() {
    let door = Door::open().await;
    let ada = door.bed.subject("ada@example.com").await;
    let held = door.me(&ada).await.held().await.unwrap();
    let told: Vec<_> = held
        .fields
        .iter()
        .map(|field| (field.name.as_str(), shown(&field.value), field.can_correct))
        .collect();
    assert_eq!(
        told,
        [
            ("email", "•••••@•••••".to_owned(), true),
            ("note", "(missing)".to_owned(), false),
            ("phone", "••• ••• ••".to_owned(), true),
        ]
    );
    let marketing = &held.fields[0].purposes[2];
    assert_eq!(
        (marketing.name.as_str(), marketing.agreed),
        ("marketing", Some(false))
    );
    assert_eq!(held.elsewhere[0].fields, ["email"]);
    assert_eq!(door.bed.count(EntryKind::SubjectDescribed).await, 1);
}

#[tokio::test]
async fn a_person_corrects_their_own_values() {
    let door = Door::open().await;
    let (ada, bob) = (
        door.bed.subject("ada@example.com").await,
        door.bed.subject("bob@example.com").await,
    );
    let me = door.me(&ada).await;
    let text = |value: &str| Zeroizing::new(value.to_owned());
    me.correct("email", text("ada@example.org")).await.unwrap();
    let job = door.bed.caller("job").await;
    let email = async |subject: &SubjectName| {
        let asked = request(subject, &["email"], "service");
        let revealed = door.bed.vault.reveal(&job, &asked).await.unwrap();
        shown(&revealed.subjects[0].as_ref().unwrap()[0])
    };
    assert_eq!(email(&ada).await, "ada@example.org");
    assert_eq!(email(&bob).await, "bob@example.com");
    for (field, value, code) in [
        ("email", "no address", "value_invalid"),
        ("email", "bob@example.com", "not_unique"),
        ("note", "hello", "policy_denied"),
        ("shoe_size", "44", "unknown_field"),
    ] {
        let error = me.correct(field, text(value)).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.to_string().contains(value), "{error}");
    }
    let mut last = "";
    for _ in 0..20 {
        last = me
            .correct("email", text("nonsense"))
            .await
            .unwrap_err()
            .code();
    }
    assert_eq!(last, "own_limit");
}

#[tokio::test]
async fn a_person_erases_their_own_values() {
    let door = Door::open().await;
    let (ada, bob) = (
        door.bed.subject("ada@example.com").await,
        door.bed.subject("bob@example.com").await,
    );
    let me = door.me(&ada).await;
    // What they wrote is erased where they wrote it.
    for (field, code) in [("note", "policy_denied"), ("shoe_size", "unknown_field")] {
        assert_eq!(me.erase(field).await.unwrap_err().code(), code);
    }
    assert!(me.can_erase("phone").unwrap() && !me.can_erase("note").unwrap());
    let erased = me.erase("phone").await.unwrap();
    assert_eq!((erased.values_deleted, erased.values_resealed), (1, 1));
    let held = me.held().await.unwrap();
    let held: Vec<String> = held
        .fields
        .iter()
        .map(|field| shown(&field.value))
        .collect();
    assert_eq!(held[1..], ["(missing)", "(missing)"]);
    assert!(held[0].contains('•'), "{held:?}");
    let job = door.bed.caller("job").await;
    let phone = request(&bob, &["phone"], "service");
    let revealed = door.bed.vault.reveal(&job, &phone).await.unwrap();
    assert_eq!(
        shown(&revealed.subjects[0].as_ref().unwrap()[0]),
        "+1 202 555 0143"
    );
    let mut last = "";
    for _ in 0..20 {
        last = me.erase("note").await.unwrap_err().code();
    }
    assert_eq!(last, "own_limit");
}

#[tokio::test]
async fn a_person_answers_for_themself_and_nobody_else() {
    let door = Door::open().await;
    let (ada, bob) = (
        door.bed.subject("ada@example.com").await,
        door.bed.subject("bob@example.com").await,
    );
    let me = door.me(&ada).await;
    let view = me.answer("marketing", Some("2026-11"), None).await.unwrap();
    assert!(
        view.purposes
            .iter()
            .any(|said| said.purpose == "marketing" && said.agreed)
    );
    let old = me
        .answer("marketing", Some("2025-01"), None)
        .await
        .unwrap_err();
    assert_eq!(old.code(), "notice_outdated");
    let basis = me.answer("service", None, None).await.unwrap_err();
    assert_eq!(basis.code(), "purpose_without_consent");
    let mailer = door.bed.caller("mailer").await;
    let agrees = async |subject: &SubjectName| {
        let asked = request(subject, &["email"], "marketing");
        door.bed.vault.reveal(&mailer, &asked).await.is_ok()
    };
    assert!(agrees(&ada).await && !agrees(&bob).await);
    me.answer("marketing", None, None).await.unwrap();
    assert!(!agrees(&ada).await, "a no is in force at once");
    let history = me.consent_history(None).await.unwrap();
    assert_eq!(history.events.len(), 2);
    assert!(
        history
            .events
            .iter()
            .all(|event| event.channel == ConsentChannel::Web)
    );
    let other = door.me(&bob).await;
    assert!(other.consent_history(None).await.unwrap().events.is_empty());
    assert!(other.consent_receipt(1).await.is_err());
}

#[tokio::test]
async fn the_log_says_that_somebody_was_here_and_not_who() {
    let door = Door::open().await;
    let ada = door.bed.subject("ada@example.com").await;
    let me = door.me(&ada).await;
    me.held().await.unwrap();
    me.answer("marketing", Some("2026-11"), None).await.unwrap();
    me.rotate_telemetry_id().await.unwrap();
    me.looks(None).await.unwrap();
    let all = door.bed.vault.audit().entries(0, 4_000).await.unwrap();
    let own: Vec<_> = all
        .iter()
        .map(|bytes| (Entry::parse(bytes).unwrap(), String::from_utf8_lossy(bytes)))
        .filter(|(entry, _)| entry.actor.kind == "subject")
        .collect();
    let kinds: Vec<_> = own.iter().filter_map(|(entry, _)| entry.kind()).collect();
    assert_eq!(
        kinds,
        [
            EntryKind::LoginOpened,
            EntryKind::SubjectDescribed,
            EntryKind::ConsentGranted,
            EntryKind::TelemetryIdRotated,
            EntryKind::LogRead,
        ]
    );
    for (entry, text) in own {
        assert!(entry.actor.name.is_none() && entry.actor.token.is_none());
        assert!(text.contains(r#""actor":{"kind":"subject"}"#), "{text}");
        assert_eq!(entry.subjects().map(|(_, count)| count), Some(1), "{text}");
        assert!(!text.contains(&ada.to_string()), "{text}");
    }
}

#[tokio::test]
async fn people_see_who_looked_at_theirs_with_a_proof() {
    let door = Door::open().await;
    let (bed, vault) = (&door.bed, &door.bed.vault);
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let job = bed.caller("job").await;
    let both = RevealRequest {
        subjects: vec![ada.clone(), bob.clone()],
        ..request(&ada, &["email"], "service")
    };
    vault.reveal(&job, &both).await.unwrap();
    let cell = sealed(bed, &ada, "email", "ada@example.com").await;
    let engineer = bed.caller("on_call").await;
    let mut console = vault.connect(engineer, "shop").await.unwrap();
    console.justify(REASON, Some(LINK)).await.unwrap();
    console
        .decrypt(&decrypt(&ada, Some(&["email"])))
        .await
        .unwrap();
    let permit = console
        .record(statement("SELECT email FROM customer"))
        .await
        .unwrap();
    assert!(console.opener().open_text(cell.as_bytes(), &mut Vec::new()));
    console.shown(permit, 1);
    console.close().await.unwrap();

    let me = door.me(&ada).await;
    let page = me.looks(None).await.unwrap();
    assert!(page.before.is_none(), "all of it was gone through");
    let told: Vec<_> = page
        .looks
        .iter()
        .rev()
        .map(|look| (look.what.unwrap(), look.who.clone(), look.fields.join(" ")))
        .collect();
    let (by_job, staff) = (
        Looker::Job("job".to_owned()),
        Looker::Staff(vec!["on-call".to_owned()]),
    );
    assert_eq!(
        told,
        [
            (
                EntryKind::SubjectCreated,
                by_job.clone(),
                "email phone".to_owned()
            ),
            (EntryKind::Reveal, by_job.clone(), "email".to_owned()),
            (EntryKind::Seal, by_job, "email".to_owned()),
            (EntryKind::GrantIssued, staff.clone(), "email".to_owned()),
            (
                EntryKind::StatementOpened,
                staff.clone(),
                "email".to_owned()
            ),
            (EntryKind::StatementShown, staff, "email".to_owned()),
        ]
    );
    let other = door.me(&bob).await;
    let theirs = other.looks(None).await.unwrap().looks;
    assert_eq!(theirs.len(), 2, "made, and revealed");

    check_proofs(&bed.vault, &me, &other, &page.looks).await;
    for (log, index) in [("0a", 1), (page.looks[0].log.as_str(), 1_000_000)] {
        assert_eq!(me.look(log, index).await.unwrap_err().code(), "not_found");
    }
    assert_eq!(
        me.looks(Some("nonsense")).await.unwrap_err().code(),
        "before"
    );
}

/// What proves a look leads from the signed checkpoint to the person's own leaf; nobody else gets it.
async fn check_proofs(vault: &Vault, me: &Me, other: &Me, looks: &[Look]) {
    for look in looks {
        let bundle = me.look_proof(&look.log, look.index).await.unwrap();
        let bundle = ProofBundle::parse(&bundle).unwrap();
        bundle
            .verify(&[vault.audit().verifier_key().clone()])
            .unwrap();
        let entry = Entry::parse(&bundle.logs[0].entries[0].bytes).unwrap();
        let leaf = me.look_leaf(&look.log, look.index).await.unwrap();
        let leaf: SubjectProof = serde_json::from_slice(&leaf).unwrap();
        let (root, count) = entry.subjects().unwrap();
        assert!(leaf.verify(&root, count));
        if look.what != Some(EntryKind::SubjectCreated) && look.what != Some(EntryKind::Reveal) {
            let foreign = other.look(&look.log, look.index).await.unwrap_err();
            assert_eq!(foreign.code(), "not_found");
            assert!(other.look_proof(&look.log, look.index).await.is_err());
            assert!(other.look_leaf(&look.log, look.index).await.is_err());
            assert!(
                other
                    .object(&look.log, look.index, "not mine")
                    .await
                    .is_err()
            );
        }
    }
}

#[tokio::test]
async fn many_looks_come_page_by_page() {
    let door = Door::open().await;
    let ada = door.bed.subject("ada@example.com").await;
    let job = door.bed.caller("job").await;
    for _ in 0..60 {
        let asked = request(&ada, &["email"], "service");
        door.bed.vault.reveal(&job, &asked).await.unwrap();
    }
    let me = door.me(&ada).await;
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = me.looks(before.as_deref()).await.unwrap();
        seen.extend(page.looks.iter().map(|look| look.index));
        match page.before {
            None => break,
            next => before = next,
        }
    }
    assert_eq!(seen.len(), 61, "60 reveals, and that the person was made");
    assert!(seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
}

#[tokio::test]
async fn a_look_can_be_shown_later() {
    let door = Door::of(bed().await, SignedDuration::from_hours(48));
    let ada = door.bed.subject("ada@example.com").await;
    let me = door.me(&ada).await;
    let page = me.looks(None).await.unwrap();
    assert!(page.looks.is_empty());
    let created = entries(&door.bed, EntryKind::SubjectCreated).await;
    assert_eq!(created.len(), 1);
    door.pass(Duration::from_secs(49 * 3_600)).await;
    let page = door.me(&ada).await.looks(None).await.unwrap();
    assert_eq!(page.looks.len(), 1);
}

#[tokio::test]
async fn what_was_not_right_becomes_a_finding() {
    let door = Door::open().await;
    let (bed, vault) = (&door.bed, &door.bed.vault);
    let ada = bed.subject("ada@example.com").await;
    let engineer = bed.caller("on_call").await;
    let mut console = vault.connect(engineer, "shop").await.unwrap();
    let session = console.justify(REASON, Some(LINK)).await.unwrap();
    console
        .decrypt(&decrypt(&ada, Some(&["email"])))
        .await
        .unwrap();
    console.close().await.unwrap();
    let me = door.me(&ada).await;
    let looks = me.looks(None).await.unwrap().looks;
    let note = "I never wrote to anybody, says Ada Lovelace";
    for look in &looks {
        me.object(&look.log, look.index, note).await.unwrap();
    }
    assert_eq!(
        me.object(&looks[0].log, looks[0].index, " ")
            .await
            .unwrap_err()
            .code(),
        "note"
    );
    assert!(!bed.log_text().await.contains("Lovelace"));
    let auditor = bed.caller("auditor").await;
    let objections = vault.objections(&auditor).await.unwrap();
    assert_eq!(objections.len(), 2, "{objections:?}");
    // The newest look, the grant, came first; the other one was no look of a session.
    assert_eq!(objections[1].session, Some(session));
    assert_eq!(objections[0].session, None);
    for objection in &objections {
        assert_eq!(objection.note.as_deref(), Some(note));
        let looked = looks.iter().any(|look| look.index == objection.about);
        assert!(looked, "{objection:?}");
    }
    let step = StepQuery::default();
    let steps = vault.session_steps(&auditor, session, step).await.unwrap();
    let told = steps
        .steps
        .iter()
        .filter(|step| step.why.as_deref() == Some("objected"));
    assert_eq!(told.count(), 1);
    let operator = bed.caller("operator").await;
    assert_eq!(
        vault.objections(&operator).await.unwrap_err().code(),
        "policy_denied"
    );
}

/// The request's id, which the engineer is told.
fn asked_as(error: &Error) -> GrantRequestId {
    let text = error.to_string();
    assert!(text.contains("for the person to agree"), "{text}");
    crate::granting::request_id(error)
}

#[tokio::test]
async fn a_person_who_is_asked_agrees_to_exactly_that() {
    let door = Door::open().await;
    let (bed, vault) = (&door.bed, &door.bed.vault);
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let cell = sealed(bed, &ada, "email", "ada@example.com").await;
    let others = sealed(bed, &bob, "email", "bob@example.com").await;
    let engineer = bed.caller("on_call").await;
    let mut console = vault.connect(engineer.clone(), "shop").await.unwrap();
    console.justify(REASON, Some(LINK)).await.unwrap();
    let ask = DecryptRequest {
        consent: ASK_THE_PERSON.to_owned(),
        ..decrypt(&ada, Some(&["email"]))
    };
    let id = asked_as(&console.decrypt(&ask).await.unwrap_err());
    assert_eq!(asked_as(&console.decrypt(&ask).await.unwrap_err()), id);
    // Nobody answers for them: no colleague, no other person, not the engineer.
    let second = bed.caller("second").await;
    let error = vault.approve_request(&second, id, "").await.unwrap_err();
    assert_eq!(error.code(), "asked_of_person");
    let error = vault.approve_request(&engineer, id, "").await.unwrap_err();
    assert_eq!(error.code(), "own_request");
    let (of_ada, of_bob) = (door.me(&ada).await, door.me(&bob).await);
    assert!(of_bob.asked().await.unwrap().is_empty());
    let error = of_bob.answer_look(id, true).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
    assert!(console.decrypt(&ask).await.is_err());

    let [asked] = of_ada.asked().await.unwrap().try_into().unwrap();
    assert_eq!(asked.fields, ["email"]);
    assert_eq!((asked.minutes, asked.state), (15, RequestState::Waiting));
    assert_eq!(asked.reason.as_deref(), Some(REASON));
    assert_eq!(asked.who, Looker::Staff(vec!["on-call".to_owned()]));
    of_ada.answer_look(id, true).await.unwrap();
    let more = DecryptRequest {
        fields: Some(vec!["email".to_owned(), "phone".to_owned()]),
        ..ask.clone()
    };
    let another = asked_as(&console.decrypt(&more).await.unwrap_err());
    assert_ne!(another, id, "a yes is for what was asked");
    let granted = console.decrypt(&ask).await.unwrap();
    assert!(
        granted.note.contains("agreed to it themself"),
        "{}",
        granted.note
    );
    let permit = console.record(statement("SELECT email FROM customer"));
    let permit = permit.await.unwrap();
    let mut opener = console.opener();
    assert!(opener.open_text(cell.as_bytes(), &mut Vec::new()));
    assert!(!opener.open_text(others.as_bytes(), &mut Vec::new()));
    console.shown(permit, 1);
    let issued = entries(bed, EntryKind::GrantIssued).await;
    assert_eq!(issued[0].facts["own_consent"], true);
    assert!(!issued[0].facts.contains_key("approved_by"));
    let approved = entries(bed, EntryKind::GrantApproved).await;
    assert_eq!(approved[0].actor.kind, "subject");
    assert_eq!(approved[0].actor.name, None);
    let late = of_ada.answer_look(id, false).await.unwrap_err();
    assert_eq!(late.code(), "request_over");
    console.close().await.unwrap();
}

#[tokio::test]
async fn a_no_and_a_yes_that_was_taken_back_open_nothing() {
    let door = Door::open().await;
    let (bed, vault) = (&door.bed, &door.bed.vault);
    let ada = bed.subject("ada@example.com").await;
    let engineer = bed.caller("on_call").await;
    let mut console = vault.connect(engineer, "shop").await.unwrap();
    console.justify(REASON, Some(LINK)).await.unwrap();
    let me = door.me(&ada).await;
    for first in [false, true] {
        let ask = DecryptRequest {
            consent: ASK_THE_PERSON.to_owned(),
            minutes: Some(5 + u32::from(first)),
            ..decrypt(&ada, Some(&["email"]))
        };
        let id = asked_as(&console.decrypt(&ask).await.unwrap_err());
        me.answer_look(id, first).await.unwrap();
        if first {
            me.answer_look(id, false).await.unwrap();
        }
        let again = me.answer_look(id, true).await.unwrap_err();
        assert_eq!(again.code(), "request_over");
        let joined = console.join_grant(crate::granting::as_grant(id)).await;
        assert_eq!(joined.unwrap_err().code(), "request_over");
    }
    assert_eq!(bed.count(EntryKind::GrantIssued).await, 0);
    let bob = bed.subject("bob@example.com").await;
    let both = DecryptRequest {
        consent: ASK_THE_PERSON.to_owned(),
        subject: format!("{ada},{bob}"),
        ..DecryptRequest::default()
    };
    let error = console.decrypt(&both).await.unwrap_err();
    assert_eq!(error.code(), "subjects_too_many");
}

#[tokio::test]
async fn nobody_is_asked_where_there_are_no_pages() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let engineer = bed.caller("on_call").await;
    let mut console = bed.vault.connect(engineer, "shop").await.unwrap();
    console.justify(REASON, Some(LINK)).await.unwrap();
    let ask = DecryptRequest {
        consent: ASK_THE_PERSON.to_owned(),
        ..decrypt(&ada, Some(&["email"]))
    };
    let error = console.decrypt(&ask).await.unwrap_err();
    assert_eq!(error.code(), "own_pages_off");
}

#[tokio::test]
async fn policy_decides_about_people_as_about_everybody() {
    let closed = r#"@id("nobody") forbid (principal is Subject, action, resource);"#;
    let door = Door::of(bed_with(closed).await, SignedDuration::ZERO);
    let ada = door.bed.subject("ada@example.com").await;
    let me = door.me(&ada).await;
    let denied = |error: Error| assert_eq!(error.code(), "policy_denied");
    denied(me.held().await.unwrap_err());
    denied(me.consent().await.unwrap_err());
    denied(me.consent_history(None).await.unwrap_err());
    denied(me.consent_receipt(1).await.unwrap_err());
    denied(me.answer("marketing", None, None).await.unwrap_err());
    denied(me.looks(None).await.unwrap_err());
    denied(me.look("0a", 1).await.unwrap_err());
    denied(me.look_proof("0a", 1).await.unwrap_err());
    denied(me.look_leaf("0a", 1).await.unwrap_err());
    denied(me.object("0a", 1, "not right").await.unwrap_err());
    denied(me.asked().await.unwrap_err());
    denied(me.rotate_telemetry_id().await.unwrap_err());
    let email = Zeroizing::new("ada@example.org".to_owned());
    denied(me.correct("email", email).await.unwrap_err());
    let values = values(&[("email", "ada@example.com")]);
    let job = door.bed.caller("job").await;
    let taken = door.bed.vault.create_subject(&job, values, &[]).await;
    assert_eq!(
        taken.unwrap_err().code(),
        "not_unique",
        "nothing was changed"
    );
}
