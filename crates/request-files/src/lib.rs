//! Where the files lie that people get who ask what is held of them, and the spools that they are made of: the vault's ports
//! to a folder of this server and to a bucket.
//!
//! The vault knows no file system and no bucket, and `store` is for rows. So this is a crate of its own, which sees sealed
//! bytes under random names and nothing else.
//!
//! ```
//! use privet_request_files::FolderFiles;
//! use privet_vault::port::{FileName, FileStore as _, NewFile as _};
//! use privet_vault::{RequestRunId, SubjectRequestId};
//!
//! # let folder = tempfile::tempdir()?;
//! # let run = async {
//! let files = FolderFiles::open(folder.path())?;
//! let name = FileName {
//!     request: SubjectRequestId::from_bytes([1; 16]),
//!     run: RequestRunId::from_bytes([2; 16]),
//! };
//! let mut file = files.begin(name).await?;
//! file.append(b"sealed").await?;
//! file.finish().await?;
//! assert_eq!(files.read(name, 0..4).await?, b"seal");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # };
//! # tokio::runtime::Runtime::new()?.block_on(run)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this crate does not do: seal or open, know who asked, or decide when a file ends.

mod bucket;
mod folder;
mod private;
mod spools;

pub use bucket::BucketFiles;
pub use folder::FolderFiles;
pub use spools::FolderSpools;
