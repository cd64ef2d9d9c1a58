//! Counting the parts of a message before it is decoded.
//!
//! An empty attribute takes two bytes on the wire and a hundred in memory, an empty span three hundred. So the size of a body says
//! little about what it becomes; the number of its messages within messages does. The walk allocates nothing. It knows OTLP's
//! messages by the numbers of their fields (opentelemetry-proto 1.x); fields that it does not know, the decoder skips as well.

use crate::limits::Limits;
use crate::message::Signal;

/// How deep values may lie in one another. The decoder's own limit is above it.
const DEPTH_MAX: u32 = 48;

/// What keeps a message from being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Uncounted {
    /// It is not Protocol Buffers.
    Malformed,
    /// It has more parts, or lies deeper, than the door takes.
    TooLarge,
}

/// A kind of message of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Request(Signal),
    Of(Signal),
    Resource,
    ScopeOf(Signal),
    Scope,
    Record(Signal),
    Attribute,
    Value,
    Values,
    Attributes,
    Event,
    Link,
    Points,
    Distributions,
    Exponentials,
    Summaries,
    Point,
    Distribution,
    Exponential,
    Summary,
    Exemplar,
    /// One without parts that are counted.
    Leaf,
}

impl Part {
    /// The message in that field, if it is one.
    fn within(self, field: u64) -> Option<Self> {
        use Signal::{Logs, Metrics, Traces};
        Some(match (self, field) {
            (Self::Request(signal), 1) => Self::Of(signal),
            (Self::Of(_), 1) => Self::Resource,
            (Self::Of(signal), 2) => Self::ScopeOf(signal),
            (Self::Resource, 1)
            | (Self::Scope, 3)
            | (Self::Record(Logs), 6)
            | (Self::Record(Traces), 9)
            | (Self::Record(Metrics), 12)
            | (Self::Event, 3)
            | (Self::Link, 4)
            | (Self::Point | Self::Summary | Self::Exemplar, 7)
            | (Self::Distribution, 9)
            | (Self::Exponential | Self::Attributes, 1) => Self::Attribute,
            (Self::ScopeOf(_), 1) => Self::Scope,
            (Self::ScopeOf(signal), 2) => Self::Record(signal),
            (Self::Record(Logs), 5) | (Self::Attribute, 2) | (Self::Values, 1) => Self::Value,
            (Self::Value, 5) => Self::Values,
            (Self::Value, 6) => Self::Attributes,
            (Self::Record(Traces), 11) => Self::Event,
            (Self::Record(Traces), 13) => Self::Link,
            (Self::Record(Metrics), 5 | 7) => Self::Points,
            (Self::Record(Metrics), 9) => Self::Distributions,
            (Self::Record(Metrics), 10) => Self::Exponentials,
            (Self::Record(Metrics), 11) => Self::Summaries,
            (Self::Points, 1) => Self::Point,
            (Self::Distributions, 1) => Self::Distribution,
            (Self::Exponentials, 1) => Self::Exponential,
            (Self::Summaries, 1) => Self::Summary,
            (Self::Point, 5) | (Self::Distribution, 8) | (Self::Exponential, 11) => Self::Exemplar,
            (Self::Exponential, 8 | 9)
            | (Self::Summary, 6)
            | (Self::Resource, 3)
            | (Self::Record(Traces), 15) => Self::Leaf,
            _ => return None,
        })
    }

    /// Whether clients are told of it as one record.
    fn is_record(self) -> bool {
        matches!(
            self,
            Self::Record(Signal::Logs | Signal::Traces)
                | Self::Point
                | Self::Distribution
                | Self::Exponential
                | Self::Summary
        )
    }
}

/// Counts the parts of a message, and the log records, spans or points among them, up to what is taken.
pub(crate) fn check(signal: Signal, message: &[u8], limits: &Limits) -> Result<(), Uncounted> {
    let mut left = Left {
        parts: limits.parts_max,
        records: limits.records_max,
    };
    walk(Part::Request(signal), message, 0, &mut left)
}

/// What else is taken.
struct Left {
    parts: usize,
    records: usize,
}

impl Left {
    fn take(&mut self, part: Part) -> Result<(), Uncounted> {
        let left = self.parts.checked_sub(1);
        self.parts = left.ok_or(Uncounted::TooLarge)?;
        if part.is_record() {
            let left = self.records.checked_sub(1);
            self.records = left.ok_or(Uncounted::TooLarge)?;
        }
        Ok(())
    }
}

fn walk(part: Part, mut rest: &[u8], depth: u32, left: &mut Left) -> Result<(), Uncounted> {
    if depth > DEPTH_MAX {
        return Err(Uncounted::TooLarge);
    }
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let field = key >> 3;
        match key & 7 {
            0 => {
                varint(&mut rest)?;
            }
            1 => {
                take(&mut rest, 8)?;
            }
            2 => {
                let length = varint(&mut rest)?;
                let inner = take(&mut rest, length)?;
                if let Some(within) = part.within(field) {
                    left.take(within)?;
                    walk(within, inner, depth + 1, left)?;
                }
            }
            5 => {
                take(&mut rest, 4)?;
            }
            // Groups are older than OTLP.
            _ => return Err(Uncounted::Malformed),
        }
    }
    Ok(())
}

fn varint(rest: &mut &[u8]) -> Result<u64, Uncounted> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Uncounted::Malformed)?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Uncounted::Malformed)
}

fn take<'m>(rest: &mut &'m [u8], length: u64) -> Result<&'m [u8], Uncounted> {
    let length = usize::try_from(length).map_err(|_| Uncounted::Malformed)?;
    let (taken, after) = rest.split_at_checked(length).ok_or(Uncounted::Malformed)?;
    *rest = after;
    Ok(taken)
}
