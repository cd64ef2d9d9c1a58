//! Tiles: however the entries come in batches, the same tiles come out.

use std::collections::BTreeMap;

use privet_tlog::{
    Level, MemoryTiles, TILE_WIDTH, Tile, TileBuilder, TilePath, leaf_hash, right_edge_tiles,
    tile_paths,
};
use proptest::prelude::*;

use crate::config;
use crate::oracle::{self, build, entries};

/// The tile as tlog-tiles defines it: MTH(D[(n*256+i) * 256^l : (n*256+i+1) * 256^l]) for each i.
fn defined(path: TilePath, entries: &[Vec<u8>]) -> Vec<u8> {
    let Level::Hashes(level) = path.level else {
        unreachable!("a tile of hashes")
    };
    let span = 256usize.pow(level.into());
    let first = path.n as usize * 256;
    (first..first + usize::from(path.width))
        .flat_map(|i| oracle::mth(&entries[i * span..(i + 1) * span]).0)
        .collect()
}

/// What a store holds after the tiles were written: a full tile replaces its partial versions.
fn write(store: &mut BTreeMap<(u8, u64), Tile>, tiles: Vec<Tile>) {
    for tile in tiles {
        assert_eq!(tile.data.len(), usize::from(tile.width) * 32);
        let before = store.insert((tile.level, tile.n), tile.clone());
        if let Some(before) = before {
            assert!(before.width < tile.width, "a tile was written again");
            assert!(
                tile.data.starts_with(&before.data),
                "a tile changed what it had"
            );
        }
    }
}

#[test]
fn tiles_are_those_that_the_specification_defines() {
    for size in [0, 1, 255, 256, 257, 511, 512, 1000, 66_000] {
        let entries = entries(size);
        let mut tree = TileBuilder::new();
        entries
            .iter()
            .for_each(|entry| tree.append(leaf_hash(entry)));
        let mut store = BTreeMap::new();
        write(&mut store, tree.take_changed());
        let mut paths = Vec::new();
        for path in tile_paths(size as u64) {
            let Level::Hashes(level) = path.level else {
                unreachable!()
            };
            let tile = store.remove(&(level, path.n)).unwrap();
            assert_eq!(tile.path(), path);
            assert_eq!(tile.data, defined(path, &entries), "{path} of {size}");
            paths.push(path);
        }
        assert!(store.is_empty(), "tiles that no tree of {size} has");
        assert!(
            right_edge_tiles(size as u64)
                .iter()
                .all(|path| paths.contains(path))
        );
    }
}

#[test]
fn nothing_changed_means_nothing_to_write() {
    let mut tree = TileBuilder::new();
    assert_eq!(tree.take_changed(), []);
    for _ in 0..256 {
        tree.append(leaf_hash(b"x"));
    }
    let widths: Vec<_> = tree
        .take_changed()
        .iter()
        .map(|t| (t.level, t.n, t.width))
        .collect();
    assert_eq!(widths, [(0, 0, 256), (1, 0, 1)]);
    assert_eq!(tree.take_changed(), []);
    tree.append(leaf_hash(b"x"));
    let widths: Vec<_> = tree
        .take_changed()
        .iter()
        .map(|t| (t.level, t.n, t.width))
        .collect();
    assert_eq!(widths, [(0, 1, 1)]);
}

#[test]
fn a_writer_goes_on_from_every_size() {
    let entries = entries(800);
    let (whole, _) = build(&entries);
    let mut tree = TileBuilder::new();
    for size in 0..entries.len() {
        let mut edge = tree.clone();
        let tiles: Vec<Tile> = right_edge_tiles(size as u64)
            .into_iter()
            .map(|path| {
                let Level::Hashes(level) = path.level else {
                    unreachable!()
                };
                let data = defined(path, &entries);
                Tile {
                    level,
                    n: path.n,
                    width: path.width,
                    data,
                }
            })
            .collect();
        let again = TileBuilder::from_partial_tiles(size as u64, tiles.iter().rev().cloned());
        let mut again = again.unwrap();
        assert_eq!(
            (again.size(), again.root()),
            (edge.size(), edge.root()),
            "size {size}"
        );
        assert_eq!(again.range(), edge.range());
        assert_eq!(again.take_changed(), []);

        edge.take_changed();
        let rest = entries
            .iter()
            .skip(size)
            .step_by(97)
            .map(|entry| leaf_hash(entry));
        rest.for_each(|leaf| {
            edge.append(leaf);
            again.append(leaf);
        });
        assert_eq!(
            again.take_changed(),
            edge.take_changed(),
            "after size {size}"
        );
        tree.append(leaf_hash(&entries[size]));
    }
    assert_eq!(tree.root(), whole.root());
}

#[test]
fn a_writer_reads_the_right_edge_itself() {
    for size in [0, 1, 256, 300, 66_000] {
        let (tree, tiles) = build(&entries(size));
        let again = TileBuilder::from_reader(size as u64, &tiles).unwrap();
        assert_eq!((again.size(), again.root()), (tree.size(), tree.root()));
    }
    assert!(TileBuilder::from_reader(1, &MemoryTiles::default()).is_err());
    // A damaged edge is not an error here, but shows in the root.
    let (tree, mut tiles) = build(&entries(300));
    tiles.get_mut(0, 1).unwrap()[0] ^= 1;
    assert_ne!(
        TileBuilder::from_reader(300, &tiles).unwrap().root(),
        tree.root()
    );
}

#[test]
fn right_edges_that_do_not_fit() {
    let (mut tree, _) = build(&[]);
    (0..300).for_each(|_| tree.append(leaf_hash(b"x")));
    let edge: Vec<Tile> = tree
        .take_changed()
        .into_iter()
        .filter(|t| !t.is_full())
        .collect();
    assert_eq!(edge.len(), 2);
    let refused = |size: u64, tiles: &[Tile]| {
        assert!(
            TileBuilder::from_partial_tiles(size, tiles.to_vec()).is_err(),
            "{size} {tiles:?}"
        );
    };
    assert!(TileBuilder::from_partial_tiles(300, edge.clone()).is_ok());
    refused(300, &edge[..1]);
    refused(300, &edge[1..]);
    refused(300, &[]);
    refused(301, &edge);
    refused(0, &edge);
    refused(300, &[edge.clone(), edge.clone()].concat());
    for change in [
        |tile: &mut Tile| tile.n = 0,
        |tile: &mut Tile| tile.level = 9,
        |tile: &mut Tile| tile.width = TILE_WIDTH,
        |tile: &mut Tile| tile.data.truncate(31),
        |tile: &mut Tile| tile.data.extend([0; 32]),
        |tile: &mut Tile| tile.data.push(0),
        |tile: &mut Tile| tile.data.clear(),
    ] {
        let mut edge = edge.clone();
        change(&mut edge[0]);
        refused(300, &edge);
    }
}

/// Writes `total` leaves in batches and returns what a store then holds.
fn in_batches(total: usize, batches: impl IntoIterator<Item = usize>) -> BTreeMap<(u8, u64), Tile> {
    let (mut tree, mut store) = (TileBuilder::new(), BTreeMap::new());
    let mut left = entries(total).into_iter();
    for batch in batches {
        left.by_ref()
            .take(batch)
            .for_each(|entry| tree.append(leaf_hash(&entry)));
        write(&mut store, tree.take_changed());
    }
    left.for_each(|entry| tree.append(leaf_hash(&entry)));
    write(&mut store, tree.take_changed());
    store
}

#[test]
fn every_split_in_two_writes_the_same_tiles() {
    let at_once = in_batches(530, [530]);
    for first in 0..=530 {
        assert!(in_batches(530, [first]) == at_once, "split at {first}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..config() })]

    #[test]
    fn every_way_of_batching_writes_the_same_tiles(
        batches in proptest::collection::vec(0usize..400, 0..8),
    ) {
        let total = 1200;
        prop_assert!(in_batches(total, batches) == in_batches(total, [total]));
    }

    #[test]
    fn paths_come_back(level in 0u8..=64, n in any::<u64>(), shift in 0u32..64, width in 1u16..=256) {
        let level = if level == 64 { Level::Entries } else { Level::Hashes(level) };
        let path = TilePath { level, n: n >> shift, width };
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn what_parses_as_a_path_is_its_only_spelling(
        text in "tile/(entries|[0-9]{1,2})/(x?[0-9]{3}/){0,3}[0-9]{2,3}(\\.p/[0-9]{1,3})?",
    ) {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn no_text_makes_the_path_parser_panic(text in ".{0,40}") {
        let _ = text.parse::<TilePath>();
    }
}
