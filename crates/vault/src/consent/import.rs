//! Answers that were given elsewhere, taken over in bulk: each by the way of a single change, so that every server and telemetry
//! learn of it, with the moment at which it was given and what shows that it was.
//!
//! An import never overrules what a person said later. What it has taken over before it finds in the ledger, so that running it
//! again adds nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{ATTEMPTS_MAX, Checked, ConsentChange, ConsentChannel, ConsentState};
use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::NoticeRow;
use crate::{Caller, Error, Oid, Reason, Result, SubjectName, Vault};

/// Lines in one call.
pub const IMPORT_LINES_MAX: usize = 500;
/// People whose lines are worked on at once.
const PEOPLE_AT_ONCE: usize = 8;
/// Events of one moment that are looked through.
const SAME_MOMENT_MAX: u32 = 100;

/// One answer that was given elsewhere.
#[derive(Debug)]
pub struct ImportLine {
    /// Who gave it.
    pub subject: Oid,
    /// What it was. Its channel is [`ConsentChannel::Import`]; the notices may be older ones than those in force.
    pub change: ConsentChange,
    /// When it was given.
    pub at: Timestamp,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is in the ledger now, as the answer with this number.
    Recorded(u64),
    /// It was taken over before.
    Known,
    /// The person has answered since, or said no at the same moment: what they said then holds, and nothing was added.
    Older,
    /// There is nobody of this id.
    Unknown,
    /// It cannot be taken over as it is.
    Invalid(Reason),
    /// It could not be taken over this time, for a reason of this code: run it again.
    Failed(&'static str),
}

/// A line that may be added, with its place in the call.
struct Line {
    place: usize,
    line: ImportLine,
}

impl Vault {
    /// Takes answers over. The lines of one person are taken in their order; an answer that is older than the person's last one
    /// in the ledger is left out, so that nothing said later is overruled. One entry with counts is durable before the first of
    /// them is kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `too_many` for more than [`IMPORT_LINES_MAX`] lines; [`Error::Denied`] by policy.
    /// What is wrong with a line is its outcome.
    pub async fn import_consent(
        &self,
        caller: &Caller,
        lines: Vec<ImportLine>,
    ) -> Result<Vec<Imported>> {
        if lines.len() > IMPORT_LINES_MAX {
            return Err(Error::invalid(
                "too_many",
                format!("import at most {IMPORT_LINES_MAX} lines a call"),
            ));
        }
        let decision = self
            .permit(caller, Action::ImportConsent, EntryKind::ConsentDenied)
            .await?;
        let texts = self.texts_for(&lines).await?;
        let mut outcomes = vec![Imported::Unknown; lines.len()];
        let names: Vec<SubjectName> = lines
            .iter()
            .map(|line| SubjectName::Oid(line.subject))
            .collect();
        let opened = self.subjects_named(&names).await?;
        let mut people: BTreeMap<Oid, (Arc<OpenSubject>, Vec<Line>)> = BTreeMap::new();
        for (place, ((line, open), outcome)) in
            lines.into_iter().zip(opened).zip(&mut outcomes).enumerate()
        {
            if let Err(reason) = self.check_line(&line, &texts) {
                *outcome = Imported::Invalid(reason);
            } else if let Some(open) = open {
                let lines = people.entry(line.subject).or_insert((open, Vec::new()));
                lines.1.push(Line { place, line });
            }
        }
        if people.is_empty() {
            return Ok(outcomes);
        }
        self.record_import(caller, &decision, &people).await?;
        let vault = self.clone();
        // A caller that goes away must not leave a row that nobody was told of.
        let work = tokio::spawn(async move { vault.import_people(people).await });
        let done = work.await;
        let done = done.map_err(|_| Error::Internal("an import broke off: run it again"))?;
        for (place, imported) in done {
            if let Some(outcome) = outcomes.get_mut(place) {
                *outcome = imported;
            }
        }
        Ok(outcomes)
    }

    /// The texts of the notices that lines name beside a language: the data map may no longer have them.
    async fn texts_for(&self, lines: &[ImportLine]) -> Result<Vec<NoticeRow>> {
        let stated = lines.iter().filter(|line| line.change.language.is_some());
        let grants = stated.flat_map(|line| &line.change.grant);
        self.kept_texts(grants.map(|grant| grant.notice.as_str()).collect())
            .await
    }

    /// What can be said of a line without looking at its person.
    fn check_line(
        &self,
        line: &ImportLine,
        texts: &[NoticeRow],
    ) -> std::result::Result<(), Reason> {
        let reason = |error| match error {
            Error::Invalid(reason) => reason,
            error => Reason {
                code: error.code(),
                text: error.to_string(),
            },
        };
        self.check_imported(&line.change).map_err(reason)?;
        self.check_language(&line.change, texts).map_err(reason)?;
        if line.at > self.now() {
            return Err(Reason {
                code: "consent_in_future",
                text: "the answer would have been given in the future: state when it was"
                    .to_owned(),
            });
        }
        if line.change.evidence.is_none() && !line.change.grant.is_empty() {
            return Err(Reason {
                code: "evidence_missing",
                text:
                    "a yes that was given elsewhere needs `evidence`: what shows that it was given"
                        .to_owned(),
            });
        }
        Ok(())
    }

    async fn record_import(
        &self,
        caller: &Caller,
        decision: &Decision,
        people: &BTreeMap<Oid, (Arc<OpenSubject>, Vec<Line>)>,
    ) -> Result<()> {
        let lines = || people.values().flat_map(|(_, lines)| lines);
        let count = |of: fn(&ConsentChange) -> usize| {
            lines().map(|one| of(&one.line.change) as u64).sum::<u64>()
        };
        let record = Record::by(EntryKind::ConsentImported, caller)
            .ruling(self.ruling(decision))
            .count("lines", lines().count() as u64)
            .count("granted", count(|change| change.grant.len()))
            .count("withdrawn", count(|change| change.withdraw.len()))
            .subjects(people.values().map(|(open, _)| open.used(Arc::from([]), 0)));
        self.record(record).await.map(drop)
    }

    /// The people side by side, a few at once; each one's lines in their order.
    async fn import_people(
        &self,
        people: BTreeMap<Oid, (Arc<OpenSubject>, Vec<Line>)>,
    ) -> Vec<(usize, Imported)> {
        let mut waiting = people.into_values();
        let mut tasks = JoinSet::new();
        let mut done = Vec::new();
        loop {
            while tasks.len() < PEOPLE_AT_ONCE
                && let Some((open, lines)) = waiting.next()
            {
                let vault = self.clone();
                tasks.spawn(async move { vault.import_person(&open, lines).await });
            }
            match tasks.join_next().await {
                None => return done,
                Some(Ok(outcomes)) => done.extend(outcomes),
                Some(Err(error)) => tracing::error!(%error, "an import of a person broke off"),
            }
        }
    }

    async fn import_person(&self, open: &OpenSubject, lines: Vec<Line>) -> Vec<(usize, Imported)> {
        let mut outcomes = Vec::with_capacity(lines.len());
        let mut failed = None;
        for Line { place, line } in lines {
            // What comes after an answer that could not be taken over would make it an older one for ever.
            let imported = match failed {
                Some(code) => Imported::Failed(code),
                None => self.imported(open, &line).await,
            };
            if let Imported::Failed(code) = &imported {
                failed = Some(*code);
            }
            outcomes.push((place, imported));
        }
        outcomes
    }

    async fn imported(&self, open: &OpenSubject, line: &ImportLine) -> Imported {
        match self.import_line(open, line).await {
            Ok(imported) => imported,
            // Erased meanwhile.
            Err(Error::NotFound(_)) => Imported::Unknown,
            Err(error) => {
                tracing::warn!(%error, "an answer could not be taken over");
                Imported::Failed(error.code())
            }
        }
    }

    async fn import_line(&self, open: &OpenSubject, line: &ImportLine) -> Result<Imported> {
        let checked = self.check_imported(&line.change)?;
        let keyring = &self.inner.keyring;
        keyring.make_consent_keys(&[open], self.now()).await?;
        for _ in 0..ATTEMPTS_MAX {
            let last = self.last_consent(open).await?;
            if last.as_ref().is_some_and(ConsentState::is_lost) {
                // Nobody knows what they said last, or when: it may have been no, and after this.
                return Ok(Imported::Older);
            }
            if let Some(last) = &last
                && line.at <= last.at
                && let Some(imported) = self.beside(open, last, &checked, line.at).await?
            {
                if imported == Imported::Known {
                    // Its row may be there without anybody having been told.
                    self.tell_consent(open, last).await?;
                }
                return Ok(imported);
            }
            let event = checked.event_after(last.as_ref(), line.at);
            if self.append_event(open, &checked, &event).await? {
                self.tell_consent(open, &event.state).await?;
                return Ok(Imported::Recorded(event.state.number));
            }
        }
        Ok(Imported::Failed("consent_busy"))
    }

    /// What becomes of an answer that is no later than the person's last: it is known, or older, or (`None`) of the same moment
    /// and about something else. Of a yes and a no at one moment the no holds.
    async fn beside(
        &self,
        open: &OpenSubject,
        last: &ConsentState,
        checked: &Checked<'_>,
        at: Timestamp,
    ) -> Result<Option<Imported>> {
        let wanted = checked.bits();
        let mut withdrawn = 0;
        let then = self.consent_at(open, at).await?;
        let mut number = then.map_or(0, |then| then.number);
        for _ in 0..SAME_MOMENT_MAX {
            let page = self.past_consents(open, Some(number + 1), 1).await?;
            let event = page.events.into_iter().next().map(|(event, _)| event);
            let Some(event) = event.filter(|event| event.state.at == at) else {
                break;
            };
            let notices = checked.granted.iter().all(|granted| {
                let answer = event.state.answer(granted.bit);
                answer.is_some_and(|answer| answer.notice == granted.notice)
            });
            if event.channel == ConsentChannel::Import
                && (event.granted, event.withdrawn) == wanted
                && notices
            {
                return Ok(Some(Imported::Known));
            }
            withdrawn |= event.withdrawn;
            number = event.state.number - 1;
        }
        let is_older = at < last.at || withdrawn & wanted.0 != 0;
        Ok(is_older.then_some(Imported::Older))
    }
}
