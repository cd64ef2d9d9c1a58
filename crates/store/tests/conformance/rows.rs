//! Rows to put: made from small numbers, so that a test says only what matters to it.

use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::{
    AliasRow, ConsentPlace, GrantRequestRow, GrantRow, IndexEntry, KeyRow, LogBatch, LogState,
    NewSubject, ScramVerifier, SessionRow, SideRow, SubjectRow, TileRow, TokenRow, ValueWrite,
};
use privet_vault::{GrantId, GrantRequestId, Oid, Puid, SessionId, SubjectRef, TokenId};

pub(crate) const ORIGIN: &str = "privet.local/test/1";

/// Sixteen bytes that look random and differ in every eight, as ids of real rows do.
pub(crate) fn bytes(kind: u8, n: u32) -> [u8; 16] {
    let mut state = u64::from(n) << 8 | u64::from(kind);
    let mut out = [0; 16];
    for byte in &mut out {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    out
}

pub(crate) fn wide<const N: usize>(kind: u8, n: u32) -> [u8; N] {
    std::array::from_fn(|i| bytes(kind, n.wrapping_add((i as u32 / 16) << 20))[i % 16])
}

pub(crate) fn puid(n: u32) -> Puid {
    Puid::from_bytes(bytes(1, n))
}

pub(crate) fn oid(n: u32) -> Oid {
    Oid::from_bytes(bytes(2, n))
}

pub(crate) fn reference(n: u32) -> SubjectRef {
    SubjectRef::from_bytes(bytes(3, n))
}

pub(crate) fn session_id(n: u32) -> SessionId {
    SessionId::from_bytes(bytes(4, n))
}

pub(crate) fn grant_id(n: u32) -> GrantId {
    GrantId::from_bytes(bytes(5, n))
}

pub(crate) fn token_id(n: u32) -> TokenId {
    TokenId::from_bytes(bytes(6, n))
}

/// Where subject `n`'s event `number` lies.
pub(crate) fn place(n: u32, number: u64) -> ConsentPlace {
    ConsentPlace(bytes(11, 1_000 * n + number as u32))
}

pub(crate) fn key_id(n: u32) -> KeyId {
    KeyId(bytes(7, n))
}

/// Seconds after a fixed moment, with nanoseconds, so that a store that rounds is caught.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_790_000_000 + seconds, 123_456_789).unwrap()
}

pub(crate) fn day(n: i8) -> Date {
    Date::constant(2026, 11, n)
}

pub(crate) fn index(n: u8, unique: bool) -> IndexEntry {
    IndexEntry {
        bytes: [n; 18],
        unique,
    }
}

pub(crate) fn value(subject: u32, field: u16, sealed: &[u8], entries: &[IndexEntry]) -> ValueWrite {
    ValueWrite {
        puid: puid(subject),
        field,
        sealed: Some(sealed.to_vec()),
        index: entries.to_vec(),
    }
}

pub(crate) fn no_value(subject: u32, field: u16) -> ValueWrite {
    ValueWrite {
        puid: puid(subject),
        field,
        sealed: None,
        index: Vec::new(),
    }
}

pub(crate) fn session(n: u32, started: i64) -> SessionRow {
    SessionRow {
        id: session_id(n),
        principal: "ada".parse().unwrap(),
        token: token_id(n),
        source: "shop".parse().unwrap(),
        started_at: at(started),
        active_at: at(started + 1),
        ended_at: None,
        decrypted: false,
        statements: 3,
        opened: 0,
        emergency_at: None,
        review: None,
    }
}

pub(crate) fn key(n: u32, kind: KeyKind, owner: [u8; 16], generation: u32) -> KeyRow {
    // As `seal` wraps: version, suite and the wrapping key's id are the same in all, the rest in none.
    let mut wrapped = vec![1, 1];
    wrapped.extend(bytes(8, 0));
    wrapped.extend(wide::<60>(9, n));
    KeyRow {
        id: key_id(n),
        tenant: "acme".parse().unwrap(),
        kind,
        owner,
        generation,
        wrapped,
        commitment: wide(10, n),
        created_at: at(i64::from(n)),
        expires_on: None,
        told: 0,
    }
}

/// Subject `n` with an account and an operational key (ids `10 n` and `10 n + 1`) and the alias `customer:n` in `shop`.
pub(crate) fn subject(n: u32) -> NewSubject {
    let owner = *reference(n).as_bytes();
    NewSubject {
        subject: subject_row(n),
        keys: vec![
            key(10 * n, KeyKind::SubjectAccount, owner, 1),
            key(10 * n + 1, KeyKind::SubjectOperational, owner, 1),
        ],
        aliases: vec![alias("customer", n, n)],
    }
}

pub(crate) fn subject_row(n: u32) -> SubjectRow {
    SubjectRow {
        reference: reference(n),
        tenant: "acme".parse().unwrap(),
        puid: puid(n),
        oid: oid(n),
        created_at: at(i64::from(n)),
        mac: wide(11, n),
    }
}

pub(crate) fn alias(table: &str, key: u32, subject: u32) -> AliasRow {
    AliasRow {
        source: "shop".parse().unwrap(),
        table: table.to_owned(),
        key: key.to_string(),
        subject: reference(subject),
        mac: wide(12, key),
    }
}

/// Retention key `10 n + 2` of subject `n`.
pub(crate) fn retention_key(n: u32, expires_on: Date) -> KeyRow {
    let owner = *reference(n).as_bytes();
    KeyRow {
        expires_on: Some(expires_on),
        ..key(10 * n + 2, KeyKind::SubjectRetention, owner, 7 << 16 | 2026)
    }
}

pub(crate) fn token(n: u32, principal: &str) -> TokenRow {
    TokenRow {
        id: token_id(n),
        principal: principal.parse().unwrap(),
        sha256: wide(13, n),
        scram: ScramVerifier {
            iterations: 4096,
            salt: bytes(14, n),
            stored_key: wide(15, n),
            server_key: wide(16, n),
        },
        created_at: at(i64::from(n)),
        expires_at: at(1_000_000),
        revoked_at: None,
        note: format!("token {n}"),
    }
}

pub(crate) fn grant(n: u32, session: u32, subject: u32) -> GrantRow {
    GrantRow {
        id: grant_id(n),
        session: session_id(session),
        principal: "ada".parse().unwrap(),
        subjects: vec![reference(subject)],
        fields: vec![1, 7, 65_535],
        request: None,
        emergency: false,
        starts_at: at(0),
        ends_at: at(900),
        ended_at: None,
    }
}

pub(crate) fn request_id(n: u32) -> GrantRequestId {
    GrantRequestId::from_bytes(bytes(19, n))
}

/// Asked at `n`, for an hour.
pub(crate) fn request(n: u32, session: u32) -> GrantRequestRow {
    let asked = i64::from(n);
    GrantRequestRow {
        id: request_id(n),
        session: session_id(session),
        principal: "ada".parse().unwrap(),
        source: "shop".parse().unwrap(),
        subjects: vec![reference(2), reference(1)],
        fields: vec![3, 1],
        minutes: 15,
        asked_at: at(asked),
        expires_at: at(asked + 3_600),
        decision: None,
        grant: None,
        tell_at: None,
    }
}

pub(crate) fn side(n: u32) -> SideRow {
    SideRow {
        sha256: wide(17, n),
        sealed: wide::<300>(18, n).to_vec(),
    }
}

pub(crate) fn tile(level: u8, number: u64, width: u16) -> TileRow {
    TileRow {
        level,
        number,
        width,
        data: vec![width as u8; usize::from(width) * 32],
    }
}

/// Entries `before..after`, each naming its position, without tiles and side records.
pub(crate) fn batch(before: u64, after: u64) -> LogBatch {
    LogBatch {
        size_before: before,
        entries: (before..after).map(entry).collect(),
        sides: Vec::new(),
        tiles: Vec::new(),
        state: LogState {
            size: after,
            checkpoint: format!("checkpoint of {after}").into_bytes(),
            last_entry_at: at(after as i64),
        },
    }
}

pub(crate) fn entry(position: u64) -> Vec<u8> {
    format!("entry {position}").into_bytes()
}
