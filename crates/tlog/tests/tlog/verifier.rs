//! The full check: a sound log passes, and of a damaged one the first wrong place is named.

use std::cell::RefCell;

use privet_tlog::{
    BundleError, Checkpoint, EntryBundle, Fault, Hash, LogReader, MemoryTiles, MissingTile, Origin,
    TileBuilder, TilePath, TileReader, Verifier, VerifyError, leaf_hash, verify_log,
};

use crate::oracle::{build, entries};

/// A log in memory, to be damaged.
struct Log {
    bundles: Vec<Vec<u8>>,
    tiles: MemoryTiles,
    checkpoint: Checkpoint,
}

impl Log {
    fn new(size: usize) -> Self {
        let entries = entries(size);
        let (tree, tiles) = build(&entries);
        let bundles = entries
            .chunks(256)
            .map(|chunk| EntryBundle::encode(chunk).unwrap())
            .collect();
        let origin = Origin::new("log.example").unwrap();
        let checkpoint = Checkpoint {
            origin,
            size: tree.size(),
            root: tree.root(),
        };
        Self {
            bundles,
            tiles,
            checkpoint,
        }
    }

    fn verify(&self) -> Result<(), VerifyError<MissingTile>> {
        verify_log(self, &self.checkpoint, |_| {})
    }

    fn fault(&self) -> Fault {
        match self.verify() {
            Err(VerifyError::Fault(fault)) => fault,
            other => unreachable!("{other:?}"),
        }
    }

    /// Replaces entry `index`, and says what is then in its bundle.
    fn change_entry(&mut self, index: usize) -> Vec<Vec<u8>> {
        let bundle = &mut self.bundles[index / 256];
        let mut entries: Vec<Vec<u8>> = EntryBundle::decode(bundle)
            .map(|entry| entry.unwrap().to_vec())
            .collect();
        entries[index % 256] = b"changed".to_vec();
        *bundle = EntryBundle::encode(&entries).unwrap();
        entries
    }

    fn flip_tile(&mut self, level: u8, n: u64, hash: usize) {
        self.tiles.get_mut(level, n).unwrap()[hash * 32] ^= 1;
    }
}

impl TileReader for Log {
    type Error = MissingTile;

    fn tile(&self, level: u8, n: u64, width: u16) -> Result<Vec<u8>, MissingTile> {
        self.tiles.tile(level, n, width)
    }
}

impl LogReader for Log {
    fn bundle(&self, n: u64, width: u16) -> Result<Vec<u8>, MissingTile> {
        let missing = MissingTile(TilePath::entries(n, width));
        self.bundles.get(n as usize).cloned().ok_or(missing)
    }
}

#[test]
fn sound_logs_pass() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 700, 65_536, 66_000] {
        let log = Log::new(size);
        let progress = RefCell::new(Vec::new());
        verify_log(&log, &log.checkpoint, |done| {
            progress.borrow_mut().push(done)
        })
        .unwrap();
        let progress = progress.into_inner();
        assert_eq!(progress.len(), size.div_ceil(256));
        assert_eq!(progress.last().copied().unwrap_or(0), size as u64);
    }
}

#[test]
fn a_changed_entry_is_named() {
    for index in [0, 1, 255, 256, 511, 512, 599] {
        let mut log = Log::new(600);
        log.change_entry(index);
        let first = index as u64;
        assert_eq!(log.fault(), Fault::Entries { first, count: 1 });
        assert_eq!(
            log.fault().to_string(),
            format!("entry {index} is not what the log committed to")
        );
        assert_eq!(log.fault().entry(), Some(first));
    }
    let mut log = Log::new(600);
    log.change_entry(520);
    log.change_entry(300);
    assert_eq!(
        log.fault(),
        Fault::Entries {
            first: 300,
            count: 1
        },
        "the first of two"
    );
}

#[test]
fn a_changed_tile_is_named() {
    for (level, n, hash, text) in [
        (0, 0, 0, "hash 0 of `tile/0/000` is wrong"),
        (0, 1, 255, "hash 255 of `tile/0/001` is wrong"),
        (0, 2, 3, "hash 3 of `tile/0/002.p/88` is wrong"),
        (1, 0, 1, "hash 1 of `tile/1/000.p/2` is wrong"),
    ] {
        let mut log = Log::new(600);
        log.flip_tile(level, n, hash);
        assert_eq!(log.fault().to_string(), text);
        assert_eq!(log.fault().path().map(|path| path.n), Some(n));
    }
    for (level, n, hash, text) in [
        (1, 0, 200, "hash 200 of `tile/1/000` is wrong"),
        (1, 1, 0, "hash 0 of `tile/1/001.p/1` is wrong"),
        (2, 0, 0, "hash 0 of `tile/2/000.p/1` is wrong"),
    ] {
        let mut log = Log::new(66_000);
        log.flip_tile(level, n, hash);
        assert_eq!(log.fault().to_string(), text);
    }
}

#[test]
fn an_entry_changed_along_with_its_tile_is_narrowed_down() {
    let mut log = Log::new(600);
    let changed = log.change_entry(300);
    let tile: Vec<u8> = changed
        .iter()
        .flat_map(|entry| leaf_hash(entry).0)
        .collect();
    *log.tiles.get_mut(0, 1).unwrap() = tile;
    assert_eq!(
        log.fault(),
        Fault::Entries {
            first: 256,
            count: 256
        }
    );
    assert_eq!(
        log.fault().to_string(),
        "entries 256 to 511 are not what the log committed to"
    );
}

#[test]
fn a_log_rewritten_throughout_contradicts_its_checkpoint() {
    let mut log = Log::new(600);
    let mut other = entries(600);
    other[7] = b"changed".to_vec();
    let (_, tiles) = build(&other);
    log.change_entry(7);
    log.tiles = tiles;
    assert_eq!(log.fault(), Fault::Root { size: 600 });
}

#[test]
fn where_too_much_is_wrong_the_place_is_still_named() {
    let mut log = Log::new(600);
    log.change_entry(300);
    log.flip_tile(1, 0, 0);
    let fault = log.fault();
    assert!(
        matches!(fault, Fault::Contradiction { hash: 44, .. }),
        "{fault:?}"
    );
    assert_eq!(
        fault.to_string(),
        "entry 300 is not what `tile/0/001` commits to"
    );
    assert_eq!(fault.entry(), Some(300));
}

#[test]
fn missing_and_malformed_parts_are_named() {
    let read = |log: &Log| match log.verify() {
        Err(VerifyError::Read { path, .. }) => path.to_string(),
        other => unreachable!("{other:?}"),
    };
    let mut log = Log::new(600);
    log.bundles.truncate(2);
    assert_eq!(read(&log), "tile/entries/002.p/88");
    let mut log = Log::new(600);
    log.tiles.get_mut(0, 1).unwrap().clear();
    assert_eq!(read(&log), "tile/0/001");

    let mut log = Log::new(600);
    log.bundles[1].pop();
    let path = TilePath::entries(1, 256);
    let source = BundleError::Truncated { entry: 255 };
    assert_eq!(log.verify(), Err(VerifyError::Bundle { path, source }));

    for change in [
        |bundle: &mut Vec<u8>| bundle.extend([0, 0]),
        |bundle: &mut Vec<u8>| bundle.clear(),
    ] {
        let mut log = Log::new(600);
        change(&mut log.bundles[2]);
        let path = TilePath::entries(2, 88);
        assert_eq!(log.fault(), Fault::BundleWidth { path });
    }
}

#[test]
fn entries_in_another_order_are_noticed() {
    let mut log = Log::new(600);
    log.bundles.swap(0, 1);
    assert_eq!(log.fault().entry(), Some(0));
}

#[test]
fn tiles_are_checked_in_their_turn() {
    let (_, mut tiles) = build(&entries(600));
    let mut verifier = Verifier::new();
    let check = |verifier: &Verifier, n: u64, width: u16, tiles: &MemoryTiles| {
        verifier.check_tile(0, n, width, &tiles.tile(0, n, width).unwrap())
    };
    let early = Fault::OutOfOrder {
        path: TilePath::hashes(0, 0, 256),
    };
    assert_eq!(check(&verifier, 0, 256, &tiles), Err(early));
    for (i, entry) in entries(600).iter().enumerate() {
        if i == 100 {
            // Partial versions of the tile at the right end, up to what was pushed.
            assert_eq!(check(&verifier, 0, 100, &tiles), Ok(()));
            assert_eq!(check(&verifier, 0, 40, &tiles), Ok(()));
            let path = TilePath::hashes(0, 0, 101);
            assert_eq!(
                check(&verifier, 0, 101, &tiles),
                Err(Fault::OutOfOrder { path })
            );
        }
        if i == 511 {
            assert_eq!(
                check(&verifier, 0, 256, &tiles),
                Ok(()),
                "until the next is complete"
            );
        }
        verifier.push_entry(entry);
    }
    assert_eq!(check(&verifier, 0, 256, &tiles), Err(early), "long after");
    let path = TilePath::hashes(0, 0, 40);
    assert_eq!(
        check(&verifier, 0, 40, &tiles),
        Err(Fault::OutOfOrder { path })
    );
    assert_eq!(check(&verifier, 1, 256, &tiles), Ok(()));
    assert_eq!(check(&verifier, 2, 88, &tiles), Ok(()));

    let tile = tiles.get_mut(0, 2).unwrap();
    for (width, data) in [
        (88, &tile[..87 * 32]),
        (87, &tile[..]),
        (0, &[][..]),
        (88, &[][..]),
    ] {
        let path = TilePath::hashes(0, 2, width);
        assert_eq!(
            verifier.check_tile(0, 2, width, data),
            Err(Fault::TileLength { path })
        );
    }
    for (level, n) in [(0, 3), (1, 1), (2, 0), (63, 0), (255, u64::MAX)] {
        let path = TilePath::hashes(level, n, 1);
        let checked = verifier.check_tile(level, n, 1, &[0; 32]);
        assert_eq!(checked, Err(Fault::OutOfOrder { path }));
    }
}

#[test]
fn the_end_must_be_the_checkpoint_s() {
    let mut verifier = Verifier::new();
    entries(5)
        .iter()
        .for_each(|entry| verifier.push_entry(entry));
    let checkpoint = |size, root| {
        let origin = Origin::new("log.example").unwrap();
        Checkpoint { origin, size, root }
    };
    let root = verifier.root();
    assert_eq!(verifier.finish(&checkpoint(5, root)), Ok(()));
    assert_eq!(
        verifier.finish(&checkpoint(6, root)),
        Err(Fault::Size {
            stated: 6,
            found: 5
        })
    );
    assert_eq!(
        verifier.finish(&checkpoint(5, Hash([0; 32]))),
        Err(Fault::Root { size: 5 })
    );
    // What was checked along the way agrees with the writer's own arithmetic.
    let mut tree = TileBuilder::new();
    entries(5)
        .iter()
        .for_each(|entry| tree.append(leaf_hash(entry)));
    assert_eq!((tree.size(), tree.root()), (verifier.size(), root));
}
