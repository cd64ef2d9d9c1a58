//! Groups of rows, however their ids are written: as a dictionary whose indexes run, or plainly where a group has more people
//! than a dictionary takes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::file::metadata::ParquetMetaDataReader;
use futures_util::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use privet_query::{Limits, People, Session};
use privet_telemetry_store::{
    Access, Attribute, Common, Log, Machine, Record, Rows, Settings, Snapshot, Stamped, Store,
    Table, Type, Value, runs,
};

/// One file: so many people, each with so many rows that hold the person's number, and as many rows about nobody.
async fn file(people: u64, rows_each: u64) -> Snapshot {
    let store = Store::open("memory://", Settings::new(Access::Write), Arc::new(Machine)).unwrap();
    let mut rows = Rows::new([attribute()]).unwrap();
    for row in 0..people * rows_each {
        let number = row % people;
        for person in [Some(number), None]
            .into_iter()
            .take(if row < people { 2 } else { 1 })
        {
            let log = Log {
                common: Common {
                    time_ns: i64::try_from(row).unwrap(),
                    person: person.map(|number| Stamped {
                        tyid: id(number).to_be_bytes(),
                        ..Stamped::default()
                    }),
                    ..Common::default()
                },
                ..Log::default()
            };
            let value = Value::Int(i64::try_from(number).unwrap());
            rows.push("acme", &Record::Log(log), &[(0, value)]).unwrap();
        }
    }
    store.append(rows.finish().unwrap(), None).await.unwrap();
    store.snapshot().await.unwrap()
}

fn attribute() -> Attribute {
    Attribute::new("number", Type::Int).unwrap()
}

/// Ids that do not ascend with people's numbers.
fn id(number: u64) -> u128 {
    u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 40 | u128::from(number)
}

async fn ask(snapshot: &Snapshot, people: &[u64], sql: &str) -> (i64, i64) {
    let mut ids: Vec<_> = people
        .iter()
        .map(|number| id(*number).to_be_bytes())
        .collect();
    ids.sort_unstable();
    let people = People::from_sorted_bytes(&ids.concat()).unwrap();
    let session = Session::new(snapshot, &[attribute()], &people, &Limits::default()).unwrap();
    let mut answer = session.ask(sql).await.unwrap();
    let batch = answer.next().await.unwrap().unwrap();
    let number = |column: usize| batch.column(column).as_primitive::<Int64Type>().value(0);
    (number(0), number(1))
}

#[tokio::test]
async fn people_are_found_however_ids_are_written() {
    // More people than a dictionary takes, many rows each, two groups of few people.
    for (people, rows_each) in [(140_000, 1), (3_000, 20), (7, 20_000)] {
        let snapshot = file(people, rows_each).await;
        // All, one in three, a few, one, none.
        for step in [1, 3, people / 5, people, u64::MAX] {
            let agree: Vec<_> = (0..people)
                .filter(|number| number % step == step / 2)
                .collect();
            let count = i64::try_from(agree.len() as u64 * rows_each).unwrap();
            let sum = i64::try_from(agree.iter().sum::<u64>() * rows_each).unwrap();
            let sql = "SELECT count(number), coalesce(sum(number), 0) FROM logs";
            let found = ask(&snapshot, &agree, sql).await;
            assert_eq!(found, (count, sum), "{people} people, one in {step}");
            let sql = "SELECT count(*), 0 FROM logs";
            assert_eq!(ask(&snapshot, &agree, sql).await.0, count);
        }
    }
}

/// The same file with other bytes in some places.
async fn changed(people: u64, change: impl Fn(&mut [u8])) -> Snapshot {
    let snapshot = file(people, 20).await;
    let files: Vec<_> = snapshot.files(Table::Logs).collect();
    let path = Path::parse(&files[0].path).unwrap();
    let objects = snapshot.objects();
    let mut bytes = objects
        .get(&path)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap()
        .to_vec();
    change(&mut bytes);
    objects.put(&path, bytes.into()).await.unwrap();
    snapshot.clone()
}

/// Files of before do not say how many rows each person has. Of those, and of files in which it does not add up, the rows
/// themselves are asked.
#[tokio::test]
async fn people_are_found_without_their_lengths() {
    let unnamed = |file: &mut [u8]| {
        let name = b"privet.runs";
        let at = file.windows(name.len()).position(|part| part == name);
        file[at.unwrap()] = b'P';
    };
    let wrong = |file: &mut [u8]| {
        let metadata = Bytes::copy_from_slice(file);
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&metadata);
        let places = runs::places(&metadata.unwrap()).unwrap();
        for place in places {
            // The third person's rows are said to be the second's: that adds up, but nobody has no rows.
            let first = usize::try_from(place.start).unwrap();
            file[first + 2] = 0;
            file[first + 1] += 20;
        }
    };
    for snapshot in [changed(3_000, unnamed).await, changed(3_000, wrong).await] {
        for step in [1, 3] {
            let agree: Vec<_> = (0..3_000).filter(|number| number % step == 0).collect();
            let sql = "SELECT count(number), sum(number) FROM logs";
            let count = i64::try_from(agree.len() * 20).unwrap();
            let sum = i64::try_from(agree.iter().sum::<u64>() * 20).unwrap();
            assert_eq!(ask(&snapshot, &agree, sql).await, (count, sum));
        }
    }
}
