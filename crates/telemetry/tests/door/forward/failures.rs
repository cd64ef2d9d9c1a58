//! Collectors that fail in every way, and a queue that is full.

use std::time::Duration;

use privet_telemetry::{Limits, Signal, Unsent};

use super::collector::{Does, Scripted};
use super::{Calm, Running};
use crate::bed::{ADA, Door, logs, open, record};

/// Has a file of the journal stored, whose records have these times.
async fn store(door: &Door, times: std::ops::Range<u64>) {
    for time in times {
        assert_eq!(door.logs(&logs(vec![record(time, ADA)])).await.status, 200);
    }
    door.storing.store_all().await.unwrap();
}

#[tokio::test]
async fn what_can_be_sent_again_is_until_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let script = [
        Does::Status(503, None),
        Does::Status(429, Some("0")),
        Does::Status(502, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
        Does::Status(504, Some("soon")),
    ];
    let collector = Scripted::new(script).await;
    let running = Running::start(&mut door, &collector.address, &Calm::default());
    store(&door, 1..4).await;
    running.drained().await;
    let seen = collector.seen();
    assert_eq!(seen.len(), 5);
    assert!(seen.iter().all(|one| one.body == seen[0].body));
    assert_eq!(collector.times(), [1, 2, 3]);
    let counts = running.forwarding.counts();
    assert_eq!(counts.sent(Signal::Logs), 3);
    assert_eq!(counts.failing_since_ms, None);
    assert!(Unsent::ALL.iter().all(|why| counts.unsent(*why) == 0));
    running.end().await;
}

/// The pause is an hour, so that only the collector's own word lets the test go on.
#[tokio::test]
async fn the_collectors_word_when_to_come_again_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let hour = Duration::from_secs(3_600);
    let calm = Calm {
        pause: hour,
        wait_max: hour,
        ..Calm::default()
    };
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    let collector = Scripted::new([Does::Status(503, Some(past)), Does::Status(429, Some("0"))]);
    let collector = collector.await;
    let running = Running::start(&mut door, &collector.address, &calm);
    store(&door, 1..2).await;
    running.drained().await;
    assert_eq!(collector.times(), [1]);
    // But not for longer than anybody waits.
    running.end().await;
    let calm = Calm {
        pause: hour,
        ..Calm::default()
    };
    collector.does([Does::Status(503, Some("86400"))]);
    let running = Running::start(&mut door, &collector.address, &calm);
    store(&door, 2..3).await;
    running.drained().await;
    assert_eq!(collector.times(), [1, 2]);
    running.end().await;
}

#[tokio::test]
async fn a_final_answer_costs_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([
        Does::Status(400, None),
        Does::Status(401, Some("0")),
        Does::Status(500, None),
        Does::Status(307, None),
        Does::Partial(1),
        Does::Partial(-1),
        Does::Partial(99),
    ])
    .await;
    let running = Running::start(&mut door, &collector.address, &Calm::default());
    for first in 0..8 {
        store(&door, 10 * first..10 * first + 2).await;
    }
    running.drained().await;
    assert_eq!(collector.seen().len(), 8);
    let counts = running.forwarding.counts();
    assert_eq!(counts.unsent(Unsent::Refused), 8);
    // More than there are cannot be left out.
    assert_eq!(counts.unsent(Unsent::Rejected), 3);
    assert_eq!(counts.sent(Signal::Logs), 5);
    running.end().await;
}

/// Nobody listens; then somebody does.
#[tokio::test]
async fn a_collector_that_is_not_there_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    // A port that is taken, so that nobody else listens at it.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nowhere = format!("http://{}", nobody.local_addr().unwrap());
    let running = Running::start(&mut door, &nowhere, &Calm::default());
    store(&door, 1..3).await;
    running
        .until(|counts| counts.failing_since_ms.is_some())
        .await;
    assert!(running.forwarding.counts().waiting_bytes > 0);
    running.end().await;
    let collector = Scripted::new([]).await;
    let running = Running::start(&mut door, &collector.address, &Calm::default());
    running.drained().await;
    assert_eq!(collector.times(), [1, 2]);
    running.end().await;
}

#[tokio::test]
async fn a_collector_that_hangs_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([Does::Hang]).await;
    let calm = Calm {
        request_time: Duration::from_secs(2),
        ..Calm::default()
    };
    let running = Running::start(&mut door, &collector.address, &calm);
    store(&door, 1..2).await;
    running.drained().await;
    assert!(collector.seen().len() > 1);
    assert_eq!(running.forwarding.counts().sent(Signal::Logs), 1);
    running.end().await;
}

/// It hangs on the first request, so that what is stored piles up: the door and the store feel nothing of it.
#[tokio::test]
async fn a_full_queue_drops_the_oldest_and_counts_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([Does::Hang, Does::Hang]).await;
    let calm = Calm {
        queue_bytes_max: 1,
        // The first file takes more than one request.
        request_bytes: 600,
        ..Calm::default()
    };
    let running = Running::start(&mut door, &collector.address, &calm);
    store(&door, 0..5).await;
    collector.has_seen(1).await;
    store(&door, 10..13).await;
    running
        .until(|counts| counts.unsent(Unsent::Overflow) == 5)
        .await;
    collector.has_seen(2).await;
    store(&door, 20..22).await;
    running
        .until(|counts| counts.unsent(Unsent::Overflow) == 8)
        .await;
    running.drained().await;
    assert_eq!(collector.times(), [20, 21]);
    assert_eq!(door.journal.waiting(), []);
    assert_eq!(door.storing.stored(privet_telemetry_store::Table::Logs), 10);
    running.end().await;
}

/// It stops in the middle of a request, and goes on behind what was taken.
#[tokio::test]
async fn what_was_taken_is_not_sent_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([]).await;
    let calm = Calm {
        request_bytes: 1,
        ..Calm::default()
    };
    store(&door, 0..1).await;
    let running = Running::start(&mut door, &collector.address, &calm);
    // Each batch is a request; the third hangs.
    collector.does([Does::Partial(0), Does::Partial(0), Does::Hang]);
    store(&door, 1..6).await;
    collector.has_seen(3).await;
    running.end().await;
    let running = Running::start(&mut door, &collector.address, &calm);
    running.drained().await;
    assert_eq!(collector.times(), [1, 2, 3, 4, 5]);
    running.end().await;
}
