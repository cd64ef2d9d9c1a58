//! Emergencies as pages mark them: nobody was asked, so somebody has to look within 24 hours.

use jiff::Timestamp;
use privet_vault::port::{EMERGENCY_REVIEW, SessionRow, Verdict};

use super::text::{Moment, span};

/// Something was decrypted at once, without asking anybody.
pub(super) struct Emergency {
    /// When first.
    pub(super) at: Moment,
    /// Until when it has to be reviewed; `None` once it was.
    pub(super) deadline: Option<Moment>,
    /// How far that is from now, in words.
    pub(super) distance: String,
    /// Whether that time is over.
    pub(super) overdue: bool,
}

impl Emergency {
    /// The emergency of a session, if there was one.
    pub(super) fn of(row: &SessionRow, now: Timestamp) -> Option<Self> {
        let at = row.emergency_at?;
        let deadline = at.checked_add(EMERGENCY_REVIEW).ok()?;
        let overdue = row.is_overdue(now);
        let distance = match overdue {
            true => format!("{} ago", span(now.duration_since(deadline))),
            false => format!("{} left", span(deadline.duration_since(now))),
        };
        Some(Self {
            at: at.into(),
            deadline: (row.verdict() == Verdict::Pending).then(|| deadline.into()),
            distance,
            overdue,
        })
    }
}
