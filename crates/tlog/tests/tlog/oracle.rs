//! RFC 6962, section 2.1, transcribed letter by letter over a list of entries, with another SHA-256.
//! Slow on purpose: it shares no idea with the code under test.

use privet_tlog::{Hash, MemoryTiles, TileBuilder, leaf_hash};
use sha2::{Digest as _, Sha256};

/// MTH(D[n]).
pub(crate) fn mth(d: &[Vec<u8>]) -> Hash {
    let n = d.len();
    match n {
        0 => sha256(&[]),
        1 => sha256(&[&[0x00], &d[0]]),
        _ => {
            let k = k(n);
            sha256(&[&[0x01], &mth(&d[0..k]).0, &mth(&d[k..n]).0])
        }
    }
}

/// PATH(m, D[n]).
pub(crate) fn path(m: usize, d: &[Vec<u8>]) -> Vec<Hash> {
    let n = d.len();
    if n == 1 {
        return vec![];
    }
    let k = k(n);
    if m < k {
        let mut proof = path(m, &d[0..k]);
        proof.push(mth(&d[k..n]));
        proof
    } else {
        let mut proof = path(m - k, &d[k..n]);
        proof.push(mth(&d[0..k]));
        proof
    }
}

/// PROOF(m, D[n]), for 0 < m.
pub(crate) fn proof(m: usize, d: &[Vec<u8>]) -> Vec<Hash> {
    subproof(m, d, true)
}

/// SUBPROOF(m, D[n], b).
fn subproof(m: usize, d: &[Vec<u8>], b: bool) -> Vec<Hash> {
    let n = d.len();
    if m == n {
        return if b { vec![] } else { vec![mth(d)] };
    }
    let k = k(n);
    if m <= k {
        let mut proof = subproof(m, &d[0..k], b);
        proof.push(mth(&d[k..n]));
        proof
    } else {
        let mut proof = subproof(m - k, &d[k..n], false);
        proof.push(mth(&d[0..k]));
        proof
    }
}

/// The largest power of two smaller than n: k < n <= 2k.
fn k(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut sha256 = Sha256::new();
    parts.iter().for_each(|part| sha256.update(part));
    Hash(sha256.finalize().into())
}

/// Entries that differ in content and length.
pub(crate) fn entries(n: usize) -> Vec<Vec<u8>> {
    (0..n)
        .map(|i| format!("{i}:{}", "x".repeat(i % 7)).into_bytes())
        .collect()
}

/// The tree over `entries`, and all its tiles.
pub(crate) fn build(entries: &[Vec<u8>]) -> (TileBuilder, MemoryTiles) {
    let mut tree = TileBuilder::new();
    entries
        .iter()
        .for_each(|entry| tree.append(leaf_hash(entry)));
    let mut tiles = MemoryTiles::default();
    tiles.extend(tree.take_changed());
    (tree, tiles)
}
