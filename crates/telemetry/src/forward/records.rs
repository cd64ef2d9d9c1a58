//! One batch's records as OTLP has them.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use privet_classify::AttributeType;
use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::groups::Source;
use super::requests::{Gone, Requests};
use crate::passing::Passing;
use crate::record::{Attribute, Batch, Common, Link, Value};
use crate::rules::Rules;

/// The name of the event that tells of a change of consent.
const CONSENT_EVENT: &str = "privet.consent";
/// The telemetry id, under the name that OpenTelemetry's conventions have for such ids.
const TYID: &str = "user.hash";
const CONSENT: &str = "privet.consent";
const STAMP: &str = "privet.stamp";
const NOTICE: &str = "privet.notice";
const PURPOSE: &str = "privet.purpose";
const EXPORTABLE: &str = "privet.exportable";
const FINAL: &str = "privet.final";
const TENANT: &str = "privet.tenant";

/// A batch while it is gone through.
pub(super) struct Records<'a> {
    pub(super) batch: &'a Batch,
    pub(super) passing: Passing<'a>,
    tenant: &'a str,
    sources: FxHashMap<Option<u32>, Source>,
}

impl<'a> Records<'a> {
    pub(super) fn new(batch: &'a Batch, rules: &'a Rules, tenant: &'a str) -> Self {
        Self {
            batch,
            passing: Passing { batch, rules },
            tenant,
            sources: FxHashMap::default(),
        }
    }

    /// Gives every record to `requests`.
    pub(super) fn each(mut self, requests: &mut Requests<'_>) -> Result<(), Gone> {
        self.logs(requests)?;
        self.consents(requests)?;
        self.spans(requests)?;
        self.points(requests)
    }

    fn logs(&mut self, requests: &mut Requests<'_>) -> Result<(), Gone> {
        for log in &self.batch.logs {
            let record = LogRecord {
                event_name: self.passing.event(log.event).unwrap_or_default().to_owned(),
                severity_number: log.severity.unwrap_or_default(),
                body: self.passing.body(log).map(text),
                trace_id: log.trace.clone(),
                span_id: log.span.clone(),
                ..self.log_record(&log.common)
            };
            requests.log(self.source(&log.common), record)?;
        }
        Ok(())
    }

    fn consents(&mut self, requests: &mut Requests<'_>) -> Result<(), Gone> {
        for consent in &self.batch.consents {
            let mut record = self.log_record(&consent.common);
            record.event_name = CONSENT_EVENT.to_owned();
            let value = Any::BoolValue(consent.is_final);
            record.attributes.push(key_value(FINAL, value));
            requests.log(self.source(&consent.common), record)?;
        }
        Ok(())
    }

    fn log_record(&self, common: &Common) -> LogRecord {
        LogRecord {
            time_unix_nano: nanoseconds(common.time_ns),
            observed_time_unix_nano: nanoseconds(self.batch.received_ms.saturating_mul(1_000_000)),
            attributes: self.attributes(common),
            ..LogRecord::default()
        }
    }

    fn spans(&mut self, requests: &mut Requests<'_>) -> Result<(), Gone> {
        let mut links: FxHashMap<(&[u8], &[u8]), Vec<&Link>> = FxHashMap::default();
        for link in &self.batch.links {
            let of = (&*link.trace, &*link.span);
            links.entry(of).or_default().push(link);
        }
        for span in &self.batch.spans {
            // Of two spans with the same ids, which nothing tells apart, the first has the links.
            let links = links
                .remove(&(&*span.trace, &*span.span))
                .unwrap_or_default();
            let start = nanoseconds(span.common.time_ns);
            let took = span.duration_ns.map_or(0, nanoseconds);
            let record = otlp::Span {
                name: self.passing.event(span.name).unwrap_or_default().to_owned(),
                kind: span.kind.unwrap_or_default(),
                trace_id: span.trace.clone(),
                span_id: span.span.clone(),
                parent_span_id: span.parent.clone(),
                start_time_unix_nano: start,
                end_time_unix_nano: start.saturating_add(took),
                status: span.status.map(|code| otlp::Status {
                    code,
                    ..otlp::Status::default()
                }),
                attributes: self.attributes(&span.common),
                links: links.into_iter().map(|link| self.link(link)).collect(),
                ..otlp::Span::default()
            };
            requests.span(self.source(&span.common), record)?;
        }
        Ok(())
    }

    fn link(&self, link: &Link) -> otlp::span::Link {
        otlp::span::Link {
            trace_id: link.linked_trace.clone(),
            span_id: link.linked_span.clone(),
            attributes: self.attributes(&link.common),
            ..otlp::span::Link::default()
        }
    }

    /// Where a record comes from.
    pub(super) fn source(&mut self, common: &Common) -> &Source {
        let (passing, tenant) = (self.passing, self.tenant);
        self.sources.entry(common.origin).or_insert_with(|| {
            let around = passing.origin(common);
            let around = around.map_or(&[][..], |origin| &origin.attributes);
            let mut resource = vec![key_value(TENANT, Any::StringValue(tenant.to_owned()))];
            resource.extend(within("resource.", around, passing));
            Source::new(
                Resource {
                    attributes: resource,
                    ..Resource::default()
                },
                InstrumentationScope {
                    name: passing.scope(common).unwrap_or_default().to_owned(),
                    attributes: within("scope.", around, passing).collect(),
                    ..InstrumentationScope::default()
                },
            )
        })
    }

    /// A record's own attributes, and what is stamped on it.
    pub(super) fn attributes(&self, common: &Common) -> Vec<KeyValue> {
        let own = common.attributes.iter().filter_map(|attribute| {
            let (key, value) = passed(attribute, self.passing)?;
            // The data map may list this name as well; whom a record is about is said once.
            (key != TYID).then(|| key_value(key, value))
        });
        let mut attributes: Vec<_> = own.collect();
        if let Some(person) = self.passing.person(common)
            && let Ok(tyid) = Uuid::from_slice(&person.tyid)
        {
            attributes.extend([
                key_value(TYID, Any::StringValue(tyid.to_string())),
                key_value(CONSENT, Any::IntValue(person.consent.into())),
                key_value(STAMP, Any::IntValue(person.stamp.into())),
                key_value(NOTICE, Any::StringValue(self.batch.notice.clone())),
            ]);
        }
        if let Some(purpose) = self.passing.name(common.purpose) {
            attributes.push(key_value(PURPOSE, Any::StringValue(purpose.to_owned())));
        }
        if common.exportable {
            attributes.push(key_value(EXPORTABLE, Any::BoolValue(true)));
        }
        attributes
    }
}

/// The attributes whose columns begin like that, under their own names.
fn within<'a>(
    start: &'static str,
    attributes: &'a [Attribute],
    passing: Passing<'a>,
) -> impl Iterator<Item = KeyValue> + 'a {
    attributes.iter().filter_map(move |attribute| {
        let (column, value) = passed(attribute, passing)?;
        Some(key_value(column.strip_prefix(start)?, value))
    })
}

/// A column and its value, if it passes and is what the data map says, as in the store.
fn passed<'a>(attribute: &'a Attribute, passing: Passing<'a>) -> Option<(&'a str, Any)> {
    let passed = passing.value(attribute)?;
    let value = match (passed.of, passed.value) {
        (AttributeType::Text, Value::String(text)) => Any::StringValue(text.clone()),
        (AttributeType::Int, Value::Int(number)) => Any::IntValue(*number),
        (AttributeType::Double, Value::Double(number)) => Any::DoubleValue(*number),
        #[expect(
            clippy::cast_precision_loss,
            reason = "beyond 2^53 a double rounds, in the store as well"
        )]
        (AttributeType::Double, Value::Int(number)) => Any::DoubleValue(*number as f64),
        (AttributeType::Bool, Value::Bool(flag)) => Any::BoolValue(*flag),
        _ => return None,
    };
    Some((passed.column, value))
}

fn text(text: &str) -> AnyValue {
    AnyValue {
        value: Some(Any::StringValue(text.to_owned())),
    }
}

fn key_value(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// OTLP knows no moment before 1970.
pub(super) fn nanoseconds(signed: i64) -> u64 {
    u64::try_from(signed).unwrap_or_default()
}
