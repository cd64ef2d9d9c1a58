//! Invented events, kept between runs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use privet_telemetry_store::{
    Access, Attribute, Common, Log, Machine, Record, Rows, Settings, Snapshot, Stamped, Store,
    Type, Value,
};

use crate::folder;

pub(crate) const PEOPLE: u64 = 100_000;
pub(crate) const DAYS: u64 = 10;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

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

fn agrees(person: u64) -> bool {
    person.is_multiple_of(2)
}

/// The ids of those who agree, one after the other.
pub(crate) fn agree() -> Vec<u8> {
    let mut ids: Vec<_> = (0..PEOPLE)
        .filter(|person| agrees(*person))
        .map(tyid)
        .collect();
    ids.sort_unstable();
    ids.concat()
}

/// The id of one of them, in hexadecimal digits.
pub(crate) fn somebody() -> String {
    format!("{:032x}", u128::from_be_bytes(tyid(4_242)))
}

/// The last column's number in the first row.
pub(crate) fn last_number(batch: &RecordBatch) -> Option<i64> {
    let column = batch.columns().last()?.as_primitive_opt::<Int64Type>()?;
    (!column.is_empty()).then(|| column.value(0))
}

/// A store with so many events; what an earlier run made is used again.
pub(crate) async fn store(rows: u64) -> Result<(PathBuf, Snapshot)> {
    let path = folder::path(&format!("telemetry-{rows}"))?;
    let address = path.to_str().context("the folder's name is no text")?;
    let store = Store::open(address, Settings::new(Access::Write), Arc::new(Machine))?;
    for day in store.position("bench").await?.unwrap_or(0)..DAYS {
        let mut batch = Rows::new(vec![Attribute::new("amount", Type::Int)?])?;
        for row in 0..rows / DAYS {
            let random = scattered(day * rows + row + 1);
            let person = random % PEOPLE;
            // People answered once, on the third day.
            let answered = day >= 3;
            let received_ms = i64::try_from(day)? * DAY_MS;
            let log = Record::Log(Log {
                common: Common {
                    time_ns: received_ms * 1_000_000 + i64::try_from(row)?,
                    received_ms,
                    person: Some(Stamped {
                        tyid: tyid(person),
                        consent: u32::from(answered && agrees(person)),
                        stamp: u32::from(answered),
                        notice: "2026-11",
                    }),
                    ..Common::default()
                },
                ..Log::default()
            });
            let amount = i64::try_from(random >> 44)?;
            batch.push("acme", &log, &[(0, Value::Int(amount))])?;
        }
        let position = privet_telemetry_store::Position {
            writer: "bench".into(),
            after: day,
            upto: day + 1,
        };
        store.append(batch.finish()?, Some(position)).await?;
    }
    let snapshot = store.snapshot().await?;
    Ok((path, snapshot))
}
