//! A full disk, and the wrapper that lets the N-th call fail.

use std::sync::Arc;

use privet_store::{FailNth, Faults, Moment, SqliteOptions, SqliteStores};
use privet_vault::port::{DataStore, KeyStore, LogStore, StoreError};
use tempfile::tempdir;

use crate::Stores;
use crate::rows::{ORIGIN, batch, grant, puid, subject, value};

#[tokio::test]
async fn a_full_disk_is_named_and_everything_stays_readable() {
    let dir = tempdir().unwrap();
    let options = SqliteOptions {
        pages_max: Some(60),
        ..SqliteOptions::default()
    };
    let stores = SqliteStores::open_with(dir.path(), &options).unwrap();

    let mut stored = 0;
    let error = loop {
        match stores
            .data
            .put_values(vec![value(stored, 1, &[7; 4000], &[])])
            .await
        {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, StoreError::Full);
    assert!(stored > 30, "{stored}");
    let puids: Vec<_> = (0..=stored).map(puid).collect();
    let found = stores.data.values(&puids, &[1]).await.unwrap();
    let found = found.iter().filter(|row| row[0].is_some()).count();
    assert_eq!(
        found, stored as usize,
        "all that was acknowledged, nothing else"
    );

    let mut size = 0;
    let error = loop {
        match stores.log.append(ORIGIN, batch(size, size + 500)).await {
            Ok(()) => size += 500,
            Err(error) => break error,
        }
    };
    assert_eq!(error, StoreError::Full);
    assert_eq!(stores.log.state(ORIGIN).await.unwrap().unwrap().size, size);
    assert_eq!(
        stores.log.entries(ORIGIN, 0, 1 << 20).await.unwrap().len() as u64,
        size
    );

    let subjects = |range: std::ops::Range<u32>| range.map(subject).collect();
    stores.keys.add_subjects(subjects(0..10)).await.unwrap();
    let too_many = stores.keys.add_subjects(subjects(10..5000)).await;
    assert_eq!(too_many, Err(StoreError::Full));
    assert_eq!(stores.keys.subject_count().await, Ok(10));
    drop(stores);

    let stores = SqliteStores::open(dir.path()).unwrap();
    stores
        .data
        .put_values(vec![value(stored, 1, &[7; 4000], &[])])
        .await
        .unwrap();
    stores
        .log
        .append(ORIGIN, batch(size, size + 500))
        .await
        .unwrap();
    stores.keys.add_subjects(subjects(10..5000)).await.unwrap();
}

#[tokio::test]
async fn each_call_in_turn_can_fail_before_and_after_its_effect() {
    for moment in [Moment::Before, Moment::After] {
        for nth in 1..=3 {
            let stores = Stores::memory();
            let faults = Faults::new();
            let data: Arc<dyn DataStore> = Arc::new(FailNth::new(stores.data.clone(), &faults));
            let keys: Arc<dyn KeyStore> = Arc::new(FailNth::new(stores.keys.clone(), &faults));
            let log: Arc<dyn LogStore> = Arc::new(FailNth::new(stores.log.clone(), &faults));
            faults.fail_nth(nth, moment, StoreError::Full);
            let results = [
                data.put_values(vec![value(1, 1, b"x", &[])]).await,
                keys.add_grant(grant(1, 1, 1)).await,
                log.append(ORIGIN, batch(0, 1)).await,
            ];
            assert_eq!(faults.calls(), 3);
            let done = [
                stores.data.fields_of(puid(1)).await.unwrap().len() == 1,
                stores.keys.sequence().await == Ok(1),
                stores.log.state(ORIGIN).await.unwrap().is_some(),
            ];
            for (n, (result, done)) in (1..).zip(results.into_iter().zip(done)) {
                let expected = if n == nth {
                    Err(StoreError::Full)
                } else {
                    Ok(())
                };
                assert_eq!(result, expected);
                assert_eq!(done, n != nth || moment == Moment::After);
            }
        }
    }
}
