//! A copy as the person opens it, and files and spools that fail when a test wants it.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use privet_request_files::{FolderFiles, FolderSpools};
use privet_vault::port::{
    FileError, FileName, FileStore, NewFile, SpoolName, SpoolRead, Spools, TelemetryEvents,
};
use privet_vault::subject_request::{CopyParts, FileRange, Language};
use privet_vault::{Caller, Error, RequestRunId, SubjectRequestId, Vault};
use serde_json::Value as Json;
use tempfile::TempDir;

/// In whose name people get copies; it goes before a data map.
pub(crate) const CONTROLLER: &str =
    "[controller]\nname = \"Example Ltd\"\ncontact = \"privacy@shop.example\"\n";

/// What is in the ZIP, below its folder.
pub(crate) struct Copy {
    pub(crate) bytes: Vec<u8>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Copy {
    /// Opens a ZIP, which checks the checksum of each file in it.
    pub(crate) fn open(bytes: Vec<u8>) -> Self {
        let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let mut files = BTreeMap::new();
        for at in 0..zip.len() {
            let mut entry = zip.by_index(at).unwrap();
            let name = entry.name().unwrap().into_owned();
            let (_, name) = name.split_once('/').unwrap();
            let name = name.to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(files.insert(name, content).is_none());
        }
        Self { bytes, files }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        let content = self.files.get(name);
        std::str::from_utf8(content.unwrap_or_else(|| panic!("no `{name}` in the copy"))).unwrap()
    }

    /// The rows of a collection; none if there is no such collection.
    pub(crate) fn rows(&self, collection: &str) -> Vec<Json> {
        let name = format!("data/{collection}.jsonl");
        let Some(content) = self.files.get(&name) else {
            return Vec::new();
        };
        let lines = std::str::from_utf8(content).unwrap().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The names of all collections.
    pub(crate) fn collections(&self) -> Vec<&str> {
        let names = self.files.keys();
        names
            .filter_map(|name| name.strip_prefix("data/")?.strip_suffix(".jsonl"))
            .collect()
    }

    /// Whether a text is in any file of it.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.files.values().any(|content| {
            content
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
    }
}

/// Some bytes of a request's file.
pub(crate) async fn part(
    vault: &Vault,
    caller: &Caller,
    request: SubjectRequestId,
    range: FileRange,
) -> Result<Vec<u8>, Error> {
    let mut reading = vault.request_file(caller, request, range).await?;
    let mut bytes = Vec::new();
    while let Some(part) = reading.next().await? {
        bytes.extend_from_slice(&part);
    }
    let (start, end) = reading.range();
    assert_eq!(bytes.len() as u64, end - start);
    Ok(bytes)
}

/// A request's file, opened.
pub(crate) async fn copy(vault: &Vault, caller: &Caller, request: SubjectRequestId) -> Copy {
    let bytes = part(vault, caller, request, FileRange::Whole).await;
    Copy::open(bytes.unwrap())
}

/// Files and spools in a folder, of which one call may fail.
pub(crate) struct Places {
    pub(crate) dir: TempDir,
    pub(crate) files: Arc<FailingFiles>,
    pub(crate) spools: Arc<FailingSpools>,
    pub(crate) faults: Arc<Faults>,
}

impl Places {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::default());
        let files = FailingFiles {
            files: FolderFiles::open(&dir.path().join("requests")).unwrap(),
            faults: Arc::clone(&faults),
        };
        let spools = FailingSpools {
            spools: FolderSpools::open(&dir.path().join("spools")).unwrap(),
            faults: Arc::clone(&faults),
        };
        Self {
            dir,
            files: Arc::new(files),
            spools: Arc::new(spools),
            faults,
        }
    }

    /// For a vault; several may share them.
    pub(crate) fn parts(&self, telemetry: Option<Arc<dyn TelemetryEvents>>) -> CopyParts {
        CopyParts {
            files: self.files.clone(),
            spools: self.spools.clone(),
            telemetry,
            language: Language::English,
        }
    }

    /// How many spools lie there.
    pub(crate) fn spools_left(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("spools"))
            .unwrap()
            .count()
    }

    /// Whether any file or spool holds this text.
    pub(crate) fn hold(&self, text: &str) -> bool {
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(path).unwrap();
                let mut windows = bytes.windows(text.len());
                if windows.any(|window| window == text.as_bytes()) {
                    return true;
                }
            }
        }
        false
    }
}

/// Which call fails.
#[derive(Default)]
pub(crate) struct Faults {
    /// Calls until one fails; 0: none does.
    left: AtomicU64,
    /// Whether one has failed.
    failed: AtomicU64,
}

impl Faults {
    /// The call of this number from now on fails, from 1.
    pub(crate) fn fail(&self, number: u64) {
        self.left.store(number, Ordering::SeqCst);
        self.failed.store(0, Ordering::SeqCst);
    }

    /// Whether it did; none fails from now on.
    pub(crate) fn end(&self) -> bool {
        self.left.store(0, Ordering::SeqCst);
        self.failed.swap(0, Ordering::SeqCst) > 0
    }

    fn is_now(&self) -> bool {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        let now = left == Ok(1);
        if now {
            self.failed.store(1, Ordering::SeqCst);
        }
        now
    }

    fn file(&self) -> Result<(), FileError> {
        match self.is_now() {
            true => Err(FileError::Unavailable("a test says so".to_owned())),
            false => Ok(()),
        }
    }

    fn disk(&self) -> io::Result<()> {
        match self.is_now() {
            true => Err(io::Error::other("a test says so")),
            false => Ok(()),
        }
    }
}

pub(crate) struct FailingFiles {
    files: FolderFiles,
    faults: Arc<Faults>,
}

#[async_trait]
impl FileStore for FailingFiles {
    async fn begin(&self, name: FileName) -> Result<Box<dyn NewFile>, FileError> {
        self.faults.file()?;
        Ok(Box::new(FailingFile {
            file: self.files.begin(name).await?,
            faults: Arc::clone(&self.faults),
        }))
    }

    async fn size_bytes(&self, name: FileName) -> Result<u64, FileError> {
        self.faults.file()?;
        self.files.size_bytes(name).await
    }

    async fn read(&self, name: FileName, range: Range<u64>) -> Result<Vec<u8>, FileError> {
        self.faults.file()?;
        self.files.read(name, range).await
    }

    async fn delete(&self, name: FileName) -> Result<(), FileError> {
        self.faults.file()?;
        self.files.delete(name).await
    }

    async fn list(&self) -> Result<Vec<FileName>, FileError> {
        self.faults.file()?;
        self.files.list().await
    }
}

struct FailingFile {
    file: Box<dyn NewFile>,
    faults: Arc<Faults>,
}

#[async_trait]
impl NewFile for FailingFile {
    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.faults.file()?;
        self.file.append(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<(), FileError> {
        // A service may have done it and not said so.
        self.file.finish().await?;
        self.faults.file()
    }

    async fn abandon(self: Box<Self>) {
        self.file.abandon().await;
    }
}

pub(crate) struct FailingSpools {
    spools: FolderSpools,
    faults: Arc<Faults>,
}

impl Spools for FailingSpools {
    fn create(&self, name: SpoolName) -> io::Result<Box<dyn Write + Send>> {
        self.faults.disk()?;
        Ok(Box::new(FailingSpool {
            spool: self.spools.create(name)?,
            faults: Arc::clone(&self.faults),
        }))
    }

    fn open(&self, name: SpoolName) -> io::Result<Box<dyn SpoolRead>> {
        self.faults.disk()?;
        self.spools.open(name)
    }

    fn delete(&self, run: RequestRunId) -> io::Result<()> {
        self.faults.disk()?;
        self.spools.delete(run)
    }
}

struct FailingSpool {
    spool: Box<dyn Write + Send>,
    faults: Arc<Faults>,
}

impl Write for FailingSpool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.faults.disk()?;
        self.spool.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spool.flush()
    }
}
