//! What the log store promises.

use privet_vault::port::{LogBatch, StoreError};

use crate::on_each;
use crate::rows::{ORIGIN, batch, entry, side, tile};

#[tokio::test]
async fn an_origin_that_never_wrote_has_nothing() {
    on_each(async |stores| {
        assert!(stores.log.origins().await.unwrap().is_empty());
        assert_eq!(stores.log.state(ORIGIN).await, Ok(None));
        assert!(stores.log.entries(ORIGIN, 0, 10).await.unwrap().is_empty());
        assert_eq!(stores.log.tile(ORIGIN, 0, 0).await, Ok(None));
        assert_eq!(stores.log.side(side(1).sha256).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn appended_entries_survive_in_order() {
    on_each(async |stores| {
        stores.log.append(ORIGIN, batch(0, 3)).await.unwrap();
        stores.log.append(ORIGIN, batch(3, 10)).await.unwrap();
        stores.log.append(ORIGIN, batch(10, 10)).await.unwrap();
        stores.reopen().await;
        let entries = async |first, count| stores.log.entries(ORIGIN, first, count).await.unwrap();
        assert_eq!(
            entries(0, 100).await,
            (0..10).map(entry).collect::<Vec<_>>()
        );
        assert_eq!(entries(2, 3).await, (2..5).map(entry).collect::<Vec<_>>());
        assert_eq!(entries(9, 0).await, Vec::<Vec<u8>>::new());
        assert!(entries(10, 5).await.is_empty());
        assert!(entries(1 << 40, 5).await.is_empty());
        assert_eq!(stores.log.state(ORIGIN).await, Ok(Some(batch(3, 10).state)));
    })
    .await;
}

#[tokio::test]
async fn origins_do_not_share_anything_but_side_records() {
    on_each(async |stores| {
        stores
            .log
            .append(
                "b",
                LogBatch {
                    tiles: vec![tile(0, 0, 2)],
                    ..batch(0, 2)
                },
            )
            .await
            .unwrap();
        stores
            .log
            .append(
                "a",
                LogBatch {
                    sides: vec![side(1)],
                    ..batch(0, 1)
                },
            )
            .await
            .unwrap();
        stores.log.append("b", batch(2, 3)).await.unwrap();
        assert_eq!(stores.log.origins().await.unwrap(), ["a", "b"]);
        assert_eq!(stores.log.state("a").await.unwrap().unwrap().size, 1);
        assert_eq!(stores.log.entries("a", 0, 9).await.unwrap(), [entry(0)]);
        assert_eq!(stores.log.entries("b", 0, 9).await.unwrap().len(), 3);
        assert_eq!(stores.log.tile("a", 0, 0).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_batch_on_another_size_is_a_conflict_and_changes_nothing() {
    on_each(async |stores| {
        let with_all = |before, after| LogBatch {
            sides: vec![side(1)],
            tiles: vec![tile(0, 0, 4)],
            ..batch(before, after)
        };
        stores.log.append(ORIGIN, batch(0, 2)).await.unwrap();
        for before in [0, 1, 3] {
            let refused = stores
                .log
                .append(ORIGIN, with_all(before, before + 1))
                .await;
            assert_eq!(refused, Err(StoreError::Conflict));
        }
        assert_eq!(
            stores.log.append("new", with_all(1, 2)).await,
            Err(StoreError::Conflict)
        );
        assert_eq!(stores.log.origins().await.unwrap(), [ORIGIN]);
        assert_eq!(stores.log.entries(ORIGIN, 0, 9).await.unwrap().len(), 2);
        assert_eq!(stores.log.tile(ORIGIN, 0, 0).await, Ok(None));
        assert_eq!(stores.log.side(side(1).sha256).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_does_not_add_up_is_refused() {
    on_each(async |stores| {
        let mut wrong_size = batch(0, 2);
        wrong_size.state.size = 3;
        let mut wrong_tile = tile(0, 0, 2);
        wrong_tile.data.pop();
        let wrong_tile = LogBatch {
            tiles: vec![wrong_tile],
            ..batch(0, 2)
        };
        let empty_tile = LogBatch {
            tiles: vec![tile(0, 0, 0)],
            ..batch(0, 2)
        };
        for wrong in [wrong_size, wrong_tile, empty_tile] {
            let refused = stores.log.append(ORIGIN, wrong).await;
            assert!(
                matches!(refused, Err(StoreError::Unavailable(_))),
                "{refused:?}"
            );
        }
        assert_eq!(stores.log.state(ORIGIN).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn of_many_writers_at_once_one_appends() {
    on_each(async |stores| {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let log = stores.log.clone();
            tasks.spawn(async move { log.append(ORIGIN, batch(0, 5)).await });
        }
        let results = tasks.join_all().await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        let conflicts = results
            .iter()
            .filter(|result| **result == Err(StoreError::Conflict));
        assert_eq!(conflicts.count(), 15);
        assert_eq!(stores.log.entries(ORIGIN, 0, 100).await.unwrap().len(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_wider_tile_replaces_a_narrower_one() {
    on_each(async |stores| {
        let put = async |tiles, before| {
            let batch = LogBatch {
                tiles,
                ..batch(before, before + 1)
            };
            stores.log.append(ORIGIN, batch).await.unwrap();
        };
        put(vec![tile(0, 0, 10), tile(1, 0, 1)], 0).await;
        put(vec![tile(0, 0, 256), tile(0, 1, 3)], 1).await;
        put(vec![tile(0, 0, 7), tile(0, 1, 4), tile(0, 1, 5)], 2).await;
        stores.reopen().await;
        for expected in [tile(0, 0, 256), tile(0, 1, 5), tile(1, 0, 1)] {
            let found = stores
                .log
                .tile(ORIGIN, expected.level, expected.number)
                .await;
            assert_eq!(found, Ok(Some(expected)));
        }
        assert_eq!(stores.log.tile(ORIGIN, 1, 1).await, Ok(None));
        assert_eq!(stores.log.tile(ORIGIN, 63, u64::MAX >> 8).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn side_records_are_found_by_hash_until_they_are_deleted() {
    on_each(async |stores| {
        let with_sides = |sides, before| LogBatch {
            sides,
            ..batch(before, before + 1)
        };
        let all: Vec<_> = (0..40).map(side).collect();
        stores
            .log
            .append(ORIGIN, with_sides(all[..20].to_vec(), 0))
            .await
            .unwrap();
        stores
            .log
            .append(ORIGIN, with_sides(all[20..].to_vec(), 1))
            .await
            .unwrap();
        stores
            .log
            .append(ORIGIN, with_sides(vec![side(3)], 2))
            .await
            .unwrap();
        for side in &all {
            assert_eq!(stores.log.side(side.sha256).await, Ok(Some(side.clone())));
        }
        let doomed = [side(3).sha256, side(25).sha256, side(99).sha256];
        stores.log.delete_sides(&doomed).await.unwrap();
        stores.log.delete_sides(&doomed).await.unwrap();
        stores.reopen().await;
        for (n, side) in (0..).zip(all) {
            let expected = if n == 3 || n == 25 {
                None
            } else {
                Some(side.clone())
            };
            assert_eq!(stores.log.side(side.sha256).await, Ok(expected));
        }
        assert_eq!(stores.log.entries(ORIGIN, 0, 9).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn entries_and_side_records_of_full_size_come_back_whole() {
    on_each(async |stores| {
        let big = vec![7; 8 * 1024];
        let mut side = side(1);
        side.sealed = vec![9; 100_000];
        let batch = LogBatch {
            entries: vec![big.clone()],
            sides: vec![side.clone()],
            ..batch(0, 1)
        };
        stores.log.append(ORIGIN, batch).await.unwrap();
        assert_eq!(stores.log.entries(ORIGIN, 0, 1).await.unwrap(), [big]);
        assert_eq!(stores.log.side(side.sha256).await, Ok(Some(side)));
    })
    .await;
}
