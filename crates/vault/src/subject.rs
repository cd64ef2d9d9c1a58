//! Subjects: how callers name them, how they come to be, and the values that the vault holds for them.

mod name;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::Field;
use privet_seal::{KeyKind, Secret32};

pub use name::SubjectName;
pub(crate) use values::padding_block;

use crate::audit::{EntryKind, Record, SubjectUse};
use crate::keyring::{OpenSubject, TenantKeys};
use crate::policy::Action;
use crate::port::{AliasRow, ConsentEnd, NewSubject, StoreError, SubjectRow};
use crate::recent::Mark;
use crate::{Caller, Error, Oid, Puid, Result, SourceName, SubjectRef, Vault};

/// Fields in one call.
pub(crate) const FIELDS_MAX: usize = 64;
/// Subjects in one call.
pub(crate) const SUBJECTS_MAX: usize = 1_000;

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
        let mut decision = self
            .permit(caller, Action::CreateSubject, EntryKind::SubjectDenied)
            .await?;
        if !fields.is_empty() {
            let write = Action::WriteFields;
            let sources = if aliases.is_empty() {
                vec![None]
            } else {
                self.sources_named(aliases)?
            };
            let written = self
                .permit_fields(caller, write, &fields, &sources, EntryKind::SubjectDenied)
                .await?;
            decision = decision.and(written);
        }
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
        let record = Record::by(EntryKind::SubjectCreated, caller)
            .ruling(self.ruling(&decision))
            .subject(SubjectUse {
                reference,
                fields: numbers(&fields),
                count: 1,
            });
        self.record(record).await?;
        // Keys are written before data: a value without its key would be lost.
        self.inner
            .keys
            .add_subjects(vec![new])
            .await
            .map_err(|error| match error {
                StoreError::Conflict => {
                    Error::conflict("alias_taken", "an alias names another subject, or one who left and whose rows are still to be erased")
                }
                other => other.into(),
            })?;
        if let Err(error) = self.store_values(row, &fields, &values, now).await {
            let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
            self.inner
                .keys
                .destroy_subject(reference, today, now, None, ConsentEnd::default())
                .await?;
            self.delete_orphans().await?;
            return Err(error);
        }
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
        let sources = self.sources_named(std::slice::from_ref(subject))?;
        let decision = self
            .permit_fields(
                caller,
                Action::WriteFields,
                &fields,
                &sources,
                EntryKind::SubjectDenied,
            )
            .await?;
        let open = self.subject(subject).await?;
        let now = self.now();
        let record = Record::by(EntryKind::SubjectUpdated, caller)
            .ruling(self.ruling(&decision))
            .subject(open.used(numbers(&fields), 1));
        self.record(record).await?;
        self.store_values(open.row.clone(), &fields, &values, now)
            .await
    }

    /// What there is of a subject, without values.
    pub async fn describe_subject(
        &self,
        caller: &Caller,
        subject: &SubjectName,
    ) -> Result<SubjectView> {
        let decision = self
            .permit(caller, Action::DescribeSubject, EntryKind::SubjectDenied)
            .await?;
        let open = self.subject(subject).await?;
        let held = self.inner.data.fields_of(open.row.puid).await?;
        let fields = held
            .iter()
            .filter_map(|number| self.inner.map.field_by_number(*number))
            .map(|field| field.name.to_string())
            .collect();
        let aliases = self.inner.keys.aliases_of(open.row.reference).await?;
        let record = Record::by(EntryKind::SubjectDescribed, caller)
            .ruling(self.ruling(&decision))
            .subject(open.used(held, 0));
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

    /// Which of these subjects were erased since `mark`, which was taken before they were looked up; nothing of them
    /// may be shown any more.
    pub(crate) async fn erased_since(
        &self,
        mark: Mark,
        opened: &[Option<Arc<OpenSubject>>],
    ) -> Result<Vec<bool>> {
        if self.inner.keyring.mark() == mark {
            return Ok(vec![false; opened.len()]);
        }
        let known: Vec<SubjectRef> = opened
            .iter()
            .flatten()
            .map(|open| open.row.reference)
            .collect();
        let mut rows = self
            .inner
            .keys
            .subjects_by_reference(&known)
            .await?
            .into_iter();
        let erased = opened.iter().map(|open| match open {
            None => false,
            Some(_) => rows.next().flatten().is_none(),
        });
        Ok(erased.collect())
    }

    pub(crate) async fn by_alias(
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

    /// The subjects that rows of an application's table name, made where they are missing. `None` for a row that named
    /// somebody who left, for as long as it is to be erased: what is in it is theirs.
    pub(crate) async fn ensure_subjects(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Option<Arc<OpenSubject>>>> {
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
            missing.sort();
            missing.dedup();
            if !missing.is_empty() {
                let asked: Vec<String> = missing.iter().map(|key| (*key).clone()).collect();
                let orphaned = self.inner.keys.orphaned(source, table, &asked).await?;
                let mut orphaned = orphaned.into_iter();
                missing.retain(|_| orphaned.next() == Some(false));
            }
            if missing.is_empty() {
                return Ok(found);
            }
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

    /// The sources whose rows name subjects in the list, each once; `None` stands for those named by their own id.
    /// Policy is asked about each, so that a rule on `resource in Source::"…"` binds whoever names a row of it.
    pub(crate) fn sources_named(&self, names: &[SubjectName]) -> Result<Vec<Option<SourceName>>> {
        let mut sources = Vec::new();
        for name in names {
            let source = match name {
                SubjectName::Oid(_) => None,
                SubjectName::Alias { source, .. } => Some(self.source_of(source.as_ref())?),
            };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        Ok(sources)
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
}

fn numbers(fields: &[&Field]) -> Arc<[u16]> {
    fields.iter().map(|field| field.number).collect()
}
