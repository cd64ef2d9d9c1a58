//! One session as an auditor reads it: what frames it, and what was done in it, a page at a time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::step::{LogStep, SessionReader};
use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::port::{GrantRow, SessionPart, SessionRow, Verdict};
use crate::vault::Question;
use crate::{Caller, Error, GrantId, Result, SessionId, Vault};

/// Reasons, grants, verdicts and comments that are read of one session.
const FRAME_MAX: u32 = 1_000;
/// Entries, statements and bytes of a page: it ends at the entry that reaches one of them.
const PAGE_ENTRIES: u32 = 200;
const PAGE_STEPS: usize = 200;
const PAGE_BYTES: usize = 512 * 1024;
/// How far behind a page it is looked for what its last statements showed.
const AHEAD: u32 = 16;

/// What frames a session.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The facts.
    pub row: SessionRow,
    /// Why, as stated; `None` once the session's key is destroyed.
    pub reason: Option<String>,
    /// The ticket or incident.
    pub link: Option<String>,
    /// The entry of the log that holds the reason.
    pub opened_entry: Option<u64>,
    /// Its grants, oldest first.
    pub grants: Vec<GrantView>,
    /// Verdicts and comments, oldest first. None is ever taken back.
    pub notes: Vec<NoteView>,
    /// Whether somebody should have looked at its emergency by now.
    pub overdue: bool,
    /// Whether what was typed can still be read: the session's key dies some time after the verdict.
    pub readable: bool,
    /// Whether there are more grants, verdicts and comments than are shown.
    pub cut: bool,
}

/// A grant as an auditor reads it.
#[derive(Debug, Clone)]
pub struct GrantView {
    /// The facts, with the subjects' references.
    pub row: GrantRow,
    /// Names of its fields.
    pub fields: Vec<String>,
    /// Where the consent can be found.
    pub evidence: Option<String>,
    /// Why it could not wait, where nobody was asked.
    pub emergency: Option<String>,
    /// The second person who approved it.
    pub approved_by: Option<String>,
    /// The subjects, as the engineer named them.
    pub subject: Option<String>,
    /// The policies that allowed it.
    pub policies: Vec<String>,
    /// The entry of the log that holds it.
    pub entry: Option<u64>,
}

/// A verdict or a comment.
#[derive(Debug, Clone)]
pub struct NoteView {
    /// The entry of the log that holds it; `None` where that is another server's.
    pub entry: Option<u64>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// The verdict, if it is one.
    pub verdict: Option<Verdict>,
    /// What was written; `None` for nothing, and once the session's key is destroyed.
    pub text: Option<String>,
}

/// What was done in a session, in order.
#[derive(Debug, Clone)]
pub struct StepPage {
    /// The steps.
    pub steps: Vec<StepView>,
    /// What `after` is for the next page; `None` on the last.
    pub next: Option<u64>,
}

/// One recorded step of a session.
#[derive(Debug, Clone)]
pub struct StepView {
    /// The log entry that holds it.
    pub entry: u64,
    /// The log with that entry, where it is another server's.
    pub elsewhere: Option<String>,
    /// The kind of that entry.
    pub kind: String,
    /// When.
    pub at: Timestamp,
    /// The statement; `None` where the step is no statement or its text was destroyed.
    pub sql: Option<String>,
    /// Which of the session's connections sent it, from 1 on.
    pub connection: Option<u64>,
    /// Bytes of the whole statement, where the record keeps its two ends alone.
    pub cut_from: Option<u64>,
    /// Its parameters.
    pub parameters: Vec<Option<String>>,
    /// Whether values could open.
    pub decrypted: bool,
    /// The grant it rests on.
    pub grant: Option<GrantId>,
    /// Values that were opened, by field name.
    pub opened: Vec<(String, u64)>,
    /// Rows of the whole result, where values could open.
    pub rows: Option<u64>,
    /// Whether the client took a part of the result alone.
    pub given_up: bool,
    /// Fields that were searched for an exact value.
    pub searched: Vec<String>,
    /// Why it ended or was refused, in words or as a code.
    pub why: Option<String>,
    /// The statement's entry, where this says what a statement of another page showed.
    pub shows: Option<u64>,
    /// Whether its text can no longer be read, because its key was destroyed.
    pub destroyed: bool,
}

/// Which steps of a session to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepQuery {
    /// Only what opened something, asked for it, or was refused.
    pub sensitive: bool,
    /// Where the page begins: 0, or the `next` of the page before it.
    pub after: u64,
}

impl Vault {
    /// What frames a session, for whoever may read it. The reading is on record before anything is answered; the entry
    /// covers what the same person reads of the session within five minutes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] by policy, [`Error::AuditUnavailable`] when the reading cannot be put on record.
    pub async fn session_view(&self, caller: &Caller, id: SessionId) -> Result<SessionView> {
        let row = self.reading_session(caller, id).await?;
        let mut reader = SessionReader::open(self, id).await?;
        let mut view = SessionView {
            overdue: row.is_overdue(self.now()),
            row,
            reason: None,
            link: None,
            opened_entry: None,
            grants: Vec::new(),
            notes: Vec::new(),
            readable: reader.has_key(),
            cut: false,
        };
        for row in self.inner.keys.grants_of(id).await? {
            view.grants.push(GrantView::of(self, row));
        }
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        view.cut = steps.len() >= FRAME_MAX as usize;
        for step in steps {
            frame(&mut view, step);
        }
        Ok(view)
    }

    /// What was done in a session, a page of it.
    ///
    /// # Errors
    /// As [`session_view`](Self::session_view).
    pub async fn session_steps(
        &self,
        caller: &Caller,
        id: SessionId,
        query: StepQuery,
    ) -> Result<StepPage> {
        self.reading_session(caller, id).await?;
        let at_least = match query.sensitive {
            true => SessionPart::Sensitive,
            false => SessionPart::Step,
        };
        let mut reader = SessionReader::open(self, id).await?;
        let mut page = StepPage {
            steps: Vec::new(),
            next: None,
        };
        let mut bytes = 0;
        let mut read = 0;
        let mut last = query.after;
        for step in reader.steps(at_least, query.after, PAGE_ENTRIES).await? {
            read += 1;
            last = step.number;
            bytes += fold(&mut page.steps, &step);
            if page.steps.len() >= PAGE_STEPS || bytes >= PAGE_BYTES || read >= PAGE_ENTRIES {
                page.next = Some(last);
                break;
            }
        }
        if page.next.is_some() {
            let ahead = reader.steps(at_least, last, AHEAD).await?;
            if ahead.is_empty() {
                page.next = None;
            }
            for step in &ahead {
                if step.kind() == Some(EntryKind::StatementShown) {
                    shown(&mut page.steps, step);
                }
            }
        }
        Ok(page)
    }

    /// Permits a reading and puts it on record.
    pub(super) async fn reading_session(
        &self,
        caller: &Caller,
        id: SessionId,
    ) -> Result<SessionRow> {
        let row = self.inner.data.session(id).await?;
        let question = Question::about(Action::ReadSessions);
        let question = question.of(row.as_ref().map(|row| &row.source));
        let decision = self
            .permit_question(caller, Action::ReadSessions, &question)
            .await?;
        let row = row.ok_or(Error::NotFound("session"))?;
        let now = self.inner.clock.monotonic();
        let who = caller.principal().name.clone();
        if !self.inner.sessions.is_being_read(&who, id, now) {
            let record = Record::by(EntryKind::SessionRead, caller)
                .ruling(self.ruling(&decision))
                .fact("read", id.to_string());
            self.record(record).await?;
            self.inner.sessions.reads(who, id, now);
        }
        Ok(row)
    }
}

fn frame(view: &mut SessionView, step: LogStep) {
    match step.kind() {
        Some(EntryKind::SessionOpened) => {
            view.reason = step.personal("reason");
            view.link = step.personal("link");
            view.opened_entry = step.elsewhere.is_none().then_some(step.index);
            // A note that was written after the session's key was destroyed has a key of its own.
            view.readable &= !step.is_destroyed();
        }
        Some(EntryKind::SessionReviewed | EntryKind::SessionCommented) => {
            let verdict = step.entry.facts.get("verdict").and_then(Value::as_str);
            let verdict = verdict.and_then(|word| {
                let mut known = Verdict::ALL.into_iter();
                known.find(|known| known.as_str() == word)
            });
            view.notes.push(NoteView {
                entry: step.elsewhere.is_none().then_some(step.index),
                at: step.entry.ts,
                by: step.entry.actor.name.clone().unwrap_or_default(),
                verdict,
                text: step.personal("note").filter(|text| !text.is_empty()),
            });
        }
        Some(EntryKind::GrantIssued) => {
            frame_grant(&mut view.grants, &step);
        }
        _ => {}
    }
}

impl GrantView {
    /// The facts alone.
    pub(super) fn of(vault: &Vault, row: GrantRow) -> Self {
        let names = row.fields.iter().map(|number| vault.field_name(*number));
        Self {
            fields: names.collect(),
            row,
            evidence: None,
            emergency: None,
            approved_by: None,
            subject: None,
            policies: Vec::new(),
            entry: None,
        }
    }
}

/// Adds to a grant what its entry says.
pub(super) fn frame_grant(grants: &mut [GrantView], step: &LogStep) {
    let of_step = |grant: &&mut GrantView| Some(grant.row.id) == step.entry.grant;
    if step.kind() != Some(EntryKind::GrantIssued) {
        return;
    }
    let Some(grant) = grants.iter_mut().find(of_step) else {
        return;
    };
    grant.evidence = step.personal("evidence");
    grant.emergency = step.personal("emergency");
    grant.subject = step.personal("subject");
    let approved_by = step.entry.facts.get("approved_by").and_then(Value::as_str);
    grant.approved_by = approved_by.map(str::to_owned);
    grant.entry = step.elsewhere.is_none().then_some(step.index);
    let decisions = step.entry.decision.iter();
    let policies = decisions.flat_map(|decision| decision.policies.iter().cloned());
    // Each policy once, however many fields it allowed.
    grant.policies = BTreeSet::from_iter(policies).into_iter().collect();
}

/// Adds what an entry says to the steps; answers about how many bytes it takes to show.
fn fold(steps: &mut Vec<StepView>, step: &LogStep) -> usize {
    let before = steps.len();
    match step.kind() {
        // What frames the session is shown as such.
        Some(
            EntryKind::SessionOpened | EntryKind::SessionReviewed | EntryKind::SessionCommented,
        ) => {}
        Some(EntryKind::StatementShown) => {
            if !shown(steps, step) {
                steps.push(plain(step, None));
            }
        }
        Some(EntryKind::SessionStatements | EntryKind::StatementOpened) => {
            match step.side.as_ref().and_then(|side| side.get("statements")) {
                Some(Value::Array(list)) => {
                    steps.extend(list.iter().map(|item| plain(step, item.as_object())));
                }
                _ => steps.push(plain(step, None)),
            }
        }
        _ => steps.push(plain(step, None)),
    }
    let added = steps.get(before..).unwrap_or_default();
    added.iter().map(StepView::bytes).sum()
}

/// Says at a statement what it showed; `false` if it is not among the steps.
fn shown(steps: &mut [StepView], step: &LogStep) -> bool {
    let opened = step.entry.facts.get("opened").and_then(Value::as_u64);
    // Two servers' logs have entries of the same number.
    let of_step = |known: &&mut StepView| {
        Some(known.entry) == opened && known.elsewhere == step.elsewhere && known.decrypted
    };
    let Some(statement) = steps.iter_mut().find(of_step) else {
        return false;
    };
    statement.opened = fields(step);
    statement.rows = step.entry.counts.get("rows").copied();
    statement.given_up = is_given_up(step);
    true
}

fn is_given_up(step: &LogStep) -> bool {
    step.entry.facts.get("given_up") == Some(&Value::Bool(true))
}

fn fields(step: &LogStep) -> Vec<(String, u64)> {
    let fields = step.entry.facts.get("fields").and_then(Value::as_object);
    let count = |(name, count): (&String, &Value)| (name.clone(), count.as_u64().unwrap_or(0));
    fields.into_iter().flatten().map(count).collect()
}

fn plain(step: &LogStep, statement: Option<&Map<String, Value>>) -> StepView {
    let text = |name: &str| {
        statement
            .and_then(|map| map.get(name))
            .and_then(Value::as_str)
    };
    let number = |name: &str| {
        statement
            .and_then(|map| map.get(name))
            .and_then(Value::as_u64)
    };
    let facts = &step.entry.facts;
    let parameters = statement
        .and_then(|map| map.get("parameters"))
        .and_then(Value::as_array);
    let parameters = parameters
        .into_iter()
        .flatten()
        .map(|parameter| parameter.as_str().map(str::to_owned));
    let searched = facts.get("fields").and_then(Value::as_array);
    let searched = searched.into_iter().flatten().filter_map(Value::as_str);
    let is_shown = step.kind() == Some(EntryKind::StatementShown);
    let why = facts.get("why").or(facts.get("finding"));
    let why = why.and_then(Value::as_str).map(str::to_owned);
    StepView {
        entry: step.index,
        elsewhere: step.elsewhere.clone(),
        kind: step.entry.t.clone(),
        at: text("at")
            .and_then(|at| at.parse().ok())
            .unwrap_or(step.entry.ts),
        sql: text("sql").map(str::to_owned),
        connection: number("connection"),
        cut_from: number("bytes"),
        parameters: parameters.collect(),
        decrypted: step.kind() == Some(EntryKind::StatementOpened),
        grant: step.entry.grant,
        opened: if is_shown { fields(step) } else { Vec::new() },
        rows: step.entry.counts.get("rows").copied(),
        given_up: is_given_up(step),
        searched: searched.map(str::to_owned).collect(),
        why: why.or_else(|| step.entry.reason.clone()),
        shows: facts.get("opened").and_then(Value::as_u64),
        destroyed: step.is_destroyed(),
    }
}

impl StepView {
    /// About how many bytes it takes to show.
    fn bytes(&self) -> usize {
        let parameters = self.parameters.iter().flatten().map(String::len);
        self.sql.as_ref().map_or(0, String::len) + parameters.sum::<usize>()
    }
}
