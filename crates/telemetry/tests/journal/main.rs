//! The journal: what is acknowledged is there after anything that can happen to a process or a disk, once and in order.
#![expect(clippy::unwrap_used, reason = "tests")]

mod child;
mod damage;
mod format;

use std::path::Path;
use std::time::Duration;

use privet_seal::Entropy;
use privet_telemetry::{Batch, Journal, JournalError, JournalLimits, Refused, Segment};

pub(crate) const LIMITS: JournalLimits = JournalLimits {
    bytes_max: 1 << 30,
    segment_bytes: 1 << 20,
};

pub(crate) struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// How often a folder that is in use is tried again, and after which pause.
const ATTEMPTS_MAX: u32 = 6_000;
const PAUSE: Duration = Duration::from_millis(10);

/// Opens a journal that nobody uses any more. A process that another test starts has all files open for a moment, locks included, until
/// it becomes another program.
pub(crate) fn open(folder: &Path, limits: JournalLimits) -> Journal {
    for _ in 0..ATTEMPTS_MAX {
        match Journal::open(folder, limits, &Zeros) {
            Err(JournalError::InUse(_)) => std::thread::park_timeout(PAUSE),
            opened => return opened.unwrap(),
        }
    }
    Journal::open(folder, limits, &Zeros).unwrap()
}

/// A batch that is known again.
pub(crate) fn batch(number: i64) -> Batch {
    Batch {
        received_ms: number,
        notice: "n".repeat(usize::try_from(number % 100).unwrap()),
        ..Batch::default()
    }
}

/// The numbers of the batches in closed files, in order.
pub(crate) fn numbers(segments: &[Segment]) -> Vec<i64> {
    let mut numbers = Vec::new();
    for segment in segments {
        let read = segment.read(|read| {
            assert_eq!(read, batch(read.received_ms));
            numbers.push(read.received_ms);
            Ok::<(), ()>(())
        });
        read.unwrap().unwrap();
    }
    numbers
}

/// Ends a journal, so that its folder is free.
pub(crate) async fn end(journal: Journal) {
    journal.end().await;
    drop(journal);
}

#[tokio::test]
async fn what_was_appended_is_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), LIMITS);
    for number in 0..5 {
        journal.append(&batch(number)).await.unwrap();
    }
    let closed = journal.close_file().await.unwrap();
    assert_eq!(numbers(&closed), [0, 1, 2, 3, 4]);
    assert_eq!((closed[0].first, closed[0].last), (1, 5));
    // Nothing was written since, so nothing is closed.
    assert_eq!(journal.close_file().await.unwrap(), closed);
    journal.append(&batch(5)).await.unwrap();
    assert_eq!(
        numbers(&journal.close_file().await.unwrap()),
        [0, 1, 2, 3, 4, 5]
    );
}

#[tokio::test]
async fn what_waited_is_taken_up_and_positions_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), LIMITS);
    let writer = journal.writer().to_owned();
    journal.append(&batch(0)).await.unwrap();
    journal.close_file().await.unwrap();
    journal.append(&batch(1)).await.unwrap();
    end(journal).await;

    let journal = open(folder.path(), LIMITS);
    assert_eq!(journal.writer(), writer);
    let waiting = journal.waiting();
    assert_eq!(numbers(&waiting), [0, 1]);
    for segment in &waiting {
        journal.stored(segment).unwrap();
    }
    assert_eq!(journal.waiting(), []);
    end(journal).await;

    // Also when nothing waits, no position is given twice, however often that happens.
    for position in 3..6 {
        end(open(folder.path(), LIMITS)).await;
        let journal = open(folder.path(), LIMITS);
        journal.append(&batch(9)).await.unwrap();
        let closed = journal.close_file().await.unwrap();
        assert_eq!((closed[0].first, closed[0].last), (position, position));
        journal.stored(&closed[0]).unwrap();
        end(journal).await;
    }
    let journal = open(folder.path(), LIMITS);
    journal.go_behind(100).await.unwrap();
    journal.go_behind(50).await.unwrap();
    end(journal).await;
    let journal = open(folder.path(), LIMITS);
    journal.append(&batch(1)).await.unwrap();
    assert_eq!(journal.close_file().await.unwrap()[0].first, 101);
}

#[tokio::test]
async fn many_at_once_share_a_sync_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let limits = JournalLimits {
        segment_bytes: 2_000,
        ..LIMITS
    };
    let journal = open(folder.path(), limits);
    // One after the other, so that each is a write of its own and a file is long enough before the last.
    for number in 0..100 {
        journal.append(&batch(number)).await.unwrap();
    }
    let tasks: Vec<_> = (100..500)
        .map(|number| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(&batch(number)).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let closed = journal.close_file().await.unwrap();
    assert!(closed.len() > 1, "long files are closed by themselves");
    assert!(closed.is_sorted_by_key(|segment| segment.first));
    let mut found = numbers(&closed);
    found.sort_unstable();
    assert_eq!(found, (0..500).collect::<Vec<_>>());
    // Whoever stores is told.
    journal.long_enough().await;
}

#[tokio::test]
async fn a_full_journal_refuses_until_something_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let limits = JournalLimits {
        bytes_max: 1_000,
        ..LIMITS
    };
    let journal = open(folder.path(), limits);
    let mut taken = 0;
    let refused = loop {
        match journal.append(&batch(50)).await {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Refused::Full);
    assert!((5..20).contains(&taken), "{taken}");
    assert!(journal.bytes() <= 1_000);
    let closed = journal.close_file().await.unwrap();
    assert_eq!(numbers(&closed).len(), taken);
    journal.stored(&closed[0]).unwrap();
    journal.append(&batch(50)).await.unwrap();
    // What a process left counts in the next.
    let bytes = journal.bytes();
    end(journal).await;
    assert!(open(folder.path(), limits).bytes() >= bytes);
}

#[tokio::test]
async fn a_folder_has_one_journal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), LIMITS);
    let again = Journal::open(folder.path(), LIMITS, &Zeros);
    assert!(matches!(again, Err(JournalError::InUse(_))), "{again:?}");
    journal.end().await;
    assert_eq!(journal.append(&batch(0)).await, Err(Refused::Closed));
    assert_eq!(journal.close_file().await, Err(Refused::Closed));
}
