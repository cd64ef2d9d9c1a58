//! Hostile input: no parser panics, and each says where it stopped and never what was there.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "tests")]

use privet_seal::{
    BlindIndex, FileKeyProvider, KeyId, ParseError, ProviderError, SEALED_SIZE_BYTES_MAX,
    SealedRef, SealedText, WRAPPED_SIZE_BYTES, WrappedRef, from_text,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn check(result: Result<(), ParseError>, position: usize) {
    let error = result.unwrap_err();
    assert_eq!(error.position(), position, "{error}");
}

fn sealed(bytes: &[u8]) -> Result<(), ParseError> {
    SealedRef::parse(bytes).map(|_| ())
}

fn wrapped(bytes: &[u8]) -> Result<(), ParseError> {
    WrappedRef::parse(bytes).map(|_| ())
}

fn text(text: &str) -> Result<(), ParseError> {
    from_text(text).map(|_| ())
}

#[test]
fn sealed_values() {
    check(sealed(&[]), 0);
    check(sealed(&[0; 100]), 0);
    check(sealed(&[2; 100]), 0);
    check(sealed(&[1, 2, 0]), 1);
    check(sealed(&[1, 0, 0]), 1);
    check(sealed(&[1]), 1);
    for len in 2..50 {
        check(sealed(&vec![1; len]), len);
    }
    assert!(sealed(&[1; 50]).is_ok());
    check(
        sealed(&vec![1; SEALED_SIZE_BYTES_MAX + 1]),
        SEALED_SIZE_BYTES_MAX,
    );
}

#[test]
fn sealed_text() {
    // Fifty bytes of 1: the shortest that parses.
    let valid = format!("pv1_{}AQE", "AQEB".repeat(16));
    assert_eq!(valid.len(), 4 + 67);
    assert!(from_text(&valid).is_ok());
    assert!(SealedText::recognize(&valid).is_some());
    assert!(SealedText::recognize(valid.as_bytes()).is_some());

    check(text(""), 0);
    check(text("alice@example.com"), 0);
    check(text("PV1_AQEB"), 0);
    check(text("pv1_"), 0);
    check(text("pv1_AQEB"), 3);
    check(text("pv1_AQ B"), 6);
    check(text("pv1_AQEBé"), 8);
    check(text(&format!("{valid}=")), valid.len());
    check(text(&"pv1_".repeat(400_000)), 4 + 1_398_102);
    for other in [
        "",
        "pv1",
        "pv1_",
        "pv1_AQEB",
        "pv2_",
        " pv1_",
        "alice@example.com",
        &valid.replace("pv1_A", "pv1_/"),
        &valid.replace("pv1_AQ", "pv1_Ag"),   // version 2
        &valid.replace("pv1_AQE", "pv1_AQI"), // suite 2
        &valid[..valid.len() - 1],
        &"pv1_".repeat(400_000),
    ] {
        assert!(SealedText::recognize(other).is_none(), "{other}");
    }
    for other in [format!("{valid}="), format!("{valid} ")] {
        let recognized = SealedText::recognize(&other).unwrap();
        assert!(recognized.decode_into(&mut Vec::new()).is_err(), "{other}");
    }
}

#[test]
fn wrapped_keys() {
    check(wrapped(&[]), 0);
    check(wrapped(&[2; WRAPPED_SIZE_BYTES]), 0);
    check(wrapped(&[1, 2]), 1);
    check(
        wrapped(&[1; WRAPPED_SIZE_BYTES - 1]),
        WRAPPED_SIZE_BYTES - 1,
    );
    assert!(wrapped(&[1; WRAPPED_SIZE_BYTES]).is_ok());
    check(wrapped(&[1; WRAPPED_SIZE_BYTES + 1]), WRAPPED_SIZE_BYTES);
}

#[test]
fn key_ids() {
    let id: KeyId = "000102030405060708090a0b0c0d0e0f".parse().unwrap();
    assert_eq!(
        id,
        KeyId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
    );
    assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
    assert_eq!(format!("{id:?}"), id.to_string());
    check("".parse::<KeyId>().map(|_| ()), 0);
    check("0001".parse::<KeyId>().map(|_| ()), 4);
    check(
        "000102030405060708090A0b0c0d0e0f"
            .parse::<KeyId>()
            .map(|_| ()),
        21,
    );
    check(format!("{id}0").parse::<KeyId>().map(|_| ()), 32);
}

#[test]
fn errors_hold_no_content() {
    let error = from_text("pv1_alice@example.com").unwrap_err();
    assert_eq!(error.to_string(), "expected unpadded base64url at byte 9");
    assert!(!format!("{error:?}").contains("alice"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(0x7061_7273_6572),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_parser_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = SealedRef::parse(&bytes);
        let _ = SealedText::recognize(&bytes);
        let _ = WrappedRef::parse(&bytes);
        let _ = FileKeyProvider::parse(&bytes, None);
        let headed = [&[1, 1], bytes.as_slice()].concat();
        let _ = SealedRef::parse(&headed);
        let _ = WrappedRef::parse(&headed);
    }

    #[test]
    fn no_parser_panics_on_text(text in "(pv1_|px1_|)([A-Za-z0-9_-]{0,120}|\\PC{0,60})") {
        let recognized = SealedText::recognize(&text).is_some();
        let decoded = from_text(&text);
        prop_assert!(recognized || decoded.is_err(), "decoded what was not recognized");
        if let Err(error) = decoded {
            prop_assert!(error.position() <= text.len());
        }
        let _ = BlindIndex::parse(&text);
        let _ = text.parse::<KeyId>();
    }

    #[test]
    fn no_root_key_file_panics(
        lines in prop::collection::vec("(protection |root |check |[a-f0-9]{32} |m=8 |none|\\PC{0,9})*", 0..6),
    ) {
        let file = format!("privet-root-keys 1\n{}\n", lines.join("\n"));
        let result = FileKeyProvider::parse(file.as_bytes(), None);
        prop_assert!(matches!(result, Err(ProviderError::Malformed(_))));
    }
}
