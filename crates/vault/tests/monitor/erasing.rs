//! Erasure: keys and links go, what was sealed never opens again, and a crash half-way is finished by the next start.

use privet_store::{FailNth, Faults, MemoryStores, Moment, SqliteStores};
use privet_vault::audit::EntryKind;
use privet_vault::port::{Orphans, StoreError};
use privet_vault::{SubjectName, Vault};

use crate::bed::{Bed, bed, hand_clock, parts, request, root, values};
use crate::engine::new_stores;

#[tokio::test]
async fn a_closed_subject_is_gone_for_every_call() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);
    let closed = bed.vault.close_subject(&operator, &subject).await.unwrap();
    assert_eq!((closed.keys_destroyed, closed.values_deleted), (2, 2));
    let revealed = bed
        .vault
        .reveal(&job, &request(&subject, &["email"], "service"))
        .await
        .unwrap();
    assert!(revealed.subjects[0].is_none());
    let again = bed
        .vault
        .close_subject(&operator, &subject)
        .await
        .unwrap_err();
    assert_eq!(again.code(), "not_found");
    // The address is free for somebody else.
    bed.vault
        .create_subject(&job, values(&[("email", "ada@example.com")]), &[])
        .await
        .unwrap();
    assert_eq!(bed.count(EntryKind::ErasureDone).await, 1);
}

/// Whoever comes by may delete the values first. How many there were is said all the same: it stands in the receipt.
#[tokio::test]
async fn values_are_counted_whoever_deletes_them() {
    let mut deleted_by_others = 0;
    for nth in 1..60 {
        let faults = Faults::new();
        let (stores, clock) = (new_stores().await, hand_clock());
        let mut waiting = parts(&stores, &clock, "test", root());
        waiting.keys = std::sync::Arc::new(FailNth::new(stores.keys.clone(), &faults));
        let bed = Bed {
            vault: Vault::start(waiting).await.unwrap(),
            clock,
            stores,
        };
        let subject = bed.subject("ada@example.com").await;
        let operator = bed.caller("operator").await;
        let vault = bed.vault.clone();
        let gate = faults.hold_nth(nth);
        let mut closing =
            tokio::spawn(async move { vault.close_subject(&operator, &subject).await });
        tokio::select! {
            () = gate.reached() => {}
            _ = &mut closing => break,
        }
        for puid in bed.stores.keys.orphans().await.unwrap().puids {
            deleted_by_others += bed.stores.data.delete_subject(puid).await.unwrap();
        }
        gate.open();
        let closed = closing.await.unwrap().unwrap();
        assert_eq!(closed.values_deleted, 2, "call {nth}");
    }
    assert!(deleted_by_others > 0);
}

#[tokio::test]
async fn an_erasure_that_a_crash_cut_short_is_finished_before_anything_opens() {
    let faults = Faults::new();
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.keys = std::sync::Arc::new(FailNth::new(stores.keys.clone(), &faults));
    let vault = Vault::start(failing).await.unwrap();
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    let subject = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;

    // Find the call that destroys, and let the "crash" come right before it.
    let mut finished = false;
    for nth in 1..40 {
        faults.fail_nth(nth, Moment::Before, StoreError::Unavailable("crash".into()));
        let closed = bed.vault.close_subject(&operator, &subject).await;
        faults.clear();
        if closed.is_err() && bed.count(EntryKind::ErasureIntended).await > 0 {
            finished = true;
            break;
        }
    }
    assert!(finished, "no failing call came after the intent");
    let Bed {
        vault,
        clock,
        stores,
    } = bed;
    drop(vault);

    let vault = Vault::start(parts(&stores, &clock, "test", root()))
        .await
        .unwrap();
    let SubjectName::Oid(oid) = subject else {
        panic!()
    };
    assert_eq!(stores.keys.subjects_by_oid(&[oid]).await.unwrap(), [None]);
    assert_eq!(stores.keys.subject_count().await.unwrap(), 0);
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    assert!(bed.count(EntryKind::ErasureDone).await >= 1);
}

#[tokio::test]
async fn a_key_store_from_an_older_backup_erases_again_before_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let clock = hand_clock();
    let start = async || {
        let stores = reopened(folder.path()).await;
        let stores = MemoryStores {
            data: stores.data,
            keys: stores.keys,
            log: stores.log,
        };
        let vault = Vault::start(parts(&stores, &clock, "test", root()))
            .await
            .unwrap();
        Bed {
            vault,
            clock: clock.clone(),
            stores,
        }
    };
    let bed = start().await;
    let subject = bed.subject("ada@example.com").await;
    bed.vault.stop().await;
    drop(bed);
    drop(reopened(folder.path()).await);
    let keys = folder.path().join("keys.sqlite");
    let backup = std::fs::read(&keys).unwrap();

    let bed = start().await;
    let operator = bed.caller("operator").await;
    bed.vault.close_subject(&operator, &subject).await.unwrap();
    bed.vault.stop().await;
    drop(bed);
    drop(reopened(folder.path()).await);
    std::fs::write(&keys, backup).unwrap();
    assert_eq!(
        reopened(folder.path())
            .await
            .keys
            .subject_count()
            .await
            .unwrap(),
        1
    );

    let bed = start().await;
    assert_eq!(bed.stores.keys.subject_count().await.unwrap(), 0);
    assert!(bed.count(EntryKind::ErasureDone).await >= 2);
}

/// Opens the stores as soon as their former holder has let go.
pub(crate) async fn reopened(folder: &std::path::Path) -> SqliteStores {
    loop {
        match SqliteStores::open(folder) {
            Ok(stores) => return stores,
            Err(StoreError::InUse) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Where the process "crashes" during an erasure, or a store fails: whatever it was, the next start leaves nothing of
/// the person, and their address is free for others.
#[tokio::test]
async fn an_erasure_that_fails_anywhere_after_its_intent_is_finished_by_the_next_start() {
    let mut cut_short = 0;
    for (moment, nth) in [Moment::Before, Moment::After]
        .into_iter()
        .flat_map(|moment| (1..30).map(move |nth| (moment, nth)))
    {
        let faults = Faults::new();
        let (stores, clock) = (new_stores().await, hand_clock());
        let mut failing = parts(&stores, &clock, "test", root());
        failing.keys = std::sync::Arc::new(FailNth::new(stores.keys.clone(), &faults));
        failing.data = std::sync::Arc::new(FailNth::new(stores.data.clone(), &faults));
        let bed = Bed {
            vault: Vault::start(failing).await.unwrap(),
            clock,
            stores,
        };
        let subject = bed.subject("ada@example.com").await;
        let operator = bed.caller("operator").await;
        faults.fail_nth(nth, moment, StoreError::Unavailable("crash".into()));
        let closed = bed.vault.close_subject(&operator, &subject).await;
        faults.clear();
        let intended = bed.count(EntryKind::ErasureIntended).await > 0;
        if closed.is_ok() {
            continue;
        }
        // The position moves on its own; an unfinished erasure must hold it back.
        bed.vault.stop().await;
        let Bed {
            vault,
            clock,
            stores,
        } = bed;
        drop(vault);
        if !intended {
            continue;
        }
        cut_short += 1;

        let vault = Vault::start(parts(&stores, &clock, "test", root()))
            .await
            .unwrap();
        let bed = Bed {
            vault,
            clock,
            stores,
        };
        assert_eq!(
            bed.stores.keys.subject_count().await,
            Ok(0),
            "{moment:?} {nth}"
        );
        assert_eq!(
            bed.stores.keys.orphans().await,
            Ok(Orphans::default()),
            "{moment:?} {nth}"
        );
        assert!(
            bed.count(EntryKind::ErasureDone).await >= 1,
            "{moment:?} {nth}"
        );
        bed.subject("ada@example.com").await;
    }
    assert!(cut_short >= 6, "{cut_short}");
}

#[tokio::test]
async fn an_erasure_that_failed_is_finished_without_a_restart() {
    let faults = Faults::new();
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.data = std::sync::Arc::new(FailNth::new(stores.data.clone(), &faults));
    let bed = Bed {
        vault: Vault::start(failing).await.unwrap(),
        clock,
        stores,
    };
    let subject = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    // The first call counts the values, the second one deletes them.
    faults.fail_nth(2, Moment::Before, StoreError::Full);
    bed.vault
        .close_subject(&operator, &subject)
        .await
        .unwrap_err();
    faults.clear();
    // Maintenance comes by.
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while bed.stores.keys.orphans().await.unwrap() != Orphans::default() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    bed.subject("ada@example.com").await;
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_no_erasure() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    // Asked until the intent is on its way, then dropped as the future of a client that hung up.
    let mut closing = Box::pin(bed.vault.close_subject(&operator, &subject));
    while bed.count(EntryKind::ErasureIntended).await == 0 {
        let polled = tokio::time::timeout(std::time::Duration::ZERO, &mut closing).await;
        if polled.is_ok() {
            break;
        }
    }
    drop(closing);
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while bed.count(EntryKind::ErasureDone).await == 0 {
            tokio::task::yield_now().await;
        }
        while bed.stores.keys.orphans().await.unwrap() != Orphans::default() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    bed.subject("ada@example.com").await;
}
