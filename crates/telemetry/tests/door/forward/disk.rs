//! Disks that do not do what they should: neither the door nor the store feels it, and what can be sent is.

use std::fs;

use privet_telemetry::{Limits, Queue, Unsent};
use privet_telemetry_store::Table;

use super::collector::{Does, Scripted};
use super::{Calm, Running};
use crate::bed::{ADA, Door, logs, open, record};

/// One record is one batch, and one request.
fn single() -> Calm {
    Calm {
        request_bytes: 1,
        ..Calm::default()
    }
}

async fn store(door: &Door, times: std::ops::Range<u64>) {
    for time in times {
        assert_eq!(door.logs(&logs(vec![record(time, ADA)])).await.status, 200);
    }
    door.storing.store_all().await.unwrap();
}

/// A file has the name of what is written first, so that no position can be noted: not even after a restart is anything left out.
#[tokio::test]
async fn what_cannot_be_noted_is_sent_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([Does::Partial(0), Does::Partial(0), Does::Hang]).await;
    let running = Running::start(&mut door, &collector.address, &single());
    let queue = Queue::folder(&folder.path().join("journal"));
    fs::create_dir(queue.join("position.new")).unwrap();
    store(&door, 1..5).await;
    collector.has_seen(3).await;
    running.end().await;
    let running = Running::start(&mut door, &collector.address, &single());
    running.drained().await;
    assert_eq!(collector.times(), [1, 2, 1, 2, 3, 4]);
    running.end().await;
}

/// A file has the folder's name, so that nothing can be kept for the collector.
#[tokio::test]
async fn what_cannot_be_kept_is_stored_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([]).await;
    let running = Running::start(&mut door, &collector.address, &Calm::default());
    let queue = Queue::folder(&folder.path().join("journal"));
    fs::remove_dir_all(&queue).unwrap();
    fs::write(&queue, "").unwrap();
    store(&door, 1..4).await;
    assert_eq!(running.forwarding.counts().unsent(Unsent::Lost), 3);
    assert_eq!(door.storing.stored(Table::Logs), 3);
    assert_eq!(door.journal.waiting(), []);
    // And nothing has to be started anew when there is a folder again.
    fs::remove_file(&queue).unwrap();
    fs::create_dir(&queue).unwrap();
    store(&door, 4..6).await;
    running.drained().await;
    assert_eq!(collector.times(), [4, 5]);
    running.end().await;
}

#[tokio::test]
async fn what_can_be_read_of_a_damaged_file_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([]).await;
    let running = Running::start(&mut door, &collector.address, &Calm::default());
    for time in 1..4 {
        assert_eq!(door.logs(&logs(vec![record(time, ADA)])).await.status, 200);
    }
    let closed = door.journal.close_file().await.unwrap();
    let [file] = &*closed else {
        unreachable!("one file: {closed:?}");
    };
    let mut bytes = fs::read(&file.path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file.path, bytes).unwrap();
    door.storing.store_all().await.unwrap();
    running.drained().await;
    assert_eq!(collector.times(), [1, 2]);
    assert_eq!(door.storing.stored(Table::Logs), 2);
    let aside = file.path.with_extension("damaged");
    assert!(aside.exists(), "the operator has nothing to look at");
    running.end().await;
}

/// Positions of another journal, and what is none, say nothing.
#[tokio::test]
async fn only_the_journals_own_position_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let queue = Queue::folder(&folder.path().join("journal"));
    let own = door.journal.writer().to_owned();
    let other = "f".repeat(32);
    let mut sent = Vec::new();
    let collector = Scripted::new([]).await;
    for (time, said) in [
        (1, format!("{other} 999\n")),
        (2, "999\n".to_owned()),
        (3, String::new()),
        (4, format!("{own} nothing\n")),
        (5, "\u{fffd}".to_owned()),
    ] {
        fs::create_dir_all(&queue).unwrap();
        fs::write(queue.join("position"), said).unwrap();
        let running = Running::start(&mut door, &collector.address, &Calm::default());
        store(&door, time..time + 1).await;
        running.drained().await;
        running.end().await;
        sent.push(time);
        assert_eq!(collector.times(), sent);
    }
    fs::write(queue.join("position"), format!("{own} 999\n")).unwrap();
    let running = Running::start(&mut door, &collector.address, &Calm::default());
    store(&door, 6..7).await;
    running.drained().await;
    assert_eq!(collector.times(), sent);
    running.end().await;
}
