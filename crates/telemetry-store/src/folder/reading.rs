//! Reading parts of a file into buffers that are used again.
//!
//! Whoever asks a question reads tens of megabytes, a few hundred kilobytes at a time. In a new buffer for each, the system would
//! first fill every page with zeros, which takes as long as copying what is in its cache.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers that are kept; what two readers need that are one part ahead each.
const KEPT_MAX: usize = 16;
/// Larger buffers are not kept.
const KEPT_SIZE_BYTES_MAX: usize = 4 << 20;

/// Buffers that nobody uses.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// The parts of the file, each whole.
    pub(super) fn read(
        self: &Arc<Self>,
        path: &Path,
        ranges: &[Range<u64>],
    ) -> io::Result<Vec<Bytes>> {
        let file = File::open(path)?;
        let part = |range: &Range<u64>| {
            let size_bytes = range.end.checked_sub(range.start);
            let size_bytes = size_bytes.and_then(|size| usize::try_from(size).ok());
            let mut part = self.lend(size_bytes.ok_or(io::ErrorKind::InvalidInput)?);
            file.read_exact_at(part.bytes_mut(), range.start)?;
            Ok(Bytes::from_owner(part))
        };
        ranges.iter().map(part).collect()
    }

    /// The smallest buffer that is large enough, or else the largest, which grows.
    fn lend(self: &Arc<Self>, size_bytes: usize) -> Lent {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |buffer: &Vec<u8>| match buffer.len() >= size_bytes {
            true => (0, buffer.len()),
            false => (1, usize::MAX - buffer.len()),
        };
        let best = (0..kept.len()).min_by_key(|at| kept.get(*at).map(place));
        let mut buffer = best.map(|at| kept.swap_remove(at)).unwrap_or_default();
        drop(kept);
        if buffer.len() < size_bytes {
            buffer.resize(size_bytes, 0);
        }
        Lent {
            buffer,
            size_bytes,
            from: Arc::clone(self),
        }
    }
}

/// A buffer that is given back when nobody reads it any more.
struct Lent {
    buffer: Vec<u8>,
    /// The bytes that count; what lies behind them is of an earlier part.
    size_bytes: usize,
    from: Arc<Buffers>,
}

impl Lent {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.size_bytes).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.size_bytes).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.buffer.len() > KEPT_SIZE_BYTES_MAX {
            return;
        }
        let mut kept = self.from.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Parts hold what the file does, whatever was in their buffers, and as long as they are held.
    #[test]
    fn parts_are_those_of_the_file() {
        let bytes: Vec<u8> = (0..50_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let buffers = Arc::new(Buffers::default());
        let mut held = Vec::new();
        for round in 0..200_u64 {
            let start = round * 37 % 40_000;
            let ranges = [start..start + round * 41, 0..round, 7..7];
            let parts = buffers.read(file.path(), &ranges).unwrap();
            held.push((ranges, parts));
            if round.is_multiple_of(3) {
                held.swap_remove(0);
            }
            for (ranges, parts) in &held {
                assert_eq!(ranges.len(), parts.len());
                for (range, part) in ranges.iter().zip(parts) {
                    let range = range.start as usize..range.end as usize;
                    assert_eq!(*part, bytes[range]);
                }
            }
        }
        drop(held);
        assert_eq!(buffers.0.lock().unwrap().len(), KEPT_MAX);
    }

    #[test]
    fn what_is_not_there_is_no_part() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let buffers = Arc::new(Buffers::default());
        for range in [0..1, Range { start: 5, end: 3 }] {
            assert!(buffers.read(file.path(), &[range]).is_err());
        }
        let gone = file.path().with_extension("gone");
        let error = buffers.read(&gone, &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
