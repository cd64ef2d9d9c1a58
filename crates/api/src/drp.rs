//! Which agents are trusted to act for people by the Data Rights Protocol, and by what the people are found.

use std::collections::BTreeMap;

use privet_drp::{Agent, Agents, BusinessId, Identity};
use privet_vault::PrincipalName;
use zeroize::Zeroizing;

/// Settings of the protocol.
#[derive(Clone)]
pub struct Drp {
    business: BusinessId,
    agents: Agents,
    principals: BTreeMap<String, PrincipalName>,
    email: Option<String>,
    phone: Option<String>,
}

impl std::fmt::Debug for Drp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drp")
            .field("principals", &self.principals)
            .finish_non_exhaustive()
    }
}

impl Drp {
    /// The agents of a directory that are trusted: those with a principal. `email` and `phone` are the fields in which
    /// what they verified is looked up.
    ///
    /// # Errors
    /// The id of an agent that the directory does not have, or that shares its principal with another one.
    pub fn new(
        business: BusinessId,
        agents: Agents,
        principals: BTreeMap<String, PrincipalName>,
        email: Option<String>,
        phone: Option<String>,
    ) -> Result<Self, String> {
        for (id, principal) in &principals {
            let shared = principals.values().filter(|other| *other == principal);
            if agents.get(id).is_none() || shared.count() > 1 {
                return Err(id.clone());
            }
        }
        Ok(Self {
            business,
            agents,
            principals,
            email,
            phone,
        })
    }

    pub(crate) fn business(&self) -> &BusinessId {
        &self.business
    }

    /// The agents that are trusted, with the principals that they are here.
    pub(crate) fn agents(&self) -> impl Iterator<Item = (&Agent, &PrincipalName)> {
        let agents = self.principals.iter();
        agents.filter_map(|(id, principal)| Some((self.agents.get(id)?, principal)))
    }

    pub(crate) fn trusted(&self, id: &str) -> Option<(&Agent, &PrincipalName)> {
        Some((self.agents.get(id)?, self.principals.get(id)?))
    }

    /// What a person is looked up by, and how the agent says that it knows them.
    pub(crate) fn claims(
        &self,
        agent: &Agent,
        identity: Identity,
    ) -> (Vec<(String, Zeroizing<String>)>, Zeroizing<String>) {
        let Identity {
            email,
            phone_number,
        } = identity;
        let mut verified = Vec::new();
        let mut claims = Vec::new();
        for (what, field, value) in [
            ("the mail address", &self.email, email),
            ("the telephone number", &self.phone, phone_number),
        ] {
            if let (Some(field), Some(value)) = (field, value) {
                verified.push(what);
                claims.push((field.clone(), value));
            }
        }
        let checked = format!(
            "Data Rights Protocol: the agent {} ({}) says that it has verified {}",
            agent.id(),
            agent.name(),
            verified.join(" and ")
        );
        (claims, Zeroizing::new(checked))
    }
}
