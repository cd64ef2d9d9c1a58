//! Points of metrics, and their exemplars.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use super::about::{About, Purposes};
use super::attributes::Source;
use super::{Treating, buckets, id};
use crate::counts::{Dropped, Lost};
use crate::record::{Exemplar, Point, PointKind};
use crate::rules::{Level, MetricRule};

/// A point's distribution, before it has a record around it.
#[derive(Default)]
struct Measured {
    value: Option<f64>,
    count: Option<u64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    bounds: Vec<f64>,
    buckets: Vec<u64>,
}

/// What the kinds of points have in common.
struct Taken {
    kind: PointKind,
    attributes: Vec<KeyValue>,
    exemplars: Vec<otlp::Exemplar>,
    time: u64,
    started: u64,
    measured: Measured,
}

impl Treating<'_> {
    pub(crate) fn points(&mut self, request: ExportMetricsServiceRequest) {
        for resource in request.resource_metrics {
            for scope in resource.scope_metrics {
                let mut source = Source::new(
                    resource.resource.as_ref(),
                    scope.scope.as_ref(),
                    self.with.rules,
                );
                for metric in scope.metrics {
                    self.metric(metric, &mut source);
                }
            }
        }
    }

    fn metric(&mut self, metric: otlp::Metric, source: &mut Source<'_>) {
        let Some(data) = metric.data else { return };
        let rules = self.with.rules;
        let found = rules.metric(&metric.name);
        let problem = match found {
            _ if source.is_too_large(self.with.limits.attributes_max) => Some(Dropped::TooLarge),
            None => Some(Dropped::Metric),
            Some(rule) if rule.unit.as_deref().is_some_and(|unit| unit != metric.unit) => {
                Some(Dropped::Unit)
            }
            Some(_) => None,
        };
        let (Some(rule), None) = (found, problem) else {
            let why = problem.unwrap_or(Dropped::Metric);
            return self.counts.drop_records(why, points_of(&data));
        };
        let buckets_max = self.with.limits.buckets_max;
        for taken in taken(data, buckets_max) {
            match taken.and_then(|taken| self.point(taken, rule, source)) {
                Ok(()) => self.counts.accepted += 1,
                Err(why) => self.counts.drop_records(why, 1),
            }
        }
    }

    fn point(
        &mut self,
        taken: Taken,
        rule: &MetricRule,
        source: &mut Source<'_>,
    ) -> Result<(), Dropped> {
        if taken.attributes.len() > self.with.limits.attributes_max {
            return Err(Dropped::TooLarge);
        }
        let about = About::of(&taken.attributes, self.with.rules).within(&source.about);
        let purposes = Purposes {
            of_name: rule.purpose,
            of_scope: source.named.and_then(|scope| scope.purpose),
        };
        let admitted = self.admit(&about, purposes, false)?;
        let origin = self.origin(source, admitted.whose())?;
        let time_ns = self.time(&[taken.time]);
        let mut common = self.common(&admitted, time_ns, origin);
        let whose = admitted.whose();
        self.attributes(
            &taken.attributes,
            Level::Record,
            whose,
            &mut common.attributes,
        );
        let metric = self.name(rule.name);
        let place = super::index(self.batch.points.len());
        let measured = taken.measured;
        self.batch.points.push(Point {
            common,
            metric,
            kind: taken.kind.into(),
            value: measured.value,
            count: measured.count,
            sum: measured.sum,
            min: measured.min,
            max: measured.max,
            bounds: measured.bounds,
            buckets: measured.buckets,
            started_ns: Some(taken.started)
                .filter(|started| *started != 0)
                .and_then(|started| i64::try_from(started).ok()),
        });
        for exemplar in taken.exemplars {
            if self
                .exemplar(exemplar, &about, purposes, [metric, place], source)
                .is_err()
            {
                self.counts.lose(Lost::Class);
            }
        }
        Ok(())
    }

    /// The attributes that a view took away from the point stand in its exemplars, so that these say for themselves whom they are
    /// about.
    fn exemplar(
        &mut self,
        exemplar: otlp::Exemplar,
        around: &About,
        purposes: Purposes,
        [metric, point]: [u32; 2],
        source: &mut Source<'_>,
    ) -> Result<(), Dropped> {
        let attributes = exemplar.filtered_attributes;
        if attributes.len() > self.with.limits.attributes_max {
            return Err(Dropped::TooLarge);
        }
        let about = About::of(&attributes, self.with.rules).within(around);
        let admitted = self.admit(&about, purposes, false)?;
        let origin = self.origin(source, admitted.whose())?;
        let time_ns = self.time(&[exemplar.time_unix_nano]);
        let mut common = self.common(&admitted, time_ns, origin);
        let whose = admitted.whose();
        self.attributes(&attributes, Level::Record, whose, &mut common.attributes);
        self.batch.exemplars.push(Exemplar {
            common,
            metric,
            value: exemplar.value.map(|value| match value {
                otlp::exemplar::Value::AsDouble(value) => value,
                otlp::exemplar::Value::AsInt(value) => double(value),
            }),
            trace: id::<16>(exemplar.trace_id),
            span: id::<8>(exemplar.span_id),
            point: Some(point),
        });
        Ok(())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a column holds doubles, and beyond 2^53 they round"
)]
fn double(value: i64) -> f64 {
    value as f64
}

/// How many points a metric has.
pub(crate) fn points_of(data: &Data) -> usize {
    match data {
        Data::Gauge(data) => data.data_points.len(),
        Data::Sum(data) => data.data_points.len(),
        Data::Histogram(data) => data.data_points.len(),
        Data::ExponentialHistogram(data) => data.data_points.len(),
        Data::Summary(data) => data.data_points.len(),
    }
}

fn taken(data: Data, buckets_max: usize) -> Vec<Result<Taken, Dropped>> {
    match data {
        Data::Gauge(data) => {
            let points = data.data_points.into_iter();
            points
                .map(|point| Ok(number(point, PointKind::Gauge)))
                .collect()
        }
        Data::Sum(data) => {
            let kinds = match data.is_monotonic {
                true => [PointKind::DeltaCounter, PointKind::CumulativeCounter],
                false => [PointKind::DeltaSum, PointKind::CumulativeSum],
            };
            let kind = of_temporality(data.aggregation_temporality, kinds);
            let points = data.data_points.into_iter();
            points.map(|point| Ok(number(point, kind?))).collect()
        }
        Data::Histogram(data) => {
            let kind = histogram_kind(data.aggregation_temporality);
            let points = data.data_points.into_iter();
            points
                .map(|point| histogram(point, kind?, buckets_max))
                .collect()
        }
        Data::ExponentialHistogram(data) => {
            let kind = histogram_kind(data.aggregation_temporality);
            let points = data.data_points.into_iter();
            points
                .map(|point| exponential(point, kind?, buckets_max))
                .collect()
        }
        Data::Summary(data) => {
            let points = data.data_points.into_iter();
            points.map(|point| Ok(summary(point))).collect()
        }
    }
}

fn of_temporality(
    temporality: i32,
    [delta, cumulative]: [PointKind; 2],
) -> Result<PointKind, Dropped> {
    match otlp::AggregationTemporality::try_from(temporality) {
        Ok(otlp::AggregationTemporality::Delta) => Ok(delta),
        Ok(otlp::AggregationTemporality::Cumulative) => Ok(cumulative),
        _ => Err(Dropped::Invalid),
    }
}

fn histogram_kind(temporality: i32) -> Result<PointKind, Dropped> {
    let kinds = [PointKind::DeltaHistogram, PointKind::CumulativeHistogram];
    of_temporality(temporality, kinds)
}

fn number(point: otlp::NumberDataPoint, kind: PointKind) -> Taken {
    let value = point.value.map(|value| match value {
        otlp::number_data_point::Value::AsDouble(value) => value,
        otlp::number_data_point::Value::AsInt(value) => double(value),
    });
    Taken {
        kind,
        attributes: point.attributes,
        exemplars: point.exemplars,
        time: point.time_unix_nano,
        started: point.start_time_unix_nano,
        measured: Measured {
            value,
            ..Measured::default()
        },
    }
}

fn histogram(
    point: otlp::HistogramDataPoint,
    kind: PointKind,
    buckets_max: usize,
) -> Result<Taken, Dropped> {
    if point.bucket_counts.len() > buckets_max {
        return Err(Dropped::TooLarge);
    }
    let fits = point.bucket_counts.len() == point.explicit_bounds.len() + 1;
    let is_empty = point.bucket_counts.is_empty() && point.explicit_bounds.is_empty();
    if !fits && !is_empty {
        return Err(Dropped::Invalid);
    }
    Ok(Taken {
        kind,
        attributes: point.attributes,
        exemplars: point.exemplars,
        time: point.time_unix_nano,
        started: point.start_time_unix_nano,
        measured: Measured {
            value: None,
            count: Some(point.count),
            sum: point.sum,
            min: point.min,
            max: point.max,
            bounds: point.explicit_bounds,
            buckets: point.bucket_counts,
        },
    })
}

fn exponential(
    point: otlp::ExponentialHistogramDataPoint,
    kind: PointKind,
    buckets_max: usize,
) -> Result<Taken, Dropped> {
    let (bounds, buckets) = buckets::stated(&point, buckets_max).ok_or(Dropped::Invalid)?;
    Ok(Taken {
        kind,
        attributes: point.attributes,
        exemplars: point.exemplars,
        time: point.time_unix_nano,
        started: point.start_time_unix_nano,
        measured: Measured {
            value: None,
            count: Some(point.count),
            sum: point.sum,
            min: point.min,
            max: point.max,
            bounds,
            buckets,
        },
    })
}

/// The quantiles are left out: they cannot be put together with those of another point.
fn summary(point: otlp::SummaryDataPoint) -> Taken {
    Taken {
        kind: PointKind::Summary,
        attributes: point.attributes,
        exemplars: Vec::new(),
        time: point.time_unix_nano,
        started: point.start_time_unix_nano,
        measured: Measured {
            count: Some(point.count),
            sum: Some(point.sum),
            ..Measured::default()
        },
    }
}
