//! Whatever the object store does to a call, an acknowledged append is there once, for every reader.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::StringArray;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use privet_telemetry_store::{
    Access, Common, Log, Position, Record, Rows, Settings, Snapshot, Stamped, Store, Surroundings,
    Table,
};
use proptest::prelude::*;

use objects::{Fault, Faulty, Moved};

const GRACE_MS: i64 = 1000;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A writer's process tries to add its next rows, this often.
    Append {
        process: usize,
        attempts: usize,
    },
    Clean {
        process: usize,
    },
    Compact {
        process: usize,
    },
    /// A process is another one, which knows nothing.
    Restart {
        process: usize,
    },
    Wait {
        ms: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..2_usize, 1..4_usize).prop_map(|(process, attempts)| Step::Append { process, attempts }),
        1 => (0..2_usize).prop_map(|process| Step::Clean { process }),
        1 => (0..2_usize).prop_map(|process| Step::Compact { process }),
        1 => (0..2_usize).prop_map(|process| Step::Restart { process }),
        1 => (1..5000_i64).prop_map(|ms| Step::Wait { ms }),
    ];
    prop::collection::vec(step, 1..25)
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        12 => Just(Fault::None),
        1 => Just(Fault::Fails),
        1 => Just(Fault::LosesAnswer),
    ];
    // A length without a small factor, so that the same call does not always meet the same fault.
    prop::collection::vec(fault, 37..=37)
}

fn settings() -> Settings {
    Settings {
        grace_ms: GRACE_MS,
        checkpoint_entries: 3,
        ..Settings::new(Access::Write)
    }
}

struct World {
    objects: Arc<Faulty>,
    clock: Arc<Moved>,
    stores: Vec<Store>,
    /// How many appends of each process were acknowledged.
    acknowledged: [u64; 2],
}

impl World {
    fn new(faults: Vec<Fault>, lag: u64) -> Self {
        let mut world = Self {
            objects: Faulty::new(faults, lag),
            clock: Arc::default(),
            stores: Vec::new(),
            acknowledged: [0; 2],
        };
        world.stores = vec![world.store(), world.store()];
        world
    }

    fn store(&self) -> Store {
        Store::over(self.objects.clone(), settings(), self.clock.clone())
    }

    /// Rows that say whose they are and which.
    async fn append(&mut self, process: usize) -> bool {
        let number = self.acknowledged[process];
        let mut rows = Rows::new(Vec::new()).unwrap();
        for row in 0..3_u8 {
            let event = format!("{process} {number} {row}");
            let log = Log {
                common: Common {
                    received_ms: self.clock.now_ms(),
                    person: Some(Stamped {
                        tyid: [row; 16],
                        ..Stamped::default()
                    }),
                    ..Common::default()
                },
                event: Some(&event),
                ..Log::default()
            };
            rows.push("acme", &Record::Log(log), &[]).unwrap();
        }
        let position = Position {
            writer: process.to_string(),
            after: number,
            upto: number + 1,
        };
        let appended = self.stores[process]
            .append(rows.finish().unwrap(), Some(position))
            .await;
        if appended.is_ok() {
            self.acknowledged[process] += 1;
        }
        appended.is_ok()
    }

    /// What somebody who comes new reads.
    async fn check(&self) {
        self.objects.enabled.store(false, Ordering::SeqCst);
        let snapshot = self.store().snapshot().await.unwrap();
        let read = read(&snapshot).await;
        for (process, acknowledged) in self.acknowledged.iter().enumerate() {
            for number in 0..*acknowledged {
                for row in 0..3 {
                    let event = format!("{process} {number} {row}");
                    assert_eq!(read.get(&event), Some(&1), "{event}");
                }
            }
            // One attempt at most may have taken place without anybody knowing.
            let rows = read
                .keys()
                .filter(|event| event.starts_with(&process.to_string()));
            let rows = rows.count() as u64;
            assert!(rows == acknowledged * 3 || rows == acknowledged * 3 + 3);
        }
        assert!(read.values().all(|count| *count == 1), "doubled: {read:?}");
        self.objects.enabled.store(true, Ordering::SeqCst);
    }
}

async fn read(snapshot: &Snapshot) -> BTreeMap<String, usize> {
    let mut read = BTreeMap::new();
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
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .unwrap()
            .build()
            .unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            let events = batch.column_by_name("event").unwrap();
            let events = events.as_any().downcast_ref::<StringArray>().unwrap();
            for event in events.iter().flatten() {
                *read.entry(event.to_owned()).or_default() += 1;
            }
        }
    }
    read
}

async fn run(faults: Vec<Fault>, lag: u64, steps: Vec<Step>) {
    let mut world = World::new(faults, lag);
    for step in steps {
        world.clock.advance(1);
        match step {
            Step::Append { process, attempts } => {
                for _ in 0..attempts {
                    if world.append(process).await {
                        break;
                    }
                }
            }
            // It may fail; what matters is what it does.
            Step::Clean { process } => drop(world.stores[process].clean().await),
            Step::Compact { process } => drop(world.stores[process].compact(2).await),
            Step::Restart { process } => world.stores[process] = world.store(),
            Step::Wait { ms } => {
                world.clock.advance(ms);
                // Lists lag by less than the grace time.
                if ms >= GRACE_MS {
                    world.objects.catch_up();
                }
            }
        }
        world.check().await;
    }
    // In the end all works: what was not acknowledged is tried again, as a journal does.
    world.objects.enabled.store(false, Ordering::SeqCst);
    for process in 0..2 {
        assert!(world.append(process).await);
    }
    world.check().await;
}

fn cases() -> ProptestConfig {
    let config = ProptestConfig::default();
    // Each case writes and reads dozens of files.
    ProptestConfig {
        cases: config.cases.div_ceil(4),
        ..config
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_acknowledged_append_is_there_once(
        faults in faults(), lag in 0..12_u64, steps in steps()
    ) {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(run(faults, lag, steps));
    }
}

#[tokio::test]
async fn every_call_fails_once() {
    for fault in [Fault::Fails, Fault::LosesAnswer] {
        for call in 0..50 {
            let mut faults = vec![Fault::None; 1000];
            faults[call] = fault;
            let step = |process| Step::Append {
                process,
                attempts: 2,
            };
            let steps = [step(0), step(1), step(0), step(0), Step::Wait { ms: 2000 }];
            let steps = steps.into_iter().chain([
                Step::Compact { process: 0 },
                Step::Clean { process: 1 },
                step(1),
                step(0),
            ]);
            run(faults, 0, steps.collect()).await;
        }
    }
}

/// A store that slept while others wrote, made checkpoints and deleted what they replaced, reads and writes on top of that.
#[tokio::test]
async fn who_slept_writes_behind_the_others() {
    let mut world = World::new(Vec::new(), 0);
    assert!(world.append(0).await);
    for _ in 0..7 {
        assert!(world.append(1).await);
    }
    world.clock.advance(GRACE_MS * 2);
    assert!(world.append(1).await);
    let cleaned = world.stores[1].clean().await.unwrap();
    assert!(cleaned.entries >= 6, "{cleaned:?}");
    assert!(world.append(0).await);
    world.check().await;
    assert_eq!(world.stores[0].position("1").await.unwrap(), Some(8));
}

/// Files of a writer that died before its commit go, those of one that may still commit stay.
#[tokio::test]
async fn left_overs_are_swept_up() {
    let mut faults = vec![Fault::None; 100];
    // An append asks three times for its position, puts its file, and asks again: from there on nothing works.
    for fault in &mut faults[4..] {
        *fault = Fault::Fails;
    }
    let mut world = World::new(faults, 0);
    assert!(!world.append(0).await);
    world.objects.enabled.store(false, Ordering::SeqCst);
    world.clock.advance(GRACE_MS * 2);
    assert_eq!(world.stores[1].clean().await.unwrap().leftovers, 0);
    world.clock.advance(GRACE_MS * 24);
    assert_eq!(world.stores[1].clean().await.unwrap().leftovers, 1);
    assert!(world.append(0).await);
    world.clock.advance(GRACE_MS * 100);
    assert_eq!(world.stores[1].clean().await.unwrap().leftovers, 0);
    world.check().await;
}

/// A service that leaves the condition out by which writers are told apart is found out about before anything counts.
#[tokio::test]
async fn a_store_that_writes_over_what_is_there_is_not_written_to() {
    let mut world = World::new(Vec::new(), 0);
    world.objects.overwrites.store(true, Ordering::SeqCst);
    for process in [0, 1, 0] {
        assert!(!world.append(process).await);
    }
    let refused = world.stores[0].append(Vec::new(), None).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("keep two writers apart"), "{said}");
    world.check().await;
    assert_eq!(world.stores[0].snapshot().await.unwrap().version(), 0);
    // As soon as it does what it has to, nothing has to be started anew.
    world.objects.overwrites.store(false, Ordering::SeqCst);
    assert!(world.append(0).await && world.append(1).await);
    world.check().await;
}

/// A clock that has gone on by more than the grace time whenever it is looked at.
#[derive(Debug)]
struct Slow(Moved);

impl Surroundings for Slow {
    fn now_ms(&self) -> i64 {
        self.0.advance(GRACE_MS + 1);
        self.0.now_ms()
    }

    fn random(&self) -> [u8; 16] {
        self.0.random()
    }
}

/// Files that took so long that others may have taken them for left-overs do not come to count.
#[tokio::test]
async fn what_took_too_long_does_not_count() {
    let mut world = World::new(Vec::new(), 0);
    let slow = Arc::new(Slow(Moved::default()));
    let quick = std::mem::replace(
        &mut world.stores[0],
        Store::over(world.objects.clone(), settings(), slow),
    );
    assert!(!world.append(0).await);
    world.check().await;
    world.stores[0] = quick;
    assert!(world.append(0).await);
    world.check().await;
}
