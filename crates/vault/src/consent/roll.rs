//! The roll: everybody whom telemetry knows, by their id there, with what they agree to. It is what questions to telemetry are
//! answered by.
//!
//! It is read once from the stores, ahead of the first question, and kept in memory, some 100 bytes a person. Before each
//! question it is brought up to date with the shared sequence, which every change of consent and of an id advances before it
//! is acknowledged: so a withdrawal that was acknowledged before a question began is always in it, whichever server took it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use super::rule::ConsentRule;
use super::sealed::ConsentKey;
use crate::port::{Change, ChangeKind, SubjectRow};
use crate::vault::Inner;
use crate::{Error, Result, SubjectRef, Vault};

/// How many people are read at once.
const PAGE: u32 = 1_000;
/// How many people's keys are opened before others have their turn.
const TURN: usize = 50;

/// The roll, once it was read. One question at a time brings it up to date; whoever comes while it is read waits for it.
#[derive(Default)]
pub(crate) struct Roll(Arc<Mutex<Option<Called>>>);

/// Everybody, as of a change of the shared sequence.
struct Called {
    /// The last change that is in it; `None` before the first of all.
    last: Option<Change>,
    people: HashMap<SubjectRef, Member>,
}

/// A roll of which some was read.
struct Calling {
    called: Called,
    /// The last one read.
    after: Option<SubjectRef>,
}

/// Somebody whom telemetry knows.
struct Member {
    tyid: [u8; 16],
    /// The purposes that they agree to, under the notices in force.
    bits: u32,
}

impl Vault {
    /// Reads who agrees ahead of the first question, in the background. A server that stops does not wait for it, and a
    /// question that comes meanwhile does.
    pub fn call_roll_ahead(&self) {
        let (inner, roll) = (Arc::downgrade(&self.inner), Arc::clone(&self.inner.roll.0));
        tokio::spawn(async move {
            let mut roll = roll.lock().await;
            if roll.is_some() {
                return;
            }
            match read_ahead(&inner).await {
                Ok(called) => *roll = called,
                Err(error) => tracing::warn!(
                    %error,
                    "who agrees could not be read ahead; the first question to telemetry does it"
                ),
            }
        });
    }

    /// Brings a roll up to date that nobody has asked for a while: what changed since may not be kept for ever.
    pub(crate) async fn follow_roll(&self) -> Result<()> {
        // Somebody is at it.
        let Ok(mut roll) = self.inner.roll.0.try_lock() else {
            return Ok(());
        };
        if let Some(called) = roll.as_mut()
            && !self.follow(called).await?
        {
            *roll = None;
        }
        Ok(())
    }

    /// The telemetry ids of those who agree at this moment, sorted.
    pub(crate) async fn agreeing(&self, rule: &ConsentRule<'_>) -> Result<Arc<[[u8; 16]]>> {
        let bit = rule.mask();
        let vault = self.clone();
        // A caller that goes away must not make the next one begin from the start.
        let work = tokio::spawn(async move {
            let roll = Arc::clone(&vault.inner.roll.0);
            let mut roll = roll.lock().await;
            let called = vault.up_to_date(&mut roll).await?;
            let agreeing = called.people.values().filter(|one| one.bits & bit != 0);
            let mut ids: Vec<[u8; 16]> = agreeing.map(|one| one.tyid).collect();
            ids.sort_unstable();
            Ok(ids.into())
        });
        work.await
            .map_err(|_| Error::Internal("the roll could not be called"))?
    }

    /// Brings the roll up to date; reads it anew where there is none, or where the key store went back and what was read
    /// may hold what is no more.
    async fn up_to_date<'r>(&self, roll: &'r mut Option<Called>) -> Result<&'r Called> {
        let follows = match roll.as_mut() {
            Some(called) => self.follow(called).await?,
            None => false,
        };
        if !follows {
            let mut calling = self.begin_roll().await?;
            while self.read_page(&mut calling).await? {}
            if !self.follow(&mut calling.called).await? {
                return Err(Error::unready(
                    "key_store_unread",
                    "the key store went back while it was read: try again",
                ));
            }
            *roll = Some(calling.called);
        }
        roll.as_ref().ok_or(Error::Internal("there is no roll"))
    }

    async fn begin_roll(&self) -> Result<Calling> {
        let keys = &self.inner.keys;
        // The position comes first: what changes while people are read is read again.
        let position = keys.sequence().await?;
        let last = keys.changes_after(position.saturating_sub(1)).await?;
        Ok(Calling {
            called: Called {
                last: last.into_iter().find(|change| change.sequence == position),
                people: HashMap::new(),
            },
            after: None,
        })
    }

    /// Reads some more people; `false` when there are none.
    async fn read_page(&self, calling: &mut Calling) -> Result<bool> {
        let keys = &self.inner.keys;
        let seen = keys.subjects_with_salts(calling.after, PAGE).await?;
        let Some(last) = seen.last() else {
            return Ok(false);
        };
        calling.after = Some(last.reference);
        self.enter(&mut calling.called.people, &seen).await?;
        Ok(true)
    }

    /// Applies what changed since; `false` when the store no longer has the change that was seen last, or what came after it.
    async fn follow(&self, called: &mut Called) -> Result<bool> {
        loop {
            let from = called.last.map_or(0, |last| last.sequence);
            let read = self
                .inner
                .keys
                .changes_after(from.saturating_sub(1))
                .await?;
            let news = match (&called.last, read.split_first()) {
                // Everything is news, unless some of it is no longer kept.
                (None, first) if first.is_none_or(|(first, _)| first.sequence == 1) => &read[..],
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
                let rows: Vec<SubjectRow> = rows.into_iter().flatten().collect();
                self.enter(&mut called.people, &rows).await?;
            }
            called.last = Some(*newest);
        }
    }

    /// Enters those of these subjects whom telemetry knows. Of their keys those are opened that say so, and none is kept ready:
    /// reading everybody must not push out those whose values are being shown.
    async fn enter(
        &self,
        people: &mut HashMap<SubjectRef, Member>,
        rows: &[SubjectRow],
    ) -> Result<()> {
        let (keyring, now) = (&self.inner.keyring, self.now());
        let keys: Vec<Option<ConsentKey>> = keyring.consent_keys(rows, TURN, now).await?;
        let states = keys.iter().map(Option::as_ref).collect::<Vec<_>>();
        let states = self.states_under(&states).await?;
        let rows: Vec<&SubjectRow> = rows.iter().collect();
        // Who has no salt any more was erased since.
        let salts = keyring.salts(&rows, now).await?;
        for ((row, salt), state) in rows.iter().zip(salts).zip(states) {
            let Some(salt) = salt else { continue };
            let stamp = self.stamp(row, &salt, state.as_ref());
            let member = Member {
                tyid: *stamp.tyid.as_bytes(),
                bits: stamp.bits,
            };
            people.insert(row.reference, member);
        }
        Ok(())
    }
}

/// Everybody, as far as the vault lives so long: it is not held from one page to the next.
async fn read_ahead(inner: &Weak<Inner>) -> Result<Option<Called>> {
    let mut calling: Option<Calling> = None;
    loop {
        let Some(inner) = inner.upgrade() else {
            return Ok(None);
        };
        let vault = Vault { inner };
        let mut some = match calling.take() {
            Some(some) => some,
            None => vault.begin_roll().await?,
        };
        if !vault.read_page(&mut some).await? {
            return Ok(Some(some.called));
        }
        calling = Some(some);
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
        | ChangeKind::SessionEnded(_)
        | ChangeKind::KeysReplaced(_) => None,
    }
}
