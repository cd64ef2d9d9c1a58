//! Wrapping, records, codes and blind indexes: each works only with all that it is bound to.
#![expect(clippy::unwrap_used, reason = "tests")]

mod fixtures;

use std::collections::HashSet;

use fixtures::{Counter, scope};
use privet_seal::{
    BlindIndex, Error, IndexKey, KeyId, KeyKind, MacKey, Nonce, OpenError, PseudonymKey,
    RECORD_SIZE_BYTES_MAX, RecordKey, Scope, Secret32, SubjectKey, WRAPPED_SIZE_BYTES, WrapContext,
    WrappedRef, WrappingKey,
};

fn secret(byte: u8) -> Secret32 {
    Secret32::from_slice(&[byte; 32]).unwrap()
}

fn nonce() -> Nonce {
    Nonce::from_bytes([5; 12])
}

/// A key wrapped under a wrapping key in its context.
struct Wrapped {
    entropy: Counter,
    wrapping: WrappingKey,
    key: Secret32,
    key_id: KeyId,
    bytes: Vec<u8>,
}

impl Wrapped {
    fn new() -> Self {
        let entropy = Counter::default();
        let wrapping = WrappingKey::generate(&entropy);
        let (key, key_id) = (Secret32::generate(&entropy), KeyId::random(&entropy));
        let bytes = wrapping.wrap(&context(&scope(), key_id), &key, nonce());
        Self {
            entropy,
            wrapping,
            key,
            key_id,
            bytes,
        }
    }

    /// Whether other bytes unwrap with everything else as it should be.
    fn unwraps(&self, bytes: &[u8]) -> bool {
        let scope = scope();
        let context = context(&scope, self.key_id);
        let unwrapped = self
            .wrapping
            .unwrap(&context, bytes, &self.key.commitment());
        unwrapped.is_ok_and(|unwrapped| unwrapped.expose() == self.key.expose())
    }
}

fn context(scope: &Scope, key_id: KeyId) -> WrapContext<'_> {
    let kind = KeyKind::SubjectAccount;
    WrapContext {
        scope,
        key_id,
        subject: Some([7; 16]),
        kind,
        generation: 3,
    }
}

#[test]
fn a_key_unwraps_only_in_its_own_context() {
    let wrapped = Wrapped::new();
    assert_eq!(wrapped.bytes.len(), WRAPPED_SIZE_BYTES);
    let parsed = WrappedRef::parse(&wrapped.bytes).unwrap();
    assert_eq!(parsed.wrapping_key_id(), wrapped.wrapping.id());
    assert!(wrapped.unwraps(&wrapped.bytes));

    let (own, foreign) = (scope(), Scope::new("dev", "acme").unwrap());
    let other_tenant = Scope::new("prod", "globex").unwrap();
    let context = context(&own, wrapped.key_id);
    let others = [
        WrapContext {
            scope: &foreign,
            ..context
        },
        WrapContext {
            scope: &other_tenant,
            ..context
        },
        WrapContext {
            key_id: KeyId::random(&wrapped.entropy),
            ..context
        },
        WrapContext {
            subject: Some([8; 16]),
            ..context
        },
        WrapContext {
            subject: None,
            ..context
        },
        WrapContext {
            kind: KeyKind::SubjectOperational,
            ..context
        },
        WrapContext {
            generation: 4,
            ..context
        },
    ];
    let commitment = wrapped.key.commitment();
    for other in &others {
        let unwrapped = wrapped.wrapping.unwrap(other, &wrapped.bytes, &commitment);
        assert_eq!(unwrapped.err(), Some(OpenError), "{other:?}");
    }
}

#[test]
fn a_key_unwraps_only_with_its_wrapping_key_and_commitment() {
    let Wrapped {
        entropy,
        wrapping,
        key,
        key_id,
        bytes,
    } = Wrapped::new();
    let scope = scope();
    let context = context(&scope, key_id);
    let fails = |wrapping: &WrappingKey, commitment: [u8; 32]| {
        wrapping.unwrap(&context, &bytes, &commitment).err() == Some(OpenError)
    };
    assert!(!fails(&wrapping, key.commitment()));
    assert!(fails(&wrapping, Secret32::generate(&entropy).commitment()));
    assert!(fails(&WrappingKey::generate(&entropy), key.commitment()));
    let renamed = WrappingKey::new(wrapping.id(), Secret32::generate(&entropy));
    assert!(fails(&renamed, key.commitment()));
}

#[test]
fn an_altered_wrapped_key_does_not_unwrap() {
    let wrapped = Wrapped::new();
    for bit in 0..wrapped.bytes.len() * 8 {
        let mut altered = wrapped.bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!wrapped.unwraps(&altered), "bit {bit}");
    }
    for len in 0..wrapped.bytes.len() {
        assert!(!wrapped.unwraps(&wrapped.bytes[..len]), "cut to {len}");
    }
}

#[test]
fn kinds_have_their_own_codes() {
    let codes: HashSet<u8> = KeyKind::ALL.iter().map(|kind| kind.code()).collect();
    let names: HashSet<&str> = KeyKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(
        (codes.len(), names.len()),
        (KeyKind::ALL.len(), KeyKind::ALL.len())
    );
    for kind in KeyKind::ALL {
        assert_eq!(KeyKind::from_code(kind.code()), Some(kind));
    }
    assert_eq!(
        (KeyKind::from_code(0), KeyKind::from_code(255)),
        (None, None)
    );
}

#[test]
fn secrets_are_32_bytes() {
    assert_eq!(
        Secret32::from_slice(&[0; 31]).err(),
        Some(Error::SecretLength)
    );
    assert_eq!(
        Secret32::from_slice(&[0; 33]).err(),
        Some(Error::SecretLength)
    );
    assert_ne!(secret(1).commitment(), secret(2).commitment());
}

#[test]
fn records_open_only_with_their_key_and_context() {
    let key = RecordKey::from(secret(1));
    for len in [0, 1, 8 << 10, 1 << 20] {
        let record = vec![b'r'; len];
        let sealed = key.seal(&record, b"entry 7", nonce()).unwrap();
        assert_eq!(sealed.len(), len + 30);
        assert_eq!(*key.open(&sealed, b"entry 7").unwrap(), record);
        assert!(key.open(&sealed, b"entry 8").is_err());
        assert!(key.open(&sealed, b"").is_err());
        assert!(
            RecordKey::from(secret(2))
                .open(&sealed, b"entry 7")
                .is_err()
        );
        assert!(key.open(&sealed[..sealed.len() - 1], b"entry 7").is_err());
    }
    let sealed = key.seal(b"reason", b"entry 7", nonce()).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            key.open(&altered, b"entry 7").err(),
            Some(OpenError),
            "bit {bit}"
        );
    }
    let too_long = Error::TooLong {
        size_bytes_max: RECORD_SIZE_BYTES_MAX,
    };
    let huge = vec![0; RECORD_SIZE_BYTES_MAX + 1];
    assert_eq!(key.seal(&huge, b"", nonce()), Err(too_long));
    assert_eq!(key.seal(b"", &huge, nonce()), Err(too_long));
}

#[test]
fn a_combined_record_needs_both_keys() {
    let subject = |byte| SubjectKey::from(secret(byte));
    let sealed = RecordKey::combine(&secret(1), [&subject(2)])
        .seal(b"look", b"", nonce())
        .unwrap();
    let opens = |key: RecordKey| key.open(&sealed, b"").is_ok();
    assert!(opens(RecordKey::combine(&secret(1), [&subject(2)])));
    assert!(!opens(RecordKey::combine(&secret(1), [&subject(3)])));
    assert!(!opens(RecordKey::combine(&secret(3), [&subject(2)])));
    assert!(!opens(RecordKey::combine(&secret(2), [&subject(1)])));
    assert!(!opens(RecordKey::from(secret(1))));
    assert!(!opens(RecordKey::from(secret(2))));
}

#[test]
fn a_code_covers_the_borders_between_parts() {
    let key = MacKey::from(secret(1));
    let mac = key.mac(&[b"puid", b"oid"]);
    assert!(key.verify(&[b"puid", b"oid"], &mac).is_ok());
    for parts in [
        [b"puido".as_slice(), b"id"].as_slice(),
        &[b"puidoid"],
        &[b"oid", b"puid"],
        &[b"puid", b"oid", b""],
        &[b"", b"puid", b"oid"],
        &[],
    ] {
        assert!(key.verify(parts, &mac).is_err(), "{parts:?}");
    }
    assert!(key.verify(&[b"puid", b"oid"], &mac[..31]).is_err());
    assert!(
        MacKey::from(secret(2))
            .verify(&[b"puid", b"oid"], &mac)
            .is_err()
    );
}

#[test]
fn pseudonyms_join_nothing() {
    let key = SubjectKey::from(secret(1)).pseudonym_key();
    let own = key.pseudonym(&[1; 16], "support", "mailer");
    assert_eq!(own.len(), PseudonymKey::PREFIX.len() + 22);
    let others = [
        key.pseudonym(&[2; 16], "support", "mailer"),
        key.pseudonym(&[1; 16], "service", "mailer"),
        key.pseudonym(&[1; 16], "support", "printer"),
        key.pseudonym(&[1; 16], "supportm", "ailer"),
        SubjectKey::from(secret(2))
            .pseudonym_key()
            .pseudonym(&[1; 16], "support", "mailer"),
        PseudonymKey::from(secret(1)).pseudonym(&[1; 16], "support", "mailer"),
    ];
    assert!(!others.contains(&own));
    assert_eq!(key.pseudonym(&[1; 16], "support", "mailer"), own);
}

#[test]
fn a_blind_index_tells_equality_and_version() {
    let key = IndexKey::new(secret(1), 258);
    let index = key.index("a@example.com");
    assert_eq!(index, key.index("a@example.com"));
    assert_ne!(index, key.index("b@example.com"));
    assert_ne!(index, IndexKey::new(secret(2), 258).index("a@example.com"));
    assert_ne!(index, IndexKey::new(secret(1), 259).index("a@example.com"));
    assert_eq!((index.version(), key.version()), (258, 258));
    assert_eq!(BlindIndex::parse(&index.to_text()), Ok(index));
    assert_eq!(format!("{index:?}"), "BlindIndex { version: 258, .. }");

    let text = index.to_text();
    let cut = text.strip_suffix(|_: char| true).unwrap();
    for (altered, position) in [
        ("", 0),
        ("a@example.com", 0),
        (cut, 27),
        (&format!("{text}A"), 29),
        (&text.replace("px1_", "pv1_"), 0),
        (&format!("{}=", cut), 4),
    ] {
        assert_eq!(
            BlindIndex::parse(altered).unwrap_err().position(),
            position,
            "{altered}"
        );
    }
}
