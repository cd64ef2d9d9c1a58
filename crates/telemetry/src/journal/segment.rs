//! One file: its first line, and frames.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

use crate::record::Batch;
use prost::Message as _;

/// The first line of every file; the number is the format's version.
pub(super) const HEAD: &[u8] = b"privet telemetry journal 1\n";
/// What the first line begins with in every version.
const HEAD_START: &[u8] = b"privet telemetry journal ";
/// Length, checksum and position in front of each payload.
pub(super) const FRAME_HEAD_BYTES: usize = 16;
/// Longest payload. A treated request is not longer than what it was made of, but for the names in it.
const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The system cannot read it.
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    /// It is of a later version.
    #[error("it was written by a later version")]
    Version,
    /// From this byte on it is not what was written.
    #[error("it is damaged from byte {0} on")]
    At(u64),
}

/// Appends a frame to `to`.
pub(super) fn frame(position: u64, payload: &[u8], to: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(&checksum(position, payload).to_be_bytes());
    to.extend_from_slice(&position.to_be_bytes());
    to.extend_from_slice(payload);
}

/// The longest payload that a frame holds.
pub(super) fn fits(payload: &[u8]) -> bool {
    payload.len() <= PAYLOAD_BYTES_MAX
}

/// CRC-32 (IEEE 802.3) over position and payload: what the disk lost is found, not what somebody changed.
fn checksum(position: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&position.to_be_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// The frames of a file, and how far they go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// The last frame's position, if there is a frame.
    pub(super) last: Option<u64>,
    /// The byte behind the last good frame.
    pub(super) end: u64,
}

/// Reads a file frame by frame, and gives each batch behind position `behind` to `take`, with its position. What `take` answers ends it.
///
/// # Errors
/// [`Damage`]; the frames before it were given.
pub(crate) fn read_behind<E>(
    path: &Path,
    behind: u64,
    mut take: impl FnMut(u64, Batch) -> Result<(), E>,
) -> Result<Result<(), E>, Damage> {
    let mut ended = Ok(());
    let extent = frames(path, &mut |position, payload| {
        if position <= behind {
            return true;
        }
        match Batch::decode(payload) {
            Ok(batch) => {
                ended = take(position, batch);
                ended.is_ok()
            }
            Err(_) => false,
        }
    })?;
    match extent {
        _ if ended.is_err() => Ok(ended),
        (_, true) => Ok(Ok(())),
        (extent, false) => Err(Damage::At(extent.end)),
    }
}

/// How far the good frames of a file go, and whether that is its end.
///
/// # Errors
/// [`Damage::Unreadable`] and [`Damage::Version`]
pub(super) fn extent(path: &Path) -> Result<(Extent, bool), Damage> {
    frames(path, &mut |_, _| true)
}

fn frames(path: &Path, take: &mut dyn FnMut(u64, &[u8]) -> bool) -> Result<(Extent, bool), Damage> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut head = [0; HEAD.len()];
    let got = fill(&mut file, &mut head)?;
    if got < HEAD.len() || head != HEAD {
        // A file whose first line was not written to its end holds nothing that was acknowledged.
        return match head.starts_with(HEAD_START) && got == HEAD.len() {
            true => Err(Damage::Version),
            false => Ok((Extent::default(), got == 0)),
        };
    }
    let mut extent = Extent {
        last: None,
        end: u64::try_from(HEAD.len()).unwrap_or_default(),
    };
    let mut payload = Vec::new();
    loop {
        let mut head = [0; FRAME_HEAD_BYTES];
        match fill(&mut file, &mut head)? {
            0 => return Ok((extent, true)),
            FRAME_HEAD_BYTES => {}
            _ => return Ok((extent, false)),
        }
        let [a, b, c, d, e, f, g, h, position @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let position = u64::from_be_bytes(position);
        let follows = extent.last.is_none_or(|last| position == last + 1);
        if length > PAYLOAD_BYTES_MAX || !follows {
            return Ok((extent, false));
        }
        payload.clear();
        // A length that is wrong must not take that much memory at once.
        let read = (&mut file)
            .take(u64::try_from(length).unwrap_or(u64::MAX))
            .read_to_end(&mut payload)?;
        let stated = u32::from_be_bytes([e, f, g, h]);
        if read != length || stated != checksum(position, &payload) || !take(position, &payload) {
            return Ok((extent, false));
        }
        extent.last = Some(position);
        extent.end += u64::try_from(FRAME_HEAD_BYTES + length).unwrap_or_default();
    }
}

fn fill(file: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
