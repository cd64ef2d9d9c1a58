//! Subjects: how callers name them, how they come to be, and the values that the vault holds for them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::Field;
use privet_seal::{Block, FieldNumber, KeyKind, Nonce, Secret32, Value};

use crate::audit::{EntryKind, Record, SubjectUse};
use crate::keyring::{OpenSubject, TenantKeys};
use crate::policy::{Action, Context, Resource};
use crate::port::{AliasRow, IndexEntry, NewSubject, StoreError, SubjectRow, ValueWrite};
use crate::vault::denied_by_policy;
use crate::{Caller, Error, NameError, Oid, Puid, Result, SourceName, SubjectRef, Vault};

/// Fields in one call.
pub(crate) const FIELDS_MAX: usize = 64;
/// Subjects in one call.
pub(crate) const SUBJECTS_MAX: usize = 1_000;
/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 256 * 1024;

/// How a caller names a subject: by operational id, or by a row of an application's table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubjectName {
    /// The operational id.
    Oid(Oid),
    /// `customer:42`, or `shop/customer:42` where several sources exist.
    Alias {
        /// The source; may be left out where only one is configured or a session fixes it.
        source: Option<SourceName>,
        /// The table as the data map writes it.
        table: String,
        /// The row's key as text.
        key: String,
    },
}

impl FromStr for SubjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Ok(oid) = text.parse() {
            return Ok(Self::Oid(oid));
        }
        let (source, row) = match text.split_once('/') {
            Some((source, row)) => (Some(source.parse()?), row),
            None => (None, text),
        };
        let (table, key) = row.split_once(':').ok_or(NameError::Id)?;
        let plausible = |part: &str| (1..=128).contains(&part.len());
        if plausible(table) && plausible(key) {
            Ok(Self::Alias {
                source,
                table: table.to_owned(),
                key: key.to_owned(),
            })
        } else {
            Err(NameError::Id)
        }
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oid(oid) => oid.fmt(f),
            Self::Alias {
                source: Some(source),
                table,
                key,
            } => write!(f, "{source}/{table}:{key}"),
            Self::Alias {
                source: None,
                table,
                key,
            } => write!(f, "{table}:{key}"),
        }
    }
}

/// Values by field name, as a caller hands them in; `None` deletes.
pub type FieldValues = BTreeMap<String, Option<privet_seal::Zeroizing<String>>>;

/// What a caller may know of a subject without seeing any value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectView {
    /// The operational id.
    pub oid: Oid,
    /// The tenant.
    pub tenant: crate::TenantName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Names of the fields that hold a value.
    pub fields: Vec<String>,
    /// Names in applications' databases.
    pub aliases: Vec<String>,
}

impl Vault {
    /// Makes a subject with its keys and first values.
    ///
    /// # Errors
    /// [`Error::Conflict`] with code `not_unique` when a unique value exists already; nothing is kept then.
    pub async fn create_subject(
        &self,
        caller: &Caller,
        values: FieldValues,
        aliases: &[SubjectName],
    ) -> Result<Oid> {
        let fields = self.fields_of(&values)?;
        self.permit_fields(
            caller,
            Action::CreateSubject,
            &fields,
            EntryKind::SubjectDenied,
        )
        .await?;
        let now = self.now();
        let tenant = self
            .inner
            .keyring
            .tenant(&self.inner.config.tenant, now)
            .await?;
        let mut new = self.new_subject(&tenant, now)?;
        for alias in aliases {
            let SubjectName::Alias { source, table, key } = alias else {
                return Err(Error::invalid(
                    "alias",
                    "an alias has the form `source/table:key`",
                ));
            };
            let source = self.source_of(source.as_ref())?;
            new.aliases
                .push(self.alias(&tenant, &source, table, key, new.subject.reference));
        }
        let (oid, reference) = (new.subject.oid, new.subject.reference);
        let row = new.subject.clone();
        // Keys are written before data: a value without its key would be lost, a key without a value is swept up.
        self.inner
            .keys
            .add_subjects(vec![new])
            .await
            .map_err(|error| match error {
                StoreError::Conflict => {
                    Error::conflict("alias_taken", "an alias names another subject")
                }
                other => other.into(),
            })?;
        if let Err(error) = self.store_values(row, &fields, &values, now).await {
            let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
            self.inner
                .keys
                .destroy_subject(reference, today, now)
                .await?;
            return Err(error);
        }
        let record = Record::by(EntryKind::SubjectCreated, caller).subject(SubjectUse {
            reference,
            fields: numbers(&fields),
            count: 1,
        });
        self.record(record).await?;
        Ok(oid)
    }

    /// Writes values of one subject; `None` deletes a value.
    pub async fn write_fields(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        values: FieldValues,
    ) -> Result<()> {
        let fields = self.fields_of(&values)?;
        self.permit_fields(
            caller,
            Action::WriteFields,
            &fields,
            EntryKind::SubjectDenied,
        )
        .await?;
        let open = self.subject(subject).await?;
        let now = self.now();
        self.store_values(open.row.clone(), &fields, &values, now)
            .await?;
        let record =
            Record::by(EntryKind::SubjectUpdated, caller).subject(open.used(numbers(&fields), 1));
        self.record(record).await.map(drop)
    }

    /// What there is of a subject, without values.
    pub async fn describe_subject(
        &self,
        caller: &Caller,
        subject: &SubjectName,
    ) -> Result<SubjectView> {
        self.permit(caller, Action::DescribeSubject, EntryKind::SubjectDenied)
            .await?;
        let open = self.subject(subject).await?;
        let held = self.inner.data.fields_of(open.row.puid).await?;
        let fields = held
            .iter()
            .filter_map(|number| self.inner.map.field_by_number(*number))
            .map(|field| field.name.to_string())
            .collect();
        let aliases = self.inner.keys.aliases_of(open.row.reference).await?;
        let record = Record::by(EntryKind::SubjectDescribed, caller).subject(open.used(held, 0));
        self.record(record).await?;
        Ok(SubjectView {
            oid: open.row.oid,
            tenant: open.row.tenant.clone(),
            created_at: open.row.created_at,
            fields,
            aliases: aliases
                .into_iter()
                .map(|alias| format!("{}/{}:{}", alias.source, alias.table, alias.key))
                .collect(),
        })
    }

    /// One opened subject by name.
    pub(crate) async fn subject(&self, name: &SubjectName) -> Result<Arc<OpenSubject>> {
        let mut found = self.subjects_named(std::slice::from_ref(name)).await?;
        found.pop().flatten().ok_or(Error::NotFound("subject"))
    }

    /// Opened subjects by name, in the list's order.
    pub(crate) async fn subjects_named(
        &self,
        names: &[SubjectName],
    ) -> Result<Vec<Option<Arc<OpenSubject>>>> {
        self.fresh()?;
        let now = self.now();
        let oids: Vec<Oid> = names
            .iter()
            .filter_map(|name| match name {
                SubjectName::Oid(oid) => Some(*oid),
                SubjectName::Alias { .. } => None,
            })
            .collect();
        let mut by_oid = self.inner.keyring.subjects(&oids, now).await?.into_iter();
        if oids.len() == names.len() {
            return Ok(by_oid.collect());
        }
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            found.push(match name {
                SubjectName::Oid(_) => by_oid.next().flatten(),
                SubjectName::Alias { source, table, key } => {
                    let source = self.source_of(source.as_ref())?;
                    self.by_alias(&source, table, std::slice::from_ref(key))
                        .await?
                        .pop()
                        .flatten()
                }
            });
        }
        Ok(found)
    }

    async fn by_alias(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Option<Arc<OpenSubject>>>> {
        let now = self.now();
        let pairs = self
            .inner
            .keys
            .subjects_by_alias(source, table, keys)
            .await?;
        let mut rows = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some((alias, row)) = pair else {
                rows.push(None);
                continue;
            };
            self.inner
                .keyring
                .tenant(&row.tenant, now)
                .await?
                .check_alias(&alias)?;
            rows.push(Some(row));
        }
        self.inner.keyring.open_rows(rows, now).await
    }

    /// The subjects that rows of an application's table name, made where they are missing.
    pub(crate) async fn ensure_subjects(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Arc<OpenSubject>>> {
        self.fresh()?;
        let now = self.now();
        for _ in 0..3 {
            let found = self.by_alias(source, table, keys).await?;
            let mut missing: Vec<&String> = keys
                .iter()
                .zip(&found)
                .filter(|(_, open)| open.is_none())
                .map(|(key, _)| key)
                .collect();
            if missing.is_empty() {
                return Ok(found.into_iter().flatten().collect());
            }
            missing.sort();
            missing.dedup();
            let tenant = self
                .inner
                .keyring
                .tenant(&self.inner.config.tenant, now)
                .await?;
            let new = missing
                .into_iter()
                .map(|key| {
                    let mut new = self.new_subject(&tenant, now)?;
                    new.aliases.push(self.alias(
                        &tenant,
                        source,
                        table,
                        key,
                        new.subject.reference,
                    ));
                    Ok(new)
                })
                .collect::<Result<Vec<_>>>()?;
            match self.inner.keys.add_subjects(new).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Internal("subjects could not be made"))
    }

    fn new_subject(&self, tenant: &TenantKeys, now: Timestamp) -> Result<NewSubject> {
        let entropy = self.inner.keyring.entropy();
        let mut subject = SubjectRow {
            reference: SubjectRef::random(entropy),
            tenant: tenant.name().clone(),
            puid: Puid::random(entropy),
            oid: Oid::random(entropy),
            created_at: now,
            mac: [0; 32],
        };
        tenant.sign_subject(&mut subject);
        let owner = *subject.reference.as_bytes();
        let key = |kind| {
            let secret = Secret32::generate(entropy);
            tenant.wrap(kind, owner, 1, &secret, entropy, now)
        };
        let keys = vec![
            key(KeyKind::SubjectAccount)?,
            key(KeyKind::SubjectOperational)?,
        ];
        Ok(NewSubject {
            subject,
            keys,
            aliases: Vec::new(),
        })
    }

    fn alias(
        &self,
        tenant: &TenantKeys,
        source: &SourceName,
        table: &str,
        key: &str,
        subject: SubjectRef,
    ) -> AliasRow {
        let mut row = AliasRow {
            source: source.clone(),
            table: table.to_owned(),
            key: key.to_owned(),
            subject,
            mac: [0; 32],
        };
        tenant.sign_alias(&mut row);
        row
    }

    fn source_of(&self, named: Option<&SourceName>) -> Result<SourceName> {
        let sources = &self.inner.sources;
        match named {
            Some(name) if sources.contains_key(name) => Ok(name.clone()),
            Some(_) => Err(Error::NotFound("source")),
            None if sources.len() == 1 => sources
                .keys()
                .next()
                .cloned()
                .ok_or(Error::NotFound("source")),
            None => Err(Error::invalid(
                "source_missing",
                "several sources are configured: write the alias as `source/table:key`",
            )),
        }
    }

    fn fields_of(&self, values: &FieldValues) -> Result<Vec<&Field>> {
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

    /// Asks the policy once for each distinct field (and once without, when there is none).
    pub(crate) async fn permit_fields(
        &self,
        caller: &Caller,
        action: Action,
        fields: &[&Field],
        denied: EntryKind,
    ) -> Result<()> {
        if fields.is_empty() {
            return self.permit(caller, action, denied).await.map(drop);
        }
        for field in fields {
            let resource = Resource {
                tenant: &self.inner.config.tenant,
                field: Some((field.name.as_str(), field.class)),
                source: None,
            };
            let context = Context {
                purpose: None,
                is_self: false,
                grant: false,
            };
            let policy = &self.inner.policy;
            let decision = policy.decide(caller.principal(), action, &resource, &context);
            if !decision.allowed {
                let record = Record::by(denied, caller).ruling(self.ruling(&decision));
                self.record(record).await?;
                return Err(denied_by_policy(caller, action));
            }
        }
        Ok(())
    }

    async fn store_values(
        &self,
        row: SubjectRow,
        fields: &[&Field],
        values: &FieldValues,
        now: Timestamp,
    ) -> Result<()> {
        if fields.is_empty() {
            return Ok(());
        }
        let puid = row.puid;
        let open = self.inner.keyring.open_rows(vec![Some(row)], now).await?;
        let open = open
            .into_iter()
            .flatten()
            .next()
            .ok_or(Error::NotFound("subject"))?;
        let mut writes = Vec::with_capacity(fields.len());
        for (field, value) in fields.iter().zip(values.values()) {
            writes.push(match value {
                None => ValueWrite {
                    puid,
                    field: field.number,
                    sealed: None,
                    index: Vec::new(),
                },
                Some(value) => self.sealed_write(&open, field, value, now).await?,
            });
        }
        self.inner
            .data
            .put_values(writes)
            .await
            .map_err(|error| self.not_unique(error))
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
        let block = Block::new(field.value_type.padding_block())
            .map_err(|_| Error::Internal("padding block"))?;
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

fn numbers(fields: &[&Field]) -> Arc<[u16]> {
    fields.iter().map(|field| field.number).collect()
}
