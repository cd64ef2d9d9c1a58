//! Signed notes: the specification's example, a second Ed25519, and notes that must not be believed.

use ed25519_dalek::{Signer as _, Verifier as _};
use privet_tlog::OpenError;
use privet_tlog::note::{KeyName, NOTE_BYTES_MAX, Note, SIGNATURES_MAX, SigningKey, VerifierKey};
use proptest::prelude::*;

use crate::config;

/// The example of signed-note.
const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const EXAMPLE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

pub(crate) fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32]).unwrap()
}

fn open(note: &str, keys: &[VerifierKey]) -> Result<Note, OpenError> {
    Note::parse(note.as_bytes())?.verify(keys)
}

#[test]
fn the_specification_s_example() {
    let key: VerifierKey = EXAMPLE_KEY.parse().unwrap();
    assert_eq!(key.to_string(), EXAMPLE_KEY);
    assert_eq!(
        (key.name().as_str(), key.id().0),
        ("example.com/foo", 0x530d_903a)
    );
    let note = open(EXAMPLE, &[key]).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.to_string(), EXAMPLE);
}

#[test]
fn a_second_implementation_signs_and_verifies_the_same() {
    for seed in 0..32 {
        let ours = key("log.example/a", seed);
        let theirs = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        assert_eq!(ours.verifier().public(), theirs.verifying_key().as_bytes());
        let text = format!("text {seed}\n");
        let note = Note::sign(&text, &[&ours]).unwrap();
        let signature = &note.signatures()[0].bytes;
        assert_eq!(
            signature.as_slice(),
            theirs.sign(text.as_bytes()).to_bytes()
        );
        let parsed = ed25519_dalek::Signature::from_slice(signature).unwrap();
        assert!(
            theirs
                .verifying_key()
                .verify(text.as_bytes(), &parsed)
                .is_ok()
        );
    }
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    let key = key("log.example", 1);
    for text in [
        "\n",
        "a\n",
        "a\n\nb\n",
        "a\n\n",
        "\n\n\n",
        "è subito sera.\n",
    ] {
        let note = Note::sign(text, &[&key]).unwrap();
        assert_eq!(
            open(&note.to_string(), &[key.verifier()]).unwrap(),
            note,
            "{text:?}"
        );
        assert_eq!(note.text(), text);
    }
    for text in ["", "a", "a\tb\n", "a\r\n", "\0\n", "a\n\nb"] {
        assert!(Note::sign(text, &[&key]).is_err(), "{text:?}");
    }
    assert!(Note::sign("a\n", &[]).is_err());
}

#[test]
fn unknown_keys_are_passed_over_and_known_ones_are_not() {
    let (a, b, stranger) = (key("a", 1), key("b", 2), key("stranger", 3));
    let note = Note::sign("text\n", &[&stranger, &a, &b])
        .unwrap()
        .to_string();

    let opened = open(&note, &[a.verifier()]).unwrap();
    assert_eq!(opened.signatures().len(), 1);
    assert_eq!(opened.unverified_signatures().len(), 2);
    assert_eq!(
        open(&note, &[b.verifier(), a.verifier()])
            .unwrap()
            .signatures()
            .len(),
        2
    );
    assert_eq!(open(&note, &[]), Err(OpenError::NoKnownSignature));
    // The same name with another key, and the same key under another name, are strangers.
    assert_eq!(
        open(&note, &[key("a", 9).verifier()]),
        Err(OpenError::NoKnownSignature)
    );
    assert_eq!(
        open(&note, &[key("c", 1).verifier()]),
        Err(OpenError::NoKnownSignature)
    );
}

#[test]
fn one_wrong_signature_by_a_known_key_spoils_the_note() {
    let (a, b) = (key("a", 1), key("b", 2));
    let note = Note::sign("text\n", &[&a, &b]).unwrap().to_string();
    let other = Note::sign("other\n", &[&b]).unwrap().to_string();
    let wrong = format!(
        "{}{}",
        Note::sign("text\n", &[&a]).unwrap(),
        other.strip_prefix("other\n\n").unwrap()
    );
    let bad = OpenError::BadSignature {
        name: b.name().clone(),
    };
    assert_eq!(
        open(&wrong, &[a.verifier(), b.verifier()]),
        Err(bad.clone())
    );
    assert!(open(&wrong, &[a.verifier()]).is_ok());
    // Also if a right signature by the same key stands before it.
    let twice = format!("{note}{}", other.strip_prefix("other\n\n").unwrap());
    assert_eq!(open(&twice, &[b.verifier()]), Err(bad));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let a = key("a", 1);
    let note = Note::sign("text\n", &[&a]).unwrap().to_string();
    for position in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let opened = Note::parse(&bytes).map_err(OpenError::from);
            assert!(
                opened
                    .and_then(|note| note.verify(&[a.verifier()]))
                    .is_err()
            );
        }
    }
}

#[test]
fn as_many_signatures_as_the_limit_and_no_more() {
    let strangers: Vec<_> = (0..)
        .map(|i| key("stranger", i))
        .take(SIGNATURES_MAX - 1)
        .collect();
    let a = key("a", 200);
    let mut keys: Vec<&SigningKey> = strangers.iter().collect();
    keys.push(&a);
    let note = Note::sign("text\n", &keys).unwrap();
    assert!(open(&note.to_string(), &[a.verifier()]).is_ok());
    const { assert!(SIGNATURES_MAX >= 16, "the specification's least") };
    keys.push(&a);
    assert!(Note::sign("text\n", &keys).is_err());

    let long = format!("{}\n", "x".repeat(NOTE_BYTES_MAX));
    assert!(Note::sign(&long, &[&a]).is_err());
}

#[test]
fn malformed_notes() {
    let good = "text\n\n\u{2014} a AAAAAAE=\n";
    assert!(Note::parse(good.as_bytes()).is_ok());
    for (bad, line) in [
        ("", 1),
        ("text\n", 1),
        ("text\n\n", 3),
        ("text\n\u{2014} a AAAAAAE=\n", 1),
        ("text\n\n\u{2014} a AAAAAAE=", 3),
        ("text\n\n\u{2014} a AAAAAAE=\n\n", 5),
        ("text\n\n\u{2014} a AAAAAAE=\nmore\n", 4),
        ("text\n\n- a AAAAAAE=\n", 3),
        ("text\n\n\u{2014}  a AAAAAAE=\n", 3),
        ("text\n\n\u{2014} a  AAAAAAE=\n", 3),
        ("text\n\n\u{2014} a AAAAAAE= \n", 3),
        ("text\n\n\u{2014} a AAAAAAE=\r\n", 3),
        ("text\n\n\u{2014} a\n", 3),
        ("text\n\n\u{2014} a \n", 3),
        ("text\n\n\u{2014} a+b AAAAAAE=\n", 3),
        ("text\n\n\u{2014} a\u{a0}b AAAAAAE=\n", 3),
        ("text\n\n\u{2014} a AAAAAA==\n", 3),
        ("text\n\n\u{2014} a AAAAAAE\n", 3),
        ("text\n\n\u{2014} a AAAAAAF=\n", 3),
        ("text\n\n\u{2014} a AAAA_AE=\n", 3),
        ("te\txt\n\n\u{2014} a AAAAAAE=\n", 1),
        ("te\n\0xt\n\n\u{2014} a AAAAAAE=\n", 2),
    ] {
        let error = Note::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(error.line(), line, "{bad:?}: {error}");
    }
    assert!(Note::parse(b"\xff\n\n\xe2\x80\x94 a AAAAAAE=\n").is_err());
}

#[test]
fn malformed_verifier_keys() {
    let part = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    for bad in [
        String::new(),
        "example.com/foo".into(),
        "example.com/foo+530d903a".into(),
        format!("example.com/foo+530d903a+{part}+"),
        format!("example.com/foo+530D903A+{part}"),
        format!("example.com/foo++30d903a+{part}"),
        format!("example.com/foo+530d903+{part}"),
        format!("example.com/foo+0530d903a+{part}"),
        format!("example.com/foo+530d903b+{part}"),
        format!("example.com/fop+530d903a+{part}"),
        format!("example.com/foo +530d903a+{part}"),
        format!("+530d903a+{part}"),
        format!("example.com/foo+530d903a+{part}\n"),
        format!("example.com/foo+530d903a+{}", &part[..40]),
        format!("example.com/foo+530d903a+{}", part.replacen('A', "B", 1)),
        "example.com/foo+530d903a+".into(),
    ] {
        assert!(bad.parse::<VerifierKey>().is_err(), "`{bad}` was accepted");
    }
}

#[test]
fn signing_keys_have_a_secret_text_form_and_no_other() {
    // The published key of a public test log, and its public half.
    let text = "PRIVATE+KEY+example.com/log/testdata+33d7b496+\
        AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
    let key = SigningKey::from_secret_text(text).unwrap();
    assert_eq!(
        key.verifier().to_string(),
        "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
    );
    assert_eq!(key.to_secret_text().unwrap().as_str(), text);
    assert_eq!(
        format!("{key:?}"),
        "SigningKey(example.com/log/testdata+33d7b496, secret)"
    );

    for bad in [
        "",
        "PRIVATE+KEY+",
        &text[12..],
        &text.replace("33d7b496", "33d7b497"),
        &text.replace("testdata", "testdatb"),
        &text.replace("AeymY", "AuymY"),
        &text[..text.len() - 4],
        &format!("{text}\n"),
    ] {
        let error = SigningKey::from_secret_text(bad).unwrap_err().to_string();
        assert!(!error.contains("mY/SZ"), "{error}");
    }
}

#[test]
fn key_names() {
    for bad in ["", " ", "a b", "a+b", "a\n", "\ta", "a\u{2003}b", "a\0"] {
        assert!(KeyName::new(bad).is_err(), "{bad:?}");
    }
    for good in ["a", "audit.example.com/prod", "è", "\u{2014}"] {
        assert!(KeyName::new(good).is_ok(), "{good:?}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_signed_and_opened(lines in "([^\\x00-\\x1f]{0,9}\n){1,6}", seed: [u8; 32]) {
        let key = SigningKey::from_seed(KeyName::new("k").unwrap(), &seed).unwrap();
        let note = Note::sign(&lines, &[&key]).unwrap();
        let opened = open(&note.to_string(), &[key.verifier()]).unwrap();
        prop_assert_eq!(opened.text(), &lines);
        let again = SigningKey::from_secret_text(&key.to_secret_text().unwrap()).unwrap();
        prop_assert_eq!(again.verifier(), key.verifier());
        prop_assert_eq!(key.verifier().to_string().parse(), Ok(key.verifier()));
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Note::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = text.parse::<VerifierKey>();
        let _ = SigningKey::from_secret_text(&format!("PRIVATE+KEY+{text}"));
    }

    #[test]
    fn nearly_notes_do_not_make_the_parser_panic(
        note in "(a\n|\n|\u{2014} |[ab+]|AAAAAAE=\n){0,12}",
    ) {
        let _ = Note::parse(note.as_bytes());
    }
}
