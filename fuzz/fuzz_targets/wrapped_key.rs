//! Wrapped keys, sealed records and root key files from anybody: never a panic, nothing unwraps that was not wrapped, and
//! a root key file that is read is written the same.
#![no_main]

use aws_lc_rs::digest;
use libfuzzer_sys::fuzz_target;
use privet_seal::{
    Entropy, FileKeyProvider, KeyId, KeyKind, KeyProvider, RecordKey, Scope, Secret32, WrapContext,
    WrappedRef, WrappingKey,
};

fuzz_target!(|data: &[u8]| {
    wrapped(data);
    assert!(RecordKey::from(secret()).open(data, b"fuzz").is_err());
    root_file(data);
    root_file(&with_check(data));
});

fn wrapped(data: &[u8]) {
    let Ok(parsed) = WrappedRef::parse(data) else {
        return;
    };
    // Nobody knows this key, so nobody can have wrapped with it.
    let key = WrappingKey::new(parsed.wrapping_key_id(), secret());
    let scope = Scope::new("fuzz", "acme").unwrap();
    let context = WrapContext {
        scope: &scope,
        key_id: KeyId([7; 16]),
        subject: None,
        kind: KeyKind::Tenant,
        generation: 0,
    };
    assert!(key.unwrap(&context, data, &[0; 32]).is_err());
}

fn root_file(data: &[u8]) {
    if let Ok(provider) = FileKeyProvider::parse(data, None) {
        assert_eq!(provider.encode(&NoEntropy).as_slice(), data);
        assert!(!provider.describe().versions.is_empty());
        assert!(!provider.describe().protected);
    }
}

/// Changed lines with the hash of just these lines: else the last line would keep every change out.
fn with_check(data: &[u8]) -> Vec<u8> {
    let lines = match data.windows(6).rposition(|window| window == b"check ") {
        Some(end) => &data[..end],
        None => data,
    };
    let hash = digest::digest(&digest::SHA256, lines);
    let digits: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    [lines, format!("check {digits}\n").as_bytes()].concat()
}

fn secret() -> Secret32 {
    Secret32::from_slice(&[9; 32]).unwrap()
}

/// A file without a passphrase is written without randomness.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) {
        unreachable!("randomness for a file without a passphrase")
    }
}
