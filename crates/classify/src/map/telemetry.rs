//! `[telemetry]`: the class of each attribute.

use std::collections::BTreeMap;

use super::model::{Telemetry, TelemetryDefault};
use super::problems::{Problems, quoted};
use super::read::Section;

/// The longest name of an attribute in bytes.
const ATTRIBUTE_BYTES_MAX: usize = 255;

pub(super) fn read(root: &mut Section<'_>, problems: &mut Problems<'_>) -> Telemetry {
    let mut section = root.section("telemetry", problems);
    if let Some(item) = section.optional("default")
        && let Some(text) = item.string(problems)
        && text != "drop"
    {
        let problem = format!("unknown default {}", quoted(text));
        let advice = "write `drop`: what nobody classified never passes";
        problems.add(&item.key, problem, advice);
    }
    let mut attributes = BTreeMap::new();
    for (name, item) in section.section("attributes", problems).entries() {
        // `user.id = "UPI"` without quotes is a table to TOML.
        if item.is_table() {
            problems.add(
                &item.key,
                "expected a class, found a table",
                "put quotes around a name with dots",
            );
            continue;
        }
        let printable = name.chars().all(|c| !c.is_control());
        if name.is_empty() || name.len() > ATTRIBUTE_BYTES_MAX || !printable {
            let problem = format!("{} is not the name of an attribute", quoted(name));
            problems.add(
                &item.key,
                problem,
                "use 1 to 255 bytes without control characters",
            );
        }
        if let Some(class) = item.word(problems) {
            attributes.insert(name.to_owned(), class);
        }
    }
    section.finish(problems);
    Telemetry {
        default: TelemetryDefault::Drop,
        attributes,
    }
}
