//! What happened in a period: how many sessions there were, in which something was decrypted, why, who audited them, and
//! what nobody has looked at yet.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::list::{ListedSession, Readable, SessionQuery};
use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::port::{SessionFilter, SessionOrder, SessionTally, TallyPeriod, Verdict};
use crate::{Caller, Error, PrincipalName, Result, SourceName, Vault};

/// The longest period.
const DAYS_MAX: i64 = 366;
/// Periods up to this long are drawn by the day, longer ones by the week.
const DAYS_BY_DAY: i64 = 31;
/// Decrypted sessions whose reasons are read, of the period and of the one before it; and sessions that are listed.
const DECRYPTED_MAX: u32 = 500;
const PENDING_MAX: u32 = 100;
const EMERGENCIES_MAX: u32 = 100;

/// A period, counted.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The sessions that started at this moment or later …
    pub from: Timestamp,
    /// … and before this one.
    pub before: Timestamp,
    /// The length of a step of the charts.
    pub step: SignedDuration,
    /// All sessions of the period.
    pub total: Counts,
    /// All sessions of the equally long period before it.
    pub former: Counts,
    /// By source, in the order of their names.
    pub sources: Vec<SourceCounts>,
    /// By who gave the last verdict.
    pub reviewers: Vec<ReviewerCounts>,
    /// By reason, of sessions in which something was decrypted; the most frequent first.
    pub reasons: Vec<ReasonCounts>,
    /// The sessions in which something was decrypted, newest first.
    pub decrypted: Vec<ListedSession>,
    /// Whether there are more of these than are listed and counted by reason.
    pub decrypted_cut: bool,
    /// The sessions in which something was opened in an emergency, newest first.
    pub emergencies: Vec<ListedSession>,
    /// Whether there are more of these than are listed.
    pub emergencies_cut: bool,
    /// What nobody has given a verdict on, the oldest first.
    pub pending: Vec<ListedSession>,
    /// Whether there are more of these than are listed.
    pub pending_cut: bool,
}

/// How many sessions there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions.
    pub sessions: u64,
    /// Sessions in which something was decrypted.
    pub decrypted: u64,
    /// Sessions without a verdict.
    pub pending: u64,
    /// Approved sessions.
    pub approved: u64,
    /// Flagged sessions.
    pub flagged: u64,
    /// Statements recorded.
    pub statements: u64,
    /// Values opened.
    pub opened: u64,
}

impl Counts {
    fn add(&mut self, tally: &SessionTally) {
        self.sessions += tally.sessions;
        self.statements += tally.statements;
        self.opened += tally.opened;
        if tally.decrypted {
            self.decrypted += tally.sessions;
        }
        *match tally.verdict {
            Verdict::Pending => &mut self.pending,
            Verdict::Approved => &mut self.approved,
            Verdict::Flagged => &mut self.flagged,
        } += tally.sessions;
    }
}

/// One source's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCounts {
    /// The source.
    pub source: SourceName,
    /// The period.
    pub counts: Counts,
    /// Each step of it.
    pub steps: Vec<Counts>,
}

/// What one auditor gave verdicts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewerCounts {
    /// The auditor.
    pub reviewer: PrincipalName,
    /// Sessions approved.
    pub approved: u64,
    /// Sessions flagged.
    pub flagged: u64,
}

/// How often a reason led to something being decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCounts {
    /// The reason as it was first stated; `None` where the key that opens it is destroyed.
    pub reason: Option<String>,
    /// Sessions of the period.
    pub now: u64,
    /// Sessions of the period before it.
    pub former: u64,
}

impl Vault {
    /// Counts the sessions of a period and of the one before it. Reading it is put on record.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `period`, [`Error::Denied`] by policy.
    pub async fn summary(
        &self,
        caller: &Caller,
        from: Timestamp,
        before: Timestamp,
    ) -> Result<Summary> {
        let decision = self
            .permit(caller, Action::ReadSessions, EntryKind::LogDenied)
            .await?;
        let (length, step) = steps(from, before)?;
        let former_from = from
            .checked_sub(length)
            .map_err(|_| Error::Internal("clock out of range"))?;
        let record = Record::by(EntryKind::SessionRead, caller)
            .ruling(self.ruling(&decision))
            .fact("summary", true);
        self.record(record).await?;
        let tallies = |from, before, step| async move {
            let period = TallyPeriod { from, before, step };
            self.inner.data.session_tallies(&period).await
        };
        let now = self.readable_tallies(caller, tallies(from, before, step).await?)?;
        let former = tallies(former_from, from, length).await?;
        let former = self.readable_tallies(caller, former)?;
        let (decrypted, decrypted_cut) = self.decrypted_in(caller, from, before).await?;
        let (decrypted_before, _) = self.decrypted_in(caller, former_from, from).await?;
        let pending = SessionFilter {
            verdict: Some(Verdict::Pending),
            order: SessionOrder::OldestFirst,
            ..within(from, before, PENDING_MAX)
        };
        let (pending, pending_cut) = self.listed_in(caller, pending).await?;
        let emergencies = SessionFilter {
            emergency: Some(true),
            ..within(from, before, EMERGENCIES_MAX)
        };
        let (emergencies, emergencies_cut) = self.listed_in(caller, emergencies).await?;
        let count = i128::from(step_count(length, step));
        Ok(Summary {
            from,
            before,
            step,
            total: total(&now),
            former: total(&former),
            sources: by_source(&now, usize::try_from(count).unwrap_or(1)),
            reviewers: by_reviewer(&now),
            reasons: by_reason(&decrypted, &decrypted_before),
            decrypted,
            decrypted_cut,
            emergencies,
            emergencies_cut,
            pending,
            pending_cut,
        })
    }

    /// Without those of sources whose sessions the caller may not read.
    fn readable_tallies(
        &self,
        caller: &Caller,
        tallies: Vec<SessionTally>,
    ) -> Result<Vec<SessionTally>> {
        let mut known = Readable::default();
        let mut kept = Vec::with_capacity(tallies.len());
        for tally in tallies {
            if self.may_read(caller, &mut known, &tally.source)? {
                kept.push(tally);
            }
        }
        Ok(kept)
    }

    pub(super) async fn decrypted_in(
        &self,
        caller: &Caller,
        from: Timestamp,
        before: Timestamp,
    ) -> Result<(Vec<ListedSession>, bool)> {
        let filter = SessionFilter {
            decrypted: Some(true),
            ..within(from, before, DECRYPTED_MAX)
        };
        self.listed_in(caller, filter).await
    }

    async fn listed_in(
        &self,
        caller: &Caller,
        filter: SessionFilter,
    ) -> Result<(Vec<ListedSession>, bool)> {
        let query = SessionQuery {
            filter,
            reasons: true,
            ..SessionQuery::default()
        };
        let list = self.list(caller, &query, None).await?;
        Ok((list.sessions, list.next.is_some()))
    }
}

fn within(from: Timestamp, before: Timestamp, count_max: u32) -> SessionFilter {
    SessionFilter {
        from: Some(from),
        before: Some(before),
        count_max,
        ..SessionFilter::default()
    }
}

/// The period's length, and that of its steps.
fn steps(from: Timestamp, before: Timestamp) -> Result<(SignedDuration, SignedDuration)> {
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    let length = before.duration_since(from);
    if length <= SignedDuration::ZERO || length > DAY * i32::try_from(DAYS_MAX).unwrap_or(i32::MAX)
    {
        return Err(Error::invalid(
            "period",
            format!(
                "a summary is of a period of at most {DAYS_MAX} days that ends after it begins"
            ),
        ));
    }
    let by_day = length.as_hours() <= 24 * DAYS_BY_DAY;
    Ok((length, if by_day { DAY } else { DAY * 7 }))
}

fn step_count(length: SignedDuration, step: SignedDuration) -> i64 {
    let (length, step) = (length.as_secs(), step.as_secs().max(1));
    (length + step - 1) / step
}

fn total(tallies: &[SessionTally]) -> Counts {
    let mut total = Counts::default();
    tallies.iter().for_each(|tally| total.add(tally));
    total
}

fn by_source(tallies: &[SessionTally], steps: usize) -> Vec<SourceCounts> {
    let mut sources: BTreeMap<&SourceName, SourceCounts> = BTreeMap::new();
    for tally in tallies {
        let source = sources
            .entry(&tally.source)
            .or_insert_with(|| SourceCounts {
                source: tally.source.clone(),
                counts: Counts::default(),
                steps: vec![Counts::default(); steps.max(1)],
            });
        source.counts.add(tally);
        // The last step may be a short one, and none is behind it.
        let step = usize::try_from(tally.step).unwrap_or(usize::MAX);
        let last = source.steps.len().saturating_sub(1);
        if let Some(counts) = source.steps.get_mut(step.min(last)) {
            counts.add(tally);
        }
    }
    sources.into_values().collect()
}

fn by_reviewer(tallies: &[SessionTally]) -> Vec<ReviewerCounts> {
    let mut reviewers: BTreeMap<&PrincipalName, (u64, u64)> = BTreeMap::new();
    for tally in tallies {
        let Some(reviewer) = &tally.reviewer else {
            continue;
        };
        let counts = reviewers.entry(reviewer).or_default();
        match tally.verdict {
            Verdict::Approved => counts.0 += tally.sessions,
            Verdict::Flagged => counts.1 += tally.sessions,
            Verdict::Pending => {}
        }
    }
    let counts = reviewers
        .into_iter()
        .map(|(reviewer, counts)| ReviewerCounts {
            reviewer: reviewer.clone(),
            approved: counts.0,
            flagged: counts.1,
        });
    counts.collect()
}

/// Reasons that differ in case, numbers and punctuation alone are one: a ticket's number does not make another reason.
pub(super) fn by_reason(now: &[ListedSession], former: &[ListedSession]) -> Vec<ReasonCounts> {
    let mut reasons: BTreeMap<String, ReasonCounts> = BTreeMap::new();
    // The oldest statement of a reason names it.
    let all = now.iter().rev().map(|listed| (listed, true));
    for (listed, is_now) in all.chain(former.iter().rev().map(|listed| (listed, false))) {
        let reason = listed.reason.as_deref();
        let counts = reasons
            .entry(reason.map(folded).unwrap_or_default())
            .or_insert_with(|| ReasonCounts {
                reason: reason.map(str::to_owned),
                now: 0,
                former: 0,
            });
        match is_now {
            true => counts.now += 1,
            false => counts.former += 1,
        }
    }
    let mut reasons: Vec<_> = reasons.into_values().collect();
    reasons.sort_by_key(|counts| std::cmp::Reverse((counts.now, counts.former)));
    reasons
}

fn folded(reason: &str) -> String {
    let letters = reason.chars().filter(|c| c.is_alphabetic());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + 86_400 * day).unwrap()
    }

    #[test]
    fn a_period_is_drawn_by_the_day_or_by_the_week() {
        let check = |days| {
            let (length, step) = steps(at(0), at(days)).unwrap();
            (step.as_hours() / 24, step_count(length, step))
        };
        assert_eq!(check(14), (1, 14));
        assert_eq!(check(31), (1, 31));
        assert_eq!(check(366), (7, 53));
        for (from, before) in [(0, 0), (1, 0), (0, 367)] {
            assert_eq!(steps(at(from), at(before)).unwrap_err().code(), "period");
        }
    }

    #[test]
    fn reasons_are_one_whatever_their_numbers_and_case() {
        assert_eq!(
            folded("Ticket #12: LOGIN fails"),
            folded("ticket 977 login fails.")
        );
        assert_ne!(folded("login fails"), folded("logout fails"));
    }
}
