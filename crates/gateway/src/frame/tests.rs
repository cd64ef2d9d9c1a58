//! Framing against a hostile client: cut anywhere, with any length, nothing panics and nothing is reserved.

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::*;

const CAPS: Caps = Caps {
    statement: 100,
    bind: 200,
};

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// What a deframer makes of `bytes` when they arrive in the given pieces.
fn feed(bytes: &[u8], cuts: &[usize]) -> Result<Vec<Taken>, FrameError> {
    let (mut deframer, mut buffer) = (Deframer::default(), BytesMut::new());
    let mut taken = Vec::new();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut start = 0;
    for end in ends {
        buffer.extend_from_slice(&bytes[start..end]);
        start = end;
        loop {
            match deframer.take(&mut buffer, CAPS)? {
                Taken::More => break,
                other => taken.push(other),
            }
        }
    }
    Ok(taken)
}

#[test]
fn a_stream_cut_at_every_byte_gives_the_same_frames() {
    let mut bytes = frame(b'Q', b"SELECT 1\0");
    bytes.extend(frame(b'Q', &[b'x'; 500]));
    bytes.extend(frame(b'S', b""));
    let whole = feed(&bytes, &[]).unwrap();
    assert_eq!(whole.len(), 3);
    assert_eq!(
        whole[1],
        Taken::TooLong {
            tag: b'Q',
            bytes_max: 101
        }
    );
    for cut in 0..=bytes.len() {
        assert_eq!(feed(&bytes, &[cut]).unwrap(), whole);
    }
    let every: Vec<usize> = (0..bytes.len()).collect();
    assert_eq!(feed(&bytes, &every).unwrap(), whole);
}

#[test]
fn impossible_lengths_end_the_connection() {
    for length in [
        0_u32,
        1,
        2,
        3,
        0x4000_0000,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
    ] {
        let mut bytes = vec![b'Q'];
        bytes.extend(length.to_be_bytes());
        assert_eq!(feed(&bytes, &[]), Err(FrameError::Length), "{length}");
        let mut first = BytesMut::from(&length.to_be_bytes()[..]);
        assert!(take_first(&mut first).is_err(), "{length}");
        let mut login = BytesMut::from(&b"p"[..]);
        login.put_u32(length);
        assert!(take_login(&mut login).is_err(), "{length}");
    }
}

#[test]
fn an_unknown_type_is_refused_by_its_header() {
    for tag in (0..=u8::MAX).filter(|tag| !TAGS.contains(tag)) {
        assert_eq!(
            feed(&[tag, 0, 0, 200, 0], &[]),
            Err(FrameError::UnknownType),
            "{tag}"
        );
    }
}

#[test]
fn a_claimed_length_reserves_nothing() {
    let mut buffer = BytesMut::from(&b"Q\x3f\xff\xff\xff"[..]);
    let before = buffer.capacity();
    let mut deframer = Deframer::default();
    assert_eq!(
        deframer.take(&mut buffer, CAPS),
        Ok(Taken::TooLong {
            tag: b'Q',
            bytes_max: 101
        })
    );
    assert!(buffer.capacity() <= before);
    assert!(deframer.is_inside(&buffer));
}

#[test]
fn before_login_nothing_long_passes() {
    let mut buffer = BytesMut::new();
    buffer.put_u32(10_005);
    assert_eq!(take_first(&mut buffer), Err(FrameError::LoginTooLong));
    let mut buffer = BytesMut::from(&b"p"[..]);
    buffer.put_u32(10_005);
    assert_eq!(take_login(&mut buffer), Err(FrameError::LoginTooLong));
    let mut buffer = BytesMut::from(&frame(b'Q', b"SELECT 1\0")[..]);
    assert_eq!(take_login(&mut buffer), Err(FrameError::UnknownType));
}

#[test]
fn first_messages_are_told_apart() {
    let first = |words: &[u32], rest: &[u8]| {
        let mut body = BytesMut::new();
        words.iter().for_each(|word| body.put_u32(*word));
        body.put_slice(rest);
        decode_first(&body.freeze())
    };
    assert_eq!(first(&[80_877_103], b""), Ok(First::Tls));
    assert_eq!(first(&[80_877_103], b"x"), Err(FrameError::Malformed));
    assert_eq!(first(&[80_877_104], b""), Ok(First::Gss));
    assert_eq!(
        first(&[80_877_102, 7], b"1234"),
        Ok(First::Cancel {
            process: 7,
            secret: Bytes::from_static(b"1234")
        })
    );
    assert_eq!(first(&[80_877_102, 7], b"123"), Err(FrameError::Malformed));
    assert_eq!(
        first(&[80_877_102, 7], &[0; 257]),
        Err(FrameError::Malformed)
    );
    assert_eq!(
        first(&[0x0003_0002], b"user\0a\0\0"),
        Ok(First::Startup {
            minor: 2,
            parameters: vec![("user".into(), "a".into())]
        })
    );
    for body in [
        &b""[..],
        b"user",
        b"user\0",
        b"user\0a\0",
        b"user\0a\0\0rest",
    ] {
        assert_eq!(
            first(&[0x0003_0000], body),
            Err(FrameError::Malformed),
            "{body:?}"
        );
    }
    assert_eq!(first(&[0x0002_0000], b""), Ok(First::OtherVersion));
    assert_eq!(first(&[], b"ab"), Err(FrameError::Malformed));
}

fn decoded(tag: u8, body: &[u8]) -> Result<Frontend, FrameError> {
    decode(&Frame {
        tag,
        body: Bytes::copy_from_slice(body),
    })
}

#[test]
fn messages_decode() {
    assert_eq!(
        decoded(b'Q', b"SELECT 1\0"),
        Ok(Frontend::Query("SELECT 1".into()))
    );
    assert_eq!(
        decoded(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x19"),
        Ok(Frontend::Parse {
            name: "s".into(),
            sql: "SELECT $1".into(),
            types: vec![25]
        })
    );
    assert_eq!(
        decoded(
            b'B',
            b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\0"
        ),
        Ok(Frontend::Bind(Bind {
            portal: "p".into(),
            statement: "s".into(),
            formats: vec![Format::Binary],
            parameters: vec![Some(Bytes::from_static(b"x")), None],
            result_formats: vec![],
        }))
    );
    assert_eq!(
        decoded(b'D', b"Ss\0"),
        Ok(Frontend::Describe(Target::Statement("s".into())))
    );
    assert_eq!(
        decoded(b'C', b"P\0"),
        Ok(Frontend::Close(Target::Portal(String::new())))
    );
    assert_eq!(
        decoded(b'E', b"p\0\0\0\0\x05"),
        Ok(Frontend::Execute {
            portal: "p".into(),
            rows_max: 5
        })
    );
    assert_eq!(
        decoded(b'E', b"p\0\xff\xff\xff\xff"),
        Ok(Frontend::Execute {
            portal: "p".into(),
            rows_max: 0
        })
    );
    assert_eq!(decoded(b'F', b"anything"), Ok(Frontend::FunctionCall));
}

#[test]
fn malformed_messages_are_refused() {
    for (tag, body) in [
        (b'Q', &b"SELECT 1"[..]),
        (b'Q', b"SELECT 1\0more"),
        (b'P', b"s\0SELECT 1\0\xff\xff"),
        (b'B', b"\0\0\0\0\xff\xff"),
        (b'B', b"\0\0\0\0\0\x01\0\0\0\x09x\0\0"),
        (b'B', b"\0\0\0\0\0\x01\x80\0\0\0x\0\0"),
        (b'B', b"\0\0\0\x01\0\x07\0\0\0\0"),
        (b'D', b"X\0"),
        (b'D', b""),
        (b'E', b"p\0\0"),
        (b'S', b"x"),
    ] {
        assert_eq!(
            decoded(tag, body),
            Err(FrameError::Malformed),
            "{} {body:?}",
            char::from(tag)
        );
    }
    assert_eq!(decoded(b'Q', b"\xff\0"), Err(FrameError::Encoding));
    assert_eq!(decoded(b'?', b""), Err(FrameError::UnknownType));
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_cuts_change_nothing(
        frames in prop::collection::vec((prop::sample::select(b"QPBDESX".to_vec()), prop::collection::vec(any::<u8>(), 0..300)), 0..8),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(|(tag, body)| frame(*tag, body)).collect();
        let whole = feed(&bytes, &[]);
        prop_assert_eq!(whole.as_ref().map(Vec::len), Ok(frames.len()));
        prop_assert_eq!(feed(&bytes, &cuts), whole);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), tag in any::<u8>()) {
        let _outcome = feed(&bytes, &[1, 5, 9]);
        let body = Bytes::copy_from_slice(&bytes);
        let _outcome = decode_first(&body);
        let _outcome = decode(&Frame { tag, body: body.clone() });
        for tag in *b"QPBDECHSXdcfFp" {
            let _outcome = decode(&Frame { tag, body: body.clone() });
        }
    }

    #[test]
    fn what_is_cut_short_is_refused(end in 0_usize..27) {
        let bind = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01\0\x01";
        prop_assume!(end < bind.len());
        prop_assert_eq!(decoded(b'B', &bind[..end]), Err(FrameError::Malformed));
    }
}
