//! Sealed values opened for one purpose.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use privet_wire::{Form, OpenAnswer, OpenItem, Personal};

use super::{Slot, calls, check_count, counts, typed};
use crate::answer::wrong;
use crate::reveal::CONSENT_MISSING;
use crate::{Client, Error, Field, Purpose, Sealed, SubjectName};

const OPEN: &str = "/v1/open";

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
    ///
    /// ```
    /// const SERVICE: privet::Purpose = privet::Purpose::new("service");
    /// assert!(privet::OpenBatch::new(SERVICE).is_empty());
    /// ```
    pub fn new(purpose: Purpose) -> Self {
        Self {
            id: Arc::new(()),
            purpose,
            items: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Adds a value, and says whose it must be: one that was moved from another person's row does not open.
    ///
    /// ```
    /// # fn example<F: privet::Field>(customer: &privet::SubjectName, column: &privet::Sealed<F>) {
    /// let mut batch = privet::OpenBatch::new(privet::Purpose::new("service"));
    /// let slot = batch.add(customer, column);
    /// assert_eq!(batch.len(), 1);
    /// # }
    /// ```
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
    ///
    /// ```
    /// let batch = privet::OpenBatch::new(privet::Purpose::new("service"));
    /// assert_eq!(batch.len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    ///
    /// ```
    /// assert!(privet::OpenBatch::new(privet::Purpose::new("service")).is_empty());
    /// ```
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
///
/// ```
/// # async fn example(client: privet::Client, batch: privet::OpenBatch, slot: privet::Slot<impl privet::Field>) -> Result<(), privet::Error> {
/// let mut opened: privet::Opened = client.open(batch).await?;
/// let value = opened.take(slot)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Opened {
    id: Arc<()>,
    values: Vec<Option<Personal>>,
    /// For want of consent.
    refused: Vec<bool>,
}

impl Opened {
    /// Whether the value of that slot was not opened because the purpose rests on consent and its subject did not give it.
    ///
    /// ```
    /// # fn example(opened: privet::Opened, slot: privet::Slot<impl privet::Field>) -> Result<(), privet::Error> {
    /// if opened.is_refused(&slot)? {
    ///     println!("they did not agree: do without");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Slot`] if the slot is of another batch.
    pub fn is_refused<F: Field>(&self, slot: &Slot<F>) -> Result<bool, Error> {
        let index = slot.index_in(&self.id)?;
        self.refused.get(index).copied().ok_or(Error::Slot)
    }

    fn add_none(&mut self, count: usize, refused: bool) {
        self.values
            .extend(std::iter::repeat_with(|| None).take(count));
        self.refused.extend(std::iter::repeat_n(refused, count));
    }

    /// The value of that slot; nothing if it did not open: damaged, another person's or field's, or of somebody who left.
    ///
    /// ```
    /// # async fn example(mut opened: privet::Opened, slot: privet::Slot<impl privet::Field>) -> Result<(), privet::Error> {
    /// match opened.take(slot)? {
    ///     Some(value) => println!("there it is"),
    ///     None => println!("damaged, moved from another row, or of somebody who left"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Slot`] if the slot is of another batch, [`Error::Value`] if the value is not of the field's type.
    pub fn take<F: Field>(&mut self, slot: Slot<F>) -> Result<Option<F::Value>, Error> {
        let index = slot.index_in(&self.id)?;
        let value = self.values.get_mut(index).ok_or(Error::Slot)?.take();
        value.map(|text| typed::<F>(&text)).transpose()
    }
}

impl Client {
    /// Opens the values of a batch. Each request is an entry in the audit log before its values are here.
    ///
    /// ```
    /// # async fn example<F: privet::Field>(client: privet::Client, columns: Vec<(privet::SubjectName, privet::Sealed<F>)>) -> Result<(), privet::Error> {
    /// let mut batch = privet::OpenBatch::new(privet::Purpose::new("service"));
    /// let slots: Vec<_> = columns.iter().map(|(name, sealed)| batch.add(name, sealed)).collect();
    /// let mut opened = client.open(batch).await?;
    /// for slot in slots {
    ///     let value: Option<F::Value> = opened.take(slot)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `consent_missing` if none of the subjects agrees. A value that does not open is no error:
    /// [`Opened::take`] says so, and [`Opened::is_refused`] whose subject does not agree.
    pub async fn open(&self, batch: OpenBatch) -> Result<Opened, Error> {
        let purpose = serde_json::to_string(batch.purpose.as_str()).unwrap_or_default();
        let tail = format!(",\"purpose\":{purpose},\"form\":\"clear\"");
        let bodies = self.bodies(&batch.items, &batch.fields, &tail)?;
        let counts = counts(&bodies);
        let answers = self.call_all::<OpenAnswer>(calls(OPEN, bodies)).await;
        let mut opened = Opened {
            id: batch.id,
            values: Vec::with_capacity(batch.items.len()),
            refused: Vec::with_capacity(batch.items.len()),
        };
        let (mut nobody, mut is_answered) = (None, batch.items.is_empty());
        for (answer, count) in answers.into_iter().zip(counts) {
            match answer {
                // Another form is no value of the field.
                Ok(answer) if answer.form != Form::Clear => {
                    return Err(wrong(OPEN, StatusCode::OK));
                }
                Ok(answer) => {
                    check_count(OPEN, answer.items.len(), count)?;
                    is_answered = true;
                    for item in answer.items {
                        opened.values.push(item.value);
                        opened.refused.push(item.refused.is_some());
                    }
                }
                // None of this request opens.
                Err(error) if error.code() == Some("unreadable") => {
                    is_answered = true;
                    opened.add_none(count, false);
                }
                // Nobody of this request agrees: whether that is an error depends on the others.
                Err(error) if error.code() == Some(CONSENT_MISSING) => {
                    opened.add_none(count, true);
                    nobody = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match nobody.filter(|_| !is_answered) {
            Some(error) => Err(error),
            None => Ok(opened),
        }
    }

    /// Opens one value.
    ///
    /// ```
    /// # async fn example<F: privet::Field>(client: privet::Client, customer: privet::SubjectName, column: privet::Sealed<F>) -> Result<(), privet::Error> {
    /// const SERVICE: privet::Purpose = privet::Purpose::new("service");
    /// let value: Option<F::Value> = client.open_one(&SERVICE, &customer, &column).await?;
    /// # Ok(())
    /// # }
    /// ```
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
}
