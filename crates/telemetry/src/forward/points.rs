//! Points of metrics as OTLP has them: by metric, with their exemplars.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::AggregationTemporality::{Cumulative, Delta};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use rustc_hash::FxHashMap;

use super::records::{Records, nanoseconds};
use super::requests::{Gone, Requests};
use crate::record::{Exemplar, Point as Kept, PointKind};

/// OTLP's flag of a point that says that there is no value.
const NO_VALUE: u32 = 1;

/// A point, and what it is a point of.
#[derive(Debug, Clone)]
pub(super) struct Point {
    of: (Arc<str>, PointKind),
    unit: Arc<str>,
    measured: Measured,
}

#[derive(Debug, Clone)]
enum Measured {
    Number(otlp::NumberDataPoint),
    Histogram(otlp::HistogramDataPoint),
    Summary(otlp::SummaryDataPoint),
}

impl Point {
    pub(super) fn encoded_len(&self) -> usize {
        match &self.measured {
            Measured::Number(point) => point.encoded_len(),
            Measured::Histogram(point) => point.encoded_len(),
            Measured::Summary(point) => point.encoded_len(),
        }
    }
}

impl Records<'_> {
    pub(super) fn points(&mut self, requests: &mut Requests<'_>) -> Result<(), Gone> {
        let mut exemplars: FxHashMap<u32, Vec<&Exemplar>> = FxHashMap::default();
        for exemplar in &self.batch.exemplars {
            if let Some(point) = exemplar.point {
                exemplars.entry(point).or_default().push(exemplar);
            }
        }
        for (index, point) in (0..).zip(&self.batch.points) {
            // Of a metric that the data map has no more, a value means nothing.
            let (Some((name, rule)), Ok(kind)) = (
                self.passing.metric(point.metric),
                PointKind::try_from(point.kind),
            ) else {
                continue;
            };
            let exemplars = exemplars.remove(&index).unwrap_or_default();
            let record = Point {
                of: (name.into(), kind),
                unit: rule.unit.as_deref().unwrap_or_default().into(),
                measured: self.measured(point, kind, &exemplars),
            };
            requests.point(self.source(&point.common), record)?;
        }
        Ok(())
    }

    fn measured(&self, point: &Kept, kind: PointKind, exemplars: &[&Exemplar]) -> Measured {
        let attributes = self.attributes(&point.common);
        let time_unix_nano = nanoseconds(point.common.time_ns);
        let start_time_unix_nano = point.started_ns.map_or(0, nanoseconds);
        let exemplars = exemplars.iter().map(|exemplar| self.exemplar(exemplar));
        match kind {
            PointKind::DeltaHistogram | PointKind::CumulativeHistogram => {
                Measured::Histogram(otlp::HistogramDataPoint {
                    attributes,
                    start_time_unix_nano,
                    time_unix_nano,
                    count: point.count.unwrap_or_default(),
                    sum: point.sum,
                    bucket_counts: point.buckets.clone(),
                    explicit_bounds: point.bounds.clone(),
                    exemplars: exemplars.collect(),
                    flags: 0,
                    min: point.min,
                    max: point.max,
                })
            }
            PointKind::Summary => Measured::Summary(otlp::SummaryDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count: point.count.unwrap_or_default(),
                sum: point.sum.unwrap_or_default(),
                ..otlp::SummaryDataPoint::default()
            }),
            _ => Measured::Number(otlp::NumberDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                exemplars: exemplars.collect(),
                flags: if point.value.is_none() { NO_VALUE } else { 0 },
                value: point.value.map(otlp::number_data_point::Value::AsDouble),
            }),
        }
    }

    fn exemplar(&self, exemplar: &Exemplar) -> otlp::Exemplar {
        otlp::Exemplar {
            filtered_attributes: self.attributes(&exemplar.common),
            time_unix_nano: nanoseconds(exemplar.common.time_ns),
            span_id: exemplar.span.clone(),
            trace_id: exemplar.trace.clone(),
            value: exemplar.value.map(otlp::exemplar::Value::AsDouble),
        }
    }
}

/// Points of one scope by the metrics that they are points of.
pub(super) fn metrics(points: Vec<Point>) -> Vec<otlp::Metric> {
    let mut by_metric: BTreeMap<_, (Arc<str>, Vec<Measured>)> = BTreeMap::new();
    for point in points {
        let of = by_metric.entry(point.of);
        let (_, measured) = of.or_insert_with(|| (point.unit, Vec::new()));
        measured.push(point.measured);
    }
    let metrics = by_metric
        .into_iter()
        .map(|((name, kind), (unit, measured))| otlp::Metric {
            name: name.to_string(),
            unit: unit.to_string(),
            data: Some(data(kind, measured)),
            ..otlp::Metric::default()
        });
    metrics.collect()
}

fn data(kind: PointKind, measured: Vec<Measured>) -> Data {
    let (mut numbers, mut histograms, mut summaries) = (Vec::new(), Vec::new(), Vec::new());
    for point in measured {
        match point {
            Measured::Number(point) => numbers.push(point),
            Measured::Histogram(point) => histograms.push(point),
            Measured::Summary(point) => summaries.push(point),
        }
    }
    let sum = |temporality: otlp::AggregationTemporality, is_monotonic, data_points| {
        Data::Sum(otlp::Sum {
            data_points,
            aggregation_temporality: temporality.into(),
            is_monotonic,
        })
    };
    let histogram = |temporality: otlp::AggregationTemporality, data_points| {
        Data::Histogram(otlp::Histogram {
            data_points,
            aggregation_temporality: temporality.into(),
        })
    };
    match kind {
        PointKind::Gauge => Data::Gauge(otlp::Gauge {
            data_points: numbers,
        }),
        PointKind::DeltaCounter => sum(Delta, true, numbers),
        PointKind::CumulativeCounter => sum(Cumulative, true, numbers),
        PointKind::DeltaSum => sum(Delta, false, numbers),
        PointKind::CumulativeSum => sum(Cumulative, false, numbers),
        PointKind::DeltaHistogram => histogram(Delta, histograms),
        PointKind::CumulativeHistogram => histogram(Cumulative, histograms),
        PointKind::Summary => Data::Summary(otlp::Summary {
            data_points: summaries,
        }),
    }
}
