//! What a file looks like to any reader of Parquet.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod objects;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use privet_telemetry_store::{
    Access, Attribute, Common, Consent, DataFile, Error, Exemplar, Link, Log, Point, Record, Rows,
    Settings, Span, Stamped, Store, Surroundings, Table, Type, Value, runs, schema,
};

use objects::Moved;

fn store() -> Store {
    let clock = Arc::new(Moved::default());
    Store::open("memory://", Settings::new(Access::Write), clock).unwrap()
}

fn attribute(name: &str, of: Type) -> Attribute {
    Attribute::new(name, of).unwrap()
}

/// Numbers that look random and are the same each time.
fn scattered(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn tyid(person: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&scattered(person).to_be_bytes());
    id[8..].copy_from_slice(&scattered(!person).to_be_bytes());
    id
}

async fn only_file(store: &Store, table: Table) -> (Arc<DataFile>, Bytes) {
    let snapshot = store.snapshot().await.unwrap();
    let files: Vec<_> = snapshot.files(table).cloned().collect();
    let [file] = files.as_slice() else {
        panic!("{} files", files.len());
    };
    let path = Path::parse(&file.path).unwrap();
    let bytes = snapshot
        .objects()
        .get(&path)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    (file.clone(), bytes)
}

#[tokio::test]
async fn rows_are_sorted_by_person_and_time_and_hold_what_was_given() {
    let store = store();
    let received_ms = Moved::default().now_ms();
    let attributes = vec![
        attribute("http.status", Type::Int),
        attribute("unused", Type::Bool),
        attribute("resource.region", Type::String),
    ];
    let mut rows = Rows::new(attributes).unwrap();
    for (person, time_ns) in [
        (Some(2), 5),
        (None, 1),
        (Some(1), 9),
        (Some(2), 3),
        (Some(1), 8),
    ] {
        let log = Log {
            common: Common {
                time_ns,
                received_ms,
                person: person.map(|person: u8| Stamped {
                    tyid: [person; 16],
                    consent: 5,
                    stamp: 2,
                    notice: "2026-11",
                }),
                ..Common::default()
            },
            body: (time_ns == 9).then_some("text"),
            ..Log::default()
        };
        let values = [(0, Value::Int(time_ns * 10)), (2, Value::Int(1))];
        rows.push(
            "acme",
            &Record::Log(log),
            &values[..(1 + usize::from(time_ns == 8))],
        )
        .unwrap();
    }
    assert_eq!((rows.len(), rows.misfits()), (5, 1));
    store.append(rows.finish().unwrap(), None).await.unwrap();

    let (file, bytes) = only_file(&store, Table::Logs).await;
    assert_eq!((file.rows, file.nobody, file.times), (5, 1, (1, 9)));
    assert_eq!(file.people, Some(([1; 16], [2; 16])));
    assert_eq!(file.size_bytes, bytes.len() as u64);
    assert!(
        file.path.starts_with("logs/tenant=acme/day=2026-09-21/")
            && file.path.ends_with(".parquet"),
        "{}",
        file.path
    );
    // A column in which a value was to be, though it did not fit, is there; one that was never used is not.
    let names: Vec<_> = file.attributes.iter().map(Attribute::name).collect();
    assert_eq!(names, ["http.status", "resource.region"]);
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .build()
        .unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert_eq!(*batch.schema(), *schema(Table::Logs, &file.attributes));
    let times = batch["time"].as_primitive::<TimestampNanosecondType>();
    assert_eq!(times.values(), &[8, 9, 3, 5, 1]);
    let status = batch["http.status"].as_primitive::<Int64Type>();
    assert_eq!(status.values(), &[80, 90, 30, 50, 10]);
    let ids = batch["tyid"].as_fixed_size_binary();
    let ids: Vec<_> = ids.iter().map(|id| id.map(|id| id[0])).collect();
    assert_eq!(ids, [Some(1), Some(1), Some(2), Some(2), None]);
    assert_eq!(batch["body"].as_string::<i32>().value(1), "text");
}

#[tokio::test]
async fn every_table_takes_its_records() {
    let store = store();
    let common = Common {
        received_ms: 0,
        ..Common::default()
    };
    let records = [
        Record::Log(Log {
            common,
            ..Log::default()
        }),
        Record::Span(Span {
            common,
            duration_ns: Some(5),
            parent: Some([1; 8]),
            ..Span::default()
        }),
        Record::Link(Link {
            common,
            linked_span: Some([2; 8]),
            ..Link::default()
        }),
        Record::Point(Point {
            common,
            bounds: Some(&[0.5, 1.0]),
            buckets: Some(&[1, 2, 3]),
            count: Some(6),
            ..Point::default()
        }),
        Record::Exemplar(Exemplar {
            common,
            value: Some(0.5),
            ..Exemplar::default()
        }),
        Record::Consent(Consent {
            common,
            is_final: true,
        }),
    ];
    let mut rows = Rows::new(vec![attribute("a", Type::Double)]).unwrap();
    for record in &records {
        // A whole number is a number.
        rows.push("a tenant/with: everything?", record, &[(0, Value::Int(1))])
            .unwrap();
    }
    store.append(rows.finish().unwrap(), None).await.unwrap();
    for table in Table::ALL {
        let (file, bytes) = only_file(&store, table).await;
        assert_eq!(&*file.tenant, "a tenant/with: everything?");
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .unwrap()
            .build()
            .unwrap();
        let batch = reader.next().unwrap().unwrap();
        assert_eq!(
            *batch.schema(),
            *schema(table, &file.attributes),
            "{}",
            table.name()
        );
        assert_eq!(batch.num_rows(), 1);
    }
}

/// The bytes of a column for each row.
fn per_row(metadata: &ParquetMetaData, column: &str) -> f64 {
    let size: i64 = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns())
        .filter(|chunk| chunk.column_path().string() == column)
        .map(|chunk| chunk.compressed_size())
        .sum();
    size as f64 / metadata.file_metadata().num_rows() as f64
}

/// What is stamped onto each record, whoever the people are and however often they changed their mind, takes at most a byte
/// of disk; one person's rows are found by statistics and indexes.
#[tokio::test]
async fn stamps_take_at_most_a_byte() {
    for (people, label) in [(1_000, "a hundred each"), (100_000, "one each")] {
        let store = store();
        let mut rows = Rows::new(Vec::new()).unwrap();
        for row in 0..100_000_u64 {
            let person = scattered(row) % people;
            let answers = scattered(person ^ 0xabc);
            let log = Log {
                common: Common {
                    time_ns: 1_790_000_000_000_000_000 + i64::try_from(row).unwrap() * 1_000_003,
                    received_ms: 1_790_000_000_000,
                    person: Some(Stamped {
                        tyid: tyid(person),
                        consent: u32::try_from(answers % 8).unwrap(),
                        stamp: u32::try_from(answers / 8 % 6).unwrap(),
                        notice: if answers.is_multiple_of(10) {
                            "2025-03"
                        } else {
                            "2026-11"
                        },
                    }),
                    exportable: row % 3 == 0,
                    ..Common::default()
                },
                ..Log::default()
            };
            rows.push("acme", &Record::Log(log), &[]).unwrap();
        }
        store.append(rows.finish().unwrap(), None).await.unwrap();
        let (_, bytes) = only_file(&store, Table::Logs).await;
        let metadata = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .unwrap()
            .metadata()
            .clone();
        let sizes = ["consent", "stamp", "notice"].map(|column| per_row(&metadata, column));
        println!("{label}: consent, stamp, notice {sizes:?} bytes a record");
        assert!(sizes.iter().sum::<f64>() <= 1.0, "{label}: {sizes:?}");
        let tyid = metadata.row_groups()[0]
            .columns()
            .iter()
            .find(|chunk| chunk.column_path().string() == "tyid")
            .unwrap();
        assert!(tyid.statistics().is_some() && tyid.bloom_filter_offset().is_none());
        assert!(tyid.column_index_offset().is_some() && tyid.offset_index_offset().is_some());
    }
}

/// How many rows each person has stands beside the rows, and says what the column of ids does, in merged files as well.
#[tokio::test]
async fn each_persons_rows_are_counted() {
    let store = store();
    for part in 0..2_u64 {
        let mut rows = Rows::new(Vec::new()).unwrap();
        for row in 0..80_000_u64 {
            let person = scattered(row * 2 + part) % 5_000;
            let person = (person > 300).then(|| Stamped {
                // One has more rows than a byte counts.
                tyid: tyid(person.max(500)),
                ..Stamped::default()
            });
            let common = Common {
                time_ns: i64::try_from(row).unwrap(),
                person,
                ..Common::default()
            };
            let log = Log {
                common,
                ..Log::default()
            };
            rows.push("acme", &Record::Log(log), &[]).unwrap();
        }
        store.append(rows.finish().unwrap(), None).await.unwrap();
        if part == 0 {
            assert_eq!(counted(&store).await, 1);
        }
    }
    store.compact(2).await.unwrap();
    assert_eq!(counted(&store).await, 2);
}

/// Compares what the only file says of people's rows with its rows; its row groups.
async fn counted(store: &Store) -> usize {
    let (_, bytes) = only_file(store, Table::Logs).await;
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let places = runs::places(file.metadata()).unwrap();
    for (group, place) in places.iter().enumerate() {
        let file = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
        let mut expected: Vec<(Vec<u8>, usize)> = Vec::new();
        for batch in file.with_row_groups(vec![group]).build().unwrap() {
            let batch = batch.unwrap();
            for id in batch["tyid"].as_fixed_size_binary().iter().flatten() {
                match expected.last_mut() {
                    Some((last, rows)) if last == id => *rows += 1,
                    _ => expected.push((id.to_vec(), 1)),
                }
            }
        }
        let place = usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap();
        let lengths = runs::lengths(bytes.get(place).unwrap()).unwrap();
        let expected: Vec<_> = expected.iter().map(|(_, rows)| *rows).collect();
        assert!(lengths.iter().map(|rows| *rows as usize).eq(expected));
        assert!(!lengths.is_empty());
    }
    places.len()
}

#[test]
fn what_no_column_and_no_path_can_hold_is_refused() {
    let columns = vec![attribute("Path", Type::Int), attribute("path", Type::Int)];
    assert!(matches!(Rows::new(columns), Err(Error::Attribute { .. })));
    let mut rows = Rows::new(Vec::new()).unwrap();
    let log = |received_ms| {
        let common = Common {
            received_ms,
            ..Common::default()
        };
        Record::Log(Log {
            common,
            ..Log::default()
        })
    };
    for tenant in ["", "a\0b", &"x".repeat(129)] {
        assert!(matches!(
            rows.push(tenant, &log(0), &[]),
            Err(Error::Tenant)
        ));
    }
    assert!(matches!(
        rows.push("a", &log(i64::MAX), &[]),
        Err(Error::Time)
    ));
    let values = [(0, Value::Int(1))];
    assert!(matches!(
        rows.push("a", &log(0), &values),
        Err(Error::Attribute { .. })
    ));
    assert!(rows.is_empty());
}

#[tokio::test]
async fn who_may_only_read_adds_nothing() {
    let clock = Arc::new(Moved::default());
    let store = Store::open("memory://", Settings::new(Access::Read), clock).unwrap();
    assert!(matches!(
        store.append(Vec::new(), None).await,
        Err(Error::ReadOnly)
    ));
    assert!(matches!(store.clean().await, Err(Error::ReadOnly)));
}
