//! Ids that can be severed: the vectors in `docs/formats/vectors/ids.json`, which Python made, through this crate and
//! through the programs that applications would make the same ids with.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod elsewhere;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

use privet_seal::{Entropy, ObjectId, ObjectSalt, Salt, Secret32, Tyid};
use serde_json::Value as Json;

fn vectors_file() -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/vectors");
    PathBuf::from(folder).join("ids.json")
}

/// The cases of a list; an empty one would test nothing.
fn cases(list: &str) -> Vec<Json> {
    let vectors = std::fs::read_to_string(vectors_file()).unwrap();
    let vectors: Json = serde_json::from_str(&vectors).unwrap();
    let cases = vectors[list].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "{list}");
    cases
}

fn bytes(digits: &Json) -> Vec<u8> {
    let (pairs, rest) = digits.as_str().unwrap().as_bytes().as_chunks::<2>();
    assert!(rest.is_empty());
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    pairs
        .iter()
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}

fn number<N: TryFrom<u64>>(number: &Json) -> N {
    N::try_from(number.as_u64().unwrap()).ok().unwrap()
}

fn secret(digits: &Json) -> Secret32 {
    Secret32::from_slice(&bytes(digits)).unwrap()
}

/// A salt whose bytes are given, as it would come out of its wrap.
fn salt(digits: &Json) -> Salt {
    let mut secret = bytes(digits);
    secret.resize(32, 0xa5);
    Salt::from(Secret32::from_slice(&secret).unwrap())
}

struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        for byte in out {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn telemetry_ids() {
    let cases = cases("tyids");
    assert!(cases.len() >= 1_000);
    for case in cases {
        let oid: [u8; 16] = bytes(&case[1]).try_into().unwrap();
        let tyid = salt(&case[0]).tyid(&oid);
        assert_eq!(tyid.to_text(), case[2].as_str().unwrap(), "{case}");
        assert_eq!(Tyid::from_bytes(*tyid.as_bytes()), tyid);
    }
}

#[test]
fn salts() {
    let oid = [7; 16];
    for case in cases("salts") {
        let whole = Salt::from(secret(&case["secret"]));
        assert_eq!(whole.first(), number::<u32>(&case["first"]), "{case}");
        // Only the first 16 bytes are the namespace.
        assert_eq!(whole.tyid(&oid), salt(&case["salt"]).tyid(&oid));
    }
}

#[test]
fn a_fresh_salt_says_with_what_it_begins_and_is_random_beside() {
    let entropy = Counting(AtomicU8::new(0));
    for first in [0, 1, 0x0102_0304, u32::MAX] {
        let made = Salt::generate(&entropy, first);
        assert_eq!(made.first(), first);
        let again = Salt::from(Secret32::from_slice(made.secret().expose()).unwrap());
        assert_eq!(again.first(), first);
        assert_eq!(again.tyid(&[1; 16]), made.tyid(&[1; 16]));
    }
    let [one, other] = [1, 1].map(|first| Salt::generate(&entropy, first));
    assert_ne!(one.tyid(&[1; 16]), other.tyid(&[1; 16]));
    assert_ne!(one.secret().expose()[20..], other.secret().expose()[20..]);
}

#[test]
fn object_ids() {
    for case in cases("objects") {
        let salt = ObjectSalt::new(secret(&case["secret"]), number(&case["epoch"]));
        let id = salt.id(number(&case["rotation"]), &bytes(&case["value"]));
        assert_eq!(id.as_bytes().as_slice(), bytes(&case["id"]), "{case}");
        assert_eq!(id.to_text(), case["text"].as_str().unwrap());
        assert_eq!(id.epoch(), number::<u16>(&case["epoch"]));
        assert_eq!(salt.epoch(), id.epoch());
        assert_eq!(ObjectId::parse(&id.to_text()).unwrap(), id);
    }
    for text in cases("invalid_texts") {
        assert!(ObjectId::parse(text.as_str().unwrap()).is_err(), "{text}");
    }
}

#[test]
fn nothing_is_the_same_under_another_salt_epoch_or_rotation() {
    let secret = |byte| Secret32::from_slice(&[byte; 32]).unwrap();
    let ids = [
        ObjectSalt::new(secret(1), 1).id(1, b"doc:1"),
        ObjectSalt::new(secret(2), 1).id(1, b"doc:1"),
        ObjectSalt::new(secret(1), 1).id(2, b"doc:1"),
        ObjectSalt::new(secret(1), 1).id(0, b"doc:1"),
        ObjectSalt::new(secret(1), 1).id(1, b"doc:2"),
    ]
    .map(|id| id.as_bytes()[2..].to_vec());
    for (place, id) in ids.iter().enumerate() {
        assert!(!ids[..place].contains(id), "{place}");
    }
    // The epoch's number alone changes what is seen of an id, not what is hidden: the salt is what ends with the epoch.
    let next = ObjectSalt::new(secret(1), 2).id(1, b"doc:1");
    assert_eq!(
        (next.epoch(), &next.as_bytes()[2..]),
        (2, ids[0].as_slice())
    );
}

#[test]
fn ids_do_not_print() {
    let tyid = salt(&Json::from("00".repeat(16))).tyid(&[0; 16]);
    let object = ObjectSalt::new(Secret32::from_slice(&[1; 32]).unwrap(), 692).id(1, b"doc:1");
    assert_eq!(
        format!("{tyid:?} {object:?}"),
        "Tyid { .. } ObjectId { epoch: 692, .. }"
    );
}
