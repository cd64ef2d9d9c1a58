//! "This was not right": what a person says of a look, for auditors to find.

use jiff::Timestamp;
use serde_json::Value;

use super::Me;
use super::walk::{Opened, Walk};
use crate::audit::EntryKind;
use crate::log_read::LogDetail;
use crate::policy::Action;
use crate::{Caller, Error, Result, SessionId, Vault};

/// Characters of a note.
const NOTE_CHARS_MAX: usize = 2_000;
/// Entries that are gone through for the newest objections.
const WALKED_MAX: usize = 10_000;
/// The most that are shown together.
const SHOWN_MAX: usize = 50;
/// What such a finding is called.
const OBJECTED: &str = "objected";

/// What a person said of a look.
#[derive(Clone)]
pub struct Objection {
    /// The log of the look, and of this, by its origin.
    pub origin: String,
    /// The entry that holds it.
    pub index: u64,
    /// When it was said.
    pub at: Timestamp,
    /// The log that holds the look, by its origin.
    pub about_origin: String,
    /// The look's entry.
    pub about: u64,
    /// The session that the look was taken in.
    pub session: Option<SessionId>,
    /// The person's words; `None` once they can no longer be read.
    pub note: Option<String>,
}

impl std::fmt::Debug for Objection {
    // What people write is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objection")
            .field("index", &self.index)
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl Me {
    /// Says that a look was not right. It becomes a finding, in the record of the session that it was taken in.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an entry that is not a look at this person's data, [`Error::Invalid`] with code `note`,
    /// [`Error::Limited`] after many changes.
    pub async fn object(&self, log: &str, index: u64, note: &str) -> Result<()> {
        let note = note.trim();
        if note.is_empty() || note.chars().count() > NOTE_CHARS_MAX {
            return Err(Error::invalid(
                "note",
                format!("say in 1 to {NOTE_CHARS_MAX} characters what was not right"),
            ));
        }
        let decision = self.permit(Action::SeeLooks, EntryKind::LogDenied).await?;
        let own = self.own_look(log, index).await?;
        self.count_change()?;
        let vault = &self.vault;
        let record = self
            .record(EntryKind::Finding, &decision, [].into())
            .fact("finding", OBJECTED)
            .fact("entry", own.index)
            .fact("log", own.origin)
            .personal("note", note);
        let (keyring, tenant) = (&vault.inner.keyring, &vault.inner.config.tenant);
        let key = match own.entry.session {
            // One whose key is destroyed has no record any more that this could stand in.
            Some(session) => {
                let key = keyring.found_session_key(tenant, session, vault.now());
                key.await?.map(|(key, _)| (session, key))
            }
            None => None,
        };
        match key {
            Some((session, key)) => vault.record_session(session, &key, record).await?,
            None => vault.record(record).await?,
        };
        tracing::warn!("a person says that a look was not right: an auditor has to look at this");
        Ok(())
    }
}

impl Vault {
    /// What people said lately of looks at their data, newest first, for auditors.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::AuditUnavailable`] when the reading cannot be put on record.
    pub async fn objections(&self, caller: &Caller) -> Result<Vec<Objection>> {
        self.reading(caller, LogDetail::Opened).await?;
        let mut walk = Walk::start(self, None).await?;
        let mut opened = Opened::new(self);
        let mut objections = Vec::new();
        for _ in 0..WALKED_MAX {
            let Some((origin, index, entry)) = walk.next().await? else {
                break;
            };
            let fact = |name: &str| entry.facts.get(name);
            if entry.kind() != Some(EntryKind::Finding)
                || fact("finding").and_then(Value::as_str) != Some(OBJECTED)
            {
                continue;
            }
            let side = opened.side(&entry).await?;
            let note = side.and_then(|side| Some(side.data.get("note")?.as_str()?.to_owned()));
            let about_origin = fact("log").and_then(Value::as_str).unwrap_or_default();
            objections.push(Objection {
                about_origin: about_origin.to_owned(),
                about: fact("entry").and_then(Value::as_u64).unwrap_or_default(),
                session: entry.session,
                at: entry.ts,
                origin,
                index,
                note,
            });
            if objections.len() >= SHOWN_MAX {
                break;
            }
        }
        Ok(objections)
    }
}
