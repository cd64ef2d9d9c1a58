//! The sequence that grants, revocations, erasures, ends of sessions and changes of consent share: followed by every server, and the reason to open
//! nothing when it cannot be read.
//!
//! A key store can go back under a running server: a standby that had not seen the last commits takes over. The last
//! change that was read is therefore looked for again at each look. When it is gone, so is whatever it took away, and
//! this server, which remembers, takes it away once more before it opens anything.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::port::{Change, ChangeKind, KeyStore};
use crate::session::lock;
use crate::{Clock, Error, Reason, Result, Vault};

/// A server that has not read the sequence for this long opens nothing.
pub(crate) const STALE: Duration = Duration::from_secs(1);

/// How many of the last changes are remembered: many more than a standby can be behind.
const REMEMBERED: usize = 10_000;

/// How many a start reads, so that it remembers some as well: what the store answers at once.
const REMEMBERED_AT_START: u64 = 1_000;

/// For how long changes are kept. The sequence says in which order people answered, rotated and left; a server needs what it
/// has not read, and for a while what a standby may not have. One that was away for longer starts anew.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Where this server stands in the shared sequence.
pub(crate) struct Watch {
    seen: tokio::sync::Mutex<Seen>,
    read_at_ms: AtomicU64,
    marks: Mutex<Marks>,
}

/// Where the sequence stood at which time: the changes themselves say nothing of when they were.
#[derive(Debug, Default)]
struct Marks(VecDeque<(Duration, u64)>);

impl Marks {
    /// Notes where it stands now, and answers up to where it stood so long ago that what was before is no longer kept.
    fn add(&mut self, now: Duration, position: u64) -> Option<u64> {
        self.0.push_back((now, position));
        let mut old = None;
        while let Some((at, position)) = self.0.front().copied()
            && now.saturating_sub(at) >= KEPT
        {
            old = Some(position);
            self.0.pop_front();
        }
        old
    }
}

/// The last changes that were read, oldest first.
#[derive(Debug, Default)]
struct Seen(VecDeque<Change>);

impl Seen {
    /// The position of the last one.
    fn position(&self) -> u64 {
        self.0.back().map_or(0, |last| last.sequence)
    }

    fn add(&mut self, change: Change) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(change);
    }

    /// What follows the last one, if `read`, the changes from its position on, still begins with it.
    fn continued<'c>(&self, read: &'c [Change]) -> Option<&'c [Change]> {
        match (self.0.back(), read.split_first()) {
            (None, _) => Some(read),
            (Some(last), Some((first, news))) if first == last => Some(news),
            _ => None,
        }
    }

    /// Whether `read`, the changes from the last one's position on, begins behind it: it is no longer kept.
    fn is_trimmed(&self, read: &[Change]) -> bool {
        let first = read.first().map(|first| first.sequence);
        first.is_some_and(|first| first > self.position().max(1))
    }

    /// Lets go of what is no longer kept, and so cannot have been lost.
    fn trim(&mut self, oldest: Option<&Change>) {
        while let (Some(front), Some(oldest)) = (self.0.front(), oldest)
            && front.sequence < oldest.sequence
        {
            self.0.pop_front();
        }
    }

    /// Takes out what is not among `read`, the changes of the store from the first remembered one on.
    fn lost(&mut self, read: &[Change]) -> Vec<Change> {
        let kept = self.0.iter().zip(read).take_while(|(a, b)| a == b).count();
        self.0.split_off(kept).into()
    }
}

impl Watch {
    pub(crate) async fn start(keys: &dyn KeyStore, clock: &dyn Clock) -> Result<Self> {
        let position = keys.sequence().await?;
        let after = position.saturating_sub(REMEMBERED_AT_START);
        let last = keys.changes_after(after).await?;
        Ok(Self {
            seen: tokio::sync::Mutex::new(Seen(last.into())),
            read_at_ms: AtomicU64::new(millis(clock.monotonic())),
            marks: Mutex::default(),
        })
    }
}

impl Vault {
    /// Refuses when the shared sequence has not been read within the last second.
    pub(crate) fn fresh(&self) -> Result<()> {
        let watch = &self.inner.watch;
        let read_at = watch.read_at_ms.load(Ordering::Acquire);
        let age = millis(self.inner.clock.monotonic()).saturating_sub(read_at);
        if age <= millis(STALE) {
            return Ok(());
        }
        Err(Error::Unready(Reason {
            code: "key_store_unread",
            text: "the key store has not answered for a second, so nothing is opened: check it, \
                   then try again"
                .to_owned(),
        }))
    }

    /// The same for work that nobody waits for at a door: where the sequence was not read within the last second, it is read now, so that a
    /// machine that is busy for a moment cuts no work short.
    pub(crate) async fn follow_patiently(&self) -> Result<()> {
        match self.fresh() {
            Ok(()) => Ok(()),
            Err(_) => self.catch_up().await,
        }
    }

    /// Applies what happened since the last look: forgets erased subjects and revoked tokens, ends grants.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let watch = &self.inner.watch;
        let mut seen = watch.seen.lock().await;
        let started = millis(self.inner.clock.monotonic());
        loop {
            // From the last one on that is known, which must still be there.
            let from = seen.position().saturating_sub(1);
            let read = self.inner.keys.changes_after(from).await?;
            if seen.is_trimmed(&read) {
                return Err(Error::unready(
                    "changes_missed",
                    "this server has not read what others changed for a day, and it is no longer kept: restart it",
                ));
            }
            let Some(news) = seen.continued(&read) else {
                self.take_away_again(&mut seen).await?;
                continue;
            };
            if news.is_empty() {
                break;
            }
            for change in news {
                self.apply(change.kind);
                seen.add(*change);
            }
        }
        watch.read_at_ms.fetch_max(started, Ordering::AcqRel);
        Ok(())
    }

    /// Removes the changes that were before the time for which they are kept.
    pub(crate) async fn trim_changes(&self) -> Result<()> {
        let position = self.inner.watch.seen.lock().await.position();
        let now = self.inner.clock.monotonic();
        let old = lock(&self.inner.watch.marks).add(now, position);
        if let Some(old) = old {
            // It ends: each time fewer are left that are so old.
            while self.inner.keys.trim_changes(old).await? > 0 {}
        }
        Ok(())
    }

    fn apply(&self, change: ChangeKind) {
        match change {
            // Consent is read from the data store each time.
            ChangeKind::Granted(_) | ChangeKind::SaltMade(_) => {}
            ChangeKind::GrantEnded(grant) => self.inner.sessions.end_grant(grant),
            ChangeKind::TokenRevoked(token) => {
                self.inner.tokens.revoke(token);
                self.inner.sessions.end_token(token);
            }
            ChangeKind::Erased(subject) => {
                self.inner.keyring.forget(subject);
                self.inner.stamps.forget(subject);
                self.inner.sessions.end_subject(subject);
            }
            ChangeKind::KeysReplaced(subject) => {
                self.inner.keyring.forget(subject);
                // A grant holds the keys that it was given with.
                self.inner.sessions.end_subject(subject);
            }
            ChangeKind::SessionEnded(session) => self.inner.sessions.end_session(session),
            ChangeKind::ConsentChanged(subject) | ChangeKind::SaltRotated(subject) => {
                self.inner.stamps.forget(subject);
            }
        }
    }

    /// The key store went back to before something that this server has read. Nothing is opened until all of it is done
    /// once more; an error leaves everything to the next look.
    async fn take_away_again(&self, seen: &mut Seen) -> Result<()> {
        let stored = self.stored_since(seen).await?;
        let lost = Seen(seen.0.clone()).lost(&stored);
        tracing::error!(
            changes = lost.len(),
            "the key store went back: a standby that had not seen everything took over, or a copy was restored; what \
             it had taken away is taken away again"
        );
        // Keys that were made since may be gone as well; a value sealed with one could never be opened.
        self.inner.keyring.forget_all();
        self.inner.stamps.forget_all();
        let (keys, now) = (&self.inner.keys, self.now());
        for change in &lost {
            match change.kind {
                // Nobody could end what the store does not know.
                ChangeKind::Granted(grant) => self.inner.sessions.end_grant(grant),
                ChangeKind::GrantEnded(grant) => drop(keys.end_grant(grant, now).await?),
                ChangeKind::TokenRevoked(token) => drop(keys.revoke_token(token, now).await?),
                ChangeKind::Erased(subject) => self.replay(subject, true).await?,
                ChangeKind::SessionEnded(session) => keys.end_session(session).await?,
                // Others may not have seen it.
                ChangeKind::ConsentChanged(subject) => self.consent_changed_again(subject).await?,
                // Which fields it was about stands in the logs alone. What lies in the store was erased; an old copy of it opens for
                // as long as they are read.
                ChangeKind::KeysReplaced(_) => self.inner.ledger.replay_again(),
                // Whoever is seen again gets another one, under which nothing was recorded.
                ChangeKind::SaltMade(_) => {}
                // The salt of before is back, or none is there; who is gone as well needs none.
                ChangeKind::SaltRotated(subject) => match self.replace_salt(subject).await {
                    Err(Error::NotFound(_)) => {}
                    replaced => replaced?,
                },
            }
        }
        seen.lost(&stored);
        Ok(())
    }

    /// The store's changes from the first remembered one on, as many as are remembered.
    async fn stored_since(&self, seen: &mut Seen) -> Result<Vec<Change>> {
        let first = seen.0.front().map_or(1, |first| first.sequence);
        let mut stored: Vec<Change> = Vec::new();
        while stored.len() < seen.0.len() {
            let after = stored
                .last()
                .map_or(first.saturating_sub(1), |last| last.sequence);
            let read = self.inner.keys.changes_after(after).await?;
            if read.is_empty() {
                break;
            }
            stored.extend(read);
        }
        seen.trim(stored.first());
        let first = seen.0.front().map_or(first, |first| first.sequence);
        // All that is remembered is gone, and perhaps more than that: the log knows, and a start asks it.
        if first > 1 && stored.first() != seen.0.front() {
            return Err(Error::Unready(Reason {
                code: "key_store_went_back",
                text: "the key store went back further than this server remembers: restart it, so that it reads the log"
                    .to_owned(),
            }));
        }
        Ok(stored)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenId;

    fn change(sequence: u64, id: u8) -> Change {
        Change {
            sequence,
            kind: ChangeKind::TokenRevoked(TokenId::from_bytes([id; 16])),
        }
    }

    fn seen(ids: &[u8]) -> Seen {
        let changes = (1..).zip(ids).map(|(sequence, id)| change(sequence, *id));
        Seen(changes.collect())
    }

    #[test]
    fn a_store_that_went_on_is_told_from_one_that_went_back() {
        let known = seen(&[1, 2]);
        let news = [change(2, 2), change(3, 3)];
        assert_eq!(known.continued(&news), Some(&news[1..]));
        assert_eq!(known.continued(&news[..1]), Some(&[][..]));
        assert_eq!(known.continued(&[]), None, "it ends before");
        let other = [change(2, 9), change(3, 3)];
        assert_eq!(known.continued(&other), None, "something else came there");
        assert_eq!(seen(&[]).continued(&news), Some(&news[..]));
    }

    #[test]
    fn what_is_lost_is_what_the_store_has_no_more() {
        for (stored, kept) in [(&[1, 2, 3][..], 3), (&[1, 2], 2), (&[1, 9, 3], 1), (&[], 0)] {
            let mut known = seen(&[1, 2, 3]);
            let lost = known.lost(Vec::from(seen(stored).0).as_slice());
            assert_eq!((known.0.len(), lost.len()), (kept, 3 - kept), "{stored:?}");
        }
    }

    #[test]
    fn what_is_no_longer_kept_is_told_from_what_was_lost() {
        let mut known = seen(&[1, 2, 3]);
        // The last one that was read is there, also if it is the only one.
        assert!(!known.is_trimmed(&[change(3, 3)]));
        assert!(!known.is_trimmed(&[change(3, 9)]), "the store went back");
        assert!(!known.is_trimmed(&[]));
        assert!(known.is_trimmed(&[change(4, 4), change(5, 5)]));
        assert!(!seen(&[]).is_trimmed(&[change(1, 1)]));
        assert!(seen(&[]).is_trimmed(&[change(4, 4)]));
        known.trim(None);
        assert_eq!(known.0.len(), 3);
        known.trim(Some(&change(2, 2)));
        assert_eq!(known.0, [change(2, 2), change(3, 3)]);
        // The others that are remembered are still there, so that only the last is lost.
        assert_eq!(known.lost(&[change(2, 2)]), [change(3, 3)]);
    }

    #[test]
    fn changes_are_kept_for_a_day() {
        const HOUR: u64 = 3_600;
        let mut marks = Marks::default();
        for hour in 0..24 {
            let now = Duration::from_secs(hour * HOUR);
            assert_eq!(marks.add(now, 10 * hour), None);
        }
        let mut at = |hours| marks.add(Duration::from_secs(hours * HOUR), 1_000);
        assert_eq!(at(24), Some(0));
        assert_eq!(at(25), Some(10));
        // Nobody looked for a while.
        assert_eq!(at(40), Some(160));
        assert_eq!(at(41), Some(170));
        assert!(marks.0.len() < 24);
    }

    #[test]
    fn only_the_last_changes_are_remembered() {
        let mut known = Seen::default();
        for sequence in 1..=REMEMBERED as u64 + 5 {
            known.add(change(sequence, 1));
        }
        assert_eq!(known.0.len(), REMEMBERED);
        assert_eq!(known.position(), REMEMBERED as u64 + 5);
    }
}
