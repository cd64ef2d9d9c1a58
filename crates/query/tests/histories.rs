//! Generated histories of people beside an oracle that remembers what everybody said last: silent people, several ids, ids that
//! ended, servers that were a second behind, doubled and late rows, clocks in 1970 and 2100, a notice that changed, days that were
//! dropped, files that were merged. Nobody who does not agree may show: in `privet-query`, and in the views for warehouses.
//!
//! `PRIVET_HISTORIES` says how many. `PRIVET_PYTHON` names a Python that has `duckdb` or `chdb`, whose engines run the views then.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, UInt32Type};
use futures_util::StreamExt;
use jiff::civil::date;
use privet_cluster::Cluster;
use privet_query::{Limits, People, Session};
use privet_telemetry_store::views::{Dialect, View, consent_now, statements, views};
use privet_telemetry_store::{
    Access, Common, Consent, Log, Record, Rows, Settings, Snapshot, Stamped, Store, Surroundings,
    Table,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const DAYS: i64 = 12;
const OLD_NOTICE: &str = "2025-01 'old' \\";
const NOTICE: &str = "2026-11 'new' \\";
/// The day on which the text changed.
const NEW_NOTICE_DAY: i64 = 3;
/// Days from which tables are kept.
const LOGS_FROM: i64 = 2;
const CONSENTS_FROM: i64 = 7;
/// What records are asked for: bit 2.
const PURPOSE: (&str, u32) = ("market`ing \"x\"", 2);
const APPENDS: u64 = 5;
/// Histories that share one store.
const HISTORIES_AT_ONCE: u64 = 1500;

#[derive(Debug, Default)]
struct Fixed(AtomicU64);

impl Surroundings for Fixed {
    fn now_ms(&self) -> i64 {
        DAYS * DAY_MS
    }

    fn random(&self) -> [u8; 16] {
        let n = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        [n, n].concat().try_into().unwrap()
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What is stamped onto a person's records.
#[derive(Debug, Clone, Copy)]
struct State {
    tyid: [u8; 16],
    bits: u32,
    stamp: u32,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    table: Table,
    day: i64,
    state: State,
    notice: &'static str,
    number: i32,
}

/// What came of all histories.
#[derive(Default)]
struct World {
    rows: Vec<(u64, Row)>,
    /// Ids whose people agree, as they would say themselves.
    agree: BTreeSet<[u8; 16]>,
}

impl World {
    fn write(&mut self, random: &mut Random, table: Table, day: i64, state: State) {
        let notice = if day < NEW_NOTICE_DAY {
            OLD_NOTICE
        } else {
            NOTICE
        };
        let row = Row {
            table,
            day,
            state,
            notice,
            number: self.rows.len() as i32,
        };
        self.rows.push((random.below(APPENDS), row));
        if random.one_in(8) {
            self.rows.push((random.below(APPENDS), row));
        }
    }

    /// One person, from the first day to the last.
    fn live(&mut self, random: &mut Random) {
        let tyid = |random: &mut Random| {
            u128::from(random.next())
                .wrapping_mul(0x0010_0000_0010_0000_0003)
                .to_be_bytes()
        };
        let mut now = Some(State {
            tyid: tyid(random),
            bits: 0,
            stamp: 0,
        });
        let mut before = None;
        let mut notice_seen = false;
        for day in 0..DAYS {
            if day == NEW_NOTICE_DAY && !notice_seen {
                notice_seen = true;
                // What was said to the old text is no yes to the new one.
                if let Some(state) = &mut now {
                    state.bits = 0;
                }
                before = None;
            }
            for _ in 0..random.below(3) {
                let Some(state) = now else { return };
                match random.below(10) {
                    0..=4 => self.write(random, Table::Logs, day, state),
                    5..=7 => {
                        before = now;
                        let state = State {
                            bits: random.below(8) as u32,
                            stamp: state.stamp + 1,
                            ..state
                        };
                        now = Some(state);
                        self.write(random, Table::Consents, day, state);
                    }
                    8 => {
                        before = now;
                        self.end(random, day, state);
                        let stamp = u32::from(state.stamp > 0);
                        now = Some(State {
                            tyid: tyid(random),
                            stamp,
                            ..state
                        });
                    }
                    _ if random.one_in(3) => {
                        before = now;
                        self.end(random, day, state);
                        now = None;
                    }
                    _ => {}
                }
                // A server that has not heard yet.
                if let Some(state) = before.take()
                    && random.one_in(2)
                {
                    self.write(random, Table::Logs, day, state);
                }
            }
        }
        if let Some(state) = now
            && state.bits & (1 << PURPOSE.1) != 0
        {
            self.agree.insert(state.tyid);
        }
    }

    fn end(&mut self, random: &mut Random, day: i64, state: State) {
        let last = State {
            bits: 0,
            stamp: u32::MAX,
            ..state
        };
        self.write(random, Table::Consents, day, last);
    }

    /// The numbers of the log records that may be seen.
    fn expected(&self) -> BTreeMap<i32, usize> {
        let mut expected = BTreeMap::new();
        for (_, row) in &self.rows {
            if row.table == Table::Logs
                && row.day >= LOGS_FROM
                && self.agree.contains(&row.state.tyid)
            {
                *expected.entry(row.number).or_default() += 1;
            }
        }
        expected
    }

    async fn store(&self, random: &mut Random, address: &str) -> Snapshot {
        let settings = Settings::new(Access::Write);
        let store = Store::open(address, settings, Arc::new(Fixed::default())).unwrap();
        for append in 0..APPENDS {
            let mut rows = Rows::new(Vec::new()).unwrap();
            for (_, row) in self.rows.iter().filter(|(of, _)| *of == append) {
                let clocks = [0, i64::MAX / 2, row.day * DAY_MS * 1_000_000];
                let common = Common {
                    time_ns: clocks[random.below(3) as usize],
                    received_ms: row.day * DAY_MS,
                    person: Some(Stamped {
                        tyid: row.state.tyid,
                        consent: row.state.bits,
                        stamp: row.state.stamp,
                        notice: row.notice,
                    }),
                    ..Common::default()
                };
                let record = match row.table {
                    Table::Consents => Record::Consent(Consent {
                        common,
                        is_final: row.state.stamp == u32::MAX,
                    }),
                    _ => Record::Log(Log {
                        common,
                        severity: Some(row.number),
                        ..Log::default()
                    }),
                };
                rows.push("acme", &record, &[]).unwrap();
            }
            store.append(rows.finish().unwrap(), None).await.unwrap();
        }
        let from = |day: i64| date(1970, 1, 1 + i8::try_from(day).unwrap());
        let keep = [
            (Table::Logs, from(LOGS_FROM)),
            (Table::Consents, from(CONSENTS_FROM)),
        ];
        store.expire(&keep).await.unwrap();
        store.compact(2).await.unwrap();
        store.snapshot().await.unwrap()
    }
}

fn session(snapshot: &Snapshot, people: &People) -> Session {
    Session::new(snapshot, &[], people, &Limits::default()).unwrap()
}

/// The numbers of an answer's rows.
async fn numbers(session: &Session, sql: &str) -> BTreeMap<i32, usize> {
    let sql = format!("SELECT CAST(severity AS BIGINT) FROM ({sql}) AS x");
    let mut batches = session
        .ask(&sql)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    let mut numbers = BTreeMap::new();
    while let Some(batch) = batches.next().await {
        let batch = batch.unwrap();
        for number in batch.column(0).as_primitive::<Int64Type>().values() {
            *numbers.entry(*number as i32).or_default() += 1;
        }
    }
    numbers
}

fn view_of_logs(dialect: Dialect) -> (View, View) {
    let views = views(dialect, &[PURPOSE], NOTICE);
    let [now, logs, ..] = views.as_slice() else {
        panic!()
    };
    assert_eq!(*now, consent_now(dialect, NOTICE));
    (now.clone(), logs.clone())
}

fn world(seed: u64, histories: u64) -> (World, Random) {
    let mut random = Random(seed);
    let mut world = World::default();
    for _ in 0..histories {
        world.live(&mut random);
    }
    (world, random)
}

#[tokio::test]
async fn nobody_who_does_not_agree_shows() {
    let histories = std::env::var("PRIVET_HISTORIES").map_or(3000, |n| n.parse().unwrap());
    let (mut done, mut shown) = (0, 0);
    while done < histories {
        let count = HISTORIES_AT_ONCE.min(histories - done);
        let (world, mut random) = world(done, count);
        let snapshot = world.store(&mut random, "memory://").await;
        let expected = world.expected();
        let ids: Vec<u8> = world.agree.iter().flatten().copied().collect();
        let people = People::from_sorted_bytes(&ids).unwrap();
        assert_eq!(
            numbers(&session(&snapshot, &people), "SELECT * FROM logs").await,
            expected
        );

        let everybody = session(&snapshot, &People::Everybody);
        let all = numbers(&everybody, "SELECT * FROM logs").await;
        assert!(all.len() > expected.len());
        let (now, logs) = view_of_logs(Dialect::Postgres);
        let sql = format!("WITH consent_now AS ({}) {}", now.query, logs.query);
        assert_eq!(numbers(&everybody, &sql).await, expected);
        done += count;
        shown += expected.len();
    }
    assert!(shown > 0);
    println!("{done} histories, {shown} records of people who agree, nothing else");
}

/// The rows of the tables as statements that any engine understands, with a way to write bytes.
async fn inserts(
    snapshot: &Snapshot,
    bytes: impl Fn(&str) -> String,
    text: impl Fn(&str) -> String,
) -> String {
    let everybody = session(snapshot, &People::Everybody);
    let mut sql = String::new();
    for (table, number) in [("logs", "severity"), ("consents", "0")] {
        let columns = "CAST(stamp AS BIGINT), consent, notice";
        let question = format!("SELECT tyid, {columns}, CAST({number} AS BIGINT) FROM {table}");
        let mut batches = everybody.ask(&question).await.unwrap();
        while let Some(batch) = batches.next().await {
            let batch = batch.unwrap();
            if batch.num_rows() == 0 {
                continue;
            }
            let values = (0..batch.num_rows()).map(|row| {
                let id = batch.column(0).as_fixed_size_binary().value(row);
                let id = id.iter().fold(String::new(), |mut id, byte| {
                    write!(id, "{byte:02x}").unwrap();
                    id
                });
                let stamp = batch.column(1).as_primitive::<Int64Type>().value(row);
                let consent = batch.column(2).as_primitive::<UInt32Type>().value(row);
                let notice = text(batch.column(3).as_string::<i32>().value(row));
                let number = batch.column(4).as_primitive::<Int64Type>().value(row);
                format!("({}, {stamp}, {consent}, {notice}, {number})", bytes(&id))
            });
            let values: Vec<_> = values.collect();
            for values in values.chunks(500) {
                writeln!(sql, "INSERT INTO {table} VALUES {};", values.join(", ")).unwrap();
            }
        }
    }
    sql
}

/// The views as PostgreSQL runs them.
#[tokio::test]
async fn the_views_hold_on_postgres() {
    let (world, mut random) = world(77, 300);
    let snapshot = world.store(&mut random, "memory://").await;
    let cluster = Cluster::start().unwrap();
    let mut sql = String::new();
    for table in Table::ALL {
        let columns = "tyid bytea, stamp bigint, consent bigint, notice text, severity bigint";
        writeln!(sql, "CREATE TABLE {} ({columns});", table.name()).unwrap();
    }
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    sql += &inserts(&snapshot, |id| format!("'\\x{id}'"), quoted).await;
    sql += &statements(
        Dialect::Postgres,
        &views(Dialect::Postgres, &[PURPOSE], NOTICE),
    );
    for part in sql.split_inclusive(";\n") {
        cluster.sql("postgres", part).unwrap();
    }
    let name = format!("\"logs_for_{}\"", PURPOSE.0.replace('"', "\"\""));
    let answer = cluster
        .sql("postgres", &format!("SELECT severity FROM {name}"))
        .unwrap();
    let mut found: BTreeMap<i32, usize> = BTreeMap::new();
    for line in answer.lines().filter(|line| !line.is_empty()) {
        *found.entry(line.trim().parse().unwrap()).or_default() += 1;
    }
    assert_eq!(found, world.expected());
}

/// The views as engines run them that Python has, over the files themselves. Says so where there is none.
#[tokio::test]
async fn the_views_hold_on_other_engines() {
    let Some(python) = std::env::var_os("PRIVET_PYTHON") else {
        println!("skipped: PRIVET_PYTHON names no Python");
        return;
    };
    let (world, mut random) = world(78, 2000);
    let folder = tempfile::tempdir().unwrap();
    world
        .store(&mut random, folder.path().to_str().unwrap())
        .await;
    let expected: usize = world.expected().values().sum();
    let sum: i64 = world
        .expected()
        .iter()
        .map(|(n, count)| i64::from(*n) * *count as i64)
        .sum();
    for (dialect, engine) in [(Dialect::DuckDb, "duckdb"), (Dialect::ClickHouse, "chdb")] {
        let (now, logs) = view_of_logs(dialect);
        let script = include_str!("histories.py");
        let answer = Command::new(&python)
            .args([
                "-c",
                script,
                engine,
                folder.path().to_str().unwrap(),
                &now.query,
                &logs.query,
            ])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&answer.stdout);
        let errors = String::from_utf8_lossy(&answer.stderr);
        println!("{engine}: {text}");
        let skipped = text.starts_with("skipped");
        assert!(
            skipped || text.trim() == format!("{expected} {sum}"),
            "{engine}: {text}{errors}"
        );
    }
}
