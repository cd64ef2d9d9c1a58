//! Kept batches as OTLP requests, each about as long as a collector takes at once. What the attributes are called is specified in
//! `docs/formats/forwarded-telemetry.md`.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::groups::{Groups, Source};
use super::points::{Point, metrics};
use super::records::Records;
use crate::intake::Packing;
use crate::journal::{Damage, read_behind};
use crate::message::Signal;
use crate::record::Batch;
use crate::rules::Rules;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) signal: Signal,
    /// Packed as the collector is to get it.
    pub(super) body: Bytes,
    /// Log records, spans or points in it.
    pub(super) records: u64,
    /// Once it is delivered, everything up to this position is.
    pub(super) upto: Option<u64>,
}

/// How requests are made.
#[derive(Debug, Clone)]
pub(super) struct Making {
    pub(super) rules: Arc<Rules>,
    pub(super) tenant: Arc<str>,
    pub(super) packing: Packing,
    /// About how long one is, before it is packed.
    pub(super) request_bytes: usize,
    /// What was received before is no longer kept, in milliseconds since 1970, UTC.
    pub(super) kept_from_ms: i64,
}

/// Whoever waited for requests is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl Making {
    /// Reads a file behind a position and gives request by request to `give`. Answers how many records are no longer kept, and were
    /// left out; with a [`Damage`], what could be read was given.
    pub(super) fn read(
        &self,
        path: &Path,
        behind: u64,
        give: &mut dyn FnMut(Parcel) -> Result<(), Gone>,
    ) -> (u64, Result<(), Damage>) {
        let mut requests = Requests::new(self, give);
        let mut outdated = 0;
        let read = read_behind(path, behind, |position, mut batch| {
            if batch.received_ms < self.kept_from_ms {
                outdated += leave_words(&mut batch);
            }
            requests.add(&batch)?;
            requests.whole = Some(position);
            Ok(())
        });
        let read = match read {
            Ok(Err(Gone)) => return (outdated, Ok(())),
            Ok(Ok(())) => Ok(()),
            Err(damage) => Err(damage),
        };
        // What was read before a damage goes out as well.
        let _ = requests.flush();
        (outdated, read)
    }
}

/// Takes everything out but changes of consent, which hold as long as somebody else keeps what they are about; answers how many log
/// records, spans and points that was.
fn leave_words(batch: &mut Batch) -> u64 {
    let taken = batch.logs.len() + batch.spans.len() + batch.points.len();
    batch.logs.clear();
    batch.spans.clear();
    batch.links.clear();
    batch.points.clear();
    batch.exemplars.clear();
    u64::try_from(taken).unwrap_or(u64::MAX)
}

/// How many log records, spans and points a file has behind a position, as far as it can be read.
pub(super) fn count(path: &Path, behind: u64) -> u64 {
    let mut records = 0;
    let counted = read_behind(path, behind, |_, batch| {
        let rows = batch.logs.len() + batch.consents.len() + batch.spans.len() + batch.points.len();
        records += u64::try_from(rows).unwrap_or(u64::MAX);
        Ok::<(), Gone>(())
    });
    // A damage was told of when the file was stored.
    drop(counted);
    records
}

/// Requests while they are made.
pub(super) struct Requests<'m> {
    making: &'m Making,
    give: &'m mut dyn FnMut(Parcel) -> Result<(), Gone>,
    logs: Groups<LogRecord>,
    spans: Groups<Span>,
    points: Groups<Point>,
    bytes: usize,
    /// The last batch that was added to its end.
    whole: Option<u64>,
}

impl<'m> Requests<'m> {
    fn new(making: &'m Making, give: &'m mut dyn FnMut(Parcel) -> Result<(), Gone>) -> Self {
        Self {
            making,
            give,
            logs: Groups::default(),
            spans: Groups::default(),
            points: Groups::default(),
            bytes: 0,
            whole: None,
        }
    }

    fn add(&mut self, batch: &Batch) -> Result<(), Gone> {
        let rules = Arc::clone(&self.making.rules);
        let tenant = Arc::clone(&self.making.tenant);
        Records::new(batch, &rules, &tenant).each(self)
    }

    pub(super) fn log(&mut self, source: &Source, record: LogRecord) -> Result<(), Gone> {
        self.make_room()?;
        self.bytes += record.encoded_len();
        self.bytes += self.logs.add(source, record);
        Ok(())
    }

    pub(super) fn span(&mut self, source: &Source, span: Span) -> Result<(), Gone> {
        self.make_room()?;
        self.bytes += span.encoded_len();
        self.bytes += self.spans.add(source, span);
        Ok(())
    }

    pub(super) fn point(&mut self, source: &Source, point: Point) -> Result<(), Gone> {
        self.make_room()?;
        self.bytes += point.encoded_len();
        self.bytes += self.points.add(source, point);
        Ok(())
    }

    /// A request that is long enough goes when the next record comes: by then it may have the whole of the batch before.
    fn make_room(&mut self) -> Result<(), Gone> {
        match self.bytes >= self.making.request_bytes {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Gives what was collected, a request for each signal.
    fn flush(&mut self) -> Result<(), Gone> {
        self.bytes = 0;
        let mut parcels = Vec::new();
        let mut add = |signal, (body, records): (Vec<u8>, usize)| {
            parcels.push(Parcel {
                signal,
                body: packed(body, self.making.packing).into(),
                records: u64::try_from(records).unwrap_or(u64::MAX),
                upto: None,
            });
        };
        if !self.logs.is_empty() {
            add(Signal::Logs, logs(&mut self.logs));
        }
        if !self.spans.is_empty() {
            add(Signal::Traces, spans(&mut self.spans));
        }
        if !self.points.is_empty() {
            add(Signal::Metrics, points(&mut self.points));
        }
        if let Some(last) = parcels.last_mut() {
            last.upto = self.whole;
        }
        parcels
            .into_iter()
            .try_for_each(|parcel| (self.give)(parcel))
    }
}

fn logs(groups: &mut Groups<LogRecord>) -> (Vec<u8>, usize) {
    let mut count = 0;
    let resources = groups.take().map(|(resource, scopes)| ResourceLogs {
        resource: Some(resource),
        scope_logs: scopes
            .map(|(scope, log_records)| {
                count += log_records.len();
                ScopeLogs {
                    scope: Some(scope),
                    log_records,
                    ..ScopeLogs::default()
                }
            })
            .collect(),
        ..ResourceLogs::default()
    });
    let resource_logs = resources.collect();
    let request = ExportLogsServiceRequest { resource_logs };
    (request.encode_to_vec(), count)
}

fn spans(groups: &mut Groups<Span>) -> (Vec<u8>, usize) {
    let mut count = 0;
    let resources = groups.take().map(|(resource, scopes)| ResourceSpans {
        resource: Some(resource),
        scope_spans: scopes
            .map(|(scope, spans)| {
                count += spans.len();
                ScopeSpans {
                    scope: Some(scope),
                    spans,
                    ..ScopeSpans::default()
                }
            })
            .collect(),
        ..ResourceSpans::default()
    });
    let resource_spans = resources.collect();
    let request = ExportTraceServiceRequest { resource_spans };
    (request.encode_to_vec(), count)
}

fn points(groups: &mut Groups<Point>) -> (Vec<u8>, usize) {
    let mut count = 0;
    let resources = groups.take().map(|(resource, scopes)| ResourceMetrics {
        resource: Some(resource),
        scope_metrics: scopes
            .map(|(scope, points)| {
                count += points.len();
                ScopeMetrics {
                    scope: Some(scope),
                    metrics: metrics(points),
                    ..ScopeMetrics::default()
                }
            })
            .collect(),
        ..ResourceMetrics::default()
    });
    let resource_metrics = resources.collect();
    let request = ExportMetricsServiceRequest { resource_metrics };
    (request.encode_to_vec(), count)
}

fn packed(body: Vec<u8>, packing: Packing) -> Vec<u8> {
    let pack = |body: &[u8]| -> io::Result<Vec<u8>> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(body)?;
        packer.finish()
    };
    match packing {
        Packing::Plain => body,
        // INVARIANT: writing to memory does not fail; what it would make is no gzip, which the collector refuses.
        Packing::Gzip => pack(&body).unwrap_or_default(),
    }
}
