//! What auditors do: list sessions, read one (which is itself put on record), and give a verdict on it.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use privet_seal::RecordKey;
use serde_json::{Map, Value};

use crate::audit::{Actor, Entry, EntryKind, Record, SideKey};
use crate::keyring::SIDE_KEY_DAYS;
use crate::policy::Action;
use crate::port::{GrantRow, Review, SessionFilter, SessionRow, Verdict};
use crate::{Caller, Error, GrantId, Result, SessionId, Vault};

const NOTE_CHARS_MAX: usize = 4_000;
/// A session's key dies this long after an approval.
const KEPT_AFTER_APPROVAL_DAYS: i64 = 30;

/// One session as an auditor reads it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The facts.
    pub row: SessionRow,
    /// Why, as stated; `None` once the session's key is destroyed.
    pub reason: Option<String>,
    /// The ticket or incident.
    pub link: Option<String>,
    /// Its grants, oldest first.
    pub grants: Vec<GrantView>,
    /// What happened, in order.
    pub statements: Vec<StatementView>,
    /// The auditor's note, if there is one.
    pub note: Option<String>,
}

/// A grant as an auditor reads it.
#[derive(Debug, Clone)]
pub struct GrantView {
    /// The facts.
    pub row: GrantRow,
    /// Names of its fields.
    pub fields: Vec<String>,
    /// Where the consent can be found.
    pub evidence: Option<String>,
    /// The subject, as the engineer named it.
    pub subject: Option<String>,
}

/// One recorded step of a session.
#[derive(Debug, Clone)]
pub struct StatementView {
    /// The log entry that holds it.
    pub entry: u64,
    /// The kind of that entry.
    pub kind: String,
    /// When.
    pub at: String,
    /// The statement; `None` where the step is no statement or its text was destroyed.
    pub sql: Option<String>,
    /// Its parameters.
    pub parameters: Vec<Option<String>>,
    /// Whether values could open.
    pub decrypted: bool,
    /// Values that were opened, by field name.
    pub opened: Vec<(String, u64)>,
}

impl Vault {
    /// Sessions, newest first. Listing is put on record.
    pub async fn sessions(
        &self,
        caller: &Caller,
        filter: &SessionFilter,
    ) -> Result<Vec<SessionRow>> {
        let decision = self
            .permit(caller, Action::ReadSessions, EntryKind::LogDenied)
            .await?;
        let rows = self.inner.data.sessions(filter).await?;
        let record = Record::by(EntryKind::SessionRead, caller)
            .ruling(self.ruling(&decision))
            .count("sessions", rows.len() as u64);
        self.record(record).await?;
        Ok(rows)
    }

    /// One session with all that was typed in it. Reading it is put on record first.
    pub async fn session_view(&self, caller: &Caller, id: SessionId) -> Result<SessionView> {
        let decision = self
            .permit(caller, Action::ReadSessions, EntryKind::LogDenied)
            .await?;
        let row = self
            .inner
            .data
            .session(id)
            .await?
            .ok_or(Error::NotFound("session"))?;
        let record = Record::by(EntryKind::SessionRead, caller)
            .ruling(self.ruling(&decision))
            .fact("read", id.to_string());
        self.record(record).await?;
        let mut view = SessionView {
            row,
            reason: None,
            link: None,
            grants: Vec::new(),
            statements: Vec::new(),
            note: None,
        };
        for grant in self.inner.keys.grants_of(id).await? {
            let names = grant.fields.iter().map(|number| self.field_name(*number));
            let fields = names.collect();
            view.grants.push(GrantView {
                row: grant,
                fields,
                evidence: None,
                subject: None,
            });
        }
        for entry in self.session_log(id).await? {
            fold(&mut view, entry);
        }
        Ok(view)
    }

    /// Gives a verdict with a note; never on one's own session. An approval ends a session that goes on.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `own_session`, [`Error::Invalid`] without a note on a flagged session.
    pub async fn review(
        &self,
        caller: &Caller,
        id: SessionId,
        verdict: Verdict,
        note: &str,
    ) -> Result<()> {
        let decision = self
            .permit(caller, Action::ReviewSession, EntryKind::LogDenied)
            .await?;
        let mut row = self
            .inner
            .data
            .session(id)
            .await?
            .ok_or(Error::NotFound("session"))?;
        let note = note.trim();
        if row.principal == caller.principal().name {
            return Err(Error::denied(
                "own_session",
                "this is your own session: another auditor has to review it",
            ));
        }
        if verdict == Verdict::Pending {
            return Err(Error::invalid(
                "verdict",
                "a verdict is `approved` or `flagged`",
            ));
        }
        if verdict == Verdict::Flagged && note.is_empty() {
            return Err(Error::invalid(
                "note",
                "say in a note what is wrong with the session",
            ));
        }
        if note.chars().count() > NOTE_CHARS_MAX {
            return Err(Error::invalid(
                "note",
                format!("a note has at most {NOTE_CHARS_MAX} characters"),
            ));
        }
        if verdict == Verdict::Approved
            && let Some(session) = self.inner.sessions.live(id)
        {
            // What is approved is whole: nobody goes on under an approval.
            self.end_session(&session, Actor::from(caller), "an auditor approved it")
                .await?;
            row.ended_at = Some(self.now());
        }
        let now = self.now();
        let tenant = &self.inner.config.tenant;
        let record = Record::by(EntryKind::SessionReviewed, caller)
            .ruling(self.ruling(&decision))
            .fact("verdict", verdict.as_str())
            .fact("reviewed", id.to_string())
            .personal("note", note);
        let key = self.inner.keyring.session_key(tenant, id, now).await?;
        self.record_session(id, &key, record).await?;
        let started_at = row.started_at;
        row.review = Some(Review {
            verdict,
            reviewer: caller.principal().name.clone(),
            at: now,
        });
        self.inner.data.put_session(row).await?;
        if verdict == Verdict::Approved {
            let last_day = now + SignedDuration::from_hours(24 * KEPT_AFTER_APPROVAL_DAYS);
            // An approval shortens the key's life and never prolongs it.
            let last_day =
                last_day.min(started_at + SignedDuration::from_hours(24 * SIDE_KEY_DAYS));
            let last_day = last_day.to_zoned(TimeZone::UTC).date();
            self.inner.keys.set_key_expiry(key.id(), last_day).await?;
        }
        Ok(())
    }

    /// The reason and link of a session, for comparing; `None` when they are destroyed.
    pub(crate) async fn session_reason(
        &self,
        id: SessionId,
    ) -> Result<Option<(String, Option<String>)>> {
        for (origin, index) in self.inner.data.session_entries(id).await? {
            let Some(step) = self.session_step(id, &origin, index).await? else {
                continue;
            };
            if step.kind == EntryKind::SessionOpened.as_str() {
                let reason = text(&step.side, "reason");
                return Ok(reason.map(|reason| (reason, text(&step.side, "link"))));
            }
        }
        Ok(None)
    }

    pub(crate) fn field_name(&self, number: u16) -> String {
        let known = self.inner.map.field_by_number(number);
        known.map_or_else(|| format!("#{number}"), |field| field.name.to_string())
    }

    /// The entries of a session with what can be opened of their side records.
    async fn session_log(&self, id: SessionId) -> Result<Vec<LogStep>> {
        let mut steps = Vec::new();
        for (origin, index) in self.inner.data.session_entries(id).await? {
            steps.extend(self.session_step(id, &origin, index).await?);
        }
        Ok(steps)
    }

    /// One entry of a session; `None` for an entry of another log.
    async fn session_step(
        &self,
        id: SessionId,
        origin: &str,
        index: u64,
    ) -> Result<Option<LogStep>> {
        if origin != self.inner.config.origin {
            return Ok(None);
        }
        let Some(bytes) = self.inner.audit.entries(index, 1).await?.pop() else {
            return Ok(None);
        };
        let Ok(Value::Object(entry)) = serde_json::from_slice(&bytes) else {
            return Ok(None);
        };
        let side = self.side_of(id, &bytes, &entry).await?.unwrap_or_default();
        Ok(Some(LogStep {
            index,
            kind: text(&entry, "t").unwrap_or_default(),
            at: text(&entry, "ts").unwrap_or_default(),
            grant: text(&entry, "grant").and_then(|grant| grant.parse().ok()),
            facts: object(&entry, "facts"),
            side,
        }))
    }

    /// Opens an entry's side record: under the session's key, or with a grant under that key and the subject's.
    async fn side_of(
        &self,
        session: SessionId,
        bytes: &[u8],
        entry: &Map<String, Value>,
    ) -> Result<Option<Map<String, Value>>> {
        let entry_of = Entry::parse(bytes)?;
        let Some(sealed) = self.inner.audit.side(&entry_of).await? else {
            return Ok(None);
        };
        let now = self.now();
        let tenant = &self.inner.config.tenant;
        let Some((id, secret)) = self
            .inner
            .keyring
            .session_secret(tenant, session, now)
            .await?
        else {
            return Ok(None);
        };
        let grant: Option<GrantId> = text(entry, "grant").and_then(|grant| grant.parse().ok());
        if let Some(grant) = grant
            && let Some(row) = self.inner.keys.grant(grant).await?
        {
            let rows = self
                .inner
                .keys
                .subjects_by_reference(&[row.subject])
                .await?;
            let opened = self.inner.keyring.open_rows(rows, now).await?;
            if let Some(subject) = opened.into_iter().flatten().next() {
                let key = RecordKey::combine(&secret, &subject.operational_key);
                if let Ok(side) = sealed.open(&SideKey::new(id, key)) {
                    return Ok(Some(side.data));
                }
            }
        }
        Ok(sealed
            .open(&SideKey::new(id, RecordKey::from(secret)))
            .ok()
            .map(|side| side.data))
    }
}

struct LogStep {
    index: u64,
    kind: String,
    at: String,
    grant: Option<GrantId>,
    facts: Map<String, Value>,
    side: Map<String, Value>,
}

fn fold(view: &mut SessionView, step: LogStep) {
    match step.kind.parse::<EntryKind>() {
        Ok(EntryKind::SessionOpened) => {
            view.reason = text(&step.side, "reason");
            view.link = text(&step.side, "link");
        }
        Ok(EntryKind::SessionReviewed) => view.note = text(&step.side, "note"),
        Ok(EntryKind::GrantIssued) => {
            let granted = view
                .grants
                .iter_mut()
                .find(|grant| Some(grant.row.id) == step.grant);
            if let Some(grant) = granted {
                grant.evidence = text(&step.side, "evidence");
                grant.subject = text(&step.side, "subject");
            }
        }
        Ok(EntryKind::StatementShown) => shown(view, &step),
        Ok(EntryKind::SessionStatements | EntryKind::StatementOpened) => statements(view, &step),
        Ok(
            EntryKind::SessionJoined
            | EntryKind::Probe
            | EntryKind::GrantEnded
            | EntryKind::GrantDenied
            | EntryKind::ProbeDenied
            | EntryKind::SessionEnded,
        ) => {
            view.statements.push(plain(&step, None));
        }
        _ => {}
    }
}

fn shown(view: &mut SessionView, step: &LogStep) {
    let opened = step.facts.get("opened").and_then(Value::as_u64);
    let statement = view
        .statements
        .iter_mut()
        .find(|known| Some(known.entry) == opened);
    if let (Some(statement), Some(Value::Object(fields))) = (statement, step.facts.get("fields")) {
        let counts = fields
            .iter()
            .map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0)));
        statement.opened = counts.collect();
    }
}

fn statements(view: &mut SessionView, step: &LogStep) {
    let Some(Value::Array(list)) = step.side.get("statements") else {
        view.statements.push(plain(step, None));
        return;
    };
    for item in list {
        view.statements.push(plain(step, item.as_object()));
    }
}

fn plain(step: &LogStep, statement: Option<&Map<String, Value>>) -> StatementView {
    let parameters = statement
        .and_then(|map| map.get("parameters"))
        .and_then(Value::as_array);
    let parameters = parameters
        .into_iter()
        .flatten()
        .map(|p| p.as_str().map(str::to_owned));
    StatementView {
        entry: step.index,
        kind: step.kind.clone(),
        at: statement
            .and_then(|map| text(map, "at"))
            .unwrap_or_else(|| step.at.clone()),
        sql: statement.and_then(|map| text(map, "sql")),
        parameters: parameters.collect(),
        decrypted: step.kind == EntryKind::StatementOpened.as_str(),
        opened: Vec::new(),
    }
}

fn text(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn object(map: &Map<String, Value>, name: &str) -> Map<String, Value> {
    map.get(name)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}
