//! Properties of sealed values: what goes in comes out, and only for whom it was sealed.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "tests")]

mod fixtures;

use std::collections::HashSet;
use std::sync::Arc;

use fixtures::{Counter, scope};
use privet_seal::{
    Block, Error, FieldNumber, KeyId, Nonce, NonceSource, OpenError, OpenedValue,
    SEALED_SIZE_BYTES_MAX, SEALED_SIZE_BYTES_MIN, Scope, SealedRef, SealedText, Secret32,
    SubjectKey, Value, ValueCipher, from_text, to_text,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const EMAIL: FieldNumber = FieldNumber(1);

fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(0x7072_6976_6574),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A value that owns its content and can be printed when a property fails.
#[derive(Clone, Debug)]
enum Sample {
    Text(String),
    Integer(i64),
    Real(u64),
    Bytes(Vec<u8>),
}

impl Sample {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Real(bits) => Value::Real(f64::from_bits(*bits)),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Text(text), Value::Text(other)) => text == other,
            (Self::Integer(integer), Value::Integer(other)) => *integer == other,
            (Self::Real(bits), Value::Real(other)) => *bits == other.to_bits(),
            (Self::Bytes(bytes), Value::Bytes(other)) => bytes == other,
            _ => false,
        }
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        // Zeros and 0x80 at the end are what padding could be confused with.
        ".{0,80}(\u{0}|\u{80}){0,3}".prop_map(Sample::Text),
        any::<i64>().prop_map(Sample::Integer),
        any::<u64>().prop_map(Sample::Real),
        prop::collection::vec(prop_oneof![Just(0), Just(0x80), any::<u8>()], 0..200)
            .prop_map(Sample::Bytes),
    ]
}

fn block() -> impl Strategy<Value = Block> {
    (1..=255_u8).prop_map(|size| Block::new(size).unwrap())
}

fn cipher(secret: u8, scope: &Scope, key_id: KeyId) -> ValueCipher {
    SubjectKey::from(Secret32::from_slice(&[secret; 32]).unwrap()).cipher(scope, key_id)
}

/// Whether these bytes open; checks on the way that every failure looks the same.
fn opens(cipher: &ValueCipher, field: FieldNumber, sealed: &[u8]) -> bool {
    let Ok(parsed) = SealedRef::parse(sealed) else {
        return false;
    };
    let mut buffer = b"what was opened before, longer than most values in these tests".to_vec();
    let into = cipher.open_into(field, &parsed, &mut buffer).map(|_| ());
    let owned = cipher.open(field, &parsed).map(|_| ());
    assert_eq!(into, owned);
    if let Err(error) = into {
        assert_eq!(error, OpenError);
        assert_eq!(error.to_string(), "does not open");
        assert!(
            buffer.iter().all(|byte| *byte == 0),
            "something is left in the buffer"
        );
    }
    into.is_ok()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_value_comes_back(
        sample in sample(), block in block(), field: u16, nonce: [u8; 12], key_id: [u8; 16],
    ) {
        let (field, cipher) = (FieldNumber(field), cipher(1, &scope(), KeyId(key_id)));
        let sealed =
            cipher.seal(field, sample.value(), block, Nonce::from_bytes(nonce)).unwrap();

        let parsed = SealedRef::parse(&sealed).unwrap();
        prop_assert_eq!((parsed.key_id(), parsed.field()), (KeyId(key_id), field));
        prop_assert_eq!(parsed.bytes(), sealed.as_slice());
        prop_assert!(sample.is(cipher.open(field, &parsed).unwrap().as_value()));

        let mut buffer = Vec::new();
        prop_assert!(sample.is(cipher.open_into(field, &parsed, &mut buffer).unwrap()));
    }

    #[test]
    fn text_form_is_the_same_value(sample in sample(), field: u16, key_id: [u8; 16]) {
        let (field, cipher) = (FieldNumber(field), cipher(1, &scope(), KeyId(key_id)));
        let nonce = || Nonce::from_bytes([9; 12]);
        let sealed = cipher.seal(field, sample.value(), Block::SHORT, nonce()).unwrap();
        let text = cipher.seal_text(field, sample.value(), Block::SHORT, nonce()).unwrap();
        prop_assert_eq!(&to_text(&sealed), &text);
        prop_assert_eq!(&from_text(&text).unwrap(), &sealed);

        let recognized = SealedText::recognize(&text).unwrap();
        prop_assert_eq!((recognized.key_id(), recognized.field()), (KeyId(key_id), field));
        let mut buffer = vec![1; 500];
        prop_assert_eq!(recognized.decode_into(&mut buffer).unwrap().bytes(), sealed.as_slice());
    }

    #[test]
    fn opens_only_where_it_belongs(sample in sample(), nonce: [u8; 12]) {
        let key_id = KeyId([1; 16]);
        let own = cipher(1, &scope(), key_id);
        let sealed = own
            .seal(EMAIL, sample.value(), Block::SHORT, Nonce::from_bytes(nonce))
            .unwrap();
        prop_assert!(opens(&own, EMAIL, &sealed));

        let other_field = FieldNumber(2);
        let other_id = KeyId([2; 16]);
        let dev = Scope::new("dev", "acme").unwrap();
        let globex = Scope::new("prod", "globex").unwrap();
        // Whose names, put together, are the same.
        let shifted = Scope::new("proda", "cme").unwrap();
        prop_assert!(!opens(&own, other_field, &sealed));
        prop_assert!(!opens(&cipher(2, &scope(), key_id), EMAIL, &sealed));
        prop_assert!(!opens(&cipher(1, &scope(), other_id), EMAIL, &sealed));
        for foreign in [dev, globex, shifted] {
            prop_assert!(!opens(&cipher(1, &foreign, key_id), EMAIL, &sealed));
        }

        // Moved to another field or person by rewriting the header.
        let mut moved = sealed.clone();
        moved[18..20].copy_from_slice(&other_field.0.to_be_bytes());
        prop_assert!(!opens(&own, other_field, &moved));
        let mut moved = sealed;
        moved[2..18].copy_from_slice(other_id.as_bytes());
        prop_assert!(!opens(&cipher(1, &scope(), other_id), EMAIL, &moved));
        prop_assert!(!opens(&cipher(2, &scope(), other_id), EMAIL, &moved));
    }
}

proptest! {
    // Each case tries every bit and every length, so a few cases are many attempts.
    #![proptest_config(ProptestConfig { cases: config().cases.div_ceil(8), ..config() })]

    #[test]
    fn any_flipped_bit_fails(sample in sample(), nonce: [u8; 12]) {
        let cipher = cipher(1, &scope(), KeyId([1; 16]));
        let mut sealed = cipher
            .seal(EMAIL, sample.value(), Block::FREE_TEXT, Nonce::from_bytes(nonce))
            .unwrap();
        for bit in 0..sealed.len() * 8 {
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!opens(&cipher, EMAIL, &sealed), "bit {}", bit);
            sealed[bit / 8] ^= 1 << (bit % 8);
        }
        prop_assert!(opens(&cipher, EMAIL, &sealed));
    }

    #[test]
    fn any_other_length_fails(sample in sample(), more in prop::collection::vec(any::<u8>(), 1..40)) {
        let cipher = cipher(1, &scope(), KeyId([1; 16]));
        let sealed = cipher
            .seal(EMAIL, sample.value(), Block::SHORT, Nonce::from_bytes([3; 12]))
            .unwrap();
        for len in 0..sealed.len() {
            prop_assert!(!opens(&cipher, EMAIL, &sealed[..len]), "cut to {}", len);
            prop_assert!(!opens(&cipher, EMAIL, &sealed[len + 1..]), "cut from {}", len);
        }
        prop_assert!(!opens(&cipher, EMAIL, &[sealed, more].concat()));
    }

    #[test]
    fn any_altered_character_fails(sample in sample(), replacement in "[A-Za-z0-9_=+/ -]") {
        let cipher = cipher(1, &scope(), KeyId([1; 16]));
        let text = cipher
            .seal_text(EMAIL, sample.value(), Block::FREE_TEXT, Nonce::from_bytes([3; 12]))
            .unwrap();
        for place in 0..text.len() {
            let altered = [&text[..place], &replacement, &text[place + 1..]].concat();
            if altered == text {
                continue;
            }
            let decoded = from_text(&altered);
            prop_assert!(!decoded.is_ok_and(|sealed| opens(&cipher, EMAIL, &sealed)), "{}", place);
        }
    }
}

#[test]
fn a_warm_buffer_is_not_reallocated() {
    let cipher = cipher(1, &scope(), KeyId([1; 16]));
    let mut sealed = Vec::new();
    let mut opened = Vec::new();
    let mut seen = HashSet::new();
    for round in 0..50_u8 {
        let text = "x".repeat(usize::from(200 - round));
        let nonce = Nonce::from_bytes([round; 12]);
        cipher
            .seal_into(EMAIL, Value::Text(&text), Block::SHORT, nonce, &mut sealed)
            .unwrap();
        let parsed = SealedRef::parse(&sealed).unwrap();
        assert!(cipher.open_into(EMAIL, &parsed, &mut opened).unwrap() == Value::Text(&text));
        seen.insert((sealed.as_ptr(), opened.as_ptr()));
    }
    assert_eq!(seen.len(), 1);
}

#[test]
fn padding_hides_short_lengths() {
    fn size(value: Value<'_>, block: Block) -> usize {
        let cipher = cipher(1, &scope(), KeyId([1; 16]));
        cipher
            .seal(EMAIL, value, block, Nonce::from_bytes([1; 12]))
            .unwrap()
            .len()
    }
    let short: HashSet<usize> = (0..=30)
        .map(|len| size(Value::Text(&"x".repeat(len)), Block::SHORT))
        .collect();
    assert_eq!(short, HashSet::from([SEALED_SIZE_BYTES_MIN + 30]));
    assert_eq!(
        size(Value::Text(&"x".repeat(31)), Block::SHORT),
        SEALED_SIZE_BYTES_MIN + 62
    );
    assert_eq!(
        size(Value::Integer(i64::MIN), Block::SHORT),
        SEALED_SIZE_BYTES_MIN + 30
    );
    assert_eq!(
        size(Value::Real(0.5), Block::SHORT),
        SEALED_SIZE_BYTES_MIN + 30
    );
    assert_eq!(
        size(Value::Text("four"), Block::FREE_TEXT),
        SEALED_SIZE_BYTES_MIN + 4
    );
    assert_eq!(Block::new(0), Err(Error::Block));
}

#[test]
fn the_size_limit_is_exact() {
    let cipher = cipher(1, &scope(), KeyId([1; 16]));
    let longest = vec![7; SEALED_SIZE_BYTES_MAX - SEALED_SIZE_BYTES_MIN];
    let seal = |bytes: &[u8], block| {
        cipher.seal(
            EMAIL,
            Value::Bytes(bytes),
            block,
            Nonce::from_bytes([1; 12]),
        )
    };
    let sealed = seal(&longest, Block::FREE_TEXT).unwrap();
    assert_eq!(sealed.len(), SEALED_SIZE_BYTES_MAX);
    assert!(opens(&cipher, EMAIL, &sealed));
    assert!(from_text(&to_text(&sealed)).is_ok());
    assert!(SealedText::recognize(&to_text(&sealed)).is_some());

    let too_long = Error::TooLong {
        size_bytes_max: SEALED_SIZE_BYTES_MAX,
    };
    let longer = [longest.as_slice(), &[7]].concat();
    assert_eq!(seal(&longer, Block::FREE_TEXT), Err(too_long));
    assert_eq!(seal(&longest, Block::SHORT), Err(too_long));
    let error = SealedRef::parse(&[sealed, vec![0]].concat()).unwrap_err();
    assert_eq!(error.position(), SEALED_SIZE_BYTES_MAX);
}

#[test]
fn display_forms() {
    let check = |value: Value<'_>, expected: &str| {
        assert_eq!(value.as_text().as_str(), expected);
        let cipher = cipher(1, &scope(), KeyId([1; 16]));
        let sealed = cipher
            .seal(EMAIL, value, Block::SHORT, Nonce::from_bytes([1; 12]))
            .unwrap();
        let opened = cipher
            .open(EMAIL, &SealedRef::parse(&sealed).unwrap())
            .unwrap();
        assert_eq!(opened.as_text().as_str(), expected);
    };
    check(Value::Text("Zoë"), "Zoë");
    check(Value::Text(""), "");
    check(Value::Integer(i64::MIN), "-9223372036854775808");
    check(Value::Real(1.0), "1.0");
    check(
        Value::Real(-1.234_567_890_123_456_7e-308),
        "-1.2345678901234567e-308",
    );
    check(Value::Real(f64::INFINITY), "inf");
    check(Value::Bytes(b"\x00\xff"), "\\x00ff");
}

#[test]
fn opened_values_own_their_type() {
    let cipher = cipher(1, &scope(), KeyId([1; 16]));
    let open = |value| {
        let nonce = Nonce::from_bytes([1; 12]);
        let sealed = cipher.seal(EMAIL, value, Block::SHORT, nonce).unwrap();
        cipher
            .open(EMAIL, &SealedRef::parse(&sealed).unwrap())
            .unwrap()
    };
    assert!(matches!(open(Value::Text("1")), OpenedValue::Text(_)));
    assert!(matches!(open(Value::Integer(1)), OpenedValue::Integer(1)));
    assert!(matches!(open(Value::Real(1.0)), OpenedValue::Real(_)));
    assert!(matches!(open(Value::Bytes(b"1")), OpenedValue::Bytes(_)));
}

#[test]
fn nonces_do_not_repeat_across_blocks() {
    let mut source = NonceSource::new(Arc::new(Counter::default()));
    let cipher = cipher(1, &scope(), KeyId([1; 16]));
    let nonces: HashSet<Vec<u8>> = (0..2000)
        .map(|_| {
            let sealed = cipher.seal(EMAIL, Value::Integer(1), Block::SHORT, source.next());
            sealed.unwrap()[20..32].to_vec()
        })
        .collect();
    assert_eq!(nonces.len(), 2000);
}

#[test]
fn scope_names_are_strict() {
    assert!(Scope::new("a", &"z".repeat(64)).is_ok());
    for name in ["", "Prod", "a b", "a.b", "ä", "a\0", &"z".repeat(65)] {
        assert_eq!(
            Scope::new(name, "acme"),
            Err(Error::Name {
                part: "environment"
            })
        );
        assert_eq!(
            Scope::new("prod", name),
            Err(Error::Name { part: "tenant" })
        );
    }
}
