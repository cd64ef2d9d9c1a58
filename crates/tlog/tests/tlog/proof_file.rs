//! Proof files: written, read, and those that prove nothing.

use privet_tlog::{
    Checkpoint, Origin, PROOF_HASHES_MAX, Proof, ProofError, ProofFileError, inclusion_proof,
};
use proptest::prelude::*;

use crate::config;
use crate::note::key;
use crate::oracle::{build, entries};

const ORIGIN: &str = "log.example/prod";

fn proof(index: u64, size: usize) -> Proof {
    let (tree, tiles) = build(&entries(size));
    let checkpoint = Checkpoint {
        origin: Origin::new(ORIGIN).unwrap(),
        size: tree.size(),
        root: tree.root(),
    };
    Proof {
        index,
        hashes: inclusion_proof(index, tree.size(), &tiles).unwrap(),
        checkpoint: checkpoint.signed(&[&key(ORIGIN, 1)]).unwrap().to_string(),
        extra: None,
    }
}

#[test]
fn a_file_proves_its_entry_and_no_other() {
    let keys = [key(ORIGIN, 1).verifier()];
    let entries = entries(300);
    for (index, size) in [(0, 1), (0, 2), (1, 2), (299, 300), (17, 300)] {
        let proof = Proof::parse(proof(index, size).render().as_bytes()).unwrap();
        let checkpoint = proof.verify(&entries[index as usize], &keys).unwrap();
        assert_eq!(
            (checkpoint.size, checkpoint.origin.as_str()),
            (size as u64, ORIGIN)
        );
        let wrong = proof.verify(b"another entry", &keys);
        assert_eq!(wrong, Err(ProofFileError::Inclusion(ProofError::Root)));
        let stranger = proof.verify(&entries[index as usize], &[key(ORIGIN, 2).verifier()]);
        assert!(matches!(stranger, Err(ProofFileError::Checkpoint(_))));
    }
    let mut moved = proof(17, 300);
    moved.index = 16;
    assert!(moved.verify(&entries[17], &keys).is_err());
    moved.index = 300;
    assert!(matches!(
        moved.verify(&entries[17], &keys),
        Err(ProofFileError::Inclusion(ProofError::IndexOutside { .. }))
    ));
}

#[test]
fn extra_data_travels_along() {
    for extra in [vec![], b"context".to_vec()] {
        let proof = Proof {
            extra: Some(extra),
            ..proof(3, 5)
        };
        assert_eq!(Proof::parse(proof.render().as_bytes()), Ok(proof));
    }
}

#[test]
fn malformed_files() {
    let good = proof(3, 5).render();
    assert!(Proof::parse(good.as_bytes()).is_ok(), "{good}");
    let hash = good.lines().nth(2).unwrap();
    let many = format!("{hash}\n").repeat(PROOF_HASHES_MAX + 1);
    for (bad, line) in [
        (String::new(), 1),
        (good.replace("\n\n", "\n"), 1),
        (good.replace("proof@v1", "proof@v2"), 1),
        (good.replace("c2sp.org/tlog-proof@v1\n", ""), 1),
        (good.replace("c2sp", " c2sp"), 1),
        (good.replace("@v1\n", "@v1\r\n"), 1),
        (good.replace("index 3", "index 03"), 2),
        (good.replace("index 3", "index -3"), 2),
        (good.replace("index 3", "index  3"), 2),
        (good.replace("index 3", "Index 3"), 2),
        (good.replace("index 3", "index 9223372036854775808"), 2),
        (good.replace("index 3\n", ""), 2),
        (good.replace("index 3", "extra A\nindex 3"), 2),
        (good.replace("index 3", "extra \nextra \nindex 3"), 3),
        (good.replace("index 3", "index 3\nextra "), 3),
        (good.replace("index 3", "index 3\nAAAA"), 3),
        (good.replace(hash, &hash.replace('=', "")), 3),
        (good.replace("index 3\n", &format!("index 3\n{many}")), 66),
        (good.replace("\u{2014} log", "- log"), 11),
        (good.trim_end().to_owned(), 11),
    ] {
        let error = Proof::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(error.line(), line, "{bad:?}: {error}");
    }
    assert!(Proof::parse(b"\xff").is_err());
    let error = Proof::parse(&vec![b'x'; 1 << 20]).unwrap_err();
    assert!(error.to_string().ends_with("too long"), "{error}");
    let huge = Proof {
        extra: Some(vec![0; 65_537]),
        ..proof(3, 5)
    };
    assert!(Proof::parse(huge.render().as_bytes()).is_err());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Proof::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Proof::parse(format!("c2sp.org/tlog-proof@v1\nindex {text}").as_bytes());
    }

    #[test]
    fn a_changed_byte_never_yields_another_statement(
        position in 0.0..1.0, byte in any::<u8>(),
    ) {
        let file = proof(3, 5).render();
        let mut bytes = file.clone().into_bytes();
        let position = (position * bytes.len() as f64) as usize;
        bytes[position] = byte;
        if let Ok(changed) = Proof::parse(&bytes) {
            // Every byte counts: what still verifies is the unchanged file.
            let verified = changed.verify(&entries(5)[3], &[key(ORIGIN, 1).verifier()]);
            prop_assert!(verified.is_err() || bytes == file.into_bytes());
        }
    }
}
