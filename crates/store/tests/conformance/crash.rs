//! What is left when the process dies, and what is not left when something was destroyed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use privet_seal::KeyKind;
use privet_store::SqliteStores;
use privet_vault::port::{ConsentEnd, KeyRow, LogBatch, StoreError};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::rows::{
    ORIGIN, at, batch, bytes, day, entry, key, oid, puid, reference, retention_key, side, subject,
    tile, value,
};

/// In this variable, the test that kills tells the test that writes where to write.
const DIR: &str = "PRIVET_STORE_TEST_DIR";

/// The process that is killed: writes for ever, and says what was acknowledged. Without [`DIR`] it does nothing.
#[test]
fn writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let stores = SqliteStores::open(Path::new(&dir)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let first = stores
            .log
            .state(ORIGIN)
            .await
            .unwrap()
            .map_or(0, |state| state.size);
        for n in (first / 3).. {
            let log = LogBatch {
                sides: vec![side(n as u32)],
                tiles: vec![tile(0, n / 256, (n % 256) as u16 + 1)],
                ..batch(3 * n, 3 * n + 3)
            };
            // The log is last: what it counts was done whole, and the next process goes on from there.
            let added = stores.keys.add_subjects(vec![subject(n as u32)]).await;
            assert!(
                matches!(added, Ok(()) | Err(StoreError::Conflict)),
                "{added:?}"
            );
            let write = value(n as u32, 1, b"sealed", &[]);
            stores.data.put_values(vec![write]).await.unwrap();
            if n % 4 == 3 {
                let victim = reference(n as u32 - 1);
                stores
                    .keys
                    .destroy_subject(victim, day(1), at(0), None, ConsentEnd::default())
                    .await
                    .unwrap();
            }
            stores.log.append(ORIGIN, log).await.unwrap();
            // Past the test harness, which keeps standard output to itself.
            writeln!(std::io::stderr(), "acknowledged {n}").unwrap();
        }
    });
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = tempdir().unwrap();
    let mut last = None;
    for lines in [1, 7, 30] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::writes_until_it_is_killed", "--exact", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stderr.take().unwrap()).lines();
        for _ in 0..lines {
            let line = output.next().unwrap().unwrap();
            let Some(number) = line.strip_prefix("acknowledged ") else {
                let rest: Vec<_> = output.map_while(Result::ok).collect();
                panic!("{line}{}", rest.join("\n"));
            };
            last = Some(number.parse::<u32>().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still said between our last line and its end counts as well.
        for line in output.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("acknowledged ") {
                last = number.parse().ok().or(last);
            }
        }

        let stores = SqliteStores::open(dir.path()).unwrap();
        let size = stores.log.state(ORIGIN).await.unwrap().unwrap().size;
        let last = last.unwrap();
        assert!(
            size >= 3 * (u64::from(last) + 1),
            "{size} entries, {last} acknowledged"
        );
        let entries = stores.log.entries(ORIGIN, 0, 1 << 20).await.unwrap();
        assert_eq!(entries, (0..size).map(entry).collect::<Vec<_>>());
        for n in 0..=last {
            assert_eq!(stores.log.side(side(n).sha256).await, Ok(Some(side(n))));
            let found = stores.data.values(&[puid(n)], &[1]).await.unwrap();
            assert_eq!(found, [[Some(b"sealed".to_vec())]]);
            let known = stores.keys.subjects_by_oid(&[oid(n)]).await.unwrap()[0].is_some();
            let erased = n % 4 == 2 && n < last;
            assert!(n == last || known != erased, "subject {n} of {last}");
        }
    }
}

/// All bytes of the folder's files, the write-ahead logs among them.
fn raw(dir: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(dir).unwrap();
    files
        .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

#[tokio::test]
async fn destroyed_bytes_are_in_no_file() {
    let dir = tempdir().unwrap();
    let stores = SqliteStores::open(dir.path()).unwrap();
    let mut doomed: Vec<Vec<u8>> = Vec::new();
    for round in 0..10 {
        let range = round * 60..(round + 1) * 60;
        stores
            .keys
            .add_subjects(range.clone().map(subject).collect())
            .await
            .unwrap();
        let retained = range.clone().map(|n| retention_key(n, day(20))).collect();
        stores.keys.add_keys(retained).await.unwrap();
        // Subjects of all rounds so far, so that pages empty and merge.
        for n in (0..range.end).filter(|n| (n * 7 + round) % 40 == 0) {
            let kept = stores
                .keys
                .destroy_subject(reference(n), day(1), at(0), None, ConsentEnd::default())
                .await
                .unwrap();
            assert!(kept.len() <= 1);
            doomed.extend(subject(n).keys.into_iter().map(|key| key.wrapped));
            // The account id is an orphan's until its values are deleted; alone, it ties nothing together.
            doomed.push(oid(n).as_bytes().to_vec());
            doomed.extend(subject(n).aliases.iter().map(|alias| alias.mac.to_vec()));
        }
    }
    let session = key(7_000_000, KeyKind::Session, bytes(99, 1), 1);
    let side_key = KeyRow {
        expires_on: Some(day(2)),
        ..key(7_000_001, KeyKind::Side, bytes(99, 2), 1)
    };
    stores
        .keys
        .add_keys(vec![session.clone(), side_key.clone()])
        .await
        .unwrap();
    let before = raw(dir.path());
    assert!(contains(&before, &session.wrapped) && contains(&before, &side_key.wrapped));
    stores.keys.destroy_keys(&[session.id]).await.unwrap();
    stores.keys.destroy_expired_keys(day(2)).await.unwrap();
    doomed.extend([session.wrapped, side_key.wrapped]);

    stores.keys.settle_destroyed().await.unwrap();
    let after = raw(dir.path());
    assert!(doomed.len() > 200, "{}", doomed.len());
    for needle in &doomed {
        assert!(!contains(&after, needle));
    }
    let kept = retention_key(40, day(20));
    assert!(
        contains(&after, &kept.wrapped),
        "a retention key stays until its day"
    );
}

#[tokio::test]
async fn deleted_side_records_are_in_no_file() {
    let dir = tempdir().unwrap();
    let stores = SqliteStores::open(dir.path()).unwrap();
    let sides: Vec<_> = (0..300).map(side).collect();
    stores
        .log
        .append(
            ORIGIN,
            LogBatch {
                sides,
                ..batch(0, 1)
            },
        )
        .await
        .unwrap();
    assert!(contains(&raw(dir.path()), &side(5).sealed));
    let doomed: Vec<_> = (0..300).filter(|n| n % 3 != 0).map(side).collect();
    let hashes: Vec<_> = doomed.iter().map(|side| side.sha256).collect();
    stores.log.delete_sides(&hashes).await.unwrap();
    let after = raw(dir.path());
    assert!(doomed.iter().all(|side| !contains(&after, &side.sealed)));
    assert!(contains(&after, &side(0).sealed));
}

#[tokio::test]
async fn an_erasure_that_a_crash_interrupted_is_finished_on_the_next_start() {
    let dir = tempdir().unwrap();
    drop(SqliteStores::open(dir.path()).unwrap());
    // What a crash between deletion and scrubbing leaves: the mark, and bytes in free space.
    let left_behind = [0xA7, 0x15, 0x3C, 0x99, 0x41, 0xE2, 0x08, 0x6B].repeat(8);
    let file = Connection::open(dir.path().join("keys.sqlite")).unwrap();
    file.execute_batch("PRAGMA secure_delete = off; INSERT INTO scrub VALUES (1)")
        .unwrap();
    for n in 0..50 {
        file.execute(
            "INSERT INTO log_position VALUES (?1, ?2)",
            (format!("{n}{}", String::from_utf8_lossy(&[b'x'; 200])), n),
        )
        .unwrap();
    }
    file.execute(
        "INSERT INTO log_position VALUES (CAST(?1 AS TEXT), 1)",
        [&left_behind],
    )
    .unwrap();
    file.execute("DELETE FROM log_position", []).unwrap();
    drop(file);
    assert!(contains(&raw(dir.path()), &left_behind));

    let stores = SqliteStores::open(dir.path()).unwrap();
    stores
        .keys
        .set_log_position("the writer has begun to take calls", 1)
        .await
        .unwrap();
    assert!(!contains(&raw(dir.path()), &left_behind));
}
