//! Records as the telemetry door hands them over, borrowed.

use crate::Table;
use crate::column::Cell;

/// What every record has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Common<'a> {
    /// When it happened, in nanoseconds since 1970, UTC, by the clock of whoever wrote the record.
    pub time_ns: i64,
    /// When the door took it, in milliseconds since 1970, UTC.
    pub received_ms: i64,
    /// Whom it is about; `None`: nobody who is known.
    pub person: Option<Stamped<'a>>,
    /// The purpose that it was collected for, if it names one.
    pub purpose: Option<&'a str>,
    /// Whether the person gets it with a copy of their data.
    pub exportable: bool,
}

/// A person, and what they agreed to when the record came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamped<'a> {
    /// Their id for telemetry.
    pub tyid: [u8; 16],
    /// The purposes with a yes to the notice in force, one bit each.
    pub consent: u32,
    /// The number of that answer under this id; 0 if they never answered.
    pub stamp: u32,
    /// The notices that the bits are about.
    pub notice: &'a str,
}

/// A value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Text.
    String(&'a str),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
}

/// A log record, or an event of a span.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log<'a> {
    /// What every record has.
    pub common: Common<'a>,
    /// The event's name, if the data map knows it.
    pub event: Option<&'a str>,
    /// OTLP's severity number.
    pub severity: Option<i32>,
    /// The text.
    pub body: Option<&'a str>,
    /// The trace's id, hashed.
    pub trace: Option<[u8; 16]>,
    /// The span's id, hashed.
    pub span: Option<[u8; 8]>,
    /// The instrumentation scope's name, if the data map knows it.
    pub scope: Option<&'a str>,
}

/// A span.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span<'a> {
    /// What every record has; its time is the span's start.
    pub common: Common<'a>,
    /// The name, if the data map knows it.
    pub name: Option<&'a str>,
    /// OTLP's kind, in lower case: `server`.
    pub kind: Option<&'a str>,
    /// The trace's id.
    pub trace: Option<[u8; 16]>,
    /// The span's own id.
    pub span: Option<[u8; 8]>,
    /// The id of the span that it lies in.
    pub parent: Option<[u8; 8]>,
    /// How long it took.
    pub duration_ns: Option<i64>,
    /// OTLP's status, in lower case: `ok`, `error`.
    pub status: Option<&'a str>,
    /// The instrumentation scope's name, if the data map knows it.
    pub scope: Option<&'a str>,
}

/// A link from one span to another.
#[derive(Debug, Clone, Copy, Default)]
pub struct Link<'a> {
    /// What every record has.
    pub common: Common<'a>,
    /// The trace of the span that has the link.
    pub trace: Option<[u8; 16]>,
    /// The span that has the link.
    pub span: Option<[u8; 8]>,
    /// The trace that it leads to.
    pub linked_trace: Option<[u8; 16]>,
    /// The span that it leads to.
    pub linked_span: Option<[u8; 8]>,
}

/// A point of a metric.
#[derive(Debug, Clone, Copy, Default)]
pub struct Point<'a> {
    /// What every record has.
    pub common: Common<'a>,
    /// The metric's name, if the data map knows it.
    pub metric: Option<&'a str>,
    /// `gauge`, `sum`, `histogram` …
    pub kind: Option<&'a str>,
    /// The value of a gauge or sum.
    pub value: Option<f64>,
    /// How many values a distribution has.
    pub count: Option<u64>,
    /// Their sum.
    pub sum: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// The upper bounds of its buckets but the last.
    pub bounds: Option<&'a [f64]>,
    /// How many values each bucket has.
    pub buckets: Option<&'a [u64]>,
    /// When counting began, in nanoseconds since 1970, UTC.
    pub started_ns: Option<i64>,
    /// The instrumentation scope's name, if the data map knows it.
    pub scope: Option<&'a str>,
}

/// A measurement that stands for others in a point.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exemplar<'a> {
    /// What every record has.
    pub common: Common<'a>,
    /// The metric's name, if the data map knows it.
    pub metric: Option<&'a str>,
    /// What was measured.
    pub value: Option<f64>,
    /// The trace in which it was.
    pub trace: Option<[u8; 16]>,
    /// The span in which it was.
    pub span: Option<[u8; 8]>,
}

/// A change of what somebody agrees to, or the last word about an id that ends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent<'a> {
    /// What every record has.
    pub common: Common<'a>,
    /// Nothing about this id comes after it.
    pub is_final: bool,
}

/// A record of any table.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// A row of `logs`.
    Log(Log<'a>),
    /// A row of `spans`.
    Span(Span<'a>),
    /// A row of `links`.
    Link(Link<'a>),
    /// A row of `points`.
    Point(Point<'a>),
    /// A row of `exemplars`.
    Exemplar(Exemplar<'a>),
    /// A row of `consents`.
    Consent(Consent<'a>),
}

impl<'a> Record<'a> {
    /// The table that it belongs to.
    pub fn table(&self) -> Table {
        match self {
            Self::Log(_) => Table::Logs,
            Self::Span(_) => Table::Spans,
            Self::Link(_) => Table::Links,
            Self::Point(_) => Table::Points,
            Self::Exemplar(_) => Table::Exemplars,
            Self::Consent(_) => Table::Consents,
        }
    }

    /// What every record has.
    pub fn common(&self) -> &Common<'a> {
        match self {
            Self::Log(record) => &record.common,
            Self::Span(record) => &record.common,
            Self::Link(record) => &record.common,
            Self::Point(record) => &record.common,
            Self::Exemplar(record) => &record.common,
            Self::Consent(record) => &record.common,
        }
    }

    /// The cells of its table's own columns, in their order.
    pub(crate) fn own(&self, mut cell: impl FnMut(Cell<'_>)) {
        match self {
            Self::Log(log) => {
                cell(Cell::text(log.event));
                cell(log.severity.map_or(Cell::Null, |n| Cell::Int(n.into())));
                cell(Cell::text(log.body));
                cell(Cell::id16(log.trace.as_ref()));
                cell(Cell::id8(log.span.as_ref()));
                cell(Cell::text(log.scope));
            }
            Self::Span(span) => {
                cell(Cell::text(span.name));
                cell(Cell::text(span.kind));
                cell(Cell::id16(span.trace.as_ref()));
                cell(Cell::id8(span.span.as_ref()));
                cell(Cell::id8(span.parent.as_ref()));
                cell(span.duration_ns.map_or(Cell::Null, Cell::Int));
                cell(Cell::text(span.status));
                cell(Cell::text(span.scope));
            }
            Self::Link(link) => {
                cell(Cell::id16(link.trace.as_ref()));
                cell(Cell::id8(link.span.as_ref()));
                cell(Cell::id16(link.linked_trace.as_ref()));
                cell(Cell::id8(link.linked_span.as_ref()));
            }
            Self::Point(point) => {
                cell(Cell::text(point.metric));
                cell(Cell::text(point.kind));
                cell(point.value.map_or(Cell::Null, Cell::Double));
                cell(point.count.map_or(Cell::Null, Cell::Unsigned));
                cell(point.sum.map_or(Cell::Null, Cell::Double));
                cell(point.min.map_or(Cell::Null, Cell::Double));
                cell(point.max.map_or(Cell::Null, Cell::Double));
                cell(point.bounds.map_or(Cell::Null, Cell::Doubles));
                cell(point.buckets.map_or(Cell::Null, Cell::Counts));
                cell(point.started_ns.map_or(Cell::Null, Cell::Int));
                cell(Cell::text(point.scope));
            }
            Self::Exemplar(exemplar) => {
                cell(Cell::text(exemplar.metric));
                cell(exemplar.value.map_or(Cell::Null, Cell::Double));
                cell(Cell::id16(exemplar.trace.as_ref()));
                cell(Cell::id8(exemplar.span.as_ref()));
            }
            Self::Consent(consent) => cell(Cell::Flag(consent.is_final)),
        }
    }
}
