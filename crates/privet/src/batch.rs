//! Many values sealed or opened at once, in as few requests as the server takes.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use privet_wire::{
    Form, OpenAnswer, OpenItem, Personal, SealAnswer, SealItem, SealedItem, SecretBuffer,
};
use serde::Serialize;

use crate::answer::wrong;
use crate::call::Call;
use crate::retry::Repeat;
use crate::{BlindIndex, Client, Error, Field, FieldValue as _, Purpose, Sealed, SubjectName};

/// The most items of a request.
pub(crate) const ITEMS_MAX: usize = 1_000;

/// Where the answer for one item of a batch is found. It fits the batch that it came from, and is used up.
pub struct Slot<F> {
    batch: Arc<()>,
    index: usize,
    field: PhantomData<fn() -> F>,
}

impl<F> Slot<F> {
    fn new(batch: &Arc<()>, index: usize) -> Self {
        Self {
            batch: Arc::clone(batch),
            index,
            field: PhantomData,
        }
    }

    fn index_in(&self, batch: &Arc<()>) -> Result<usize, Error> {
        match Arc::ptr_eq(&self.batch, batch) {
            true => Ok(self.index),
            false => Err(Error::Slot),
        }
    }
}

// Written out because `derive` would ask the same of the field, which has no values.
impl<F: Field> fmt::Debug for Slot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot<{}>({})", F::NAME, self.index)
    }
}

/// Values to be sealed. Each stands for a subject that exists; if one does not, nothing is sealed.
///
/// ```no_run
/// # use privet::{Client, Error, Field, SealBatch, SubjectName};
/// # use privet_classify::{Cc, Uii, value};
/// # struct Email;
/// # impl Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// # struct Note;
/// # impl Field for Note { const NAME: &'static str = "note"; type Value = Cc<String, value::Text>; }
/// # async fn run(client: &Client, email: Uii<String, value::Email>, note: Cc<String, value::Text>) -> Result<(), Error> {
/// let customer = SubjectName::row("shop", "customer", 42);
/// let mut batch = SealBatch::new();
/// let email = batch.add::<Email>(&customer, &email);
/// let note = batch.add::<Note>(&customer, &note);
/// let mut sealed = client.seal(batch).await?;
/// let (email, note) = (sealed.take(email)?, sealed.take(note)?);
/// // INSERT INTO customer (email, email_px, note) VALUES (email.sealed, email.index, note.sealed)
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct SealBatch {
    id: Arc<()>,
    items: Vec<SealItem>,
    fields: Vec<&'static str>,
}

impl SealBatch {
    /// A batch without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value of a subject.
    pub fn add<F: Field>(&mut self, subject: &SubjectName, value: &F::Value) -> Slot<F> {
        let slot = Slot::new(&self.id, self.items.len());
        self.items.push(SealItem {
            subject: subject.as_str().to_owned(),
            field: F::NAME.to_owned(),
            value: value.to_plain(),
        });
        self.fields.push(F::NAME);
        slot
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

// Written out because the items name subjects.
impl fmt::Debug for SealBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealBatch(of {})", self.len())
    }
}

/// What became of a [`SealBatch`].
#[derive(Debug)]
pub struct SealedBatch {
    id: Arc<()>,
    items: Vec<SealedItem>,
}

/// A value as it is stored.
pub struct Stored<F: Field> {
    /// The sealed value, for the column itself.
    pub sealed: Sealed<F>,
    /// Its blind index, for the column with `_px` behind its name, where the field has a `lookup`.
    pub index: Option<BlindIndex<F>>,
}

// Written out for the same reason as of a slot.
impl<F: Field> fmt::Debug for Stored<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("sealed", &self.sealed)
            .field("index", &self.index)
            .finish()
    }
}

impl<F: Field> Clone for Stored<F> {
    fn clone(&self) -> Self {
        Self {
            sealed: self.sealed.clone(),
            index: self.index.clone(),
        }
    }
}

impl SealedBatch {
    /// The sealed value of that slot.
    ///
    /// # Errors
    /// [`Error::Slot`] if it is of another batch.
    pub fn take<F: Field>(&mut self, slot: Slot<F>) -> Result<Stored<F>, Error> {
        let index = slot.index_in(&self.id)?;
        let item = self.items.get_mut(index).ok_or(Error::Slot)?;
        stored(std::mem::take(&mut item.sealed), item.index.take())
    }
}

fn stored<F: Field>(sealed: String, index: Option<String>) -> Result<Stored<F>, Error> {
    // The server sealed it; if not, it is not Privet.
    let no_value = |_| wrong(SEAL, StatusCode::OK);
    Ok(Stored {
        sealed: Sealed::from_text(sealed).map_err(no_value)?,
        index: index
            .map(BlindIndex::from_text)
            .transpose()
            .map_err(no_value)?,
    })
}

/// Sealed values to be opened for one purpose.
///
/// ```no_run
/// # use privet::{Client, Error, Field, OpenBatch, Purpose, Sealed, SubjectName};
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// # async fn run(client: &Client, stored: Sealed<Email>) -> Result<(), Error> {
/// const SERVICE: Purpose = Purpose::new("service");
/// let mut batch = OpenBatch::new(SERVICE);
/// let slot = batch.add(&SubjectName::row("shop", "customer", 42), &stored);
/// let mut opened = client.open(batch).await?;
/// let email: Option<Uii<String, value::Email>> = opened.take(slot)?;
/// # Ok(())
/// # }
/// ```
pub struct OpenBatch {
    id: Arc<()>,
    purpose: Purpose,
    items: Vec<OpenItem>,
    fields: Vec<&'static str>,
}

impl OpenBatch {
    /// A batch without values.
    pub fn new(purpose: Purpose) -> Self {
        Self {
            id: Arc::new(()),
            purpose,
            items: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Adds a value, and says whose it must be: one that was moved from another person's row does not open.
    pub fn add<F: Field>(&mut self, subject: &SubjectName, sealed: &Sealed<F>) -> Slot<F> {
        let slot = Slot::new(&self.id, self.items.len());
        self.items.push(OpenItem {
            subject: subject.as_str().to_owned(),
            field: F::NAME.to_owned(),
            sealed: sealed.as_str().to_owned(),
        });
        self.fields.push(F::NAME);
        slot
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

// Written out for the same reason as of a batch to be sealed.
impl fmt::Debug for OpenBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenBatch(of {} for {})", self.len(), self.purpose)
    }
}

/// What became of an [`OpenBatch`].
#[derive(Debug)]
pub struct Opened {
    id: Arc<()>,
    values: Vec<Option<Personal>>,
}

impl Opened {
    /// The value of that slot; nothing if it did not open: damaged, another person's or field's, or of somebody who left.
    ///
    /// # Errors
    /// [`Error::Slot`] if the slot is of another batch, [`Error::Value`] if the value is not of the field's type.
    pub fn take<F: Field>(&mut self, slot: Slot<F>) -> Result<Option<F::Value>, Error> {
        let index = slot.index_in(&self.id)?;
        let value = self.values.get_mut(index).ok_or(Error::Slot)?.take();
        value.map(|text| typed::<F>(&text)).transpose()
    }
}

pub(crate) fn typed<F: Field>(text: &str) -> Result<F::Value, Error> {
    let field = F::NAME;
    F::Value::from_plain(text).ok_or(Error::Value { field })
}

const SEAL: &str = "/v1/seal";
const OPEN: &str = "/v1/open";

impl Client {
    /// Seals the values of a batch, for an application that keeps them itself.
    ///
    /// # Errors
    /// As every call; `not_found` if one of the subjects does not exist.
    pub async fn seal(&self, batch: SealBatch) -> Result<SealedBatch, Error> {
        let bodies = self.bodies(&batch.items, &batch.fields, "")?;
        let counts = counts(&bodies);
        let answers = self.call_all::<SealAnswer>(calls(SEAL, bodies)).await;
        let mut items = Vec::with_capacity(batch.items.len());
        for (answer, count) in answers.into_iter().zip(counts) {
            let sealed = answer?.items;
            check_count(SEAL, sealed.len(), count)?;
            items.extend(sealed);
        }
        let id = batch.id;
        Ok(SealedBatch { id, items })
    }

    /// Seals one value.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub async fn seal_one<F: Field>(
        &self,
        subject: &SubjectName,
        value: &F::Value,
    ) -> Result<Stored<F>, Error> {
        let mut batch = SealBatch::new();
        let slot = batch.add::<F>(subject, value);
        self.seal(batch).await?.take(slot)
    }

    /// Opens the values of a batch. Each request is an entry in the audit log before its values are here.
    ///
    /// # Errors
    /// As every call. A value that does not open is no error: [`Opened::take`] says so.
    pub async fn open(&self, batch: OpenBatch) -> Result<Opened, Error> {
        let purpose = serde_json::to_string(batch.purpose.as_str()).unwrap_or_default();
        let tail = format!(",\"purpose\":{purpose},\"form\":\"clear\"");
        let bodies = self.bodies(&batch.items, &batch.fields, &tail)?;
        let counts = counts(&bodies);
        let answers = self.call_all::<OpenAnswer>(calls(OPEN, bodies)).await;
        let mut values = Vec::with_capacity(batch.items.len());
        for (answer, count) in answers.into_iter().zip(counts) {
            match answer {
                // Another form is no value of the field.
                Ok(answer) if answer.form != Form::Clear => {
                    return Err(wrong(OPEN, StatusCode::OK));
                }
                Ok(answer) => {
                    check_count(OPEN, answer.items.len(), count)?;
                    values.extend(answer.items.into_iter().map(|item| item.value));
                }
                // None of this request opens.
                Err(error) if error.code() == Some("unreadable") => {
                    values.extend(std::iter::repeat_with(|| None).take(count));
                }
                Err(error) => return Err(error),
            }
        }
        let id = batch.id;
        Ok(Opened { id, values })
    }

    /// Opens one value.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`Error::Value`] if the value is not of the field's type.
    pub async fn open_one<F: Field>(
        &self,
        purpose: &Purpose,
        subject: &SubjectName,
        sealed: &Sealed<F>,
    ) -> Result<Option<F::Value>, Error> {
        let mut batch = OpenBatch::new(purpose.clone());
        let slot = batch.add(subject, sealed);
        self.open(batch).await?.take(slot)
    }

    /// Bodies of so many items that the server takes them, each item written once.
    fn bodies(
        &self,
        items: &[impl Serialize],
        fields: &[&'static str],
        tail: &str,
    ) -> Result<Vec<RequestBody>, Error> {
        const HEAD: &[u8] = b"{\"items\":[";
        let bytes_max = self.limits().body_bytes_max;
        // Both ends of the list and the comma.
        let room = bytes_max.saturating_sub(HEAD.len() + tail.len() + 3);
        let mut bodies = Vec::new();
        let (mut body, mut count) = (SecretBuffer::with_capacity(1024), 0);
        let close = |mut body: SecretBuffer, items: usize| {
            body.push(b"]");
            body.push(tail.as_bytes());
            body.push(b"}");
            RequestBody {
                bytes: body.into_bytes(),
                items,
            }
        };
        for (item, field) in items.iter().zip(fields) {
            let mut written = SecretBuffer::with_capacity(256);
            serde_json::to_writer(&mut written, item).map_err(|_| Error::Value { field })?;
            if written.len() > room {
                return Err(Error::ValueTooLarge { field, bytes_max });
            }
            if count == ITEMS_MAX || (count > 0 && body.len() - HEAD.len() + written.len() > room) {
                let full = std::mem::replace(&mut body, SecretBuffer::with_capacity(1024));
                bodies.push(close(full, std::mem::take(&mut count)));
            }
            body.push(if count == 0 { HEAD } else { b"," });
            body.push(written.as_slice());
            count += 1;
        }
        if count > 0 {
            bodies.push(close(body, count));
        }
        Ok(bodies)
    }
}

/// The body of a request, and how many items it has.
struct RequestBody {
    bytes: Bytes,
    items: usize,
}

fn calls(template: &'static str, bodies: Vec<RequestBody>) -> Vec<Call> {
    let call = |body: RequestBody| Call {
        body: body.bytes,
        ..Call::new(Method::POST, template, Repeat::Harmless)
    };
    bodies.into_iter().map(call).collect()
}

fn counts(bodies: &[RequestBody]) -> Vec<usize> {
    bodies.iter().map(|body| body.items).collect()
}

/// Each request's answer is counted by itself: one too few here and one too many there would give each value between them to
/// its neighbour.
fn check_count(call: &'static str, found: usize, wanted: usize) -> Result<(), Error> {
    match found == wanted {
        true => Ok(()),
        false => Err(wrong(call, StatusCode::OK)),
    }
}
