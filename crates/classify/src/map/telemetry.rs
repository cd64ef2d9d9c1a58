//! `[telemetry]`: what is known about logs, spans and metrics, and so what of them may be stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::class::Class;
use crate::name::PurposeName;

use super::model::{
    Attribute, AttributeType, MetricRule, NameRule, ScopeRule, Telemetry, TelemetryDefault,
};
use super::period::{self, Period};
use super::problems::{Problems, quoted};
use super::purposes::{self, Purposes};
use super::read::{Item, Section};

/// The longest name of an attribute, an event, a scope or a metric in bytes.
const NAME_BYTES_MAX: usize = 255;
/// Each attribute may become a column of six tables.
const ATTRIBUTES_MAX: usize = 1_024;
/// The values that a `UDI` attribute may list: as many as there are countries, and one byte.
const VALUES_MAX: usize = 256;
/// The attribute that names the person, by OpenTelemetry's conventions.
const SUBJECT: &str = "user.id";

/// The columns that every table of stored telemetry has or some have, and the parts of a file's path. An attribute of the
/// same name would take their place.
const TAKEN: [&str; 36] = [
    "body",
    "bounds",
    "buckets",
    "consent",
    "count",
    "day",
    "duration_ns",
    "event",
    "exportable",
    "final",
    "kind",
    "linked_span",
    "linked_trace",
    "max",
    "metric",
    "min",
    "name",
    "notice",
    "parent",
    "purpose",
    "received",
    "scope",
    "severity",
    "span",
    "stamp",
    "started",
    "status",
    "sum",
    "tenant",
    "time",
    "trace",
    "tyid",
    "value",
    // Beginnings, with a dot: attributes of resources and scopes are stored under these, and `privet.` is what a client says
    // to the door.
    "resource.",
    "scope.",
    "privet.",
];

pub(super) fn read(
    root: &mut Section<'_>,
    purposes: &Purposes,
    problems: &mut Problems<'_>,
) -> Telemetry {
    let mut section = root.section("telemetry", problems);
    if let Some(item) = section.optional("default")
        && let Some(text) = item.string(problems)
        && text != "drop"
    {
        let problem = format!("unknown default {}", quoted(text));
        let advice = "write `drop`: what nobody classified never passes";
        problems.add(&item.key, problem, advice);
    }
    let subject = subject(&mut section, problems);
    let keep = keep(&mut section, problems);
    let attributes = attributes(&mut section, &subject, problems);
    let events = names("events", &mut section, problems)
        .into_iter()
        .map(|(name, rule)| (name, event(rule, purposes, problems)))
        .collect();
    let scopes = names("scopes", &mut section, problems)
        .into_iter()
        .map(|(name, rule)| (name, scope(rule, purposes, problems)))
        .collect();
    let metrics = names("metrics", &mut section, problems)
        .into_iter()
        .map(|(name, rule)| (name, metric(rule, purposes, problems)))
        .collect();
    section.finish(problems);
    Telemetry {
        default: TelemetryDefault::Drop,
        subject,
        keep,
        attributes,
        events,
        scopes,
        metrics,
    }
}

fn subject(section: &mut Section<'_>, problems: &mut Problems<'_>) -> String {
    let Some(item) = section.optional("subject") else {
        return SUBJECT.to_owned();
    };
    let Some(name) = item.string(problems) else {
        return SUBJECT.to_owned();
    };
    check_name(&item.key, name, "an attribute", problems);
    name.to_owned()
}

fn keep(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Period {
    let standard = Period::THIRTEEN_MONTHS;
    let Some(item) = section.optional("keep") else {
        return standard;
    };
    period::read(&item, problems).unwrap_or(standard)
}

/// The entries of the table `table`, whose keys are names with dots; each entry is a table itself.
fn names<'d>(
    table: &'static str,
    section: &mut Section<'d>,
    problems: &mut Problems<'_>,
) -> Vec<(String, Section<'d>)> {
    let mut section = section.section(table, problems);
    let mut found = Vec::new();
    for (name, item) in section.entries() {
        check_name(&item.key, name, "a name", problems);
        if let Some(section) = item.section(problems) {
            found.push((name.to_owned(), section));
        }
    }
    found
}

fn event(mut section: Section<'_>, purposes: &Purposes, problems: &mut Problems<'_>) -> NameRule {
    let purpose = purpose(&mut section, purposes, problems);
    let exportable = section.optional("exportable");
    let body = section.optional("body");
    section.finish(problems);
    NameRule {
        purpose,
        exportable: exportable.is_some_and(|item| item.boolean(problems)),
        body: body
            .and_then(|item| body_class(&item, problems))
            .unwrap_or(Class::Cc),
    }
}

/// A body is text of any length, so that neither a list of its values nor a hash of it makes sense.
fn body_class(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Class> {
    let class = item.word(problems)?;
    if matches!(class, Class::Upi | Class::Udi) {
        let problem = format!("a body cannot be of class `{class}`");
        let advice = "put the value into an attribute; a body is `CC`, which drops it, or `OI` or `SYS`, which keep it";
        problems.add(&item.key, problem, advice);
    }
    Some(class)
}

fn scope(mut section: Section<'_>, purposes: &Purposes, problems: &mut Problems<'_>) -> ScopeRule {
    let purpose = purpose(&mut section, purposes, problems);
    section.finish(problems);
    ScopeRule { purpose }
}

fn metric(
    mut section: Section<'_>,
    purposes: &Purposes,
    problems: &mut Problems<'_>,
) -> MetricRule {
    let unit = section.optional("unit");
    let purpose = purpose(&mut section, purposes, problems);
    section.finish(problems);
    MetricRule {
        unit: unit.and_then(|item| item.words(problems)),
        purpose,
    }
}

fn purpose(
    section: &mut Section<'_>,
    purposes: &Purposes,
    problems: &mut Problems<'_>,
) -> Option<PurposeName> {
    let item = section.optional("purpose")?;
    let name: PurposeName = item.name(problems)?;
    purposes::check_known(&item.key, name.as_str(), purposes, problems);
    Some(name)
}

fn attributes(
    section: &mut Section<'_>,
    subject: &str,
    problems: &mut Problems<'_>,
) -> BTreeMap<String, Attribute> {
    let mut section = section.section("attributes", problems);
    let key = section.key().to_owned();
    let mut attributes = BTreeMap::new();
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (name, item) in section.entries() {
        check_name(&item.key, name, "an attribute", problems);
        check_free(&item.key, name, problems);
        // Query engines differ in whether the case of a column's name counts.
        if let Some(twin) = seen.insert(name.to_lowercase(), name) {
            let problem = format!("it differs from {} only in case", quoted(twin));
            problems.add(&item.key, problem, "list each attribute once");
        }
        let item_key = item.key.clone();
        let Some(attribute) = attribute(item, problems) else {
            continue;
        };
        if name == subject && attribute.class != Class::Upi {
            let problem = format!(
                "it names the person whom a record is about, so it cannot be `{}`",
                attribute.class
            );
            problems.add(&item_key, problem, "make it `UPI`");
        }
        attributes.insert(name.to_owned(), attribute);
    }
    if attributes.len() > ATTRIBUTES_MAX {
        let problem = format!("{} attributes are listed", attributes.len());
        let advice = format!("list at most {ATTRIBUTES_MAX}: each may become a column");
        problems.add(&key, problem, advice);
    }
    attributes
}

/// `"name" = "SYS"` or `"name" = { class = "SYS", … }`.
fn attribute(item: Item<'_>, problems: &mut Problems<'_>) -> Option<Attribute> {
    if !item.is_table() {
        return Some(Attribute {
            class: item.word(problems)?,
            value_type: AttributeType::Text,
            values: BTreeSet::new(),
        });
    }
    let mut section = item.section(problems)?;
    let key = section.key().to_owned();
    // `user.id = "UPI"` without quotes is a table to TOML.
    let Some(class) = section.optional("class") else {
        let problem = "there is no `class` in it";
        let advice = "write `{ class = \"SYS\" }`, and quotes around a name with dots";
        problems.add(&key, problem, advice);
        return None;
    };
    let class = class.word(problems);
    let stated = section.optional("type");
    let listed = section.optional("values");
    section.finish(problems);
    let class = class?;
    let value_type = stated.and_then(|item| typed(&item, class, problems));
    let values = listed.map(|item| values(&item, class, problems));
    let attribute = Attribute {
        class,
        value_type: value_type.unwrap_or_default(),
        values: values.unwrap_or_default(),
    };
    if attribute.value_type != AttributeType::Text && !attribute.values.is_empty() {
        let problem = "its values are listed as strings, but it has another type";
        problems.add(
            &key,
            problem,
            "send it as a string, in groups, as `\"30-39\"`",
        );
    }
    Some(attribute)
}

fn typed(item: &Item<'_>, class: Class, problems: &mut Problems<'_>) -> Option<AttributeType> {
    let value_type = item.word(problems)?;
    if class == Class::Upi && value_type != AttributeType::Text {
        let problem = "a hash stands in the place of a `UPI` value, and that is a string";
        problems.add(&item.key, problem, "leave `type` out");
    }
    Some(value_type)
}

fn values(item: &Item<'_>, class: Class, problems: &mut Problems<'_>) -> BTreeSet<String> {
    if class != Class::Udi {
        let problem = format!("values are listed for `UDI` alone, and this is `{class}`");
        problems.add(&item.key, problem, "leave `values` out");
    }
    let listed = item.strings(problems).unwrap_or_default();
    let fits = |value: &&str| {
        !value.trim().is_empty()
            && value.len() <= NAME_BYTES_MAX
            && !value.chars().any(char::is_control)
    };
    if listed.is_empty() || listed.len() > VALUES_MAX || !listed.iter().all(fits) {
        let problem = "it is no list of values";
        let advice = format!(
            "list 1 to {VALUES_MAX} values of 1 to {NAME_BYTES_MAX} bytes: large groups of people, as countries"
        );
        problems.add(&item.key, problem, advice);
    }
    listed.into_iter().map(str::to_owned).collect()
}

fn check_name(key: &str, name: &str, what: &str, problems: &mut Problems<'_>) {
    let printable = name.chars().all(|c| !c.is_control());
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !printable {
        let what = match what {
            "an attribute" => "the name of an attribute",
            _ => "a name that is stored",
        };
        let problem = format!("{} is not {what}", quoted(name));
        let advice = "use 1 to 255 bytes without control characters";
        problems.add(key, problem, advice);
    }
}

/// Refuses the names of the columns that stored telemetry has by itself.
fn check_free(key: &str, name: &str, problems: &mut Problems<'_>) {
    let lower = name.to_lowercase();
    let taken = TAKEN.iter().find(|taken| match taken.strip_suffix('.') {
        Some(_) => lower.starts_with(**taken),
        None => lower == **taken,
    });
    if let Some(taken) = taken {
        let problem = match taken.strip_suffix('.') {
            Some(_) => format!("stored telemetry has columns of its own that begin with `{taken}`"),
            None => format!("stored telemetry has a column `{taken}` of its own"),
        };
        let advice = "send it under another name, with a part in front, as `shop.status`";
        problems.add(key, problem, advice);
    }
}
