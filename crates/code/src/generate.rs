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
        for (name, attribute) in attributes {
            let _ = writeln!(out, "    ({name:?}, {}),", class_of(attribute.class));
        }
        out.push_str("];\n");
    }
    out
}

/// What [`generate()`] prints, and names of fields and purposes for the client library `privet`:
/// `privet::Sealed<field::Email>` is a column, `purpose::SUPPORT` is what a look is for.
///
/// ```
/// # use privet_classify::DataMap;
/// let map = DataMap::parse("[purposes]\nsupport = { basis = \"contract\" }\n")?;
/// let code = privet_code::generate_for_client(&map);
/// assert!(code.contains("pub const SUPPORT: privet::Purpose = privet::Purpose::new(\"support\");"));
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[must_use]
pub fn generate_for_client(map: &DataMap) -> String {
    let mut out = generate(map);
    out.push_str("\n/// The fields as names, for the client library.\npub mod field {");
    for (name, field) in names(map) {
        let _ = write!(
            out,
            "\n    /// Field `{field}`.\n    #[derive(Debug)]\n    pub enum {name} {{}}\n\n    \
             impl privet::Field for {name} {{\n        \
             const NAME: &'static str = {field:?};\n        \
             type Value = super::{name};\n    }}\n",
            field = field.name.as_str(),
        );
    }
    out.push_str("}\n\n/// The purposes of the data map.\npub mod purpose {");
    for (name, purpose) in purpose_names(map) {
        let _ = write!(
            out,
            "\n    /// Purpose `{purpose}`: {}.\n    \
             pub const {name}: privet::Purpose = privet::Purpose::new({purpose:?});\n",
            purpose_basis(map, purpose),
        );
    }
    out.push_str("}\n");
    out
}

/// The name of each purpose's constant.
fn purpose_names(map: &DataMap) -> BTreeMap<String, &str> {
    let mut names = BTreeMap::new();
    for purpose in map.purposes() {
        let purpose = purpose.name.as_str();
        let mut name = purpose.replace('-', "_").to_ascii_uppercase();
        // `a-b` and `a_b` are two purposes, and no constant begins with a digit.
        while names.contains_key(&name) || name.starts_with(|first: char| first.is_ascii_digit()) {
            name.insert(0, '_');
        }
        names.insert(name, purpose);
    }
    names
}

fn purpose_basis(map: &DataMap, purpose: &str) -> String {
    let basis = map.purpose(purpose).map(|purpose| purpose.basis.as_str());
    basis.unwrap_or_default().replace('_', " ")
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
