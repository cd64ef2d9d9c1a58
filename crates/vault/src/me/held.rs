//! What is held of a person, as they are shown it, and correcting or erasing it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::{Basis, Class, Field, Retain};
use privet_seal::Zeroizing;

use super::Me;
use crate::audit::EntryKind;
use crate::keyring::OpenSubject;
use crate::policy::Action;
use crate::reveal::{Recipient, RevealedValue};
use crate::subject::FieldValues;
use crate::{ConsentView, Error, FieldsErased, Form, Result, SourceName};

/// Everything that is held of a person, as far as the vault knows.
#[derive(Debug)]
pub struct Held {
    /// Since when.
    pub since: Timestamp,
    /// Every field of the data map, in its order.
    pub fields: Vec<HeldField>,
    /// What applications keep in databases of their own.
    pub elsewhere: Vec<HeldElsewhere>,
}

/// One field.
#[derive(Debug)]
pub struct HeldField {
    /// Its name in the data map.
    pub name: String,
    /// How personal it is.
    pub class: Class,
    /// Its value behind a mask; [`RevealedValue::Refused`] where policy shows none.
    pub value: RevealedValue,
    /// What it is used for.
    pub purposes: Vec<HeldPurpose>,
    /// What law keeps of it after the person left.
    pub retain: Option<Retain>,
    /// Whether the person may write another value.
    pub can_correct: bool,
    /// Whether the person may have it erased while they stay.
    pub can_erase: bool,
}

/// What a field is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPurpose {
    /// The purpose.
    pub name: String,
    /// The legal basis.
    pub basis: Basis,
    /// Where it rests on consent: whether it is given.
    pub agreed: Option<bool>,
}

/// What an application's own database holds, by the data map: which kinds, not which values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldElsewhere {
    /// The database.
    pub source: SourceName,
    /// The fields.
    pub fields: Vec<String>,
}

impl Me {
    /// What is held. That it was shown is on record before this returns.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy.
    pub async fn held(&self) -> Result<Held> {
        let (action, denied) = (Action::DescribeSubject, EntryKind::SubjectDenied);
        let mut decision = self.permit(action, denied).await?;
        let map = self.vault.map();
        let mut shown = BTreeSet::new();
        for field in map.fields() {
            let said = self.decide_field(Action::Reveal(Form::Masked), field)?;
            if said.allowed {
                shown.insert(field.number);
                decision = decision.and(said);
            }
        }
        let state = self.vault.last_consent(&self.open).await?;
        let consent = self.vault.consent_view(state.as_ref());
        let puid = self.open.row.puid;
        let data = &self.vault.inner.data;
        let filled = data.fields_of(puid).await?;
        shown.retain(|number| filled.contains(number));
        let numbers: Arc<[u16]> = shown.into_iter().collect();
        let record = self
            .record(EntryKind::SubjectDescribed, &decision, Arc::clone(&numbers))
            .form(Form::Masked);
        let puids = [puid];
        let values = data.values(&puids, &numbers);
        let (entry, values) = tokio::join!(self.vault.record(record), values);
        entry?;
        let values = values?;
        let mut open = [Some(Arc::clone(&self.open))];
        self.vault.with_keys_of(&mut open, &values).await?;
        let [open] = open;
        let open = open.unwrap_or_else(|| Arc::clone(&self.open));
        let values = values.into_iter().flatten();
        let values: BTreeMap<u16, Option<Vec<u8>>> = numbers.iter().copied().zip(values).collect();
        let mut buffer = Vec::new();
        let mut fields = Vec::new();
        for field in map.fields() {
            let value = match values.get(&field.number) {
                Some(sealed) => self.masked(&open, field, sealed.as_deref(), &mut buffer),
                None if filled.contains(&field.number) => RevealedValue::Refused,
                None => RevealedValue::Missing,
            };
            fields.push(HeldField {
                name: field.name.to_string(),
                class: field.class,
                value,
                purposes: self.used_for(field, &consent),
                retain: field.retain.clone(),
                can_correct: self.decide_field(Action::WriteFields, field)?.allowed,
                can_erase: self.decide_field(Action::EraseFields, field)?.allowed,
            });
        }
        // It has held values.
        buffer.fill(0);
        Ok(Held {
            since: self.open.row.created_at,
            fields,
            elsewhere: self.held_elsewhere(),
        })
    }

    fn used_for(&self, field: &Field, consent: &ConsentView) -> Vec<HeldPurpose> {
        let map = self.vault.map();
        let purposes = field.purposes.iter();
        let purposes = purposes.filter_map(|name| map.purpose(name.as_str()));
        let purposes = purposes.map(|purpose| {
            let mut said = consent.purposes.iter();
            let agreed = said.any(|said| said.purpose == purpose.name.as_str() && said.agreed);
            HeldPurpose {
                name: purpose.name.to_string(),
                basis: purpose.basis,
                agreed: (purpose.basis == Basis::Consent).then_some(agreed),
            }
        });
        purposes.collect()
    }

    fn masked(
        &self,
        open: &OpenSubject,
        field: &Field,
        sealed: Option<&[u8]>,
        buffer: &mut Vec<u8>,
    ) -> RevealedValue {
        let Some(sealed) = sealed else {
            return RevealedValue::Missing;
        };
        let to = Recipient {
            caller: &self.caller,
            purpose: "",
            form: Form::Masked,
        };
        self.vault.show(&to, open, field, sealed, buffer)
    }

    fn held_elsewhere(&self) -> Vec<HeldElsewhere> {
        let sources = self.vault.inner.sources.keys();
        let held = sources.filter_map(|source| {
            let tables = &self.vault.map().source(source.as_str())?.tables;
            let columns = tables.iter().flat_map(|table| &table.columns);
            let fields: BTreeSet<String> = columns
                .filter_map(|column| column.field())
                .map(ToString::to_string)
                .collect();
            (!fields.is_empty()).then(|| HeldElsewhere {
                source: source.clone(),
                fields: fields.into_iter().collect(),
            })
        });
        held.collect()
    }

    /// Whether policy lets the person write another value of a field.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `unknown_field`.
    pub fn can_correct(&self, field: &str) -> Result<bool> {
        let known = self.vault.field(field)?;
        Ok(self.decide_field(Action::WriteFields, known)?.allowed)
    }

    /// Whether policy lets the person have a field erased.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `unknown_field`.
    pub fn can_erase(&self, field: &str) -> Result<bool> {
        let known = self.vault.field(field)?;
        Ok(self.decide_field(Action::EraseFields, known)?.allowed)
    }

    /// Erases one field, as [`crate::Vault::erase_fields`] does. They must have been told before that nothing brings it back.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::Invalid`] with code `unknown_field`, [`Error::Limited`] after many changes.
    pub async fn erase(&self, field: &str) -> Result<FieldsErased> {
        self.count_change()?;
        let known = self.vault.field(field)?;
        let action = Action::EraseFields;
        let decision = self.decide_field(action, known)?;
        if !decision.allowed {
            let denied = EntryKind::ErasureDenied;
            return Err(self.refuse_field(action, &decision, denied).await);
        }
        self.vault
            .erase_fields_of(&self.caller, &decision, &self.open, &[known], None)
            .await
    }

    /// Writes another value of one field, through the same checks as an application's.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::Invalid`] with code `value_invalid` for what the field's type does not allow,
    /// [`Error::Conflict`] with code `not_unique` where another person has it, [`Error::Limited`] after many changes.
    pub async fn correct(&self, field: &str, value: Zeroizing<String>) -> Result<()> {
        self.count_change()?;
        let known = self.vault.field(field)?;
        let action = Action::WriteFields;
        let decision = self.decide_field(action, known)?;
        if !decision.allowed {
            let denied = EntryKind::SubjectDenied;
            return Err(self.refuse_field(action, &decision, denied).await);
        }
        self.vault.check_value(known, &value)?;
        let numbers: Arc<[u16]> = [known.number].into();
        let record = self.record(EntryKind::SubjectUpdated, &decision, numbers);
        self.vault.record(record).await?;
        let values = FieldValues::from([(known.name.to_string(), Some(value))]);
        let (row, now) = (self.open.row.clone(), self.vault.now());
        let stored = self.vault.store_values(row, &[known], &values, now).await;
        stored.map_err(|error| match error {
            // Whose it is, and that it is somebody's, is not for everybody to ask.
            Error::Conflict(_) => Error::conflict(
                "not_unique",
                "this value cannot be yours: write to whoever runs the service if you think that it should be",
            ),
            other => other,
        })
    }
}
