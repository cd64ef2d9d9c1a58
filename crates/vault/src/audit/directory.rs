//! An exported log as files: `checkpoint`, `tile/<level>/<number>[.p/<width>]` and `tile/entries/…`, as C2SP
//! tlog-tiles lays them out. The one place of the crate that touches files.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use privet_tlog::note::{NOTE_BYTES_MAX, VerifierKey};
use privet_tlog::{
    Checkpoint, ENTRY_BYTES_MAX, EntryBundle, HASH_BYTES, LogReader, TILE_WIDTH, TilePath,
    TileReader,
};

use super::check::CheckError;

const CHECKPOINT: &str = "checkpoint";

/// Largest file that can be a bundle; a larger one is not read into memory.
const FILE_BYTES_MAX: u64 = 256 * (ENTRY_BYTES_MAX as u64 + 2);

/// The files of one log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directory<'a> {
    root: &'a Path,
}

impl<'a> Directory<'a> {
    pub(crate) fn new(root: &'a Path) -> Self {
        Self { root }
    }

    /// The signed checkpoint; `None` if there is none yet.
    pub(crate) fn checkpoint_bytes(&self) -> Result<Option<Vec<u8>>, CheckError> {
        match read(&self.root.join(CHECKPOINT), NOTE_BYTES_MAX as u64) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ErrorKind::NotFound) => Ok(None),
            Err(kind) => Err(self.file_error(CHECKPOINT, kind)),
        }
    }

    /// The checkpoint, verified; `None` if there is none yet.
    pub(crate) fn checkpoint(
        &self,
        keys: &[VerifierKey],
    ) -> Result<Option<Checkpoint>, CheckError> {
        let Some(bytes) = self.checkpoint_bytes()? else {
            return Ok(None);
        };
        let opened = Checkpoint::open(&bytes, keys);
        opened
            .map(Some)
            .map_err(|error| CheckError::Checkpoint(error.to_string()))
    }

    pub(crate) fn no_checkpoint(&self) -> CheckError {
        self.file_error(CHECKPOINT, ErrorKind::NotFound)
    }

    pub(crate) fn read_error(&self, path: TilePath, kind: ErrorKind) -> CheckError {
        match kind {
            ErrorKind::NotFound => CheckError::Missing(path),
            kind => self.file_error(&path.to_string(), kind),
        }
    }

    pub(crate) fn file_error(&self, name: &str, kind: ErrorKind) -> CheckError {
        CheckError::File(self.root.join(name).display().to_string(), kind)
    }

    /// Writes a file so that a reader sees the whole of it or nothing.
    pub(crate) fn write(&self, path: &TilePath, bytes: &[u8]) -> Result<(), CheckError> {
        self.write_whole(&path.to_string(), bytes, false)
    }

    /// Writes the checkpoint, durably: it says that everything it commits to is there.
    pub(crate) fn write_checkpoint(&self, bytes: &[u8]) -> Result<(), CheckError> {
        self.write_whole(CHECKPOINT, bytes, true)
    }

    /// Removes a partial tile that a wider one has replaced; it may be gone already.
    pub(crate) fn remove(&self, path: &TilePath) -> Result<(), CheckError> {
        let name = path.to_string();
        let file = self.root.join(&name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(self.file_error(&name, error.kind()));
            }
            _ => {}
        }
        // Its folder only goes when it is empty; that it is not is no failure.
        if let Some(parent) = file.parent() {
            let _ = fs::remove_dir(parent);
        }
        Ok(())
    }

    fn write_whole(&self, name: &str, bytes: &[u8], durable: bool) -> Result<(), CheckError> {
        write_whole(&self.root.join(name), bytes, durable)
            .map_err(|error| self.file_error(name, error.kind()))
    }

    fn file(&self, path: TilePath) -> PathBuf {
        self.root.join(path.to_string())
    }

    /// The file of a partial tile or bundle, or of the full one that has replaced it.
    fn at_least(&self, path: TilePath) -> Result<Vec<u8>, ErrorKind> {
        match read(&self.file(path), FILE_BYTES_MAX) {
            Err(ErrorKind::NotFound) if !path.is_full() => read(
                &self.file(TilePath {
                    width: TILE_WIDTH,
                    ..path
                }),
                FILE_BYTES_MAX,
            ),
            bytes => bytes,
        }
    }
}

impl TileReader for Directory<'_> {
    type Error = ErrorKind;

    fn tile(&self, level: u8, n: u64, width: u16) -> Result<Vec<u8>, ErrorKind> {
        let path = TilePath::hashes(level, n, width);
        let wanted = usize::from(width) * HASH_BYTES;
        let mut bytes = self.at_least(path)?;
        // Of a full tile in the place of a partial one, the beginning is meant; any other length is a fault.
        if bytes.len() == usize::from(TILE_WIDTH) * HASH_BYTES {
            bytes.truncate(wanted);
        }
        Ok(bytes)
    }
}

impl LogReader for Directory<'_> {
    fn bundle(&self, n: u64, width: u16) -> Result<Vec<u8>, ErrorKind> {
        let mut bytes = self.at_least(TilePath::entries(n, width))?;
        let mut length = 0;
        for entry in EntryBundle::decode(&bytes).take(width.into()) {
            // Malformed bundles go to the one who asked as they are, and are reported there.
            let Ok(entry) = entry else { return Ok(bytes) };
            length += 2 + entry.len();
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ErrorKind> {
    let file = File::open(path).map_err(|error| error.kind())?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.kind())?;
    if bytes.len() as u64 > bytes_max {
        Err(ErrorKind::FileTooLarge)
    } else {
        Ok(bytes)
    }
}

fn write_whole(path: &Path, bytes: &[u8], durable: bool) -> std::io::Result<()> {
    let parent = path.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    if durable {
        file.sync_all()?;
    }
    fs::rename(&temporary, path)?;
    if durable {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
