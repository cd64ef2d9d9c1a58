//! Subjects: made, described, written, erased in part, closed.

use std::fmt::{self, Display};

use bytes::Bytes;
use http::Method;
use privet_wire::{
    AskRequest, Closed, CreateSubject, EraseFields, FieldsErased, Oid, PutFields,
    RotateTelemetryId, Subject, SubjectCreated, SubjectRequest, SubjectRequestDetail,
    SubjectRequestId, SubjectRequestPage, SubjectRequestQuery, TelemetryIdRotation,
};

use crate::call::Call;
use crate::retry::Repeat;
use crate::{Client, Error, Field, FieldValue as _, SubjectName};

/// A subject to be made, with its first values.
///
/// ```
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// let email = Uii::new("ada@example.com".to_owned());
/// let ada = privet::NewSubject::new().field::<Email>(&email).row("shop", "customer", 42);
/// ```
#[derive(Default)]
pub struct NewSubject(CreateSubject);

// Written out because rows name subjects.
impl fmt::Debug for NewSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSubject")
            .field("fields", &self.0.fields)
            .field("rows", &self.0.aliases.len())
            .finish()
    }
}

impl NewSubject {
    /// A subject without values.
    ///
    /// ```
    /// let nobody_yet = privet::NewSubject::new();
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// With a value of a field, kept in the vault.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// let new = privet::NewSubject::new().field::<Email>(&Uii::new("ada@example.com".to_owned()));
    /// assert!(!format!("{new:?}").contains("ada"));
    /// ```
    #[must_use]
    pub fn field<F: Field>(mut self, value: &F::Value) -> Self {
        self.0.fields.insert(F::NAME.to_owned(), value.to_plain());
        self
    }

    /// That is also the row of a table: it can be named by it from then on.
    ///
    /// ```
    /// let new = privet::NewSubject::new().row("shop", "customer", 42);
    /// ```
    #[must_use]
    pub fn row(mut self, source: &str, table: &str, key: impl Display) -> Self {
        let name = SubjectName::row(source, table, key);
        self.0.aliases.push(name.as_str().to_owned());
        self
    }
}

/// Values of a subject to be written or deleted. What is not named stays as it is.
///
/// ```
/// # use privet_classify::{Cc, Uii, value};
/// # struct Email;
/// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// # struct Note;
/// # impl privet::Field for Note { const NAME: &'static str = "note"; type Value = Cc<String, value::Text>; }
/// let email = Uii::new("ada@example.com".to_owned());
/// let change = privet::FieldWrites::new().set::<Email>(&email).delete::<Note>();
/// ```
#[derive(Debug)]
pub struct FieldWrites(PutFields);

impl FieldWrites {
    /// Nothing yet.
    ///
    /// ```
    /// let nothing_yet = privet::FieldWrites::new();
    /// ```
    #[expect(
        clippy::new_without_default,
        reason = "writing nothing is not a usual thing to do"
    )]
    pub fn new() -> Self {
        Self(PutFields {
            fields: Default::default(),
        })
    }

    /// Writes a value.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// let change = privet::FieldWrites::new().set::<Email>(&Uii::new("ada@example.com".to_owned()));
    /// ```
    #[must_use]
    pub fn set<F: Field>(mut self, value: &F::Value) -> Self {
        self.0
            .fields
            .insert(F::NAME.to_owned(), Some(value.to_plain()));
        self
    }

    /// Deletes a value.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// let change = privet::FieldWrites::new().delete::<Email>();
    /// ```
    #[must_use]
    pub fn delete<F: Field>(mut self) -> Self {
        self.0.fields.insert(F::NAME.to_owned(), None);
        self
    }
}

const SUBJECT: &str = "/v1/subjects/{oid}";

impl Client {
    /// Makes a subject with its keys and first values. What comes back is what an application stores.
    ///
    /// ```
    /// # async fn example(client: privet::Client) -> Result<(), privet::Error> {
    /// let new = privet::NewSubject::new().row("shop", "customer", 42);
    /// let oid = client.create_subject(&new).await?;
    /// println!("INSERT INTO customer (oid) VALUES ('{oid}')");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_unique` or `alias_taken` if another subject has the value or the row. If [`Error::may_be_done`],
    /// look it up before you make it again.
    pub async fn create_subject(&self, subject: &NewSubject) -> Result<Oid, Error> {
        let call = Call::new(Method::POST, "/v1/subjects", Repeat::Undone).json(&subject.0)?;
        let created: SubjectCreated = self.call(call).await?;
        Ok(created.oid)
    }

    /// What there is of a subject, without any value.
    ///
    /// ```
    /// # async fn example(client: privet::Client, oid: privet::wire::Oid) -> Result<(), privet::Error> {
    /// println!("has {:?}", client.describe(oid).await?.fields);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if there is none.
    pub async fn describe(&self, oid: Oid) -> Result<Subject, Error> {
        self.call(Call::get(SUBJECT).id(oid)).await
    }

    /// Writes values of a subject.
    ///
    /// ```
    /// # async fn example<Email: privet::Field>(client: privet::Client, oid: privet::wire::Oid, email: Email::Value) -> Result<(), privet::Error> {
    /// client.write(oid, &privet::FieldWrites::new().set::<Email>(&email)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_unique` if another subject has a value that only one may have.
    pub async fn write(&self, oid: Oid, values: &FieldWrites) -> Result<(), Error> {
        let call = Call::new(Method::PUT, "/v1/subjects/{oid}/fields", Repeat::Harmless);
        self.call(call.id(oid).json(&values.0)?).await
    }

    /// Erases single fields of a subject: no copy of their values opens again, wherever it lies. In databases of the data map that know
    /// the subject by one of its aliases, the fields' columns are cleared, and what is sealed there besides is sealed anew. **Sealed
    /// values that lie outside these tables, or have not reached them by `old_key_until`, do not open any more.** Columns in `elsewhere`
    /// are for the application to clear. `request` leads to the signed receipt; it is for the person.
    ///
    /// ```
    /// # async fn example(client: privet::Client, oid: privet::wire::Oid) -> Result<(), privet::Error> {
    /// for column in client.erase_fields(oid, &["phone"]).await?.elsewhere {
    ///     println!("{} may also lie in {}.{}", column.field, column.table, column.column);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `unknown_field` for what the data map does not have.
    pub async fn erase_fields(&self, oid: Oid, fields: &[&str]) -> Result<FieldsErased, Error> {
        let path = "/v1/subjects/{oid}/fields/erase";
        let call = Call::new(Method::POST, path, Repeat::Undone).id(oid);
        let body = EraseFields {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            checked: None,
        };
        self.call(call.json(&body)?).await
    }

    /// Closes a subject: its keys and links are destroyed, so that nothing sealed of it opens again, here or in any copy.
    ///
    /// ```
    /// # async fn example(client: privet::Client, oid: privet::wire::Oid) -> Result<(), privet::Error> {
    /// let closed = client.close(oid).await?;
    /// println!("{} keys destroyed, entry {}", closed.keys_destroyed, closed.entry);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if it is closed already.
    pub async fn close(&self, oid: Oid) -> Result<Closed, Error> {
        let call = Call::new(Method::POST, "/v1/subjects/{oid}/close", Repeat::Undone);
        self.call(call.id(oid)).await
    }

    /// Enters a person's wish to see everything that is held of them; a file is made with the next daily batch. What `ask` says of how it
    /// came is for people of the staff: an application has made sure by its login who asks.
    ///
    /// ```
    /// # async fn example(client: privet::Client, oid: privet::wire::Oid) -> Result<(), privet::Error> {
    /// let request = client.request_access(oid, &Default::default()).await?;
    /// println!("{} is answered by {}", request.id, request.due_on);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `request_running` if the person waits for it already.
    pub async fn request_access(
        &self,
        oid: Oid,
        ask: &AskRequest,
    ) -> Result<SubjectRequest, Error> {
        let call = Call::new(Method::POST, "/v1/subjects/{oid}/access", Repeat::Undone);
        self.call(call.id(oid).json(ask)?).await
    }

    /// The file of an access request, a ZIP, as a whole: hand it to the person whose it is, and keep no copy. One that is larger than
    /// [`Limits`](crate::Limits) allow an answer to be is passed on by the application itself, in ranges.
    ///
    /// ```
    /// # async fn example(client: privet::Client, id: privet::wire::SubjectRequestId) -> Result<(), privet::Error> {
    /// let zip: bytes::Bytes = client.request_file(id).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `no_file` if there is none yet, or not any more.
    pub async fn request_file(&self, id: SubjectRequestId) -> Result<Bytes, Error> {
        self.call_bytes(Call::get("/v1/requests/{id}/file").id(id))
            .await
    }

    /// Enters a person's wish to be forgotten; it can be taken back for some days, and then the subject is closed. What `ask` says of how it came
    /// is for people of the staff: an application has made sure by its login who asks.
    ///
    /// ```
    /// # async fn example(client: privet::Client, oid: privet::wire::Oid) -> Result<(), privet::Error> {
    /// let request = client.request_erasure(oid, &Default::default()).await?;
    /// println!("{} can be taken back until {:?}", request.id, request.next_at);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `request_running` if the person waits for it already.
    pub async fn request_erasure(
        &self,
        oid: Oid,
        ask: &AskRequest,
    ) -> Result<SubjectRequest, Error> {
        let call = Call::new(Method::POST, "/v1/subjects/{oid}/erasure", Repeat::Undone);
        self.call(call.id(oid).json(ask)?).await
    }

    /// Requests of people, the oldest first.
    ///
    /// ```
    /// # async fn example(client: privet::Client) -> Result<(), privet::Error> {
    /// let running = privet::wire::SubjectRequestQuery { running: true, ..Default::default() };
    /// for request in client.requests(&running).await?.requests {
    ///     println!("{} is due on {}", request.id, request.due_on);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call.
    pub async fn requests(&self, query: &SubjectRequestQuery) -> Result<SubjectRequestPage, Error> {
        self.call(Call::get("/v1/requests").query(query)?).await
    }

    /// One request of a person, with how it came.
    ///
    /// ```
    /// # async fn example(client: privet::Client, id: privet::wire::SubjectRequestId) -> Result<(), privet::Error> {
    /// println!("{:?}", client.request(id).await?.request.state);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if there is no such request.
    pub async fn request(&self, id: SubjectRequestId) -> Result<SubjectRequestDetail, Error> {
        self.call(Call::get("/v1/requests/{id}").id(id)).await
    }

    /// The signed receipt of an erasure that is done, as it is: whoever checks it needs its very bytes or members. Hand it to the person; it says
    /// nothing of whose it is.
    ///
    /// ```
    /// # async fn example(client: privet::Client, id: privet::wire::SubjectRequestId) -> Result<(), privet::Error> {
    /// let receipt = client.erasure_receipt(id).await?;
    /// assert!(receipt.starts_with(b"{\"@context\":"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `no_receipt` if there is none, or none yet, `receipts_off` if the server signs none.
    pub async fn erasure_receipt(&self, id: SubjectRequestId) -> Result<Bytes, Error> {
        self.call_bytes(Call::get("/v1/requests/{id}/receipt").id(id))
            .await
    }

    /// Takes a request of a person back.
    ///
    /// ```
    /// # async fn example(client: privet::Client, id: privet::wire::SubjectRequestId) -> Result<(), privet::Error> {
    /// client.cancel_request(id).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `request_too_late` or `request_ended` if there is nothing to take back any more.
    pub async fn cancel_request(&self, id: SubjectRequestId) -> Result<SubjectRequest, Error> {
        let call = Call::new(Method::POST, "/v1/requests/{id}/cancel", Repeat::Undone);
        self.call(call.id(id)).await
    }

    /// Gives a subject another telemetry id, if the person knows what that means; without, nothing is changed, and the
    /// answer says what to show them.
    ///
    /// ```
    /// # async fn example(client: privet::Client, oid: privet::wire::Oid) -> Result<(), privet::Error> {
    /// println!("{}", client.rotate_telemetry_id(oid, false).await?.meaning);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if there is no such subject.
    pub async fn rotate_telemetry_id(
        &self,
        oid: Oid,
        understood: bool,
    ) -> Result<TelemetryIdRotation, Error> {
        let path = "/v1/subjects/{oid}/telemetry-id/rotate";
        let call = Call::new(Method::POST, path, Repeat::Undone).id(oid);
        self.call(call.json(&RotateTelemetryId { understood })?)
            .await
    }
}
