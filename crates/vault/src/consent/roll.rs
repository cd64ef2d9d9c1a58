//! The roll: everybody whom telemetry knows, by their id there, with what they agree to. It is what questions to telemetry are
//! answered by.
//!
//! It is read once from the stores and kept in memory, some 100 bytes a person. Before each question it is brought up to
//! date with the shared sequence, which every change of consent and of an id advances before it is acknowledged: so a
//! withdrawal that was acknowledged before a question began is always in it, whichever server took it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::Mutex;

use super::rule::ConsentRule;
use crate::keyring::OpenSubject;
use crate::port::{Change, ChangeKind, SubjectRow};
use crate::{Error, Result, SubjectRef, Vault};

/// How many people are read at once.
const PAGE: u32 = 1_000;

/// The roll, once it was read. One question at a time brings it up to date.
#[derive(Default)]
pub(crate) struct Roll(Arc<Mutex<Option<Called>>>);

/// Everybody, as of a change of the shared sequence.
struct Called {
    /// The last change that is in it; `None` before the first of all.
    last: Option<Change>,
    people: HashMap<SubjectRef, Member>,
}

/// Somebody whom telemetry knows.
struct Member {
    tyid: [u8; 16],
    /// The purposes that they agree to, under the notices in force.
    bits: u32,
}

impl Vault {
    /// The telemetry ids of those who agree at this moment, sorted.
    pub(crate) async fn agreeing(&self, rule: &ConsentRule<'_>) -> Result<Arc<[[u8; 16]]>> {
        let bit = rule.mask();
        let vault = self.clone();
        // A caller that goes away must not make the next one begin from the start.
        let work = tokio::spawn(async move {
            let roll = Arc::clone(&vault.inner.roll.0);
            let mut roll = roll.lock().await;
            let called = vault.call_roll(roll.take()).await?;
            let agreeing = called.people.values().filter(|one| one.bits & bit != 0);
            let mut ids: Vec<[u8; 16]> = agreeing.map(|one| one.tyid).collect();
            *roll = Some(called);
            ids.sort_unstable();
            Ok(ids.into())
        });
        work.await
            .map_err(|_| Error::Internal("the roll could not be called"))?
    }

    /// Brings the roll up to date; reads it anew where there is none, or where the key store went back and what was read
    /// may hold what is no more.
    async fn call_roll(&self, known: Option<Called>) -> Result<Called> {
        if let Some(mut called) = known
            && self.follow(&mut called).await?
        {
            return Ok(called);
        }
        let mut called = self.whole_roll().await?;
        match self.follow(&mut called).await? {
            true => Ok(called),
            false => Err(Error::unready(
                "key_store_unread",
                "the key store went back while it was read: try again",
            )),
        }
    }

    async fn whole_roll(&self) -> Result<Called> {
        let keys = &self.inner.keys;
        // The position comes first: what changes while people are read is read again.
        let position = keys.sequence().await?;
        let last = keys.changes_after(position.saturating_sub(1)).await?;
        let mut called = Called {
            last: last.into_iter().find(|change| change.sequence == position),
            people: HashMap::new(),
        };
        let mut after = None;
        loop {
            let seen = keys.subjects_with_salts(after, PAGE).await?;
            let Some(last) = seen.last() else {
                return Ok(called);
            };
            after = Some(last.reference);
            self.enter(&mut called.people, seen).await?;
        }
    }

    /// Applies what changed since; `false` when the store no longer has the change that was seen last.
    async fn follow(&self, called: &mut Called) -> Result<bool> {
        loop {
            let from = called.last.map_or(0, |last| last.sequence);
            let read = self
                .inner
                .keys
                .changes_after(from.saturating_sub(1))
                .await?;
            let news = match (&called.last, read.split_first()) {
                (None, _) => &read[..],
                (Some(last), Some((first, news))) if first == last => news,
                _ => return Ok(false),
            };
            let Some(newest) = news.last() else {
                return Ok(true);
            };
            let changed: BTreeSet<SubjectRef> = news.iter().filter_map(subject_of).collect();
            let changed: Vec<SubjectRef> = changed.into_iter().collect();
            for some in changed.chunks(PAGE as usize) {
                for subject in some {
                    called.people.remove(subject);
                }
                let rows = self.inner.keys.subjects_by_reference(some).await?;
                let rows = rows.into_iter().flatten().collect();
                self.enter(&mut called.people, rows).await?;
            }
            called.last = Some(*newest);
        }
    }

    /// Enters those of these subjects whom telemetry knows.
    async fn enter(
        &self,
        people: &mut HashMap<SubjectRef, Member>,
        rows: Vec<SubjectRow>,
    ) -> Result<()> {
        let (keyring, now) = (&self.inner.keyring, self.now());
        let opened = keyring.open_rows(rows.into_iter().map(Some).collect(), now);
        let opened = opened.await?;
        // Who is missing was erased since.
        let opened: Vec<&OpenSubject> = opened.iter().flatten().map(|open| &**open).collect();
        let rows: Vec<&SubjectRow> = opened.iter().map(|open| &open.row).collect();
        let salts = keyring.salts(&rows, now).await?;
        let states = self.consent_states(&opened).await?;
        for ((open, salt), state) in opened.iter().zip(salts).zip(states) {
            let Some(salt) = salt else { continue };
            let stamp = self.stamp(open, &salt, state.as_ref());
            let member = Member {
                tyid: *stamp.tyid.as_bytes(),
                bits: stamp.bits,
            };
            people.insert(open.row.reference, member);
        }
        Ok(())
    }
}

/// Whom a change may have put on the roll, taken off, or changed there.
fn subject_of(change: &Change) -> Option<SubjectRef> {
    match change.kind {
        ChangeKind::Erased(subject)
        | ChangeKind::ConsentChanged(subject)
        | ChangeKind::SaltRotated(subject)
        | ChangeKind::SaltMade(subject) => Some(subject),
        ChangeKind::Granted(_)
        | ChangeKind::GrantEnded(_)
        | ChangeKind::TokenRevoked(_)
        | ChangeKind::SessionEnded(_) => None,
    }
}
