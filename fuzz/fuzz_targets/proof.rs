//! Proof files, bundles of proofs, tile paths, entry bundles and bare proofs from anybody: never a panic, one text for one proof, and nothing
//! is proven.
#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_tlog::note::{KeyName, SigningKey};
use privet_tlog::{
    EntryBundle, Hash, Proof, ProofBundle, TilePath, leaf_hash, verify_consistency, verify_inclusion,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(proof) = Proof::parse(data) {
        assert_eq!(proof.render().as_bytes(), data);
        let name = KeyName::new("audit.example.com/test").unwrap();
        let key = SigningKey::from_seed(name, &[9; 32]).unwrap();
        assert!(proof.verify(b"entry", &[key.verifier()]).is_err());
    }
    if let Ok(bundle) = ProofBundle::parse(data) {
        assert_eq!(bundle.render(), data);
        let name = KeyName::new("audit.example.com/test").unwrap();
        let key = SigningKey::from_seed(name, &[9; 32]).unwrap();
        assert!(bundle.verify(&[key.verifier()]).is_err());
    }
    if let Some(path) = str::from_utf8(data)
        .ok()
        .and_then(|text| text.parse::<TilePath>().ok())
    {
        assert_eq!(path.to_string().as_bytes(), data);
    }
    if let Ok(entries) = EntryBundle::decode(data).collect::<Result<Vec<_>, _>>() {
        assert_eq!(EntryBundle::encode(entries).as_deref(), Ok(data));
    }
    bare(data);
});

/// Two numbers and some hashes, taken for an inclusion proof and for a consistency proof.
fn bare(data: &[u8]) {
    let Some((first, rest)) = data.split_first_chunk::<8>() else {
        return;
    };
    let Some((second, rest)) = rest.split_first_chunk::<8>() else {
        return;
    };
    let (first, second) = (u64::from_be_bytes(*first), u64::from_be_bytes(*second));
    let hashes: Vec<Hash> = rest.chunks_exact(32).filter_map(Hash::from_slice).collect();
    let root = leaf_hash(b"a root that nothing leads to");
    let leaf = leaf_hash(b"entry");
    assert!(verify_inclusion(first, second, &leaf, &hashes, &root).is_err());
    assert!(verify_consistency(first, &leaf, second, &root, &hashes).is_err());
}
