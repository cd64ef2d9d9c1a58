//! Log records.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::about::{About, Purposes, event_name};
use super::attributes::Source;
use super::{Treating, id};
use crate::counts::{Dropped, Lost};
use crate::record::Log;
use crate::rules::{EventRule, Level};

/// The severity numbers that there are.
const SEVERITIES: std::ops::RangeInclusive<i32> = 1..=24;

impl Treating<'_> {
    pub(crate) fn logs(&mut self, request: ExportLogsServiceRequest) {
        for resource in request.resource_logs {
            for scope in resource.scope_logs {
                let mut source = Source::new(
                    resource.resource.as_ref(),
                    scope.scope.as_ref(),
                    self.with.rules,
                );
                if source.is_too_large(self.with.limits.attributes_max) {
                    let count = scope.log_records.len();
                    self.counts.drop_records(Dropped::TooLarge, count);
                    continue;
                }
                for record in scope.log_records {
                    match self.log(record, &mut source) {
                        Ok(()) => self.counts.accepted += 1,
                        Err(why) => self.counts.drop_records(why, 1),
                    }
                }
            }
        }
    }

    fn log(&mut self, record: LogRecord, source: &mut Source<'_>) -> Result<(), Dropped> {
        if record.attributes.len() > self.with.limits.attributes_max {
            return Err(Dropped::TooLarge);
        }
        let rules = self.with.rules;
        let event = match record.event_name.as_str() {
            "" => event_name(&record.attributes).and_then(|name| rules.event(name)),
            name => rules.event(name),
        };
        let about = About::of(&record.attributes, rules).within(&source.about);
        let purposes = Purposes {
            of_name: event.and_then(|event| event.purpose),
            of_scope: source.named.and_then(|scope| scope.purpose),
        };
        let exportable = event.is_some_and(|event| event.exportable);
        let admitted = self.admit(&about, purposes, exportable)?;
        let origin = self.origin(source, admitted.whose())?;
        let time_ns = self.time(&[record.time_unix_nano, record.observed_time_unix_nano]);
        let mut common = self.common(&admitted, time_ns, origin);
        let whose = admitted.whose();
        self.attributes(
            &record.attributes,
            Level::Record,
            whose,
            &mut common.attributes,
        );
        let body = record.body.and_then(|body| body.value);
        let log = Log {
            common,
            event: event.map(|event| self.name(event.name)),
            severity: Some(record.severity_number).filter(|number| SEVERITIES.contains(number)),
            body: body.and_then(|body| self.body(body, event)),
            trace: id::<16>(record.trace_id),
            span: id::<8>(record.span_id),
        };
        if event.is_none() && !record.event_name.is_empty() {
            self.counts.lose(Lost::Unknown);
        }
        self.batch.logs.push(log);
        Ok(())
    }

    /// A body is what somebody wrote, unless the data map says otherwise of the event.
    fn body(&mut self, body: Any, event: Option<&EventRule>) -> Option<String> {
        let why = match body {
            _ if !event.is_some_and(|event| event.keeps_body) => Lost::Class,
            Any::StringValue(text) if text.len() > self.with.limits.text_bytes_max => {
                Lost::TooLarge
            }
            Any::StringValue(text) => return Some(text),
            _ => Lost::Type,
        };
        self.counts.lose(why);
        None
    }
}
