//! The log's mirror: a copy of every log of an environment, in a folder (for the disk of a second machine) or in a bucket.
//!
//! ```
//! use privet_mirror::FolderMirror;
//!
//! // It has to be there: a disk that is not mounted must not be taken for an empty mirror.
//! assert!(FolderMirror::open("/nowhere".as_ref()).is_err());
//! ```
//!
//! A mirror has one folder an origin, of that [name](folder_name), which is a log as C2SP tlog-tiles lays one out: what reads an
//! exported log reads it. What is in there is the business of `privet-vault`, whose port this is.

mod bucket;
mod folder;
mod name;

pub use bucket::BucketMirror;
pub use folder::FolderMirror;
pub use name::folder_name;

/// What a checkpoint is called.
const CHECKPOINT: &str = "checkpoint";

/// Longest checkpoint that is read: a note has few lines.
const CHECKPOINT_BYTES_MAX: u64 = 64 * 1024;

/// Longest file that is read: a bundle of 256 entries of 64 KiB.
const FILE_BYTES_MAX: u64 = 256 * (2 + 64 * 1024);
