//! Treated records as rows of the store.
//!
//! A journal may be older than the data map: a server was stopped, the map was changed, the server was started. So each name and
//! each value is asked once more whether it still passes.

use privet_seal::ObjectId;
use privet_telemetry_store as stored;
use privet_telemetry_store::Rows;

use crate::record::{Attribute, Batch, Common, PointKind, Value};
use crate::rules::{Rules, Treatment};

/// OTLP's kinds of spans, from 1 on.
const KINDS: [&str; 5] = ["internal", "server", "client", "producer", "consumer"];
/// OTLP's statuses, from 1 on.
const STATUSES: [&str; 2] = ["ok", "error"];

/// Adds the batch's records.
pub(super) fn add(batch: &Batch, rules: &Rules, tenant: &str, rows: &mut Rows) {
    let mut adding = Adding {
        batch,
        rules,
        tenant,
        rows,
        lost: 0,
    };
    adding.logs();
    adding.spans();
    adding.links();
    adding.points();
    adding.exemplars();
    adding.consents();
    if adding.lost > 0 {
        tracing::error!(
            records = adding.lost,
            "records of the telemetry journal could not be stored"
        );
    }
}

struct Adding<'a> {
    batch: &'a Batch,
    rules: &'a Rules,
    tenant: &'a str,
    rows: &'a mut Rows,
    lost: u64,
}

impl<'a> Adding<'a> {
    fn logs(&mut self) {
        for log in &self.batch.logs {
            let record = stored::Log {
                common: self.common(&log.common),
                event: self
                    .name(log.event)
                    .filter(|name| self.rules.event(name).is_some()),
                severity: log.severity,
                body: log.body.as_deref(),
                trace: id(&log.trace),
                span: id(&log.span),
                scope: self.scope(&log.common),
            };
            self.push(&stored::Record::Log(record), &log.common);
        }
    }

    fn spans(&mut self) {
        for span in &self.batch.spans {
            let record = stored::Span {
                common: self.common(&span.common),
                name: self
                    .name(span.name)
                    .filter(|name| self.rules.event(name).is_some()),
                kind: span.kind.and_then(|kind| word(&KINDS, kind)),
                trace: id(&span.trace),
                span: id(&span.span),
                parent: id(&span.parent),
                duration_ns: span.duration_ns,
                status: span.status.and_then(|status| word(&STATUSES, status)),
                scope: self.scope(&span.common),
            };
            self.push(&stored::Record::Span(record), &span.common);
        }
    }

    fn links(&mut self) {
        for link in &self.batch.links {
            let record = stored::Link {
                common: self.common(&link.common),
                trace: id(&link.trace),
                span: id(&link.span),
                linked_trace: id(&link.linked_trace),
                linked_span: id(&link.linked_span),
            };
            self.push(&stored::Record::Link(record), &link.common);
        }
    }

    fn points(&mut self) {
        for point in &self.batch.points {
            let record = stored::Point {
                common: self.common(&point.common),
                metric: self.metric(point.metric),
                kind: PointKind::try_from(point.kind).ok().map(PointKind::as_str),
                value: point.value,
                count: point.count,
                sum: point.sum,
                min: point.min,
                max: point.max,
                bounds: (!point.buckets.is_empty()).then_some(&*point.bounds),
                buckets: (!point.buckets.is_empty()).then_some(&*point.buckets),
                started_ns: point.started_ns,
                scope: self.scope(&point.common),
            };
            self.push(&stored::Record::Point(record), &point.common);
        }
    }

    fn exemplars(&mut self) {
        for exemplar in &self.batch.exemplars {
            let record = stored::Exemplar {
                common: self.common(&exemplar.common),
                metric: self.metric(exemplar.metric),
                value: exemplar.value,
                trace: id(&exemplar.trace),
                span: id(&exemplar.span),
            };
            self.push(&stored::Record::Exemplar(record), &exemplar.common);
        }
    }

    fn consents(&mut self) {
        for consent in &self.batch.consents {
            let record = stored::Consent {
                common: self.common(&consent.common),
                is_final: consent.is_final,
            };
            self.push(&stored::Record::Consent(record), &consent.common);
        }
    }

    fn push(&mut self, record: &stored::Record<'_>, common: &Common) {
        let origin = common
            .origin
            .and_then(|index| at(&self.batch.origins, index));
        let around = origin.map_or(&[][..], |origin| &origin.attributes);
        let values: Vec<_> = common
            .attributes
            .iter()
            .chain(around)
            .filter_map(|attribute| self.value(attribute))
            .collect();
        if self.rows.push(self.tenant, record, &values).is_err() {
            self.lost += 1;
        }
    }

    /// A value and the place of its column, if the data map still lets it pass.
    fn value(&self, attribute: &'a Attribute) -> Option<(usize, stored::Value<'a>)> {
        let column = at(&self.batch.names, attribute.column)?;
        let (place, treatment) = self.rules.place(column)?;
        let value = attribute.value.as_ref()?;
        let passes = match (treatment, value) {
            (Treatment::Drop, _) => false,
            (Treatment::Object, Value::String(text)) => ObjectId::parse(text).is_ok(),
            (Treatment::Listed(values), Value::String(text)) => values.contains(text),
            (Treatment::Object | Treatment::Listed(_), _) => false,
            // The store looks at the type.
            (Treatment::Pass(_), _) => true,
        };
        let value = match value {
            Value::String(text) => stored::Value::String(text),
            Value::Int(number) => stored::Value::Int(*number),
            Value::Double(number) => stored::Value::Double(*number),
            Value::Bool(flag) => stored::Value::Bool(*flag),
        };
        passes.then_some((place, value))
    }

    fn common(&self, common: &Common) -> stored::Common<'a> {
        let person = common
            .person
            .and_then(|index| at(&self.batch.people, index));
        let person = person.and_then(|person| {
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
            purpose: self.name(common.purpose),
            exportable: common.exportable,
        }
    }

    fn name(&self, index: Option<u32>) -> Option<&'a str> {
        at(&self.batch.names, index?).map(String::as_str)
    }

    fn metric(&self, index: u32) -> Option<&'a str> {
        let name = self.name(Some(index));
        name.filter(|name| self.rules.metric(name).is_some())
    }

    fn scope(&self, common: &Common) -> Option<&'a str> {
        let origin = at(&self.batch.origins, common.origin?)?;
        let name = self.name(origin.scope);
        name.filter(|name| self.rules.scope(name).is_some())
    }
}

fn at<T>(list: &[T], index: u32) -> Option<&T> {
    usize::try_from(index)
        .ok()
        .and_then(|index| list.get(index))
}

fn id<const LENGTH: usize>(bytes: &[u8]) -> Option<[u8; LENGTH]> {
    bytes.try_into().ok()
}

fn word(words: &'static [&'static str], number: i32) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    words.get(index).copied()
}
