//! The folder of a journal: locked, and what an earlier process left in it taken up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use privet_seal::Entropy;

use super::segment::{self, Damage};
use super::{JournalError, Segment};

/// How names of files end.
const ENDING: &str = "journal";
/// Where the journal's own name stands.
const WRITER: &str = "writer";
/// What is locked.
const LOCK: &str = "lock";

/// An open folder. Nobody else opens it as long as this lives, however it ends.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    writer: String,
    _lock: File,
}

impl Folder {
    pub(super) fn open(path: &Path, entropy: &dyn Entropy) -> Result<Self, JournalError> {
        let disk = |source| JournalError::Disk {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(disk)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(disk)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(JournalError::InUse(path.to_owned()));
            }
            Err(fs::TryLockError::Error(source)) => return Err(disk(source)),
        }
        let writer = writer(path, entropy).map_err(disk)?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn writer(&self) -> &str {
        &self.writer
    }

    /// The files that are there, as closed ones, and the last position that was given. What a process that was killed wrote of its
    /// last frame is cut off: it was not acknowledged.
    pub(super) fn take_up(&self) -> Result<(Vec<Segment>, u64), JournalError> {
        let disk = |source| JournalError::Disk {
            path: self.path.clone(),
            source,
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(disk)? {
            let path = entry.map_err(disk)?.path();
            if let Some(first) = first_of(&path) {
                found.push((first, path));
            }
        }
        found.sort();
        let mut segments = Vec::new();
        let mut last_given = 0;
        let newest = found.last().map(|(first, _)| *first);
        for (first, path) in found {
            let (extent, is_whole) = segment::extent(&path).map_err(|damage| match damage {
                Damage::Version => JournalError::Version(path.clone()),
                Damage::Unreadable(source) => disk(source),
                Damage::At(_) => disk(io::ErrorKind::InvalidData.into()),
            })?;
            last_given = last_given.max(extent.last.unwrap_or(first.saturating_sub(1)));
            let Some(last) = extent.last else {
                if newest == Some(first) {
                    // Its name says where to go on; it is written anew.
                } else if is_whole {
                    self.remove(&path).map_err(disk)?;
                } else {
                    self.put_aside(&path).map_err(disk)?;
                    tracing::error!(
                        position = first,
                        "a file of the telemetry journal is damaged and was put aside"
                    );
                }
                continue;
            };
            if !is_whole && newest == Some(first) {
                cut(&path, extent.end).map_err(disk)?;
            }
            segments.push(Segment {
                bytes: fs::metadata(&path).map_err(disk)?.len(),
                path,
                first,
                last,
            });
        }
        Ok((segments, last_given))
    }

    /// A new file whose first frame will have that position.
    pub(super) fn create(&self, first: u64) -> io::Result<(PathBuf, File)> {
        let path = self.path.join(format!("{first:020}.{ENDING}"));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)?;
        file.write_all(segment::HEAD)?;
        file.sync_all()?;
        self.sync()?;
        Ok((path, file))
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            // Removed before, and the process ended then.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    pub(super) fn put_aside(&self, path: &Path) -> io::Result<PathBuf> {
        let aside = path.with_extension("damaged");
        fs::rename(path, &aside)?;
        self.sync()?;
        Ok(aside)
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// Makes a file as long as its good frames.
pub(super) fn cut(path: &Path, end: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end)?;
    file.sync_all()
}

/// The position in the name of a journal's file.
pub(crate) fn first_of(path: &Path) -> Option<u64> {
    if path.extension()? != ENDING {
        return None;
    }
    let digits = path.file_stem()?.to_str()?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// The journal's own name. A folder that was lost gets another one, so that its positions are not taken for those of before.
fn writer(path: &Path, entropy: &dyn Entropy) -> io::Result<String> {
    let file = path.join(WRITER);
    match fs::read_to_string(&file) {
        Ok(name) if name.trim().len() == 32 => return Ok(name.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let name = format!("{:032x}", u128::from_be_bytes(bytes));
    let staged = path.join("writer.new");
    let mut to = File::create(&staged)?;
    to.write_all(format!("{name}\n").as_bytes())?;
    to.sync_all()?;
    fs::rename(&staged, &file)?;
    File::open(path)?.sync_all()?;
    Ok(name)
}
