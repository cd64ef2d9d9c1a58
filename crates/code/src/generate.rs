//! Types for the fields of a data map.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use privet_classify::{Class, DataMap, Field, ValueType};

/// The first line of what was generated, by which it is found again.
pub(crate) const FIRST_LINE: &str = "// Made by `privet classify --lang rust` from the data map. \
                                     `privet check --code` compares both.";

/// Rust source with a type for each field, by name: its class, its value type, what it is for. And
/// the classes of telemetry attributes.
///
/// ```
/// # use privet_classify::DataMap;
/// let map = DataMap::parse("[telemetry.attributes]\n\"user.id\" = \"UPI\"\n")?;
/// assert!(privet_code::generate(&map).contains("(\"user.id\", privet_classify::Class::Upi),"));
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[must_use]
pub fn generate(map: &DataMap) -> String {
    let mut out = format!(
        "{FIRST_LINE}\n\n//! The fields of the data map, each with its class and what its values look like.\n"
    );
    for (name, field) in names(map) {
        // A string takes everything.
        let _ = write!(
            out,
            "\n/// Field `{}`: number {}, class `{}`, {}.\npub type {name} = {};\n",
            field.name,
            field.number,
            field.class,
            purposes(field),
            type_of(field),
        );
    }
    let attributes = &map.telemetry().attributes;
    if !attributes.is_empty() {
        out.push_str(
            "\n/// The classes of attributes that logs and telemetry may have; all others are dropped.\n\
             pub const ATTRIBUTES: &[(&str, privet_classify::Class)] = &[\n",
        );
        for (name, class) in attributes {
            let _ = writeln!(out, "    ({name:?}, {}),", class_of(*class));
        }
        out.push_str("];\n");
    }
    out
}

/// The name of each field's type.
pub(crate) fn names(map: &DataMap) -> BTreeMap<String, &Field> {
    let mut names = BTreeMap::new();
    for field in map.fields() {
        let mut name = camel_case(field.name.as_str());
        // `a_b` and `a__b` are two fields; numbers are unique.
        if names.contains_key(&name) {
            let _ = write!(name, "{}", field.number);
        }
        names.insert(name, field);
    }
    names
}

pub(crate) fn type_of(field: &Field) -> String {
    format!(
        "privet_classify::{}<{}, privet_classify::value::{}>",
        camel_case(&field.class.as_str().to_ascii_lowercase()),
        match field.value_type {
            ValueType::Integer => "i64",
            ValueType::Ip => "std::net::IpAddr",
            _ => "String",
        },
        camel_case(field.value_type.as_str()),
    )
}

fn class_of(class: Class) -> String {
    let name = camel_case(&class.as_str().to_ascii_lowercase());
    format!("privet_classify::Class::{name}")
}

fn purposes(field: &Field) -> String {
    let names: Vec<String> = field
        .purposes
        .iter()
        .map(|purpose| format!("`{purpose}`"))
        .collect();
    format!("for {}", names.join(", "))
}

fn camel_case(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters);
    }
    if camel == "Self" {
        "Self_".to_owned()
    } else {
        camel
    }
}
