//! Clients of object stores: S3, Google Cloud Storage, Azure, and services that speak as they do, made from an address and
//! options.
//!
//! ```
//! let options = [("aws_region".to_owned(), "eu-central-1".to_owned())];
//! assert!(privet_objects::open("s3://bucket/prefix", &options).is_ok());
//! assert!(privet_objects::open("ftp://host/a", &[]).is_err());
//! ```
//!
//! What it does not do: folders, and anything with what lies there. The network is not asked.

mod client;
mod error;

pub use client::{AUTHORITIES, files, is_bucket, open};
pub use error::{OpenError, Why};
