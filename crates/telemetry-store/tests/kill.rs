//! A writer that is killed at any moment, on a real folder: what it said was added is there once, and no file is half.
//!
//! The program is its own writer when it is told to be, so that it can be killed like one.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that is its own harness, which the lints do not see"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};

use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use privet_telemetry_store::{
    Access, Common, Log, Machine, Position, Record, Rows, Settings, Store, Surroundings, Table,
};

const WRITER: &str = "writer";
/// What each append adds.
const ROWS: i32 = 200;

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    match arguments.get(1..) {
        Some([role, folder]) if role == WRITER => runtime.block_on(write(folder)),
        _ => {
            let rounds = if std::env::var_os("PRIVET_TEST_LONG").is_some() {
                200
            } else {
                12
            };
            runtime.block_on(kill(rounds));
            println!("killed {rounds} writers: nothing lost, nothing doubled");
        }
    }
}

fn open(folder: &str) -> Store {
    let settings = Settings {
        checkpoint_entries: 5,
        ..Settings::new(Access::Write)
    };
    Store::open(folder, settings, Arc::new(Machine)).unwrap()
}

/// Adds one batch after the other, and says so after each.
async fn write(folder: &str) {
    let store = open(folder);
    let mut after = store.position(WRITER).await.unwrap().unwrap_or(0);
    loop {
        let mut rows = Rows::new(Vec::new()).unwrap();
        for row in 0..ROWS {
            let log = Log {
                common: Common {
                    time_ns: after.cast_signed(),
                    received_ms: Machine.now_ms(),
                    ..Common::default()
                },
                severity: Some(row),
                ..Log::default()
            };
            rows.push("acme", &Record::Log(log), &[]).unwrap();
        }
        let position = Position {
            writer: WRITER.into(),
            after,
            upto: after + 1,
        };
        store
            .append(rows.finish().unwrap(), Some(position))
            .await
            .unwrap();
        after += 1;
        let mut output = std::io::stdout();
        writeln!(output, "{after}")
            .and_then(|()| output.flush())
            .unwrap();
    }
}

async fn kill(rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args([WRITER, path])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // It has said so at least once; where it is within the next append depends on the round, as far as it can.
        acknowledged = lines.next().unwrap().unwrap().parse().unwrap();
        for _ in 0..round * 7_000 {
            std::hint::spin_loop();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        for line in lines {
            acknowledged = line.unwrap().parse().unwrap();
        }
        check(path, acknowledged).await;
    }
    assert!(acknowledged >= rounds);
    assert!(folder.path().join("_log").is_dir());
}

async fn check(folder: &str, acknowledged: u64) {
    let store = open(folder);
    let position = store.position(WRITER).await.unwrap().unwrap();
    assert!(position == acknowledged || position == acknowledged + 1);
    let snapshot = store.snapshot().await.unwrap();
    let mut rows: BTreeMap<i64, Vec<i32>> = BTreeMap::new();
    for file in snapshot.files(Table::Logs) {
        let path = Path::parse(&file.path).unwrap();
        let bytes = snapshot
            .objects()
            .get(&path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(bytes.len() as u64, file.size_bytes);
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)
            .unwrap()
            .build()
            .unwrap()
        {
            let batch = batch.unwrap();
            let severities = batch["severity"].as_primitive::<Int32Type>();
            rows.entry(file.times.0)
                .or_default()
                .extend(severities.values());
        }
    }
    let batches: Vec<_> = rows.keys().copied().collect();
    assert_eq!(batches, (0..position.cast_signed()).collect::<Vec<_>>());
    for (batch, mut rows) in rows {
        rows.sort_unstable();
        assert_eq!(rows, (0..ROWS).collect::<Vec<_>>(), "batch {batch}");
    }
}
