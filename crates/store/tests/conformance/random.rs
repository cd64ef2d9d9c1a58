//! Random sequences of calls must answer the same on SQLite as on the model.

use jiff::SignedDuration;
use privet_seal::KeyKind;
use privet_vault::port::{
    ConsentEnd, ConsentPlace, ConsentTold, KeyRow, LogBatch, NewConsentRow, NewSessionEntry,
    NewSubject, Review, SessionCursor, SessionEntry, SessionEntryFilter, SessionFilter,
    SessionOrder, SessionPart, SessionRow, SubjectRequestFilter, SubjectRow, TallyPeriod,
    ValueWrite, Verdict,
};
use privet_vault::subject_request::{Progress, SubjectRequestKind, SubjectRequestState};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::runtime;

use crate::rows::{
    alias, at, batch, day, grant, grant_id, index, key, key_id, no_value, oid, place, puid,
    reference, retention_key, session, session_id, side, subject, tile, token, token_id, value,
    wide,
};
use crate::salts::{event, last, salt, telling};
use crate::subject_requests::{asked, asked_id, key_of};
use crate::{Stores, consent, notice};

/// Subject, field, what is sealed, index rows.
type Put = (u32, u16, Option<u8>, Vec<(u8, bool)>);

/// Key, code of its kind, owner, generation, day of expiry.
type Key = (u32, u8, u8, u32, Option<i8>);

/// Small numbers choose rows, so that calls meet each other's rows often.
#[derive(Debug, Clone)]
enum Call {
    PutValues(Vec<Put>),
    Values(Vec<u32>, Vec<u16>),
    FieldsOf(u32),
    Lookup(u16, u8, u32),
    DeleteValues(u32),
    PutSession(u32, i64, bool, u8),
    Sessions(Option<u8>, Option<bool>, Option<bool>, Option<i64>, u32),
    SessionsAfter(bool, Option<(i64, u32)>, Option<i64>, bool),
    SessionTallies(i64, i64),
    AppendConsent(Vec<(u32, u64, u8)>),
    Consents(Vec<(u32, u64)>),
    DeleteConsent(Vec<(u32, u64)>),
    ConsentChanged(Vec<(u32, Option<u32>)>),
    AddNotices(Vec<(u8, u8)>),
    Notices(u8, u8),
    AddSessionEntries(Vec<(u32, u64, u8)>),
    SessionEntries(u32, u8, u32),
    AddKeys(Vec<Key>),
    KeysOf(u8, u8),
    KeysById(Vec<u32>),
    DestroyKeys(Vec<u32>),
    SetKeyExpiry(u32, i8),
    DestroyExpiredKeys(i8),
    AddSubjects(Vec<(u32, u32)>),
    AddRetentionKey(u32, i8),
    AddAlias(u32, u32),
    Subjects(Vec<u32>),
    DestroySubject(u32, i8, i64, Option<u32>),
    AddSalts(Vec<u32>),
    RotateSalt(u32, u32, bool),
    Stream(u32, u64),
    AddToken(u32, bool),
    RevokeToken(u32, i64),
    Tokens,
    AddGrant(u32, u32, u32),
    EndGrant(u32, i64),
    Grants(u32),
    Changes(u64),
    TrimChanges(u64),
    Ask(u32, u32, bool),
    Advance(u32, u64, u8, bool),
    Asked(Option<u8>, Option<u32>, Option<i64>, u32),
    LogPosition(u64),
    Append(u64, u64, Vec<u32>, Vec<(u8, u16)>),
    ReadLog(u64, u32),
    DeleteSides(Vec<u32>),
    Reopen,
}

fn data_call() -> impl Strategy<Value = Call> {
    let list = |max| prop::collection::vec(0..5_u32, 0..max);
    let entries = prop::collection::vec((0..4_u8, any::<bool>()), 0..3);
    let write = (
        0..5_u32,
        0..3_u16,
        prop::option::weighted(0.8, any::<u8>()),
        entries,
    );
    let flag = || prop::option::of(any::<bool>());
    prop_oneof![
        4 => prop::collection::vec(write, 0..4).prop_map(Call::PutValues),
        2 => (list(4), prop::collection::vec(0..4_u16, 0..3)).prop_map(|(a, b)| Call::Values(a, b)),
        1 => (0..5_u32).prop_map(Call::FieldsOf),
        2 => (0..3_u16, 0..4_u8, 0..4_u32).prop_map(|(a, b, c)| Call::Lookup(a, b, c)),
        1 => (0..5_u32).prop_map(Call::DeleteValues),
        2 => (0..5_u32, 0..3_i64, any::<bool>(), 0..5_u8)
            .prop_map(|(a, b, c, d)| Call::PutSession(a, b, c, d)),
        1 => (prop::option::of(0..3_u8), flag(), flag(), prop::option::of(0..3_i64), 0..4_u32)
            .prop_map(|(a, b, c, d, e)| Call::Sessions(a, b, c, d, e)),
        1 => (any::<bool>(), prop::option::of((0..3_i64, 0..5_u32)), prop::option::of(0..3_i64), any::<bool>())
            .prop_map(|(a, b, c, d)| Call::SessionsAfter(a, b, c, d)),
        1 => (0..3_i64, 0..4_i64).prop_map(|(a, b)| Call::SessionTallies(a, b)),
        1 => prop::collection::vec((0..3_u32, 0..5_u64, 0..3_u8), 0..4)
            .prop_map(Call::AddSessionEntries),
        1 => (0..3_u32, 0..3_u8, 0..5_u32).prop_map(|(a, b, c)| Call::SessionEntries(a, b, c)),
        3 => prop::collection::vec((0..3_u32, 1..6_u64, 0..4_u8), 0..5).prop_map(Call::AppendConsent),
        2 => prop::collection::vec((0..4_u32, 1..7_u64), 0..6).prop_map(Call::Consents),
        1 => prop::collection::vec((0..3_u32, 1..6_u64), 0..3).prop_map(Call::DeleteConsent),
        1 => prop::collection::vec((0..12_u8, any::<u8>()), 0..4).prop_map(Call::AddNotices),
        1 => (0..4_u8, 0..4_u8).prop_map(|(a, b)| Call::Notices(a, b)),
    ]
}

fn key_call() -> impl Strategy<Value = Call> {
    let list = |max| prop::collection::vec(0..8_u32, 0..max);
    let expiry = prop::option::of(1..5_i8);
    let row = (0..8_u32, 1..=12_u8, 0..3_u8, 1..3_u32, expiry);
    prop_oneof![
        2 => prop::collection::vec(row, 0..3).prop_map(Call::AddKeys),
        1 => (1..=12_u8, 0..3_u8).prop_map(|(a, b)| Call::KeysOf(a, b)),
        1 => list(5).prop_map(Call::KeysById),
        1 => list(3).prop_map(Call::DestroyKeys),
        1 => (0..8_u32, 1..5_i8).prop_map(|(a, b)| Call::SetKeyExpiry(a, b)),
        1 => (1..5_i8).prop_map(Call::DestroyExpiredKeys),
        3 => prop::collection::vec((10..14_u32, 10..14_u32), 0..3).prop_map(Call::AddSubjects),
        2 => (10..14_u32, 1..5_i8).prop_map(|(a, b)| Call::AddRetentionKey(a, b)),
        1 => (10..16_u32, 10..14_u32).prop_map(|(a, b)| Call::AddAlias(a, b)),
        2 => prop::collection::vec(10..14_u32, 0..4).prop_map(Call::Subjects),
        2 => (10..14_u32, 1..5_i8, 0..9_i64, prop::option::of(0..3_u32))
            .prop_map(|(a, b, c, d)| Call::DestroySubject(a, b, c, d)),
        2 => prop::collection::vec(10..14_u32, 0..3).prop_map(Call::AddSalts),
        3 => (10..14_u32, 0..4_u32, any::<bool>()).prop_map(|(a, b, c)| Call::RotateSalt(a, b, c)),
        1 => (0..4_u32, 0..9_u64).prop_map(|(a, b)| Call::Stream(a, b)),
        1 => (0..4_u32, any::<bool>()).prop_map(|(a, b)| Call::AddToken(a, b)),
        1 => (0..4_u32, 0..9_i64).prop_map(|(a, b)| Call::RevokeToken(a, b)),
        1 => Just(Call::Tokens),
        2 => (0..5_u32, 0..2_u32, 10..14_u32).prop_map(|(a, b, c)| Call::AddGrant(a, b, c)),
        1 => (0..5_u32, 0..9_i64).prop_map(|(a, b)| Call::EndGrant(a, b)),
        1 => (0..2_u32).prop_map(Call::Grants),
        1 => (0..9_u64).prop_map(Call::Changes),
        1 => (0..9_u64).prop_map(Call::TrimChanges),
        3 => (0..5_u32, 10..14_u32, any::<bool>()).prop_map(|(a, b, c)| Call::Ask(a, b, c)),
        3 => (0..5_u32, 1..4_u64, 0..10_u8, prop::bool::weighted(0.2))
            .prop_map(|(a, b, c, d)| Call::Advance(a, b, c, d)),
        1 => (prop::option::of(0..10_u8), prop::option::of(10..14_u32), prop::option::of(0..9_i64), 0..4_u32)
            .prop_map(|(a, b, c, d)| Call::Asked(a, b, c, d)),
        2 => prop::collection::vec((10..14_u32, prop::option::of(0..2_u32)), 0..4)
            .prop_map(Call::ConsentChanged),
        1 => (0..9_u64).prop_map(Call::LogPosition),
    ]
}

fn log_call() -> impl Strategy<Value = Call> {
    let list = || prop::collection::vec(0..6_u32, 0..3);
    let tiles = prop::collection::vec((0..2_u8, 1..5_u16), 0..3);
    prop_oneof![
        4 => (0..4_u64, 0..3_u64, list(), tiles).prop_map(|(a, b, c, d)| Call::Append(a, b, c, d)),
        2 => (0..6_u64, 0..5_u32).prop_map(|(a, b)| Call::ReadLog(a, b)),
        1 => list().prop_map(Call::DeleteSides),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        10 => data_call(),
        16 => key_call(),
        6 => log_call(),
        1 => Just(Call::Reopen),
    ];
    prop::collection::vec(call, 1..60)
}

#[test]
fn sqlite_answers_as_the_model_does() {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(24),
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    TestRunner::new_with_rng(config, rng)
        .run(&calls(), |calls| {
            runtime.block_on(async {
                let (mut model, mut sqlite) = (
                    Stores::memory(),
                    Stores::sqlite(tempfile::tempdir().unwrap()),
                );
                for (step, call) in calls.iter().enumerate() {
                    let expected = answer(&mut model, call).await;
                    let found = answer(&mut sqlite, call).await;
                    prop_assert_eq!(found, expected, "step {}: {:?}", step, call);
                }
                Ok(())
            })
        })
        .unwrap();
}

/// Makes the call and puts everything that it answers into words.
async fn answer(stores: &mut Stores, call: &Call) -> String {
    if let Call::Reopen = call {
        stores.reopen().await;
        return String::new();
    }
    if let Some(answer) = data_answer(stores, call).await {
        return answer;
    }
    if let Some(answer) = consent_answer(stores, call).await {
        return answer;
    }
    if let Some(answer) = session_answer(stores, call).await {
        return answer;
    }
    if let Some(answer) = key_answer(stores, call).await {
        return answer;
    }
    if let Some(answer) = subject_answer(stores, call).await {
        return answer;
    }
    if let Some(answer) = asked_answer(stores, call).await {
        return answer;
    }
    access_answer(stores, call).await
}

async fn asked_answer(stores: &Stores, call: &Call) -> Option<String> {
    let keys = &stores.keys;
    let state = |n: u8| SubjectRequestState::ALL[usize::from(n)];
    Some(match call {
        Call::Ask(n, subject, access) => {
            let kind = SubjectRequestKind::ALL[usize::from(!access)];
            let row = asked(*n, reference(*subject), kind);
            format!(
                "{:?}",
                keys.add_subject_request(row, Some(key_of(*n))).await
            )
        }
        Call::Advance(n, version, to, destroys) => {
            let progress = Progress {
                state: state(*to),
                due_at: at(i64::from(*to)),
                ..asked(*n, reference(10), SubjectRequestKind::Access).progress
            };
            let advanced =
                keys.advance_subject_request(asked_id(*n), *version, progress, *destroys);
            let ids = [key_id(1_000 + n)];
            let advanced = advanced.await;
            let row = keys.subject_request(asked_id(*n)).await;
            format!("{advanced:?} {row:?} {:?}", keys.keys_by_id(&ids).await)
        }
        Call::Asked(to, subject, by, count_max) => {
            let filter = SubjectRequestFilter {
                subject: subject.map(reference),
                states: to.map(state).into_iter().collect(),
                wakes_by: by.map(at),
                after: by.map(|by| (at(by / 2), asked_id(1))),
                count_max: *count_max,
            };
            format!("{:?}", keys.subject_requests(&filter).await)
        }
        _ => return None,
    })
}

fn put_row((subject, field, sealed, entries): &Put) -> ValueWrite {
    let entries: Vec<_> = entries
        .iter()
        .map(|&(n, unique)| index(n, unique))
        .collect();
    match sealed {
        Some(byte) => value(*subject, *field, &[*byte; 40], &entries),
        None => no_value(*subject, *field),
    }
}

fn key_row(&(n, kind, owner, generation, expires_on): &Key) -> KeyRow {
    let kind = KeyKind::from_code(kind).unwrap();
    KeyRow {
        expires_on: expires_on.map(day),
        ..key(n, kind, [owner; 16], generation)
    }
}

async fn data_answer(stores: &Stores, call: &Call) -> Option<String> {
    let data = &stores.data;
    Some(match call {
        Call::PutValues(writes) => {
            format!(
                "{:?}",
                data.put_values(writes.iter().map(put_row).collect()).await
            )
        }
        Call::Values(subjects, fields) => {
            let subjects: Vec<_> = subjects.iter().map(|n| puid(*n)).collect();
            format!("{:?}", data.values(&subjects, fields).await)
        }
        Call::FieldsOf(subject) => format!("{:?}", data.fields_of(puid(*subject)).await),
        Call::Lookup(field, n, max) => format!("{:?}", data.lookup(*field, [*n; 18], *max).await),
        Call::DeleteValues(subject) => format!("{:?}", data.delete_subject(puid(*subject)).await),
        _ => return None,
    })
}

async fn consent_answer(stores: &Stores, call: &Call) -> Option<String> {
    let data = &stores.data;
    Some(match call {
        Call::AppendConsent(rows) => {
            // Bits may contradict those of another list, never of the same: engines add a list's rows in their own order.
            let new = |&(n, number, bit): &(u32, u64, u8)| NewConsentRow {
                place: place(n, number),
                row: consent::row(n, number),
                granted: match bit {
                    0 => Vec::new(),
                    _ => vec![consent::bit(bit, ["a", "b"][rows.len() % 2])],
                },
            };
            let added = data.append_consent(rows.iter().map(new).collect()).await;
            format!("{added:?} {:?}", data.consent_bits().await)
        }
        Call::Consents(asked) => {
            let states = data.consent_states(&places(asked)).await;
            format!("{states:?} {:?}", data.consent_rows(&places(asked)).await)
        }
        Call::AddNotices(rows) => {
            let row = |&(key, n): &(u8, u8)| {
                let language = ["de", "en"][usize::from(key % 2)];
                let purpose = ["marketing", "improvement"][usize::from(key / 2 % 2)];
                notice::notice(&(key / 4).to_string(), purpose, language, n)
            };
            format!(
                "{:?}",
                data.add_notices(rows.iter().map(row).collect()).await
            )
        }
        Call::Notices(from, to) => {
            let versions: Vec<_> = (*from..*to).map(|version| version.to_string()).collect();
            format!("{:?}", data.notices(&versions).await)
        }
        Call::DeleteConsent(gone) => format!("{:?}", data.delete_consent(&places(gone)).await),
        _ => return None,
    })
}

fn places(list: &[(u32, u64)]) -> Vec<ConsentPlace> {
    list.iter().map(|(n, number)| place(*n, *number)).collect()
}

const PARTS: [SessionPart; 3] = [
    SessionPart::Step,
    SessionPart::Sensitive,
    SessionPart::Frame,
];

async fn session_answer(stores: &Stores, call: &Call) -> Option<String> {
    let data = &stores.data;
    Some(match call {
        Call::PutSession(n, started, decrypted, verdict) => {
            let verdict = [Verdict::Pending, Verdict::Approved, Verdict::Flagged]
                .into_iter()
                .nth(usize::from(*verdict));
            let reviewer = || "eve".parse().unwrap();
            let review = verdict.map(|verdict| Review {
                verdict,
                reviewer: reviewer(),
                at: at(1),
            });
            let ended_at = decrypted.then(|| at(9));
            let row = SessionRow {
                decrypted: *decrypted,
                ended_at,
                review,
                ..session(*n, *started)
            };
            format!("{:?}", data.put_session(row).await)
        }
        Call::Sessions(verdict, decrypted, open, before, count_max) => {
            let verdicts = [Verdict::Pending, Verdict::Approved, Verdict::Flagged];
            let filter = SessionFilter {
                verdict: verdict.map(|n| verdicts[usize::from(n)]),
                principal: decrypted.map(|_| "ada".parse().unwrap()),
                decrypted: *decrypted,
                open: *open,
                before: before.map(at),
                count_max: *count_max,
                ..SessionFilter::default()
            };
            format!("{:?}", data.sessions(&filter).await)
        }
        Call::SessionsAfter(oldest_first, after, from, others) => {
            let filter = SessionFilter {
                order: match oldest_first {
                    true => SessionOrder::OldestFirst,
                    false => SessionOrder::NewestFirst,
                },
                after: after.map(|(started, n)| SessionCursor {
                    started_at: at(started),
                    id: session_id(n),
                }),
                from: from.map(at),
                source: (!others).then(|| "shop".parse().unwrap()),
                not_by: others.then(|| "ada".parse().unwrap()),
                ..SessionFilter::default()
            };
            format!("{:?}", data.sessions(&filter).await)
        }
        _ => return session_entry_answer(stores, call).await,
    })
}

async fn session_entry_answer(stores: &Stores, call: &Call) -> Option<String> {
    let data = &stores.data;
    Some(match call {
        Call::SessionTallies(from, seconds) => {
            let period = TallyPeriod {
                from: at(*from),
                before: at(from + seconds),
                step: SignedDuration::from_secs(2),
            };
            format!("{:?}", data.session_tallies(&period).await)
        }
        Call::AddSessionEntries(entries) => {
            let entry = |&(n, index, part): &(u32, u64, u8)| NewSessionEntry {
                session: session_id(n),
                origin: "log".to_owned(),
                index,
                part: PARTS[usize::from(part)],
            };
            format!(
                "{:?}",
                data.add_session_entries(entries.iter().map(entry).collect())
                    .await
            )
        }
        Call::SessionEntries(n, part, count_max) => {
            let filter = SessionEntryFilter {
                session: session_id(*n),
                at_least: PARTS[usize::from(*part)],
                after: 0,
                count_max: *count_max,
            };
            // Engines number as they like; only the order counts.
            let found = data.session_entries(&filter).await;
            let found = found.map(|entries| {
                let place = |entry: SessionEntry| (entry.origin, entry.index);
                entries.into_iter().map(place).collect::<Vec<_>>()
            });
            format!("{found:?} {:?}", data.session(session_id(*n)).await)
        }
        _ => return None,
    })
}

async fn key_answer(stores: &Stores, call: &Call) -> Option<String> {
    let keys = &stores.keys;
    Some(match call {
        Call::AddKeys(rows) => {
            format!(
                "{:?}",
                keys.add_keys(rows.iter().map(key_row).collect()).await
            )
        }
        Call::KeysOf(kind, owner) => {
            let (kind, acme) = (KeyKind::from_code(*kind).unwrap(), "acme".parse().unwrap());
            let of = keys.keys_of(&acme, kind, [*owner; 16]).await;
            let of_kind = keys.keys_of_kind(&acme, kind).await;
            format!("{of:?} {of_kind:?} {:?}", keys.tenant_keys().await)
        }
        Call::KeysById(ids) => {
            let ids: Vec<_> = ids.iter().map(|n| key_id(*n)).collect();
            format!("{:?}", keys.keys_by_id(&ids).await)
        }
        Call::DestroyKeys(ids) => {
            let ids: Vec<_> = ids.iter().map(|n| key_id(*n)).collect();
            format!("{:?}", keys.destroy_keys(&ids).await)
        }
        Call::SetKeyExpiry(n, on) => {
            format!("{:?}", keys.set_key_expiry(key_id(*n), day(*on)).await)
        }
        Call::DestroyExpiredKeys(on) => format!("{:?}", keys.destroy_expired_keys(day(*on)).await),
        _ => return None,
    })
}

/// Destroys a subject, and deletes what is left of others every second day.
async fn destroyed(
    stores: &Stores,
    n: u32,
    today: i8,
    now: i64,
    generation: Option<u32>,
) -> String {
    let keys = &stores.keys;
    let told = generation.map(|generation| telling(generation, Some(last(n))));
    let consent = ConsentEnd {
        places: vec![place(n, now.unsigned_abs())],
        kept: None,
    };
    let destroyed = keys.destroy_subject(reference(n), day(today), at(now), told, consent);
    let destroyed = destroyed.await;
    let orphans = keys.orphans().await.unwrap();
    if today % 2 == 0 {
        keys.remove_orphans(&orphans).await.unwrap();
    }
    format!("{destroyed:?} {orphans:?}")
}

async fn subject_answer(stores: &Stores, call: &Call) -> Option<String> {
    let keys = &stores.keys;
    Some(match call {
        Call::AddSubjects(subjects) => {
            let new = |&(n, with_puid_of): &(u32, u32)| {
                let new = subject(n);
                // One in four has the `puid` that belongs to it; the others clash now and then.
                let puid = puid(with_puid_of);
                NewSubject {
                    subject: SubjectRow {
                        puid,
                        ..new.subject
                    },
                    ..new
                }
            };
            format!(
                "{:?}",
                keys.add_subjects(subjects.iter().map(new).collect()).await
            )
        }
        Call::AddRetentionKey(n, on) => {
            format!(
                "{:?}",
                keys.add_keys(vec![retention_key(*n, day(*on))]).await
            )
        }
        Call::AddAlias(name, n) => {
            format!("{:?}", keys.add_alias(alias("customer", *name, *n)).await)
        }
        Call::Subjects(numbers) => subjects(stores, numbers).await,
        Call::DestroySubject(n, today, now, generation) => {
            destroyed(stores, *n, *today, *now, *generation).await
        }
        Call::AddSalts(numbers) => {
            let salts = numbers.iter().map(|n| salt(*n, 1)).collect();
            format!(
                "{:?} {}",
                keys.add_salts(salts).await,
                subjects(stores, numbers).await
            )
        }
        Call::RotateSalt(n, generation, tells) => {
            let told = telling(*generation, tells.then(|| last(*n)));
            let rotated = keys.rotate_salt(salt(*n, generation + 1), told).await;
            format!("{rotated:?} {}", subjects(stores, &[*n]).await)
        }
        Call::Stream(count_max, through) => {
            let waiting = keys.stream_events(*count_max).await;
            // Hidden by `Debug`.
            let ids: Vec<_> = waiting
                .iter()
                .flatten()
                .map(|row| *row.event.tyid.as_bytes())
                .collect();
            format!(
                "{waiting:?} {ids:?} {:?}",
                keys.remove_stream_events(*through).await
            )
        }
        _ => return None,
    })
}

/// Everything that is known of some subjects, with the ids that `Debug` hides.
async fn subjects(stores: &Stores, numbers: &[u32]) -> String {
    let keys = &stores.keys;
    let ids = |row: &SubjectRow| (row.reference, row.puid, row.oid, row.created_at, row.mac);
    let oids: Vec<_> = numbers.iter().map(|n| oid(*n)).collect();
    let puids: Vec<_> = numbers.iter().map(|n| puid(*n)).collect();
    let references: Vec<_> = numbers.iter().map(|n| reference(*n)).collect();
    let names: Vec<_> = numbers.iter().map(u32::to_string).collect();
    let mut text = String::new();
    for found in [
        keys.subjects_by_oid(&oids).await.unwrap(),
        keys.subjects_by_puid(&puids).await.unwrap(),
        keys.subjects_by_reference(&references).await.unwrap(),
    ] {
        let found: Vec<_> = found.iter().map(|row| row.as_ref().map(ids)).collect();
        text += &format!("{found:?} ");
    }
    let shop = "shop".parse().unwrap();
    let by_alias = keys
        .subjects_by_alias(&shop, "customer", &names)
        .await
        .unwrap();
    let by_alias: Vec<_> = by_alias
        .iter()
        .flatten()
        .map(|(alias, row)| (alias, ids(row)))
        .collect();
    text += &format!(
        "{by_alias:?} {:?} ",
        keys.keys_of_subjects(&references).await
    );
    for reference in references {
        text += &format!("{:?} ", keys.aliases_of(reference).await);
        text += &format!("{:?} ", keys.salts_of(&[reference]).await);
    }
    text + &format!("{:?}", keys.subject_count().await)
}

async fn access_answer(stores: &Stores, call: &Call) -> String {
    let (keys, log) = (&stores.keys, &stores.log);
    match call {
        Call::AddToken(n, ada) => {
            let principal = if *ada { "ada" } else { "bob" };
            format!("{:?}", keys.add_token(token(*n, principal)).await)
        }
        Call::RevokeToken(n, now) => {
            format!("{:?}", keys.revoke_token(token_id(*n), at(*now)).await)
        }
        Call::Tokens => {
            let adas = keys.tokens_of(&"ada".parse().unwrap()).await;
            let one = keys.token_by_sha256(wide(13, 1)).await;
            format!("{:?} {adas:?} {one:?}", keys.tokens().await)
        }
        Call::AddGrant(n, session, subject) => {
            format!("{:?}", keys.add_grant(grant(*n, *session, *subject)).await)
        }
        Call::EndGrant(n, now) => format!("{:?}", keys.end_grant(grant_id(*n), at(*now)).await),
        Call::Grants(n) => {
            let one = keys.grant(grant_id(*n)).await;
            format!("{:?} {one:?}", keys.grants_of(session_id(*n)).await)
        }
        Call::ConsentChanged(subjects) => consent_changed(stores, subjects).await,
        Call::TrimChanges(through) => {
            let trimmed = keys.trim_changes(*through).await;
            format!("{trimmed:?} {:?}", keys.changes_after(0).await)
        }
        Call::Changes(position) => {
            format!(
                "{:?} {:?}",
                keys.sequence().await,
                keys.changes_after(*position).await
            )
        }
        Call::LogPosition(position) => {
            let before = keys.log_position("log").await;
            format!(
                "{before:?} {:?}",
                keys.set_log_position("log", *position).await
            )
        }
        Call::Append(before, count, sides, tiles) => {
            let batch = LogBatch {
                sides: sides.iter().map(|n| side(*n)).collect(),
                tiles: tiles
                    .iter()
                    .map(|&(number, width)| tile(0, number.into(), width))
                    .collect(),
                ..batch(*before, before + count)
            };
            format!("{:?}", log.append("log", batch).await)
        }
        Call::ReadLog(first, count) => {
            let tiles = [log.tile("log", 0, 0).await, log.tile("log", 0, 1).await];
            let mut sides = Vec::new();
            for n in 0..6 {
                sides.push(log.side(side(n).sha256).await.unwrap().is_some());
            }
            let entries = log.entries("log", *first, *count).await;
            let (state, origins) = (log.state("log").await, log.origins().await);
            format!("{entries:?} {tiles:?} {sides:?} {state:?} {origins:?}")
        }
        Call::DeleteSides(numbers) => {
            let hashes: Vec<_> = numbers.iter().map(|n| side(*n).sha256).collect();
            format!("{:?}", log.delete_sides(&hashes).await)
        }
        other => unreachable!("{other:?} was answered before"),
    }
}

async fn consent_changed(stores: &Stores, subjects: &[(u32, Option<u32>)]) -> String {
    let told = |(n, generation): &(u32, Option<u32>)| ConsentTold {
        subject: reference(*n),
        number: (*n).into(),
        telling: generation.map(|generation| telling(generation, Some(event(*n, *n)))),
    };
    let changes = subjects.iter().map(told).collect();
    format!("{:?}", stores.keys.consent_changed(changes).await)
}
