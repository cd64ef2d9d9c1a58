//! Sealed files: the vectors in `docs/formats/vectors/sealed-files.json`, which Python made, through this crate and through
//! the second implementation; reading from anywhere; and every way to mangle a file.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[expect(dead_code, reason = "other tests use the rest")]
mod oracle;

use std::io::{Cursor, ErrorKind, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use oracle::{expand, info, with_lengths};
use privet_seal::{
    CHUNK_SIZE_BYTES, ChunkOpener, ChunkSealer, FileKey, FilePrefix, KeyId, OpenError, Scope,
    Secret32,
};
use proptest::prelude::*;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

const HEADER_LEN: usize = 29;
const SEALED_CHUNK_LEN: usize = CHUNK_SIZE_BYTES + 16;

fn cases(list: &str) -> Vec<Json> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/formats/vectors/sealed-files.json"
    );
    let vectors: Json = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = vectors[list].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "{list}");
    cases
}

fn text<'a>(case: &'a Json, name: &str) -> &'a str {
    case[name].as_str().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(case: &Json, name: &str) -> Vec<u8> {
    let (pairs, rest) = text(case, name).as_bytes().as_chunks::<2>();
    assert!(rest.is_empty());
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    pairs
        .iter()
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}

fn key_of(case: &Json) -> Arc<FileKey> {
    let secret = Secret32::from_slice(&bytes(case, "secret")).unwrap();
    let scope = Scope::new(text(case, "environment"), text(case, "tenant")).unwrap();
    let id: KeyId = text(case, "key_id").parse().unwrap();
    Arc::new(FileKey::new(&secret, &scope, id))
}

fn plaintext(len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).collect()
}

fn key() -> Arc<FileKey> {
    let secret = Secret32::from_slice(&[9; 32]).unwrap();
    let scope = Scope::new("test", "acme").unwrap();
    Arc::new(FileKey::new(&secret, &scope, KeyId([7; 16])))
}

fn seal(key: &Arc<FileKey>, place: &str, prefix: [u8; 7], plaintext: &[u8]) -> Vec<u8> {
    let prefix = FilePrefix::from_bytes(prefix);
    let mut sealer =
        ChunkSealer::new(Arc::clone(key), place.as_bytes(), prefix, Vec::new()).unwrap();
    sealer.write_all(plaintext).unwrap();
    sealer.finish().unwrap()
}

fn open(key: &Arc<FileKey>, place: &str, sealed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut opener = ChunkOpener::new(Arc::clone(key), place.as_bytes(), Cursor::new(sealed))?;
    let mut opened = Vec::new();
    opener.read_to_end(&mut opened)?;
    assert_eq!(opener.size_bytes(), opened.len() as u64);
    Ok(opened)
}

/// That it does not open, and that nothing says why.
fn refused(opened: std::io::Result<Vec<u8>>, what: &str) {
    let Err(error) = opened else {
        unreachable!("{what} opened");
    };
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{what}");
    assert_eq!(error.to_string(), OpenError.to_string(), "{what}");
    let inside = error.into_inner().unwrap();
    assert_eq!(*inside.downcast::<OpenError>().unwrap(), OpenError);
}

#[test]
fn the_vectors() {
    for case in cases("valid") {
        let (key, place, name) = (key_of(&case), text(&case, "place"), text(&case, "name"));
        let len = usize::try_from(case["plaintext_len"].as_u64().unwrap()).unwrap();
        let prefix = bytes(&case, "prefix").try_into().unwrap();
        let sealed = seal(&key, place, prefix, &plaintext(len));
        assert_eq!(sealed.len() as u64, case["sealed_len"].as_u64().unwrap());
        let hash = hex(&Sha256::digest(&sealed));
        assert_eq!(hash, text(&case, "sealed_sha256"), "{name}");
        assert_eq!(sealed, seal_there(&case, &plaintext(len)), "{name}");
        if let Some(digits) = case["sealed"].as_str() {
            assert_eq!(hex(&sealed), digits);
        }
        assert_eq!(open(&key, place, &sealed).unwrap(), plaintext(len));
        assert_eq!(FileKey::key_id_of(&sealed), Ok(key.key_id()));
    }
}

/// Through the second implementation.
fn seal_there(case: &Json, plaintext: &[u8]) -> Vec<u8> {
    let derived = expand(&bytes(case, "secret"), &info("privet/v1/file"));
    assert_eq!(derived, bytes(case, "derived_key"));
    let (key_id, prefix) = (bytes(case, "key_id"), bytes(case, "prefix"));
    let parts = with_lengths(&[
        b"privet/v1/file",
        &[1],
        &[oracle::SUITE],
        text(case, "environment").as_bytes(),
        text(case, "tenant").as_bytes(),
        &key_id,
    ]);
    let associated_data = [&parts, text(case, "place").as_bytes()].concat();
    assert_eq!(associated_data, bytes(case, "associated_data"));
    let mut sealed = [b"pvsf", [1, 1].as_slice(), &key_id, &prefix].concat();
    let count = plaintext.len().div_ceil(CHUNK_SIZE_BYTES).max(1);
    for chunk in 0..count {
        let end = plaintext.len().min((chunk + 1) * CHUNK_SIZE_BYTES);
        let number = u32::try_from(chunk).unwrap().to_be_bytes();
        let last = [u8::from(chunk + 1 == count)];
        let nonce = [&prefix, number.as_slice(), &last].concat();
        let part = &plaintext[chunk * CHUNK_SIZE_BYTES..end];
        sealed.extend(oracle::encrypt(&derived, &nonce, &associated_data, part));
    }
    sealed
}

#[test]
fn the_vectors_that_do_not_open() {
    for case in cases("invalid") {
        let opened = open(
            &key_of(&case),
            text(&case, "place"),
            &bytes(&case, "sealed"),
        );
        refused(opened, text(&case, "name"));
    }
}

/// The header and the sealed chunks of a file.
fn parts(sealed: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (header, rest) = sealed.split_at(HEADER_LEN);
    (header, rest.chunks(SEALED_CHUNK_LEN).collect())
}

#[test]
fn chunks_that_were_moved_repeated_left_out_or_taken_from_elsewhere() {
    let key = key();
    let whole = seal(&key, "a", [1; 7], &plaintext(3 * CHUNK_SIZE_BYTES + 100));
    let other = seal(&key, "a", [2; 7], &plaintext(3 * CHUNK_SIZE_BYTES + 100));
    let longer = seal(&key, "a", [1; 7], &plaintext(5 * CHUNK_SIZE_BYTES));
    let (header, chunks) = parts(&whole);
    let (_, others) = parts(&other);
    let (_, more) = parts(&longer);
    let attacks: [(&str, Vec<&[u8]>); 10] = [
        ("moved", vec![chunks[1], chunks[0], chunks[2], chunks[3]]),
        (
            "repeated",
            vec![chunks[0], chunks[0], chunks[1], chunks[2], chunks[3]],
        ),
        ("left out", vec![chunks[0], chunks[2], chunks[3]]),
        ("cut off between chunks", chunks[..3].to_vec()),
        ("only the last", vec![chunks[3]]),
        ("nothing behind the header", vec![]),
        (
            "another file's",
            vec![chunks[0], others[1], chunks[2], chunks[3]],
        ),
        (
            "not sealed as the last",
            vec![chunks[0], chunks[1], chunks[2], more[3]],
        ),
        (
            "a last one of another number",
            vec![chunks[0], chunks[1], chunks[2], more[4]],
        ),
        (
            "an empty one behind",
            vec![chunks[0], chunks[1], chunks[2], &[0; 16]],
        ),
    ];
    for (name, attack) in attacks {
        refused(open(&key, "a", &[header, &attack.concat()].concat()), name);
    }
    let whole_again = [header, &chunks.concat()].concat();
    assert_eq!(
        open(&key, "a", &whole_again).unwrap(),
        plaintext(3 * CHUNK_SIZE_BYTES + 100)
    );
    refused(open(&key, "b", &whole), "another place");
}

#[test]
fn a_file_cut_off_or_altered_anywhere() {
    let key = key();
    let sealed = seal(&key, "a", [1; 7], &plaintext(CHUNK_SIZE_BYTES + 50));
    let places = [
        0, 4, 5, 6, 21, 22, 28, 29, 1_000, 65_564, 65_580, 65_581, 65_640,
    ];
    for place in places {
        refused(open(&key, "a", &sealed[..place]), "cut off");
        let mut altered = sealed.clone();
        altered[place] ^= 0x80;
        refused(open(&key, "a", &altered), "altered");
    }
    let mut longer = sealed;
    longer.push(0);
    refused(open(&key, "a", &longer), "longer");
}

#[test]
fn what_does_not_open_hands_out_what_came_before_and_no_more() {
    let key = key();
    let mut sealed = seal(&key, "a", [1; 7], &plaintext(2 * CHUNK_SIZE_BYTES + 5));
    sealed[HEADER_LEN + SEALED_CHUNK_LEN + 10] ^= 1;
    let mut opener = ChunkOpener::new(Arc::clone(&key), b"a", Cursor::new(&sealed)).unwrap();
    let mut opened = Vec::new();
    assert!(opener.read_to_end(&mut opened).is_err());
    assert_eq!(opened, plaintext(CHUNK_SIZE_BYTES));
    // It stays so, and what lies behind can still be read.
    assert!(opener.read(&mut [0; 1]).is_err());
    let mut rest = Vec::new();
    opener.seek(SeekFrom::End(-5)).unwrap();
    opener.read_to_end(&mut rest).unwrap();
    assert_eq!(
        rest,
        plaintext(2 * CHUNK_SIZE_BYTES + 5)[2 * CHUNK_SIZE_BYTES..]
    );
}

#[test]
fn a_file_that_was_not_finished_does_not_open() {
    let key = key();
    let mut sealed = Vec::new();
    {
        let prefix = FilePrefix::from_bytes([1; 7]);
        let mut sealer = ChunkSealer::new(Arc::clone(&key), b"a", prefix, &mut sealed).unwrap();
        sealer
            .write_all(&plaintext(2 * CHUNK_SIZE_BYTES + 1))
            .unwrap();
        sealer.flush().unwrap();
    }
    assert_eq!(sealed.len(), HEADER_LEN + 2 * SEALED_CHUNK_LEN);
    refused(open(&key, "a", &sealed), "not finished");
}

/// Takes so many bytes and then has no room.
struct Full<'a>(&'a mut Vec<u8>, usize);

impl Write for Full<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let len = bytes.len().min(self.1 - self.0.len());
        if len == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_leaves_nothing_that_opens() {
    let key = key();
    let content = plaintext(2 * CHUNK_SIZE_BYTES + 9);
    let whole = seal(&key, "a", [1; 7], &content);
    for room in [0, 10, 29, 30, 65_580, 65_581, 100_000, whole.len() - 1] {
        let mut sealed = Vec::new();
        let prefix = FilePrefix::from_bytes([1; 7]);
        let disk = Full(&mut sealed, room);
        let written =
            ChunkSealer::new(Arc::clone(&key), b"a", prefix, disk).and_then(|mut sealer| {
                let written = sealer.write_all(&content);
                if written.is_err() {
                    // Room again would not make it whole.
                    assert!(sealer.write(&[1]).is_err());
                }
                sealer.finish().and(written)
            });
        assert!(written.is_err(), "{room}");
        refused(open(&key, "a", &sealed), "part of a file");
    }
}

#[test]
fn places_have_a_longest_name() {
    let key = key();
    let longest = "p".repeat(1024);
    let sealed = seal(&key, &longest, [1; 7], b"a");
    assert_eq!(open(&key, &longest, &sealed).unwrap(), b"a");
    let too_long = "p".repeat(1025);
    let prefix = FilePrefix::from_bytes([1; 7]);
    let sealer = ChunkSealer::new(Arc::clone(&key), too_long.as_bytes(), prefix, Vec::new());
    assert!(sealer.is_err());
    refused(open(&key, &too_long, &sealed), "too long");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// However it is written and from wherever it is read, it is what was written.
    #[test]
    fn written_and_read_in_any_pieces(
        len in 0_usize..200_000,
        pieces in prop::collection::vec(1_usize..90_000, 1..6),
        ranges in prop::collection::vec((0_u64..210_000, 0_usize..70_000), 1..8),
    ) {
        let (key, content) = (key(), plaintext(len));
        let prefix = FilePrefix::from_bytes([3; 7]);
        let mut sealer = ChunkSealer::new(Arc::clone(&key), b"a", prefix, Vec::new()).unwrap();
        let mut rest = content.as_slice();
        for piece in pieces.iter().cycle() {
            if rest.is_empty() { break }
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            sealer.write_all(now).unwrap();
            rest = later;
        }
        let sealed = sealer.finish().unwrap();
        prop_assert_eq!(&sealed, &seal(&key, "a", [3; 7], &content));
        let mut opener = ChunkOpener::new(key, b"a", Cursor::new(sealed)).unwrap();
        for (from, count) in ranges {
            opener.seek(SeekFrom::Start(from)).unwrap();
            let mut got = Vec::new();
            (&mut opener).take(count as u64).read_to_end(&mut got).unwrap();
            let from = usize::try_from(from).unwrap().min(len);
            prop_assert_eq!(&got, &content[from..len.min(from + count)]);
        }
    }
}
