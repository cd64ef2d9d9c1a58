//! Bundles of proofs: written, read, and those that prove nothing.

use privet_tlog::{
    BUNDLED_ENTRIES_MAX, BundledEntry, BundledLog, Checkpoint, Origin, ProofBundle,
    ProofBundleError, ProofError, inclusion_proof,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::config;
use crate::note::key;
use crate::oracle::{build, entries};

const ORIGIN: &str = "log.example/prod";
const OTHER: &str = "log.example/prod-2";

fn log(origin: &str, size: usize, indexes: &[u64]) -> BundledLog {
    let all = entries(size);
    let (tree, tiles) = build(&all);
    let checkpoint = Checkpoint {
        origin: Origin::new(origin).unwrap(),
        size: tree.size(),
        root: tree.root(),
    };
    let entry = |index: &u64| BundledEntry {
        index: *index,
        bytes: all[usize::try_from(*index).unwrap()].clone(),
        hashes: inclusion_proof(*index, tree.size(), &tiles).unwrap(),
    };
    BundledLog {
        checkpoint: checkpoint.signed(&[&key(origin, 1)]).unwrap().to_string(),
        entries: indexes.iter().map(entry).collect(),
    }
}

fn bundle(logs: Vec<BundledLog>) -> ProofBundle {
    let bundle = ProofBundle { logs };
    let read = ProofBundle::parse(&bundle.render()).unwrap();
    assert_eq!(read, bundle);
    read
}

#[test]
fn a_bundle_proves_its_entries_and_no_others() {
    let keys = [key(ORIGIN, 1).verifier(), key(OTHER, 1).verifier()];
    let good = bundle(vec![
        log(ORIGIN, 700, &[0, 3, 4, 5, 300, 699]),
        log(OTHER, 1, &[0]),
    ]);
    let proven = good.verify(&keys).unwrap();
    let proven: Vec<_> = proven
        .iter()
        .map(|checkpoint| (checkpoint.origin.as_str(), checkpoint.size))
        .collect();
    assert_eq!(proven, [(ORIGIN, 700), (OTHER, 1)]);

    let no_key = good.verify(&keys[..1]).unwrap_err();
    assert!(matches!(
        no_key,
        ProofBundleError::Checkpoint { log: 2, .. }
    ));
    let stranger = [key(ORIGIN, 2).verifier(), key(OTHER, 1).verifier()];
    let refused = good.verify(&stranger).unwrap_err();
    assert!(matches!(
        refused,
        ProofBundleError::Checkpoint { log: 1, .. }
    ));

    let wrong = |change: fn(&mut BundledLog)| {
        let mut changed = good.clone();
        change(&mut changed.logs[0]);
        changed.verify(&keys).unwrap_err()
    };
    let root = |index| ProofBundleError::Inclusion {
        log: 1,
        index,
        source: ProofError::Root,
    };
    assert_eq!(wrong(|log| log.entries[2].bytes[0] ^= 1), root(4));
    assert_eq!(wrong(|log| log.entries[1].index = 2), root(2));
    assert_eq!(wrong(|log| log.entries[4].hashes.swap(0, 1)), root(300));
    let cut = wrong(|log| log.entries[5].hashes.truncate(1));
    assert!(matches!(
        cut,
        ProofBundleError::Inclusion { index: 699, .. }
    ));
    let beyond = wrong(|log| log.entries[5].index = 700);
    assert!(matches!(
        beyond,
        ProofBundleError::Inclusion {
            source: ProofError::IndexOutside { .. },
            ..
        }
    ));
    // The checkpoint of another size vouches for neither.
    let earlier = wrong(|log| log.checkpoint = self::log(ORIGIN, 699, &[0]).checkpoint);
    assert!(matches!(
        earlier,
        ProofBundleError::Inclusion { index: 0, .. }
    ));
}

#[test]
fn each_hash_stands_there_once() {
    let together = bundle(vec![log(ORIGIN, 256, &(0..256).collect::<Vec<_>>())]);
    let text = together.render();
    let text = String::from_utf8_lossy(&text);
    let head = text.lines().nth(1).unwrap();
    // All nodes of the tree but its root.
    assert!(head.starts_with("log 256 510 "), "{head}");
}

#[test]
fn other_spellings_are_refused() {
    let good = bundle(vec![log(ORIGIN, 5, &[1, 2])]).render();
    let text = String::from_utf8(good).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let hashes = lines
        .iter()
        .position(|line| line.starts_with("entry "))
        .unwrap()
        - 4;
    let swapped = {
        let mut lines = lines.clone();
        lines.swap(hashes, hashes + 1);
        let text = lines.concat();
        // The numbers follow, so that everything would verify.
        text.replace(" 0 1 2\n", " 1 0 2\n")
            .replace(" 3 1 2\n", " 3 0 2\n")
    };
    let cases = [
        String::new(),
        lines[0].to_owned(),
        text.replace("@v1", "@v2"),
        text.replace("log 2", "log 02"),
        text.replace("log 2", "log 1"),
        text.replace("log 2", "log 3"),
        text.replace("log 2", "log 99999"),
        text.replace("log 2", "log 0"),
        text.replace("entry 1 ", "entry 2 "),
        text.replace("entry 2 ", "entry 1 "),
        text.replace("entry 2 ", "entry 18446744073709551616 "),
        text.replace("entry 2 ", "entry +2 "),
        text.replace(" 0 1 2\n", " 0 1 9\n"),
        text.replace(" 0 1 2\n", "  0 1 2\n"),
        text.replace('\n', "\r\n"),
        text.clone() + "\n",
        text.clone() + &text,
        text[..text.len() - 1].to_owned(),
        swapped,
    ];
    for (n, case) in cases.iter().enumerate() {
        assert_ne!(*case, text, "case {n} changes nothing");
        assert!(
            ProofBundle::parse(case.as_bytes()).is_err(),
            "case {n}: {case}"
        );
    }
    let many = BundledEntry {
        index: 0,
        bytes: Vec::new(),
        hashes: Vec::new(),
    };
    let mut log = log(ORIGIN, 5, &[]);
    for index in 0..=u64::try_from(BUNDLED_ENTRIES_MAX).unwrap() {
        log.entries.push(BundledEntry {
            index,
            ..many.clone()
        });
    }
    let long = ProofBundle { logs: vec![log] }.render();
    assert!(ProofBundle::parse(&long).is_err());
}

/// The published vectors of `docs/formats/proof-bundles.md`, which a second implementation made.
#[test]
fn vectors() {
    let text = include_str!("../../../../docs/formats/vectors/proof-bundles.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let keys = vectors["verifier_keys"].as_array().unwrap().iter();
    let keys: Vec<_> = keys
        .map(|key| key.as_str().unwrap().parse().unwrap())
        .collect();
    for vector in vectors["bundles"].as_array().unwrap() {
        let bytes = vector["bundle"].as_str().unwrap().as_bytes();
        let bundle = ProofBundle::parse(bytes).unwrap();
        assert_eq!(bundle.render(), bytes);
        bundle.verify(&keys).unwrap();
        let entries = bundle.logs.iter().flat_map(|log| &log.entries);
        let found: Vec<_> = entries
            .map(|entry| (entry.index, String::from_utf8(entry.bytes.clone()).unwrap()))
            .collect();
        let expected = vector["entries"].as_array().unwrap().iter();
        let expected: Vec<_> = expected
            .map(|entry| {
                (
                    entry[0].as_u64().unwrap(),
                    entry[1].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(found, expected);
    }
    for vector in vectors["refused"].as_array().unwrap() {
        let bytes = vector["bundle"].as_str().unwrap().as_bytes();
        let proven = ProofBundle::parse(bytes).map(|bundle| bundle.verify(&keys));
        assert!(!matches!(proven, Ok(Ok(_))), "{}", vector["why"]);
    }
}

proptest! {
    #![proptest_config(config())]

    /// Whatever a bundle holds, it is read as it was written.
    #[test]
    fn written_and_read(size in 1_usize..600, picks in prop::collection::btree_set(0_u64..600, 1..40)) {
        let picks: Vec<u64> = picks.into_iter().map(|index| index % size as u64).collect();
        let picks: std::collections::BTreeSet<u64> = picks.into_iter().collect();
        let picks: Vec<u64> = picks.into_iter().collect();
        let bundle = bundle(vec![log(ORIGIN, size, &picks)]);
        prop_assert!(bundle.verify(&[key(ORIGIN, 1).verifier()]).is_ok());
    }
}
