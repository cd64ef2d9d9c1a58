//! Treated records, as the journal keeps them and the store gets them (`docs/formats/telemetry-journal.md`).
//!
//! They are Protocol Buffers messages, so that what a journal holds can be read by the version after the one that wrote it. What
//! recurs within a request stands in it once: names, people, and the attributes of resources and scopes.

/// The treated records of one request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Batch {
    /// Names that the data map lists, in no order; records refer to them by index.
    #[prost(string, repeated, tag = "1")]
    pub names: Vec<String>,
    /// When the door took it, in milliseconds since 1970, UTC.
    #[prost(sint64, tag = "2")]
    pub received_ms: i64,
    /// The notices that the bits of [`Person::consent`] are about.
    #[prost(string, tag = "3")]
    pub notice: String,
    /// The people whom records are about, each once.
    #[prost(message, repeated, tag = "4")]
    pub people: Vec<Person>,
    /// Where records come from.
    #[prost(message, repeated, tag = "5")]
    pub origins: Vec<Origin>,
    /// Log records and events of spans.
    #[prost(message, repeated, tag = "6")]
    pub logs: Vec<Log>,
    /// Spans.
    #[prost(message, repeated, tag = "7")]
    pub spans: Vec<Span>,
    /// Links between spans.
    #[prost(message, repeated, tag = "8")]
    pub links: Vec<Link>,
    /// Points of metrics.
    #[prost(message, repeated, tag = "9")]
    pub points: Vec<Point>,
    /// Measurements that stand for others in a point.
    #[prost(message, repeated, tag = "10")]
    pub exemplars: Vec<Exemplar>,
    /// Changes of what people agree to.
    #[prost(message, repeated, tag = "11")]
    pub consents: Vec<Consent>,
}

impl Batch {
    /// How many rows it becomes.
    pub fn rows(&self) -> usize {
        self.logs.len()
            + self.spans.len()
            + self.links.len()
            + self.points.len()
            + self.exemplars.len()
            + self.consents.len()
    }
}

/// A person, and what they agreed to when the request came.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Person {
    /// Their id for telemetry, 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub tyid: Vec<u8>,
    /// The purposes with a yes to the notice in force, one bit each.
    #[prost(uint32, tag = "2")]
    pub consent: u32,
    /// The number of that answer under this id; 0 if they never answered.
    #[prost(uint32, tag = "3")]
    pub stamp: u32,
}

/// A resource and a scope in it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Origin {
    /// The scope's name, an index of [`Batch::names`].
    #[prost(uint32, optional, tag = "1")]
    pub scope: Option<u32>,
    /// Attributes of both, under the names of their columns.
    #[prost(message, repeated, tag = "2")]
    pub attributes: Vec<Attribute>,
}

/// One attribute.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attribute {
    /// The name of its column, an index of [`Batch::names`].
    #[prost(uint32, tag = "1")]
    pub column: u32,
    /// Its value; always there.
    #[prost(oneof = "Value", tags = "2, 3, 4, 5")]
    pub value: Option<Value>,
}

impl Attribute {
    /// About how many bytes of memory it takes.
    pub(crate) fn size_bytes(&self) -> usize {
        let text = match &self.value {
            Some(Value::String(text)) => text.len(),
            _ => 0,
        };
        size_of::<Self>() + text
    }
}

/// A value of an attribute.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Value {
    /// Text.
    #[prost(string, tag = "2")]
    String(String),
    /// A whole number.
    #[prost(sint64, tag = "3")]
    Int(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Yes or no.
    #[prost(bool, tag = "5")]
    Bool(bool),
}

/// What every record has.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Common {
    /// When it happened, in nanoseconds since 1970, UTC, by the clock of whoever wrote the record.
    #[prost(sfixed64, tag = "1")]
    pub time_ns: i64,
    /// Whom it is about, an index of [`Batch::people`]; none: nobody who is known.
    #[prost(uint32, optional, tag = "2")]
    pub person: Option<u32>,
    /// What it was collected for, an index of [`Batch::names`].
    #[prost(uint32, optional, tag = "3")]
    pub purpose: Option<u32>,
    /// Whether the person gets it with a copy of their data.
    #[prost(bool, tag = "4")]
    pub exportable: bool,
    /// Where it comes from, an index of [`Batch::origins`].
    #[prost(uint32, optional, tag = "5")]
    pub origin: Option<u32>,
    /// Its own attributes.
    #[prost(message, repeated, tag = "6")]
    pub attributes: Vec<Attribute>,
}

/// A log record, or an event of a span.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Log {
    /// What every record has.
    #[prost(message, required, tag = "1")]
    pub common: Common,
    /// The event's name, an index of [`Batch::names`].
    #[prost(uint32, optional, tag = "2")]
    pub event: Option<u32>,
    /// OTLP's severity number, 1 to 24.
    #[prost(int32, optional, tag = "3")]
    pub severity: Option<i32>,
    /// The text.
    #[prost(string, optional, tag = "4")]
    pub body: Option<String>,
    /// The trace's id, 16 bytes or none.
    #[prost(bytes = "vec", tag = "5")]
    pub trace: Vec<u8>,
    /// The span's id, 8 bytes or none.
    #[prost(bytes = "vec", tag = "6")]
    pub span: Vec<u8>,
}

/// A span.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Span {
    /// What every record has; its time is the span's start.
    #[prost(message, required, tag = "1")]
    pub common: Common,
    /// The name, an index of [`Batch::names`].
    #[prost(uint32, optional, tag = "2")]
    pub name: Option<u32>,
    /// OTLP's kind, 1 to 5.
    #[prost(int32, optional, tag = "3")]
    pub kind: Option<i32>,
    /// The trace's id, 16 bytes.
    #[prost(bytes = "vec", tag = "4")]
    pub trace: Vec<u8>,
    /// The span's own id, 8 bytes.
    #[prost(bytes = "vec", tag = "5")]
    pub span: Vec<u8>,
    /// The id of the span that it lies in, 8 bytes or none.
    #[prost(bytes = "vec", tag = "6")]
    pub parent: Vec<u8>,
    /// How long it took; none if it ended before it began.
    #[prost(int64, optional, tag = "7")]
    pub duration_ns: Option<i64>,
    /// OTLP's status, 1 (ok) or 2 (error).
    #[prost(int32, optional, tag = "8")]
    pub status: Option<i32>,
}

/// A link from one span to another.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Link {
    /// What every record has; its time is that of the span that has the link.
    #[prost(message, required, tag = "1")]
    pub common: Common,
    /// The trace of the span that has the link.
    #[prost(bytes = "vec", tag = "2")]
    pub trace: Vec<u8>,
    /// The span that has the link.
    #[prost(bytes = "vec", tag = "3")]
    pub span: Vec<u8>,
    /// The trace that it leads to.
    #[prost(bytes = "vec", tag = "4")]
    pub linked_trace: Vec<u8>,
    /// The span that it leads to.
    #[prost(bytes = "vec", tag = "5")]
    pub linked_span: Vec<u8>,
}

/// A point of a metric.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Point {
    /// What every record has.
    #[prost(message, required, tag = "1")]
    pub common: Common,
    /// The metric's name, an index of [`Batch::names`].
    #[prost(uint32, tag = "2")]
    pub metric: u32,
    /// What sort of metric it is.
    #[prost(enumeration = "PointKind", tag = "3")]
    pub kind: i32,
    /// The value of a gauge or a sum.
    #[prost(double, optional, tag = "4")]
    pub value: Option<f64>,
    /// How many values a distribution has.
    #[prost(uint64, optional, tag = "5")]
    pub count: Option<u64>,
    /// Their sum.
    #[prost(double, optional, tag = "6")]
    pub sum: Option<f64>,
    /// The smallest.
    #[prost(double, optional, tag = "7")]
    pub min: Option<f64>,
    /// The largest.
    #[prost(double, optional, tag = "8")]
    pub max: Option<f64>,
    /// The upper bounds of its buckets but the last.
    #[prost(double, repeated, tag = "9")]
    pub bounds: Vec<f64>,
    /// How many values each bucket has.
    #[prost(uint64, repeated, tag = "10")]
    pub buckets: Vec<u64>,
    /// When counting began, in nanoseconds since 1970, UTC.
    #[prost(sfixed64, optional, tag = "11")]
    pub started_ns: Option<i64>,
}

/// What sort of metric a point belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum PointKind {
    /// A value that was measured.
    Gauge = 0,
    /// A sum since the last point that only grows.
    DeltaCounter = 1,
    /// A sum since the start that only grows.
    CumulativeCounter = 2,
    /// A change since the last point.
    DeltaSum = 3,
    /// A sum since the start.
    CumulativeSum = 4,
    /// A distribution since the last point.
    DeltaHistogram = 5,
    /// A distribution since the start.
    CumulativeHistogram = 6,
    /// Count and sum of a distribution whose quantiles were computed by the sender.
    Summary = 7,
}

impl PointKind {
    /// The name, as the column `kind` holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::DeltaCounter => "delta_counter",
            Self::CumulativeCounter => "cumulative_counter",
            Self::DeltaSum => "delta_sum",
            Self::CumulativeSum => "cumulative_sum",
            Self::DeltaHistogram => "delta_histogram",
            Self::CumulativeHistogram => "cumulative_histogram",
            Self::Summary => "summary",
        }
    }
}

/// A measurement that stands for others in a point.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Exemplar {
    /// What every record has.
    #[prost(message, required, tag = "1")]
    pub common: Common,
    /// The metric's name, an index of [`Batch::names`].
    #[prost(uint32, tag = "2")]
    pub metric: u32,
    /// What was measured.
    #[prost(double, optional, tag = "3")]
    pub value: Option<f64>,
    /// The trace in which it was, 16 bytes or none.
    #[prost(bytes = "vec", tag = "4")]
    pub trace: Vec<u8>,
    /// The span in which it was, 8 bytes or none.
    #[prost(bytes = "vec", tag = "5")]
    pub span: Vec<u8>,
    /// The point for which it stands, an index of [`Batch::points`]; earlier versions did not write it.
    #[prost(uint32, optional, tag = "6")]
    pub point: Option<u32>,
}

/// A change of what somebody agrees to, or the last word about an id that ends.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Consent {
    /// What every record has; the person's consent and stamp are those after the change.
    #[prost(message, required, tag = "1")]
    pub common: Common,
    /// Nothing about this id comes after it.
    #[prost(bool, tag = "2")]
    pub is_final: bool,
}
