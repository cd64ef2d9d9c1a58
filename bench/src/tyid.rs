//! Ids for telemetry: of somebody whom the door knows already, and of somebody whom it sees for the first time.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use privet_seal::{Entropy, Salt};
use privet_vault::audit::AuditLimits;
use privet_vault::{Oid, Pseudonymizer, ThreadEntropy};
use tokio::runtime::Runtime;
use uuid::{Builder, Uuid};

use crate::folder;
use crate::place::{self, Place};
use crate::report::{Report, Row, median};

const PEOPLE: u64 = 10_000;
/// People of one request.
const BATCH: usize = 512;
/// How often each is measured in turn; the best counts, so that a round without interruption is among them.
const ROUNDS: usize = 200;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = folder::scratch("tyid")?;
    let place = Place::make(folder.clone())?;
    let oids = everybody(&place)?;
    // Another start, which knows nobody.
    let runtime = Runtime::new()?;
    let vault = runtime.block_on(place.vault(AuditLimits::default(), BTreeMap::new()))?;
    let ids = vault.pseudonymizer();
    let started = Instant::now();
    for batch in oids.chunks(BATCH) {
        runtime.block_on(ids.stamps(batch))?;
    }
    let first_ns = nanoseconds(started.elapsed(), oids.len());

    let mut measured = Measured::default();
    let mut found = Vec::with_capacity(BATCH);
    let salts: Vec<Salt> = oids
        .iter()
        .map(|_| Salt::generate(&ThreadEntropy, 1))
        .collect();
    let namespaces: Vec<Uuid> = oids.iter().map(|_| namespace()).collect();
    for _ in 0..ROUNDS {
        measured.warm.push(warm(&ids, &oids, &mut found)?);
        measured.own.push(timed(&oids, &salts, |oid, salt| {
            black_box(salt.tyid(oid.as_bytes()));
        }));
        measured
            .peer
            .push(timed(&oids, &namespaces, |oid, namespace| {
                black_box(version_5(namespace, oid.as_bytes()));
            }));
    }
    rows(report, measured, first_ns);
    runtime.block_on(vault.audit().shutdown());
    drop((ids, vault, runtime));
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Makes people, each with a salt. The stores are free again when the runtime has ended.
fn everybody(place: &Place) -> Result<Vec<Oid>> {
    Runtime::new()?.block_on(async {
        let vault = place.vault(AuditLimits::default(), BTreeMap::new()).await?;
        let (job, _) = place::caller(&vault, "job").await?;
        let oids = place::subjects(&vault, &job, PEOPLE).await?;
        vault.pseudonymizer().stamps(&oids).await?;
        vault.audit().shutdown().await;
        Ok(oids)
    })
}

#[derive(Default)]
struct Measured {
    warm: Vec<f64>,
    own: Vec<f64>,
    peer: Vec<f64>,
}

/// Nanoseconds for each of these people, in requests as they come.
fn warm(
    ids: &Pseudonymizer,
    oids: &[Oid],
    found: &mut Vec<Option<privet_vault::Stamp>>,
) -> Result<f64> {
    let started = Instant::now();
    for batch in oids.chunks(BATCH) {
        if ids.warm(batch, found)? > 0 {
            bail!("somebody is not known any more");
        }
        black_box(&*found);
    }
    Ok(nanoseconds(started.elapsed(), oids.len()))
}

fn timed<T>(oids: &[Oid], with: &[T], each: impl Fn(&Oid, &T)) -> f64 {
    let started = Instant::now();
    for (oid, with) in oids.iter().zip(with) {
        each(oid, with);
    }
    nanoseconds(started.elapsed(), oids.len())
}

/// As `uuid` makes version 5: with the SHA-1 of `sha1_smol`, from a namespace that is no secret and is not wiped.
fn version_5(namespace: &Uuid, name: &[u8]) -> Uuid {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(namespace.as_bytes());
    hash.update(name);
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.digest().bytes()) {
        *to = from;
    }
    Builder::from_sha1_bytes(bytes).into_uuid()
}

fn namespace() -> Uuid {
    let mut bytes = [0; 16];
    ThreadEntropy.fill(&mut bytes);
    Uuid::from_bytes(bytes)
}

fn nanoseconds(elapsed: Duration, count: usize) -> f64 {
    elapsed.as_secs_f64() * 1e9 / count as f64
}

fn best(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn rows(report: &mut Report, measured: Measured, first_ns: f64) {
    let peer = best(&measured.peer);
    report.row(
        Row::new("id and stamp of somebody known", best(&measured.warm), "ns")
            .beside_time("UUIDv5 of `uuid`", peer)
            .at_most(50.0),
    );
    report.row(Row::new("  median", median(measured.warm), "ns"));
    report.row(
        Row::new("id of somebody new, from a salt", best(&measured.own), "ns")
            .beside_time("UUIDv5 of `uuid`", peer)
            .at_most(200.0),
    );
    report.row(Row::new("  median", median(measured.own), "ns"));
    report.row(
        Row::new("  with reading from the stores", first_ns, "ns")
            .limit("UUIDv5 of `uuid`, median", median(measured.peer)),
    );
    report.note(format!(
        "{PEOPLE} people, {BATCH} a request, on one thread; {ROUNDS} rounds in turn. Somebody known: the look at the shared \
         sequence, the look-up and whether anything about the person changed since. With reading: keys, salt and consent \
         from SQLite, opened, after a start, once."
    ));
}
