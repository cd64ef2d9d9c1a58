//! Every join that the attacker thinks of. Each claims what it is sure of, and is wrong or silent.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use privet_seal::{Salt, Secret32};

use crate::answers;
use crate::evidence::{Claims, Copy, Evidence, Id, LogEntry};

pub(crate) type Attack = fn(&Evidence) -> Claims;

/// The attacks by name; none may find anybody.
pub(crate) const ALL: [(&str, Attack); 12] = [
    ("bytes of telemetry ids anywhere", ids_anywhere),
    ("bytes of accounts in telemetry", accounts_in_telemetry),
    (
        "UUIDv5 under namespaces that can be guessed",
        guessed_namespaces,
    ),
    (
        "times of the log, and what its entries name",
        times_of_the_log,
    ),
    ("the order of ends, and what the log names", order_of_ends),
    ("what is read of those who left", readings),
    ("the order of answers", answers::order_of_answers),
    ("things that only one person used", lonely_things),
    (
        "how many answers, before and after",
        answers::counts_of_answers,
    ),
    ("stamps as numbers of answers", answers::stamps_as_counts),
    (
        "accounts, keys and the log in answers",
        answers::named_by_answers,
    ),
    ("lengths of answers", answers::lengths_of_answers),
];

/// Telemetry ids that have ended, with the moment.
pub(crate) fn ended(evidence: &Evidence) -> Vec<(Id, i64)> {
    let last = evidence.stream.iter().filter(|record| record.is_final);
    last.map(|record| (record.tyid, record.at_ms)).collect()
}

fn accounts(copy: &Copy) -> BTreeSet<Id> {
    copy.values.iter().map(|(puid, _)| *puid).collect()
}

/// Ways of writing ids down, by the eight bytes that they begin with.
pub(crate) type Forms = HashMap<[u8; 8], Vec<(Vec<u8>, Id)>>;

/// Where one of these lies in a file.
pub(crate) fn places(file: &[u8], sought: &Forms) -> Vec<(usize, Id)> {
    // Most places are ruled out by three bytes, without looking anything up.
    let mut possible = vec![false; 1 << 24];
    for start in sought.keys() {
        possible[three(start)] = true;
    }
    let mut found = Vec::new();
    // Written out: nothing else takes as long in this test.
    for place in 0..file.len().saturating_sub(7) {
        let window = &file[place..place + 8];
        if possible[three(window)]
            && let Some(forms) = sought.get(window)
        {
            let whole = forms
                .iter()
                .filter(|(form, _)| file[place..].starts_with(form));
            found.extend(whole.map(|(_, id)| (place, *id)));
        }
    }
    found
}

fn three(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

/// Each way of writing ids down: bytes in both orders, hexadecimal with and without hyphens, base64.
pub(crate) fn forms(ids: impl Iterator<Item = Id>) -> Forms {
    let written = ids.flat_map(|id| {
        let reversed: Vec<u8> = id.iter().rev().copied().collect();
        let uuid = uuid::Uuid::from_bytes(id);
        let texts = [
            uuid.simple().to_string(),
            uuid.simple().to_string().to_uppercase(),
            URL_SAFE_NO_PAD.encode(id),
            STANDARD_NO_PAD.encode(id),
        ];
        // With hyphens it begins as without; the first two groups will do.
        let hyphens: String = uuid.hyphenated().to_string().chars().take(13).collect();
        let texts = texts.into_iter().chain([hyphens.to_uppercase(), hyphens]);
        let texts = texts.map(String::into_bytes);
        texts
            .chain([id.to_vec(), reversed])
            .map(move |form| (form, id))
    });
    let mut forms = Forms::new();
    for (form, id) in written {
        let start = form[..8].try_into().unwrap();
        forms.entry(start).or_default().push((form, id));
    }
    forms
}

/// An id is found: whoever's account lies nearest is meant.
fn ids_anywhere(evidence: &Evidence) -> Claims {
    let ids: BTreeSet<Id> = evidence.stream.iter().map(|record| record.tyid).collect();
    let (sought, people) = (
        forms(ids.into_iter()),
        forms(accounts(&evidence.before).into_iter()),
    );
    let mut claims = Claims::new();
    for file in [
        &evidence.before.file,
        &evidence.after.file,
        &evidence.log_file,
    ] {
        let found = places(file, &sought);
        if found.is_empty() {
            continue;
        }
        let near = places(file, &people);
        for (place, id) in found {
            let nearest = near.iter().min_by_key(|(other, _)| other.abs_diff(place));
            // Found at all is too much, whoever it is: an id without a neighbour is claimed to be itself.
            claims.insert(id, nearest.map_or(id, |(_, puid)| *puid));
        }
    }
    claims
}

/// An account or operational id stands in a line of telemetry.
fn accounts_in_telemetry(evidence: &Evidence) -> Claims {
    let people = accounts(&evidence.before)
        .into_iter()
        .chain(evidence.oids.iter().copied());
    let people = forms(people);
    let mut lines = Vec::new();
    let mut ends = Vec::new();
    for record in &evidence.stream {
        lines.extend(record.line().into_bytes());
        ends.push(lines.len());
    }
    let found = places(&lines, &people).into_iter();
    let claims = found.map(|(place, person)| {
        let line = ends.partition_point(|end| *end <= place);
        (evidence.stream[line].tyid, person)
    });
    claims.collect()
}

fn uuid_v5(namespace: &Id, name: &Id) -> Id {
    let secret = [namespace.as_slice(), &[0; 16]].concat();
    let salt = Salt::from(Secret32::from_slice(&secret).unwrap());
    *salt.tyid(name).as_bytes()
}

/// The RFC's own namespaces, ids of the log and of values, and each person's own.
fn guessed_namespaces(evidence: &Evidence) -> Claims {
    let ids: HashSet<Id> = evidence.stream.iter().map(|record| record.tyid).collect();
    let rfc = |last: u128| {
        u128::from_str_radix("6ba7b8109dad11d180b400c04fd430c8", 16).unwrap() + (last << 96)
    };
    let mut namespaces: Vec<Id> = [0, 1, 2, 4].map(|last| rfc(last).to_be_bytes()).to_vec();
    namespaces.extend([[0; 16], [0xff; 16]]);
    namespaces.extend(evidence.log.iter().flat_map(|entry| &entry.tokens).take(20));
    let puids = accounts(&evidence.before);
    let people: Vec<Id> = puids.iter().chain(&evidence.oids).copied().collect();
    let mut claims = Claims::new();
    for person in &people {
        for namespace in namespaces.iter().chain([person]) {
            let id = uuid_v5(namespace, person);
            if ids.contains(&id) {
                claims.insert(id, *person);
            }
        }
    }
    for (puid, oid) in puids.iter().zip(&evidence.oids) {
        for (namespace, name) in [(puid, oid), (oid, puid)] {
            let id = uuid_v5(namespace, name);
            if ids.contains(&id) {
                claims.insert(id, *oid);
            }
        }
    }
    claims
}

/// The account in whose rows something stands that an entry names.
fn named<'e>(evidence: &'e Evidence) -> impl Fn(&LogEntry) -> Option<Id> + 'e {
    let mut found: HashMap<[u8; 8], Id> = HashMap::new();
    for copy in [&evidence.before, &evidence.after] {
        for (puid, sealed) in &copy.values {
            found.insert(puid[..8].try_into().unwrap(), *puid);
            for window in sealed.windows(8) {
                found.insert(window.try_into().unwrap(), *puid);
            }
        }
    }
    move |entry| {
        let mut tokens = entry.tokens.iter();
        tokens.find_map(|token| found.get(&<[u8; 8]>::try_from(&token[..8]).ok()?).copied())
    }
}

fn entries<'e>(evidence: &'e Evidence, kinds: &'e [&str]) -> impl Iterator<Item = &'e LogEntry> {
    evidence
        .log
        .iter()
        .filter(move |entry| kinds.contains(&entry.kind.as_str()))
}

/// What stands beside the end of an id: reading what is kept of somebody who left, too, where it happens at once.
const ENDS: [&str; 4] = [
    "telemetry_id.rotated",
    "erasure.intended",
    "erasure.done",
    READ,
];
const READ: &str = "consent.kept_read";

/// For each end of an id the entry that is nearest in time and names something.
fn times_of_the_log(evidence: &Evidence) -> Claims {
    let named = named(evidence);
    let mut by_time: BTreeMap<i64, Vec<&LogEntry>> = BTreeMap::new();
    for entry in entries(evidence, &ENDS) {
        by_time.entry(entry.at_ms).or_default().push(entry);
    }
    let mut claims = Claims::new();
    for (tyid, at_ms) in ended(evidence) {
        let near = by_time.range(at_ms - 100..=at_ms + 100);
        let near = near.flat_map(|(time, entries)| {
            entries
                .iter()
                .map(move |entry| (time.abs_diff(at_ms), entry))
        });
        let people = near.filter_map(|(distance, entry)| Some((distance, named(entry)?)));
        if let Some((_, person)) = people.min() {
            claims.insert(tyid, person);
        }
    }
    claims
}

/// The first end in telemetry is the first one in the log, and so on.
fn order_of_ends(evidence: &Evidence) -> Claims {
    let named = named(evidence);
    let entries = entries(evidence, &["telemetry_id.rotated", "erasure.done"]);
    let ends = ended(evidence).into_iter().zip(entries);
    ends.filter_map(|((tyid, _), entry)| Some((tyid, named(entry)?)))
        .collect()
}

/// What is kept of somebody who left is read under the id of their account. An account that stands in the log at all, in whatever
/// form, is too much: the end of an id is not far from there.
fn readings(evidence: &Evidence) -> Claims {
    let read = entries(evidence, &[READ]).count();
    assert!(read > 0, "nothing was read");
    let people = forms(accounts(&evidence.before).into_iter());
    let found = places(&evidence.log_file, &people);
    let ended = ended(evidence).into_iter().zip(found);
    ended.map(|((tyid, _), _)| (tyid, tyid)).collect()
}

/// A thing that one id used, and one other: the same person before and after. Whoever's present id is known is found by it;
/// here any such pair is too much, and is claimed to be the former id itself.
fn lonely_things(evidence: &Evidence) -> Claims {
    let mut users: HashMap<&str, BTreeSet<Id>> = HashMap::new();
    for record in &evidence.stream {
        if let Some(object) = &record.object {
            users.entry(object).or_default().insert(record.tyid);
        }
    }
    let ended: HashMap<Id, i64> = ended(evidence).into_iter().collect();
    let pairs = users.values().filter(|ids| ids.len() == 2);
    let severed = pairs.filter_map(|ids| ids.iter().find(|id| ended.contains_key(*id)));
    severed.map(|id| (*id, *id)).collect()
}

/// What the salts are for: each person's id of before.
pub(crate) fn with_salts(evidence: &Evidence, salts: &[(Id, Secret32)]) -> Claims {
    let ids: HashSet<Id> = evidence.stream.iter().map(|record| record.tyid).collect();
    let made = salts.iter().map(|(oid, secret)| {
        let salt = Salt::from(Secret32::from_slice(secret.expose()).unwrap());
        (*salt.tyid(oid).as_bytes(), *oid)
    });
    made.filter(|(id, _)| ids.contains(id)).collect()
}
