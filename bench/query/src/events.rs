//! Invented events, kept between runs: written as the door writes them, in batches as they come, and looked after as the server
//! looks after its store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use privet_telemetry_store::{
    Access, Attribute, Common, Log, Machine, Position, Record, Rows, Settings, Stamped, Store,
    Table, Type, Value,
};

use crate::folder;

pub(crate) const PEOPLE: u64 = 100_000;
pub(crate) const DAYS: u64 = 10;
/// Batches of a day, after which small files are merged.
const BATCHES: u64 = 20;
/// So many files the server merges by itself.
const FILES_MIN: usize = 8;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const EVENTS: [&str; 12] = [
    "page.viewed",
    "search.run",
    "item.opened",
    "item.saved",
    "cart.changed",
    "order.placed",
    "order.failed",
    "profile.changed",
    "help.opened",
    "message.sent",
    "session.began",
    "session.ended",
];

/// Numbers that look random and are the same each time.
fn scattered(n: u64) -> u64 {
    let x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn tyid(person: u64) -> [u8; 16] {
    let high = u128::from(scattered(person + 1)) << 64;
    (high | u128::from(scattered(!person))).to_be_bytes()
}

/// What somebody agrees to on a day, and the number of that answer: everybody answers within the first days, one in ten once more.
fn answer(person: u64, day: u64) -> (u32, u32) {
    let random = scattered(person ^ 0x5eed);
    let bits = |shift: u32| (random >> shift) as u32 & 7;
    let (first, again) = (random % 4, 4 + (random >> 8) % 4);
    match day {
        day if day < first => (0, 0),
        day if (random >> 16).is_multiple_of(10) && day >= again => (bits(40), 2),
        _ => (bits(32), 1),
    }
}

/// The ids of those who agree, one after the other.
pub(crate) fn agree() -> Vec<u8> {
    let mut ids: Vec<_> = (0..PEOPLE)
        .filter(|person| answer(*person, DAYS).0 & 1 == 1)
        .map(tyid)
        .collect();
    ids.sort_unstable();
    ids.concat()
}

/// The id of one of them, in hexadecimal digits.
pub(crate) fn somebody() -> Result<String> {
    let mut people = 4_242..PEOPLE;
    let person = people.find(|person| answer(*person, DAYS).0 & 1 == 1);
    let id = tyid(person.context("nobody agrees")?);
    Ok(format!("{:032x}", u128::from_be_bytes(id)))
}

/// The column that is summed.
pub(crate) fn attributes() -> Result<Vec<Attribute>> {
    Ok(vec![Attribute::new("amount", Type::Int)?])
}

/// The last column's number in the first row.
pub(crate) fn last_number(batch: &RecordBatch) -> Option<i64> {
    let column = batch.columns().last()?.as_primitive_opt::<Int64Type>()?;
    (!column.is_empty()).then(|| column.value(0))
}

/// A store as a question opens it.
pub(crate) fn open(address: &str) -> Result<Store> {
    let settings = Settings::new(Access::Read);
    Ok(Store::open(address, settings, Arc::new(Machine))?)
}

/// The folder of a store with so many events; what an earlier run made is used again.
pub(crate) async fn folder(rows: u64) -> Result<PathBuf> {
    let path = folder::path(&format!("telemetry-{rows}"))?;
    let address = path.to_str().context("the folder's name is no text")?;
    let settings = Settings {
        // What was merged is deleted soon, for the sake of the disk.
        grace_ms: 30_000,
        ..Settings::new(Access::Write)
    };
    let store = Store::open(address, settings, Arc::new(Machine))?;
    for number in store.position("bench").await?.unwrap_or(0)..DAYS * BATCHES {
        let batches = batch(number, rows / (DAYS * BATCHES))?.finish()?;
        let position = Position {
            writer: "bench".into(),
            after: number,
            upto: number + 1,
        };
        store.append(batches, Some(position)).await?;
        if (number + 1).is_multiple_of(BATCHES) {
            store.compact(FILES_MIN).await?;
            store.clean().await?;
        }
    }
    Ok(path)
}

/// The events of a part of a day, in the order in which they come: people's in between one another's.
fn batch(number: u64, rows: u64) -> Result<Rows> {
    let mut batch = Rows::new(attributes()?)?;
    let day = number / BATCHES;
    for row in number * rows..(number + 1) * rows {
        let random = scattered(row + 1);
        let person = random % PEOPLE;
        let (consent, stamp) = answer(person, day);
        let received_ms = row * DAY_MS / (rows * BATCHES);
        // Events come up to four seconds after they happened.
        let late_ns = random >> 32 & 0xffff_ffff;
        let time_ns = (received_ms * 1_000_000).saturating_sub(late_ns);
        let kind = usize::try_from(scattered(random) % 1_000)?;
        let log = Record::Log(Log {
            common: Common {
                time_ns: i64::try_from(time_ns)?,
                received_ms: i64::try_from(received_ms)?,
                person: Some(Stamped {
                    tyid: tyid(person),
                    consent,
                    stamp,
                    notice: "2026-11",
                }),
                exportable: kind.is_multiple_of(4),
                ..Common::default()
            },
            event: EVENTS.get(kind % EVENTS.len()).copied(),
            severity: Some(9),
            ..Log::default()
        });
        let amount = i64::try_from(random >> 44)?;
        batch.push("acme", &log, &[(0, Value::Int(amount))])?;
    }
    Ok(batch)
}

/// The files that hold the events; what they were merged from may lie beside them for a while.
pub(crate) async fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let address = folder.to_str().context("the folder's name is no text")?;
    let snapshot = open(address)?.snapshot().await?;
    let files = snapshot.files(Table::Logs);
    Ok(files.map(|file| folder.join(&*file.path)).collect())
}

/// What the files are like.
pub(crate) struct Files {
    pub(crate) count: usize,
    pub(crate) bytes_per_row: f64,
    /// Of the columns that say what people agreed to.
    pub(crate) stamp_bytes_per_row: f64,
}

impl Files {
    pub(crate) fn look(files: &[PathBuf]) -> Result<Self> {
        let (mut rows, mut bytes, mut stamps) = (0.0, 0.0, 0.0);
        for file in files {
            let opened = std::fs::File::open(file)?;
            bytes += opened.metadata()?.len() as f64;
            let reader = ParquetRecordBatchReaderBuilder::try_new(opened)?;
            for group in reader.metadata().row_groups() {
                rows += group.num_rows() as f64;
                let stamped = group.columns().iter().filter(|column| {
                    ["consent", "stamp", "notice"].contains(&column.column_path().string().as_str())
                });
                stamps += stamped
                    .map(|column| column.compressed_size() as f64)
                    .sum::<f64>();
            }
        }
        Ok(Self {
            count: files.len(),
            bytes_per_row: bytes / rows,
            stamp_bytes_per_row: stamps / rows,
        })
    }
}
