//! Checkpoints: those of a published test log, and those that must not be believed.

use privet_tlog::note::{Note, SigningKey};
use privet_tlog::{Checkpoint, CompactRange, OpenError, Origin, TREE_SIZE_MAX, leaf_hash};
use proptest::prelude::*;

use crate::config;
use crate::note::key;
use crate::oracle::build;

/// Entries of the test log that the Tessera project publishes; its key is in [`crate::note`].
const ENTRIES: [&str; 15] = [
    "one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf",
    "threeten", "fourten", "fivten",
];
const KEY: &str = "PRIVATE+KEY+example.com/log/testdata+33d7b496+\
    AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
/// Root and signature of its checkpoints at some sizes.
const CHECKPOINTS: [(usize, &str, &str); 5] = [
    (
        0,
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "M9e0lhxJACzE1KoUdqKuPa+9p6R7dSW8BlEvrg/noo8FkGg6PbJoRNOcdjqjOq89wVvTA60eubCc4oufo5BvIVEgtQc=",
    ),
    (
        1,
        "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=",
        "M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a3WyniNlfcr9+bywoiIke1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=",
    ),
    (
        7,
        "IrSXADBqJ7EQoUODSDKROySgNveeL6CFhik2w/+fS7U=",
        "M9e0luA5JhTRUki/BBQD0QNiH6AEJ2pdtsA5CQjqJErViuuKrN6513RCTL2640wXJv0dCed3neRGI6dMzBq9uANf2Qc=",
    ),
    (
        8,
        "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=",
        "M9e0lq1EK37dHtgv9O3UzPxisw5vwIPcJsX9ab0xt4mvVfbdUR1fbMjN6sBFYpBoBEmD4+cWhj/AVgI5MitCO5+mews=",
    ),
    (
        15,
        "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=",
        "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=",
    ),
];

#[test]
fn a_published_log_comes_out_byte_for_byte() {
    let key = SigningKey::from_secret_text(KEY).unwrap();
    let mut range = CompactRange::new();
    let mut entries = ENTRIES.iter();
    for (size, root, signature) in CHECKPOINTS {
        while range.size() < size as u64 {
            range.append(leaf_hash(entries.next().unwrap().as_bytes()));
        }
        let origin = "example.com/log/testdata";
        let published = format!("{origin}\n{size}\n{root}\n\n\u{2014} {origin} {signature}\n");
        let checkpoint = Checkpoint {
            origin: Origin::new(origin).unwrap(),
            size: size as u64,
            root: range.root(),
        };
        assert_eq!(checkpoint.signed(&[&key]).unwrap().to_string(), published);
        assert_eq!(
            Checkpoint::open(published.as_bytes(), &[key.verifier()]),
            Ok(checkpoint)
        );
    }
    let entries: Vec<_> = ENTRIES
        .iter()
        .map(|entry| entry.as_bytes().to_vec())
        .collect();
    assert_eq!(build(&entries).0.root(), range.root());
}

#[test]
fn malformed_checkpoints() {
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let size_max = TREE_SIZE_MAX;
    for (bad, line) in [
        (String::new(), 1),
        ("\n".into(), 1),
        ("log.example\n".into(), 2),
        ("log.example\n0\n".into(), 3),
        (format!("log.example\n0\n{root}"), 1),
        (format!("\n0\n{root}\n"), 1),
        (format!("log example\n0\n{root}\n"), 1),
        (format!("log+example\n0\n{root}\n"), 1),
        (format!("log.example\n\n{root}\n"), 2),
        (format!("log.example\n00\n{root}\n"), 2),
        (format!("log.example\n01\n{root}\n"), 2),
        (format!("log.example\n+1\n{root}\n"), 2),
        (format!("log.example\n-1\n{root}\n"), 2),
        (format!("log.example\n1 \n{root}\n"), 2),
        (format!("log.example\n0x1\n{root}\n"), 2),
        (format!("log.example\n{}\n{root}\n", size_max + 1), 2),
        (format!("log.example\n99999999999999999999999\n{root}\n"), 2),
        (format!("log.example\n0\n{root} \n"), 3),
        (
            format!("log.example\n0\n{}\n", root.trim_end_matches('=')),
            3,
        ),
        (
            format!("log.example\n0\n{}\n", root.replace("uFU=", "uFV=")),
            3,
        ),
        (format!("log.example\n0\n{}\n", &root[4..]), 3),
        (format!("log.example\n0\n{root}\n\n"), 4),
        (
            format!("log.example\n0\n{root}\nextension\n\nextension\n"),
            5,
        ),
    ] {
        let error = Checkpoint::parse(&bad).unwrap_err();
        assert_eq!(error.line(), line, "{bad:?}: {error}");
    }
    for good in [
        format!("log.example\n0\n{root}\n"),
        format!("log.example\n{size_max}\n{root}\n"),
        format!("log.example\n0\n{root}\nextension lines are passed over\n\u{2014} too\n"),
    ] {
        assert!(Checkpoint::parse(&good).is_ok(), "{good:?}");
    }
}

#[test]
fn only_a_key_named_after_the_origin_speaks_for_the_log() {
    let (log, other) = (key("log.example", 1), key("other.example", 2));
    let checkpoint = |origin| Checkpoint {
        origin: Origin::new(origin).unwrap(),
        size: 0,
        root: privet_tlog::empty_root(),
    };
    assert!(checkpoint("log.example").signed(&[&other]).is_err());
    assert!(checkpoint("log.example").signed(&[]).is_err());
    let keys = [log.verifier(), other.verifier()];

    let both = checkpoint("log.example")
        .signed(&[&other, &log])
        .unwrap()
        .to_string();
    assert_eq!(
        Checkpoint::open(both.as_bytes(), &keys),
        Ok(checkpoint("log.example"))
    );
    // A known key of another log vouches for nothing here.
    assert_eq!(
        Checkpoint::open(both.as_bytes(), &[other.verifier()]),
        Err(OpenError::NoKnownSignature)
    );
    let forged = Note::sign(&checkpoint("log.example").to_text(), &[&other])
        .unwrap()
        .to_string();
    assert_eq!(
        Checkpoint::open(forged.as_bytes(), &keys),
        Err(OpenError::NoKnownSignature)
    );
    // A signed text that is no checkpoint.
    let text = Note::sign("log.example\n", &[&log]).unwrap().to_string();
    assert!(matches!(
        Checkpoint::open(text.as_bytes(), &keys),
        Err(OpenError::Malformed(_))
    ));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn checkpoints_come_back(size in 0..=TREE_SIZE_MAX, root: [u8; 32]) {
        let origin = Origin::new("audit.example.com/prod").unwrap();
        let checkpoint = Checkpoint { origin, size, root: root.into() };
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()), Ok(checkpoint));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "([a0=+ ]{0,5}\n?){0,8}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert!(text.starts_with(&checkpoint.to_text()));
        }
    }
}
