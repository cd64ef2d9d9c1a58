//! Treated records as text.

use std::fmt::Write as _;

use privet_telemetry::{
    Attribute, Batch, Common, Counts, Dropped, Lost, PointKind, Treated, Value,
};

pub(crate) fn shown(treated: &Treated) -> String {
    let batch = &treated.batch;
    let mut text = String::new();
    for log in &batch.logs {
        let event = name(batch, log.event);
        let (severity, body) = (log.severity, &log.body);
        let ids = (hex(&log.trace), hex(&log.span));
        writeln!(
            text,
            "log {event} {severity:?} {body:?} {ids:?} {}",
            common(batch, &log.common)
        )
        .unwrap();
    }
    for span in &batch.spans {
        let (kind, status, took) = (span.kind, span.status, span.duration_ns);
        let ids = (hex(&span.trace), hex(&span.span), hex(&span.parent));
        let name = name(batch, span.name);
        let common = common(batch, &span.common);
        writeln!(
            text,
            "span {name} {kind:?} {status:?} {took:?} {ids:?} {common}"
        )
        .unwrap();
    }
    for link in &batch.links {
        let ids = [
            &link.trace,
            &link.span,
            &link.linked_trace,
            &link.linked_span,
        ]
        .map(|id| hex(id));
        writeln!(text, "link {ids:?} {}", common(batch, &link.common)).unwrap();
    }
    for point in &batch.points {
        let metric = name(batch, Some(point.metric));
        let kind = PointKind::try_from(point.kind).unwrap().as_str();
        let numbers = (point.value, point.count, point.sum, point.min, point.max);
        let buckets = (&point.bounds, &point.buckets);
        let common = common(batch, &point.common);
        let started = point.started_ns;
        writeln!(
            text,
            "point {metric} {kind} {numbers:?} {buckets:?} {started:?} {common}"
        )
        .unwrap();
    }
    for exemplar in &batch.exemplars {
        let metric = name(batch, Some(exemplar.metric));
        let (value, common) = (exemplar.value, common(batch, &exemplar.common));
        writeln!(
            text,
            "exemplar {metric} {value:?} {:?} {common}",
            hex(&exemplar.trace)
        )
        .unwrap();
    }
    text + &counts(&treated.counts)
}

fn counts(counts: &Counts) -> String {
    let dropped = Dropped::ALL
        .into_iter()
        .filter(|why| counts.dropped(*why) > 0)
        .map(|why| format!(", dropped ({}) {}", why.as_str(), counts.dropped(why)));
    let lost = Lost::ALL
        .into_iter()
        .filter(|why| counts.lost(*why) > 0)
        .map(|why| format!(", lost ({}) {}", why.as_str(), counts.lost(why)));
    let rest: String = dropped.chain(lost).collect();
    format!("accepted {}{rest}\n", counts.accepted)
}

fn common(batch: &Batch, common: &Common) -> String {
    let person = common
        .person
        .map(|index| &batch.people[usize::try_from(index).unwrap()]);
    let person = person.map_or("nobody".to_owned(), |person| {
        format!(
            "{}/{:x}/{}",
            hex(&person.tyid[..1]),
            person.consent,
            person.stamp
        )
    });
    let purpose = name(batch, common.purpose);
    let exportable = if common.exportable { " exportable" } else { "" };
    let mut text = format!(
        "at {} of {person} for {purpose}{exportable}",
        common.time_ns
    );
    let origin = common
        .origin
        .map(|index| &batch.origins[usize::try_from(index).unwrap()]);
    if let Some(origin) = origin {
        let attributes = attributes(batch, &origin.attributes);
        write!(text, " from {} {attributes:?}", name(batch, origin.scope)).unwrap();
    }
    write!(text, " with {:?}", attributes(batch, &common.attributes)).unwrap();
    text
}

fn attributes(batch: &Batch, attributes: &[Attribute]) -> Vec<String> {
    let one = |attribute: &Attribute| {
        let value = match attribute.value.as_ref().unwrap() {
            Value::String(text) => text.clone(),
            Value::Int(number) => number.to_string(),
            Value::Double(number) => format!("{number:?}"),
            Value::Bool(flag) => flag.to_string(),
        };
        format!("{}={value}", name(batch, Some(attribute.column)))
    };
    attributes.iter().map(one).collect()
}

fn name(batch: &Batch, index: Option<u32>) -> &str {
    index.map_or("-", |index| &batch.names[usize::try_from(index).unwrap()])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
