//! The values that the vault holds for a subject: checked, sealed, indexed, and stored in one transaction.

use jiff::Timestamp;
use privet_classify::Field;
use privet_seal::{Block, FieldNumber, KeyId, KeyKind, Nonce, Value};

use super::{FIELDS_MAX, FieldValues};
use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::{IndexEntry, StoreError, SubjectRow, ValueWrite};
use crate::vault::denied_by_policy;
use crate::{Caller, Error, Result, SourceName, Vault};

/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 256 * 1024;
/// How often values are sealed anew because their key was replaced meanwhile.
const ATTEMPTS_MAX: u32 = 16;

impl Vault {
    pub(super) fn fields_of(&self, values: &FieldValues) -> Result<Vec<&Field>> {
        if values.len() > FIELDS_MAX {
            return Err(Error::invalid(
                "too_many",
                format!("at most {FIELDS_MAX} fields a call"),
            ));
        }
        values.keys().map(|name| self.field(name)).collect()
    }

    /// A field of the data map.
    pub(crate) fn field(&self, name: &str) -> Result<&Field> {
        self.inner.map.field(name).ok_or_else(|| {
            Error::invalid(
                "unknown_field",
                "a field is not in the data map: see `datamap.toml`",
            )
        })
    }

    /// Asks the policy once for each distinct field and source (and once without, when there is no field).
    pub(crate) async fn permit_fields(
        &self,
        caller: &Caller,
        action: Action,
        fields: &[&Field],
        sources: &[Option<SourceName>],
        denied: EntryKind,
    ) -> Result<Decision> {
        if fields.is_empty() {
            return self.permit(caller, action, denied).await;
        }
        let decision = self.decide_fields(caller, action, None, fields, sources)?;
        if decision.allowed {
            return Ok(decision);
        }
        let record = Record::by(denied, caller).ruling(self.ruling(&decision));
        let error = denied_by_policy(caller, action);
        Err(self.refuse(record, error).await)
    }

    pub(crate) async fn store_values(
        &self,
        row: SubjectRow,
        fields: &[&Field],
        values: &FieldValues,
        now: Timestamp,
    ) -> Result<()> {
        if fields.is_empty() {
            return Ok(());
        }
        let (puid, reference) = (row.puid, row.reference);
        for attempt in 0..ATTEMPTS_MAX {
            let keyring = &self.inner.keyring;
            let open = keyring.open_rows(vec![Some(row.clone())], now).await?;
            let open = open.into_iter().flatten().next();
            let open = open.ok_or(Error::NotFound("subject"))?;
            let mut writes = Vec::with_capacity(fields.len());
            for (field, value) in fields.iter().zip(values.values()) {
                writes.push(match value {
                    // What somebody wrote since it was deleted stays.
                    None if attempt > 0 => continue,
                    None => ValueWrite {
                        puid,
                        field: field.number,
                        sealed: None,
                        index: Vec::new(),
                    },
                    Some(value) => self.sealed_write(&open, field, value, now).await?,
                });
            }
            let put = self.inner.data.put_values(writes).await;
            put.map_err(|error| self.not_unique(error))?;
            let Some(newest) = self.newest_account_key(&row).await? else {
                // Its values would stay for ever, and a unique one would be taken.
                self.inner.data.delete_subject(puid).await?;
                return Err(Error::NotFound("subject"));
            };
            if newest == open.account()?.key_id() {
                return Ok(());
            }
            // Fields of the subject are being erased. Whoever does that goes through all values once more after the new key is there,
            // and then destroys the old one: what came too late for that must not stay under it.
            keyring.forget(reference);
        }
        Err(Error::conflict(
            "fields_busy",
            "fields of this subject are erased by many at once: try again",
        ))
    }

    /// The key that values are sealed under now; `None`: the subject was erased.
    async fn newest_account_key(&self, row: &SubjectRow) -> Result<Option<KeyId>> {
        let owner = *row.reference.as_bytes();
        let keys = &self.inner.keys;
        let keys = keys.keys_of(&row.tenant, KeyKind::SubjectAccount, owner);
        Ok(keys.await?.first().map(|key| key.id))
    }

    async fn sealed_write(
        &self,
        open: &OpenSubject,
        field: &Field,
        value: &str,
        now: Timestamp,
    ) -> Result<ValueWrite> {
        self.check_value(field, value)?;
        let sealed = self.seal_bytes(open.account()?, field, Value::Text(value))?;
        let mut index = Vec::new();
        if let Some(lookup) = field.lookup.as_ref() {
            let indexes = self
                .inner
                .keyring
                .indexes(open.tenant(), field, value, now)
                .await?;
            index.extend(indexes.iter().map(|index| IndexEntry {
                bytes: *index.as_bytes(),
                unique: lookup.unique,
            }));
        }
        Ok(ValueWrite {
            puid: open.row.puid,
            field: field.number,
            sealed: Some(sealed),
            index,
        })
    }

    /// Refuses a value that its type does not allow, and a real person's where only synthetic ones may be.
    pub(crate) fn check_value(&self, field: &Field, value: &str) -> Result<()> {
        let named = |what: String| {
            Error::invalid("value_invalid", format!("field `{}`: {what}", field.name))
        };
        if value.len() > VALUE_BYTES_MAX {
            return Err(named(format!("at most {VALUE_BYTES_MAX} bytes")));
        }
        field
            .value_type
            .validate(value)
            .map_err(|error| named(error.to_string()))?;
        let identifying = field.class.is_identifying();
        if self.inner.config.synthetic_only
            && identifying
            && !field.value_type.is_reserved_example(value)
        {
            return Err(Error::denied(
                "synthetic_only",
                format!(
                    "field `{}`: this environment takes only values from the ranges reserved for \
                     examples (RFC 2606 domains, 555-01xx numbers, the generator's names)",
                    field.name
                ),
            ));
        }
        Ok(())
    }

    /// Seals one value, binary.
    pub(crate) fn seal_bytes(
        &self,
        cipher: &privet_seal::ValueCipher,
        field: &Field,
        value: Value<'_>,
    ) -> Result<Vec<u8>> {
        let block = padding_block(field)?;
        let nonce = Nonce::random(self.inner.keyring.entropy());
        cipher
            .seal(FieldNumber(field.number), value, block, nonce)
            .map_err(|_| Error::invalid("value_invalid", "a value is too long to seal"))
    }

    fn not_unique(&self, error: StoreError) -> Error {
        let StoreError::NotUnique(number) = error else {
            return error.into();
        };
        let field = self.inner.map.field_by_number(number);
        let name = field.map_or_else(|| number.to_string(), |field| field.name.to_string());
        Error::conflict(
            "not_unique",
            format!("another subject holds this value of field `{name}`, which must be unique"),
        )
    }
}

/// The block that values of this field are padded to.
pub(crate) fn padding_block(field: &Field) -> Result<Block> {
    Block::new(field.value_type.padding_block()).map_err(|_| Error::Internal("padding block"))
}
