//! Who looked at what, as the audit log has it.

use std::collections::BTreeSet;

use privet_vault::audit::Entry;
use privet_vault::{LogDetail, ReadEntry};

use crate::test_privet::READER;
use crate::{Error, TestPrivet};

/// One look at personal data: a call that revealed or opened values, or looked somebody up. Refused ones are looks as well: their
/// kind ends in `.denied`.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let map = "[purposes]\nservice = { basis = \"contract\" }";
/// # let privet = privet_testing::TestPrivet::start(map).await?;
/// // A page of the catalog looks at nobody.
/// let before = privet.looks().await?.len();
/// // … the page is asked for …
/// assert_eq!(privet.looks().await?.len(), before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// What was done: the entry's type, such as `reveal` (`docs/formats/audit-entries.md`).
    pub kind: String,
    /// Who.
    pub principal: String,
    /// What for.
    pub purpose: String,
    /// Which fields, by name, each once, sorted; none of a refused look.
    pub fields: Vec<String>,
    /// Of how many subjects; none of a refused look.
    pub subjects: usize,
}

/// What a look's kind begins with.
const KINDS: [&str; 3] = ["reveal", "open", "lookup"];

impl TestPrivet {
    /// Every look so far, in order. A test states with it what a part of an application may see, and for which purpose.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// let privet = privet_testing::TestPrivet::start(map).await?;
    /// assert!(privet.looks().await?.iter().all(|look| look.purpose == "service"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Vault`] when the log cannot be read.
    pub async fn looks(&self) -> Result<Vec<Look>, Error> {
        let auditor = self.caller(READER).await?;
        let mut looks = Vec::new();
        let mut first = 0;
        loop {
            let page = self
                .vault
                .log_entries(&auditor, Some(first), 1_000, LogDetail::Opened);
            let page = page.await?;
            let Some(last) = page.entries.last() else {
                return Ok(looks);
            };
            first = last.index + 1;
            for entry in &page.entries {
                looks.extend(look(entry)?);
            }
        }
    }
}

fn look(read: &ReadEntry) -> Result<Option<Look>, Error> {
    let entry = Entry::parse(&read.bytes)?;
    let begins = entry.t.split('.').next().unwrap_or_default();
    if !KINDS.contains(&begins) {
        return Ok(None);
    }
    let details = read.details.as_ref();
    let subjects = details.and_then(|details| details.get("subjects")?.as_array());
    let subjects = subjects.map(Vec::as_slice).unwrap_or_default();
    let fields = subjects
        .iter()
        .filter_map(|subject| subject.get("fields")?.as_array());
    let fields: BTreeSet<&str> = fields.flatten().filter_map(|name| name.as_str()).collect();
    Ok(Some(Look {
        kind: entry.t,
        principal: entry.actor.name.unwrap_or_default(),
        purpose: entry.purpose.unwrap_or_default(),
        fields: fields.into_iter().map(str::to_owned).collect(),
        subjects: subjects.len(),
    }))
}
