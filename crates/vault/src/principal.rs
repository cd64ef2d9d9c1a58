//! Who acts.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{PrincipalName, TokenId};

/// What sort of principal acts; policies tell them apart.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person of the staff.
    Person,
    /// Another program, under its own identity.
    Job,
    /// The person whom the data is about.
    Subject,
}

impl PrincipalKind {
    /// `person`, `job`, `subject`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Job => "job",
            Self::Subject => "subject",
        }
    }
}

/// A principal with its groups, as the environment's bundle lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name that policies, tokens and the audit log use.
    pub name: PrincipalName,
    /// Person, job or subject.
    pub kind: PrincipalKind,
    /// Groups such as `on-call`, `auditors`, `operators`, `pii-jobs`.
    pub groups: BTreeSet<String>,
}

/// An authenticated principal on one connection: the only key to the monitor's methods. Only
/// the vault makes one.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) principal: Principal,
    pub(crate) token: TokenId,
    pub(crate) expires_at: Timestamp,
    pub(crate) address: String,
}

impl Caller {
    /// Who acts.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The token that proved it.
    pub fn token(&self) -> TokenId {
        self.token
    }

    /// The client's network address, without port; personal, so it goes to side records alone.
    pub fn address(&self) -> &str {
        &self.address
    }
}
