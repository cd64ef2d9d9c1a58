//! Finding a subject by a value: by blind index, confirmed by opening.

use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::Field;
use privet_seal::{BlindIndex, FieldNumber, SealedRef};

use crate::audit::{EntryKind, Record};
use crate::consent;
use crate::keyring::OpenSubject;
use crate::policy::Action;
use crate::vault::denied_by_policy;
use crate::{Caller, Error, Oid, Result, Vault};

/// How many subjects a look-up answers at most.
const HITS_MAX: u32 = 100;

/// Who holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The subjects whose value in the vault it is.
    pub subjects: Vec<Oid>,
    /// The value's blind indexes as text, newest version first: what a column of an application's own table holds for it. Two
    /// while the index key changes; none for a purpose that rests on consent.
    pub indexes: Vec<String>,
}

impl Vault {
    /// The subjects whose value of `field` equals `value` after normalization, and where else to look for it. For a purpose
    /// that rests on consent, those who do not agree are left out, as if they did not hold it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `no_lookup` where the data map gives the field no blind index.
    pub async fn lookup(
        &self,
        caller: &Caller,
        field: &str,
        value: &str,
        purpose: &str,
    ) -> Result<Found> {
        let field = self.field(field)?;
        if field.lookup.is_none() {
            return Err(Error::invalid(
                "no_lookup",
                format!("field `{}` has no `lookup` in the data map", field.name),
            ));
        }
        let denied = || Record::by(EntryKind::LookupDenied, caller).purpose(purpose);
        let rule = match self.check_purpose(purpose, &[field]) {
            Ok(rule) => rule,
            Err(error) => return Err(self.refuse(denied(), error).await),
        };
        let decision =
            self.decide_fields(caller, Action::Lookup, Some(purpose), &[field], &[None])?;
        if !decision.allowed {
            let record = denied().ruling(self.ruling(&decision));
            let error = denied_by_policy(caller, Action::Lookup);
            return Err(self.refuse(record, error).await);
        }
        self.fresh()?;
        let now = self.now();
        let keyring = &self.inner.keyring;
        let tenant = keyring.tenant(&self.inner.config.tenant, now).await?;
        let indexes = keyring.indexes(&tenant, field, value, now).await?;
        let hits = self.hits(field, value, &indexes, now).await?;
        let mut hits: Vec<_> = hits.into_iter().map(Some).collect();
        let refused = self.leave_out(rule.as_ref(), &mut hits).await?;
        let hits: Vec<Arc<OpenSubject>> = hits.into_iter().flatten().collect();
        let mut record = Record::by(EntryKind::Lookup, caller)
            .purpose(purpose)
            .ruling(self.ruling(&decision))
            .fact("field", u64::from(field.number))
            .count("hits", hits.len() as u64);
        if rule.is_some() {
            record = record.count("refused", consent::count(&refused));
        }
        for open in &hits {
            record = record.subject(open.used(vec![field.number], 1));
        }
        self.record(record).await?;
        Ok(Found {
            subjects: hits.iter().map(|open| open.row.oid).collect(),
            // Whom an index leads to in an application's table, nobody can ask whether they agree.
            indexes: match rule {
                Some(_) => Vec::new(),
                None => indexes.iter().map(BlindIndex::to_text).collect(),
            },
        })
    }

    /// Whose value of a field it is, for the server itself.
    pub(crate) async fn holders(&self, field: &str, value: &str) -> Result<Vec<Oid>> {
        let (field, now) = (self.field(field)?, self.now());
        let keyring = &self.inner.keyring;
        let tenant = keyring.tenant(&self.inner.config.tenant, now).await?;
        let indexes = keyring.indexes(&tenant, field, value, now).await?;
        let hits = self.hits(field, value, &indexes, now).await?;
        Ok(hits.iter().map(|open| open.row.oid).collect())
    }

    pub(crate) async fn hits(
        &self,
        field: &Field,
        value: &str,
        indexes: &[BlindIndex],
        now: Timestamp,
    ) -> Result<Vec<Arc<OpenSubject>>> {
        let wanted = field.value_type.normalize(value).map_err(|error| {
            Error::invalid("value_invalid", format!("field `{}`: {error}", field.name))
        })?;
        let mut puids = Vec::new();
        for index in indexes {
            let found = self
                .inner
                .data
                .lookup(field.number, *index.as_bytes(), HITS_MAX)
                .await?;
            puids.extend(found);
        }
        puids.sort();
        puids.dedup();
        let keyring = &self.inner.keyring;
        let mut opened = keyring.subjects_by_puid(&puids, now).await?;
        let sealed = self.inner.data.values(&puids, &[field.number]).await?;
        for (open, row) in opened.iter_mut().zip(&sealed) {
            if let Some(open) = open {
                let row = row.iter().flatten().map(Vec::as_slice);
                *open = keyring.holding(open, row, now).await?;
            }
        }
        let hits = opened
            .into_iter()
            .zip(sealed)
            .filter_map(|(open, mut row)| {
                let (open, sealed) = (open?, row.pop().flatten()?);
                holds(&open, field, &sealed, &wanted).then_some(open)
            });
        Ok(hits.collect())
    }
}

/// An index entry is a hint; the value itself decides.
fn holds(open: &OpenSubject, field: &Field, sealed: &[u8], wanted: &str) -> bool {
    let Ok(parsed) = SealedRef::parse(sealed) else {
        return false;
    };
    let Some(cipher) = open.cipher(parsed.key_id()) else {
        return false;
    };
    let Ok(value) = cipher.open(FieldNumber(field.number), &parsed) else {
        return false;
    };
    let text = value.as_text();
    field
        .value_type
        .normalize(&text)
        .is_ok_and(|normalized| normalized == wanted)
}
