//! Files of a day become one, days are dropped, and what people said last stays.
#![expect(clippy::unwrap_used, reason = "tests")]

mod objects;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampNanosecondType, UInt32Type};
use arrow_array::{Array, RecordBatch};
use jiff::civil::date;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use privet_telemetry_store::{
    Access, Attribute, Common, Consent, Log, Record, Rows, Settings, Stamped, Store, Table, Type,
    Value,
};

use objects::Moved;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn store(clock: &Arc<Moved>) -> Store {
    Store::open("memory://", Settings::new(Access::Write), clock.clone()).unwrap()
}

async fn read(store: &Store, table: Table) -> Vec<RecordBatch> {
    let snapshot = store.snapshot().await.unwrap();
    let mut batches = Vec::new();
    for file in snapshot.files(table) {
        let path = Path::parse(&file.path).unwrap();
        let bytes = snapshot
            .objects()
            .get(&path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        batches.extend(reader.build().unwrap().map(Result::unwrap));
    }
    batches
}

/// Twelve files, each with other columns, become one that is sorted and has all of their rows.
#[tokio::test]
async fn small_files_become_one() {
    let clock = Arc::new(Moved::default());
    let store = store(&clock);
    for file in 0..12_u8 {
        let name = format!("a{}", file % 3);
        let mut rows = Rows::new(vec![Attribute::new(&name, Type::Int).unwrap()]).unwrap();
        for row in 0..100_i32 {
            let n = i32::from(file) * 100 + row;
            let person = u8::try_from(n * 31 % 17).unwrap();
            let log = Log {
                common: Common {
                    time_ns: i64::from(n * 7919 % 1000),
                    received_ms: 0,
                    person: (person > 0).then_some(Stamped {
                        tyid: [person; 16],
                        ..Stamped::default()
                    }),
                    ..Common::default()
                },
                severity: Some(n),
                ..Log::default()
            };
            rows.push("acme", &Record::Log(log), &[(0, Value::Int(n.into()))])
                .unwrap();
        }
        store.append(rows.finish().unwrap(), None).await.unwrap();
    }
    assert_eq!(store.compact(13).await.unwrap().merged, 0);
    let compacted = store.compact(2).await.unwrap();
    assert_eq!((compacted.merged, compacted.into), (12, 1));
    let snapshot = store.snapshot().await.unwrap();
    let file = snapshot.files(Table::Logs).next().unwrap().clone();
    assert_eq!((snapshot.files(Table::Logs).count(), file.rows), (1, 1200));
    assert_eq!(file.people, Some(([1; 16], [16; 16])));
    let names: Vec<_> = file.attributes.iter().map(Attribute::name).collect();
    assert_eq!(names, ["a0", "a1", "a2"]);
    let mut severities = Vec::new();
    let mut keys = Vec::new();
    for batch in read(&store, Table::Logs).await {
        severities.extend(
            batch["severity"]
                .as_primitive::<Int32Type>()
                .values()
                .iter()
                .copied(),
        );
        let ids = batch["tyid"].as_fixed_size_binary();
        let times = batch["time"]
            .as_primitive::<TimestampNanosecondType>()
            .values();
        let key = |(id, time): (Option<&[u8]>, &i64)| (id.is_none(), id.map(<[u8]>::to_vec), *time);
        keys.extend(ids.iter().zip(times).map(key));
        let filled = ["a0", "a1", "a2"].map(|name| batch.num_rows() - batch[name].null_count());
        assert_eq!(filled.iter().sum::<usize>(), batch.num_rows());
    }
    assert!(keys.is_sorted());
    assert_eq!(
        u64::try_from(keys.iter().filter(|key| key.0).count()).unwrap(),
        file.nobody
    );
    severities.sort_unstable();
    assert_eq!(severities, (0..1200).collect::<Vec<_>>());
}

/// Two servers compact the same files: one of them does it for nothing, and no row is lost or doubled.
#[tokio::test]
async fn two_compact_at_once() {
    let clock = Arc::new(Moved::default());
    let objects = objects::Faulty::new(Vec::new(), 0);
    let open = || Store::over(objects.clone(), Settings::new(Access::Write), clock.clone());
    let (one, other) = (open(), open());
    for n in 0..6 {
        let mut rows = Rows::new(Vec::new()).unwrap();
        let log = Log {
            severity: Some(n),
            ..Log::default()
        };
        rows.push("acme", &Record::Log(log), &[]).unwrap();
        one.append(rows.finish().unwrap(), None).await.unwrap();
    }
    let (a, b) = tokio::join!(one.compact(2), other.compact(2));
    assert_eq!(a.unwrap().merged + b.unwrap().merged, 6);
    let rows: usize = read(&one, Table::Logs)
        .await
        .iter()
        .map(RecordBatch::num_rows)
        .sum();
    assert_eq!(rows, 6);
}

fn said(rows: &mut Rows, person: u8, day: i64, stamp: u32, consent: u32) {
    let record = Record::Consent(Consent {
        common: Common {
            time_ns: day,
            received_ms: day * DAY_MS,
            person: Some(Stamped {
                tyid: [person; 16],
                consent,
                stamp,
                notice: "2026-11",
            }),
            ..Common::default()
        },
        is_final: stamp == u32::MAX,
    });
    rows.push("acme", &record, &[]).unwrap();
}

/// Day 10 of 1970 is dropped from `consents` while `logs` go back further: the last word of each id stays, and goes when no
/// event is left that it could be about.
#[tokio::test]
async fn last_words_outlive_their_day() {
    let clock = Arc::new(Moved::default());
    let store = store(&clock);
    let mut rows = Rows::new(Vec::new()).unwrap();
    said(&mut rows, 1, 10, 1, 7);
    said(&mut rows, 1, 10, 2, 0);
    said(&mut rows, 2, 10, 3, 6);
    said(&mut rows, 2, 10, 3, 3);
    said(&mut rows, 3, 10, u32::MAX, 0);
    said(&mut rows, 4, 30, 1, 1);
    let log = Log {
        common: Common {
            received_ms: 9 * DAY_MS,
            ..Common::default()
        },
        ..Log::default()
    };
    rows.push("acme", &Record::Log(log), &[]).unwrap();
    store.append(rows.finish().unwrap(), None).await.unwrap();

    let keep = [
        (Table::Consents, date(1970, 1, 20)),
        (Table::Logs, date(1970, 1, 5)),
    ];
    let expired = store.expire(&keep).await.unwrap();
    assert_eq!((expired.files, expired.carried), (1, 3));
    assert_eq!(store.expire(&keep).await.unwrap().files, 0);
    let mut found = Vec::new();
    for batch in read(&store, Table::Consents).await {
        let ids = batch["tyid"].as_fixed_size_binary();
        let stamps = batch["stamp"].as_primitive::<UInt32Type>();
        let consents = batch["consent"].as_primitive::<UInt32Type>();
        for row in 0..batch.num_rows() {
            found.push((ids.value(row)[0], stamps.value(row), consents.value(row)));
        }
    }
    found.sort_unstable();
    assert_eq!(found, [(1, 2, 0), (2, 3, 2), (3, u32::MAX, 0), (4, 1, 1)]);

    // All tables go as far: nothing is left that those words could be about.
    let all = Table::ALL.map(|table| (table, date(2100, 1, 1)));
    let expired = store.expire(&all).await.unwrap();
    assert_eq!((expired.files, expired.carried), (3, 0));
    assert_eq!(
        store
            .snapshot()
            .await
            .unwrap()
            .files(Table::Consents)
            .count(),
        0
    );
}
