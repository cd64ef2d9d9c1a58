//! Sealing and opening for applications that keep sealed values in their own database. Sealing gives values under the
//! subject's operational key; opening states whose and which field is expected, so that a value moved to another
//! person's row, field, tenant or environment does not open.

use std::collections::HashMap;
use std::sync::Arc;

use privet_classify::Field;
use privet_seal::{SealedRef, Value, Zeroizing};

use crate::audit::{EntryKind, Record};
use crate::consent;
use crate::keyring::OpenSubject;
use crate::policy::Action;
use crate::reveal::{Recipient, RevealedValue};
use crate::subject::SUBJECTS_MAX;
use crate::vault::denied_by_policy;
use crate::{Caller, Error, Form, Result, SubjectName, SubjectRef, Vault};

/// One value to seal.
pub struct SealItem {
    /// Whose value.
    pub subject: SubjectName,
    /// A field of the data map.
    pub field: String,
    /// The value.
    pub value: Zeroizing<String>,
}

impl std::fmt::Debug for SealItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealItem")
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// A sealed value, with its blind index where the field has a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedItem {
    /// `pv1_…`.
    pub sealed: String,
    /// `px1_…`.
    pub index: Option<String>,
}

/// One value to open.
#[derive(Debug, Clone)]
pub struct OpenItem {
    /// Whose value it is expected to be.
    pub subject: SubjectName,
    /// Which field it is expected to be.
    pub field: String,
    /// `pv1_…`.
    pub sealed: String,
}

impl Vault {
    /// Seals values for an application.
    ///
    /// # Errors
    /// [`Error::NotFound`] when a subject does not exist; nothing is answered then.
    pub async fn seal_values(
        &self,
        caller: &Caller,
        items: &[SealItem],
    ) -> Result<Vec<SealedItem>> {
        check_count(items.len())?;
        let fields: Vec<&Field> = items
            .iter()
            .map(|item| self.field(&item.field))
            .collect::<Result<_>>()?;
        let names: Vec<SubjectName> = items.iter().map(|item| item.subject.clone()).collect();
        let sources = self.sources_named(&names)?;
        let decision = self
            .permit_fields(
                caller,
                Action::Seal,
                &distinct(&fields),
                &sources,
                EntryKind::SealDenied,
            )
            .await?;
        let opened = self.subjects_named(&names).await?;
        let now = self.now();
        let mut sealed = Vec::with_capacity(items.len());
        let mut record = Record::by(EntryKind::Seal, caller).ruling(self.ruling(&decision));
        for ((item, field), open) in items.iter().zip(&fields).zip(&opened) {
            let open = open.as_ref().ok_or(Error::NotFound("subject"))?;
            self.check_value(field, &item.value)?;
            let bytes = self.seal_bytes(open.operational()?, field, Value::Text(&item.value))?;
            let index = match field.lookup.as_ref() {
                None => None,
                Some(_) => {
                    let tenant = open.tenant();
                    let keyring = &self.inner.keyring;
                    let indexes = keyring.indexes(tenant, field, &item.value, now).await?;
                    indexes.first().map(privet_seal::BlindIndex::to_text)
                }
            };
            sealed.push(SealedItem {
                sealed: privet_seal::to_text(&bytes),
                index,
            });
            record = record.subject(open.used(vec![field.number], 1));
        }
        self.record(record).await?;
        Ok(sealed)
    }

    /// Opens values that an application kept, in the form that policy allows; the entry is durable before this
    /// returns. A value that is not this subject's and field's is [`RevealedValue::Unreadable`], like every other
    /// failure; one of a subject who does not agree to a purpose that rests on consent is [`RevealedValue::Refused`].
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, by purpose, or when none of the subjects agrees. Nothing is opened then.
    pub async fn open_values(
        &self,
        caller: &Caller,
        items: &[OpenItem],
        purpose: &str,
        form: Form,
    ) -> Result<Vec<RevealedValue>> {
        check_count(items.len())?;
        let fields: Vec<&Field> = items
            .iter()
            .map(|item| self.field(&item.field))
            .collect::<Result<_>>()?;
        let asked = distinct(&fields);
        let denied = || Record::by(EntryKind::OpenDenied, caller).purpose(purpose);
        let rule = match self.check_purpose(purpose, &asked) {
            Ok(rule) => rule,
            Err(error) => return Err(self.refuse(denied(), error).await),
        };
        let names: Vec<SubjectName> = items.iter().map(|item| item.subject.clone()).collect();
        let sources = self.sources_named(&names)?;
        let decision =
            self.decide_fields(caller, Action::Open(form), Some(purpose), &asked, &sources)?;
        if !decision.allowed {
            let record = denied().ruling(self.ruling(&decision));
            let error = denied_by_policy(caller, Action::Open(form));
            return Err(self.refuse(record, error).await);
        }
        let mark = self.inner.keyring.mark();
        let mut opened = self.subjects_named(&names).await?;
        let refused = self.leave_out(rule.as_ref(), &mut opened).await?;
        if let Some(rule) = &rule
            && consent::nobody_agrees(&opened, &refused)
        {
            let record = denied().ruling(self.ruling(&decision));
            return Err(self.refuse(record, rule.missing()).await);
        }
        let mut record = Record::by(EntryKind::Open, caller)
            .purpose(purpose)
            .form(form)
            .ruling(self.ruling(&decision));
        if rule.is_some() {
            record = record.count("refused", consent::count(&refused));
        }
        for (field, open) in fields.iter().zip(&opened) {
            if let Some(open) = open {
                record = record.subject(open.used(vec![field.number], 1));
            }
        }
        self.record(record).await?;
        self.with_keys_of_items(&mut opened, items).await?;
        self.fresh()?;
        let erased = self.erased_since(mark, &opened).await?;
        for (open, _) in opened.iter_mut().zip(erased).filter(|(_, gone)| *gone) {
            *open = None;
        }
        let to = Recipient {
            caller,
            purpose,
            form,
        };
        let mut buffer = Vec::new();
        let rows = items.iter().zip(&fields).zip(opened.iter().zip(refused));
        let shown = rows.map(|((item, field), (open, refused))| match open {
            _ if refused => RevealedValue::Refused,
            None => RevealedValue::Unreadable,
            Some(open) => self.show_item(&to, open, field, &item.sealed, &mut buffer),
        });
        Ok(shown.collect())
    }

    /// Reads subjects again whose values name a key that they lack, each once: fields of them are being erased, and what stays has
    /// another key. Whoever names other people's keys makes it no more work than that.
    async fn with_keys_of_items(
        &self,
        opened: &mut [Option<Arc<OpenSubject>>],
        items: &[OpenItem],
    ) -> Result<()> {
        let mut again: HashMap<SubjectRef, Arc<OpenSubject>> = HashMap::new();
        for (open, item) in opened.iter_mut().zip(items) {
            let Some(open) = open else { continue };
            let reference = open.row.reference;
            if let Some(read) = again.get(&reference) {
                *open = Arc::clone(read);
                continue;
            }
            let Ok(bytes) = privet_seal::from_text(&item.sealed) else {
                continue;
            };
            let keyring = &self.inner.keyring;
            let held = keyring.holding(open, [bytes.as_slice()], self.now());
            let held = held.await?;
            if !Arc::ptr_eq(open, &held) {
                again.insert(reference, Arc::clone(&held));
                *open = held;
            }
        }
        Ok(())
    }

    fn show_item(
        &self,
        to: &Recipient<'_>,
        open: &OpenSubject,
        field: &Field,
        sealed: &str,
        buffer: &mut Vec<u8>,
    ) -> RevealedValue {
        let Ok(bytes) = privet_seal::from_text(sealed) else {
            return RevealedValue::Unreadable;
        };
        // The sealed form is echoed only for a value that is this subject's and field's.
        let expected = SealedRef::parse(&bytes).is_ok_and(|parsed| {
            parsed.field().0 == field.number && open.cipher(parsed.key_id()).is_some()
        });
        if expected {
            self.show(to, open, field, &bytes, buffer)
        } else {
            RevealedValue::Unreadable
        }
    }
}

fn check_count(items: usize) -> Result<()> {
    if (1..=SUBJECTS_MAX).contains(&items) {
        Ok(())
    } else {
        Err(Error::invalid(
            "too_many",
            format!("send 1 to {SUBJECTS_MAX} values a call"),
        ))
    }
}

fn distinct<'a>(fields: &[&'a Field]) -> Vec<&'a Field> {
    let mut distinct: Vec<&Field> = Vec::new();
    for field in fields {
        if !distinct.iter().any(|known| known.number == field.number) {
            distinct.push(field);
        }
    }
    distinct
}
