//! Where output goes: the standard output, or a file that appears under its name once it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

const BUFFER_BYTES: usize = 256 * 1024;
/// Of a file that anybody may read whom the process's mask leaves it to.
const MODE: u32 = 0o666;
/// Of a file about somebody.
const PRIVATE_MODE: u32 = 0o600;

/// Where output goes. A file that is not kept is removed.
pub(crate) struct Target {
    out: BufWriter<Out>,
    place: Option<Place>,
}

enum Out {
    Standard(StdoutLock<'static>),
    File(File),
}

/// A file under another name until it is complete.
struct Place {
    path: PathBuf,
    unfinished: PathBuf,
    kept: bool,
}

impl Target {
    /// Opens a file, or the standard output.
    ///
    /// # Errors
    /// If the file is there and `force` is not, if it is none, or if it cannot be made.
    pub(crate) fn open(path: Option<&Path>, force: bool) -> Result<Self> {
        Self::open_as(path, force, MODE)
    }

    /// The same for what is about somebody: nobody else on this machine may read the file.
    ///
    /// # Errors
    /// As [`Target::open`].
    pub(crate) fn open_private(path: Option<&Path>, force: bool) -> Result<Self> {
        Self::open_as(path, force, PRIVATE_MODE)
    }

    fn open_as(path: Option<&Path>, force: bool, mode: u32) -> Result<Self> {
        let Some(path) = path else {
            let out = Out::Standard(io::stdout().lock());
            return Ok(Self::new(out, None));
        };
        let shown = path.display();
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {
                bail!("`{shown}` is a folder: name a file in it with --out")
            }
            Ok(_) if !force => {
                bail!("`{shown}` is there already: name another file, or add --force")
            }
            Ok(found) if !found.is_file() => {
                bail!(
                    "`{shown}` is no ordinary file, so it is not replaced: leave --out away and redirect the output"
                )
            }
            _ => {}
        }
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        let made = made_anew(&unfinished, mode);
        let file = made.with_context(|| format!("cannot write `{}`", unfinished.display()))?;
        let place = Place {
            path: path.to_owned(),
            unfinished,
            kept: false,
        };
        Ok(Self::new(Out::File(file), Some(place)))
    }

    fn new(out: Out, place: Option<Place>) -> Self {
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        Self { out, place }
    }

    /// What it is, in words.
    pub(crate) fn shown(&self) -> String {
        match &self.place {
            None => "to the standard output".to_owned(),
            Some(place) => format!("`{}`", place.path.display()),
        }
    }

    /// Gives a complete file its name.
    pub(crate) fn keep(mut self) -> Result<()> {
        let done = self.out.flush().and_then(|()| {
            let (Out::File(file), Some(place)) = (self.out.get_ref(), &mut self.place) else {
                return Ok(());
            };
            file.sync_all()?;
            fs::rename(&place.unfinished, &place.path)?;
            place.kept = true;
            Ok(())
        });
        done.with_context(|| format!("cannot write {}", self.shown()))
    }
}

/// Makes a file. One that a killed run left behind is started over; nobody else has a file of that name.
fn made_anew(path: &Path, mode: u32) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true).mode(mode).open(path)
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept {
            // It is of no use; where it cannot be removed, its name says that it is not the file.
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}
