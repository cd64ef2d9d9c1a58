//! Many values sealed or opened at once, in as few requests as the server takes.

mod opening;
mod sealing;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use privet_wire::SecretBuffer;
use serde::Serialize;

use crate::answer::wrong;
use crate::call::Call;
use crate::retry::Repeat;
use crate::{Client, Error, Field, FieldValue as _};

pub use opening::{OpenBatch, Opened};
pub use sealing::{SealBatch, SealedBatch, Stored};

/// The most items of a request.
pub(crate) const ITEMS_MAX: usize = 1_000;

/// Where the answer for one item of a batch is found. It fits the batch that it came from, and is used up.
///
/// ```
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// use privet::{SealBatch, Slot, SubjectName};
///
/// let mut batch = SealBatch::new();
/// let email = Uii::new("ada@example.com".to_owned());
/// let slot: Slot<Email> = batch.add(&SubjectName::row("shop", "customer", 42), &email);
/// assert_eq!(format!("{slot:?}"), "Slot<email>(0)");
/// ```
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

pub(crate) fn typed<F: Field>(text: &str) -> Result<F::Value, Error> {
    let field = F::NAME;
    F::Value::from_plain(text).ok_or(Error::Value { field })
}

impl Client {
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
