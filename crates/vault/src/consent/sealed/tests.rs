//! The published vectors, which were made by another implementation, and what a sealed row does not show.

use privet_seal::{Entropy, Nonce, RecordKey, Secret32};
use serde_json::Value;

use super::*;
use crate::SubjectRef;
use crate::changed::Changed;

const VECTORS: &str = include_str!("../../../../../docs/formats/vectors/consent-ledger.json");

struct Counting;

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        out.iter_mut().zip(0..).for_each(|(byte, n)| *byte = n);
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn secret32(secret: [u8; 32]) -> Secret32 {
    Secret32::from_slice(&secret).unwrap()
}

fn key(secret: [u8; 32]) -> ConsentKey {
    let ticket = Changed::default().ticket(SubjectRef::from_bytes([0; 16]));
    ConsentKey::new(secret32(secret), 0, ticket)
}

#[test]
fn the_vectors_hold() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let secret = array(&vectors["key"]);
    let (ours, raw) = (key(secret), RecordKey::from(secret32(secret)));
    let rows = vectors["rows"].as_array().unwrap();
    assert!(rows.len() >= 3);
    for row in rows {
        let number: u64 = row["number"].as_str().unwrap().parse().unwrap();
        let sealed = bytes(&row["state_sealed"]);
        assert_eq!(ours.place(number).0, array(&row["place"]));
        let event = ours.open(number, &sealed).unwrap();
        // What is written is what was read, to the byte.
        let json = serde_json::to_string(&EventJson::from(&event)).unwrap();
        assert_eq!(json, row["state"].as_str().unwrap());
        let aad = associated_data(Part::State, number);
        assert_eq!(aad, bytes(&row["state_aad"]));
        let nonce = Nonce::from_bytes(array(&row["state_nonce"]));
        let again = raw.seal(&padded(json.as_bytes()), &aad, nonce).unwrap();
        assert_eq!(again, sealed);
        let Some(evidence) = row.get("evidence") else {
            continue;
        };
        let sealed = bytes(&row["evidence_sealed"]);
        let opened = ours.open_evidence(number, &sealed).unwrap();
        assert_eq!(*opened, evidence.as_str().unwrap());
        let aad = associated_data(Part::Evidence, number);
        assert_eq!(aad, bytes(&row["evidence_aad"]));
        let nonce = Nonce::from_bytes(array(&row["evidence_nonce"]));
        let again = raw.seal(&padded(opened.as_bytes()), &aad, nonce).unwrap();
        assert_eq!(again, sealed);
    }
    let invalid = vectors["rows_invalid"].as_array().unwrap();
    assert!(invalid.len() >= 8);
    for row in invalid {
        let number: u64 = row["number"].as_str().unwrap().parse().unwrap();
        let opened = ours.open(number, &bytes(&row["state_sealed"]));
        assert_eq!(opened, Err(OpenError), "{}", row["why"]);
    }
}

fn event(answers: usize, agreed: bool) -> ConsentEvent {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let answer = |bit| ConsentAnswer {
        bit,
        agreed,
        notice: "2026-11".to_owned(),
        since: at,
    };
    ConsentEvent {
        state: ConsentState {
            number: 7,
            at,
            answers: (0..answers as u8).map(answer).collect(),
        },
        granted: u32::from(agreed),
        withdrawn: u32::from(!agreed),
        channel: ConsentChannel::Web,
        language: None,
    }
}

#[test]
fn nothing_of_a_row_says_what_was_answered() {
    let key = key([5; 32]);
    let rows = [(0, true), (1, true), (1, false)].map(|(answers, agreed)| {
        let row = key.seal(&event(answers, agreed), Some("form"), &Counting);
        row.unwrap()
    });
    let lengths = rows.each_ref().map(|row| {
        let evidence = row.evidence.as_ref().unwrap();
        (row.state.len(), evidence.len())
    });
    assert!(
        lengths.windows(2).all(|pair| pair[0] == pair[1]),
        "{lengths:?}"
    );
}

#[test]
fn a_row_is_its_persons_and_its_numbers_alone() {
    let (key, other) = (key([5; 32]), key([6; 32]));
    let row = key.seal(&event(1, true), Some("form"), &Counting).unwrap();
    let (state, evidence) = (row.state, row.evidence.unwrap());
    assert_eq!(key.open(7, &state), Ok(event(1, true)));
    assert_eq!(other.open(7, &state), Err(OpenError));
    assert_eq!(key.open(8, &state), Err(OpenError));
    assert!(key.open_evidence(7, &evidence).is_ok());
    assert!(key.open_evidence(8, &evidence).is_err());
    assert!(key.open_evidence(7, &state).is_err());
    for at in 0..state.len() {
        let mut changed = state.clone();
        changed[at] ^= 1;
        assert_eq!(key.open(7, &changed), Err(OpenError), "byte {at}");
    }
}

#[test]
fn places_are_a_persons_own_and_none_is_near_another() {
    let keys = [key([5; 32]), key([6; 32])];
    let mut places: Vec<_> = keys
        .iter()
        .flat_map(|key| (0..100).map(|number| key.place(number)))
        .collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 200);
    // The first two bytes of neighbours would be alike if a number stood in the place.
    let mut starts: Vec<_> = places
        .iter()
        .map(|place| [place.0[0], place.0[1]])
        .collect();
    starts.dedup();
    assert!(starts.len() > 190, "{}", starts.len());
}
