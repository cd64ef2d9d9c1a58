//! Values sealed for an application that keeps them itself.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use privet_wire::{SealAnswer, SealItem, SealedItem};

use super::{Slot, calls, check_count, counts};
use crate::answer::wrong;
use crate::{BlindIndex, Client, Error, Field, FieldValue as _, Sealed, SubjectName};

const SEAL: &str = "/v1/seal";

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
    ///
    /// ```
    /// assert!(privet::SealBatch::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value of a subject.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// # let customer = privet::SubjectName::row("shop", "customer", 42);
    /// let mut batch = privet::SealBatch::new();
    /// let slot = batch.add::<Email>(&customer, &Uii::new("ada@example.com".to_owned()));
    /// assert_eq!(batch.len(), 1);
    /// ```
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
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// # let customer = privet::SubjectName::row("shop", "customer", 42);
    /// let mut batch = privet::SealBatch::new();
    /// for address in ["ada@example.com", "eve@example.com"] {
    ///     batch.add::<Email>(&customer, &Uii::new(address.to_owned()));
    /// }
    /// assert_eq!(batch.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    ///
    /// ```
    /// assert!(privet::SealBatch::new().is_empty());
    /// ```
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
///
/// ```
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// # async fn example(client: privet::Client, customer: privet::SubjectName, email: Uii<String, value::Email>) -> Result<(), privet::Error> {
/// let mut batch = privet::SealBatch::new();
/// let slot = batch.add::<Email>(&customer, &email);
/// let mut sealed: privet::SealedBatch = client.seal(batch).await?;
/// let stored = sealed.take(slot)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SealedBatch {
    id: Arc<()>,
    items: Vec<SealedItem>,
}

/// A value as it is stored.
///
/// ```
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// # async fn example(client: privet::Client, customer: privet::SubjectName, email: Uii<String, value::Email>) -> Result<(), privet::Error> {
/// let stored = client.seal_one::<Email>(&customer, &email).await?;
/// let column: &str = stored.sealed.as_str();
/// let index_column: Option<&str> = stored.index.as_ref().map(privet::BlindIndex::as_str);
/// # Ok(())
/// # }
/// ```
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
    /// ```
    /// # async fn example(mut sealed: privet::SealedBatch, slot: privet::Slot<impl privet::Field>) -> Result<(), privet::Error> {
    /// let stored = sealed.take(slot)?;
    /// assert!(stored.sealed.as_str().starts_with("pv1_"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Slot`] if it is of another batch.
    pub fn take<F: Field>(&mut self, slot: Slot<F>) -> Result<Stored<F>, Error> {
        let index = slot.index_in(&self.id)?;
        let item = self.items.get_mut(index).ok_or(Error::Slot)?;
        stored(std::mem::take(&mut item.sealed), item.index.take())
    }
}

impl Client {
    /// Seals the values of a batch, for an application that keeps them itself.
    ///
    /// ```
    /// # async fn example<F: privet::Field>(client: privet::Client, customers: Vec<(privet::SubjectName, <F as privet::Field>::Value)>) -> Result<(), privet::Error> {
    /// let mut batch = privet::SealBatch::new();
    /// let slots: Vec<_> = customers.iter().map(|(name, value)| batch.add::<F>(name, value)).collect();
    /// let mut sealed = client.seal(batch).await?;
    /// for slot in slots {
    ///     let stored = sealed.take(slot)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```
    /// # async fn example<F: privet::Field>(client: privet::Client, customer: privet::SubjectName, value: F::Value) -> Result<(), privet::Error> {
    /// let stored = client.seal_one::<F>(&customer, &value).await?;
    /// println!("{} {:?}", stored.sealed, stored.index.map(|index| index.to_string()));
    /// # Ok(())
    /// # }
    /// ```
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
