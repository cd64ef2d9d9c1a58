//! The ledger's rows, sealed under a key of their subject and lying where only that key says
//! (`docs/formats/consent-ledger.md`). Who holds the rows without the keys learns neither whose they are nor what was said
//! nor when: anything of that beside an account's id would tie it to the telemetry id whose consent changed then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use privet_classify::Language;
use privet_seal::{Entropy, Nonce, OpenError, PlaceKey, RecordKey, Secret32, Zeroizing};
use serde::{Deserialize, Serialize};

use super::event::{ConsentAnswer, ConsentChannel, ConsentEvent, ConsentState};
use crate::changed::Ticket;
use crate::port::{ConsentPlace, ConsentRow};
use crate::{Error, Result};

/// The version of the JSON inside.
const VERSION: u8 = 1;
/// Keeps this use of a record key apart from any other.
const LABEL: &[u8; 17] = b"privet/v1/consent";
/// Contents are padded to a multiple of this: "yes" and "no" differ in length, and so do one answer and two.
const BLOCK_BYTES: usize = 256;
/// Ends the content, before the zeros.
const END: u8 = 0x80;

/// Which part of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    State = 1,
    Evidence = 2,
}

/// The key of a subject's rows, with what is known of how many there are. It never leaves this crate, and destroying it in
/// the key store ends what it sealed.
pub(crate) struct ConsentKey {
    records: RecordKey,
    places: PlaceKey,
    /// The last event that the key store said was told to every server: it must be there.
    told: AtomicU64,
    /// The last one that was found here; there may be later ones, and it may be gone if nobody was told of it.
    seen: AtomicU64,
    /// Taken before `told` was read.
    ticket: RwLock<Ticket>,
}

impl ConsentKey {
    /// The key with this secret, of whose events the one with the number `told` was told last (0: none).
    pub(crate) fn new(secret: Secret32, told: u64, ticket: Ticket) -> Self {
        Self {
            places: PlaceKey::derive(&secret),
            records: RecordKey::from(secret),
            told: AtomicU64::new(told),
            seen: AtomicU64::new(told),
            ticket: RwLock::new(ticket),
        }
    }

    /// Where the event with this number lies.
    pub(crate) fn place(&self, number: u64) -> ConsentPlace {
        ConsentPlace(self.places.place(number))
    }

    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }

    pub(crate) fn ticket(&self) -> Ticket {
        *self.ticket.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the key store says, read after the ticket was taken.
    pub(crate) fn learn(&self, told: u64, ticket: Ticket) {
        self.told.fetch_max(told, Ordering::SeqCst);
        *self.ticket.write().unwrap_or_else(PoisonError::into_inner) = ticket;
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    pub(super) fn see(&self, number: u64) {
        self.seen.store(number, Ordering::SeqCst);
    }

    /// The row of an event.
    pub(super) fn seal(
        &self,
        event: &ConsentEvent,
        evidence: Option<&str>,
        entropy: &dyn Entropy,
    ) -> Result<ConsentRow> {
        let number = event.state.number;
        let mut json = Zeroizing::new(Vec::with_capacity(2 * BLOCK_BYTES));
        serde_json::to_writer(&mut *json, &EventJson::from(event))
            .map_err(|_| Error::Internal("a consent event cannot be JSON"))?;
        let seal = |part, content: &[u8]| {
            let padded = padded(content);
            let aad = associated_data(part, number);
            let sealed = self.records.seal(&padded, &aad, Nonce::random(entropy));
            sealed.map_err(|_| Error::Internal("a consent event is too long"))
        };
        Ok(ConsentRow {
            state: seal(Part::State, &json)?,
            evidence: match evidence {
                None => None,
                Some(text) => Some(seal(Part::Evidence, text.as_bytes())?),
            },
        })
    }

    /// What a row's state says; it must be this person's, and have been sealed under this number.
    pub(super) fn open(
        &self,
        number: u64,
        sealed: &[u8],
    ) -> std::result::Result<ConsentEvent, OpenError> {
        let opened = self.part(Part::State, number, sealed)?;
        let json: EventJson = serde_json::from_slice(&opened).map_err(|_| OpenError)?;
        if json.v != VERSION {
            return Err(OpenError);
        }
        Ok(json.event(number))
    }

    /// A row's evidence.
    pub(super) fn open_evidence(
        &self,
        number: u64,
        sealed: &[u8],
    ) -> std::result::Result<Zeroizing<String>, OpenError> {
        let opened = self.part(Part::Evidence, number, sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| OpenError)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn part(
        &self,
        part: Part,
        number: u64,
        sealed: &[u8],
    ) -> std::result::Result<Zeroizing<Vec<u8>>, OpenError> {
        let aad = associated_data(part, number);
        let mut opened = self.records.open(sealed, &aad)?;
        let end = opened.iter().rposition(|byte| *byte != 0);
        let end = end.filter(|end| opened.get(*end) == Some(&END));
        opened.truncate(end.ok_or(OpenError)?);
        Ok(opened)
    }
}

fn padded(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let size = (content.len() + 1).next_multiple_of(BLOCK_BYTES);
    let mut padded = Zeroizing::new(Vec::with_capacity(size));
    padded.extend_from_slice(content);
    padded.push(END);
    padded.resize(size, 0);
    padded
}

/// A row cannot take another number, or stand for the other part; that it cannot be given to somebody else is the key's
/// doing. All are of fixed lengths.
fn associated_data(part: Part, number: u64) -> Vec<u8> {
    let (part, number) = ([part as u8], number.to_be_bytes());
    [&LABEL[..], &part, &number].concat()
}

#[derive(Serialize, Deserialize)]
struct EventJson {
    v: u8,
    at: jiff::Timestamp,
    granted: u32,
    withdrawn: u32,
    channel: ConsentChannel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
    answers: Vec<ConsentAnswer>,
}

impl EventJson {
    fn event(self, number: u64) -> ConsentEvent {
        ConsentEvent {
            state: ConsentState {
                number,
                at: self.at,
                answers: self.answers,
            },
            granted: self.granted,
            withdrawn: self.withdrawn,
            channel: self.channel,
            language: self.language,
        }
    }
}

impl From<&ConsentEvent> for EventJson {
    fn from(event: &ConsentEvent) -> Self {
        Self {
            v: VERSION,
            at: event.state.at,
            granted: event.granted,
            withdrawn: event.withdrawn,
            channel: event.channel,
            language: event.language.clone(),
            answers: event.state.answers.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
