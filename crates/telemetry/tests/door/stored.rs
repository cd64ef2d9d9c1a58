//! From a request to rows that a query reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use privet_telemetry::Limits;
use privet_telemetry_store::{Access, Machine, Settings, Store, Surroundings, Table};

use crate::bed::{ADA, BOB, Door, logs, open, open_over, record, text};

/// Every file in a folder and below.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The rows of a table that count, each as its filled columns.
pub(crate) async fn rows(door: &Door, folder: &Path, table: &str) -> Vec<String> {
    let snapshot = door.store.snapshot().await.unwrap();
    let mut rows = Vec::new();
    let table = Table::ALL
        .into_iter()
        .find(|one| one.name() == table)
        .unwrap();
    for file in snapshot.files(table) {
        let path = folder.join("store").join(&*file.path);
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap());
        for batch in reader.unwrap().build().unwrap() {
            rows.extend(shown(&batch.unwrap()));
        }
    }
    rows.sort();
    rows
}

fn shown(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default();
    let columns: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            (
                field.name().clone(),
                ArrayFormatter::try_new(&**column, &options).unwrap(),
            )
        })
        .collect();
    let row = |row: usize| {
        let filled = columns
            .iter()
            .map(|(name, column)| (name, column.value(row).to_string()));
        let filled = filled.filter(|(_, value)| !value.is_empty());
        filled
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..batch.num_rows()).map(row).collect()
}

/// The times of the stored log records: each of these tests gives every record its own.
pub(crate) async fn times(door: &Door, folder: &Path) -> Vec<String> {
    let rows = rows(door, folder, "logs").await;
    rows.iter()
        .map(|row| row.split(' ').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_passes_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let mut request = logs(vec![record(1, ADA), record(2, BOB)]);
    request.resource_logs[0].resource = Some(opentelemetry_proto::tonic::resource::v1::Resource {
        attributes: vec![text("service.name", "shop"), text("user.name", "canary")],
        ..Default::default()
    });
    assert_eq!(door.logs(&request).await.status, 200);
    // Before the journal is stored, nothing is there to read.
    assert_eq!(rows(&door, folder.path(), "logs").await, [""; 0]);
    door.storing.store_all().await.unwrap();
    door.storing.store_all().await.unwrap();
    let rows = rows(&door, folder.path(), "logs").await;
    insta::assert_snapshot!(rows.join("\n"), @"time=1970-01-01T00:00:00.000000001Z received=2026-11-18T11:06:40Z tyid=a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 consent=1 stamp=1 notice=2026-11 purpose=improvement exportable=true event=order.placed http.method=PUT order.id=po1_AAFm2lHn_p-_hLNC49dC36md resource.service.name=shop");
    assert_eq!(door.journal.waiting(), []);
}

/// What stands once in a request stands in each of its rows, so that a file of the journal can become many times its size. It is
/// stored in pieces then, all of which count from the same moment on.
#[tokio::test]
async fn what_grows_is_stored_in_pieces_and_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let storing = door.storing.clone().in_pieces_of(64 * 1024);
    let mut sent = BTreeSet::new();
    for first in [100, 200, 300] {
        let times = first..first + 50;
        let mut request = logs(times.clone().map(|time| record(time, ADA)).collect());
        let resource = opentelemetry_proto::tonic::resource::v1::Resource {
            attributes: vec![text("service.name", &"s".repeat(4_000))],
            ..Default::default()
        };
        request.resource_logs[0].resource = Some(resource);
        assert_eq!(door.logs(&request).await.status, 200);
        sent.extend(times.map(|time| format!("time=1970-01-01T00:00:00.000000{time}Z")));
    }
    assert!(door.journal.bytes() < 64 * 1024, "{}", door.journal.bytes());
    storing.store_all().await.unwrap();
    let snapshot = door.store.snapshot().await.unwrap();
    let files = snapshot.files(Table::Logs).count();
    assert!((9..=12).contains(&files), "{files}");
    assert_eq!(snapshot.version(), 1);
    let found = times(&door, folder.path()).await;
    assert_eq!(found, sent.into_iter().collect::<Vec<_>>());
    assert_eq!(door.journal.waiting(), []);
}

/// The door is closed and opened at every moment between the acknowledgement and the removal.
#[tokio::test]
async fn a_restart_at_any_moment_stores_each_record_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut sent = BTreeSet::new();
    for moment in 0..6 {
        let door = open(folder.path(), Limits::default());
        let time = 1 + moment;
        assert_eq!(door.logs(&logs(vec![record(time, ADA)])).await.status, 200);
        sent.insert(format!("time=1970-01-01T00:00:00.00000000{time}Z"));
        match moment % 3 {
            // Acknowledged, not stored.
            0 => {}
            // Stored, and the file of the journal comes back, as if it had not been removed any more.
            1 => {
                let closed = door.journal.close_file().await.unwrap();
                let kept: Vec<_> = closed
                    .iter()
                    .map(|one| (one.path.clone(), fs::read(&one.path).unwrap()))
                    .collect();
                door.storing.store_all().await.unwrap();
                for (path, bytes) in kept {
                    fs::write(path, bytes).unwrap();
                }
            }
            _ => door.storing.store_all().await.unwrap(),
        }
        door.journal.end().await;
    }
    let door = open(folder.path(), Limits::default());
    door.storing.store_all().await.unwrap();
    let found = times(&door, folder.path()).await;
    assert_eq!(found, sent.into_iter().collect::<Vec<_>>());
}

/// Nothing that must not pass is in any file that was written: not in the journal, not in the store, whatever they are packed with.
#[tokio::test]
async fn no_marker_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let marked = |time| {
        let mut record = record(time, ADA);
        record.severity_text = "canary".to_owned();
        for key in ["user.name", "note", "unknown", "canary"] {
            record.attributes.push(text(key, "canary"));
        }
        record
    };
    for time in 1..20 {
        assert_eq!(door.logs(&logs(vec![marked(time)])).await.status, 200);
    }
    let oid: privet_vault::Oid = ADA.parse().unwrap();
    let search = |bytes: &[u8], place: &str| {
        for marker in [
            b"canary".as_slice(),
            ADA.as_bytes(),
            oid.as_bytes(),
            b"4711",
        ] {
            assert!(
                !bytes.windows(marker.len()).any(|window| window == marker),
                "{marker:?} is in {place}"
            );
        }
    };
    let mut searched = 0;
    let mut search_all = || {
        for path in files(folder.path()) {
            search(&fs::read(&path).unwrap(), &path.display().to_string());
            searched += 1;
        }
    };
    search_all();
    door.storing.store_all().await.unwrap();
    search_all();
    assert!(searched > 5, "{searched}");
    let rows = rows(&door, folder.path(), "logs").await;
    assert_eq!(rows.len(), 19);
    search(rows.join("\n").as_bytes(), "the rows");
    // The search would have found what does pass.
    assert!(rows[0].contains("http.method=PUT"));
}

/// A clock that is this many days fast.
#[derive(Debug)]
struct Later(i64);

impl Surroundings for Later {
    fn now_ms(&self) -> i64 {
        Machine.now_ms() + self.0 * 86_400_000
    }

    fn random(&self) -> [u8; 16] {
        Machine.random()
    }
}

/// The same store, so many days later.
fn later(folder: &Path, days: i64) -> Door {
    let address = folder.join("store").display().to_string();
    let clock = std::sync::Arc::new(Later(days));
    let store = Store::open(&address, Settings::new(Access::Write), clock).unwrap();
    open_over(folder, Limits::default(), store)
}

/// Records are kept for thirteen months unless the data map says otherwise; until then small files become one.
#[tokio::test]
async fn what_is_kept_is_merged_and_ends_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    for time in 1..=9 {
        door.logs(&logs(vec![record(time, ADA)])).await;
        door.storing.store_all().await.unwrap();
    }
    let files = async |door: &Door| {
        let snapshot = door.store.snapshot().await.unwrap();
        snapshot.files(Table::Logs).count()
    };
    assert_eq!(files(&door).await, 9);
    door.storing.tend().await.unwrap();
    assert_eq!(files(&door).await, 1);
    assert_eq!(times(&door, folder.path()).await.len(), 9);
    door.journal.end().await;
    drop(door);
    for (days, left) in [(380, 1), (420, 0)] {
        let door = later(folder.path(), days);
        door.storing.tend().await.unwrap();
        assert_eq!(files(&door).await, left, "after {days} days");
        door.journal.end().await;
    }
}

/// A journal that was put back gives no position twice: what it takes then is not taken for stored.
#[tokio::test]
async fn a_journal_that_went_back_goes_on_behind_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let door = open(folder.path(), Limits::default());
    door.logs(&logs(vec![record(1, ADA)])).await;
    door.storing.store_all().await.unwrap();
    let copy: Vec<_> = files(&journal)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    for time in 2..=5 {
        door.logs(&logs(vec![record(time, ADA)])).await;
        door.storing.store_all().await.unwrap();
    }
    door.journal.end().await;
    drop(door);
    fs::remove_dir_all(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    for (path, bytes) in copy {
        fs::write(path, bytes).unwrap();
    }
    let door = open(folder.path(), Limits::default());
    door.storing.go_on().await.unwrap();
    door.logs(&logs(vec![record(6, ADA)])).await;
    door.storing.store_all().await.unwrap();
    let times = times(&door, folder.path()).await;
    assert_eq!(times.len(), 6, "{times:?}");
}
