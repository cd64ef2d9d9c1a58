//! Erasing single fields of somebody who stays: a new key, under which all other values are sealed anew, and the end of the old
//! one. No copy of the data opens the erased values any more, wherever it lies. The same is done with the key of values that
//! applications keep ([`sources`]), which dies later.
//!
//! The key store knows what is being erased from the moment on in which it has the new key. So whatever breaks off is taken up
//! again, by any server; until the old key is destroyed, both open. What a restored key store does not know of is read from the
//! logs ([`replay`](super::replay)).

mod outcome;
mod receipt;
mod reseal;
mod sources;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use privet_classify::Field;
use privet_seal::{KeyKind, Zeroizing};

use super::{ATTEMPTS_MAX, MIRROR_WAIT};
use crate::audit::{Actor, EntryKind, Record, Ruling, SubjectUse};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::{FieldErasure, KeyRow, StoreError, SubjectRow};
use crate::session::lock;
use crate::subject::FIELDS_MAX;
use crate::subject_request::CHECKED_BYTES_MAX;
use crate::{Caller, Error, PrincipalKind, Result, SubjectName, SubjectRef, Vault};

pub use outcome::{ClearedTable, FieldElsewhere, FieldsErased, KeptField, SourceFields};
use receipt::{Entered, request_of};
use reseal::Resealed;

/// Who has fields erased.
struct By {
    actor: Actor,
    ruling: Option<Ruling>,
    address: Option<String>,
    /// How it was made sure that it is this person who asks.
    checked: Option<Zeroizing<String>>,
}

impl By {
    /// What a crash cut short is taken up by the server itself.
    const SERVER: Self = Self {
        actor: Actor::System,
        ruling: None,
        address: None,
        checked: None,
    };
}

/// What came of it.
struct Done {
    entry: u64,
    resealed: Resealed,
}

/// The same of both sides.
struct CarriedOut {
    done: Done,
    sources: SourceFields,
    elsewhere: Vec<FieldElsewhere>,
    /// The request that this is, which leads to the receipt.
    entered: Entered,
}

/// An erasure: whose, the code of the key's kind, its generation.
type Place = (SubjectRef, u8, u32);

fn place(erasure: &FieldErasure) -> Place {
    (erasure.subject, erasure.kind.code(), erasure.generation)
}

/// Erasures of fields that this server is at work on.
#[derive(Debug, Default)]
pub(crate) struct FieldsInHand {
    held: Mutex<BTreeSet<Place>>,
    /// Those whose intent this server has put into its log. One that waits for its day says it once.
    told: Mutex<BTreeSet<Place>>,
}

/// One of them, until this is dropped.
struct HeldFields {
    in_hand: Arc<FieldsInHand>,
    place: Place,
}

impl FieldsInHand {
    /// `None` when somebody else is at work on it already.
    fn take(self: &Arc<Self>, erasure: &FieldErasure) -> Option<HeldFields> {
        let place = place(erasure);
        lock(&self.held).insert(place).then(|| HeldFields {
            in_hand: Arc::clone(self),
            place,
        })
    }
}

impl Drop for HeldFields {
    fn drop(&mut self) {
        lock(&self.in_hand.held).remove(&self.place);
    }
}

/// What was begun, and is in hand.
struct Begun {
    account: FieldErasure,
    /// Where applications' databases hold something of the fields.
    operational: Option<FieldErasure>,
    _held: Vec<Option<HeldFields>>,
}

impl Vault {
    /// Erases single fields of a subject: their values are deleted, all others are sealed under a new key, and the old one is
    /// destroyed, so that no copy of the erased values opens again. What is written meanwhile, stays.
    ///
    /// In applications' databases that know the subject by one of its aliases, the fields' columns are cleared by the data map, and
    /// what is sealed there besides is sealed anew. The key that it was sealed under opens for some time on, since applications may
    /// hold values that they have not written yet; then it is destroyed as well. A database that is away delays this, and the answer
    /// says so.
    ///
    /// `checked` says how it was made sure that it is this person who asks. People of the staff have to say it; it goes to the entry's
    /// side record.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown subject, [`Error::Invalid`] for fields that the data map does
    /// not have, or with code `identity_unchecked`. After any other error the erasure may be under way; it is then finished by itself.
    pub async fn erase_fields(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        fields: &[String],
        checked: Option<&str>,
    ) -> Result<FieldsErased> {
        let fields = self.fields_to_erase(fields)?;
        let checked = checked_by(caller, checked)?;
        let sources = self.sources_named(std::slice::from_ref(subject))?;
        let denied = EntryKind::ErasureDenied;
        let decision = self
            .permit_fields(caller, Action::EraseFields, &fields, &sources, denied)
            .await?;
        let open = self.subject(subject).await?;
        self.erase_fields_of(caller, &decision, &open, &fields, checked)
            .await
    }

    /// The same for whom policy was asked about.
    pub(crate) async fn erase_fields_of(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &Arc<OpenSubject>,
        fields: &[&Field],
        checked: Option<&str>,
    ) -> Result<FieldsErased> {
        let by = By {
            checked: checked.map(|checked| Zeroizing::new(checked.to_owned())),
            actor: Actor::from(caller),
            ruling: Some(self.ruling(decision)),
            address: Some(caller.address().to_owned()),
        };
        let numbers: Vec<u16> = fields.iter().map(|field| field.number).collect();
        let (vault, subject) = (self.clone(), Arc::clone(open));
        let work = tokio::spawn(async move { vault.erase_both(&subject, numbers, &by).await });
        work.await
            .map_err(|_| Error::Internal("an erasure broke off; it is taken up again"))?
    }

    async fn erase_both(
        &self,
        open: &OpenSubject,
        numbers: Vec<u16>,
        by: &By,
    ) -> Result<FieldsErased> {
        let begun = self.begin_fields(open, numbers.clone()).await?;
        let carried_out = self.carry_out_both(&begun, by).await;
        drop(begun);
        let carried_out = carried_out.inspect_err(|_| self.inner.ledger.take_up_fields())?;
        let fields = self.fields_numbered(&numbers);
        let kept = self.kept_of(open.row.reference, &fields).await?;
        // Last: the mirror has had all this time for it.
        let entry = carried_out.done.entry;
        let confirmed = self.inner.audit.is_mirrored(entry, MIRROR_WAIT).await;
        let receipt = self.fields_receipt(&carried_out).await;
        let resealed = carried_out.done.resealed;
        Ok(FieldsErased {
            entry,
            fields: fields.iter().map(|field| field.name.to_string()).collect(),
            values_deleted: resealed.deleted,
            values_resealed: resealed.resealed,
            kept,
            elsewhere: carried_out.elsewhere,
            sources: carried_out.sources,
            confirmed,
            request: carried_out.entered.request,
            receipt,
        })
    }

    /// Both sides; the vault's own first.
    async fn carry_out_both(&self, begun: &Begun, by: &By) -> Result<CarriedOut> {
        let operational = begun.operational.as_ref();
        let entered = self.enter_fields(&begun.account, operational).await?;
        if let Some(operational) = &begun.operational {
            self.intend(operational, by).await?;
        }
        let done = self.carry_out_fields(&begun.account, by).await?;
        let sources = match &begun.operational {
            Some(operational) => {
                self.carry_out_in_sources(operational, by, sources::WAIT)
                    .await?
            }
            None => SourceFields::default(),
        };
        let fields = self.fields_numbered(&begun.account.fields);
        Ok(CarriedOut {
            elsewhere: self.elsewhere(&fields, &sources),
            done,
            sources,
            entered,
        })
    }

    /// Those of these fields that the data map has.
    pub(super) fn fields_numbered(&self, numbers: &[u16]) -> Vec<&Field> {
        let fields = numbers.iter();
        let fields = fields.filter_map(|number| self.inner.map.field_by_number(*number));
        fields.collect()
    }

    /// The fields of these names, each once, by number.
    pub(crate) fn fields_to_erase(&self, names: &[String]) -> Result<Vec<&Field>> {
        if names.is_empty() || names.len() > FIELDS_MAX {
            return Err(Error::invalid(
                "too_many",
                format!("name 1 to {FIELDS_MAX} fields a call"),
            ));
        }
        let fields = names.iter().map(|name| self.field(name));
        let mut fields: Vec<&Field> = fields.collect::<Result<_>>()?;
        fields.sort_by_key(|field| field.number);
        fields.dedup_by_key(|field| field.number);
        Ok(fields)
    }

    /// New keys, and that these fields are erased with the old ones.
    async fn begin_fields(&self, open: &OpenSubject, fields: Vec<u16>) -> Result<Begun> {
        let row = &open.row;
        for _ in 0..ATTEMPTS_MAX {
            let account = self.next_erasure(row, KeyKind::SubjectAccount, &fields);
            let account = account.await?;
            let operational = self.in_sources(row, &fields).await?;
            let both: Vec<FieldErasure> = std::iter::once(&account)
                .chain(&operational)
                .cloned()
                .collect();
            let in_hand = &self.inner.fields_in_hand;
            let held = both.iter().map(|erasure| in_hand.take(erasure)).collect();
            match self.begin_erasures(row, both).await {
                // Others erase fields of the same subject: this comes after theirs.
                Err(Error::Store(StoreError::Conflict)) => {}
                begun => {
                    return begun.map(|()| Begun {
                        account,
                        operational,
                        _held: held,
                    });
                }
            }
        }
        Err(Error::conflict(
            "fields_busy",
            "fields of this subject are erased by many at once: try again",
        ))
    }

    /// An erasure with a key that replaces the newest of this kind.
    pub(super) async fn next_erasure(
        &self,
        subject: &SubjectRow,
        kind: KeyKind,
        fields: &[u16],
    ) -> Result<FieldErasure> {
        let owner = *subject.reference.as_bytes();
        let keys = self.inner.keys.keys_of(&subject.tenant, kind, owner);
        let keys = keys.await?;
        let newest = keys.first().ok_or(Error::NotFound("subject"))?;
        let generation = newest.generation.checked_add(1);
        Ok(FieldErasure {
            subject: subject.reference,
            kind,
            generation: generation.ok_or(Error::Internal("a subject has too many keys"))?,
            fields: fields.to_vec(),
            sources: Vec::new(),
            until: None,
        })
    }

    /// Adds the keys of erasures' generations.
    pub(super) async fn begin_erasures(
        &self,
        subject: &SubjectRow,
        erasures: Vec<FieldErasure>,
    ) -> Result<()> {
        let (now, keyring) = (self.now(), &self.inner.keyring);
        let mut begun = Vec::with_capacity(erasures.len());
        for erasure in erasures {
            let key = keyring.next_generation(subject, erasure.kind, erasure.generation, now);
            begun.push((key.await?, erasure));
        }
        Ok(self.inner.keys.begin_field_erasures(begun).await?)
    }

    /// Puts the intent into the log, before anything is done about it.
    async fn intend(&self, erasure: &FieldErasure, by: &By) -> Result<()> {
        let told = &self.inner.fields_in_hand.told;
        if !lock(told).contains(&place(erasure)) {
            self.record(intent(erasure, by)).await?;
            lock(told).insert(place(erasure));
        }
        Ok(())
    }

    /// Everything after the new key; repeating it is harmless.
    async fn carry_out_fields(&self, erasure: &FieldErasure, by: &By) -> Result<Done> {
        self.intend(erasure, by).await?;
        self.catch_up().await?;
        let resealed = self.reseal_fields(erasure).await?;
        let keys = self.end_erasure(erasure).await?;
        let mut done = about(EntryKind::ErasureFieldsDone, erasure, by)
            .count("keys", keys)
            .personal("deleted", resealed.deleted)
            .personal("resealed", resealed.resealed);
        if resealed.unreadable > 0 {
            let values = resealed.unreadable;
            tracing::error!(
                values,
                "of somebody whose fields were erased there are values that no key opens: the key store was put back, and the data store was not"
            );
            done = done.count("unreadable", values);
        }
        let entry = self.record(done).await?;
        Ok(Done { entry, resealed })
    }

    /// Destroys the keys before the erasure's own; answers how many there were.
    async fn end_erasure(&self, erasure: &FieldErasure) -> Result<u64> {
        let FieldErasure {
            subject,
            kind,
            generation,
            ..
        } = *erasure;
        let ended = self.inner.keys.end_field_erasure(subject, kind, generation);
        let keys = match ended.await {
            Ok(keys) => keys,
            // The subject was closed meanwhile, and all its keys are gone.
            Err(StoreError::Conflict) if !self.is_known(subject).await? => 0,
            Err(error) => return Err(error.into()),
        };
        // Seen here, it is done again if a failover of the key store loses it.
        self.catch_up().await?;
        lock(&self.inner.fields_in_hand.told).remove(&place(erasure));
        Ok(keys)
    }

    /// Finishes what was begun, here or by another server, and was cut short.
    pub(crate) async fn finish_fields(&self) -> Result<()> {
        let account = self.finish_account_fields().await;
        self.finish_in_sources().await?;
        account
    }

    /// The same in the vault alone, which waits for nobody.
    pub(crate) async fn finish_account_fields(&self) -> Result<()> {
        let mut outcome = Ok(());
        for erasure in self.inner.keys.field_erasures().await? {
            if erasure.kind != KeyKind::SubjectAccount {
                continue;
            }
            let Some(_held) = self.inner.fields_in_hand.take(&erasure) else {
                continue;
            };
            // One that fails does not keep the others waiting.
            if let Err(error) = self.take_up(&erasure).await {
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn take_up(&self, account: &FieldErasure) -> Result<()> {
        // Whoever began it may not have come as far as that.
        let operational = self.begun_beside(account).await?;
        self.enter_fields(account, operational.as_ref()).await?;
        self.carry_out_fields(account, &By::SERVER).await.map(drop)
    }

    async fn is_known(&self, subject: SubjectRef) -> Result<bool> {
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await?;
        Ok(rows.into_iter().flatten().next().is_some())
    }

    /// What law keeps of these fields.
    async fn kept_of(&self, subject: SubjectRef, fields: &[&Field]) -> Result<Vec<KeptField>> {
        let keys = self.inner.keys.keys_of_subjects(&[subject]).await?;
        let kept = keys.into_iter().flatten().filter_map(|key: KeyRow| {
            if key.kind != KeyKind::SubjectRetention || key.is_of_consent() {
                return None;
            }
            let number = key.generation >> 16;
            let field = fields
                .iter()
                .find(|field| u32::from(field.number) == number)?;
            Some(KeptField {
                field: field.name.to_string(),
                expires_on: key.expires_on?,
            })
        });
        let mut kept: Vec<KeptField> = kept.collect();
        kept.sort_by(|a, b| (&a.field, a.expires_on).cmp(&(&b.field, b.expires_on)));
        Ok(kept)
    }

    /// Where applications may hold these fields, and it is theirs to erase them.
    pub(super) fn elsewhere(&self, fields: &[&Field], done: &SourceFields) -> Vec<FieldElsewhere> {
        let mut found: Vec<FieldElsewhere> = Vec::new();
        for source in self.inner.sources.keys() {
            let Some(described) = self.inner.map.source(source.as_str()) else {
                continue;
            };
            for table in &described.tables {
                let columns = table.columns.iter().filter_map(|column| {
                    let field = column.field()?;
                    let erased = fields.iter().find(|erased| erased.name == *field)?;
                    Some(FieldElsewhere {
                        source: source.clone(),
                        table: table.name.to_string(),
                        column: column.name.to_string(),
                        field: erased.name.to_string(),
                    })
                });
                // Where the person is known, it is said what was done, or why nothing was.
                found.extend(columns.filter(|column| {
                    let name = (&column.table, &column.column);
                    !done.asked.contains(source)
                        || (done.left.iter())
                            .any(|(of, table, column)| of == source && (table, column) == name)
                }));
            }
        }
        found.sort();
        found
    }
}

/// How the log calls the kind of the key that is replaced.
pub(super) fn side(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::SubjectOperational => "operational",
        _ => "account",
    }
}

/// What both entries say. They name the subject by its reference, as those of whole erasures do: a key store that was restored
/// learns from it what it has to do once more.
fn about(kind: EntryKind, erasure: &FieldErasure, by: &By) -> Record {
    let mut record = Record::new(kind, by.actor.clone())
        .fact("erased_of", erasure.subject.to_string())
        .fact("side", side(erasure.kind))
        .fact("generation", erasure.generation)
        .subject(SubjectUse {
            reference: erasure.subject,
            fields: erasure.fields.as_slice().into(),
            count: 0,
        });
    if erasure.kind == KeyKind::SubjectAccount {
        record = record.fact("request", request_of(erasure).to_string());
    }
    if let Some(address) = &by.address {
        record = record.personal("address", address.as_str());
    }
    record
}

fn intent(erasure: &FieldErasure, by: &By) -> Record {
    let mut record = about(EntryKind::ErasureFieldsIntended, erasure, by)
        .fact("fields", erasure.fields.as_slice());
    if let Some(ruling) = &by.ruling {
        record = record.ruling(ruling.clone());
    }
    match &by.checked {
        Some(checked) => record.personal("checked", checked.as_str()),
        None => record,
    }
}

/// An application has made sure by its login who asks; people of the staff say how they did.
fn checked_by<'c>(caller: &Caller, checked: Option<&'c str>) -> Result<Option<&'c str>> {
    let checked = checked.filter(|text| !text.trim().is_empty());
    let is_staff = caller.principal().kind == PrincipalKind::Person;
    let is_said = checked.map_or(!is_staff, |text| text.len() <= CHECKED_BYTES_MAX);
    match is_said {
        true => Ok(checked),
        false => Err(Error::invalid(
            "identity_unchecked",
            format!(
                "say how you made sure that it is this person who asks, in at most {CHECKED_BYTES_MAX} bytes"
            ),
        )),
    }
}
