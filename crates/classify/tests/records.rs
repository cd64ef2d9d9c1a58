//! Invented records: valid, recognized as invented, unique where they must be, the same for ever.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use privet_classify::synthetic::{Person, Records, Tables};
use privet_classify::{Class, DataMap, ValueType};
use proptest::prelude::*;
use proptest::sample::select;

/// A map with one field for each line of `name class type [unique]`.
fn map(fields: &[(String, Class, ValueType, bool)]) -> DataMap {
    let mut text = String::from("[purposes]\nservice = { basis = \"contract\" }\n");
    for (number, (name, class, value_type, unique)) in (1..).zip(fields) {
        text.push_str(&format!(
            "[fields.{name}]\nnumber = {number}\nclass = \"{class}\"\ntype = \"{value_type}\"\n\
             purposes = [\"service\"]\n"
        ));
        if *unique {
            text.push_str("lookup = { unique = true, weak = true }\n");
        }
    }
    // Beside the vault, each field stands in a table of people and in one of what they have several of.
    let columns: Vec<_> = fields
        .iter()
        .map(|(name, ..)| format!("{name} = {{ field = \"{name}\" }}"))
        .collect();
    let columns = columns.join(", ");
    text.push_str(&format!(
        "[sources.shop]\ntenant = \"acme\"\n\
         [sources.shop.tables.person]\nsubject = \"id\"\ncolumns = {{ id = {{ class = \"UPI\" }}, {columns} }}\n\
         [sources.shop.tables.thing]\nsubject = \"person -> person\"\n\
         columns = {{ thing_id = {{ class = \"SYS\" }}, person = {{ class = \"UPI\" }}, {columns} }}\n"
    ));
    DataMap::parse(&text).unwrap()
}

fn field(name: &str, value_type: ValueType, unique: bool) -> (String, Class, ValueType, bool) {
    (name.to_owned(), Class::Uii, value_type, unique)
}

/// Names that say something, names that say something else, names that say nothing.
fn name() -> impl Strategy<Value = String> {
    let words = [
        "first", "last", "name", "email", "mail", "phone", "mobile", "address", "street", "line",
        "city", "state", "zip", "postal", "code", "country", "birthday", "born", "note", "message",
        "body", "staff", "billing", "home", "2", "id", "on", "url", "ip", "number", "zzz",
    ];
    let words = proptest::collection::vec(select(words.to_vec()), 0..4);
    words.prop_map(|words| format!("f_{}", words.join("_")))
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2_000);
    ProptestConfig {
        cases,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_126),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// What a `synthetic_only` environment asks of a value, whatever the field is called.
    #[test]
    fn every_value_is_valid_and_invented(
        name in name(),
        value_type in select(&ValueType::ALL[..]),
        unique: bool,
        seed: u64,
        index in prop_oneof![0_u64..40, any::<u64>()],
    ) {
        let map = map(&[field(&name, value_type, unique)]);
        let tables = Tables::new(&map, "shop", seed).unwrap();
        for table in tables.tables() {
            let place = table.columns().position(|column| column.as_str() == name).unwrap();
            match table.row(index) {
                Ok(row) => {
                    let value = row[place].to_string();
                    prop_assert_eq!(value_type.validate(&value), Ok(()));
                    prop_assert!(value_type.is_reserved_example(&value), "{} {}", value_type, value);
                }
                Err(_) => prop_assert!(unique && index >= 40, "{} {}", value_type, index),
            }
        }
        let records = Records::new(&map, seed);
        match records.subject(index) {
            Ok(subject) => {
                let value = &subject[name.as_str()];
                prop_assert_eq!(value_type.validate(value), Ok(()));
                prop_assert!(value_type.is_reserved_example(value), "{} {}", value_type, value);
                prop_assert_eq!(Ok(subject.clone()), records.subject(index));
            }
            Err(_) => prop_assert!(unique && index >= 40, "{} {}", value_type, index),
        }
    }
}

#[test]
fn the_same_map_and_seed_make_the_same_subjects() {
    let map = DataMap::parse(include_str!("maps/allowed/vault_only.toml")).unwrap();
    let demo = DataMap::parse(include_str!("../../cli/assets/demo/datamap.toml")).unwrap();
    let shown = |map: &DataMap| {
        let records = Records::new(map, 2026);
        let subjects = (0..2).map(|index| records.subject(index).unwrap());
        let lines = subjects.flat_map(|subject| {
            let lines = subject.into_iter();
            lines
                .map(|(field, value)| format!("{field} = {value}"))
                .collect::<Vec<_>>()
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(format!("{}\n\n{}", shown(&map), shown(&demo)));
}

#[test]
fn the_parts_of_a_subject_fit_together() {
    let all = [
        ("email", ValueType::Email),
        ("first_name", ValueType::Name),
        ("surname", ValueType::Name),
        ("full_name", ValueType::Name),
        ("phone", ValueType::Phone),
        ("address", ValueType::Address),
        ("city", ValueType::Address),
        ("postal_code", ValueType::PostalCode),
        ("billing_street", ValueType::Address),
        ("billing_city", ValueType::Text),
        ("billing_zip", ValueType::PostalCode),
        ("billing_address", ValueType::Address),
        ("mobile_phone", ValueType::Phone),
        ("work_email", ValueType::Email),
        ("date_of_birth", ValueType::Date),
    ];
    let map = map(&all.map(|(name, value_type)| field(name, value_type, false)));
    let records = Records::new(&map, 5);
    for index in 0..200 {
        let person = Person::new(5, index);
        let subject = records.subject(index).unwrap();
        assert_eq!(subject["email"], person.email);
        assert_eq!(subject["first_name"], person.first_name);
        assert_eq!(subject["surname"], person.last_name);
        assert_eq!(subject["full_name"], person.full_name());
        assert_eq!(subject["phone"], person.phone);
        assert_eq!(subject["address"], person.address.to_string());
        assert_eq!(subject["city"], person.address.city);
        assert_eq!(subject["postal_code"], person.address.postal_code);
        assert_eq!(subject["date_of_birth"], person.birthday);
        assert_eq!(
            subject["billing_address"],
            format!(
                "{}, {} {}",
                subject["billing_street"], subject["billing_zip"], subject["billing_city"]
            )
        );
        assert_ne!(subject["billing_address"], subject["address"]);
        assert_ne!(subject["work_email"], subject["email"]);
        let local = person.email.split('@').next().unwrap();
        assert!(subject["work_email"].starts_with(&format!("{local}.work@")));
    }
    let differ = |index: &u64| {
        let subject = records.subject(*index).unwrap();
        subject["mobile_phone"] != subject["phone"]
    };
    assert!((0..200).filter(differ).count() > 190);
}

#[test]
fn unique_values_never_return_and_end_with_a_refusal() {
    for (value_type, different) in [
        (ValueType::Phone, Some(6_000)),
        (ValueType::PostalCode, Some(900)),
        (ValueType::Ip, Some(762)),
        (ValueType::Integer, Some(10_000)),
        (ValueType::Email, None),
        (ValueType::Url, None),
    ] {
        let fields = [
            field("it", value_type, true),
            field("other", ValueType::Text, false),
        ];
        let records = Records::new(&map(&fields), 9);
        let count = different.unwrap_or(20_000);
        assert_eq!(records.check(count), Ok(()));
        let values: HashSet<_> = (0..count)
            .map(|index| records.subject(index).unwrap()["it"].clone())
            .map(|value| value_type.normalize(&value).unwrap())
            .collect();
        assert_eq!(values.len() as u64, count, "{value_type}");
        assert_eq!(records.subject(count).is_err(), different.is_some());
    }
    let records = Records::new(&map(&[field("phone", ValueType::Phone, true)]), 9);
    assert_eq!(
        records.check(6_001).unwrap_err().to_string(),
        "field `phone` must be unique, and only 6000 different values of it are reserved for examples, \
         fewer than the 6001 that are asked for: ask for fewer, or leave `unique = true` out of the data map"
    );
}

/// A name of 60 letters and the last of all indexes still make a mail address of 64 bytes before the `@`.
#[test]
fn long_names_make_addresses_that_are_not_too_long() {
    let name = format!("{}_email", "w".repeat(54));
    let records = Records::new(&map(&[field(&name, ValueType::Email, true)]), 3);
    for index in (u64::MAX - 3_000)..u64::MAX {
        let value = &records.subject(index).unwrap()[name.as_str()];
        assert_eq!(ValueType::Email.validate(value), Ok(()), "{value}");
    }
}
