//! The small salted tree over the subjects of one entry: the entry commits to all of them with one hash, and each
//! person can be shown their own leaf and nobody else's.

use std::sync::Arc;

use aws_lc_rs::hmac;
use privet_tlog::{
    CompactRange, HASH_BYTES, Hash, MemoryTiles, TileBuilder, inclusion_proof, leaf_hash,
    verify_inclusion,
};
use serde::{Deserialize, Serialize};

use super::hex::Hex;
use crate::SubjectRef;

/// Whose data an entry is about, which fields, and how many values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectUse {
    /// The subject's random name in the log.
    pub reference: SubjectRef,
    /// Numbers of the fields, ascending. Shared, because the subjects of a bulk call have the same ones.
    pub fields: Arc<[u16]>,
    /// How many values.
    pub count: u32,
}

/// The 32 random bytes that all salts of one entry come from. They stand in the side record, so that destroying it
/// leaves leaves that nobody can recognize.
pub(crate) type Seed = [u8; 32];

/// The root of the salted tree of `subjects`, in their order (RFC 6962, section 2.1).
pub(crate) fn subjects_root(seed: &Seed, subjects: &[SubjectUse]) -> Hash {
    let mut tree = CompactRange::new();
    for leaf in leaves(seed, subjects) {
        tree.append(leaf);
    }
    tree.root()
}

/// Shows that a subject stands in an entry: everything that the subject may know and nothing about anybody else.
///
/// As JSON it is what a person is handed; [`SubjectProof::verify`] needs nothing but it and the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectProof {
    index: u64,
    of: u64,
    reference: SubjectRef,
    fields: Vec<u16>,
    count: u32,
    salt: Hex<32>,
    hashes: Vec<Hex<HASH_BYTES>>,
}

impl SubjectProof {
    /// Whom it is about, which fields, how many values.
    pub fn subject(&self) -> SubjectUse {
        SubjectUse {
            reference: self.reference,
            fields: self.fields.as_slice().into(),
            count: self.count,
        }
    }

    /// Whether the entry whose `subjects` say `root` and `count` names this subject with these fields and this count.
    pub fn verify(&self, root: &Hash, count: u64) -> bool {
        let mut buffer = Vec::new();
        let leaf = leaf(&self.salt.0, &self.subject(), &mut buffer);
        let hashes: Vec<Hash> = self.hashes.iter().map(|hash| Hash(hash.0)).collect();
        count == self.of && verify_inclusion(self.index, count, &leaf, &hashes, root).is_ok()
    }
}

/// The proof for subject `index` of `subjects`; `None` if there is no such subject.
pub(crate) fn prove_leaf(
    seed: &Seed,
    subjects: &[SubjectUse],
    index: usize,
) -> Option<SubjectProof> {
    let subject = subjects.get(index)?;
    let mut tree = TileBuilder::new();
    for leaf in leaves(seed, subjects) {
        tree.append(leaf);
    }
    let mut tiles = MemoryTiles::default();
    tiles.extend(tree.take_changed());
    let index = u64::try_from(index).ok()?;
    let hashes = inclusion_proof(index, tree.size(), &tiles).ok()?;
    Some(SubjectProof {
        index,
        of: tree.size(),
        reference: subject.reference,
        fields: subject.fields.to_vec(),
        count: subject.count,
        salt: Hex(salt(&hmac::Key::new(hmac::HMAC_SHA256, seed), index)),
        hashes: hashes.into_iter().map(|hash| Hex(hash.0)).collect(),
    })
}

fn leaves(seed: &Seed, subjects: &[SubjectUse]) -> impl Iterator<Item = Hash> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
    let mut buffer = Vec::with_capacity(128);
    (0u64..)
        .zip(subjects)
        .map(move |(index, subject)| leaf(&salt(&key, index), subject, &mut buffer))
}

/// `HMAC-SHA-256(seed, index as 8 bytes big endian)`: one seed to store, yet one salt tells nothing about the next.
fn salt(key: &hmac::Key, index: u64) -> [u8; 32] {
    let mut salt = [0; 32];
    // HMAC-SHA-256 always yields 32 bytes, so both sides have the same length.
    salt.copy_from_slice(hmac::sign(key, &index.to_be_bytes()).as_ref());
    salt
}

/// `SHA-256(0x00 ‖ salt ‖ reference ‖ number of fields (2) ‖ fields (2 each) ‖ count (4))`, numbers big endian.
fn leaf(salt: &[u8; 32], subject: &SubjectUse, buffer: &mut Vec<u8>) -> Hash {
    // A data map numbers fields with 16 bits, so a list of distinct fields has a 16-bit length, give or take one.
    let fields = u16::try_from(subject.fields.len()).unwrap_or(u16::MAX);
    buffer.clear();
    buffer.extend_from_slice(salt);
    buffer.extend_from_slice(subject.reference.as_bytes());
    buffer.extend_from_slice(&fields.to_be_bytes());
    for field in &*subject.fields {
        buffer.extend_from_slice(&field.to_be_bytes());
    }
    buffer.extend_from_slice(&subject.count.to_be_bytes());
    leaf_hash(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(count: u8) -> Vec<SubjectUse> {
        (0..count)
            .map(|i| SubjectUse {
                reference: SubjectRef::from_bytes([i; 16]),
                fields: [1, 3].into(),
                count: u32::from(i) + 1,
            })
            .collect()
    }

    #[test]
    fn everyone_can_be_shown_their_leaf() {
        for count in [1, 2, 3, 7, 100] {
            let subjects = subjects(count);
            let root = subjects_root(&[9; 32], &subjects);
            for (index, subject) in subjects.iter().enumerate() {
                let proof = prove_leaf(&[9; 32], &subjects, index).unwrap();
                assert_eq!(proof.subject(), *subject);
                assert!(proof.verify(&root, count.into()), "{index} of {count}");
            }
            assert_eq!(prove_leaf(&[9; 32], &subjects, subjects.len()), None);
        }
    }

    #[test]
    fn a_proof_holds_for_nothing_else() {
        let subjects = subjects(5);
        let root = subjects_root(&[9; 32], &subjects);
        let proof = prove_leaf(&[9; 32], &subjects, 2).unwrap();
        let changed: [fn(&mut SubjectProof); 7] = [
            |proof| proof.index = 3,
            |proof| proof.of = 6,
            |proof| proof.reference = SubjectRef::from_bytes([8; 16]),
            |proof| proof.fields = vec![1],
            |proof| proof.count += 1,
            |proof| proof.salt.0[0] ^= 1,
            |proof| proof.hashes[0].0[0] ^= 1,
        ];
        for change in changed {
            let mut other = proof.clone();
            change(&mut other);
            assert!(!other.verify(&root, 5), "{other:?}");
        }
        assert!(
            !proof.verify(&subjects_root(&[8; 32], &subjects), 5),
            "another seed"
        );
        assert!(!proof.verify(&root, 4));
    }

    #[test]
    fn the_leaf_is_what_the_documentation_says() {
        use ::hmac::{Hmac, KeyInit, Mac};
        use sha2::{Digest, Sha256};
        let subject = SubjectUse {
            reference: SubjectRef::from_bytes([5; 16]),
            fields: [1, 258].into(),
            count: 7,
        };
        let salt = Hmac::<Sha256>::new_from_slice(&[9; 32])
            .unwrap()
            .chain_update([0; 8])
            .finalize()
            .into_bytes();
        let mut bytes = vec![0];
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(&[5; 16]);
        bytes.extend_from_slice(&[0, 2, 0, 1, 1, 2, 0, 0, 0, 7]);
        let root = subjects_root(&[9; 32], &[subject]);
        assert_eq!(root.0.as_slice(), Sha256::digest(&bytes).as_slice());
    }

    #[test]
    fn a_proof_survives_json() {
        let proof = prove_leaf(&[9; 32], &subjects(5), 2).unwrap();
        let json = serde_json::to_string(&proof).unwrap();
        assert_eq!(serde_json::from_str::<SubjectProof>(&json).unwrap(), proof);
    }
}
