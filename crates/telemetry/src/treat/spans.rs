//! Spans, their events and their links.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as otlp;

use super::about::{About, Purposes};
use super::attributes::Source;
use super::{Treating, id};
use crate::counts::{Dropped, Lost};
use crate::record::{Link, Log, Span};
use crate::rules::{EventRule, Level};

/// The kinds of spans that there are.
const KINDS: std::ops::RangeInclusive<i32> = 1..=5;
/// The statuses that say something: ok, and error.
const STATUSES: std::ops::RangeInclusive<i32> = 1..=2;

/// What events and links have from their span.
struct Around<'s> {
    about: About,
    rule: Option<EventRule>,
    source: &'s Source<'s>,
    origin: Option<u32>,
    trace: Vec<u8>,
    span: Vec<u8>,
    time_ns: i64,
}

impl Treating<'_> {
    pub(crate) fn spans(&mut self, request: ExportTraceServiceRequest) {
        for resource in request.resource_spans {
            for scope in resource.scope_spans {
                let mut source = Source::new(
                    resource.resource.as_ref(),
                    scope.scope.as_ref(),
                    self.with.rules,
                );
                if source.is_too_large(self.with.limits.attributes_max) {
                    let count = scope.spans.len();
                    self.counts.drop_records(Dropped::TooLarge, count);
                    continue;
                }
                for span in scope.spans {
                    match self.span(span, &mut source) {
                        Ok(()) => self.counts.accepted += 1,
                        Err(why) => self.counts.drop_records(why, 1),
                    }
                }
            }
        }
    }

    fn span(&mut self, span: otlp::Span, source: &mut Source<'_>) -> Result<(), Dropped> {
        let trace = id::<16>(span.trace_id);
        let own = id::<8>(span.span_id);
        if trace.is_empty() || own.is_empty() {
            return Err(Dropped::Invalid);
        }
        if span.attributes.len() > self.with.limits.attributes_max {
            return Err(Dropped::TooLarge);
        }
        let rules = self.with.rules;
        let rule = rules.event(&span.name).copied();
        let about = About::of(&span.attributes, rules).within(&source.about);
        let purposes = Purposes {
            of_name: rule.and_then(|rule| rule.purpose),
            of_scope: source.named.and_then(|scope| scope.purpose),
        };
        let exportable = rule.is_some_and(|rule| rule.exportable);
        let admitted = self.admit(&about, purposes, exportable)?;
        let origin = self.origin(source, admitted.whose())?;
        let time_ns = self.time(&[span.start_time_unix_nano]);
        let mut common = self.common(&admitted, time_ns, origin);
        let whose = admitted.whose();
        self.attributes(
            &span.attributes,
            Level::Record,
            whose,
            &mut common.attributes,
        );
        if rule.is_none() && !span.name.is_empty() {
            self.counts.lose(Lost::Unknown);
        }
        let took = span
            .end_time_unix_nano
            .checked_sub(span.start_time_unix_nano);
        let status = span.status.map(|status| status.code);
        let treated = Span {
            common,
            name: rule.map(|rule| self.name(rule.name)),
            kind: Some(span.kind).filter(|kind| KINDS.contains(kind)),
            trace: trace.clone(),
            span: own.clone(),
            parent: id::<8>(span.parent_span_id),
            duration_ns: took.and_then(|took| i64::try_from(took).ok()),
            status: status.filter(|status| STATUSES.contains(status)),
        };
        self.batch.spans.push(treated);
        let around = Around {
            about,
            rule,
            source,
            origin,
            trace,
            span: own,
            time_ns,
        };
        for event in span.events {
            // Clients are told of spans, so that events and links are not counted as records.
            if self.event(event, &around).is_err() {
                self.counts.lose(Lost::Class);
            }
        }
        for link in span.links {
            if self.link(link, &around).is_err() {
                self.counts.lose(Lost::Class);
            }
        }
        Ok(())
    }

    /// An event of a span is a log record with the span's ids.
    fn event(&mut self, event: otlp::span::Event, around: &Around<'_>) -> Result<(), Dropped> {
        let rules = self.with.rules;
        let rule = rules.event(&event.name).copied();
        let of_span = around.rule.and_then(|rule| rule.purpose);
        let of_event = rule.and_then(|rule| rule.purpose);
        let exportable = rule.is_some_and(|rule| rule.exportable);
        let (about, purposes) = around.inner(self, &event.attributes, of_event.or(of_span))?;
        let admitted = self.admit(&about, purposes, exportable)?;
        let time_ns = match event.time_unix_nano {
            0 => around.time_ns,
            time => self.time(&[time]),
        };
        let mut common = self.common(&admitted, time_ns, around.origin);
        let whose = admitted.whose();
        self.attributes(
            &event.attributes,
            Level::Record,
            whose,
            &mut common.attributes,
        );
        if rule.is_none() && !event.name.is_empty() {
            self.counts.lose(Lost::Unknown);
        }
        let log = Log {
            common,
            event: rule.map(|rule| self.name(rule.name)),
            severity: None,
            body: None,
            trace: around.trace.clone(),
            span: around.span.clone(),
        };
        self.batch.logs.push(log);
        Ok(())
    }

    fn link(&mut self, link: otlp::span::Link, around: &Around<'_>) -> Result<(), Dropped> {
        let linked_trace = id::<16>(link.trace_id);
        let linked_span = id::<8>(link.span_id);
        if linked_trace.is_empty() || linked_span.is_empty() {
            return Err(Dropped::Invalid);
        }
        let of_span = around.rule.and_then(|rule| rule.purpose);
        let (about, purposes) = around.inner(self, &link.attributes, of_span)?;
        let admitted = self.admit(&about, purposes, false)?;
        let mut common = self.common(&admitted, around.time_ns, around.origin);
        let whose = admitted.whose();
        self.attributes(
            &link.attributes,
            Level::Record,
            whose,
            &mut common.attributes,
        );
        self.batch.links.push(Link {
            common,
            trace: around.trace.clone(),
            span: around.span.clone(),
            linked_trace,
            linked_span,
        });
        Ok(())
    }
}

impl Around<'_> {
    /// What a part of the span says, within what the span says. A part about somebody else than its span would share the
    /// span's origin, and so the ids of objects in it; it is dropped.
    fn inner(
        &self,
        treating: &Treating<'_>,
        attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue],
        of_name: Option<crate::rules::PurposeRule>,
    ) -> Result<(About, Purposes), Dropped> {
        if attributes.len() > treating.with.limits.attributes_max {
            return Err(Dropped::TooLarge);
        }
        let about = About::of(attributes, treating.with.rules).within(&self.about);
        if self.source.has_objects && about.subject != self.about.subject {
            return Err(Dropped::Invalid);
        }
        let purposes = Purposes {
            of_name,
            of_scope: self.source.named.and_then(|scope| scope.purpose),
        };
        Ok((about, purposes))
    }
}
