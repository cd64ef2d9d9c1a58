//! Spools in a folder of this server: a folder for each attempt.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use privet_vault::RequestRunId;
use privet_vault::port::{SpoolName, SpoolRead, Spools};

use crate::private::{make_folder, new_file, unless_missing};

/// A folder with spools: `<run>/<collection>`.
#[derive(Debug, Clone)]
pub struct FolderSpools {
    root: PathBuf,
}

impl FolderSpools {
    /// The folder, which is made if it is not there, for its owner alone. All that is in it was left by a server that was killed,
    /// and is deleted: the folder is one server's.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(root: &Path) -> io::Result<Self> {
        make_folder(root)?;
        for left in fs::read_dir(root)? {
            let left = left?.path();
            if left.is_dir() {
                fs::remove_dir_all(left)?;
            }
        }
        Ok(Self {
            root: root.to_owned(),
        })
    }

    fn folder(&self, run: RequestRunId) -> PathBuf {
        self.root.join(run.to_string())
    }

    fn path(&self, name: SpoolName) -> PathBuf {
        self.folder(name.run).join(name.collection.to_string())
    }
}

impl Spools for FolderSpools {
    fn create(&self, name: SpoolName) -> io::Result<Box<dyn Write + Send>> {
        make_folder(&self.folder(name.run))?;
        let path = self.path(name);
        new_file().open(&path)?;
        Ok(Box::new(Spool { path }))
    }

    fn open(&self, name: SpoolName) -> io::Result<Box<dyn SpoolRead>> {
        Ok(Box::new(File::open(self.path(name))?))
    }

    fn delete(&self, run: RequestRunId) -> io::Result<()> {
        unless_missing(fs::remove_dir_all(self.folder(run)))
    }
}

/// Opened for each write: a write is a chunk of 64 KiB, and a server may hold 1,024 files open, often no more.
struct Spool {
    path: PathBuf,
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
