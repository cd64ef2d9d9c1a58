//! Who proves to us who somebody is: the application's identity provider, which people log in with to their own pages.

use async_trait::async_trait;
use privet_seal::Zeroizing;

use crate::SubjectName;

/// The secrets of one login that a browser has begun. Each is random, and good for this login alone.
pub struct LoginAttempt {
    /// Comes back with the answer, so that nobody can slip another one's answer in (RFC 6749 section 10.12).
    pub state: Zeroizing<String>,
    /// Stands in the token, so that it was made for this login (OpenID Connect Core section 3.1.2.1).
    pub nonce: Zeroizing<String>,
    /// Redeems the code; only its digest is sent ahead (RFC 7636).
    pub verifier: Zeroizing<String>,
}

impl std::fmt::Debug for LoginAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginAttempt").finish_non_exhaustive()
    }
}

/// What the provider sent a browser back with.
#[derive(Clone, Copy)]
pub struct LoginProof<'a> {
    /// The code, which can be redeemed once.
    pub code: &'a str,
    /// Who says that it is theirs (RFC 9207); not every provider does.
    pub issuer: Option<&'a str>,
}

impl std::fmt::Debug for LoginProof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginProof").finish_non_exhaustive()
    }
}

/// Why somebody is not known after all. The texts are for the operator's log, and say nothing of the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// What was sent proves nobody.
    #[error("{0}")]
    Refused(String),
    /// The provider does not answer, or not as one.
    #[error("{0}")]
    Unavailable(String),
}

/// A provider of identities. Nothing that it does reveals anything: whoever it proves is looked up afterwards.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Its name, as the button says it that leads there.
    fn name(&self) -> &str;

    /// Where a browser is led to.
    async fn address(&self, attempt: &LoginAttempt) -> Result<String, IdentityError>;

    /// Who it is, as the application names them.
    async fn prove(
        &self,
        attempt: &LoginAttempt,
        proof: LoginProof<'_>,
    ) -> Result<SubjectName, IdentityError>;

    /// Where a browser is led that shall be logged out at the provider, too; `None` where it offers none, or is out of reach.
    async fn farewell(&self) -> Option<String>;
}
