//! An invented person at an invented shop, with all that a database can hold.

use privet_archive::{
    About, Archive, Collection, Document, Field, Kind, Language, Purpose, Row, Value,
};
use privet_classify::{Basis, Class};

pub(crate) fn about(language: Language) -> About {
    About {
        company: "Example Books Ltd".to_owned(),
        contact: "privacy@books.example".to_owned(),
        request: "01b9c3f2".to_owned(),
        taken_at: "2026-11-26T16:30:11Z".parse().unwrap(),
        language,
    }
}

fn field(name: &str, title: &str, kind: Kind, class: Class, purposes: &[(&str, Basis)]) -> Field {
    let purposes = purposes.iter().map(|(title, basis)| Purpose {
        title: (*title).to_owned(),
        basis: *basis,
    });
    Field {
        purposes: purposes.collect(),
        until: Some("your account is closed".to_owned()),
        ..Field::new(name, title, kind, class)
    }
}

const SERVICE: &[(&str, Basis)] = &[("Orders and delivery", Basis::Contract)];
const NEWS: &[(&str, Basis)] = &[
    ("Orders and delivery", Basis::Contract),
    ("News about books", Basis::Consent),
];
const TAX: &[(&str, Basis)] = &[("Accounts", Basis::LegalObligation)];

/// Everything, as the person gets it.
pub(crate) fn archive(language: Language) -> Archive<'static> {
    Archive {
        about: about(language),
        collections: vec![
            profile(),
            orders(),
            notes(),
            visits(1_300),
            measurements(),
            Collection::new(
                "shop.wish_list",
                "Wish list",
                "",
                vec![field("title", "Title", Kind::Text, Class::Cc, SERVICE)],
                || Ok(std::iter::empty()),
            ),
        ],
        documents: vec![
            receipt("2026-01-03 marketing granted"),
            receipt("2026-06-30 marketing withdrawn"),
        ],
    }
}

fn receipt(title: &str) -> Document {
    Document {
        name: title.to_owned(),
        extension: "jsonld",
        title: title.to_owned(),
        content: br#"{"@context":"https://w3id.org/dpv/schema/dpv-27560"}"#.to_vec(),
    }
}

fn profile() -> Collection<'static> {
    let fields = vec![
        field("name", "Name", Kind::Text, Class::Uii, SERVICE),
        field("email", "E-mail address", Kind::Text, Class::Uii, NEWS),
        field("phone", "Telephone", Kind::Text, Class::Uii, SERVICE),
        field("address", "Address", Kind::Text, Class::Uii, SERVICE),
        field("birthday", "Date of birth", Kind::Text, Class::Udi, &[]),
        field("newsletter", "Newsletter", Kind::Boolean, Class::Udi, NEWS),
    ];
    let row = || {
        Row::new(vec![
            Value::text("Ada Example"),
            Value::text("ada@mail.example"),
            Value::text("+44 20 7946 0011"),
            Value::text("1 Example Street\nLondon N1 9GU"),
            Value::Null,
            Value::Boolean(true),
        ])
    };
    let what = "What you told the shop when you opened your account.";
    Collection::new("vault.profile", "Your account", what, fields, move || {
        Ok([Ok(row())].into_iter())
    })
}

fn orders() -> Collection<'static> {
    let fields = vec![
        field("invoice", "Invoice", Kind::Integer, Class::Upi, TAX),
        field("date", "Date", Kind::Text, Class::Sys, TAX),
        field("total", "Total", Kind::Number, Class::Oi, TAX),
        field(
            "delivered_to",
            "Delivered to",
            Kind::Text,
            Class::Uii,
            SERVICE,
        ),
        field("remark", "Remark", Kind::Text, Class::Cc, SERVICE),
    ];
    let row = |number: i64| {
        Row::new(vec![
            Value::Integer(40_001 + number),
            Value::text(format!("2026-0{}-14", number + 1)),
            Value::Real([12.5, 7.0, 129.9][usize::try_from(number).unwrap()]),
            Value::text("1 Example Street, London N1 9GU"),
            Value::text(
                [
                    "",
                    "Please leave it with the neighbours.",
                    "A gift: no invoice inside",
                ][usize::try_from(number).unwrap()],
            ),
        ])
    };
    let what = "Orders, from the shop's database. The law asks to keep invoices for seven years.";
    Collection::new("shop.order", "Orders", what, fields, move || {
        Ok((0..3).map(move |number| Ok(row(number))))
    })
}

/// Texts that attack who reads them.
pub(crate) fn notes() -> Collection<'static> {
    let fields = vec![
        field("id", "Id", Kind::Integer, Class::Sys, SERVICE),
        field("note", "Note", Kind::Text, Class::Cc, SERVICE),
    ];
    let texts = [
        "=cmd|' /C calc'!A0",
        "<script>alert(document.domain)</script>",
        "<img src=x onerror=alert(1)>\"'>&amp;",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "gift \u{202e}dexob\u{202c}, nul \0, bell \u{7}",
        "two\r\nlines; =1+1",
        "“Ça va?” – 👩\u{200d}💻 שלום",
        "",
    ];
    Collection::new(
        "shop.note",
        "Notes",
        "What you wrote to the shop.",
        fields,
        move || {
            let row = |(id, text): (i64, &'static str)| {
                Ok(Row::new(vec![Value::Integer(id), Value::text(text)]))
            };
            Ok((1..).zip(texts).map(row))
        },
    )
}

/// More rows than fit on the first page.
pub(crate) fn visits(count: i64) -> Collection<'static> {
    let fields = vec![
        field("at", "Time", Kind::Text, Class::Sys, SERVICE),
        field("page", "Page", Kind::Text, Class::Cc, SERVICE),
        field(
            "duration_ms",
            "Duration (ms)",
            Kind::Integer,
            Class::Sys,
            SERVICE,
        ),
    ];
    let row = |number: i64| {
        let (hour, minute) = (number / 60 % 24, number % 60);
        Ok(Row::new(vec![
            Value::text(format!("2026-11-25T{hour:02}:{minute:02}:00Z")),
            Value::text(format!("/books/{}", number * 7_919 % 9_973)),
            Value::Integer(number * number % 5_000),
        ]))
    };
    Collection::new(
        "telemetry.visit",
        "Visits",
        "Pages you looked at, from telemetry.",
        fields,
        move || Ok((0..count).map(row)),
    )
}

/// Values of other types than their columns: SQLite allows that.
fn measurements() -> Collection<'static> {
    let fields = vec![
        field("whole", "Whole", Kind::Integer, Class::Udi, &[]),
        field("real", "Real", Kind::Number, Class::Udi, &[]),
        field("flag", "Flag", Kind::Boolean, Class::Udi, &[]),
        field("blob", "Bytes", Kind::Bytes, Class::Cc, &[]),
        field("=1+1", "Anything", Kind::Text, Class::Cc, &[]),
    ];
    Collection::new("lab.measurement", "Measurements", "", fields, || {
        let rows: [[Value; 5]; 3] = [
            [
                Value::Integer(i64::MAX),
                Value::Real(f64::NAN),
                Value::Boolean(false),
                Value::Bytes(vec![0xfb, 0xff, 0, 1]),
                Value::Bytes(vec![1, 2, 3]),
            ],
            [
                Value::text("twelve"),
                Value::Real(-1e300),
                Value::Integer(1),
                Value::Bytes(vec![]),
                Value::Integer(-5),
            ],
            [
                Value::Null,
                Value::Integer(3),
                Value::Null,
                Value::Null,
                Value::Null,
            ],
        ];
        Ok(rows.into_iter().map(|row| Ok(Row::new(row.into()))))
    })
}
