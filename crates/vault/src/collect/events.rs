//! What telemetry holds of people under the ids that are theirs now.

use std::sync::Arc;

use privet_archive::{Row, Value};
use serde_json::Value as Json;

use super::batch::Batch;
use super::shape::Shape;
use super::spooling::Dealt;
use crate::port::{EventError, EventTable, PersonalIds, SubjectRow, TelemetryEvents};
use crate::{Error, Result, Vault};

/// Whom telemetry failed, and how.
type Failed = (Vec<usize>, Error);

impl Vault {
    /// Every exportable event, table by table. Who was never seen by telemetry does not wait for it.
    pub(crate) async fn gather_events(&self, batch: &mut Batch) -> std::result::Result<(), Failed> {
        let Some(telemetry) = batch.telemetry.clone() else {
            return Ok(());
        };
        let everybody: Vec<usize> = batch.going().map(|(place, _)| place).collect();
        let ids = self.ids_of(batch, &everybody).await;
        let ids = ids.map_err(|e| (everybody, e))?;
        if ids.is_empty() {
            return Ok(());
        }
        let (places, ids): (Vec<usize>, Vec<PersonalIds>) = ids.into_iter().unzip();
        let tables = telemetry.tables().await;
        let tables = tables.map_err(|e| (places.clone(), told(&e)))?;
        for table in tables {
            let read = self.gather_event_table(batch, &*telemetry, &table, (&places, &ids));
            read.await.map_err(|e| (places.clone(), e))?;
        }
        Ok(())
    }

    /// The ids of those whom telemetry has seen.
    async fn ids_of(
        &self,
        batch: &mut Batch,
        everybody: &[usize],
    ) -> Result<Vec<(usize, PersonalIds)>> {
        self.leave_out_erased(batch, everybody).await?;
        let going: Vec<_> = batch.going().collect();
        let rows: Vec<&SubjectRow> = going.iter().map(|(_, member)| &member.open.row).collect();
        let salts = self.inner.keyring.salts(&rows, self.now()).await?;
        let ids = going
            .iter()
            .zip(salts)
            .filter_map(|((place, member), salt)| {
                let tyid = salt?.salt.tyid(member.open.row.oid.as_bytes());
                Some((*place, PersonalIds { tyids: vec![tyid] }))
            });
        Ok(ids.collect())
    }

    async fn gather_event_table(
        &self,
        batch: &mut Batch,
        telemetry: &dyn TelemetryEvents,
        table: &EventTable,
        (places, ids): (&[usize], &[PersonalIds]),
    ) -> Result<()> {
        let shape = Arc::new(Shape::of_events(table, batch.words));
        let mut spooling = batch.spooling(&self.inner.entropy);
        let reader = telemetry.events_of(table, ids).await;
        let mut reader = reader.map_err(|e| told(&e))?;
        while let Some(events) = reader.next().await.map_err(|e| told(&e))? {
            let dealt = events.into_iter().filter_map(|event| {
                let to = vec![*places.get(event.person)?];
                let row = row(event.values);
                Some(Dealt { to, row })
            });
            spooling = spooling.add(&shape, dealt.collect()).await?;
        }
        batch.take(spooling.finish().await?);
        Ok(())
    }
}

fn row(values: Vec<Json>) -> Row {
    let values = values.into_iter().map(|value| match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::String(text) => Value::Text(text),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            // A whole number that is larger keeps its digits.
            (None, _) if number.is_u64() => Value::text(number.to_string()),
            (None, Some(real)) => Value::Real(real),
            (None, None) => Value::text(number.to_string()),
        },
        nested => Value::text(nested.to_string()),
    });
    Row::new(values.collect())
}

fn told(error: &EventError) -> Error {
    Error::unready("telemetry_unreadable", error.to_string())
}
