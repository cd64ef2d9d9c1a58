//! What the vault itself holds of people: their account, and what they agreed to.

use std::sync::Arc;

use privet_archive::{Row, Value};
use privet_classify::Field;
use privet_seal::{FieldNumber, SealedRef};

use super::CollectedValue;
use super::batch::Batch;
use super::shape::{Shape, archived};
use super::source::collected;
use super::spooling::Dealt;
use crate::keyring::OpenSubject;
use crate::{Puid, Result, Vault};

/// People whose values are read together: a value has up to 256 KiB, most have a few bytes.
const PEOPLE: usize = 16;
/// Answers of a person that are read together.
const ANSWERS: u32 = 100;

impl Vault {
    /// Since when people are known, under which id, and every value that the vault holds of them.
    pub(crate) async fn gather_accounts(&self, batch: &mut Batch) -> Result<()> {
        let fields: Vec<&Field> = self.inner.map.fields().collect();
        let numbers: Vec<u16> = fields.iter().map(|field| field.number).collect();
        let mut spooling = batch.spooling(&self.inner.entropy);
        let all: Vec<usize> = batch.going().map(|(place, _)| place).collect();
        for places in all.chunks(PEOPLE) {
            let members = places.iter().filter_map(|place| {
                let member = batch.members.get(*place)?;
                let open = Arc::clone(&member.open);
                member.failed.is_none().then_some((*place, open))
            });
            let members: Vec<(usize, Arc<OpenSubject>)> = members.collect();
            let puids: Vec<Puid> = members.iter().map(|(_, open)| open.row.puid).collect();
            let values = self.inner.data.values(&puids, &numbers).await?;
            self.leave_out_erased(batch, places).await?;
            let (places, open): (Vec<usize>, Vec<_>) = members.into_iter().unzip();
            let mut open: Vec<Option<Arc<OpenSubject>>> = open.into_iter().map(Some).collect();
            self.with_keys_of(&mut open, &values).await?;
            let members = places.into_iter().zip(open.into_iter().flatten());
            for ((place, open), values) in members.zip(values) {
                if batch.place(open.row.reference).is_none() {
                    continue;
                }
                let held = fields.iter().copied().zip(values);
                let held: Vec<(&Field, Vec<u8>)> = held
                    .filter_map(|(field, sealed)| Some((field, sealed?)))
                    .collect();
                let columns: Vec<&Field> = held.iter().map(|(field, _)| *field).collect();
                let shape = Shape::of_account(&self.inner.map, &columns, batch.words);
                let mut row = vec![
                    Value::text(open.row.created_at.to_string()),
                    Value::text(open.row.oid.to_string()),
                ];
                row.extend(
                    held.iter()
                        .map(|(field, sealed)| opened(&open, field, sealed)),
                );
                let dealt = Dealt {
                    to: vec![place],
                    row: Row::new(row),
                };
                spooling = spooling.add(&Arc::new(shape), vec![dealt]).await?;
            }
        }
        batch.take(spooling.finish().await?);
        Ok(())
    }

    /// Every answer that people gave, the newest first, with its evidence.
    pub(crate) async fn gather_consents(&self, batch: &mut Batch) -> Result<()> {
        let shape = Arc::new(Shape::of_consents(batch.words));
        let mut spooling = batch.spooling(&self.inner.entropy);
        let all: Vec<usize> = batch.going().map(|(place, _)| place).collect();
        for place in all {
            self.leave_out_erased(batch, &[place]).await?;
            let member = batch.members.get(place);
            let Some(member) = member.filter(|member| member.failed.is_none()) else {
                continue;
            };
            let open = Arc::clone(&member.open);
            let mut before = None;
            loop {
                let (answers, older) = self.answers_for_copy(&open, before, ANSWERS).await?;
                let rows = answers.into_iter().map(|row| Dealt {
                    to: vec![place],
                    row,
                });
                spooling = spooling.add(&shape, rows.collect()).await?;
                before = older;
                if before.is_none() {
                    break;
                }
            }
        }
        batch.take(spooling.finish().await?);
        Ok(())
    }
}

/// What was sealed of a field; nothing, where it does not open.
fn opened(open: &OpenSubject, field: &Field, sealed: &[u8]) -> Value {
    let value = || {
        let sealed = SealedRef::parse(sealed).ok()?;
        let cipher = open.cipher(sealed.key_id())?;
        let opened = cipher.open(FieldNumber(field.number), &sealed).ok()?;
        Some(archived(&collected(opened.as_value())))
    };
    value().unwrap_or_else(|| archived(&CollectedValue::Unreadable))
}
