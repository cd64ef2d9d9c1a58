//! The bytes that a stranger sends to the SQL door, from either side: never a panic, and the same messages however the
//! network cuts them; a database server's rows keep their shape, whatever is opened in them.
//!
//! The gateway's own sources are compiled in here, without the vault behind them: it would take most of the build.
#![no_main]
#![allow(dead_code, unused_imports)] // the part that answers clients is not used here

#[path = "../../crates/gateway/src"]
mod gateway {
    pub(crate) mod frame;
    #[path = "startup/parameters.rs"]
    pub(crate) mod parameters;
}

/// What the gateway says when it refuses: the parts that those sources use.
mod fault {
    pub(crate) struct Severity;

    impl Severity {
        pub(crate) fn as_str(&self) -> &'static str {
            "FATAL"
        }
    }

    pub(crate) struct Fault {
        pub(crate) severity: Severity,
        pub(crate) code: &'static str,
        pub(crate) message: String,
        pub(crate) detail: Option<String>,
        pub(crate) hint: Option<String>,
    }

    impl Fault {
        pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
            Self::fatal(code, message)
        }

        pub(crate) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
            let (severity, message) = (Severity, message.into());
            Self {
                severity,
                code,
                message,
                detail: None,
                hint: None,
            }
        }
    }
}

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;

use gateway::frame::{
    Caps, Deframer, First, Frame, Out, Taken, decode, decode_first, head, take_first, take_login,
};
use gateway::parameters::Parameters;

const CAPS: Caps = Caps {
    statement: 1024,
    bind: 2048,
};

fuzz_target!(|data: &[u8]| {
    first(data);
    rows(data);
    let mut buffer = BytesMut::from(data);
    while let Ok(Some(_)) = take_login(&mut buffer) {}
    // The first byte says in what pieces the rest arrives.
    let Some((piece, rest)) = data.split_first() else {
        return;
    };
    let whole = frames(rest, rest.len().max(1));
    assert_eq!(whole, frames(rest, usize::from(*piece).max(1)));
    for frame in whole.iter().filter_map(|taken| match taken {
        Taken::Frame(frame) => Some(frame),
        _ => None,
    }) {
        let _ = decode(frame);
    }
});

/// A row of a server's, with every second cell replaced by one of three bytes.
fn rows(data: &[u8]) {
    let mut out = Out::default();
    let mut nth = 0;
    let replaced = out.row_with(data, |_, cell| {
        nth += 1;
        let replaces = nth % 2 == 0;
        if replaces {
            cell.extend_from_slice(b"abc");
        }
        replaces
    });
    match replaced {
        Ok(true) => {
            let written = out.bytes().to_vec();
            assert_eq!(head(&written), Ok(Some((b'D', written.len() - 5))));
            // What was written is a row of as many cells.
            let (mut again, mut cells) = (Out::default(), 0);
            let unchanged = again.row_with(&written[5..], |_, _| {
                cells += 1;
                false
            });
            assert_eq!((unchanged, cells), (Ok(false), nth));
        }
        _ => assert_eq!(out.len(), 0),
    }
}

fn first(data: &[u8]) {
    let mut buffer = BytesMut::from(data);
    while let Ok(Some(body)) = take_first(&mut buffer) {
        if let Ok(First::Startup { parameters, .. }) = decode_first(&body) {
            let _ = Parameters::read(parameters);
        }
    }
    let _ = decode_first(&Bytes::copy_from_slice(data));
}

/// Everything that is found in `data` when it arrives in pieces of this size.
fn frames(data: &[u8], piece: usize) -> Vec<Taken> {
    let (mut buffer, mut deframer) = (BytesMut::new(), Deframer::default());
    let mut found = Vec::new();
    for piece in data.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match deframer.take(&mut buffer, CAPS) {
                Ok(Taken::More) => break,
                Ok(taken) => found.push(taken),
                Err(_) => return found,
            }
        }
    }
    found
}
