//! Who looked at a person's data, as they are shown it: of each entry of the log that names them, their own leaf and what the
//! entry says to everybody. Of whom of the staff it was they learn the role; who that was is for auditors to know.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use jiff::Timestamp;
use privet_tlog::ProofBundle;

use super::Me;
use super::walk::{Opened, Walk};
use crate::audit::{Entry, EntryKind, SubjectUse};
use crate::policy::Action;
use crate::vault::hex;
use crate::{Error, Form, Result, Vault};

/// Looks on one page.
const LOOKS_MAX: usize = 25;
/// Entries that are gone through for one page; of a busy log, a page may hold few looks, or none.
const WALKED_MAX: usize = 20_000;
/// Bytes of a log's short name.
const LOG_BYTES: usize = 8;

/// Who it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looker {
    /// A program, by its name.
    Job(String),
    /// A person of the staff, by the groups that policy knows them in; none for somebody who is no longer there.
    Staff(Vec<String>),
}

/// One look.
#[derive(Debug, Clone)]
pub struct Look {
    /// The short name of the log that holds it.
    pub log: String,
    /// Where in that log.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// What was done; `None` for what only a newer version knows.
    pub what: Option<EntryKind>,
    /// Who did it.
    pub who: Looker,
    /// For which purpose, where one was stated.
    pub purpose: Option<String>,
    /// A code that says why, where there is one.
    pub reason: Option<String>,
    /// In which form values were shown.
    pub form: Option<Form>,
    /// Which fields.
    pub fields: Vec<String>,
    /// Whether it rests on a grant: somebody of the staff, for a short while, on evidence that the person agreed.
    pub under_grant: bool,
}

/// A page of looks.
#[derive(Debug, Clone)]
pub struct LookPage {
    /// Newest first.
    pub looks: Vec<Look>,
    /// What the next page is asked with; `None` at the end of the log.
    pub before: Option<String>,
    /// How far back this page went, where that was not to the end.
    pub back_to: Option<Timestamp>,
    /// Looks are shown from this age on.
    pub shown_after: jiff::SignedDuration,
}

/// An entry that names the person, with what its side record says of them.
pub(super) struct Own {
    pub(super) origin: String,
    pub(super) index: u64,
    pub(super) entry: Entry,
    pub(super) leaf: crate::audit::SubjectProof,
}

impl Me {
    /// Who looked, newest first: from where a former page ended, or from now. That the person looked is on record itself.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::Invalid`] with code `before` for what no page ended with.
    pub async fn looks(&self, before: Option<&str>) -> Result<LookPage> {
        self.reading_looks().await?;
        let until = self.shown_until();
        let mut walk = Walk::start(&self.vault, before).await?;
        let mut opened = Opened::new(&self.vault);
        let (mut looks, mut walked, mut back_to) = (Vec::new(), 0, None);
        while looks.len() < LOOKS_MAX && walked < WALKED_MAX {
            let Some((origin, index, entry)) = walk.next().await? else {
                back_to = None;
                break;
            };
            walked += 1;
            back_to = Some(entry.ts);
            if entry.ts > until || !is_look(&entry) {
                continue;
            }
            if let Some(own) = self.own_part(&mut opened, origin, index, entry).await? {
                looks.push(self.shown(&own));
            }
        }
        Ok(LookPage {
            looks,
            before: back_to.and_then(|_| walk.cursor()),
            back_to,
            shown_after: self.looks_after(),
        })
    }

    /// One look.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an entry that is not a look at this person's data, or is not shown yet.
    pub async fn look(&self, log: &str, index: u64) -> Result<Look> {
        self.reading_looks().await?;
        let own = self.own_look(log, index).await?;
        Ok(self.shown(&own))
    }

    /// The look's entry with the proof that the log holds it (`docs/formats/proof-bundles.md`).
    ///
    /// # Errors
    /// As [`Me::look`].
    pub async fn look_proof(&self, log: &str, index: u64) -> Result<Vec<u8>> {
        self.reading_looks().await?;
        let own = self.own_look(log, index).await?;
        let audit = &self.vault.inner.audit;
        let indexes = BTreeSet::from([own.index]);
        let logs = vec![audit.bundled(&own.origin, &indexes).await?];
        Ok(ProofBundle { logs }.render())
    }

    /// The leaf that ties the look's entry to this person, as JSON (`docs/formats/audit-entries.md`, Subjects).
    ///
    /// # Errors
    /// As [`Me::look`].
    pub async fn look_leaf(&self, log: &str, index: u64) -> Result<Vec<u8>> {
        self.reading_looks().await?;
        let own = self.own_look(log, index).await?;
        serde_json::to_vec(&own.leaf).map_err(|_| Error::Internal("a leaf cannot be JSON"))
    }

    /// The entry, if it is a look at this person's data that may be shown.
    pub(super) async fn own_look(&self, log: &str, index: u64) -> Result<Own> {
        let missing = || Error::NotFound("look");
        let audit = &self.vault.inner.audit;
        let mut origins = audit.other_origins().await?;
        origins.push(audit.origin().to_owned());
        let origin = origins.into_iter().find(|origin| short_name(origin) == log);
        let origin = origin.ok_or_else(missing)?;
        let bytes = audit.entry_of(&origin, index).await?.ok_or_else(missing)?;
        let entry = Entry::parse(&bytes)?;
        if entry.ts > self.shown_until() || !is_look(&entry) {
            return Err(missing());
        }
        let mut opened = Opened::new(&self.vault);
        let own = self.own_part(&mut opened, origin, index, entry).await?;
        own.ok_or_else(missing)
    }

    async fn own_part(
        &self,
        opened: &mut Opened<'_>,
        origin: String,
        index: u64,
        entry: Entry,
    ) -> Result<Option<Own>> {
        let side = opened.side(&entry).await?;
        let leaf = side.and_then(|side| side.subject_proof(self.open.row.reference));
        Ok(leaf.map(|leaf| Own {
            origin,
            index,
            entry,
            leaf,
        }))
    }

    async fn reading_looks(&self) -> Result<()> {
        let decision = self.permit(Action::SeeLooks, EntryKind::LogDenied).await?;
        let record = self.record(EntryKind::LogRead, &decision, [].into());
        self.vault.record(record.fact("own", true)).await.map(drop)
    }

    fn looks_after(&self) -> jiff::SignedDuration {
        let pages = self.vault.inner.own.pages();
        pages.map_or(jiff::SignedDuration::ZERO, |pages| pages.looks_after)
    }

    /// Until when looks are shown.
    fn shown_until(&self) -> Timestamp {
        let until = self.vault.now().checked_sub(self.looks_after());
        until.unwrap_or(Timestamp::MIN)
    }

    /// Somebody of the staff, by role.
    pub(super) fn staff(&self, name: &str) -> Looker {
        staff(&self.vault, name)
    }

    fn shown(&self, own: &Own) -> Look {
        let used = own.leaf.subject();
        look_of(&self.vault, &own.origin, own.index, &own.entry, &used)
    }
}

fn staff(vault: &Vault, name: &str) -> Looker {
    let known = name.parse().ok();
    let known = known.and_then(|name| vault.inner.policy.principal(&name));
    let groups = known.map(|principal| principal.groups.iter().cloned().collect());
    Looker::Staff(groups.unwrap_or_default())
}

/// What somebody is shown of an entry that is a look at their data.
pub(crate) fn look_of(
    vault: &Vault,
    origin: &str,
    index: u64,
    entry: &Entry,
    used: &SubjectUse,
) -> Look {
    let name = entry.actor.name.as_deref().unwrap_or_default();
    let who = match entry.actor.kind.as_str() {
        "job" => Looker::Job(name.to_owned()),
        _ => staff(vault, name),
    };
    let fields = used.fields.iter().map(|number| vault.field_name(*number));
    Look {
        log: short_name(origin),
        index,
        at: entry.ts,
        what: entry.kind(),
        who,
        purpose: entry.purpose.clone(),
        reason: entry.reason.clone(),
        form: entry.form,
        fields: fields.collect(),
        under_grant: entry.grant.is_some(),
    }
}

/// Whether an entry says what somebody else did with people's data. What the server does by itself, and what people do on
/// their own pages, is not a look.
pub(crate) fn is_look(entry: &Entry) -> bool {
    entry.subjects().is_some() && matches!(entry.actor.kind.as_str(), "person" | "job")
}

/// A log's name for addresses: the start of the SHA-256 of its origin, which itself is an address.
pub(super) fn short_name(origin: &str) -> String {
    let hash = digest::digest(&digest::SHA256, origin.as_bytes());
    hex(hash.as_ref().get(..LOG_BYTES).unwrap_or_default())
}
