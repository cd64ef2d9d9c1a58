//! What can be wrong with a Privet for tests.

/// Why it did not start, or could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data map, the policies or the principals are wrong; the text says where.
    #[error("{0}")]
    Setting(String),
    /// The monitor refused.
    #[error(transparent)]
    Vault(#[from] privet_vault::Error),
    /// The client could not be made.
    #[error(transparent)]
    Client(#[from] privet::Error),
}

impl Error {
    pub(crate) fn setting(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::Setting(format!("{what}: {error}"))
    }
}
