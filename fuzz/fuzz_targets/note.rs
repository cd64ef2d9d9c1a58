//! Signed notes, checkpoints and keys from anybody: never a panic, and nothing verifies that was not signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_tlog::Checkpoint;
use privet_tlog::note::{KeyName, Note, SigningKey, VerifierKey};

fuzz_target!(|data: &[u8]| {
    let name = KeyName::new("audit.example.com/test").unwrap();
    let key = SigningKey::from_seed(name, &[9; 32]).unwrap();
    if let Ok(note) = Note::parse(data) {
        assert!(note.verify(&[key.verifier()]).is_err());
    }
    assert!(Checkpoint::open(data, &[key.verifier()]).is_err());
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    checkpoint(text, &key);
    signed(text, &key);
    if let Ok(verifier) = text.parse::<VerifierKey>() {
        let again: VerifierKey = verifier.to_string().parse().unwrap();
        assert_eq!((again.name(), again.id()), (verifier.name(), verifier.id()));
    }
    if let Ok(key) = SigningKey::from_secret_text(text) {
        assert_eq!(key.to_secret_text().unwrap().as_str(), text);
    }
});

/// Extension lines are passed over, so the text may be longer than what is written of it.
fn checkpoint(text: &str, key: &SigningKey) {
    let Ok(checkpoint) = Checkpoint::parse(text) else {
        return;
    };
    let written = checkpoint.to_text();
    assert!(text.starts_with(&written));
    assert_eq!(Checkpoint::parse(&written), Ok(checkpoint.clone()));
    let own = checkpoint.origin.key_name() == key.name();
    match checkpoint.signed(&[key]) {
        Ok(note) => {
            assert!(own);
            let opened = Checkpoint::open(note.to_string().as_bytes(), &[key.verifier()]);
            assert_eq!(opened, Ok(checkpoint));
        }
        Err(_) => assert!(!own),
    }
}

fn signed(text: &str, key: &SigningKey) {
    if let Ok(note) = Note::sign(text, &[key]) {
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read.verify(&[key.verifier()]).unwrap().text(), text);
    }
}
