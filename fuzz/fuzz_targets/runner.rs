//! What the parent and the child that runs statements say to each other: a child that a statement took over may answer
//! anything. Never a panic, and what was understood is said again in the same way.
//!
//! The sources are compiled in here, without the vault behind them: it would take most of the build.
#![no_main]
#![allow(dead_code)] // the child uses more of them

// Those sources name the vault's types by its name.
extern crate self as privet_vault;

#[path = "../../crates/source/src/runner"]
mod runner {
    pub(crate) mod bytes;
    pub(crate) mod frame;
}

/// The vault's types, as far as they are said.
pub mod port {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RunMode {
        Ordinary,
        ReadOnly,
    }

    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Described {
        pub columns: Vec<(String, String)>,
        pub parameters: u16,
        pub read_only: bool,
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum SqlValue {
        Null,
        Integer(i64),
        Real(f64),
        Text(String),
        Blob(Vec<u8>),
    }
}

use libfuzzer_sys::fuzz_target;

use runner::frame::{Reply, Request, announced_size, read_frame};

fuzz_target!(|data: &[u8]| {
    if let Ok(reply) = Reply::decode(data) {
        let said = reply.encode();
        let again = Reply::decode(frame(&said)).expect("what was said is understood");
        assert_eq!(again.encode(), said);
    }
    if let Ok(request) = Request::decode(data) {
        let said = request.encode();
        let again = Request::decode(frame(&said)).expect("what was said is understood");
        assert_eq!(again.encode(), said);
    }
    let mut input = data;
    while let Ok(Some(frame)) = read_frame(&mut input) {
        assert!(frame.len() < data.len());
    }
});

/// A frame without its length, which is right.
fn frame(said: &[u8]) -> &[u8] {
    let (head, frame) = said.split_first_chunk().expect("a length");
    assert_eq!(announced_size(*head).ok(), Some(frame.len()));
    frame
}
