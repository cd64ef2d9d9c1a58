//! Roots and proofs: exhaustively for small trees, by generated cases for larger ones.

use privet_tlog::{
    BuildError, CompactRange, Hash, MemoryTiles, MissingTile, ProofError, TREE_SIZE_MAX,
    TileBuilder, TileReader, consistency_proof, empty_root, inclusion_proof, leaf_hash, tile_width,
    verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

use crate::config;
use crate::oracle::{self, build, entries};

/// Beyond a power of two on both sides, and beyond all small special cases.
const SIZE_MAX: usize = 130;

#[test]
fn roots_of_the_certificate_transparency_test_tree() {
    // The eight leaves and roots that the tests of most RFC 6962 implementations share.
    let leaves: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut range = CompactRange::new();
    for (leaf, root) in leaves.iter().zip(roots) {
        range.append(leaf_hash(leaf));
        assert_eq!(range.root().to_string(), root);
    }
}

#[test]
fn roots_of_all_small_trees() {
    let entries = entries(SIZE_MAX);
    let mut range = CompactRange::new();
    for size in 0..=SIZE_MAX {
        assert_eq!(range.root(), oracle::mth(&entries[..size]), "size {size}");
        let again = CompactRange::from_parts(range.size(), range.hashes()).unwrap();
        assert_eq!(again, range);
        if let Some(entry) = entries.get(size) {
            range.append(leaf_hash(entry));
        }
    }
}

#[test]
fn right_edges_that_do_not_fit_their_size() {
    let hash = leaf_hash(b"");
    for (size, hashes) in [
        (0, 1),
        (1, 0),
        (3, 1),
        (3, 3),
        (4, 2),
        (TREE_SIZE_MAX + 1, 1),
    ] {
        assert!(
            CompactRange::from_parts(size, &vec![hash; hashes]).is_err(),
            "{size}, {hashes}"
        );
    }
    assert!(CompactRange::from_parts(TREE_SIZE_MAX, &[hash; 63]).is_ok());
}

#[test]
fn inclusion_in_all_small_trees() {
    let entries = entries(SIZE_MAX);
    for size in 1..=SIZE_MAX {
        let entries = &entries[..size];
        let (tree, tiles) = build(entries);
        let (n, root) = (tree.size(), tree.root());
        for (index, entry) in (0u64..).zip(entries) {
            let proof = inclusion_proof(index, n, &tiles).unwrap();
            assert_eq!(
                proof,
                oracle::path(index as usize, entries),
                "{index} of {size}"
            );
            let leaf = leaf_hash(entry);
            assert_eq!(verify_inclusion(index, n, &leaf, &proof, &root), Ok(()));
        }
    }
}

#[test]
fn consistency_of_all_small_trees() {
    let entries = entries(SIZE_MAX);
    let roots: Vec<Hash> = (0..=SIZE_MAX)
        .map(|size| oracle::mth(&entries[..size]))
        .collect();
    for new in 0..=SIZE_MAX {
        let (_, tiles) = build(&entries[..new]);
        for old in 0..=new {
            let proof = consistency_proof(old as u64, new as u64, &tiles).unwrap();
            let expected = match old {
                0 => vec![],
                _ => oracle::proof(old, &entries[..new]),
            };
            assert_eq!(proof, expected, "{old} to {new}");
            let (old_root, new_root) = (&roots[old], &roots[new]);
            let verified = verify_consistency(old as u64, old_root, new as u64, new_root, &proof);
            assert_eq!(verified, Ok(()), "{old} to {new}");
        }
    }
}

/// All ways of damaging a list of hashes that a careless verifier might miss.
fn damaged(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for i in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped[i].0[i % 32] ^= 1 << (i % 8);
        all.push(flipped);
        let mut missing = proof.to_vec();
        missing.remove(i);
        all.push(missing);
        let mut twice = proof.to_vec();
        twice.insert(i, proof[i]);
        all.push(twice);
    }
    let mut longer = proof.to_vec();
    longer.push(empty_root());
    all.push(longer);
    all
}

#[test]
fn damaged_inclusion_proofs_fail() {
    for size in 1..40u64 {
        let entries = entries(size as usize);
        let (tree, tiles) = build(&entries);
        let root = tree.root();
        for index in 0..size {
            let leaf = leaf_hash(&entries[index as usize]);
            let proof = inclusion_proof(index, size, &tiles).unwrap();
            for bad in damaged(&proof) {
                assert!(verify_inclusion(index, size, &leaf, &bad, &root).is_err());
            }
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify_inclusion(other, size, &leaf, &proof, &root).is_err());
                let leaf = leaf_hash(&entries[other as usize]);
                assert!(verify_inclusion(index, size, &leaf, &proof, &root).is_err());
            }
        }
    }
}

#[test]
fn damaged_consistency_proofs_fail() {
    for new in 1..40u64 {
        let entries = entries(new as usize);
        let (tree, tiles) = build(&entries);
        let new_root = tree.root();
        for old in 0..=new {
            let old_root = oracle::mth(&entries[..old as usize]);
            let proof = consistency_proof(old, new, &tiles).unwrap();
            for bad in damaged(&proof) {
                assert!(verify_consistency(old, &old_root, new, &new_root, &bad).is_err());
            }
            let wrong = leaf_hash(b"wrong");
            assert!(verify_consistency(old, &wrong, new, &new_root, &proof).is_err());
            // From the empty tree every tree follows, so there the new root proves nothing.
            if old > 0 {
                assert!(verify_consistency(old, &old_root, new, &wrong, &proof).is_err());
            }
        }
    }
}

#[test]
fn a_proof_that_ends_below_the_root_fails() {
    // The hashes do lead to the stated roots, but those of trees of other sizes than stated.
    for (old, size) in [(2, 4), (3, 4), (5, 8)] {
        let entries = entries(size as usize);
        let (tree, tiles) = build(&entries);
        let (old_root, root) = (oracle::mth(&entries[..old as usize]), tree.root());
        let proof = consistency_proof(old, size, &tiles).unwrap();
        let length = Err(ProofError::Length { found: proof.len() });
        assert_eq!(
            verify_consistency(old, &old_root, 2 * size, &root, &proof),
            length
        );

        let proof = inclusion_proof(1, size, &tiles).unwrap();
        let leaf = leaf_hash(&entries[1]);
        let length = Err(ProofError::Length { found: proof.len() });
        assert_eq!(verify_inclusion(1, 2 * size, &leaf, &proof, &root), length);
    }
}

#[test]
fn a_wider_tile_serves_as_well() {
    let entries = entries(700);
    let (_, tiles) = build(&entries);
    struct Wider(MemoryTiles);
    impl TileReader for Wider {
        type Error = MissingTile;
        fn tile(&self, level: u8, n: u64, _width: u16) -> Result<Vec<u8>, MissingTile> {
            self.0.tile(level, n, tile_width(level, n, 700))
        }
    }
    let tiles = Wider(tiles);
    for size in [1, 255, 257, 513, 600, 699] {
        let entries = &entries[..size as usize];
        let proof = inclusion_proof(size - 1, size, &tiles).unwrap();
        assert_eq!(proof, oracle::path(size as usize - 1, entries));
        let tree = TileBuilder::from_reader(size, &tiles).unwrap();
        assert_eq!(tree.root(), oracle::mth(entries));
    }
}

#[test]
fn questions_without_an_answer() {
    let (tree, tiles) = build(&entries(5));
    let root = tree.root();
    let outside = |index| ProofError::IndexOutside { index, size: 5 };
    for index in [5, 6, u64::MAX] {
        assert_eq!(
            inclusion_proof(index, 5, &tiles),
            Err(BuildError::Question(outside(index)))
        );
        assert_eq!(
            verify_inclusion(index, 5, &root, &[], &root),
            Err(outside(index))
        );
    }
    assert!(verify_inclusion(0, 0, &root, &[], &root).is_err());
    let reversed = ProofError::SizesReversed { old: 6, new: 5 };
    assert_eq!(
        consistency_proof(6, 5, &tiles),
        Err(BuildError::Question(reversed))
    );
    assert_eq!(verify_consistency(6, &root, 5, &root, &[]), Err(reversed));
}

#[test]
fn tiles_that_are_missing_or_cut_off() {
    let (tree, mut tiles) = build(&entries(600));
    assert!(matches!(
        inclusion_proof(0, 601, &tiles),
        Err(BuildError::Read { .. })
    ));
    let short = |_level, _n, width: u16| vec![0u8; usize::from(width) * 32 - 1];
    struct Reader<F>(F);
    impl<F: Fn(u8, u64, u16) -> Vec<u8>> privet_tlog::TileReader for Reader<F> {
        type Error = std::convert::Infallible;
        fn tile(&self, level: u8, n: u64, width: u16) -> Result<Vec<u8>, Self::Error> {
            Ok((self.0)(level, n, width))
        }
    }
    assert!(matches!(
        inclusion_proof(599, 600, &Reader(short)),
        Err(BuildError::Length { .. })
    ));
    // A wrong tile yields a proof, which does not verify.
    tiles.get_mut(0, 0).unwrap()[33] ^= 1;
    let proof = inclusion_proof(0, 600, &tiles).unwrap();
    let leaf = leaf_hash(&entries(1)[0]);
    let verified = verify_inclusion(0, 600, &leaf, &proof, &tree.root());
    assert_eq!(verified, Err(ProofError::Root));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..config() })]

    #[test]
    fn larger_trees_agree_with_the_oracle(size in 131usize..1500, a in 0.0..1.0, b in 0.0..1.0) {
        let entries = entries(size);
        let (tree, tiles) = build(&entries);
        prop_assert_eq!(tree.root(), oracle::mth(&entries));

        let index = (a * size as f64) as usize;
        let proof = inclusion_proof(index as u64, size as u64, &tiles).unwrap();
        prop_assert_eq!(&proof, &oracle::path(index, &entries));
        let leaf = leaf_hash(&entries[index]);
        let verified =
            verify_inclusion(index as u64, size as u64, &leaf, &proof, &tree.root());
        prop_assert_eq!(verified, Ok(()));

        let old = 1 + (b * size as f64) as usize;
        let proof = consistency_proof(old as u64, size as u64, &tiles).unwrap();
        prop_assert_eq!(&proof, &oracle::proof(old, &entries));
        let old_root = oracle::mth(&entries[..old]);
        let verified =
            verify_consistency(old as u64, &old_root, size as u64, &tree.root(), &proof);
        prop_assert_eq!(verified, Ok(()));
    }

    #[test]
    fn verifying_arbitrary_numbers_never_panics(
        a in any::<u64>(), b in any::<u64>(), hashes in 0usize..70,
    ) {
        let hash = empty_root();
        let proof = vec![hash; hashes];
        let _ = verify_inclusion(a, b, &hash, &proof, &hash);
        let _ = verify_consistency(a, &hash, b, &hash, &proof);
    }
}

/// A proof through three levels of tiles, where the oracle still keeps up.
#[test]
fn a_tree_of_70_000() {
    let entries = entries(70_000);
    let (tree, tiles) = build(&entries);
    assert_eq!(tree.root(), oracle::mth(&entries));
    for index in [0, 65_535, 65_536, 69_888] {
        let proof = inclusion_proof(index as u64, 70_000, &tiles).unwrap();
        assert_eq!(proof, oracle::path(index, &entries), "{index}");
    }
    for old in [257, 65_536, 65_537, 69_999] {
        let proof = consistency_proof(old as u64, 70_000, &tiles).unwrap();
        assert_eq!(proof, oracle::proof(old, &entries), "{old}");
    }
}
