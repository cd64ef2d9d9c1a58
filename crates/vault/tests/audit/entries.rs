//! Each kind of entry has exactly the bytes that `docs/formats/audit-entries.md` shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use privet_seal::{Entropy, RecordKey, Secret32};
use privet_tlog::note::SigningKey;
use privet_vault::audit::{Actor, AuditLog, Entry, EntryKind, Record, Ruling, SubjectUse};
use privet_vault::{
    Form, GrantId, PrincipalKind, SessionId, SubjectRef, SubjectRequestId, TokenId,
};
use serde_json::json;
use sha2::Digest as _;

use crate::support::{MemoryLog, ORIGIN, TestClock, side_key, signer};

const DOCUMENTATION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/formats/audit-entries.md"
);

#[tokio::test]
async fn every_kind_is_documented_byte_by_byte() {
    let documentation = std::fs::read_to_string(DOCUMENTATION).unwrap();
    let examples: BTreeMap<&str, &str> = documentation
        .lines()
        .filter(|line| line.starts_with(r#"{"v":1,"t":""#))
        .map(|line| (line.split('"').nth(5).unwrap(), line))
        .collect();
    for kind in EntryKind::ALL {
        let bytes = example_bytes(*kind).await;
        let this = concat!("privet ", env!("CARGO_PKG_VERSION"));
        let entry = String::from_utf8(bytes.clone())
            .unwrap()
            .replace(this, "privet 0.1.0");
        let documented = examples.get(kind.as_str()).copied().unwrap_or("nothing");
        assert_eq!(documented, entry, "the documentation of `{kind}`");

        let read = Entry::parse(&bytes).unwrap();
        assert_eq!(read.kind(), Some(*kind));
        assert_eq!((read.v, read.env.as_str()), (1, "test"));
        assert_eq!(read.side().is_some(), entry.contains(r#""side":"#));
        assert_eq!(read.subjects().is_some(), entry.contains(r#""subjects":{"#));
    }
    assert_eq!(
        examples.len(),
        EntryKind::ALL.len(),
        "an example of no kind"
    );
}

/// The side record and the subject's proof in the documentation are those of its `reveal`.
#[tokio::test]
async fn the_documented_side_record_opens_with_the_documented_key() {
    let documentation = std::fs::read_to_string(DOCUMENTATION).unwrap();
    let line = |start: &str| {
        let line = documentation.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("no line begins with `{start}`"))
            .to_owned()
    };
    let log = log().await;
    let index = log
        .record(example(EntryKind::Reveal), &side_key())
        .await
        .unwrap();
    let entry = Entry::parse(&log.entry(index).await.unwrap()).unwrap();
    let sealed = hex(&line("0103030303"));
    assert_eq!(
        entry.side().unwrap().as_slice(),
        sha2::Sha256::digest(&sealed).as_slice()
    );

    let key = RecordKey::from(Secret32::from_slice(&[4; 32]).unwrap());
    let (header, record) = sealed.split_at(17);
    let opened = key
        .open(record, &[b"privet/v1/side", header].concat())
        .unwrap();
    assert_eq!(str::from_utf8(&opened).unwrap(), line(r#"{"v":1,"seed":"#));

    let side = log
        .side(&entry)
        .await
        .unwrap()
        .unwrap()
        .open(&side_key())
        .unwrap();
    let proof = side.subject_proof(reference(0x52)).unwrap();
    assert_eq!(
        serde_json::to_string(&proof).unwrap(),
        line(r#"{"index":1,"#)
    );
    let (root, count) = entry.subjects().unwrap();
    assert!(proof.verify(&root, count));
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text
        .as_bytes()
        .chunks(2)
        .map(|digits| str::from_utf8(digits).unwrap());
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

#[tokio::test]
async fn nothing_personal_stands_in_an_entry() {
    for kind in EntryKind::ALL {
        let entry = String::from_utf8(example_bytes(*kind).await).unwrap();
        for personal in [
            "192.0.2.7",
            "example.com",
            "select",
            "Invoice",
            "customer:42",
        ] {
            assert!(!entry.contains(personal), "`{personal}` in {entry}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_purpose_goes_to_the_side_record() {
    for odd in ["Jane Doe", "a@example.com", &"x".repeat(65), "support\n"] {
        let log = log().await;
        let record = Record::new(EntryKind::RevealDenied, ada()).purpose(odd);
        let index = log.record(record, &side_key()).await.unwrap();
        let entry = Entry::parse(&log.entry(index).await.unwrap()).unwrap();
        assert_eq!(entry.purpose, None);
        let side = log
            .side(&entry)
            .await
            .unwrap()
            .unwrap()
            .open(&side_key())
            .unwrap();
        assert_eq!(side.data["purpose"], odd);
    }
}

#[test]
fn a_newer_entry_can_be_read_and_an_unknown_version_cannot() {
    let newer = br#"{"v":1,"t":"moon.landed","ts":"2026-11-20T17:12:03.123456Z","env":"test","actor":{"kind":"system"},"new":1}"#;
    let entry = Entry::parse(newer).unwrap();
    assert_eq!((entry.kind(), entry.t.as_str()), (None, "moon.landed"));
    for unreadable in [&b"{}"[..], b"", b"[]", b"\xff"] {
        assert!(Entry::parse(unreadable).is_err());
    }
    let version_2 = String::from_utf8(newer.to_vec())
        .unwrap()
        .replace("\"v\":1", "\"v\":2");
    assert!(Entry::parse(version_2.as_bytes()).is_err());
}

async fn example_bytes(kind: EntryKind) -> Vec<u8> {
    let log = log().await;
    if matches!(kind, EntryKind::LogOpened) {
        return log.entry(0).await.unwrap();
    }
    let index = log.record(example(kind), &side_key()).await.unwrap();
    log.entry(index).await.unwrap()
}

async fn log() -> AuditLog {
    let signer: SigningKey = signer();
    AuditLog::start(
        Arc::new(MemoryLog::default()),
        ORIGIN.to_owned(),
        "test".parse().unwrap(),
        signer,
        TestClock::new(),
        Arc::new(Counting),
        crate::support::patient(),
    )
    .await
    .unwrap()
}

/// Bytes that are the same in every run and with every version of a generator.
struct Counting;

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        (0..=u8::MAX)
            .cycle()
            .zip(out)
            .for_each(|(byte, place)| *place = byte);
    }
}

fn example(kind: EntryKind) -> Record {
    use EntryKind as K;
    match kind {
        K::SubjectCreated => by(kind, job()).subject(subject(1, &[1, 2])),
        K::SubjectUpdated => by(kind, job()).subject(subject(1, &[2])),
        K::SubjectDescribed => by(kind, ada()).subject(subject(0, &[1, 2])),
        K::ConsentGranted
        | K::ConsentWithdrawn
        | K::ConsentRead
        | K::KeptConsentRead
        | K::NoticeKept => consent_example(kind),
        K::TelemetryIdRotated => by(kind, job()).ruling(yes()).subject(subject(0, &[])),
        K::QueryStarted | K::QueryFinished | K::QueryDenied => query_example(kind),
        K::Reveal => by(kind, ada())
            .purpose("support")
            .form(Form::Masked)
            .ruling(yes())
            .subjects([subject(1, &[1, 2]), other(1, &[1, 2])]),
        K::RevealDenied => by(kind, job())
            .purpose("marketing")
            .reason("purpose_not_allowed")
            .count("subjects", 100)
            .count("fields", 1),
        K::Lookup => by(kind, ada())
            .purpose("support")
            .ruling(yes())
            .fact("field", 1)
            .count("hits", 1)
            .subject(subject(1, &[1])),
        K::Seal => by(kind, job()).subject(subject(1, &[1])),
        K::Open => by(kind, job())
            .purpose("service")
            .form(Form::Clear)
            .ruling(yes())
            .subject(subject(1, &[1])),
        K::LookupDenied | K::OpenDenied => by(kind, job()).purpose("service").ruling(no()),
        K::SubjectDenied
        | K::ConsentDenied
        | K::TelemetryIdDenied
        | K::SealDenied
        | K::TelemetryDenied
        | K::TokenDenied
        | K::AdoptDenied
        | K::ErasureDenied
        | K::RequestDenied
        | K::LogDenied => by(kind, job()).ruling(no()),
        K::SessionOpened
        | K::SessionJoined
        | K::SessionStatements
        | K::SessionRefused
        | K::SessionEnded
        | K::SessionRead
        | K::SessionReviewed
        | K::GrantIssued
        | K::GrantDenied
        | K::GrantEnded
        | K::GrantRequested
        | K::GrantApproved
        | K::GrantRejected
        | K::GrantRead
        | K::Finding
        | K::StatementOpened
        | K::StatementShown
        | K::Probe
        | K::ProbeDenied => session_example(kind),
        _ => other_example(kind),
    }
}

fn consent_example(kind: EntryKind) -> Record {
    match kind {
        EntryKind::NoticeKept => Record::new(kind, Actor::System)
            .fact("version", "2026-11")
            .fact("purpose", "marketing")
            .fact("language", "en")
            .fact("sha256", "5c".repeat(32)),
        EntryKind::ConsentRead => by(kind, job())
            .ruling(yes())
            .fact("what", "history")
            .subject(subject(0, &[])),
        EntryKind::KeptConsentRead => by(kind, bea())
            .ruling(yes())
            .personal("puid", "0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d")
            .personal("reason", "claim 4711 about an advertisement"),
        _ => by(kind, job())
            .ruling(yes())
            .fact("channel", "web")
            .fact("purposes", json!({"marketing": "2026-11"}))
            .subject(subject(0, &[])),
    }
}

fn query_example(kind: EntryKind) -> Record {
    match kind {
        EntryKind::QueryStarted => by(kind, ada())
            .purpose("improvement")
            .ruling(yes())
            .fact("format", "csv"),
        EntryKind::QueryFinished => by(kind, ada())
            .purpose("improvement")
            .fact("outcome", "whole")
            .fact("started", 4711)
            .count("rows", 12)
            .count("bytes", 345),
        _ => by(kind, job()).purpose("service").ruling(no()),
    }
}

fn session_example(kind: EntryKind) -> Record {
    use EntryKind as K;
    let record = by(kind, ada());
    match kind {
        K::SessionOpened => record
            .session(session())
            .fact("source", "shop")
            .personal("reason", "Invoice missing after the move")
            .personal("link", "https://tickets.example.com/4711"),
        K::SessionStatements => record.session(session()).count("statements", 1).personal(
            "statements",
            json!([{"at": "2026-11-20T17:12:03.1Z", "sql": "select count(*) from customer"}]),
        ),
        K::SessionRefused => record
            .reason("policy_denied")
            .fact("source", "shop")
            .ruling(no()),
        K::SessionEnded => record.session(session()).fact("why", "the client left"),
        K::SessionRead => by(kind, bea()).fact("read", session().to_string()),
        K::SessionReviewed => by(kind, bea())
            .fact("verdict", "approved")
            .fact("reviewed", session().to_string())
            .personal("note", "The ticket asks for it."),
        K::GrantIssued
        | K::GrantDenied
        | K::GrantEnded
        | K::GrantRequested
        | K::GrantApproved
        | K::GrantRejected
        | K::GrantRead
        | K::Finding => grant_example(kind),
        K::StatementOpened => record
            .session(session())
            .grant(grant())
            .subject(subject(0, &[1, 2]))
            .personal(
                "statements",
                json!([{"sql": "select * from customer where id = 42"}]),
            ),
        K::StatementShown => record
            .session(session())
            .grant(grant())
            .fact("opened", 4711)
            .fact("fields", json!({"email": 1, "phone": 1}))
            .count("rows", 1)
            .count("values", 2)
            .subject(subject(0, &[1, 2])),
        K::Probe => record
            .session(session())
            .fact("fields", json!(["email"]))
            .count("markers", 1)
            .personal("indexes", json!(["px1_AAE"])),
        K::ProbeDenied => record.session(session()).ruling(no()),
        // `session.joined`
        _ => record.session(session()),
    }
}

fn grant_example(kind: EntryKind) -> Record {
    use EntryKind as K;
    let record = by(kind, ada());
    match kind {
        K::GrantIssued => record
            .session(session())
            .grant(grant())
            .ruling(yes())
            .subject(subject(0, &[1, 2]))
            .fact("until", "2026-11-20T17:27:03.123457Z")
            .personal("evidence", "https://tickets.example.com/4711#consent")
            .personal("subject", "customer:42"),
        K::GrantDenied => record
            .session(session())
            .reason("policy_denied")
            .ruling(no())
            .subject(subject(0, &[]))
            .personal("evidence", "https://tickets.example.com/4711#consent"),
        K::GrantEnded => record
            .session(session())
            .grant(grant())
            .fact("why", "its time was over"),
        K::GrantRequested => record
            .session(session())
            .ruling(yes())
            .subject(subject(0, &[1, 2]))
            .fact("request", "0c0c0c0c-0c0c-0c0c-0c0c-0c0c0c0c0c0c")
            .fact("minutes", 15)
            .fact("until", "2026-11-20T18:12:03.123457Z")
            .personal("evidence", "https://tickets.example.com/4711#consent")
            .personal("subject", "customer:42"),
        K::GrantApproved => by(kind, bea())
            .session(session())
            .ruling(yes())
            .fact("request", "0c0c0c0c-0c0c-0c0c-0c0c-0c0c0c0c0c0c")
            .personal("note", "The ticket asks for it."),
        K::GrantRejected => by(kind, bea())
            .session(session())
            .ruling(yes())
            .fact("request", "0c0c0c0c-0c0c-0c0c-0c0c-0c0c0c0c0c0c")
            .fact("why", "a second person said no")
            .personal("note", "The ticket is closed."),
        K::GrantRead => by(kind, bea()).fact("what", "grants").count("grants", 3),
        // `finding`
        _ => Record::new(kind, Actor::System)
            .session(session())
            .fact("finding", "emergency_unreviewed"),
    }
}

fn request_example(kind: EntryKind) -> Record {
    use EntryKind as K;
    let request = SubjectRequestId::from_bytes([12; 16]).to_string();
    match kind {
        K::RequestRun => by(kind, olga()).ruling(yes()),
        K::RequestExpired => Record::new(kind, Actor::System).fact("request", request),
        K::RequestCollecting => Record::new(kind, Actor::System)
            .fact("request", request)
            .personal("key", "0d0d0d0d-0d0d-0d0d-0d0d-0d0d0d0d0d0d")
            .subject(subject(0, &[1, 2])),
        K::RequestFileRead => by(kind, job())
            .ruling(yes())
            .fact("request", request)
            .count("from", 0)
            .count("bytes", 73_728)
            .subject(subject(0, &[])),
        K::RequestRead => by(kind, job())
            .ruling(yes())
            .fact("request", request)
            .subject(subject(0, &[])),
        _ => by(kind, job())
            .ruling(yes())
            .fact("request", request)
            .fact("kind", "erasure")
            .subject(subject(0, &[])),
    }
}

fn mail_example(kind: EntryKind) -> Record {
    let request = SubjectRequestId::from_bytes([12; 16]).to_string();
    let record = Record::new(kind, Actor::System)
        .fact("notice", "copy_ready")
        .fact("request", request);
    match kind {
        EntryKind::MailSending => record.subject(subject(1, &[1])),
        _ => record,
    }
}

fn other_example(kind: EntryKind) -> Record {
    use EntryKind as K;
    let system = Record::new(kind, Actor::System);
    match kind {
        K::ConsentImported => by(kind, job())
            .ruling(yes())
            .count("lines", 3)
            .count("granted", 3)
            .count("withdrawn", 1)
            .subjects([subject(0, &[]), other(0, &[])]),
        K::TokenIssued => by(kind, olga())
            .fact("principal", "ada")
            .fact("token", token(8).to_string()),
        K::TokenRevoked => by(kind, olga()).fact("token", token(8).to_string()),
        K::SessionCommented => by(kind, bea())
            .session(session())
            .fact("commented", session().to_string())
            .personal(
                "note",
                "Asked in the ticket why the phone number was needed.",
            ),
        K::LoginLinked | K::LoginOpened | K::LoginEnded => by(kind, bea()),
        K::AdoptStarted => by(kind, olga()).fact("source", "shop"),
        K::AdoptFinished => by(kind, olga())
            .fact("source", "shop")
            .fact("outcome", "done")
            .count("rows", 1_000)
            .count("values", 6_873),
        K::UndoRequested => by(kind, olga())
            .fact("source", "shop")
            .personal("reason", "The pilot with this database is over."),
        K::UndoStarted => by(kind, bea())
            .fact("source", "shop")
            .fact("requester", "olga")
            .count("values", 6_873)
            .personal("reason", "The pilot with this database is over."),
        K::UndoOpened => by(kind, bea())
            .fact("source", "shop")
            .subject(subject(1, &[1])),
        K::UndoFinished => by(kind, bea())
            .fact("source", "shop")
            .fact("outcome", "done")
            .count("values", 6_873)
            .count("left", 12),
        K::ErasureIntended
        | K::ErasureDone
        | K::ErasureFieldsIntended
        | K::ErasureFieldsDone
        | K::ErasureRows => erasure_example(kind),
        K::RequestAsked
        | K::RequestCancelled
        | K::RequestCollecting
        | K::RequestFileRead
        | K::RequestRun
        | K::RequestExpired
        | K::RequestRead => request_example(kind),
        K::MailSending | K::MailSent => mail_example(kind),
        K::KeysExpired => system.count("keys", 3),
        K::PolicyLoaded => system.fact("bundle", "5b".repeat(32)),
        K::LogHeartbeat | K::LogClosed => system.count("refused", 0),
        K::LogRead => by(kind, bea()).count("first", 4_000).count("entries", 100),
        K::LogDegraded => system
            .fact("what", "mirror")
            .fact("why", "it does not answer"),
        _ => panic!("`{kind}` has no example"),
    }
}

fn erasure_example(kind: EntryKind) -> Record {
    use EntryKind as K;
    match kind {
        K::ErasureIntended => by(kind, olga())
            .fact("erased", reference(1).to_string())
            .count("keys", 1)
            .personal("keys", json!([privet_seal::KeyId([6; 16]).to_string()])),
        K::ErasureDone => by(kind, olga())
            .fact("erased", reference(1).to_string())
            .count("keys", 1)
            .personal("keys", json!([privet_seal::KeyId([6; 16]).to_string()]))
            .count("kept", 1),
        K::ErasureFieldsIntended => by(kind, olga())
            .ruling(yes())
            .fact("erased_of", reference(1).to_string())
            .fact("side", "account")
            .fact("generation", 2)
            .fact("fields", json!([2]))
            .subject(subject(0, &[2]))
            .personal("checked", "asked in the shop, with a passport"),
        K::ErasureFieldsDone => by(kind, olga())
            .fact("erased_of", reference(1).to_string())
            .fact("side", "account")
            .fact("generation", 2)
            .count("keys", 1)
            .subject(subject(0, &[2]))
            .personal("deleted", 1)
            .personal("resealed", 2),
        K::ErasureRows => by(kind, olga()).count("outstanding", 0),
        _ => panic!("`{kind}` has no example"),
    }
}

fn by(kind: EntryKind, actor: Actor) -> Record {
    Record::new(kind, actor).personal("address", "192.0.2.7")
}

fn ada() -> Actor {
    actor(PrincipalKind::Person, "ada", 1)
}

fn bea() -> Actor {
    actor(PrincipalKind::Person, "bea", 2)
}

fn olga() -> Actor {
    actor(PrincipalKind::Person, "olga", 3)
}

fn job() -> Actor {
    actor(PrincipalKind::Job, "billing", 4)
}

fn actor(kind: PrincipalKind, name: &str, number: u8) -> Actor {
    Actor::Principal {
        kind,
        name: name.parse().unwrap(),
        token: Some(token(number)),
    }
}

fn token(number: u8) -> TokenId {
    TokenId::from_bytes([number; 16])
}

fn session() -> SessionId {
    SessionId::from_bytes([10; 16])
}

fn grant() -> GrantId {
    GrantId::from_bytes([11; 16])
}

fn reference(number: u8) -> SubjectRef {
    SubjectRef::from_bytes([number; 16])
}

fn subject(count: u32, fields: &[u16]) -> SubjectUse {
    SubjectUse {
        reference: reference(0x51),
        fields: fields.into(),
        count,
    }
}

fn other(count: u32, fields: &[u16]) -> SubjectUse {
    SubjectUse {
        reference: reference(0x52),
        ..subject(count, fields)
    }
}

fn yes() -> Ruling {
    Ruling {
        allow: true,
        policies: ["support".into()].into(),
        bundle: [0x5b; 32],
    }
}

fn no() -> Ruling {
    Ruling {
        allow: false,
        policies: [].into(),
        bundle: [0x5b; 32],
    }
}
