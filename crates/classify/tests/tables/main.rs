//! Rows of invented people: keys that lead where they should, values that pass, the same for ever.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod columns;
mod keys;

use std::collections::HashSet;

use privet_classify::DataMap;
use privet_classify::synthetic::{Person, Records, Table, Tables, Value};

const DEMO: &str = include_str!("../../../cli/assets/demo/datamap.toml");
const CHINOOK: &str = include_str!("../../../../examples/chinook/datamap.toml");
const EVERYTHING: &str = include_str!("../maps/allowed/everything.toml");

/// A map of tables whose names make it hard, with these fields before it.
fn map(tables: &str) -> DataMap {
    let fields = r#"
        [purposes]
        service = { basis = "contract" }
        [fields.email]
        number = 1
        class = "UII"
        type = "email"
        lookup = { unique = true }
        purposes = ["service"]
        [fields.name]
        number = 2
        class = "UII"
        type = "name"
        purposes = ["service"]
        [fields.phone]
        number = 3
        class = "UII"
        type = "phone"
        lookup = { unique = true }
        purposes = ["service"]
        [fields.points]
        number = 4
        class = "UDI"
        type = "integer"
        purposes = ["service"]
        [fields.message]
        number = 5
        class = "CC"
        type = "text"
        purposes = ["service"]
        [sources.shop]
        tenant = "acme"
    "#;
    DataMap::parse(&format!("{fields}{tables}")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn column(table: &Table, name: &str) -> usize {
    let mut columns = table.columns();
    let place = columns.position(|column| column.as_str() == name);
    place.unwrap_or_else(|| panic!("no values in `{name}` of `{}`", table.name()))
}

/// The values of a column for so many people.
fn values(tables: &Tables, name: &str, column_name: &str, people: u64) -> Vec<Value> {
    let table = tables.table(name).unwrap();
    let place = column(table, column_name);
    (0..table.rows(people))
        .map(|index| table.row(index).unwrap().swap_remove(place))
        .collect()
}

fn shown(map: &str, source: &str) -> String {
    let map = DataMap::parse(map).unwrap();
    let tables = Tables::new(&map, source, 2026).unwrap();
    let mut text = String::new();
    for table in tables.tables() {
        let columns: Vec<_> = table.columns().map(ToString::to_string).collect();
        text.push_str(&format!("{}: {}\n", table.name(), columns.join(", ")));
        for index in 0..3 {
            let row: Vec<_> = table
                .row(index)
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect();
            text.push_str(&format!("  {}\n", row.join(" | ")));
        }
    }
    for left in tables.left_out() {
        text.push_str(&format!(
            "left out: {}.{}: {}\n",
            left.table, left.column, left.why
        ));
    }
    text
}

#[test]
fn the_same_map_and_seed_make_the_same_rows() {
    insta::assert_snapshot!("demo", shown(DEMO, "shop"));
    insta::assert_snapshot!("chinook", shown(CHINOOK, "chinook"));
    insta::assert_snapshot!("everything", shown(EVERYTHING, "shop"));
}

#[test]
fn rows_hold_what_their_person_has() {
    let map = DataMap::parse(DEMO).unwrap();
    let shop = Tables::new(&map, "shop", 7).unwrap();
    let records = Records::new(&map, 7);
    let emails = values(&shop, "customer", "email", 30);
    for (index, email) in (0..).zip(&emails) {
        assert_eq!(email.to_string(), records.subject(index).unwrap()["email"]);
    }
    let orders = values(&shop, "orders", "customer_id", 30);
    let mut named = 0;
    let invoices = values(&shop, "invoice", "order_id", 30);
    for (order, name) in invoices
        .iter()
        .zip(values(&shop, "invoice", "billing_name", 30))
    {
        let Value::Integer(order) = order else {
            panic!("a number")
        };
        let Value::Integer(customer) = orders[usize::try_from(order - 1).unwrap()] else {
            panic!("a number")
        };
        let person = Person::new(7, u64::try_from(customer - 1).unwrap());
        assert_eq!(name.to_string(), person.full_name());
        named += 1;
    }
    assert!(named > 40, "{named}");
    let bodies = values(&shop, "support_message", "body", 100);
    let different: HashSet<_> = bodies.iter().map(Value::to_string).collect();
    assert!(
        different.len() > 140,
        "messages of one person differ: {}",
        different.len()
    );

    // Customers and employees are different people.
    let chinook = Tables::new(&DataMap::parse(CHINOOK).unwrap(), "chinook", 7).unwrap();
    let mut all = values(&chinook, "Customer", "Email", 200);
    all.extend(values(&chinook, "Employee", "Email", 200));
    let people: HashSet<_> = all
        .iter()
        .map(|email| email.to_string().replace(".staff@", "@"))
        .collect();
    assert_eq!(people.len(), 400);
}

/// What a `synthetic_only` environment asks, in every column with a field and whatever hangs below what.
#[test]
fn every_value_of_a_field_is_valid_and_invented() {
    for (text, source) in [
        (DEMO, "shop"),
        (CHINOOK, "chinook"),
        (EVERYTHING, "shop"),
        (EVERYTHING, "crm"),
    ] {
        let map = DataMap::parse(text).unwrap();
        for seed in [0, 7, u64::MAX] {
            let tables = Tables::new(&map, source, seed).unwrap();
            for table in tables.tables() {
                let listed = map
                    .source(source)
                    .unwrap()
                    .table(table.name().as_str())
                    .unwrap();
                let indexes = (0..60).chain([u64::MAX / 7, u64::MAX - 1, u64::MAX]);
                for index in indexes {
                    let row = table.row(index).unwrap();
                    for (column, value) in table.columns().zip(&row) {
                        let field = listed.column(column.as_str()).unwrap().field();
                        let Some(field) = field.and_then(|field| map.field(field.as_str())) else {
                            continue;
                        };
                        let value = value.to_string();
                        assert_eq!(field.value_type.validate(&value), Ok(()), "{value}");
                        assert!(
                            !field.class.is_identifying()
                                || field.value_type.is_reserved_example(&value),
                            "{column}: {value}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn what_must_be_unique_is_so_in_every_row() {
    let map = map(r#"
        [sources.shop.tables.person]
        subject = "id"
        columns = { id = { class = "UPI" }, points = { field = "points" } }
        [sources.shop.tables.contact]
        subject = "person_id -> person"
        columns = { id = { class = "SYS" }, person_id = { class = "UPI" }, email = { field = "email" }, phone = { field = "phone" } }
    "#);
    let tables = Tables::new(&map, "shop", 3).unwrap();
    for name in ["email", "phone"] {
        let all = values(&tables, "contact", name, 4_000);
        let different: HashSet<_> = all.iter().map(Value::to_string).collect();
        assert_eq!((all.len(), different.len()), (6_000, 6_000), "{name}");
    }
    let contact = tables.table("contact").unwrap();
    assert_eq!(contact.check(contact.rows(4_000)), Ok(()));
    let error = contact.check(contact.rows(4_001)).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "column `phone` of table `contact` must be unique, and only 6000 different"
        ),
        "{error}"
    );
    assert_eq!(
        contact
            .row(6_000)
            .unwrap_err()
            .to_string()
            .split(',')
            .next(),
        error.split(',').next()
    );
    let points = values(&tables, "person", "points", 50);
    assert!(
        points
            .iter()
            .all(|value| matches!(value, Value::Integer(1..=9_999)))
    );
}

/// Of a whole name or address, a column may hold a piece; it fits what the person has elsewhere.
#[test]
fn columns_hold_pieces_of_a_field() {
    let map = map(r#"
        [sources.shop.tables.person]
        subject = "id"
        columns = { id = { class = "UPI" }, FirstName = { field = "name" }, LastName = { field = "name" }, Name = { field = "name" } }
    "#);
    let tables = Tables::new(&map, "shop", 7).unwrap();
    let [first, last, whole] =
        ["FirstName", "LastName", "Name"].map(|name| values(&tables, "person", name, 20));
    for ((first, last), whole) in first.iter().zip(&last).zip(&whole) {
        assert_eq!(whole.to_string(), format!("{first} {last}"));
    }
}
