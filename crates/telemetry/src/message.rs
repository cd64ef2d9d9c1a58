//! OTLP requests: decoded within bounds, asked whom they are about, treated.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use privet_vault::Oid;
use prost::Message as _;
use rustc_hash::FxHashSet;

use crate::limits::Limits;
use crate::parts::{self, Uncounted};
use crate::rules::Rules;
use crate::treat::{Surroundings, Treated, Treating, subject_of};

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
    /// Points of metrics.
    Metrics,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 3] = [Self::Logs, Self::Traces, Self::Metrics];

    /// The name, as paths have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Metrics => "metrics",
        }
    }
}

/// How a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protocol Buffers.
    Protobuf,
    /// JSON, by OTLP's rules.
    Json,
}

/// Why a body is no request that the door takes. Nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecoded {
    /// It is not OTLP.
    #[error("the body is not OTLP of that signal and content type")]
    Malformed,
    /// It is more than the door takes at once.
    #[error(
        "the request has more records, attributes or levels than are taken at once: send smaller batches"
    )]
    TooLarge,
}

impl From<Uncounted> for Undecoded {
    fn from(uncounted: Uncounted) -> Self {
        match uncounted {
            Uncounted::Malformed => Self::Malformed,
            Uncounted::TooLarge => Self::TooLarge,
        }
    }
}

/// A decoded request.
#[derive(Debug)]
pub enum Message {
    /// Log records.
    Logs(ExportLogsServiceRequest),
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Points of metrics.
    Metrics(ExportMetricsServiceRequest),
}

impl Message {
    /// Decodes a body.
    ///
    /// # Errors
    /// [`Undecoded`]
    pub fn decode(
        signal: Signal,
        encoding: Encoding,
        body: &[u8],
        limits: &Limits,
    ) -> Result<Self, Undecoded> {
        let message = match encoding {
            Encoding::Protobuf => {
                parts::check(signal, body, limits)?;
                Self::of_protobuf(signal, body)
            }
            Encoding::Json => {
                // Each part of a message is an object, whose text begins with a brace.
                let braces = body.iter().filter(|byte| **byte == b'{').count();
                if braces > limits.parts_max {
                    return Err(Undecoded::TooLarge);
                }
                Self::of_json(signal, body)
            }
        }
        .ok_or(Undecoded::Malformed)?;
        match message.records() > limits.records_max {
            true => Err(Undecoded::TooLarge),
            false => Ok(message),
        }
    }

    fn of_protobuf(signal: Signal, body: &[u8]) -> Option<Self> {
        Some(match signal {
            Signal::Logs => Self::Logs(ExportLogsServiceRequest::decode(body).ok()?),
            Signal::Traces => Self::Traces(ExportTraceServiceRequest::decode(body).ok()?),
            Signal::Metrics => Self::Metrics(ExportMetricsServiceRequest::decode(body).ok()?),
        })
    }

    fn of_json(signal: Signal, body: &[u8]) -> Option<Self> {
        Some(match signal {
            Signal::Logs => Self::Logs(serde_json::from_slice(body).ok()?),
            Signal::Traces => Self::Traces(serde_json::from_slice(body).ok()?),
            Signal::Metrics => Self::Metrics(serde_json::from_slice(body).ok()?),
        })
    }

    /// How many log records, spans or points it has.
    pub fn records(&self) -> usize {
        match self {
            Self::Logs(request) => {
                let scopes = request.resource_logs.iter().flat_map(|of| &of.scope_logs);
                scopes.map(|scope| scope.log_records.len()).sum()
            }
            Self::Traces(request) => {
                let scopes = request.resource_spans.iter().flat_map(|of| &of.scope_spans);
                scopes.map(|scope| scope.spans.len()).sum()
            }
            Self::Metrics(request) => {
                let scopes = request
                    .resource_metrics
                    .iter()
                    .flat_map(|of| &of.scope_metrics);
                let metrics = scopes.flat_map(|scope| &scope.metrics);
                let data = metrics.filter_map(|metric| metric.data.as_ref());
                data.map(crate::treat::points_of).sum()
            }
        }
    }

    /// The operational ids that it states, each once.
    pub fn subjects(&self, rules: &Rules) -> Vec<Oid> {
        let mut seen = FxHashSet::default();
        let mut last = None;
        self.each_list(&mut |attributes| {
            let oid = subject_of(attributes, rules);
            // Records of one person often come together.
            if let Some(oid) = oid
                && last != Some(oid)
            {
                seen.insert(oid);
                last = Some(oid);
            }
        });
        seen.into_iter().collect()
    }

    /// Treats it.
    pub fn treat(self, with: Surroundings<'_>) -> Treated {
        let mut treating = Treating::new(with);
        match self {
            Self::Logs(request) => treating.logs(request),
            Self::Traces(request) => treating.spans(request),
            Self::Metrics(request) => treating.points(request),
        }
        treating.finish()
    }

    /// Shows every list of attributes in it.
    fn each_list(&self, look: &mut dyn FnMut(&[KeyValue])) {
        match self {
            Self::Logs(request) => {
                for resource in &request.resource_logs {
                    of_resource(resource.resource.as_ref(), look);
                    for scope in &resource.scope_logs {
                        of_scope(scope.scope.as_ref(), look);
                        for record in &scope.log_records {
                            look(&record.attributes);
                        }
                    }
                }
            }
            Self::Traces(request) => {
                for resource in &request.resource_spans {
                    of_resource(resource.resource.as_ref(), look);
                    for scope in &resource.scope_spans {
                        of_scope(scope.scope.as_ref(), look);
                        for span in &scope.spans {
                            look(&span.attributes);
                            span.events.iter().for_each(|event| look(&event.attributes));
                            span.links.iter().for_each(|link| look(&link.attributes));
                        }
                    }
                }
            }
            Self::Metrics(request) => {
                for resource in &request.resource_metrics {
                    of_resource(resource.resource.as_ref(), look);
                    for scope in &resource.scope_metrics {
                        of_scope(scope.scope.as_ref(), look);
                        scope
                            .metrics
                            .iter()
                            .for_each(|metric| of_metric(metric, look));
                    }
                }
            }
        }
    }
}

fn of_resource(resource: Option<&Resource>, look: &mut dyn FnMut(&[KeyValue])) {
    if let Some(resource) = resource {
        look(&resource.attributes);
    }
}

fn of_scope(scope: Option<&InstrumentationScope>, look: &mut dyn FnMut(&[KeyValue])) {
    if let Some(scope) = scope {
        look(&scope.attributes);
    }
}

fn of_metric(metric: &Metric, look: &mut dyn FnMut(&[KeyValue])) {
    let mut point = |attributes: &[KeyValue], exemplars: &[Exemplar]| {
        look(attributes);
        for exemplar in exemplars {
            look(&exemplar.filtered_attributes);
        }
    };
    match &metric.data {
        None => {}
        Some(Data::Gauge(data)) => {
            let points = data.data_points.iter();
            points.for_each(|of| point(&of.attributes, &of.exemplars));
        }
        Some(Data::Sum(data)) => {
            let points = data.data_points.iter();
            points.for_each(|of| point(&of.attributes, &of.exemplars));
        }
        Some(Data::Histogram(data)) => {
            let points = data.data_points.iter();
            points.for_each(|of| point(&of.attributes, &of.exemplars));
        }
        Some(Data::ExponentialHistogram(data)) => {
            let points = data.data_points.iter();
            points.for_each(|of| point(&of.attributes, &of.exemplars));
        }
        Some(Data::Summary(data)) => {
            let points = data.data_points.iter();
            points.for_each(|of| point(&of.attributes, &[]));
        }
    }
}
