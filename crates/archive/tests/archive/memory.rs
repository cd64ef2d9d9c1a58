//! What is in memory does not grow with a collection.

use std::io;

use privet_archive::{Archive, Language};

use crate::shop;

/// Bytes that were allocated at once, at most, while an archive was written.
fn at_once(rows: i64) -> u64 {
    let archive = Archive {
        collections: vec![shop::visits(rows)],
        ..shop::archive(Language::English)
    };
    let counted = allocation_counter::measure(|| {
        archive.write_to(io::sink()).unwrap();
    });
    counted.bytes_max
}

#[test]
fn memory_is_bounded() {
    // More pages than there are, so that what follows differs in rows alone.
    let (small, large) = (at_once(51_000), at_once(255_000));
    assert!(small < 8 << 20, "{small} bytes at once");
    assert!(
        large < small + (256 << 10),
        "{small} and {large} bytes at once"
    );
}
