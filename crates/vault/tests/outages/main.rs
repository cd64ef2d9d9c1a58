//! What happens when a real database server goes away, comes back, stands still, fills up or is replaced by its standby
//! under a running vault: waits are bounded, nothing is revealed without its entry, and it goes on by itself.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod bed;
mod failover;

use std::time::{Duration, Instant};

use privet_cluster::Setup;
use privet_store::PostgresStores;
use privet_vault::Error;
use privet_vault::audit::{EntryKind, offline};

use crate::bed::{Bed, ORIGIN, Place, Servers, Waits, addresses, options, verifier};

/// Whatever waits longer than this waits for ever: calls have bounds of a few seconds, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// One reveal, which must have an end.
async fn reveal(bed: &Bed) -> Result<(), Error> {
    let outcome = tokio::time::timeout(PATIENCE, bed.reveal()).await;
    outcome.unwrap()
}

/// Reveals until one fails; answers its code.
async fn until_it_fails(bed: &Bed) -> &'static str {
    let began = Instant::now();
    loop {
        if let Err(error) = reveal(bed).await {
            return error.code();
        }
        assert!(began.elapsed() < PATIENCE, "it goes on");
    }
}

/// Reveals until one succeeds again, without a restart.
async fn until_it_goes_on(bed: &Bed) {
    let began = Instant::now();
    while let Err(error) = reveal(bed).await {
        let waited = began.elapsed();
        assert!(waited < PATIENCE, "it does not go on: {error:?}");
        tokio::task::yield_now().await;
    }
}

/// Starts a server whose patience may be too short for a busy machine.
async fn started(place: &Place) -> Bed {
    let began = Instant::now();
    loop {
        match Bed::at(place).await {
            Ok(bed) => return bed,
            Err(error) => assert!(began.elapsed() < PATIENCE, "it does not start: {error:?}"),
        }
    }
}

/// Every reveal that was answered has its entry, and the log is whole.
async fn check_log(bed: &Bed) {
    let reveals = bed.count(EntryKind::Reveal).await;
    assert!(reveals >= bed.revealed(), "{reveals} < {}", bed.revealed());
    let keys = [verifier()];
    let log = &*bed.stores.log;
    offline::verify_store(log, ORIGIN, &keys, &[], drop)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_at_the_start_is_told_and_tried_again() {
    let servers = Servers::start();
    for (cluster, name) in servers.named() {
        cluster.stop().unwrap();
        let (addresses, options) = (addresses(&servers), options(Waits::PATIENT));
        let refused = PostgresStores::connect(&addresses, &options).await;
        let said = refused.unwrap_err().to_string();
        assert!(
            said.starts_with(&format!("the database of the {name}")),
            "{said}"
        );
        assert!(
            said.contains("cannot be used: error connecting to server"),
            "{said}"
        );
        cluster.start_again().unwrap();
    }
    let bed = Bed::new(servers).await;
    reveal(&bed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_at_work_is_used_again_when_it_is_back() {
    let bed = Bed::new(Servers::start()).await;
    for (cluster, name) in bed.servers.named() {
        // Others are at work meanwhile.
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let bed = bed.clone();
                tokio::spawn(async move { until_it_fails(&bed).await })
            })
            .collect();
        reveal(&bed).await.unwrap();
        cluster.stop().unwrap();
        let code = until_it_fails(&bed).await;
        let expected: &[_] = match name {
            "data store" => &["store_unavailable"],
            "key store" => &["store_unavailable", "key_store_unread"],
            _ => &["audit_store", "audit_deadline"],
        };
        assert!(expected.contains(&code), "{name}: {code}");
        for busy in busy {
            busy.await.unwrap();
        }
        cluster.start_again().unwrap();
        until_it_goes_on(&bed).await;
        assert!(!bed.vault.audit().health().stopped, "{name}");
    }
    check_log(&bed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stands_still_is_not_waited_for() {
    let place = Place::new(Servers::start(), Waits::SHORT);
    let bed = started(&place).await;
    for (cluster, name) in bed.servers.named() {
        until_it_goes_on(&bed).await;
        cluster.pause().unwrap();
        let code = until_it_fails(&bed).await;
        let expected: &[_] = match name {
            "data store" => &["store_unavailable"],
            // What opens values has not read the sequence for a second.
            "key store" => &["key_store_unread"],
            _ => &["audit_deadline", "audit_store"],
        };
        assert!(expected.contains(&code), "{name}: {code}");
        // The others fail as fast while it lasts.
        for _ in 0..2 {
            reveal(&bed).await.unwrap_err();
        }
        cluster.resume().unwrap();
        until_it_goes_on(&bed).await;
        assert!(!bed.vault.audit().health().stopped, "{name}");
    }
    check_log(&bed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_room_reveals_nothing_until_it_has_room() {
    if !Setup::can_have_disks() {
        eprintln!("skipped: only root can make a disk that fills up");
        return;
    }
    let bed = Bed::new(Servers::with_small_log()).await;
    reveal(&bed).await.unwrap();
    let log = &bed.servers.log;
    let fill = "CREATE TABLE junk (junk text) TABLESPACE small; ALTER TABLE junk ALTER junk SET STORAGE EXTERNAL";
    log.sql("privet", fill).unwrap();
    // In ever smaller pieces, until nothing goes in any more.
    for size in [1_000_000, 100_000, 7_000] {
        let more = format!("INSERT INTO junk SELECT repeat('x', {size})");
        while log.sql("privet", &more).is_ok() {}
    }
    let code = until_it_fails(&bed).await;
    assert_eq!(code, "audit_disk_full");
    let error = reveal(&bed).await.unwrap_err();
    assert!(
        error.to_string().contains("nothing was revealed"),
        "{error}"
    );
    log.resize_disk(64).unwrap();
    until_it_goes_on(&bed).await;
    check_log(&bed).await;
}

/// Statements that a server has run for us since `from` in its log, by a part of their text.
fn ran(cluster: &privet_cluster::Cluster, from: usize, part: &str) -> usize {
    let log = cluster.log();
    let lines = log
        .get(from..)
        .unwrap_or_default()
        .lines()
        .filter(|line| line.contains("execute "));
    lines.filter(|line| line.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reveal_is_one_round_trip_to_the_data_and_one_to_the_log() {
    const REVEALS: usize = 40;
    let said = Setup::new().setting("log_min_duration_statement", "0");
    let bed = Bed::new(Servers::all(&said)).await;
    // Statements are prepared once on each connection; one at a time uses one of them.
    for _ in 0..20 {
        reveal(&bed).await.unwrap();
    }
    let [data, keys, log] = bed.servers.named().map(|(cluster, _)| cluster);
    let from = [data, keys, log].map(|cluster| cluster.log().len());
    for _ in 0..REVEALS {
        reveal(&bed).await.unwrap();
    }
    assert_eq!(ran(data, from[0], "value.sealed"), REVEALS);
    assert_eq!(ran(log, from[2], "WITH moved"), REVEALS);
    // Keys are ready; what is asked of their store is the server's own doing and does not grow with reveals.
    for table in [
        "FROM subject",
        "FROM wrapped_key",
        "FROM token",
        "FROM access_grant",
    ] {
        assert_eq!(ran(keys, from[1], table), 0, "{table}");
    }
    for cluster in [data, keys, log] {
        let from = from[0].min(from[1]).min(from[2]);
        // Not even a transaction around them.
        assert_eq!(ran(cluster, from, "BEGIN"), 0);
    }
}

/// Reveals at once; answers whether all succeeded.
async fn burst(bed: &Bed, count: usize) -> bool {
    let one = |_| {
        let bed = bed.clone();
        tokio::spawn(async move { reveal(&bed).await.is_ok() })
    };
    let all: Vec<_> = (0..count).map(one).collect();
    let mut succeeded = true;
    for one in all {
        succeeded &= one.await.unwrap();
    }
    succeeded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reveals_share_their_commits() {
    const REVEALS: usize = 128;
    let said = Setup::new().setting("log_min_duration_statement", "0");
    let bed = Bed::new(Servers::all(&said)).await;
    // Until all connections are made: a login hashes for a while, more so without optimization.
    while !burst(&bed, REVEALS).await {}
    let log = bed.servers.named()[2].0;
    let from = log.log().len();
    assert!(burst(&bed, REVEALS).await);
    let commits = ran(log, from, "WITH moved");
    assert!(commits <= REVEALS / 4, "{commits} commits");
}
