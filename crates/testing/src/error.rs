//! What can be wrong with a Privet for tests.

/// Why it did not start, or could not be asked.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// use privet_testing::{Error, TestPrivet};
///
/// let error = TestPrivet::start("[purposes]\nservice = 1").await.unwrap_err();
/// assert!(matches!(error, Error::Setting(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
