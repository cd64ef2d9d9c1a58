//! An agent asks for the token that its later requests bear (section 2.05).

use crate::claims::Claims;
use crate::message::Signed;
use crate::{Expected, Refusal};

/// A request for a token that was signed by the agent of the path, for us, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySetup(());

impl KeySetup {
    /// Reads and checks one. `expected.agent` is the one that the path names.
    ///
    /// # Errors
    /// [`Refusal`], the first that holds.
    pub fn read(body: &[u8], expected: &Expected<'_>) -> Result<Self, Refusal> {
        let signed = Signed::open(body, expected.agent)?;
        Claims::check(signed.bytes(), expected)?;
        Ok(Self(()))
    }
}
