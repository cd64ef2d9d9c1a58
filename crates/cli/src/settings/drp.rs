//! `[drp]`: agents that act for people by the Data Rights Protocol.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_api::{Agents, BusinessId, Drp};
use privet_classify::{DataMap, ValueType};
use privet_vault::PrincipalName;
use serde::Deserialize;

use crate::folder::{Folder, read_text};

/// Who we are in the protocol's directory, whom we trust, and by what people are found.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataRights {
    /// Our id in the directory of businesses.
    business: String,
    /// The directory of agents, a JSON file.
    agents: PathBuf,
    /// The field in which a mail address that an agent verified is looked up.
    email: Option<String>,
    /// The same for a telephone number.
    phone: Option<String>,
    /// The agents of the directory that are trusted, with the jobs that they are in `principals.toml`.
    principals: BTreeMap<String, PrincipalName>,
}

impl DataRights {
    /// Reads the directory, and checks everything against it and the data map.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub(crate) fn read(&self, folder: &Folder, map: &DataMap) -> Result<Drp> {
        let business = self.business.parse::<BusinessId>();
        let business = business.map_err(|error| anyhow!("`business` in [drp]: {error}"))?;
        let path = folder.join(&self.agents);
        let text = read_text(&path)?;
        let agents = Agents::parse(text.as_bytes())
            .with_context(|| format!("`{}` is no directory of agents", path.display()))?;
        if self.email.is_none() && self.phone.is_none() {
            bail!("[drp] needs `email`, `phone` or both: the fields by which people are found");
        }
        for (key, field, kind) in [
            ("email", &self.email, ValueType::Email),
            ("phone", &self.phone, ValueType::Phone),
        ] {
            let Some(name) = field else { continue };
            let field = map.field(name);
            let fits =
                field.is_some_and(|field| field.value_type == kind && field.lookup.is_some());
            if !fits {
                bail!(
                    "`{key}` in [drp] is `{name}`: it has to be a field of type `{key}` with a `lookup`"
                );
            }
        }
        let (email, phone) = (self.email.clone(), self.phone.clone());
        Drp::new(business, agents, self.principals.clone(), email, phone).map_err(|id| {
            anyhow!(
                "[drp.principals] names `{id}`: the directory has no such agent, or two share a job"
            )
        })
    }
}
