//! Points of metrics, and exemplars.

use insta::assert_snapshot;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
    SummaryDataPoint, exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use privet_telemetry::Message;

use crate::bed::{ADA, BOB, text, treat};
use crate::shown::shown;

pub(crate) fn request(
    resource: Option<Resource>,
    scope: Option<InstrumentationScope>,
    metrics: Vec<Metric>,
) -> Message {
    Message::Metrics(ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource,
            scope_metrics: vec![ScopeMetrics {
                scope,
                metrics,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    })
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        description: "canary".to_owned(),
        unit: unit.to_owned(),
        metadata: vec![text("http.method", "canary")],
        data: Some(data),
    }
}

fn number(value: number_data_point::Value, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn gauge(data_points: Vec<NumberDataPoint>) -> Data {
    Data::Gauge(Gauge { data_points })
}

fn sum(aggregation_temporality: i32, is_monotonic: bool) -> Data {
    Data::Sum(Sum {
        data_points: vec![number(number_data_point::Value::AsInt(3), vec![])],
        aggregation_temporality,
        is_monotonic,
    })
}

fn check(metrics: Vec<Metric>) -> String {
    shown(&treat(request(None, None, metrics)))
}

#[test]
fn only_listed_metrics_in_their_unit_pass() {
    let one = |name: &str, unit: &str| {
        let attributes = vec![text("http.method", "GET"), text("note", "canary")];
        metric(
            name,
            unit,
            gauge(vec![number(
                number_data_point::Value::AsDouble(0.5),
                attributes,
            )]),
        )
    };
    let metrics = vec![
        one("http.duration", "s"),
        one("http.duration", "ms"),
        one("canary", "s"),
        Metric {
            data: None,
            ..one("http.duration", "s")
        },
    ];
    assert_snapshot!(check(metrics), @r#"
    point http.duration gauge (Some(0.5), None, None, None, None) ([], []) Some(1) at 2 of nobody for - with ["http.method=GET"]
    accepted 1, dropped (unknown metric) 1, dropped (wrong unit) 1, lost (class) 1
    "#);
}

#[test]
fn sums_say_what_they_are() {
    let sums = [
        (1, true),
        (2, true),
        (1, false),
        (2, false),
        (0, true),
        (3, true),
    ];
    let sums = sums
        .map(|(temporality, monotonic)| metric("http.duration", "s", sum(temporality, monotonic)));
    assert_snapshot!(check(sums.to_vec()), @r#"
    point http.duration delta_counter (Some(3.0), None, None, None, None) ([], []) Some(1) at 2 of nobody for - with []
    point http.duration cumulative_counter (Some(3.0), None, None, None, None) ([], []) Some(1) at 2 of nobody for - with []
    point http.duration delta_sum (Some(3.0), None, None, None, None) ([], []) Some(1) at 2 of nobody for - with []
    point http.duration cumulative_sum (Some(3.0), None, None, None, None) ([], []) Some(1) at 2 of nobody for - with []
    accepted 4, dropped (invalid) 2
    "#);
}

#[test]
fn distributions_keep_their_buckets() {
    let histogram = |bounds: &[f64], counts: &[u64]| {
        let point = HistogramDataPoint {
            time_unix_nano: 2,
            count: 6,
            sum: Some(9.0),
            min: Some(0.5),
            bucket_counts: counts.to_vec(),
            explicit_bounds: bounds.to_vec(),
            ..HistogramDataPoint::default()
        };
        let data = Histogram {
            data_points: vec![point],
            aggregation_temporality: 1,
        };
        metric("http.duration", "s", Data::Histogram(data))
    };
    let exponential = ExponentialHistogramDataPoint {
        time_unix_nano: 2,
        count: 3,
        zero_count: 1,
        positive: Some(Buckets {
            offset: 0,
            bucket_counts: vec![2],
        }),
        ..ExponentialHistogramDataPoint::default()
    };
    let exponential = ExponentialHistogram {
        data_points: vec![exponential],
        aggregation_temporality: 2,
    };
    let summary = SummaryDataPoint {
        time_unix_nano: 2,
        count: 3,
        sum: 4.0,
        ..SummaryDataPoint::default()
    };
    let summary = Summary {
        data_points: vec![summary],
    };
    let metrics = vec![
        histogram(&[1.0, 2.0], &[1, 2, 3]),
        histogram(&[], &[]),
        histogram(&[1.0], &[1]),
        histogram(&[], &[1; 1_025]),
        metric(
            "http.duration",
            "s",
            Data::ExponentialHistogram(exponential),
        ),
        metric("http.duration", "s", Data::Summary(summary)),
    ];
    assert_snapshot!(check(metrics), @r#"
    point http.duration delta_histogram (None, Some(6), Some(9.0), Some(0.5), None) ([1.0, 2.0], [1, 2, 3]) None at 2 of nobody for - with []
    point http.duration delta_histogram (None, Some(6), Some(9.0), Some(0.5), None) ([], []) None at 2 of nobody for - with []
    point http.duration cumulative_histogram (None, Some(3), None, None, None) ([1.0, 2.0], [1, 2, 0]) None at 2 of nobody for - with []
    point http.duration summary (None, Some(3), Some(4.0), None, None) ([], []) None at 2 of nobody for - with []
    accepted 4, dropped (invalid) 1, dropped (too large) 1
    "#);
}

#[test]
fn an_exemplar_is_about_whom_it_says() {
    let exemplar = |who: &str| Exemplar {
        filtered_attributes: vec![
            text("user.id", who),
            text("order.id", "1"),
            text("user.name", "canary"),
        ],
        time_unix_nano: 3,
        span_id: vec![2; 8],
        trace_id: vec![1; 16],
        value: Some(exemplar::Value::AsInt(5)),
    };
    let mut point = number(
        number_data_point::Value::AsInt(8),
        vec![text("user.id", ADA)],
    );
    point.exemplars = vec![exemplar(ADA), exemplar(BOB)];
    let about_bob = number(
        number_data_point::Value::AsInt(8),
        vec![text("user.id", BOB)],
    );
    let metrics = vec![metric("orders", "", gauge(vec![point, about_bob]))];
    assert_snapshot!(check(metrics), @r#"
    point orders gauge (Some(8.0), None, None, None, None) ([], []) Some(1) at 2 of a1/80000001/3 for improvement with []
    exemplar orders Some(5.0) "01010101010101010101010101010101" at 3 of a1/80000001/3 for improvement with ["order.id=po1_2_49"]
    accepted 1, dropped (no consent) 1, lost (class) 2
    "#);
}
