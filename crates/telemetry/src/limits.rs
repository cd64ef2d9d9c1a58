//! What one request, one record and all of them together may take.

use std::time::Duration;

/// Bounds of the door. What is over them is refused or dropped, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait in the system's backlog.
    pub connections_max: usize,
    /// Longest body in bytes, as it comes.
    pub body_bytes_max: usize,
    /// Longest body in bytes, unpacked.
    pub message_bytes_max: usize,
    /// Bytes of all bodies that are being read, or wait to be decoded, at the same time; who finds no room waits.
    pub bodies_bytes_max: usize,
    /// Most parts of a message: records, attributes, values, points. A part of two bytes takes a hundred once it is decoded,
    /// so that this is what bounds the memory of a request.
    pub parts_max: usize,
    /// Most log records, spans or points of one request.
    pub records_max: usize,
    /// Most attributes of one record, resource or scope; the record is dropped beyond it.
    pub attributes_max: usize,
    /// Longest text of an attribute in bytes; a longer value is dropped.
    pub value_bytes_max: usize,
    /// Longest body of a log record in bytes; a longer one is dropped.
    pub text_bytes_max: usize,
    /// Most buckets of a point; it is dropped beyond it.
    pub buckets_max: usize,
    /// Requests that are decoded, treated and made durable at the same time.
    pub requests_max: usize,
    /// Bytes of the journal that are not stored yet; beyond it nothing is taken.
    pub journal_bytes_max: u64,
    /// How long a request's head, and a TLS handshake, may take; also how long a connection may be idle.
    pub head_time: Duration,
    /// How long a request may take from its head to the answer's.
    pub request_time: Duration,
    /// How long a connection may live; the requests that run on it then end first. A client of HTTP/2 that only answers pings would
    /// hold its place for ever otherwise; one that has more to send connects anew.
    pub connection_time: Duration,
    /// How long running requests may go on after the order to stop.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            body_bytes_max: 4 * 1024 * 1024,
            message_bytes_max: 16 * 1024 * 1024,
            bodies_bytes_max: 128 * 1024 * 1024,
            parts_max: 262_144,
            records_max: 65_536,
            attributes_max: 256,
            value_bytes_max: 4 * 1024,
            text_bytes_max: 64 * 1024,
            buckets_max: 1_024,
            requests_max: 4,
            journal_bytes_max: 1024 * 1024 * 1024,
            head_time: Duration::from_secs(15),
            request_time: Duration::from_secs(30),
            connection_time: Duration::from_secs(10 * 60),
            drain_time: Duration::from_secs(10),
        }
    }
}
