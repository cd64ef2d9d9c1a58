//! Values out of the vault, and subjects by a value.

use std::collections::HashMap;
use std::fmt;

use http::{Method, StatusCode};
use privet_wire::{
    Form, LookupAnswer, LookupRequest, Oid, Personal, RevealAnswer, RevealRequest, RevealedSubject,
};

use crate::answer::wrong;
use crate::batch::{ITEMS_MAX, typed};
use crate::call::Call;
use crate::retry::Repeat;
use crate::{BlindIndex, Client, Error, Field, FieldValue as _, Purpose, SubjectName};

/// What is to be revealed: whose, which fields, for which purpose, in which form.
///
/// ```
/// # use privet_classify::{Uii, value};
/// # struct Email;
/// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
/// use privet::{Purpose, Reveal, SubjectName, wire::Form};
///
/// let asked = Reveal::new(Purpose::new("support"))
///     .subject(&SubjectName::row("shop", "customer", 42))
///     .field::<Email>()
///     .form(Form::Masked);
/// ```
#[derive(Debug, Clone)]
pub struct Reveal {
    subjects: Vec<SubjectName>,
    request: RevealRequest,
}

impl Reveal {
    /// Nothing yet, for that purpose. Without a form, it is masked for people and the most open that policy allows for jobs.
    ///
    /// ```
    /// const SERVICE: privet::Purpose = privet::Purpose::new("service");
    /// let asked = privet::Reveal::new(SERVICE);
    /// ```
    pub fn new(purpose: Purpose) -> Self {
        let request = RevealRequest {
            subjects: Vec::new(),
            fields: Vec::new(),
            purpose: purpose.to_string(),
            form: None,
            reason: None,
        };
        Self {
            subjects: Vec::new(),
            request,
        }
    }

    /// One more subject.
    ///
    /// ```
    /// # let asked = privet::Reveal::new(privet::Purpose::new("service"));
    /// let asked = asked.subject(&privet::SubjectName::row("shop", "customer", 42));
    /// ```
    #[must_use]
    pub fn subject(mut self, subject: &SubjectName) -> Self {
        self.subjects.push(subject.clone());
        self
    }

    /// More subjects, as many as there are.
    ///
    /// ```
    /// # let asked = privet::Reveal::new(privet::Purpose::new("service"));
    /// let asked = asked.subjects((1..=3).map(|key| privet::SubjectName::row("shop", "customer", key)));
    /// ```
    #[must_use]
    pub fn subjects(mut self, subjects: impl IntoIterator<Item = SubjectName>) -> Self {
        self.subjects.extend(subjects);
        self
    }

    /// One more field.
    ///
    /// ```
    /// # use privet_classify::{Uii, value};
    /// # struct Email;
    /// # impl privet::Field for Email { const NAME: &'static str = "email"; type Value = Uii<String, value::Email>; }
    /// # let asked = privet::Reveal::new(privet::Purpose::new("service"));
    /// let asked = asked.field::<Email>();
    /// ```
    #[must_use]
    pub fn field<F: Field>(mut self) -> Self {
        self.request.fields.push(F::NAME.to_owned());
        self
    }

    /// The form wanted.
    ///
    /// ```
    /// # let asked = privet::Reveal::new(privet::Purpose::new("service"));
    /// let asked = asked.form(privet::wire::Form::Pseudonym);
    /// ```
    #[must_use]
    pub fn form(mut self, form: Form) -> Self {
        self.request.form = Some(form);
        self
    }

    /// Why, in words. It is kept sealed with the audit entry.
    ///
    /// ```
    /// # let asked = privet::Reveal::new(privet::Purpose::new("support"));
    /// let asked = asked.reason("ticket 4711: the invoice did not arrive");
    /// assert!(!format!("{asked:?}").contains("invoice"));
    /// ```
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.request.reason = Some(Personal::new(reason));
        self
    }
}

/// What was revealed.
///
/// ```
/// # async fn example(client: privet::Client, asked: privet::Reveal) -> Result<(), privet::Error> {
/// let revealed: privet::Revealed = client.reveal(&asked).await?;
/// println!("{:?}, entries {:?}", revealed.form(), revealed.entries());
/// # Ok(())
/// # }
/// ```
pub struct Revealed {
    form: Form,
    entries: Vec<u64>,
    subjects: HashMap<String, RevealedSubject>,
}

// Written out because the keys name subjects.
impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revealed")
            .field("form", &self.form)
            .field("entries", &self.entries)
            .field("subjects", &self.subjects.len())
            .finish()
    }
}

impl Revealed {
    /// The form of all values.
    ///
    /// ```
    /// # fn example(revealed: privet::Revealed) {
    /// let typed = revealed.form() == privet::wire::Form::Clear;
    /// # }
    /// ```
    pub fn form(&self) -> Form {
        self.form
    }

    /// The indexes of the audit entries that record this, one for each request that was needed.
    ///
    /// ```
    /// # fn example(revealed: privet::Revealed) {
    /// println!("on record in entry {:?}", revealed.entries().first());
    /// # }
    /// ```
    pub fn entries(&self) -> &[u64] {
        &self.entries
    }

    /// Whether there is such a subject.
    ///
    /// ```
    /// # fn example(revealed: privet::Revealed, customer: privet::SubjectName) -> Result<(), privet::Error> {
    /// if !revealed.found(&customer)? {
    ///     println!("they left, or never were");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAsked`].
    pub fn found(&self, subject: &SubjectName) -> Result<bool, Error> {
        Ok(self.of(subject)?.found)
    }

    /// A subject's value in the clear; nothing if there is none, or if it does not open.
    ///
    /// ```
    /// # fn example<Email: privet::Field>(revealed: privet::Revealed, customer: privet::SubjectName) -> Result<(), privet::Error> {
    /// let email: Option<Email::Value> = revealed.value::<Email>(&customer)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotClear`] if another form was decided, [`Error::Value`] if the value is not of the field's type, and
    /// [`Error::NotAsked`].
    pub fn value<F: Field>(&self, subject: &SubjectName) -> Result<Option<F::Value>, Error> {
        if self.form != Form::Clear {
            return Err(Error::NotClear);
        }
        let value = self.shown::<F>(subject)?;
        value.map(|text| typed::<F>(text)).transpose()
    }

    /// A subject's value in the form that was decided, as text.
    ///
    /// ```
    /// # fn example<Email: privet::Field>(revealed: privet::Revealed, customer: privet::SubjectName) -> Result<(), privet::Error> {
    /// // Masked, for a page of the support.
    /// let shown: &str = revealed.shown::<Email>(&customer)?.map_or("none", |text| text.as_str());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAsked`].
    pub fn shown<F: Field>(&self, subject: &SubjectName) -> Result<Option<&Personal>, Error> {
        let subject = self.of(subject)?;
        match subject.values.get(F::NAME) {
            Some(value) => Ok(value.as_ref()),
            None if !subject.found || subject.refused.is_some() => Ok(None),
            None => Err(Error::NotAsked("field")),
        }
    }

    /// Whether nothing is shown of the subject because the purpose rests on consent and it did not give it. (Of subjects whose
    /// request was refused as a whole, the server does not say which of them exist.)
    ///
    /// ```
    /// # fn example(revealed: privet::Revealed, customer: privet::SubjectName) -> Result<(), privet::Error> {
    /// if revealed.is_refused(&customer)? {
    ///     println!("they did not agree: do without");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAsked`].
    pub fn is_refused(&self, subject: &SubjectName) -> Result<bool, Error> {
        Ok(self.of(subject)?.refused.is_some())
    }

    /// Whether the subject has a value of the field that does not open.
    ///
    /// ```
    /// # fn example<Email: privet::Field>(revealed: privet::Revealed, customer: privet::SubjectName) -> Result<(), privet::Error> {
    /// assert!(!revealed.is_unreadable::<Email>(&customer)?, "`privet check` says why");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAsked`].
    pub fn is_unreadable<F: Field>(&self, subject: &SubjectName) -> Result<bool, Error> {
        let unreadable = &self.of(subject)?.unreadable;
        Ok(unreadable.iter().any(|field| field == F::NAME))
    }

    fn of(&self, subject: &SubjectName) -> Result<&RevealedSubject, Error> {
        let subject = self.subjects.get(subject.as_str());
        subject.ok_or(Error::NotAsked("subject"))
    }
}

/// The code of a subject that did not agree, and of a request of which nobody did.
pub(crate) const CONSENT_MISSING: &str = "consent_missing";

/// Who holds a value.
///
/// ```
/// # async fn example<Email: privet::Field>(client: privet::Client, typed_in: Email::Value) -> Result<(), privet::Error> {
/// let found = client.look_up::<Email>(&privet::Purpose::new("support"), &typed_in).await?;
/// println!("{} hold it", found.subjects.len());
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub struct Found<F: Field> {
    /// Those who hold it in the vault.
    pub subjects: Vec<Oid>,
    /// What the index column of an application's own table holds for it, newest first: `WHERE email_px = ANY(…)`. Two while the
    /// index key changes.
    pub indexes: Vec<BlindIndex<F>>,
}

// Written out because `derive` would ask the same of the field, which has no values.
impl<F: Field> fmt::Debug for Found<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("subjects", &self.subjects)
            .field("indexes", &self.indexes)
            .finish()
    }
}

const REVEAL: &str = "/v1/reveal";
const LOOK_UP: &str = "/v1/lookup";

impl Client {
    /// Reveals values out of the vault, of any number of subjects. Each request is an entry in the audit log before its values
    /// are here.
    ///
    /// ```
    /// # async fn example<Email: privet::Field>(client: privet::Client, customer: privet::SubjectName) -> Result<(), privet::Error> {
    /// let asked = privet::Reveal::new(privet::Purpose::new("service")).subject(&customer).field::<Email>();
    /// let email: Option<Email::Value> = client.reveal(&asked).await?.value::<Email>(&customer)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if none of the subjects exists, `consent_missing` if none of them agrees.
    pub async fn reveal(&self, asked: &Reveal) -> Result<Revealed, Error> {
        let mut calls = Vec::new();
        for subjects in asked.subjects.chunks(ITEMS_MAX) {
            let request = RevealRequest {
                subjects: subjects
                    .iter()
                    .map(|name| name.as_str().to_owned())
                    .collect(),
                ..asked.request.clone()
            };
            calls.push(Call::new(Method::POST, REVEAL, Repeat::Harmless).json(&request)?);
        }
        let answers = self.call_all::<RevealAnswer>(calls).await;
        let mut revealed = None::<Revealed>;
        let mut missing = None;
        let mut absent = Vec::new();
        for (answer, subjects) in answers.into_iter().zip(asked.subjects.chunks(ITEMS_MAX)) {
            match answer {
                Ok(answer) => {
                    check(&answer, &asked.request, subjects)?;
                    add(&mut revealed, answer)?;
                }
                // None of this request: whether that is an error depends on the others.
                Err(error) if matches!(error.code(), Some("not_found" | CONSENT_MISSING)) => {
                    let refused = error.code() == Some(CONSENT_MISSING);
                    absent.extend(subjects.iter().map(|name| (name, refused)));
                    missing = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let Some(mut revealed) = revealed else {
            return Err(missing.unwrap_or(Error::NotAsked("subject")));
        };
        for (name, refused) in absent {
            let subject = name.as_str().to_owned();
            let none = RevealedSubject {
                subject: subject.clone(),
                found: refused,
                values: Default::default(),
                unreadable: Vec::new(),
                refused: refused.then(|| CONSENT_MISSING.to_owned()),
            };
            revealed.subjects.insert(subject, none);
        }
        Ok(revealed)
    }

    /// Finds who holds a value of a field that has a `lookup`: in the vault, and by its blind index in an application's own table.
    ///
    /// ```
    /// # async fn example<Email: privet::Field>(client: privet::Client, typed_in: Email::Value) -> Result<(), privet::Error> {
    /// let found = client.look_up::<Email>(&privet::Purpose::new("service"), &typed_in).await?;
    /// // SELECT … WHERE email_px = ANY($1), with these:
    /// let indexes: Vec<String> = found.indexes.iter().map(|index| index.to_string()).collect();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call.
    pub async fn look_up<F: Field>(
        &self,
        purpose: &Purpose,
        value: &F::Value,
    ) -> Result<Found<F>, Error> {
        let request = LookupRequest {
            field: F::NAME.to_owned(),
            value: value.to_plain(),
            purpose: purpose.to_string(),
        };
        let call = Call::new(Method::POST, LOOK_UP, Repeat::Harmless).json(&request)?;
        let answer: LookupAnswer = self.call(call).await?;
        let indexes = answer.indexes.into_iter().map(BlindIndex::from_text);
        let indexes = indexes.collect::<Result<_, _>>();
        Ok(Found {
            subjects: answer.subjects,
            indexes: indexes.map_err(|_| wrong(LOOK_UP, StatusCode::OK))?,
        })
    }
}

/// The answer is to what was asked: these subjects in this order, these fields, in this form. Else values would be taken for
/// masked that are not, or for another person's.
fn check(
    answer: &RevealAnswer,
    asked: &RevealRequest,
    subjects: &[SubjectName],
) -> Result<(), Error> {
    let names = subjects.iter().map(SubjectName::as_str);
    let right = asked.form.is_none_or(|form| form == answer.form)
        && answer.subjects.iter().map(|one| &*one.subject).eq(names)
        && answer
            .subjects
            .iter()
            .all(|one| match one.found && one.refused.is_none() {
                true => {
                    asked
                        .fields
                        .iter()
                        .all(|field| one.values.contains_key(field))
                        && one.values.keys().all(|field| asked.fields.contains(field))
                }
                false => one.values.is_empty(),
            });
    match right {
        true => Ok(()),
        false => Err(wrong(REVEAL, StatusCode::OK)),
    }
}

/// Adds one request's answer to the others'.
fn add(revealed: &mut Option<Revealed>, answer: RevealAnswer) -> Result<(), Error> {
    let all = revealed.get_or_insert_with(|| Revealed {
        form: answer.form,
        entries: Vec::new(),
        subjects: HashMap::with_capacity(answer.subjects.len()),
    });
    // The policies changed between two requests.
    if all.form != answer.form {
        return Err(Error::NotClear);
    }
    all.entries.push(answer.entry);
    let subjects = answer.subjects.into_iter();
    all.subjects
        .extend(subjects.map(|subject| (subject.subject.clone(), subject)));
    Ok(())
}
