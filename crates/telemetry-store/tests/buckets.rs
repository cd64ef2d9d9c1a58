//! The store in buckets of real servers: two writers at once, merging, dropping, deleting, and what a service refuses.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use privet_buckets::{Bucket, Service};
use privet_telemetry_store::{
    Access, Appended, Common, Error, Log, Machine, Position, Record, Rows, Settings, Stamped,
    Store, Surroundings, Table,
};

/// What each append adds.
const ROWS: i32 = 3;
/// What each of two writers appends.
const APPENDS: u64 = 8;
const GRACE_MS: i64 = 60_000;
/// A name that no path holds as it is.
const TENANT: &str = "a tenant/with: 100% of Ä?&#";

/// The machine's clock, as much later as it is told.
#[derive(Debug, Default)]
struct Later(AtomicI64);

impl Surroundings for Later {
    fn now_ms(&self) -> i64 {
        Machine.now_ms() + self.0.load(Ordering::SeqCst)
    }

    fn random(&self) -> [u8; 16] {
        Machine.random()
    }
}

fn installed() -> &'static FilePath {
    FilePath::new(env!("CARGO_TARGET_TMPDIR"))
}

fn settings(options: Vec<(String, String)>) -> Settings {
    Settings {
        options,
        grace_ms: GRACE_MS,
        checkpoint_entries: 3,
        ..Settings::new(Access::Write)
    }
}

fn store(bucket: &Bucket, clock: &Arc<Later>) -> Store {
    let settings = settings(bucket.options());
    Store::open(&bucket.address(), settings, clock.clone()).unwrap()
}

/// Rows of both people, which say by whom they were written, and when in the writer's life.
fn rows(writer: u64, number: u64) -> Rows {
    let mut rows = Rows::new(Vec::new()).unwrap();
    for row in 0..ROWS {
        let log = Log {
            common: Common {
                time_ns: (writer * 1000 + number).cast_signed(),
                received_ms: 0,
                person: Some(Stamped {
                    tyid: [1 + u8::try_from(row % 2).unwrap(); 16],
                    ..Stamped::default()
                }),
                ..Common::default()
            },
            severity: Some(row),
            ..Log::default()
        };
        rows.push(TENANT, &Record::Log(log), &[]).unwrap();
    }
    rows
}

async fn append(store: &Store, writer: u64, number: u64) -> Result<Appended, Error> {
    let position = Position {
        writer: writer.to_string(),
        after: number,
        upto: number + 1,
    };
    let batches = rows(writer, number).finish().unwrap();
    store.append(batches, Some(position)).await
}

/// A service may have a bad moment: what was not acknowledged is appended again, as a journal does. Answers the numbers taken.
async fn write_all(store: &Store, writer: u64) -> Vec<u64> {
    let mut versions = Vec::new();
    for number in 0..APPENDS {
        let mut attempts = 0;
        loop {
            match append(store, writer, number).await {
                Ok(Appended::Now(version)) => break versions.push(version),
                Ok(Appended::Before) if attempts > 0 => break,
                Err(error) if attempts < 5 => println!("{writer}: {error}"),
                other => panic!("{writer}: {other:?}"),
            }
            attempts += 1;
        }
    }
    versions
}

async fn counted(store: &Store) -> u64 {
    let snapshot = store.snapshot().await.unwrap();
    snapshot.files(Table::Logs).map(|file| file.rows).sum()
}

/// `false`: the server is not installed.
async fn works(service: Service) -> bool {
    let Some(bucket) = Bucket::start(service, installed()).unwrap() else {
        return false;
    };
    let clock = Arc::new(Later::default());
    let [one, other] = [store(&bucket, &clock), store(&bucket, &clock)];

    // Each number is taken once, whoever is faster.
    let (mut taken, others) = tokio::join!(write_all(&one, 1), write_all(&other, 2));
    taken.extend(others);
    let all = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert!(
        taken.len() == all && taken.last() == Some(&(2 * APPENDS)),
        "{taken:?}"
    );
    let expected = 2 * APPENDS * u64::try_from(ROWS).unwrap();
    let fresh = || store(&bucket, &clock);
    for reader in [&one, &other, &fresh()] {
        assert_eq!(counted(reader).await, expected);
    }
    // What was acknowledged is not added again.
    let again = append(&fresh(), 1, APPENDS - 1).await.unwrap();
    assert_eq!(again, Appended::Before);

    let (a, b) = tokio::join!(one.compact(2), other.compact(2));
    assert_eq!(a.unwrap().merged + b.unwrap().merged, 2 * APPENDS);
    assert_eq!(counted(&fresh()).await, expected);

    // Nothing is deleted before its time.
    assert_eq!(other.clean().await.unwrap().removed, 0);
    clock.0.fetch_add(2 * GRACE_MS, Ordering::SeqCst);
    append(&one, 1, APPENDS).await.unwrap();
    let cleaned = other.clean().await.unwrap();
    assert_eq!(cleaned.removed, 2 * APPENDS, "{cleaned:?}");
    let expected = expected + u64::try_from(ROWS).unwrap();
    // Who slept meanwhile, and who comes new.
    for reader in [&one, &other, &fresh()] {
        assert_eq!(counted(reader).await, expected);
    }

    let all = Table::ALL.map(|table| (table, one.today()));
    assert!(one.expire(&all).await.unwrap().files >= 2);
    assert_eq!(counted(&fresh()).await, 0);
    // What is deleted is gone from the bucket, and what is left there is the log.
    clock.0.fetch_add(100 * GRACE_MS, Ordering::SeqCst);
    other.clean().await.unwrap();
    let nowhere = one.clean().await.unwrap();
    assert_eq!((nowhere.removed, nowhere.leftovers), (0, 0));
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn s3() {
    checked(Service::S3, works(Service::S3).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn google() {
    checked(Service::Google, works(Service::Google).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn azure() {
    checked(Service::Azure, works(Service::Azure).await);
}

fn checked(service: Service, ran: bool) {
    if !ran {
        let program = service.program();
        println!("left out: {program} is not installed (`./test` installs it)");
    }
}

/// Azurite checks what it is shown; a store that is refused, or whose bucket is not there, says so and shows no key.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_refuses_is_told() {
    let service = Service::Azure;
    let Some(bucket) = Bucket::start(service, installed()).unwrap() else {
        return checked(service, false);
    };
    let clock = Arc::new(Later::default());
    let wrong = "d3Jvbmcga2V5IGNhbmFyeQ==";
    let with_wrong_key = |(key, value): (String, String)| match key.ends_with("_KEY") {
        true => (key, wrong.to_owned()),
        false => (key, value),
    };
    let options: Vec<_> = bucket.options().into_iter().map(with_wrong_key).collect();
    let refused = Store::open(&bucket.address(), settings(options), clock.clone()).unwrap();
    let error = append(&refused, 1, 0).await.unwrap_err().to_string();
    assert!(
        error.contains("its credentials do not allow that"),
        "{error}"
    );
    let nowhere = bucket.address().replace("telemetry", "nowhere");
    let nowhere = Store::open(&nowhere, settings(bucket.options()), clock).unwrap();
    let error = append(&nowhere, 1, 0).await.unwrap_err().to_string();
    assert!(error.contains("it is not there"), "{error}");
}
