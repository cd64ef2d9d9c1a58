//! The published vectors of `docs/formats/log.md`, which a second implementation made.

use privet_tlog::note::{KeyName, SigningKey, VerifierKey};
use privet_tlog::{
    Checkpoint, EntryBundle, Hash, MemoryTiles, Origin, Proof, TileBuilder, TilePath, TileReader,
    consistency_proof, inclusion_proof, leaf_hash, right_edge_tiles, verify_consistency,
    verify_inclusion,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn vectors() -> Value {
    let text = include_str!("../../../../docs/formats/vectors/log.json");
    serde_json::from_str(text).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(value: &Value) -> Hash {
    let text = text(value);
    assert_eq!(text.len(), 64);
    let bytes = (0..32).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap());
    Hash::from_slice(&bytes.collect::<Vec<u8>>()).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    list(value).iter().map(hash).collect()
}

fn signing_key(vectors: &Value) -> SigningKey {
    SigningKey::from_secret_text(text(&vectors["key"]["signing_key"])).unwrap()
}

fn build<'a>(entries: impl IntoIterator<Item = &'a str>) -> (TileBuilder, MemoryTiles) {
    let mut tree = TileBuilder::new();
    entries
        .into_iter()
        .for_each(|entry| tree.append(leaf_hash(entry.as_bytes())));
    let mut tiles = MemoryTiles::default();
    tiles.extend(tree.take_changed());
    (tree, tiles)
}

#[test]
fn keys() {
    let vectors = vectors();
    let key = &vectors["key"];
    let seed = hash(&key["seed"]).0;
    let name = KeyName::new(text(&key["origin"])).unwrap();
    let signing = SigningKey::from_seed(name, &seed).unwrap();
    assert_eq!(
        signing.to_secret_text().unwrap().as_str(),
        text(&key["signing_key"])
    );
    assert_eq!(signing.verifier().to_string(), text(&key["verifier_key"]));
    assert_eq!(
        text(&key["verifier_key"]).parse::<VerifierKey>(),
        Ok(signing.verifier())
    );
}

#[test]
fn the_small_log() {
    let vectors = vectors();
    let entries: Vec<&str> = list(&vectors["entries"]).iter().map(text).collect();
    let leaves: Vec<Hash> = entries
        .iter()
        .map(|entry| leaf_hash(entry.as_bytes()))
        .collect();
    assert_eq!(leaves, hashes(&vectors["leaf_hashes"]));
    let roots = hashes(&vectors["roots"]);
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(
            build(entries[..size].iter().copied()).0.root(),
            *root,
            "size {size}"
        );
    }

    let (tree, tiles) = build(entries.iter().copied());
    let files = &vectors["files"];
    let tile = tiles.tile(0, 0, 5).unwrap();
    assert_eq!(hex(&tile), text(&files["tile/0/000.p/5"]));
    let bundle = EntryBundle::encode(&entries).unwrap();
    assert_eq!(hex(&bundle), text(&files["tile/entries/000.p/5"]));

    for case in list(&vectors["inclusion"]) {
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let proof = hashes(&case["proof"]);
        assert_eq!(inclusion_proof(index, size, &tiles).unwrap(), proof);
        let leaf = &leaves[index as usize];
        assert_eq!(
            verify_inclusion(index, size, leaf, &proof, &tree.root()),
            Ok(())
        );
    }
    for case in list(&vectors["consistency"]) {
        let (old, new) = (number(&case["old"]), number(&case["new"]));
        let proof = hashes(&case["proof"]);
        assert_eq!(consistency_proof(old, new, &tiles).unwrap(), proof);
        let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
        assert_eq!(
            verify_consistency(old, old_root, new, new_root, &proof),
            Ok(())
        );
    }
}

#[test]
fn checkpoint_and_proof_file() {
    let vectors = vectors();
    let key = signing_key(&vectors);
    let entries: Vec<&str> = list(&vectors["entries"]).iter().map(text).collect();
    let (tree, tiles) = build(entries.iter().copied());
    let checkpoint = Checkpoint {
        origin: Origin::from(key.name().clone()),
        size: tree.size(),
        root: tree.root(),
    };
    let note = checkpoint.signed(&[&key]).unwrap().to_string();
    assert_eq!(note, text(&vectors["checkpoint"]));

    let proof = Proof {
        index: 2,
        hashes: inclusion_proof(2, tree.size(), &tiles).unwrap(),
        checkpoint: note,
        extra: None,
    };
    let file = text(&vectors["proof_file"]);
    assert_eq!(proof.render(), file);
    let parsed = Proof::parse(file.as_bytes()).unwrap();
    assert_eq!(
        parsed.verify(entries[2].as_bytes(), &[key.verifier()]),
        Ok(checkpoint)
    );
}

#[test]
fn the_large_log() {
    let vectors = vectors();
    let large = &vectors["large"];
    let size = number(&large["size"]);
    let entries: Vec<String> = (0..size).map(|i| i.to_string()).collect();
    let (tree, tiles) = build(entries.iter().map(String::as_str));
    assert_eq!(tree.root(), hash(&large["root"]));

    let edge: Vec<String> = right_edge_tiles(size)
        .iter()
        .map(TilePath::to_string)
        .collect();
    assert_eq!(
        edge,
        list(&large["right_edge"])
            .iter()
            .map(text)
            .collect::<Vec<_>>()
    );
    for (level, path) in (0u8..).zip(right_edge_tiles(size)) {
        let tile = tiles.tile(level, path.n, path.width).unwrap();
        let stated = &large["tile_sha256"][path.to_string()];
        assert_eq!(hex(&Sha256::digest(&tile)), text(stated), "{path}");
    }

    let index = number(&large["inclusion"]["index"]);
    let proof = inclusion_proof(index, size, &tiles).unwrap();
    assert_eq!(proof, hashes(&large["inclusion"]["proof"]));
    let old = number(&large["consistency"]["old"]);
    let proof = consistency_proof(old, size, &tiles).unwrap();
    assert_eq!(proof, hashes(&large["consistency"]["proof"]));
}

#[test]
fn paths() {
    for case in list(&vectors()["paths"]) {
        let [level, n, width, path] = list(case) else {
            unreachable!()
        };
        let (n, width) = (number(n), u16::try_from(number(width)).unwrap());
        let expected = match level.as_u64() {
            Some(level) => TilePath::hashes(u8::try_from(level).unwrap(), n, width),
            None => TilePath::entries(n, width),
        };
        assert_eq!(text(path).parse(), Ok(expected));
        assert_eq!(expected.to_string(), text(path));
    }
}
