//! Sessions as auditors list and search them. Reasons lie sealed in side records, so a search opens those of one session
//! after the other: no copy of them exists to be searched. It looks at a limited number at a time.

use std::collections::BTreeMap;

use super::step::SessionReader;
use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::port::{SessionCursor, SessionFilter, SessionPart, SessionRow};
use crate::vault::Question;
use crate::{Caller, Error, Result, SessionId, SourceName, Vault};

/// Sessions that one search looks at; whoever wants more goes on from there.
pub const SEARCH_MAX: u32 = 2_000;
/// Sessions in one answer.
pub const LIST_MAX: u32 = 1_000;
/// Rows that are read from the store at a time.
const BATCH: u32 = 200;
/// Longest text to search for, in characters.
const TEXT_CHARS_MAX: usize = 200;
/// A session's first entries, among which its reason is.
const FIRST_ENTRIES: u32 = 8;

/// Which sessions to list, and with what.
#[derive(Clone, Default)]
pub struct SessionQuery {
    /// By facts.
    pub filter: SessionFilter,
    /// Only those whose reason or link holds this text, whatever its case.
    pub text: Option<String>,
    /// Whether reasons and links are answered.
    pub reasons: bool,
    /// Those in which something was opened in an emergency before all others, as an auditor's queue has them.
    pub urgent_first: bool,
}

impl std::fmt::Debug for SessionQuery {
    // The text may be a person's name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionQuery")
            .field("filter", &self.filter)
            .field("text", &self.text.is_some())
            .field("reasons", &self.reasons)
            .field("urgent_first", &self.urgent_first)
            .finish()
    }
}

/// Sessions, and where the list goes on.
#[derive(Debug, Clone)]
pub struct SessionList {
    /// The sessions, in the filter's order.
    pub sessions: Vec<ListedSession>,
    /// What `after` is for the next page; `None` when this was all.
    pub next: Option<SessionCursor>,
    /// How many sessions were looked at.
    pub looked_at: u32,
}

/// One session of a list.
#[derive(Debug, Clone)]
pub struct ListedSession {
    /// The facts.
    pub row: SessionRow,
    /// Whether somebody should have looked at its emergency by now.
    pub overdue: bool,
    /// Why, where it was asked for and can still be read.
    pub reason: Option<String>,
    /// The ticket or incident, likewise.
    pub link: Option<String>,
}

/// A reason as it was stated.
#[derive(Debug, Clone)]
pub(crate) struct Stated {
    pub(crate) reason: String,
    pub(crate) link: Option<String>,
}

impl Vault {
    /// Sessions by filter and text. What is listed is put on record, and so is the text, sealed.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `text` when the text is too long, [`Error::Denied`] by policy.
    pub async fn sessions(&self, caller: &Caller, query: &SessionQuery) -> Result<SessionList> {
        let question = Question::about(Action::ReadSessions).of(query.filter.source.as_ref());
        let decision = self
            .permit_question(caller, Action::ReadSessions, &question)
            .await?;
        let text = query.text.as_deref().map(str::trim);
        let text = text.filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            return Err(Error::invalid(
                "text",
                format!("a text to search for has at most {TEXT_CHARS_MAX} characters"),
            ));
        }
        let list = self.list(caller, query, text).await?;
        let mut record = Record::by(EntryKind::SessionRead, caller)
            .ruling(self.ruling(&decision))
            .count("sessions", list.sessions.len() as u64);
        if let Some(text) = text {
            record = record
                .count("searched", list.looked_at.into())
                .personal("text", text);
        }
        self.record(record).await?;
        Ok(list)
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        query: &SessionQuery,
        text: Option<&str>,
    ) -> Result<SessionList> {
        let wanted = match query.filter.count_max {
            0 => 100,
            count_max => count_max.min(LIST_MAX),
        };
        let text = text.map(str::to_lowercase);
        let mut list = SessionList {
            sessions: Vec::new(),
            next: None,
            looked_at: 0,
        };
        let batch = if text.is_some() { BATCH } else { wanted };
        let mut filter = SessionFilter {
            count_max: batch,
            ..query.filter.clone()
        };
        let mut wants = Wants {
            caller,
            text,
            count: wanted as usize,
            reasons: query.reasons,
            readable: Readable::default(),
        };
        if !query.urgent_first || filter.emergency.is_some() {
            self.fill(&mut wants, filter, &mut list).await?;
            return Ok(list);
        }
        // Where the page before ended says which of the two parts goes on.
        let last = match filter.after {
            Some(cursor) => self.inner.data.session(cursor.id).await?,
            None => None,
        };
        if filter.after.is_none() || last.is_some_and(|row| row.emergency_at.is_some()) {
            filter.emergency = Some(true);
            if self.fill(&mut wants, filter.clone(), &mut list).await? {
                return Ok(list);
            }
            filter.after = None;
        }
        filter.emergency = Some(false);
        self.fill(&mut wants, filter, &mut list).await?;
        Ok(list)
    }

    /// Adds sessions until the page is full; `false`: there are no more.
    async fn fill(
        &self,
        wants: &mut Wants<'_>,
        mut filter: SessionFilter,
        list: &mut SessionList,
    ) -> Result<bool> {
        let batch = filter.count_max;
        let reasons = wants.reasons || wants.text.is_some();
        loop {
            let rows = self.inner.data.sessions(&filter).await?;
            let last_batch = rows.len() < batch as usize;
            for row in rows {
                filter.after = Some(SessionCursor::from(&row));
                list.looked_at += 1;
                if self.may_read(wants.caller, &mut wants.readable, &row.source)? {
                    let listed = self.listed(row, reasons).await?;
                    if wants.text.as_ref().is_none_or(|text| listed.holds(text)) {
                        list.sessions.push(listed);
                    }
                }
                if list.sessions.len() >= wants.count || list.looked_at >= SEARCH_MAX {
                    list.next = filter.after;
                    return Ok(true);
                }
            }
            if last_batch {
                return Ok(false);
            }
        }
    }

    /// A bundle may let an auditor read the sessions of some sources and not of others.
    pub(super) fn may_read(
        &self,
        caller: &Caller,
        readable: &mut Readable,
        source: &SourceName,
    ) -> Result<bool> {
        if let Some(known) = readable.get(source) {
            return Ok(*known);
        }
        let question = Question::about(Action::ReadSessions).source(source);
        let allowed = self.decide(caller, &question)?.allowed;
        readable.insert(source.clone(), allowed);
        Ok(allowed)
    }

    async fn listed(&self, row: SessionRow, reasons: bool) -> Result<ListedSession> {
        let stated = match reasons {
            true => self.stated(row.id).await?,
            false => None,
        };
        let (reason, link) =
            stated.map_or((None, None), |stated| (Some(stated.reason), stated.link));
        Ok(ListedSession {
            overdue: row.is_overdue(self.now()),
            row,
            reason,
            link,
        })
    }

    /// The reason and link of a session; `None` when they are destroyed.
    pub(crate) async fn stated(&self, id: SessionId) -> Result<Option<Stated>> {
        let mut reader = SessionReader::open(self, id).await?;
        if !reader.has_key() {
            return Ok(None);
        }
        // It is the first entry, unless another server's was noted before it.
        for step in reader.steps(SessionPart::Frame, 0, FIRST_ENTRIES).await? {
            if step.kind() == Some(EntryKind::SessionOpened) {
                let reason = step.personal("reason");
                return Ok(reason.map(|reason| Stated {
                    reason,
                    link: step.personal("link"),
                }));
            }
        }
        Ok(None)
    }
}

/// What a list is made of.
struct Wants<'a> {
    caller: &'a Caller,
    /// In lower case.
    text: Option<String>,
    count: usize,
    reasons: bool,
    readable: Readable,
}

/// Whose sessions the caller may read, by source.
pub(super) type Readable = BTreeMap<SourceName, bool>;

impl ListedSession {
    /// Whether its reason or link holds a text, which is in lower case.
    fn holds(&self, text: &str) -> bool {
        let parts = [&self.reason, &self.link];
        parts
            .into_iter()
            .flatten()
            .any(|part| part.to_lowercase().contains(text))
    }
}
