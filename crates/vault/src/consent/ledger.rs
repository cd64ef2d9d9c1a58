//! Reading and adding rows of the ledger: the one place that knows both the store, which sees sealed rows at random places
//! alone, and the subjects' keys, which say where each lies and open it.
//!
//! Which event of a person is the last nobody has to be asked: where the last known one lies, and the one after it, is
//! looked at together. That an event was told to every server stands in the key store, so that a data store which lost it
//! is found out.

use privet_seal::OpenError;

use super::event::{ConsentEvent, ConsentState};
use super::sealed::ConsentKey;
use crate::keyring::OpenSubject;
use crate::port::{ConsentPlace, ConsentRow};
use crate::{Error, Result, Vault};

/// What a damaged, foreign or moved row is answered with.
pub(super) const UNREADABLE: Error = Error::Internal("a row of the consent ledger does not open");

/// How many places are looked at first: the last known event's, and the next.
const WIDTH_MIN: u64 = 2;
/// How many at most at once, for somebody of whose events this server has missed many.
const WIDTH_MAX: u64 = 64;

/// A person's last event, as the data store has it.
#[derive(Debug)]
pub(super) enum Last {
    /// They have answered nothing.
    Never,
    /// The event with this number was told to everybody and is gone, with all that came after it.
    Lost(u64),
    /// Its number and its sealed state.
    Row(u64, Vec<u8>),
}

impl Last {
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Never => 0,
            Self::Lost(number) | Self::Row(number, _) => *number,
        }
    }
}

/// Events of a person, newest first.
pub(super) struct Page {
    /// Each with its row; numbers whose rows are gone are left out.
    pub(super) events: Vec<(ConsentEvent, ConsentRow)>,
    /// The number before which older ones are.
    pub(super) before: Option<u64>,
}

impl Vault {
    /// What each of these subjects answered last. A row that does not open, or is gone, says nothing, so that nobody is
    /// taken to agree by it.
    pub(crate) async fn consent_states(
        &self,
        subjects: &[&OpenSubject],
    ) -> Result<Vec<Option<ConsentState>>> {
        self.inner.keyring.find_consent_keys(subjects).await?;
        let keys = subjects.iter().map(|open| open.consent_key());
        self.states_under(&keys.collect::<Vec<_>>()).await
    }

    /// The same under these keys; `None`: the person has none, and answered nothing.
    pub(super) async fn states_under(
        &self,
        keys: &[Option<&ConsentKey>],
    ) -> Result<Vec<Option<ConsentState>>> {
        let known: Vec<&ConsentKey> = keys.iter().copied().flatten().collect();
        let mut found = self.last_rows(&known).await?.into_iter();
        let (mut unreadable, mut lost) = (0_u32, 0_u32);
        let mut states = Vec::with_capacity(keys.len());
        for key in keys {
            let last = key.and_then(|key| Some((key, found.next()?)));
            states.push(match last {
                None | Some((_, Last::Never)) => None,
                Some((_, Last::Lost(number))) => {
                    lost += 1;
                    Some(ConsentState::lost(number))
                }
                Some((key, Last::Row(number, sealed))) => match key.open(number, &sealed) {
                    Ok(event) => Some(event.state),
                    Err(OpenError) => {
                        unreadable += 1;
                        None
                    }
                },
            });
        }
        if unreadable > 0 {
            tracing::error!(
                unreadable,
                "rows of the consent ledger do not open, so that these people count as silent: restore the data store"
            );
        }
        tell_of_loss(lost);
        Ok(states)
    }

    /// What a subject answered last; it must open, because the next event rests on it.
    pub(crate) async fn last_consent(&self, open: &OpenSubject) -> Result<Option<ConsentState>> {
        self.inner.keyring.find_consent_keys(&[open]).await?;
        let Some(key) = open.consent_key() else {
            return Ok(None);
        };
        match self.last_rows(&[key]).await?.pop() {
            None | Some(Last::Never) => Ok(None),
            Some(Last::Lost(number)) => {
                tell_of_loss(1);
                Ok(Some(ConsentState::lost(number)))
            }
            Some(Last::Row(number, sealed)) => {
                let event = key.open(number, &sealed).map_err(|_| UNREADABLE)?;
                Ok(Some(event.state))
            }
        }
    }

    /// A subject's events, newest first: those with a number below `before` where one is given.
    pub(super) async fn past_consents(
        &self,
        open: &OpenSubject,
        before: Option<u64>,
        count_max: u32,
    ) -> Result<Page> {
        self.inner.keyring.find_consent_keys(&[open]).await?;
        match open.consent_key() {
            Some(key) => self.past_under(key, before, count_max).await,
            None => Ok(Page {
                events: Vec::new(),
                before: None,
            }),
        }
    }

    /// The same under this key.
    pub(super) async fn past_under(
        &self,
        key: &ConsentKey,
        before: Option<u64>,
        count_max: u32,
    ) -> Result<Page> {
        let mut page = Page {
            events: Vec::new(),
            before: None,
        };
        let last = self.last_rows(&[key]).await?.pop();
        let beyond = last.map_or(0, |last| last.number()).saturating_add(1);
        let beyond = before.map_or(beyond, |before| before.min(beyond));
        let first = beyond.saturating_sub(count_max.into()).max(1);
        page.before = (first > 1).then_some(first);
        let numbers: Vec<u64> = (first..beyond).rev().collect();
        let places: Vec<ConsentPlace> = numbers.iter().map(|number| key.place(*number)).collect();
        let rows = self.inner.data.consent_rows(&places).await?;
        for (number, row) in numbers.into_iter().zip(rows) {
            if let Some(row) = row {
                let event = key.open(number, &row.state).map_err(|_| UNREADABLE)?;
                page.events.push((event, row));
            }
        }
        Ok(page)
    }

    /// The last event of each of these keys, in their order. As a rule the store is asked once.
    pub(super) async fn last_rows(&self, keys: &[&ConsentKey]) -> Result<Vec<Last>> {
        let mut searches: Vec<Search<'_>> = keys.iter().map(|key| Search::new(key)).collect();
        loop {
            let open: Vec<&mut Search<'_>> =
                searches.iter_mut().filter(|one| !one.is_done).collect();
            if open.is_empty() {
                return Ok(searches.into_iter().map(Search::end).collect());
            }
            let places: Vec<ConsentPlace> = open.iter().flat_map(|one| one.places()).collect();
            let mut states = self.inner.data.consent_states(&places).await?.into_iter();
            for search in open {
                let width = usize::try_from(search.width).unwrap_or(0);
                search.take(states.by_ref().take(width));
            }
        }
    }
}

/// The search for the last event of one person.
struct Search<'k> {
    key: &'k ConsentKey,
    /// The first number that is looked at next, and how many.
    from: u64,
    width: u64,
    found: Option<(u64, Vec<u8>)>,
    is_done: bool,
}

impl<'k> Search<'k> {
    fn new(key: &'k ConsentKey) -> Self {
        Self {
            key,
            from: key.seen().max(key.told()).max(1),
            width: WIDTH_MIN,
            found: None,
            is_done: false,
        }
    }

    fn places(&self) -> Vec<ConsentPlace> {
        let numbers = self.from..self.from.saturating_add(self.width);
        numbers.map(|number| self.key.place(number)).collect()
    }

    /// What lies there. As long as the last place has a row, there may be more behind it.
    fn take(&mut self, states: impl Iterator<Item = Option<Vec<u8>>>) {
        let beyond = self.from.saturating_add(self.width);
        let rows = (self.from..beyond).zip(states);
        let newest = rows.filter_map(|(number, state)| Some((number, state?)));
        let newest = newest.last();
        let first_told = self.key.told().max(1);
        match newest {
            Some((number, state)) => {
                self.is_done = number.saturating_add(1) < beyond;
                self.found = Some((number, state));
                self.from = beyond;
                self.width = (self.width * 2).min(WIDTH_MAX);
            }
            // What was seen here, and nobody was told of, may have gone with the store's last commits.
            None if self.found.is_none() && self.from > first_told => self.from = first_told,
            None => self.is_done = true,
        }
    }

    fn end(self) -> Last {
        let told = self.key.told();
        match self.found {
            Some((number, state)) if number >= told => {
                self.key.see(number);
                Last::Row(number, state)
            }
            _ if told > 0 => {
                self.key.see(told);
                Last::Lost(told)
            }
            _ => {
                self.key.see(0);
                Last::Never
            }
        }
    }
}

fn tell_of_loss(lost: u32) {
    if lost > 0 {
        tracing::error!(
            lost,
            "the data store does not have the last answers of these people, which every server was told of: it went back, \
             or rows were taken out of it; they count as silent until they answer again"
        );
    }
}
