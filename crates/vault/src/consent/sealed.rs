//! The ledger's rows, sealed under a key of their subject (`docs/formats/consent-ledger.md`). Who holds the rows without
//! the keys learns neither what was said nor when: a time beside an account's id would tie it to the telemetry id
//! whose consent changed then.

use privet_seal::{Entropy, KeyId, Nonce, OpenError, RecordKey, Zeroizing};
use serde::{Deserialize, Serialize};

use super::event::{ConsentAnswer, ConsentChannel, ConsentEvent, ConsentState};
use crate::port::{ConsentRow, SealedState};
use crate::{Error, Puid, Result};

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

/// The key of a subject's rows. It never leaves this crate, and destroying it in the key store ends what it sealed.
pub(crate) struct ConsentKey {
    id: KeyId,
    key: RecordKey,
}

impl ConsentKey {
    /// The key that the key store knows by `id`.
    pub(crate) fn new(id: KeyId, key: RecordKey) -> Self {
        Self { id, key }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// The row of an event.
    pub(super) fn seal(
        &self,
        puid: Puid,
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
            let aad = associated_data(part, puid, number);
            let sealed = self.key.seal(&padded, &aad, Nonce::random(entropy));
            sealed.map_err(|_| Error::Internal("a consent event is too long"))
        };
        Ok(ConsentRow {
            state: SealedState {
                number,
                key: self.id,
                sealed: seal(Part::State, &json)?,
            },
            evidence: match evidence {
                None => None,
                Some(text) => Some(seal(Part::Evidence, text.as_bytes())?),
            },
        })
    }

    /// What a row says; it must be this person's, and have been sealed under its number.
    pub(super) fn open(
        &self,
        puid: Puid,
        state: &SealedState,
    ) -> std::result::Result<ConsentEvent, OpenError> {
        let opened = self.part(Part::State, puid, state.number, &state.sealed)?;
        let json: EventJson = serde_json::from_slice(&opened).map_err(|_| OpenError)?;
        if json.v != VERSION {
            return Err(OpenError);
        }
        Ok(json.event(state.number))
    }

    /// A row's evidence.
    pub(super) fn open_evidence(
        &self,
        puid: Puid,
        number: u64,
        sealed: &[u8],
    ) -> std::result::Result<Zeroizing<String>, OpenError> {
        let opened = self.part(Part::Evidence, puid, number, sealed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| OpenError)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn part(
        &self,
        part: Part,
        puid: Puid,
        number: u64,
        sealed: &[u8],
    ) -> std::result::Result<Zeroizing<Vec<u8>>, OpenError> {
        let aad = associated_data(part, puid, number);
        let mut opened = self.key.open(sealed, &aad)?;
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

/// A row cannot be given to somebody else, take another number, or stand for the other part. All are of fixed lengths.
fn associated_data(part: Part, puid: Puid, number: u64) -> Vec<u8> {
    let (part, number) = ([part as u8], number.to_be_bytes());
    [&LABEL[..], &part, puid.as_bytes(), &number].concat()
}

#[derive(Serialize, Deserialize)]
struct EventJson {
    v: u8,
    stamp: u32,
    at: jiff::Timestamp,
    granted: u32,
    withdrawn: u32,
    channel: ConsentChannel,
    answers: Vec<ConsentAnswer>,
}

impl EventJson {
    fn event(self, number: u64) -> ConsentEvent {
        ConsentEvent {
            state: ConsentState {
                number,
                stamp: self.stamp,
                at: self.at,
                answers: self.answers,
            },
            granted: self.granted,
            withdrawn: self.withdrawn,
            channel: self.channel,
        }
    }
}

impl From<&ConsentEvent> for EventJson {
    fn from(event: &ConsentEvent) -> Self {
        Self {
            v: VERSION,
            stamp: event.state.stamp,
            at: event.state.at,
            granted: event.granted,
            withdrawn: event.withdrawn,
            channel: event.channel,
            answers: event.state.answers.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
