//! Sealing and opening on one thread, beside the cipher alone.
//!
//! Ours is everything that a value goes through: nonce from a buffered generator, header, associated data, type tag,
//! padding, encryption; and back. The peer is AES-256-GCM-SIV of `aws-lc-rs` with a ready key over exactly the bytes of
//! the value, in place, with a counter as nonce and no associated data: the least that anybody could do.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use privet_seal::{
    Block, FieldNumber, KeyId, NonceSource, Scope, SealedRef, SubjectKey, Value, ValueCipher,
};
use privet_vault::ThreadEntropy;

use crate::report::{Report, Row};

const FIELD: FieldNumber = FieldNumber(1);

/// How often each of the four is measured in turn; the best of each counts, which the load of others disturbs least.
const ROUNDS: u32 = 40;

/// How long one measurement takes.
const SLICE: Duration = Duration::from_millis(10);

pub(crate) fn run(report: &mut Report) -> Result<()> {
    for (name, len, block, goal) in [
        ("32 B in blocks of 32", 32, Block::SHORT, true),
        ("1 KiB as free text", 1024, Block::FREE_TEXT, true),
        ("32 B as free text", 32, Block::FREE_TEXT, false),
        ("1 KiB in blocks of 32", 1024, Block::SHORT, false),
    ] {
        let best = measure(len, block)?;
        for (what, own, raw) in [
            ("seal", best.seal, best.raw_seal),
            ("open", best.open, best.raw_open),
        ] {
            let row = Row::new(format!("{what} {name}"), per_second(own), "values/s")
                .beside("AES-256-GCM-SIV of aws-lc-rs", per_second(raw));
            report.row(if goal { row.ratio_at_least(0.6) } else { row });
        }
    }
    report.note(
        "Both work on one thread with warm keys and buffers. The peer encrypts the value's own bytes: no padding, no \
         type tag, no header, no associated data, a counter as nonce. Ours makes the binary form.",
    );
    report.note(
        "In blocks of 32 a value of 32 B is 64 B of plaintext (type tag and end mark make it 34), as free text 34 B.",
    );
    Ok(())
}

fn per_second(nanoseconds: f64) -> f64 {
    1e9 / nanoseconds
}

/// Nanoseconds of each operation.
struct Best {
    seal: f64,
    open: f64,
    raw_seal: f64,
    raw_open: f64,
}

fn measure(len: usize, block: Block) -> Result<Best> {
    let text = "a".repeat(len);
    let mut own = Own::new(&text, block)?;
    let mut raw = Raw::new(text.as_bytes())?;
    let mut best = Best {
        seal: f64::MAX,
        open: f64::MAX,
        raw_seal: f64::MAX,
        raw_open: f64::MAX,
    };
    for _ in 0..ROUNDS {
        best.seal = best.seal.min(time(|| own.seal())?);
        best.raw_seal = best.raw_seal.min(time(|| raw.seal())?);
        best.open = best.open.min(time(|| own.open())?);
        best.raw_open = best.raw_open.min(time(|| raw.open())?);
    }
    Ok(best)
}

/// Nanoseconds of one operation, over a slice of time.
fn time(mut operation: impl FnMut() -> Result<()>) -> Result<f64> {
    const BATCH: u32 = 256;
    let (started, mut count) = (Instant::now(), 0.0);
    loop {
        for _ in 0..BATCH {
            operation()?;
        }
        count += f64::from(BATCH);
        let elapsed = started.elapsed();
        if elapsed >= SLICE {
            return Ok(elapsed.as_nanos() as f64 / count);
        }
    }
}

/// A value as the vault seals and opens it.
struct Own<'a> {
    cipher: ValueCipher,
    nonces: NonceSource,
    value: &'a str,
    block: Block,
    sealed: Vec<u8>,
    opened: Vec<u8>,
}

impl<'a> Own<'a> {
    fn new(value: &'a str, block: Block) -> Result<Self> {
        let entropy = ThreadEntropy;
        let scope = Scope::new("bench", "acme")?;
        let mut own = Self {
            cipher: SubjectKey::generate(&entropy).cipher(&scope, KeyId::random(&entropy)),
            nonces: NonceSource::new(Arc::new(entropy)),
            value,
            block,
            sealed: Vec::new(),
            opened: Vec::new(),
        };
        own.seal()?;
        Ok(own)
    }

    fn seal(&mut self) -> Result<()> {
        let value = Value::Text(black_box(self.value));
        let nonce = self.nonces.next();
        self.cipher
            .seal_into(FIELD, value, self.block, nonce, &mut self.sealed)?;
        black_box(&self.sealed);
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let sealed = SealedRef::parse(black_box(&self.sealed))?;
        let value = self.cipher.open_into(FIELD, &sealed, &mut self.opened)?;
        match black_box(value) {
            Value::Text(text) if text.len() == self.value.len() => Ok(()),
            _ => Err(anyhow!("another value came back")),
        }
    }
}

/// The same bytes through the cipher alone.
struct Raw<'a> {
    key: LessSafeKey,
    counter: u64,
    value: &'a [u8],
    body: Vec<u8>,
    tag: [u8; 16],
    sealed: Vec<u8>,
    sealed_tag: [u8; 16],
    nonce: [u8; 12],
}

impl<'a> Raw<'a> {
    fn new(value: &'a [u8]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, &[7; 32]).map_err(|_| anyhow!("no key"))?;
        let mut raw = Self {
            key: LessSafeKey::new(key),
            counter: 0,
            value,
            body: value.to_vec(),
            tag: [0; 16],
            sealed: Vec::new(),
            sealed_tag: [0; 16],
            nonce: [0; 12],
        };
        raw.seal()?;
        raw.sealed = raw.body.clone();
        raw.sealed_tag = raw.tag;
        raw.nonce = raw.next_nonce_bytes(0);
        Ok(raw)
    }

    fn next_nonce_bytes(&self, counter: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        for (to, from) in nonce.iter_mut().zip(counter.to_be_bytes()) {
            *to = from;
        }
        nonce
    }

    fn seal(&mut self) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(self.next_nonce_bytes(self.counter));
        self.counter += 1;
        // Encrypting in place destroys the value, so it is copied for each, as it is when it is read from somewhere.
        self.body.copy_from_slice(black_box(self.value));
        self.key
            .seal_in_place_scatter(nonce, Aad::empty(), &mut self.body, &[], &mut self.tag)
            .map_err(|_| anyhow!("cannot seal"))?;
        black_box((&self.body, &self.tag));
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let (sealed, tag) = (black_box(&self.sealed), &self.sealed_tag);
        self.key
            .open_separate_gather(nonce, Aad::empty(), sealed, tag, &mut self.body)
            .map_err(|_| anyhow!("cannot open"))?;
        black_box(&self.body);
        Ok(())
    }
}
