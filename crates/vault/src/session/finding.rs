//! What the server notices about sessions by itself: an emergency that nobody looked at in time, and a record that ended
//! before anybody had approved it. Each becomes an entry that auditors see.

use jiff::civil::Date;
use privet_seal::KeyKind;

use super::lock;
use super::step::SessionReader;
use crate::audit::{Actor, EntryKind, Record};
use crate::port::{SessionCursor, SessionFilter, SessionOrder, SessionPart, SessionRow, Verdict};
use crate::{Result, SessionId, Vault};

/// Sessions that are looked at together.
const PAGE: u32 = 500;
/// How many of a session's reasons, grants and requests are looked through.
const FRAME_MAX: u32 = 1_000;
/// Keys of sessions that end on one day at most; of more there is no finding each.
const EXPIRED_MAX: u32 = 100_000;

/// An emergency that was not reviewed in time.
const EMERGENCY_UNREVIEWED: &str = "emergency_unreviewed";
/// A session's record was destroyed at its longest term, without an approval.
const EXPIRED_UNREVIEWED: &str = "expired_unreviewed";

impl Vault {
    /// Puts on record which emergencies should have been reviewed by now; each once.
    pub(crate) async fn find_overdue(&self) -> Result<()> {
        let mut filter = SessionFilter {
            emergency: Some(true),
            verdict: Some(Verdict::Pending),
            order: SessionOrder::OldestFirst,
            count_max: PAGE,
            ..SessionFilter::default()
        };
        loop {
            let rows = self.inner.data.sessions(&filter).await?;
            for row in &rows {
                if row.is_overdue(self.now()) {
                    self.report_overdue(row.id).await?;
                }
            }
            match rows.last() {
                Some(last) if rows.len() >= PAGE as usize => {
                    filter.after = Some(SessionCursor::from(last));
                }
                _ => return Ok(()),
            }
        }
    }

    async fn report_overdue(&self, id: SessionId) -> Result<()> {
        if lock(&self.inner.sessions.reported).contains(&id) {
            return Ok(());
        }
        // Another server, or this one before a restart, may have been first.
        let mut reader = SessionReader::open(self, id).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        // What a person said of a look is a finding as well, and not this one.
        let known = steps.iter().any(|step| {
            let finding = step.entry.facts.get("finding");
            step.kind() == Some(EntryKind::Finding)
                && finding.and_then(|finding| finding.as_str()) == Some(EMERGENCY_UNREVIEWED)
        });
        if !known {
            self.report(id, EMERGENCY_UNREVIEWED).await?;
        }
        lock(&self.inner.sessions.reported).insert(id);
        Ok(())
    }

    /// Puts on record which sessions lose their text today without having been approved. It comes before the keys are
    /// destroyed: a server that dies in between says it twice, and never not at all.
    pub(crate) async fn find_unreviewed(&self, today: Date) -> Result<()> {
        let keys = &self.inner.keys;
        let owners = keys.expired_owners(KeyKind::Session, today, EXPIRED_MAX);
        for owner in owners.await? {
            let id = SessionId::from_bytes(owner);
            let row = self.inner.data.session(id).await?;
            let approved = |row: SessionRow| row.verdict() == Verdict::Approved;
            if !row.is_some_and(approved) {
                self.report(id, EXPIRED_UNREVIEWED).await?;
            }
        }
        Ok(())
    }

    async fn report(&self, id: SessionId, finding: &'static str) -> Result<()> {
        let record = Record::new(EntryKind::Finding, Actor::System).fact("finding", finding);
        let key = self.side_key().await?;
        self.record_session(id, &key, record).await?;
        tracing::warn!(session = %id, finding, "an auditor has to look at this");
        Ok(())
    }
}
