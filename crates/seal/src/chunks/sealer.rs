//! Writing a sealed file.

use std::io::{self, Write};
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::{CHUNK_SIZE_BYTES, FileKey, FilePrefix, Header, SEALED_CHUNK_LEN, does_not_open};
use crate::Nonce;
use crate::primitive::TAG_LEN;

/// Seals what is written into chunks of [`CHUNK_SIZE_BYTES`]. A file is whole only after
/// [`finish`](ChunkSealer::finish): dropped before that, it does not open.
///
/// Plaintext lies in one buffer, which is wiped on drop.
#[expect(missing_debug_implementations, reason = "it holds plaintext and a key")]
pub struct ChunkSealer<W: Write> {
    key: Arc<FileKey>,
    header: Header,
    bound_to: Box<[u8]>,
    out: W,
    /// Plaintext that is not sealed yet, at most one chunk: whether a chunk is the last is known when more follows.
    pending: Zeroizing<Vec<u8>>,
    /// The number of the next chunk; `None`: there were as many as there may be, or writing failed, and no more follow.
    next: Option<u32>,
}

impl<W: Write> ChunkSealer<W> {
    /// Begins a file and writes its header. `place` says which file this is (at most 1,024 bytes): it opens only where the
    /// same is said.
    ///
    /// # Errors
    /// Those of `out`; [`io::ErrorKind::InvalidData`] if the place's name is too long.
    pub fn new(
        key: Arc<FileKey>,
        place: &[u8],
        prefix: FilePrefix,
        mut out: W,
    ) -> io::Result<Self> {
        let bound_to = key.bound_to(place).map_err(does_not_open)?;
        let header = Header {
            key_id: key.key_id(),
            prefix: prefix.0,
        };
        out.write_all(&header.encode())?;
        Ok(Self {
            key,
            header,
            bound_to,
            out,
            // All the room at once: growing, or encrypting in place into a longer buffer, would leave plaintext behind.
            pending: Zeroizing::new(Vec::with_capacity(SEALED_CHUNK_LEN)),
            next: Some(0),
        })
    }

    /// Seals the last chunk and hands back what was written to, flushed.
    ///
    /// # Errors
    /// Those of the writer; also when writing failed before: the file is not whole.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal_pending(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Seals the plaintext at hand as the next chunk. Encrypts in place, so that the buffer holds ciphertext afterwards.
    fn seal_pending(&mut self, last: bool) -> io::Result<()> {
        // Taken, so that an error below leaves a file that nobody takes for whole.
        let chunk = self.next.take().ok_or_else(cannot_go_on)?;
        let nonce = self.header.nonce(chunk, last);
        let mut tag = [0; TAG_LEN];
        let sealed = self.key.aead.seal(
            Nonce::from_bytes(nonce),
            &self.bound_to,
            &mut self.pending,
            &mut tag,
        );
        if let Err(error) = sealed {
            self.pending.zeroize();
            return Err(does_not_open(error));
        }
        self.pending.extend_from_slice(&tag);
        let written = self.out.write_all(&self.pending);
        self.pending.clear();
        written?;
        self.next = chunk.checked_add(1);
        Ok(())
    }
}

impl<W: Write> Write for ChunkSealer<W> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        if plaintext.is_empty() {
            return Ok(0);
        }
        if self.pending.len() == CHUNK_SIZE_BYTES {
            self.seal_pending(false)?;
        }
        if self.next.is_none() {
            return Err(cannot_go_on());
        }
        let room = CHUNK_SIZE_BYTES - self.pending.len();
        let taken = plaintext.get(..room).unwrap_or(plaintext);
        self.pending.extend_from_slice(taken);
        Ok(taken.len())
    }

    /// Passes on whole chunks; what is less than one stays until more follows, or the end.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn cannot_go_on() -> io::Error {
    io::Error::other("a sealed file that failed, or is as long as one can be, takes no more")
}
