//! An invented person with ten fields, a few orders, and as many visits as asked for.

use anyhow::Result;
use privet_archive::{
    About, Archive, Collection, Document, Field, Kind, Language, Purpose, Row, Value,
};
use privet_classify::{Basis, Class};

fn field(name: &str, kind: Kind, class: Class) -> Field {
    let purpose = Purpose {
        title: "Orders and delivery".to_owned(),
        basis: Basis::Contract,
    };
    Field {
        purposes: vec![purpose],
        until: Some("your account is closed".to_owned()),
        ..Field::new(name, name, kind, class)
    }
}

/// All that the person gets.
pub(crate) fn archive(orders: i64, visits: i64) -> Archive<'static> {
    let receipt = |number: u32| Document {
        name: format!("receipt {number}"),
        extension: "jsonld",
        title: format!("Receipt {number}"),
        content: vec![b'a'; 2_000],
    };
    Archive {
        about: About {
            company: "Example Books Ltd".to_owned(),
            contact: "privacy@books.example".to_owned(),
            request: "01b9c3f2".to_owned(),
            taken_at: jiff::Timestamp::UNIX_EPOCH,
            language: Language::English,
        },
        collections: vec![
            profile(),
            rows("shop.order", orders),
            rows("telemetry.visit", visits),
        ],
        documents: (1..=3).map(receipt).collect(),
    }
}

fn profile() -> Collection<'static> {
    let names = [
        "name",
        "email",
        "phone",
        "street",
        "city",
        "postcode",
        "country",
        "birthday",
        "language",
        "newsletter",
    ];
    let fields = names.map(|name| field(name, Kind::Text, Class::Uii));
    let row = move || {
        Row::new(
            names
                .map(|name| Value::text(format!("the {name} of Ada")))
                .into(),
        )
    };
    Collection::new(
        "vault.profile",
        "Your account",
        "",
        fields.into(),
        move || Ok([Ok(row())].into_iter()),
    )
}

fn fields() -> Vec<Field> {
    vec![
        field("at", Kind::Text, Class::Sys),
        field("page", Kind::Text, Class::Cc),
        field("duration_ms", Kind::Integer, Class::Sys),
        field("price", Kind::Number, Class::Oi),
        field("remark", Kind::Text, Class::Cc),
    ]
}

fn row(number: i64) -> Row {
    let mixed = number
        .wrapping_mul(6_364_136_223_846_793_005)
        .rotate_left(29);
    Row::new(vec![
        Value::text(format!(
            "2026-11-{:02}T{:02}:{:02}:00Z",
            number % 28 + 1,
            number % 24,
            number % 60
        )),
        Value::text(format!("/books/{mixed:016x}/reviews")),
        Value::Integer(mixed % 5_000),
        Value::Real((mixed % 10_000) as f64 / 100.0),
        Value::text("a remark that somebody made, as long as most"),
    ])
}

fn rows(name: &str, count: i64) -> Collection<'static> {
    Collection::new(name, name, "", fields(), move || {
        Ok((0..count).map(|number| Ok(row(number))))
    })
}

/// About what the long collection's files hold, for the compressor alone: the two files of an archive one after the other.
pub(crate) fn files(count: i64) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for number in 0..count {
        let row = row(number);
        let cells: Vec<String> = row
            .values()
            .iter()
            .map(|value| match value {
                Value::Text(text) => format!("\"{text}\""),
                Value::Integer(number) => number.to_string(),
                Value::Real(number) => number.to_string(),
                Value::Null | Value::Boolean(_) | Value::Bytes(_) => String::new(),
            })
            .collect();
        let names = fields();
        let named = names
            .iter()
            .zip(&cells)
            .map(|(field, cell)| format!("\"{}\":{cell}", field.name));
        let object = named.collect::<Vec<_>>().join(",");
        text.extend_from_slice(format!("{{{object}}}\n").as_bytes());
        text.extend_from_slice(cells.join(",").as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    Ok(text)
}
