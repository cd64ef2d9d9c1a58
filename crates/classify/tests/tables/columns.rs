//! Columns without a field: told by their names, or said.

use std::collections::HashSet;

use privet_classify::synthetic::{Fill, Tables, Value};
use privet_classify::{DataMap, ValueType};

use crate::{DEMO, map, values};

/// Says what stands in a column, as the command line does.
fn fill(shop: &mut Tables, table: &str, column: &str, text: &str) -> Result<(), String> {
    let fill = text.parse::<Fill>().map_err(|error| error.to_string())?;
    shop.fill(table, column, &fill)
        .map_err(|error| error.to_string())
}

#[test]
fn what_cannot_be_told_can_be_said() {
    let map = DataMap::parse(DEMO).unwrap();
    let mut shop = Tables::new(&map, "shop", 3).unwrap();
    assert!(
        shop.left_out()
            .any(|left| left.column.as_str() == "product_id")
    );
    fill(&mut shop, "orders", "product_id", "3..5").unwrap();
    fill(&mut shop, "orders", "quantity", "07").unwrap();
    let zeros = Value::Text("07".to_owned());
    assert_eq!(
        values(&shop, "orders", "quantity", 1),
        [zeros.clone(), zeros]
    );
    fill(&mut shop, "orders", "quantity", "-7").unwrap();
    let number = Value::Integer(-7);
    assert_eq!(
        values(&shop, "orders", "quantity", 1),
        [number.clone(), number]
    );
    fill(&mut shop, "orders", "quantity", " one, two ").unwrap();
    fill(&mut shop, "orders", "ordered_on", "").unwrap();
    let products: HashSet<_> = values(&shop, "orders", "product_id", 50)
        .iter()
        .map(Value::to_string)
        .collect();
    assert_eq!(products, ["3", "4", "5"].map(str::to_owned).into());
    let words: HashSet<_> = values(&shop, "orders", "quantity", 50)
        .iter()
        .map(Value::to_string)
        .collect();
    assert_eq!(words, ["one", "two"].map(str::to_owned).into());
    let orders = shop.table("orders").unwrap();
    assert!(
        orders
            .columns()
            .all(|column| column.as_str() != "ordered_on")
    );

    let all = format!("{}..{}", i64::MIN, i64::MAX);
    fill(&mut shop, "orders", "quantity", &all).unwrap();
    assert!(shop.table("orders").unwrap().row(0).is_ok());
}

#[test]
fn what_cannot_be_said_is_explained() {
    let mut shop = Tables::new(&DataMap::parse(DEMO).unwrap(), "shop", 3).unwrap();
    for (table, column, text, said) in [
        (
            "order",
            "quantity",
            "1..2",
            "there is no table of source `shop` `order` in the data map; there is: `customer`, `orders`",
        ),
        (
            "orders",
            "product",
            "1..2",
            "there is no column of table `orders` `product` in the data map; there is: `order_id`",
        ),
        (
            "orders",
            "customer_id",
            "1..2",
            "column `customer_id` of table `orders` cannot be filled: what stands",
        ),
        (
            "customer",
            "email",
            "a",
            "column `email` of table `customer` cannot be filled: what stands",
        ),
        (
            "orders",
            "product_id",
            "rows:product",
            "there is no table of source `shop` `product` in the data map; there is: `customer`",
        ),
        (
            "orders",
            "product_id",
            "rows:invoice",
            "no column can refer to rows of table `invoice`: name a table with a key",
        ),
        (
            "orders",
            "product_id",
            "rows:a.b",
            "`rows:a.b` names no table: write",
        ),
        (
            "orders",
            "quantity",
            "5..2",
            "the numbers `5..2` count down: write the smaller first",
        ),
        (
            "orders",
            "quantity",
            "a,,b",
            "`a,,b` is no list of words: write",
        ),
        (
            "orders",
            "quantity",
            "a\\",
            "`a\\` is no list of words: write",
        ),
    ] {
        let error = fill(&mut shop, table, column, text).unwrap_err();
        assert!(error.starts_with(said), "{error}");
    }
}

#[rustfmt::skip]
/// Columns with their classes.
const COLUMNS: &[(&str, &str)] = &[
        ("country", "UDI"),
        ("city", "UDI"),
        ("state", "UDI"),
        ("birthday", "UDI"),
        ("gender", "UDI"),
        ("language", "UDI"),
        ("zip_code", "UDI"), ("birth_city", "UDI"), ("birth_year", "UDI"),
        ("blood_type", "UDI"),
        ("job_title", "UDI"),
        ("company", "OI"), ("company_country", "OI"), ("product_category", "OI"),
        ("vat_rate", "OI"),
        ("state_of_order", "OI"),
        ("support_email", "OI"),
        ("contract", "OI"),
        ("total_cents", "OI"),
        ("position", "OI"),
        ("item_name", "OI"),
        ("name", "OI"),
        ("created_at", "SYS"),
        ("invoiceDate", "SYS"),
        ("position_in_list", "SYS"),
        ("quantity", "SYS"),
        ("is_new", "SYS"),
        ("email_verified", "SYS"),
        ("deleted_at", "SYS"),
        ("is_deleted", "SYS"),
        ("checksum", "SYS"),
        ("flags", "SYS"),
        ("member_number", "UPI"),
        ("login", "UPI"),
        ("referrer_id", "UPI"),
        ("reports_to", "UPI"),
        ("user_agent", "SYS"),
        ("last_ip", "UPI"),
        ("homepage", "CC"),
        ("bio", "CC"), ("project_name", "CC"), ("user_name", "UPI"),
        ("subject_line", "CC"),
        ("currency", "SYS"),
        ("year", "SYS"),
];

/// What the name of a column that has no field makes of it.
#[test]
fn columns_without_a_field_hold_what_they_are_called() {
    let mut text = String::from(
        "[sources.shop.tables.person]\nsubject = \"id\"\n[sources.shop.tables.person.columns]\nid = { class = \"UPI\" }\n",
    );
    for (name, class) in COLUMNS {
        let clear = if matches!(*class, "UDI" | "CC") {
            ", clear = true"
        } else {
            ""
        };
        text.push_str(&format!("{name} = {{ class = \"{class}\"{clear} }}\n"));
    }
    let tables = Tables::new(&map(&text), "shop", 4).unwrap();
    let person = tables.table("person").unwrap();
    let row = person.row(0).unwrap();
    let mut lines: Vec<_> = person
        .columns()
        .zip(&row)
        .map(|(column, value)| format!("{column} = {value:?}"))
        .collect();
    lines.extend(
        tables
            .left_out()
            .map(|left| format!("{}: {}", left.column, left.why)),
    );
    insta::assert_snapshot!(lines.join("\n"));
    for index in 0..500 {
        let row = person.row(index).unwrap();
        for (column, value_type) in [
            ("country", ValueType::CountryCode),
            ("birthday", ValueType::Date),
            ("created_at", ValueType::Date),
        ] {
            let place = crate::column(person, column);
            assert_eq!(value_type.validate(&row[place].to_string()), Ok(()));
        }
    }
}
