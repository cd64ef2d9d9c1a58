//! What can go wrong, in words that show neither addresses nor credentials: an object store's own messages may quote an address
//! with a signature in it.

use std::error::Error as _;
use std::io;

/// Why a client cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be used.
    #[error("the bucket's address is not understood: use `s3://`, `gs://` or `az://`")]
    Address,
    /// The client does not take what it is told.
    #[error(
        "the bucket's client does not take its settings: check credentials, account and authorities"
    )]
    Options,
    /// Something else.
    #[error("the bucket cannot be opened: {0}")]
    Unavailable(Why),
}

/// Why an object store failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// What was asked for is not there.
    NotFound,
    /// The credentials do not allow it.
    Denied,
    /// There are no credentials, or they are not accepted.
    Unauthenticated,
    /// The store is not able to do it at all.
    Unsupported,
    /// The local disk says so.
    Disk(io::ErrorKind),
    /// Everything else: the network, the service, a time limit.
    Failing,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotFound => "it is not there",
            Self::Denied => "its credentials do not allow that",
            Self::Unauthenticated => "it does not accept the credentials",
            Self::Unsupported => "it is not able to",
            Self::Failing => "it does not answer, or answers with an error",
            Self::Disk(kind) => return write!(f, "{kind}"),
        })
    }
}

impl Why {
    /// The kind of an object store's error.
    pub fn of(error: &object_store::Error) -> Self {
        use object_store::Error as E;
        match error {
            E::NotFound { .. } => Self::NotFound,
            E::PermissionDenied { .. } => Self::Denied,
            E::Unauthenticated { .. } => Self::Unauthenticated,
            E::NotSupported { .. } | E::NotImplemented { .. } => Self::Unsupported,
            other => {
                let mut source = other.source();
                while let Some(error) = source {
                    if let Some(error) = error.downcast_ref::<io::Error>() {
                        return Self::Disk(error.kind());
                    }
                    source = error.source();
                }
                Self::Failing
            }
        }
    }
}
