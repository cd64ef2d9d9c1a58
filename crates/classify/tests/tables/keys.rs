//! Keys: told by their names, leading to rows that are there.

use std::collections::{BTreeMap, HashSet};

use privet_classify::DataMap;
use privet_classify::synthetic::{Fill, Tables, Value};

use crate::{CHINOOK, DEMO, EVERYTHING, map, values};

/// Checks that each value of a column stands in the other, and that there no value comes twice.
fn check_leads(tables: &Tables, (table, foreign): (&str, &str), (parent, key): (&str, &str)) {
    for people in [0, 1, 2, 5, 103] {
        let keys = values(tables, parent, key, people);
        let there: HashSet<String> = keys.iter().map(Value::to_string).collect();
        assert_eq!(there.len(), keys.len(), "`{key}` of `{parent}` is unique");
        for value in values(tables, table, foreign, people) {
            assert!(
                there.contains(&value.to_string()),
                "`{foreign}` = {value} of `{table}` leads nowhere, {people} people"
            );
        }
    }
}

#[test]
fn foreign_keys_lead_to_rows_that_are_there() {
    let demo = Tables::new(&DataMap::parse(DEMO).unwrap(), "shop", 1).unwrap();
    check_leads(
        &demo,
        ("orders", "customer_id"),
        ("customer", "customer_id"),
    );
    check_leads(&demo, ("invoice", "order_id"), ("orders", "order_id"));
    check_leads(
        &demo,
        ("support_message", "customer_id"),
        ("customer", "customer_id"),
    );

    let chinook = Tables::new(&DataMap::parse(CHINOOK).unwrap(), "chinook", 1).unwrap();
    check_leads(
        &chinook,
        ("Invoice", "CustomerId"),
        ("Customer", "CustomerId"),
    );
    check_leads(
        &chinook,
        ("InvoiceLine", "InvoiceId"),
        ("Invoice", "InvoiceId"),
    );

    let everything = Tables::new(&DataMap::parse(EVERYTHING).unwrap(), "shop", 1).unwrap();
    check_leads(
        &everything,
        ("Support Messages", "Invoice No"),
        ("invoice", "invoice_id"),
    );
}

/// Keys that are called otherwise, shared with the table above, or referred to once more.
const NAMED: &str = r#"
        [sources.shop.tables.person]
        subject = "person_uuid"
        columns = { person_uuid = { class = "UPI" }, member_no = { class = "UPI" }, name = { field = "name" } }
        [sources.shop.tables.profile]
        subject = "person_uuid -> person"
        columns = { person_uuid = { class = "UPI" }, is_public = { class = "SYS" }, deleted_at = { class = "SYS" } }
        [sources.shop.tables.picture]
        subject = "profile -> profile.person_uuid"
        columns = { id = { class = "SYS" }, profile = { class = "UPI" }, size = { class = "SYS" } }
        [sources.shop.tables.badge]
        subject = "member_no -> person.member_no"
        columns = { badgeid = { class = "SYS" }, member_no = { class = "UPI" }, number = { class = "OI" } }
        [sources.shop.tables.categories]
        columns = { category_id = { class = "SYS" }, name = { class = "SYS" } }
        [sources.shop.tables.comments]
        subject = "picture_id -> picture"
        columns = { comment_no = { class = "SYS" }, picture_id = { class = "SYS" }, person_uuid = { class = "UPI" }, category_id = { class = "SYS" }, line_no = { class = "SYS" }, body = { field = "message" } }
    "#;

#[test]
fn keys_are_told_by_what_they_are_called() {
    let map = map(NAMED);
    let tables = Tables::new(&map, "shop", 3).unwrap();
    let names: Vec<_> = tables
        .tables()
        .iter()
        .map(|table| table.name().as_str())
        .collect();
    assert_eq!(
        names,
        [
            "categories",
            "person",
            "badge",
            "profile",
            "picture",
            "comments"
        ],
        "each after those that it refers to"
    );
    for (from, to) in [
        (("profile", "person_uuid"), ("person", "person_uuid")),
        (("picture", "profile"), ("person", "person_uuid")),
        (("badge", "member_no"), ("person", "member_no")),
        (("comments", "picture_id"), ("picture", "id")),
        (("comments", "person_uuid"), ("person", "person_uuid")),
        (("comments", "category_id"), ("categories", "category_id")),
    ] {
        check_leads(&tables, from, to);
    }
}

#[test]
fn keys_come_once_and_all_ways_lead_to_one_person() {
    let tables = Tables::new(&map(NAMED), "shop", 3).unwrap();
    // A table without a key of its own has one row for each above, or its foreign key would come twice.
    let rows = |name: &str| tables.table(name).unwrap().rows(100);
    assert_eq!(
        (rows("profile"), rows("picture"), rows("comments")),
        (100, 150, 225)
    );
    // Both ways from a comment lead to the same person.
    let ways: BTreeMap<_, _> = values(&tables, "picture", "id", 50)
        .into_iter()
        .map(|id| id.to_string())
        .zip(values(&tables, "picture", "profile", 50))
        .collect();
    let pictures = values(&tables, "comments", "picture_id", 50);
    for (picture, person) in pictures
        .iter()
        .zip(values(&tables, "comments", "person_uuid", 50))
    {
        assert_eq!(ways[&picture.to_string()], person);
    }
    let uuid = values(&tables, "person", "person_uuid", 3)
        .pop()
        .unwrap()
        .to_string();
    assert!(
        uuid.ends_with("-8000-000000000002") && uuid.len() == 36,
        "{uuid}"
    );
    let left: Vec<_> = tables.left_out().map(|left| left.column.as_str()).collect();
    assert_eq!(left, ["deleted_at"]);
}

#[test]
fn a_source_that_is_none_and_a_key_that_cannot_be_told() {
    let error = Tables::new(&DataMap::parse(DEMO).unwrap(), "shoop", 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no source `shoop` in the data map; there is: `shop`"
    );
    let map = map(r#"
        [sources.shop.tables.person]
        subject = "id"
        columns = { id = { class = "UPI" } }
        [sources.shop.tables.parcel]
        subject = "person_id -> person"
        columns = { code = { class = "SYS" }, person_id = { class = "UPI" } }
        [sources.shop.tables.scan]
        subject = "parcel -> parcel"
        columns = { id = { class = "SYS" }, parcel = { class = "SYS" } }
    "#);
    let error = Tables::new(&map, "shop", 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "table `scan` refers to rows of `parcel`, and no column there looks like the key: say which one it is \
         in the data map, as `subject = \"parcel -> parcel.id\"`"
    );
}

#[test]
fn keys_that_are_uuids_lead_to_rows_that_are_there() {
    let demo = Tables::with_uuids(&DataMap::parse(DEMO).unwrap(), "shop", 1).unwrap();
    check_leads(
        &demo,
        ("orders", "customer_id"),
        ("customer", "customer_id"),
    );
    check_leads(&demo, ("invoice", "order_id"), ("orders", "order_id"));
    let named = Tables::with_uuids(&map(NAMED), "shop", 3).unwrap();
    for (from, to) in [
        (("picture", "profile"), ("person", "person_uuid")),
        (("badge", "member_no"), ("person", "member_no")),
        (("comments", "picture_id"), ("picture", "id")),
        (("comments", "category_id"), ("categories", "category_id")),
    ] {
        check_leads(&named, from, to);
    }
    let is_uuid = |value: &Value| matches!(value, Value::Text(text) if text.len() == 36);
    assert!(values(&named, "picture", "id", 9).iter().all(is_uuid));
    assert!(!values(&named, "badge", "member_no", 9).iter().any(is_uuid));
}

/// References that the data map does not tell of, between tables of different people.
#[test]
fn references_that_were_said_lead_to_rows_that_came_before() {
    let mut chinook = Tables::new(&DataMap::parse(CHINOOK).unwrap(), "chinook", 1).unwrap();
    let rows: Fill = "rows:Employee".parse().unwrap();
    chinook.fill("Customer", "SupportRepId", &rows).unwrap();
    chinook.fill("Employee", "ReportsTo", &rows).unwrap();
    let names: Vec<_> = chinook
        .tables()
        .iter()
        .map(|table| table.name().as_str())
        .collect();
    assert_eq!(names, ["Employee", "Customer", "Invoice", "InvoiceLine"]);
    let employees = ("Employee", "EmployeeId");
    check_leads(&chinook, ("Customer", "SupportRepId"), employees);
    check_leads(&chinook, ("Employee", "ReportsTo"), employees);
    let order = values(&chinook, "Employee", "ReportsTo", 50);
    for (index, above) in (1..).zip(order) {
        assert!(matches!(above, Value::Integer(above) if above <= index));
    }

    let circle = "rows:Customer".parse().unwrap();
    let error = chinook.fill("Employee", "Title", &circle).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rows of these tables would refer to each other: `Employee`, `Customer`, `Invoice`, `InvoiceLine`: \
         leave one of the columns out, and set it once both tables are filled"
    );
    let title = values(&chinook, "Employee", "Title", 1);
    assert!(matches!(title.as_slice(), [Value::Text(_)]), "{title:?}");
}
