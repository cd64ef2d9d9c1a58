//! Each call of the stores fails in turn: the job fails, nothing is lost, and starting again ends it.

use std::env;
use std::sync::Arc;

use privet_store::{FailNth, Faults, Moment};
use privet_vault::port::StoreError;
use privet_vault::{AdoptOrder, JobState, Vault};

use crate::bed::{Bed, ROWS, Setting, Stores, adopt, bed, caller, ended, parts, sqlite};

/// A vault whose stores count their calls, over a fresh shop.
async fn faulty() -> (Bed, Arc<Faults>) {
    let mut bed = bed(ROWS).await;
    let faults = Faults::new();
    let Stores { data, keys, log } = Stores::new().await;
    bed.stores = Stores {
        data: Arc::new(FailNth::new(data, &faults)),
        keys: Arc::new(FailNth::new(keys, &faults)),
        log: Arc::new(FailNth::new(log, &faults)),
    };
    let source = Arc::new(sqlite("shop", &bed.path()));
    bed.vault = Vault::start(parts(&bed.stores, source, &Setting::default()))
        .await
        .unwrap();
    (bed, faults)
}

/// Whether this process has the shop's file open: its page cache holds plaintext.
fn is_open(bed: &Bed) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let mut files = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    files.any(|file| file == bed.path())
}

#[tokio::test]
async fn a_job_that_is_over_keeps_no_plaintext_in_memory() {
    let (bed, faults) = faulty().await;
    assert_eq!(bed.look().await.state, JobState::Done);
    assert!(!is_open(&bed), "after looking");
    let operator = caller(&bed.vault, "operator").await;
    faults.fail_nth(4, Moment::Before, StoreError::Unavailable("test".into()));
    let started = bed
        .vault
        .adopt_start(&operator, &bed.source, AdoptOrder::SEAL)
        .await;
    let status = ended(&bed.vault, &operator, started.unwrap()).await;
    assert_eq!(status.state, JobState::Failed, "{status:?}");
    assert!(!is_open(&bed), "after a failure");
    faults.clear();
    assert_eq!(bed.adopt().await.state, JobState::Done);
    assert!(!is_open(&bed), "after the end");
}

#[tokio::test]
async fn a_failing_store_costs_nothing_but_the_time() {
    for moment in [Moment::Before, Moment::After] {
        let step = if env::var_os("PRIVET_TEST_LONG").is_some() {
            1
        } else {
            7
        };
        for nth in (1..60).step_by(step) {
            let (bed, faults) = faulty().await;
            let operator = caller(&bed.vault, "operator").await;
            faults.fail_nth(nth, moment, StoreError::Unavailable("test".into()));
            let started = bed
                .vault
                .adopt_start(&operator, &bed.source, AdoptOrder::SEAL)
                .await
                .unwrap();
            ended(&bed.vault, &operator, started).await;
            faults.clear();
            let status = adopt(&bed.vault, &bed.source, false).await;
            assert_eq!(
                (status.state, status.left),
                (JobState::Done, 0),
                "{nth} {moment:?} {status:?}"
            );
            let name = bed
                .opened(
                    "customer:1",
                    "name",
                    "SELECT name FROM customer WHERE id = 1",
                )
                .await;
            assert_eq!(name, "Ada Marker", "{nth} {moment:?}");
            let address = "SELECT address FROM invoice WHERE id = 2";
            assert_eq!(
                bed.opened("customer:1", "billing_address", address).await,
                "2 Marker St",
                "{nth} {moment:?}"
            );
            assert!(!bed.holds("Marker"));
            assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 3);
        }
    }
}
