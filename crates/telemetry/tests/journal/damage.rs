//! Files that are not what was written.

use std::fs;
use std::path::PathBuf;

use privet_telemetry::{Damage, Journal, JournalError};

use crate::{LIMITS, Zeros, batch, end, numbers, open};

/// A folder with one file of three batches in it.
async fn written() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), LIMITS);
    for number in 1..4 {
        journal.append(&batch(number)).await.unwrap();
    }
    end(journal).await;
    let path = folder.path().join("00000000000000000001.journal");
    let bytes = fs::read(&path).unwrap();
    (folder, path, bytes)
}

/// A process that was killed while it wrote its newest file.
#[tokio::test]
async fn what_is_torn_was_not_acknowledged() {
    let (folder, path, bytes) = written().await;
    let mut seen = Vec::new();
    for length in (0..=bytes.len()).rev() {
        fs::write(&path, &bytes[..length]).unwrap();
        let journal = open(folder.path(), LIMITS);
        let found = numbers(&journal.waiting());
        assert!([1, 2, 3].starts_with(&found), "{length}: {found:?}");
        // What follows has its own file, and what was torn does not come back.
        journal.append(&batch(7)).await.unwrap();
        let closed = journal.close_file().await.unwrap();
        assert_eq!(numbers(&closed), [&*found, &[7]].concat(), "{length}");
        seen.push(found.len());
        for segment in &closed {
            journal.stored(segment).unwrap();
        }
        end(journal).await;
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "journal") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    seen.dedup();
    assert_eq!(seen, [3, 2, 1, 0]);
}

#[tokio::test]
async fn a_changed_byte_is_found() {
    let (folder, path, bytes) = written().await;
    // A newer file, so that this one's end is no torn write.
    fs::write(folder.path().join("00000000000000000009.journal"), []).unwrap();
    let head = b"privet telemetry journal 1\n".len();
    for place in head..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        let journal = open(folder.path(), LIMITS);
        let waiting = journal.waiting();
        if let Some(segment) = waiting.first() {
            let mut found = Vec::new();
            let read = segment.read(|read| {
                found.push(read.received_ms);
                Ok::<(), ()>(())
            });
            assert!(matches!(read, Err(Damage::At(_))), "{place}: {read:?}");
            assert!([1, 2].starts_with(&found), "{place}: {found:?}");
            let aside = journal.put_aside(segment).unwrap();
            assert_eq!(fs::read(aside).unwrap(), changed);
        } else {
            // Nothing of it can be read, and it was put aside by itself.
            assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), changed);
        }
        assert_eq!(journal.waiting(), []);
        end(journal).await;
    }
}

#[tokio::test]
async fn a_later_version_is_left_alone() {
    let (folder, path, mut bytes) = written().await;
    bytes["privet telemetry journal ".len()] = b'2';
    fs::write(&path, &bytes).unwrap();
    let opened = Journal::open(folder.path(), LIMITS, &Zeros);
    assert!(
        matches!(opened, Err(JournalError::Version(_))),
        "{opened:?}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
