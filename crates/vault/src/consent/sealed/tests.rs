//! The published vectors, which were made by another implementation, and what a sealed row does not show.

use privet_seal::{Entropy, KeyId, Nonce, RecordKey, Secret32};
use serde_json::Value;

use super::*;

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
    let key = RecordKey::from(secret32(secret));
    ConsentKey::new(KeyId([1; 16]), key)
}

fn state(number: u64, sealed: &[u8]) -> SealedState {
    SealedState {
        number,
        key: KeyId([1; 16]),
        sealed: sealed.to_vec(),
    }
}

#[test]
fn the_vectors_hold() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let secret = array(&vectors["key"]);
    let (ours, raw) = (key(secret), RecordKey::from(secret32(secret)));
    let puid = Puid::from_bytes(array(&vectors["puid"]));
    let rows = vectors["rows"].as_array().unwrap();
    assert!(rows.len() >= 3);
    for row in rows {
        let number: u64 = row["number"].as_str().unwrap().parse().unwrap();
        let sealed = bytes(&row["state_sealed"]);
        let event = ours.open(puid, &state(number, &sealed)).unwrap();
        // What is written is what was read, to the byte.
        let json = serde_json::to_string(&EventJson::from(&event)).unwrap();
        assert_eq!(json, row["state"].as_str().unwrap());
        let aad = associated_data(Part::State, puid, number);
        assert_eq!(aad, bytes(&row["state_aad"]));
        let nonce = Nonce::from_bytes(array(&row["state_nonce"]));
        let again = raw.seal(&padded(json.as_bytes()), &aad, nonce).unwrap();
        assert_eq!(again, sealed);
        let Some(evidence) = row.get("evidence") else {
            continue;
        };
        let sealed = bytes(&row["evidence_sealed"]);
        let opened = ours.open_evidence(puid, number, &sealed).unwrap();
        assert_eq!(*opened, evidence.as_str().unwrap());
        let aad = associated_data(Part::Evidence, puid, number);
        assert_eq!(aad, bytes(&row["evidence_aad"]));
        let nonce = Nonce::from_bytes(array(&row["evidence_nonce"]));
        let again = raw.seal(&padded(opened.as_bytes()), &aad, nonce).unwrap();
        assert_eq!(again, sealed);
    }
    let invalid = vectors["rows_invalid"].as_array().unwrap();
    assert!(invalid.len() >= 8);
    for row in invalid {
        let number: u64 = row["number"].as_str().unwrap().parse().unwrap();
        let opened = ours.open(puid, &state(number, &bytes(&row["state_sealed"])));
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
            stamp: 3,
            at,
            answers: (0..answers as u8).map(answer).collect(),
        },
        granted: u32::from(agreed),
        withdrawn: u32::from(!agreed),
        channel: ConsentChannel::Web,
    }
}

#[test]
fn nothing_of_a_row_says_what_was_answered() {
    let (key, puid) = (key([5; 32]), Puid::from_bytes([2; 16]));
    let rows = [(0, true), (1, true), (1, false)].map(|(answers, agreed)| {
        let row = key.seal(puid, &event(answers, agreed), Some("form"), &Counting);
        row.unwrap()
    });
    let lengths = rows.each_ref().map(|row| {
        let evidence = row.evidence.as_ref().unwrap();
        (row.state.sealed.len(), evidence.len())
    });
    assert!(
        lengths.windows(2).all(|pair| pair[0] == pair[1]),
        "{lengths:?}"
    );
}

#[test]
fn a_row_is_its_persons_and_its_numbers_alone() {
    let (key, puid) = (key([5; 32]), Puid::from_bytes([2; 16]));
    let row = key
        .seal(puid, &event(1, true), Some("form"), &Counting)
        .unwrap();
    let (state, evidence) = (row.state, row.evidence.unwrap());
    assert_eq!(key.open(puid, &state), Ok(event(1, true)));
    let other = Puid::from_bytes([3; 16]);
    assert_eq!(key.open(other, &state), Err(OpenError));
    let replayed = SealedState {
        number: 8,
        ..state.clone()
    };
    assert_eq!(key.open(puid, &replayed), Err(OpenError));
    assert!(key.open_evidence(puid, 7, &evidence).is_ok());
    assert!(key.open_evidence(puid, 8, &evidence).is_err());
    assert!(key.open_evidence(puid, 7, &state.sealed).is_err());
    for at in 0..state.sealed.len() {
        let mut changed = state.clone();
        changed.sealed[at] ^= 1;
        assert_eq!(key.open(puid, &changed), Err(OpenError), "byte {at}");
    }
}
