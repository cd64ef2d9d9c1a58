//! Both messages of a client that logs in, hostile: never a panic, and nobody gets in without the proof.
//!
//! The gateway's own source is compiled in here, without the vault behind it: it would take most of the build.
#![no_main]
#![allow(dead_code)] // the gateway uses more of it

#[path = "../../crates/gateway/src/scram.rs"]
mod scram;

use libfuzzer_sys::fuzz_target;

use scram::{Binding, ClientFirst, NONCE_BYTES, Verifier};

fuzz_target!(|data: &[u8]| {
    // The first byte says where the second message starts, and whether the connection has a certificate.
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let (initial, last) = rest.split_at(usize::from(*first).min(rest.len()));
    let binding = Binding::end_point((first % 2 == 1).then(|| vec![7; 32]));
    let verifier = || Verifier {
        salt: vec![1; 16],
        iterations: 4096,
        stored_key: [2; 32],
        server_key: [3; 32],
    };
    if let Ok(first) = ClientFirst::parse(initial, &binding) {
        let (said, challenge) = first.challenge(verifier(), &[4; NONCE_BYTES]);
        assert!(said.starts_with("r=") && said.ends_with(",i=4096"));
        assert!(challenge.verify(last).is_err());
    }
    // A well-formed conversation up to the last message, so that its parser sees everything.
    let hello = b"n,,n=,r=client";
    let mut body = b"SCRAM-SHA-256\0".to_vec();
    body.extend_from_slice(&(hello.len() as u32).to_be_bytes());
    body.extend_from_slice(hello);
    let first = ClientFirst::parse(&body, &Binding::default()).expect("well formed");
    let (_, challenge) = first.challenge(verifier(), &[4; NONCE_BYTES]);
    assert!(challenge.verify(rest).is_err());
});
