//! A store that fails, and one that comes back.

use std::fs;

use privet_telemetry::Limits;

use crate::bed::{ADA, logs, open, record};
use crate::stored::times;

/// The store's folder is a file for a while, so that nothing can be put into it.
#[tokio::test]
async fn while_the_store_fails_the_journal_takes_what_it_can_hold() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        journal_bytes_max: 2_000,
        ..Limits::default()
    };
    let door = open(folder.path(), limits);
    let place = folder.path().join("store");
    let aside = folder.path().join("aside");
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, []).unwrap();
    let mut taken = 0;
    let refused = loop {
        let answer = door.logs(&logs(vec![record(1_000 + taken, ADA)])).await;
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
        assert!(door.storing.store_all().await.is_err());
    };
    assert!(taken > 3, "{taken}");
    assert_eq!(
        (refused.status.as_u16(), &refused.headers["retry-after"]),
        (503, &"10".parse().unwrap())
    );
    assert!(door.journal.bytes() <= 2_000);
    // Nothing is started anew when the store is back.
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    door.storing.store_all().await.unwrap();
    assert_eq!(door.logs(&logs(vec![record(999, ADA)])).await.status, 200);
    door.storing.store_all().await.unwrap();
    let found = times(&door, folder.path()).await;
    assert_eq!(found.len(), usize::try_from(taken).unwrap() + 1);
}
