//! One pass over everything, for all people of a batch.

use std::sync::Arc;

use privet_archive::Row;

use super::batch::Batch;
use super::shape::{Shape, archived};
use super::spooling::Dealt;
use super::{CollectError, SourceCollection};
use crate::{Error, Result, SubjectRef, Vault};

impl Vault {
    /// Gathers what is held of everybody in the batch. Whatever fails, fails those alone whom it concerns; they keep why.
    pub(crate) async fn gather(&self, batch: &mut Batch) {
        let own = self.gather_own(batch).await;
        let all = match own {
            Ok(()) => self.gather_sources(batch).await,
            failed => failed,
        };
        if let Err(error) = all {
            batch.fail_all(&error);
            return;
        }
        if batch.going().next().is_none() {
            return;
        }
        if let Err((places, error)) = self.gather_events(batch).await {
            batch.fail(places, &error);
        }
    }

    async fn gather_own(&self, batch: &mut Batch) -> Result<()> {
        self.gather_accounts(batch).await?;
        self.gather_consents(batch).await?;
        self.gather_looks(batch).await
    }

    /// Leaves out who of those in these places was erased since the last look: with their keys nothing is opened any more.
    pub(crate) async fn leave_out_erased(&self, batch: &mut Batch, places: &[usize]) -> Result<()> {
        let members = places
            .iter()
            .filter_map(|place| Some((*place, batch.members.get(*place)?)));
        let going: Vec<(usize, SubjectRef)> = members
            .filter(|(_, member)| member.failed.is_none())
            .map(|(place, member)| (place, member.reference()))
            .collect();
        let references: Vec<SubjectRef> = going.iter().map(|(_, reference)| *reference).collect();
        // What is read now is at least as new as the sequence, so that nothing that follows rests on something older.
        self.follow_patiently().await?;
        let rows = self.inner.keys.subjects_by_reference(&references).await?;
        let gone = going.iter().zip(rows);
        let gone: Vec<usize> = gone
            .filter_map(|((place, _), row)| row.is_none().then_some(*place))
            .collect();
        batch.fail(gone, &Error::NotFound("subject"));
        Ok(())
    }

    async fn gather_sources(&self, batch: &mut Batch) -> Result<()> {
        let people: Vec<SubjectRef> = batch
            .going()
            .map(|(_, member)| member.reference())
            .collect();
        for source in self.source_collections(&people).await? {
            let places: Vec<usize> = source
                .people
                .iter()
                .filter_map(|person| batch.place(*person))
                .collect();
            let read = match source.tables {
                Ok(tables) => self.gather_tables(batch, &source.people, tables).await,
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                batch.fail(places, &told(&source.name, error));
            }
        }
        Ok(())
    }

    async fn gather_tables(
        &self,
        batch: &mut Batch,
        people: &[SubjectRef],
        tables: Vec<SourceCollection>,
    ) -> std::result::Result<(), CollectError> {
        for table in tables {
            if !people.iter().any(|person| batch.place(*person).is_some()) {
                return Ok(());
            }
            self.gather_table(batch, &table).await?;
        }
        Ok(())
    }

    async fn gather_table(
        &self,
        batch: &mut Batch,
        table: &SourceCollection,
    ) -> std::result::Result<(), CollectError> {
        let shape = Arc::new(Shape::of_table(&self.inner.map, table, batch.words));
        let mut spooling = batch.spooling(&self.inner.entropy);
        let mut reader = table.read();
        while let Some(rows) = reader.next(self).await? {
            let dealt = rows.iter().map(|row| Dealt {
                to: row
                    .people
                    .iter()
                    .filter_map(|(person, _)| batch.place(*person))
                    .collect(),
                row: Row::new(row.values.iter().map(archived).collect()),
            });
            spooling = spooling.add(&shape, dealt.collect()).await?;
        }
        batch.take(spooling.finish().await?);
        Ok(())
    }
}

/// What an operator is told of a database that could not be read.
fn told(source: &crate::SourceName, error: CollectError) -> Error {
    match error {
        CollectError::Vault(error) => error,
        CollectError::Source(error) => Error::unready(
            "source_unavailable",
            format!("source `{source}` cannot be read: {error}"),
        ),
        unfit @ CollectError::Unfit { .. } => Error::unready("source_unfit", unfit.to_string()),
    }
}
