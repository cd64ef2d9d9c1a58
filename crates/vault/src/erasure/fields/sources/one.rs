//! One person's fields in one database: cleared, and what stays sealed anew, table by table.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Clearing, Failed, Look, beginnings};
use crate::erasure::fields::SourceFields;
use crate::port::{AliasRow, Catalog, ErasePlan, SealedSwap, SealedUnder, Source};
use crate::rows::{FieldTable, fields_of};
use crate::{Result, SourceName};

/// How many rows are changed in one transaction.
const ROWS_MAX: u32 = 1_000;

/// A source at work on.
pub(super) struct InSource<'s> {
    pub(super) clearing: &'s Clearing<'s>,
    pub(super) source: &'s Arc<dyn Source>,
    pub(super) name: &'s SourceName,
    pub(super) look: Look,
}

impl InSource<'_> {
    /// Everything of the person by one of its names; answers how many values there were.
    pub(super) async fn person(
        &self,
        alias: &AliasRow,
        catalog: &Catalog,
        done: &mut SourceFields,
    ) -> Result<u64, Failed> {
        let vault = self.clearing.vault;
        let today = vault.now().to_zoned(TimeZone::UTC).date();
        let tables = fields_of(&vault.inner.map, self.name, catalog, &alias.table, today);
        let tables = tables.map_err(|problems| Failed(problems.join("; ")))?;
        let mut found = 0;
        for table in &tables {
            found += self.clear(alias, table, done).await?;
            found += self.reseal(alias, table, done).await?;
        }
        Ok(found)
    }

    async fn clear(
        &self,
        alias: &AliasRow,
        table: &FieldTable,
        done: &mut SourceFields,
    ) -> Result<u64, Failed> {
        let place = (self.name.clone(), table.sealed.table.clone());
        let mut found = 0;
        for pending in &self.clearing.pending {
            let meant = self.clearing.meant(pending, self.look);
            for column in table.uncleared(&pending.fields) {
                let (source, table) = place.clone();
                done.left.insert((source, table, column.to_owned()));
            }
            let Some(step) = table.clearing(&pending.fields, meant) else {
                continue;
            };
            let plan = ErasePlan {
                steps: vec![step.clone()],
                together: false,
            };
            let mut cleared = 0;
            loop {
                let erased = self.source.erase(&plan, &alias.key, ROWS_MAX).await?;
                cleared += erased.rows.iter().sum::<u64>();
                if !erased.more {
                    break;
                }
            }
            let kept = match self.look {
                Look::First => self.source.retained(&step, &alias.key).await?.rows,
                Look::Late => 0,
            };
            if cleared + kept > 0 {
                let table = done.tables.entry(place.clone()).or_default();
                table.cleared += cleared;
                table.kept += kept;
            }
            found += cleared;
        }
        Ok(found)
    }

    /// Seals anew what the old keys sealed, all of it that was not cleared.
    async fn reseal(
        &self,
        alias: &AliasRow,
        table: &FieldTable,
        done: &mut SourceFields,
    ) -> Result<u64, Failed> {
        let place = (self.name.clone(), table.sealed.table.clone());
        let old = beginnings(self.clearing.keys.below(self.clearing.erasure.generation));
        if old.is_empty() {
            return Ok(0);
        }
        let (mut found, mut after) = (0, None);
        loop {
            let rows = self
                .source
                .sealed_under(&table.sealed, &alias.key, &old, after.as_ref(), ROWS_MAX)
                .await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key.clone());
            let (swaps, unreadable) = self.swaps(table, rows)?;
            let counts: Vec<u64> = swaps.iter().map(values_in).collect();
            found += counts.iter().sum::<u64>();
            let swapped = match swaps.is_empty() {
                true => Vec::new(),
                false => self.source.swap_sealed(&table.sealed, swaps).await?,
            };
            let resealed = counts.iter().zip(swapped).filter(|(_, swapped)| *swapped);
            let resealed: u64 = resealed.map(|(count, _)| *count).sum();
            if resealed + unreadable > 0 {
                let table = done.tables.entry(place.clone()).or_default();
                table.resealed += resealed;
                table.unreadable += unreadable;
            }
        }
        Ok(found)
    }

    /// What comes in the place of the rows' values, and how many of these do not open.
    fn swaps(&self, table: &FieldTable, rows: Vec<SealedUnder>) -> Result<(Vec<SealedSwap>, u64)> {
        let mut unreadable = 0;
        let mut swaps = Vec::with_capacity(rows.len());
        for row in rows {
            let mut values = Vec::with_capacity(row.values.len());
            for (position, text) in row.values.into_iter().enumerate() {
                let (Some(text), Some(field)) = (text, table.field(position)) else {
                    values.push(None);
                    continue;
                };
                let new = self.clearing.anew(field, &text)?;
                unreadable += u64::from(new.is_none());
                values.push(new.map(|new| (text, new)));
            }
            if values.iter().any(Option::is_some) {
                swaps.push(SealedSwap {
                    key: row.key,
                    values,
                });
            }
        }
        Ok((swaps, unreadable))
    }
}

fn values_in(swap: &SealedSwap) -> u64 {
    swap.values.iter().flatten().count() as u64
}
