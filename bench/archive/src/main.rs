//! Benchmarks of the archives that people get, in a program of their own: they need neither the server nor its stores.
//! `bench/run archive` runs it; `bench/README.md` says how each figure is measured.

#[path = "../../src/folder.rs"]
mod folder;
#[expect(
    dead_code,
    reason = "made for all benchmarks, of which this program has one"
)]
#[path = "../../src/machine.rs"]
mod machine;
#[expect(
    dead_code,
    reason = "made for all benchmarks, of which this program has one"
)]
#[path = "../../src/report.rs"]
mod report;

mod person;

use std::hint::black_box;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use privet_seal::{CHUNK_SIZE_BYTES, ChunkSealer, FileKey, FilePrefix, KeyId, Scope, Secret32};
use report::{Report, Row};
use rustix::time::{ClockId, clock_gettime};

/// How often each is measured in turn with the others; the best counts, and the median is beside it where it is said.
const ROUNDS: usize = 40;
/// Rows of a collection that is long.
const ROWS_LONG: i64 = 200_000;
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let mut results = PathBuf::from("bench/results");
    match arguments.next().as_deref() {
        Some("--results") => {
            results = arguments.next().context("--results wants a folder")?.into();
        }
        Some(other) => bail!("there is no argument `{other}`: --results FOLDER"),
        None => {}
    }
    writeln!(
        io::stderr(),
        "archive: assemble and seal what people get, beside its compression and encryption alone"
    )?;
    let mut report = Report::start("archive", None)?;
    median_file(&mut report)?;
    long_collection(&mut report)?;
    sealing(&mut report)?;
    if report.finish(&results)? {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(io::stderr(), "a goal was not met")?;
    Ok(ExitCode::FAILURE)
}

/// The file of somebody like most: made and sealed.
fn median_file(report: &mut Report) -> Result<()> {
    let archive = person::archive(10, 200);
    let zip = archive.write_to(Vec::new())?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push(cpu_ms(|| {
            let sealer = sealer(Vec::with_capacity(2 * zip.len()))?;
            archive.write_to(sealer)?.finish()?;
            Ok(())
        })?);
    }
    rounds.sort_by(f64::total_cmp);
    let median = rounds.get(ROUNDS / 2).copied().unwrap_or(f64::NAN);
    report.row(Row::new("one file, made and sealed: CPU, median", median, "ms").at_most(20.0));
    let size = zip.len() as f64 / 1024.0;
    report.row(Row::new("  its size", size, "KiB"));
    Ok(())
}

/// A collection that is long: how fast beside compressing the same, and how much memory.
fn long_collection(report: &mut Report) -> Result<()> {
    let archive = person::archive(10, ROWS_LONG);
    let text = person::files(ROWS_LONG)?;
    let bytes = text.len() as f64;
    let (mut ours, mut peer) = (f64::MAX, f64::MAX);
    for _ in 0..5 {
        ours = ours.min(cpu_ms(|| {
            archive.write_to(io::sink())?;
            Ok(())
        })?);
        peer = peer.min(cpu_ms(|| {
            let mut deflate = DeflateEncoder::new(io::sink(), Compression::default());
            deflate.write_all(&text)?;
            deflate.finish()?;
            Ok(())
        })?);
    }
    let speed = |ms: f64| bytes / MIB / ms * 1e3;
    let row = Row::new(
        "200,000 rows, JSON Lines, CSV and pages",
        speed(ours),
        "MiB/s",
    );
    report.row(row.beside("deflate of the two files alone", speed(peer)));
    let counted = allocation_counter::measure(|| {
        let _ = archive.write_to(io::sink());
    });
    let most = counted.bytes_max as f64 / MIB;
    report.row(Row::new("  memory at once", most, "MiB").at_most(16.0));
    Ok(())
}

/// Sealing in chunks beside the cipher alone.
fn sealing(report: &mut Report) -> Result<()> {
    let plaintext = vec![7; 64 * CHUNK_SIZE_BYTES];
    let key = UnboundKey::new(&AES_256_GCM_SIV, &[9; 32]).map_err(|_| anyhow!("no key"))?;
    let key = LessSafeKey::new(key);
    let (mut ours, mut peer) = (f64::MAX, f64::MAX);
    let mut buffer = plaintext.clone();
    for _ in 0..ROUNDS {
        ours = ours.min(cpu_ms(|| {
            let mut sealer = sealer(io::sink())?;
            sealer.write_all(&plaintext)?;
            sealer.finish()?;
            Ok(())
        })?);
        peer = peer.min(cpu_ms(|| {
            for (number, chunk) in (0_u64..).zip(buffer.chunks_mut(CHUNK_SIZE_BYTES)) {
                let mut nonce = [0; 12];
                if let Some(end) = nonce.last_chunk_mut() {
                    *end = number.to_be_bytes();
                }
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), chunk);
                black_box(tag.map_err(|_| anyhow!("does not seal"))?.as_ref());
            }
            Ok(())
        })?);
    }
    let speed = |ms: f64| plaintext.len() as f64 / MIB / ms * 1e3;
    let row = Row::new("sealing in chunks of 64 KiB", speed(ours), "MiB/s");
    report.row(row.beside("AES-256-GCM-SIV in place", speed(peer)));
    Ok(())
}

fn sealer<W: Write>(out: W) -> Result<ChunkSealer<W>> {
    let secret = Secret32::from_slice(&[9; 32])?;
    let key = FileKey::new(&secret, &Scope::new("bench", "acme")?, KeyId([7; 16]));
    let prefix = FilePrefix::from_bytes([1; 7]);
    Ok(ChunkSealer::new(Arc::new(key), b"archive", prefix, out)?)
}

/// Milliseconds of the processor that this thread takes: what others use meanwhile does not count.
fn cpu_ms(run: impl FnOnce() -> Result<()>) -> Result<f64> {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let started = now();
    run()?;
    Ok(now() - started)
}
