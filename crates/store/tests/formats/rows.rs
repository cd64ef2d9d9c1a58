//! The same rows for each engine and format, and what this version must find in them.

use jiff::Timestamp;
use jiff::civil::date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::{
    AliasRow, Change, ChangeKind, ConsentEnd, ConsentPlace, ConsentRow, DataStore, GrantRow,
    KeyRow, KeyStore, NewConsentRow, NoticeRow, Orphans, Review, ScramVerifier, SessionEntry,
    SessionEntryFilter, SessionFilter, SessionPart, SessionRow, SubjectRequestFilter, SubjectRow,
    TokenRow, Verdict,
};
use privet_vault::{GrantId, Oid, Puid, SessionId, SubjectRef, TokenId};

/// How an engine writes literals down.
pub(crate) struct Literals {
    pub(crate) id: fn(u8) -> String,
    pub(crate) bytes: fn(u8, usize) -> String,
    /// One subject, where a grant is for several.
    pub(crate) subjects: fn(&str) -> String,
    /// Fields 1 and 3.
    pub(crate) fields: &'static str,
    /// Whether the row of a value names its indexes.
    pub(crate) indexes: bool,
}

/// Two values, one with a unique index; a session that was approved and one that waits; their entries.
pub(crate) fn data(sql: &Literals) -> String {
    let Literals { id, bytes, .. } = sql;
    let (one, other) = (id(1), id(2));
    let (approved, waiting) = (id(0x51), id(0x52));
    let (token, index) = (id(0x70), bytes(0x15, 18));
    let indexes = |given: &str| match sql.indexes {
        true => (", indexes", format!(", {given}")),
        false => ("", String::new()),
    };
    let (column, indexed) = indexes(&format!("ARRAY[{index}::bytea]"));
    let (_, bare) = indexes("'{}'");
    format!(
        "INSERT INTO value (puid, field, sealed{column}) VALUES
           ({one}, 1, {}{bare}), ({one}, 3, {}{indexed}), ({other}, 1, {}{bare});
         INSERT INTO value_index (puid, field, bytes, unique_value) VALUES ({one}, 3, {index}, true);
         INSERT INTO session (id, principal, token, source, started_at, active_at, ended_at, decrypted, statements, opened,
             verdict, reviewer, reviewed_at) VALUES
           ({approved}, 'on_call', {token}, 'shop', 1000000001, 2000000002, 3000000003, true, 7, 5, 'approved', 'auditor',
            4000000004),
           ({waiting}, 'on_call', {token}, 'shop', 5000000005, 6000000006, NULL, false, 2, 0, NULL, NULL, NULL);
         INSERT INTO session_entry (session, origin, position) VALUES
           ({approved}, 'a.example/1', 11), ({approved}, 'b.example/1', 4), ({waiting}, 'a.example/1', 12);",
        bytes(0x11, 64),
        bytes(0x13, 64),
        bytes(0x21, 64),
    )
}

/// Whom a grant was for, in the formats of the key store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grants {
    OfOne,
    OfSeveral,
}

/// A subject with its keys and a name; an open grant on its data, and one that ended; a token; the sequence.
pub(crate) fn keys(sql: &Literals, grants: Grants) -> String {
    let Literals {
        id, bytes, fields, ..
    } = sql;
    let (subject, wrapped, key) = (id(0xA0), bytes(0xEE, 90), bytes(0xCC, 32));
    let (session, token) = (id(0x51), id(0x70));
    let (column, granted) = match grants {
        Grants::OfOne => ("subject", subject.clone()),
        Grants::OfSeveral => ("subjects", (sql.subjects)(&subject)),
    };
    let found = match grants {
        Grants::OfOne => String::new(),
        Grants::OfSeveral => format!(
            "INSERT INTO granted_subject (subject, grant_id) VALUES ({subject}, {}), ({subject}, {});",
            id(0x61),
            id(0x62)
        ),
    };
    format!(
        "INSERT INTO subject (reference, tenant, puid, oid, created_at, mac)
           VALUES ({subject}, 'acme', {}, {}, 1000000001, {});
         INSERT INTO wrapped_key (id, tenant, kind, owner, generation, wrapped, commitment, created_at, expires_on) VALUES
           ({}, 'acme', {}, {subject}, 1, {wrapped}, {key}, 1000000001, NULL),
           ({}, 'acme', {}, {subject}, 67560, {wrapped}, {key}, 1000000001, 23741);
         INSERT INTO alias (source, table_name, row_key, subject, mac) VALUES ('shop', 'customer', '42', {subject}, {});
         INSERT INTO token (id, principal, sha256, scram_iterations, scram_salt, scram_stored_key, scram_server_key, created_at,
             expires_at, revoked_at, note)
           VALUES ({token}, 'on_call', {}, 4096, {}, {}, {}, 1000000001, 9000000009, NULL, 'laptop');
         INSERT INTO access_grant (id, session, principal, {column}, fields, starts_at, ends_at, ended_at, granted) VALUES
           ({}, {session}, 'on_call', {granted}, '{fields}', 1000000001, 8000000008, NULL, 1),
           ({}, {session}, 'on_call', {granted}, '{fields}', 1000000001, 8000000008, 2000000002, 2);
         {found}
         INSERT INTO change (sequence, kind, id) VALUES (1, 1, {}), (2, 1, {}), (3, 2, {});
         INSERT INTO log_position (origin, position) VALUES ('a.example/1', 40);",
        id(1),
        id(0xB0),
        bytes(0xD0, 32),
        id(0xA1),
        KeyKind::SubjectAccount.code(),
        id(0xA2),
        KeyKind::SubjectRetention.code(),
        bytes(0xD1, 32),
        bytes(0x71, 32),
        bytes(0x72, 16),
        bytes(0x73, 32),
        bytes(0x74, 32),
        id(0x61),
        id(0x62),
        id(0x61),
        id(0x62),
        id(0x62),
    )
}

fn at(seconds: i64, nanoseconds: i32) -> Timestamp {
    Timestamp::new(seconds, nanoseconds).unwrap()
}

fn session(id: u8) -> SessionRow {
    SessionRow {
        id: SessionId::from_bytes([id; 16]),
        principal: "on_call".parse().unwrap(),
        token: TokenId::from_bytes([0x70; 16]),
        source: "shop".parse().unwrap(),
        started_at: at(5, 5),
        active_at: at(6, 6),
        ended_at: None,
        decrypted: false,
        statements: 2,
        opened: 0,
        emergency_at: None,
        review: None,
    }
}

/// Everything of [`data`] is there, and can be used.
pub(crate) async fn find_data(store: &dyn DataStore) {
    let [one, other] = [1, 2].map(|id| Puid::from_bytes([id; 16]));
    let values = store.values(&[one, other], &[1, 3]).await.unwrap();
    let sealed = |byte| Some(vec![byte; 64]);
    assert_eq!(values, [[sealed(0x11), sealed(0x13)], [sealed(0x21), None]]);
    assert_eq!(store.lookup(3, [0x15; 18], 9).await.unwrap(), [one]);
    assert_eq!(store.fields_of(one).await.unwrap(), [1, 3]);

    let approved = SessionRow {
        started_at: at(1, 1),
        active_at: at(2, 2),
        ended_at: Some(at(3, 3)),
        decrypted: true,
        statements: 7,
        opened: 5,
        review: Some(Review {
            verdict: Verdict::Approved,
            reviewer: "auditor".parse().unwrap(),
            at: at(4, 4),
        }),
        ..session(0x51)
    };
    let all = store.sessions(&SessionFilter::default()).await.unwrap();
    assert_eq!(all, [session(0x52), approved.clone()]);
    let pending = SessionFilter {
        verdict: Some(Verdict::Pending),
        ..SessionFilter::default()
    };
    assert_eq!(store.sessions(&pending).await.unwrap(), [session(0x52)]);
    let emergency = SessionFilter {
        emergency: Some(true),
        ..SessionFilter::default()
    };
    assert_eq!(store.sessions(&emergency).await.unwrap(), []);
    // Whatever a part is asked for, entries that have none are among them.
    let filter = SessionEntryFilter {
        session: approved.id,
        at_least: SessionPart::Frame,
        after: 0,
        count_max: 9,
    };
    let entries = store.session_entries(&filter).await.unwrap();
    let places: Vec<_> = entries
        .iter()
        .map(|SessionEntry { origin, index, .. }| (origin.as_str(), *index))
        .collect();
    assert_eq!(places, [("a.example/1", 11), ("b.example/1", 4)]);

    // What is written now goes over the old rows, and erasure finds them with their indexes.
    let urgent = SessionRow {
        emergency_at: Some(at(7, 7)),
        ..session(0x52)
    };
    store.put_session(urgent.clone()).await.unwrap();
    assert_eq!(store.sessions(&emergency).await.unwrap(), [urgent]);
    find_consent(store).await;
    find_notices(store).await;
    assert_eq!(store.delete_subject(one).await.unwrap(), 2);
    assert_eq!(store.lookup(3, [0x15; 18], 9).await.unwrap(), []);
}

/// Nobody had answered anything; now they can.
async fn find_consent(store: &dyn DataStore) {
    let place = ConsentPlace([7; 16]);
    let states = async || store.consent_states(&[place]).await.unwrap();
    assert_eq!(states().await, [None]);
    let first = NewConsentRow {
        place,
        row: ConsentRow {
            state: vec![8; 64],
            evidence: None,
        },
        granted: Vec::new(),
    };
    assert_eq!(store.append_consent(vec![first]).await, Ok(vec![true]));
    assert_eq!(states().await, [Some(vec![8; 64])]);
}

/// No text was kept; now it is.
async fn find_notices(store: &dyn DataStore) {
    let versions = ["2026-11".to_owned()];
    assert_eq!(store.notices(&versions).await, Ok(Vec::new()));
    let row = NoticeRow {
        version: versions[0].clone(),
        purpose: "marketing".to_owned(),
        language: "de".to_owned(),
        text: "Wir schreiben Ihnen.".to_owned(),
        sha256: [0x31; 32],
        since: at(7, 7),
    };
    store.add_notices(vec![row.clone()]).await.unwrap();
    assert_eq!(store.notices(&versions).await, Ok(vec![row]));
}

/// Everything of [`keys`] is there, and can be used.
pub(crate) async fn find_keys(store: &dyn KeyStore) {
    let reference = SubjectRef::from_bytes([0xA0; 16]);
    let subject = SubjectRow {
        reference,
        tenant: "acme".parse().unwrap(),
        puid: Puid::from_bytes([1; 16]),
        oid: Oid::from_bytes([0xB0; 16]),
        created_at: at(1, 1),
        mac: [0xD0; 32],
    };
    let oids = [subject.oid];
    assert_eq!(
        store.subjects_by_oid(&oids).await.unwrap(),
        [Some(subject.clone())]
    );
    let alias = AliasRow {
        source: "shop".parse().unwrap(),
        table: "customer".to_owned(),
        key: "42".to_owned(),
        subject: reference,
        mac: [0xD1; 32],
    };
    let rows = ["42".to_owned()];
    let named = store
        .subjects_by_alias(&alias.source, "customer", &rows)
        .await;
    assert_eq!(named.unwrap(), [Some((alias, subject))]);
    let key = |id, kind, generation, expires_on| KeyRow {
        id: KeyId([id; 16]),
        tenant: "acme".parse().unwrap(),
        kind,
        owner: [0xA0; 16],
        generation,
        wrapped: vec![0xEE; 90],
        commitment: [0xCC; 32],
        created_at: at(1, 1),
        expires_on,
        told: 0,
    };
    let retained = key(
        0xA2,
        KeyKind::SubjectRetention,
        67_560,
        Some(date(2035, 1, 1)),
    );
    let owned = store.keys_of_subjects(&[reference]).await.unwrap();
    let account = key(0xA1, KeyKind::SubjectAccount, 1, None);
    assert_eq!(owned, [[account, retained.clone()]]);
    let token = TokenRow {
        id: TokenId::from_bytes([0x70; 16]),
        principal: "on_call".parse().unwrap(),
        sha256: [0x71; 32],
        scram: ScramVerifier {
            iterations: 4096,
            salt: [0x72; 16],
            stored_key: [0x73; 32],
            server_key: [0x74; 32],
        },
        created_at: at(1, 1),
        expires_at: at(9, 9),
        revoked_at: None,
        note: "laptop".to_owned(),
    };
    assert_eq!(store.tokens().await.unwrap(), [token]);
    assert_eq!(store.log_position("a.example/1").await.unwrap(), 40);
    assert_eq!(store.orphans().await.unwrap(), Orphans::default());
    find_grants(store, retained.id).await;
    let orphans = store.orphans().await.unwrap();
    assert_eq!(orphans.puids, [Puid::from_bytes([1; 16])]);
}

/// The grants of [`keys`] are there, and end with the subject, of which only what law keeps stays.
async fn find_grants(store: &dyn KeyStore, kept: KeyId) {
    let reference = SubjectRef::from_bytes([0xA0; 16]);
    let grant = |id, ended_at| GrantRow {
        id: GrantId::from_bytes([id; 16]),
        session: SessionId::from_bytes([0x51; 16]),
        principal: "on_call".parse().unwrap(),
        subjects: vec![reference],
        fields: vec![1, 3],
        request: None,
        emergency: false,
        starts_at: at(1, 1),
        ends_at: at(8, 8),
        ended_at,
    };
    let (open, ended) = (grant(0x61, None), grant(0x62, Some(at(2, 2))));
    let grants = store.grants_of(open.session).await.unwrap();
    assert_eq!(grants, [open.clone(), ended.clone()]);
    let newest = store.grants_since(at(8, 0), 9).await.unwrap();
    assert_eq!(newest, [ended.clone(), open.clone()]);
    assert_eq!(store.live_requests(at(0, 0), 9).await.unwrap(), []);
    let asked = SubjectRequestFilter {
        count_max: 9,
        ..SubjectRequestFilter::default()
    };
    assert_eq!(store.subject_requests(&asked).await.unwrap(), []);
    let steps = [
        ChangeKind::Granted(open.id),
        ChangeKind::Granted(ended.id),
        ChangeKind::GrantEnded(ended.id),
    ];
    let numbered = |steps: &[ChangeKind]| -> Vec<Change> {
        let numbered = (1..).zip(steps);
        let change = |(sequence, kind): (u64, &ChangeKind)| Change {
            sequence,
            kind: *kind,
        };
        numbered.map(change).collect()
    };
    assert_eq!(store.changes_after(0).await.unwrap(), numbered(&steps));

    // An erasure now ends the grant that was given then, and leaves what law keeps.
    let left = store
        .destroy_subject(
            reference,
            date(2026, 11, 26),
            at(7, 7),
            None,
            ConsentEnd::default(),
        )
        .await
        .unwrap();
    assert_eq!(left.iter().map(|key| key.id).collect::<Vec<_>>(), [kept]);
    let after = store.grant(open.id).await.unwrap().unwrap();
    assert_eq!(after, grant(0x61, Some(at(7, 7))));
    let steps = [
        &steps[..],
        &[
            ChangeKind::GrantEnded(open.id),
            ChangeKind::Erased(reference),
        ],
    ];
    assert_eq!(
        store.changes_after(0).await.unwrap(),
        numbered(&steps.concat())
    );
}
