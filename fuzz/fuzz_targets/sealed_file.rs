//! Sealed files from anybody: never a panic, and nothing opens that was not sealed.
#![no_main]

use std::io::Cursor;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use privet_seal::{ChunkOpener, FileKey, KeyId, Scope, Secret32};

fuzz_target!(|data: &[u8]| {
    // Nobody knows this key, so nobody can have sealed with it.
    let secret = Secret32::from_slice(&[9; 32]).unwrap();
    let scope = Scope::new("fuzz", "acme").unwrap();
    let id = FileKey::key_id_of(data).unwrap_or(KeyId([7; 16]));
    let key = Arc::new(FileKey::new(&secret, &scope, id));
    assert!(ChunkOpener::new(key, b"fuzz", Cursor::new(data)).is_err());
});
