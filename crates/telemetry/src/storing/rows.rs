//! Treated records as rows of the store.

use privet_telemetry_store as stored;
use privet_telemetry_store::{Rows, Table};

use super::Counted;
use crate::passing::Passing;
use crate::record::{Attribute, Batch, Common, Origin, PointKind, Value};
use crate::rules::Rules;

/// OTLP's kinds of spans, from 1 on.
const KINDS: [&str; 5] = ["internal", "server", "client", "producer", "consumer"];
/// OTLP's statuses, from 1 on.
const STATUSES: [&str; 2] = ["ok", "error"];

/// Adds the batch's records, and to `counted` how many there are of each table. Gives the rows to `full` whenever they have reached
/// `size_bytes_max`; what that answers ends it.
pub(super) fn add<E>(
    batch: &Batch,
    rules: &Rules,
    tenant: &str,
    rows: &mut Rows,
    counted: &mut Counted,
    size_bytes_max: usize,
    full: &mut dyn FnMut(&mut Rows) -> Result<(), E>,
) -> Result<(), E> {
    let mut adding = Adding {
        batch,
        passing: Passing { batch, rules },
        tenant,
        origins: Vec::new(),
        values: Vec::new(),
        rows,
        counted,
        size_bytes_max,
        full,
        lost: 0,
    };
    adding.origins = adding.origins();
    adding.logs()?;
    adding.spans()?;
    adding.links()?;
    adding.points()?;
    adding.exemplars()?;
    adding.consents()?;
    if adding.lost > 0 {
        tracing::error!(
            records = adding.lost,
            "records of the telemetry journal could not be stored"
        );
    }
    Ok(())
}

/// Values that still pass, each with the place of its column.
type Values<'a> = Vec<(usize, stored::Value<'a>)>;

struct Adding<'a, 'f, E> {
    batch: &'a Batch,
    passing: Passing<'a>,
    tenant: &'a str,
    /// Those of each origin, asked once for all records that come from it.
    origins: Vec<Values<'a>>,
    /// Those of one record, while it is added.
    values: Values<'a>,
    rows: &'f mut Rows,
    counted: &'f mut Counted,
    size_bytes_max: usize,
    full: &'f mut dyn FnMut(&mut Rows) -> Result<(), E>,
    lost: u64,
}

impl<'a, E> Adding<'a, '_, E> {
    fn logs(&mut self) -> Result<(), E> {
        for log in &self.batch.logs {
            let record = stored::Log {
                common: self.common(&log.common),
                event: self.passing.event(log.event),
                severity: log.severity,
                body: self.passing.body(log),
                trace: id(&log.trace),
                span: id(&log.span),
                scope: self.passing.scope(&log.common),
            };
            self.push(&stored::Record::Log(record), &log.common)?;
        }
        Ok(())
    }

    fn spans(&mut self) -> Result<(), E> {
        for span in &self.batch.spans {
            let record = stored::Span {
                common: self.common(&span.common),
                name: self.passing.event(span.name),
                kind: span.kind.and_then(|kind| word(&KINDS, kind)),
                trace: id(&span.trace),
                span: id(&span.span),
                parent: id(&span.parent),
                duration_ns: span.duration_ns,
                status: span.status.and_then(|status| word(&STATUSES, status)),
                scope: self.passing.scope(&span.common),
            };
            self.push(&stored::Record::Span(record), &span.common)?;
        }
        Ok(())
    }

    fn links(&mut self) -> Result<(), E> {
        for link in &self.batch.links {
            let record = stored::Link {
                common: self.common(&link.common),
                trace: id(&link.trace),
                span: id(&link.span),
                linked_trace: id(&link.linked_trace),
                linked_span: id(&link.linked_span),
            };
            self.push(&stored::Record::Link(record), &link.common)?;
        }
        Ok(())
    }

    fn points(&mut self) -> Result<(), E> {
        for point in &self.batch.points {
            let record = stored::Point {
                common: self.common(&point.common),
                metric: self.passing.metric(point.metric).map(|(name, _)| name),
                kind: PointKind::try_from(point.kind).ok().map(PointKind::as_str),
                value: point.value,
                count: point.count,
                sum: point.sum,
                min: point.min,
                max: point.max,
                bounds: (!point.buckets.is_empty()).then_some(&*point.bounds),
                buckets: (!point.buckets.is_empty()).then_some(&*point.buckets),
                started_ns: point.started_ns,
                scope: self.passing.scope(&point.common),
            };
            self.push(&stored::Record::Point(record), &point.common)?;
        }
        Ok(())
    }

    fn exemplars(&mut self) -> Result<(), E> {
        for exemplar in &self.batch.exemplars {
            let record = stored::Exemplar {
                common: self.common(&exemplar.common),
                metric: self.passing.metric(exemplar.metric).map(|(name, _)| name),
                value: exemplar.value,
                trace: id(&exemplar.trace),
                span: id(&exemplar.span),
            };
            self.push(&stored::Record::Exemplar(record), &exemplar.common)?;
        }
        Ok(())
    }

    fn consents(&mut self) -> Result<(), E> {
        for consent in &self.batch.consents {
            let record = stored::Consent {
                common: self.common(&consent.common),
                is_final: consent.is_final,
            };
            self.push(&stored::Record::Consent(record), &consent.common)?;
        }
        Ok(())
    }

    fn push(&mut self, record: &stored::Record<'_>, common: &'a Common) -> Result<(), E> {
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        let own = common.attributes.iter();
        values.extend(own.filter_map(|attribute| self.value(attribute)));
        let origin = common.origin.and_then(|index| usize::try_from(index).ok());
        let origin = origin.and_then(|index| self.origins.get(index));
        values.extend_from_slice(origin.map_or(&[], Vec::as_slice));
        let pushed = self.rows.push(self.tenant, record, &values);
        self.values = values;
        if pushed.is_err() {
            self.lost += 1;
            return Ok(());
        }
        let of = record.table();
        let mut all = Table::ALL.iter().zip(self.counted.iter_mut());
        if let Some((_, count)) = all.find(|(table, _)| **table == of) {
            *count += 1;
        }
        match self.rows.size_bytes() >= self.size_bytes_max {
            true => (self.full)(self.rows),
            false => Ok(()),
        }
    }

    fn origins(&self) -> Vec<Values<'a>> {
        let values = |origin: &'a Origin| {
            let attributes = origin.attributes.iter();
            attributes
                .filter_map(|attribute| self.value(attribute))
                .collect()
        };
        self.batch.origins.iter().map(values).collect()
    }

    /// A value and the place of its column, if the data map still lets it pass. The store looks at the type.
    fn value(&self, attribute: &'a Attribute) -> Option<(usize, stored::Value<'a>)> {
        let passed = self.passing.value(attribute)?;
        let value = match passed.value {
            Value::String(text) => stored::Value::String(text),
            Value::Int(number) => stored::Value::Int(*number),
            Value::Double(number) => stored::Value::Double(*number),
            Value::Bool(flag) => stored::Value::Bool(*flag),
        };
        Some((passed.place, value))
    }

    fn common(&self, common: &Common) -> stored::Common<'a> {
        let person = self.passing.person(common).and_then(|person| {
            Some(stored::Stamped {
                tyid: id(&person.tyid)?,
                consent: person.consent,
                stamp: person.stamp,
                notice: &self.batch.notice,
            })
        });
        stored::Common {
            time_ns: common.time_ns,
            received_ms: self.batch.received_ms,
            person,
            purpose: self.passing.name(common.purpose),
            exportable: common.exportable,
        }
    }
}

fn id<const LENGTH: usize>(bytes: &[u8]) -> Option<[u8; LENGTH]> {
    bytes.try_into().ok()
}

fn word(words: &'static [&'static str], number: i32) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    words.get(index).copied()
}
