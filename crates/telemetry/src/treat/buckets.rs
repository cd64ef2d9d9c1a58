//! Exponential histograms as histograms with stated bounds, so that stored distributions are of one kind.
//!
//! OpenTelemetry's data model, "ExponentialHistogram": bucket `i` holds what is above `base^i` and up to `base^(i+1)`, with
//! `base = 2^(2^-scale)`.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

/// The scales that there are.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;

/// The bounds and the counts of a point; `None` if it is not what OTLP says, or has more than `buckets_max` buckets.
pub(crate) fn stated(
    point: &ExponentialHistogramDataPoint,
    buckets_max: usize,
) -> Option<(Vec<f64>, Vec<u64>)> {
    if !SCALES.contains(&point.scale) {
        return None;
    }
    let negative = side(point.negative.as_ref(), point.scale, buckets_max)?;
    let positive = side(point.positive.as_ref(), point.scale, buckets_max)?;
    let mut bounds = Vec::with_capacity(negative.len() + positive.len() + 2);
    let mut counts = Vec::with_capacity(bounds.capacity() + 1);
    // From the most negative to zero: the bucket between -upper and -lower has -lower as its bound.
    for (index, (lower, upper, count)) in negative.iter().rev().enumerate() {
        if index == 0 {
            bounds.push(-upper);
            counts.push(0);
        }
        bounds.push(-lower);
        counts.push(*count);
    }
    match positive.first() {
        // What is about zero ends where the first bucket begins.
        Some((lower, _, _)) => {
            bounds.push(*lower);
            counts.push(point.zero_count);
            for (_, upper, count) in &positive {
                bounds.push(*upper);
                counts.push(*count);
            }
            counts.push(0);
        }
        None => counts.push(point.zero_count),
    }
    (counts.len() <= buckets_max).then_some((bounds, counts))
}

/// Lower bound, upper bound and count of each bucket of one side.
fn side(buckets: Option<&Buckets>, scale: i32, buckets_max: usize) -> Option<Vec<(f64, f64, u64)>> {
    let Some(buckets) = buckets else {
        return Some(Vec::new());
    };
    if buckets.bucket_counts.len() > buckets_max {
        return None;
    }
    let factor = f64::from(-scale).exp2();
    let bound = |index: i64| {
        let index = i32::try_from(index).ok()?;
        Some((f64::from(index) * factor).exp2())
    };
    let mut side = Vec::with_capacity(buckets.bucket_counts.len());
    for (index, count) in (i64::from(buckets.offset)..).zip(&buckets.bucket_counts) {
        side.push((bound(index)?, bound(index + 1)?, *count));
    }
    Some(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(negative: &[u64], zero: u64, positive: &[u64], want: (&[f64], &[u64])) {
        let side = |counts: &[u64]| {
            (!counts.is_empty()).then(|| Buckets {
                offset: 1,
                bucket_counts: counts.to_vec(),
            })
        };
        let point = ExponentialHistogramDataPoint {
            negative: side(negative),
            positive: side(positive),
            zero_count: zero,
            ..ExponentialHistogramDataPoint::default()
        };
        let (bounds, counts) = stated(&point, 100).unwrap();
        assert_eq!((&*bounds, &*counts), want);
        assert_eq!(counts.len(), bounds.len() + 1);
    }

    #[test]
    fn each_value_keeps_its_bucket() {
        check(&[], 7, &[], (&[], &[7]));
        check(&[], 7, &[3, 4], (&[2.0, 4.0, 8.0], &[7, 3, 4, 0]));
        check(&[5, 6], 7, &[], (&[-8.0, -4.0, -2.0], &[0, 6, 5, 7]));
        let both = (&[-4.0, -2.0, 2.0, 4.0][..], &[0, 5, 7, 3, 0][..]);
        check(&[5], 7, &[3], both);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut point = ExponentialHistogramDataPoint {
            scale: 21,
            ..ExponentialHistogramDataPoint::default()
        };
        assert_eq!(stated(&point, 100), None);
        point.scale = 0;
        point.positive = Some(Buckets {
            offset: i32::MAX,
            bucket_counts: vec![1],
        });
        assert_eq!(stated(&point, 100), None);
        point.positive = Some(Buckets {
            offset: 0,
            bucket_counts: vec![1; 101],
        });
        assert_eq!(stated(&point, 100), None);
    }
}
