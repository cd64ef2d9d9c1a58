//! What the automatic analysis of sessions points out at this moment: emergencies that nobody reviewed in time, records
//! that ended before anybody had approved them, and reasons that lead to decrypting much more or much less often.

use jiff::{SignedDuration, Timestamp};

use super::list::{ListedSession, Readable, SessionQuery};
use super::summary::ReasonCounts;
use crate::audit::{EntryKind, Record};
use crate::keyring::SIDE_KEY_DAYS;
use crate::policy::Action;
use crate::port::{SessionFilter, SessionOrder, Verdict};
use crate::{Caller, Result, Vault};

/// The stretch whose reasons are counted, and the equally long one before it.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 14);
/// Sessions of one kind that are pointed out at most.
const LISTED_MAX: u32 = 100;
/// Reasons that are pointed out at most.
const REASONS_MAX: usize = 20;
/// By how many sessions a reason has to move to be pointed out; and it at least doubles or halves.
const MOVE_MIN: u64 = 3;

/// What there is to look at.
#[derive(Debug, Clone)]
pub struct SessionFindings {
    /// Emergencies that nobody reviewed within 24 hours, the oldest first.
    pub overdue: Vec<ListedSession>,
    /// Sessions whose text was destroyed at its longest term without an approval, the newest first.
    pub expired: Vec<ListedSession>,
    /// Reasons that led to decrypting much more or much less often than before, the most frequent first.
    pub reasons: Vec<ReasonCounts>,
    /// Sessions in which something was decrypted, in the last two weeks …
    pub decrypted: u64,
    /// … and in the two weeks before.
    pub decrypted_before: u64,
    /// Where the last two weeks begin.
    pub from: Timestamp,
    /// Whether there may be more than is listed.
    pub cut: bool,
}

impl SessionFindings {
    /// How many things there are to look at.
    pub fn count(&self) -> usize {
        self.overdue.len() + self.expired.len() + self.reasons.len()
    }
}

impl Vault {
    /// What the analysis of sessions points out, of sources whose sessions the caller may read. Reading it is put on record.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy.
    pub async fn findings(&self, caller: &Caller) -> Result<SessionFindings> {
        let decision = match self.reads_some(caller)? {
            Some(decision) => decision,
            None => {
                self.permit(caller, Action::ReadSessions, EntryKind::LogDenied)
                    .await?
            }
        };
        let record = Record::by(EntryKind::SessionRead, caller)
            .ruling(self.ruling(&decision))
            .fact("findings", true);
        self.record(record).await?;
        let (overdue, overdue_cut) = self.overdue(caller).await?;
        let (expired, expired_cut) = self.expired(caller).await?;
        let now = self.now();
        let back = |moment: Timestamp| moment.checked_sub(PERIOD).unwrap_or(Timestamp::MIN);
        let from = back(now);
        // What starts while this is read belongs to it.
        let (recent, recent_cut) = self.decrypted_in(caller, from, now + PERIOD).await?;
        let (former, former_cut) = self.decrypted_in(caller, back(from), from).await?;
        let mut reasons = super::summary::by_reason(&recent, &former);
        reasons.retain(|counts| counts.reason.is_some() && has_moved(counts));
        let reasons_cut = reasons.len() > REASONS_MAX;
        reasons.truncate(REASONS_MAX);
        Ok(SessionFindings {
            overdue,
            expired,
            reasons,
            decrypted: recent.len() as u64,
            decrypted_before: former.len() as u64,
            from,
            cut: overdue_cut || expired_cut || recent_cut || former_cut || reasons_cut,
        })
    }

    async fn overdue(&self, caller: &Caller) -> Result<(Vec<ListedSession>, bool)> {
        let query = SessionQuery {
            filter: SessionFilter {
                emergency: Some(true),
                verdict: Some(Verdict::Pending),
                order: SessionOrder::OldestFirst,
                count_max: LISTED_MAX,
                ..SessionFilter::default()
            },
            reasons: true,
            ..SessionQuery::default()
        };
        let list = self.list(caller, &query, None).await?;
        let overdue = list.sessions.into_iter().filter(|listed| listed.overdue);
        Ok((overdue.collect(), list.next.is_some()))
    }

    /// Of sessions that are old enough, those without an approval and without their key.
    async fn expired(&self, caller: &Caller) -> Result<(Vec<ListedSession>, bool)> {
        // A key dies with the day; whether it is gone is looked at.
        let term = SignedDuration::from_hours(24 * (SIDE_KEY_DAYS - 1));
        let now = self.now();
        let before = now.checked_sub(term).unwrap_or(Timestamp::MIN);
        let (mut expired, mut cut) = (Vec::new(), false);
        let mut readable = Readable::default();
        for verdict in [Verdict::Pending, Verdict::Flagged] {
            let filter = SessionFilter {
                verdict: Some(verdict),
                before: Some(before),
                count_max: LISTED_MAX,
                ..SessionFilter::default()
            };
            let rows = self.inner.data.sessions(&filter).await?;
            cut |= rows.len() >= LISTED_MAX as usize;
            for row in rows {
                if !self.may_read(caller, &mut readable, &row.source)? {
                    continue;
                }
                let (tenant, keyring) = (&self.inner.config.tenant, &self.inner.keyring);
                if keyring.session_secret(tenant, row.id, now).await?.is_none() {
                    expired.push(ListedSession {
                        overdue: row.is_overdue(now),
                        row,
                        reason: None,
                        link: None,
                    });
                }
            }
        }
        expired.sort_by_key(|listed| std::cmp::Reverse(listed.row.started_at));
        Ok((expired, cut))
    }
}

/// Whether a reason led to decrypting much more or much less often than before.
fn has_moved(counts: &ReasonCounts) -> bool {
    let (less, more) = match counts.now < counts.former {
        true => (counts.now, counts.former),
        false => (counts.former, counts.now),
    };
    more - less >= MOVE_MIN && more >= 2 * less
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_moves_by_some_sessions_and_by_half() {
        let check = |former, now| {
            has_moved(&ReasonCounts {
                reason: None,
                now,
                former,
            })
        };
        assert!(check(0, 3) && check(3, 0) && check(3, 6) && check(100, 50));
        assert!(!check(0, 2) && !check(0, 0) && !check(100, 120) && !check(4, 7));
    }
}
