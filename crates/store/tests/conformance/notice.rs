//! What the texts of notices promise: what is there once stays as it is, and is found by its version.

use std::sync::Arc;

use jiff::Timestamp;
use privet_vault::port::NoticeRow;

use crate::{Stores, on_each};

pub(crate) fn notice(version: &str, purpose: &str, language: &str, n: u8) -> NoticeRow {
    NoticeRow {
        version: version.to_owned(),
        purpose: purpose.to_owned(),
        language: language.to_owned(),
        text: format!("text {n}\nof „{purpose}“ 'in' {language}"),
        sha256: [n; 32],
        since: Timestamp::new(1_763_660_000 + i64::from(n), 7).unwrap(),
    }
}

async fn add(stores: &Stores, rows: &[&NoticeRow]) {
    let rows = rows.iter().map(|row| (*row).clone()).collect();
    stores.data.add_notices(rows).await.unwrap();
}

async fn find(stores: &Stores, versions: &[&str]) -> Vec<NoticeRow> {
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    stores.data.notices(&versions).await.unwrap()
}

#[tokio::test]
async fn texts_are_found_by_their_version_in_order() {
    on_each(async |stores| {
        assert_eq!(find(stores, &["2026-11"]).await, []);
        add(stores, &[]).await;
        let german = notice("2026-11", "marketing", "de", 1);
        let english = notice("2026-11", "marketing", "en", 2);
        // Of the order of bytes, not of a language: `-` comes before `H`, and `_` before letters.
        let chinese = notice("2026-11", "marketing", "zh-Hant", 3);
        let ads = notice("2026-11", "ads_of_others", "en", 4);
        let other = notice("2026-12", "marketing", "en", 5);
        let odd = notice("version „9“ '; --", "marketing", "en", 6);
        add(stores, &[&other, &chinese, &english]).await;
        stores.reopen().await;
        add(stores, &[&german, &ads, &odd]).await;
        let all = [&ads, &german, &english, &chinese].map(Clone::clone);
        assert_eq!(find(stores, &["2026-11"]).await, all);
        assert_eq!(
            find(stores, &[&odd.version]).await,
            std::slice::from_ref(&odd)
        );
        assert_eq!(find(stores, &["2026"]).await, []);
        assert_eq!(find(stores, &[]).await, []);
        let both = find(stores, &["2026-11", "2026-12", "2027-01"]).await;
        assert_eq!(both, [&all[..], &[other]].concat());
    })
    .await;
}

#[tokio::test]
async fn what_is_there_stays_as_it_is() {
    on_each(async |stores| {
        let first = notice("2026-11", "marketing", "de", 1);
        let second = notice("2026-11", "marketing", "de", 2);
        let beside = notice("2026-11", "marketing", "en", 3);
        add(stores, &[&first]).await;
        // The others of a call are added all the same.
        add(stores, &[&second, &beside]).await;
        stores.reopen().await;
        assert_eq!(find(stores, &["2026-11"]).await, [first, beside]);
    })
    .await;
}

/// Servers whose data maps differ start at once: one of the texts stays, as a whole.
#[tokio::test]
async fn of_two_texts_at_once_one_stays() {
    on_each(async |stores| {
        for round in 0..5 {
            let version = format!("round {round}");
            let both = [1, 2].map(|n| notice(&version, "marketing", "de", n));
            let writers = both.clone().map(|row| {
                let data = Arc::clone(&stores.data);
                tokio::spawn(async move { data.add_notices(vec![row]).await })
            });
            for writer in writers {
                writer.await.unwrap().unwrap();
            }
            let found = find(stores, &[&version]).await;
            assert_eq!(found.len(), 1);
            assert!(both.contains(&found[0]), "{found:?}");
        }
    })
    .await;
}
