//! Reading a sealed file, in order or from anywhere.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{CHUNK_SIZE_BYTES, FileKey, HEADER_LEN, Header, SEALED_CHUNK_LEN, does_not_open};
use crate::OpenError;
use crate::primitive::TAG_LEN;

/// Opens a sealed file of any length: [`Read`] and [`Seek`] over its plaintext. One chunk is opened at a time, and none of
/// it is handed out before its tag was checked.
///
/// Whatever does not open is [`io::ErrorKind::InvalidData`] with an [`OpenError`] inside, which says nothing of the cause;
/// every other error is the reader's own. The chunk at hand is wiped on drop.
#[expect(missing_debug_implementations, reason = "it holds plaintext and a key")]
pub struct ChunkOpener<R: Read + Seek> {
    key: Arc<FileKey>,
    header: Header,
    bound_to: Box<[u8]>,
    input: R,
    size: Size,
    /// Where the next byte is read, in bytes of plaintext; may lie behind the end.
    position: u64,
    sealed: Vec<u8>,
    /// The chunk in `opened`, if there is one.
    at_hand: Option<u32>,
    opened: Zeroizing<Vec<u8>>,
}

/// What a sealed file's length says. Authentic as soon as the last chunk was opened as the last.
#[derive(Clone, Copy)]
struct Size {
    /// The number of the last chunk.
    last: u32,
    /// The length of the last chunk, sealed.
    last_len: usize,
    /// Bytes of plaintext in all.
    plaintext_bytes: u64,
}

impl<R: Read + Seek> ChunkOpener<R> {
    /// Reads the header and opens the last chunk, which says that nothing is missing at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if it does not open with this key as the file of this place, whatever the cause; those of
    /// `input`.
    pub fn new(key: Arc<FileKey>, place: &[u8], mut input: R) -> io::Result<Self> {
        let bound_to = key.bound_to(place).map_err(does_not_open)?;
        let length = input.seek(SeekFrom::End(0))?;
        input.seek(SeekFrom::Start(0))?;
        let mut beginning = [0; HEADER_LEN];
        fill(&mut input, &mut beginning)?;
        let header = Header::parse(&beginning).map_err(does_not_open)?;
        if header.key_id != key.key_id() {
            return Err(does_not_open(OpenError));
        }
        let size = Size::of(length).ok_or_else(|| does_not_open(OpenError))?;
        let mut opener = Self {
            key,
            header,
            bound_to,
            input,
            size,
            position: 0,
            sealed: Vec::with_capacity(SEALED_CHUNK_LEN),
            at_hand: None,
            opened: Zeroizing::new(Vec::with_capacity(CHUNK_SIZE_BYTES)),
        };
        opener.open_chunk(size.last)?;
        Ok(opener)
    }

    /// Bytes of plaintext in all.
    pub fn size_bytes(&self) -> u64 {
        self.size.plaintext_bytes
    }

    /// Brings a chunk to hand.
    fn open_chunk(&mut self, chunk: u32) -> io::Result<()> {
        if self.at_hand == Some(chunk) {
            return Ok(());
        }
        self.at_hand = None;
        let last = chunk == self.size.last;
        let len = if last {
            self.size.last_len
        } else {
            SEALED_CHUNK_LEN
        };
        let start = HEADER_LEN as u64 + u64::from(chunk) * SEALED_CHUNK_LEN as u64;
        self.input.seek(SeekFrom::Start(start))?;
        self.sealed.resize(len, 0);
        fill(&mut self.input, &mut self.sealed)?;
        let (ciphertext, tag) = self
            .sealed
            .split_last_chunk::<TAG_LEN>()
            .ok_or_else(|| does_not_open(OpenError))?;
        self.opened.resize(ciphertext.len(), 0);
        let nonce = self.header.nonce(chunk, last);
        self.key
            .aead
            .open(&nonce, &self.bound_to, ciphertext, tag, &mut self.opened)
            .map_err(does_not_open)?;
        self.at_hand = Some(chunk);
        Ok(())
    }
}

impl Size {
    /// Of a file with so many bytes. Only an empty file's last chunk is empty, so that there is one way to write each.
    fn of(file_bytes: u64) -> Option<Self> {
        let body = file_bytes.checked_sub(HEADER_LEN as u64)?;
        let chunks = body.div_ceil(SEALED_CHUNK_LEN as u64);
        let last = u32::try_from(chunks.checked_sub(1)?).ok()?;
        let before = u64::from(last) * SEALED_CHUNK_LEN as u64;
        let last_len = usize::try_from(body - before).ok()?;
        let is_empty = last_len == TAG_LEN;
        if last_len < TAG_LEN || (is_empty && last > 0) {
            return None;
        }
        Some(Self {
            last,
            last_len,
            plaintext_bytes: body - chunks * TAG_LEN as u64,
        })
    }
}

impl<R: Read + Seek> Read for ChunkOpener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.position >= self.size.plaintext_bytes {
            return Ok(0);
        }
        let chunk_size = CHUNK_SIZE_BYTES as u64;
        let chunk =
            u32::try_from(self.position / chunk_size).map_err(|_| does_not_open(OpenError))?;
        self.open_chunk(chunk)?;
        let within =
            usize::try_from(self.position % chunk_size).map_err(|_| does_not_open(OpenError))?;
        let len = self.opened.get(within..).unwrap_or_default().read(out)?;
        self.position += len as u64;
        Ok(len)
    }
}

impl<R: Read + Seek> Seek for ChunkOpener<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.plaintext_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a position before the beginning",
            )
        })?;
        Ok(self.position)
    }
}

/// Reads as many bytes as there is room for. A file that became shorter meanwhile does not open.
fn fill(input: &mut impl Read, out: &mut [u8]) -> io::Result<()> {
    input.read_exact(out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => does_not_open(OpenError),
        _ => error,
    })
}
