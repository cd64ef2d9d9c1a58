//! Copies of everybody in the Chinook sample database, on both engines, against what plain SQL says of the original: all rows of
//! theirs with all values, and nothing else. The environment variables `PRIVET_CHINOOK` and `PRIVET_CHINOOK_POSTGRES` name it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::sync::Arc;

use privet_vault::port::Source;
use privet_vault::subject_request::{RequestOrigin, RequestRun};
use privet_vault::{AdoptOrder, JobState, SubjectName, Vault};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value as Json;

use crate::bed::{Setting, Stores, adopt, caller, parts, sqlite};
use crate::copies::{CONTROLLER, Copy, Places, copy};
use crate::postgres::{self, Shop};

const CUSTOMERS: u32 = 59;
const EMPLOYEES: u32 = 8;

/// A row: values as text by column.
type Row = BTreeMap<String, Option<String>>;

/// Whose rows of a table are meant, with `?` for the number of a customer, or of an employee. Nothing of the data map is used here.
const OF_CUSTOMER: [(&str, &str); 3] = [
    ("Customer", "SELECT * FROM Customer WHERE CustomerId = ?"),
    ("Invoice", "SELECT * FROM Invoice WHERE CustomerId = ?"),
    (
        "InvoiceLine",
        "SELECT * FROM InvoiceLine WHERE InvoiceId IN (SELECT InvoiceId FROM Invoice WHERE CustomerId = ?)",
    ),
];
const OF_EMPLOYEE: [(&str, &str); 1] =
    [("Employee", "SELECT * FROM Employee WHERE EmployeeId = ?")];

/// As PostgreSQL's script names things.
fn snake_case(sql: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for letter in sql.chars() {
        if letter.is_ascii_uppercase() && before.is_ascii_lowercase() {
            out.push('_');
        }
        out.push(letter);
        before = letter;
    }
    out.to_lowercase()
}

fn named(variable: &str, test: &str) -> Option<OsString> {
    let named = std::env::var_os(variable);
    if named.is_none() {
        // Not captured, as what `eprintln!` says would be.
        let mut out = std::io::stderr();
        writeln!(
            out,
            "\nSKIPPED: complete::{test} (set {variable} to the path of the sample database)"
        )
        .unwrap();
    }
    named
}

fn setting(map: &str) -> Setting {
    Setting {
        map: format!("{CONTROLLER}{map}"),
        tenant: "chinook",
        synthetic_only: false,
    }
}

/// Everybody's copy, made in one run; customers first.
async fn copies(vault: &Vault, [customer, employee]: [&str; 2]) -> Vec<Copy> {
    let places = Places::new();
    vault.make_copies(places.parts(None));
    let (job, operator) = (caller(vault, "job").await, caller(vault, "operator").await);
    let customers = (1..=CUSTOMERS).map(|number| format!("{customer}:{number}"));
    let everybody = customers.chain((1..=EMPLOYEES).map(|number| format!("{employee}:{number}")));
    let mut requests = Vec::new();
    for name in everybody {
        let name: SubjectName = name.parse().unwrap();
        let origin = RequestOrigin::default();
        let asked = vault.request_access(&job, &name, origin).await;
        requests.push(asked.unwrap().id);
    }
    let all = RequestRun {
        collected: u64::from(CUSTOMERS + EMPLOYEES),
        ..RequestRun::default()
    };
    assert_eq!(vault.run_requests(&operator).await.unwrap(), all);
    let mut copies = Vec::new();
    for request in requests {
        copies.push(copy(vault, &job, request).await);
    }
    copies
}

/// The rows of a collection, none twice.
fn rows_in(copy: &Copy, collection: &str) -> BTreeSet<Row> {
    let rows = copy.rows(collection);
    let count = rows.len();
    let text = |value: &Json| match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let row = |row: &Json| {
        let values = row.as_object().unwrap().iter();
        values
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    };
    let rows: BTreeSet<Row> = rows.iter().map(row).collect();
    assert_eq!(rows.len(), count, "rows of {collection} come twice");
    rows
}

/// Compares everybody's copy with what `oracle` answers to a query about one number.
fn check(
    copies: &[Copy],
    name: impl Fn(&str) -> String,
    oracle: impl Fn(&str, u32) -> BTreeSet<Row>,
) {
    let customers = (1..=CUSTOMERS).map(|number| (number, &OF_CUSTOMER[..]));
    let everybody = customers.chain((1..=EMPLOYEES).map(|number| (number, &OF_EMPLOYEE[..])));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for ((number, queries), copy) in everybody.zip(copies) {
        let mut tables = BTreeSet::new();
        for (table, sql) in queries {
            let (collection, expected) = (format!("chinook.{}", name(table)), oracle(sql, number));
            assert_eq!(
                rows_in(copy, &collection),
                expected,
                "{collection} of {number}"
            );
            *counts.entry((*table).to_owned()).or_default() += expected.len();
            tables.insert(collection);
        }
        let others = copy.collections().into_iter().filter(|collection| {
            collection.starts_with("chinook.") && !tables.contains(*collection)
        });
        for collection in others {
            assert_eq!(
                copy.rows(collection),
                [Json::Null; 0],
                "{collection} of {number}"
            );
        }
    }
    // Every row of these tables is somebody's, and was in one copy.
    let counts: Vec<_> = counts
        .iter()
        .map(|(table, rows)| (table.as_str(), *rows))
        .collect();
    assert_eq!(
        counts,
        [
            ("Customer", 59),
            ("Employee", 8),
            ("Invoice", 412),
            ("InvoiceLine", 2_240)
        ]
    );
}

#[tokio::test]
async fn everybody_of_a_file_gets_all_of_theirs() {
    let Some(original) = named("PRIVET_CHINOOK", "everybody_of_a_file_gets_all_of_theirs") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chinook.sqlite");
    // The file is read-only where it comes from; its copy must not be.
    std::fs::write(&path, std::fs::read(&original).unwrap()).unwrap();
    let setting = setting(include_str!("../../../../examples/chinook/datamap.toml"));
    let source: Arc<dyn Source> = Arc::new(sqlite("chinook", &path));
    let vault = Vault::start(parts(&Stores::new().await, source, &setting))
        .await
        .unwrap();
    let adopted = adopt(&vault, &"chinook".parse().unwrap(), false).await;
    assert_eq!(adopted.state, JobState::Done, "{adopted:#?}");

    let copies = copies(&vault, ["Customer", "Employee"]).await;
    let plain = Connection::open(&original).unwrap();
    check(&copies, str::to_lowercase, |sql, number| {
        let mut select = plain.prepare(sql).unwrap();
        let names: Vec<String> = select
            .column_names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let rows = select.query_map([number], |row| {
            let values = names.iter().enumerate().map(|(position, name)| {
                let text = match row.get_ref(position)? {
                    ValueRef::Null => None,
                    ValueRef::Integer(integer) => Some(integer.to_string()),
                    ValueRef::Real(real) => Some(Json::from(real).to_string()),
                    ValueRef::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
                    ValueRef::Blob(_) => panic!("there is none in this database"),
                };
                Ok((name.clone(), text))
            });
            values.collect::<Result<Row, _>>()
        });
        rows.unwrap().map(Result::unwrap).collect()
    });
}

#[tokio::test]
async fn everybody_of_a_server_gets_all_of_theirs() {
    let test = "everybody_of_a_server_gets_all_of_theirs";
    let Some(path) = named("PRIVET_CHINOOK_POSTGRES", test) else {
        return;
    };
    let script = postgres::chinook::script(&path);
    let shop = Shop::with(&setting(&postgres::chinook::map()), "chinook", &script).await;
    postgres::chinook::dates_as_text(&shop).await;
    let adopted = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(adopted.state, JobState::Done, "{adopted:#?}");

    let copies = copies(&shop.vault, ["customer", "employee"]).await;
    let plain = postgres::new_database();
    postgres::run_sql(&plain, &script);
    check(&copies, snake_case, |sql, number| {
        let rows = snake_case(sql).replace('?', &number.to_string());
        let texts = format!(
            "SELECT (SELECT json_object_agg(key, value) FROM json_each_text(row_to_json(r))) FROM ({rows}) AS r"
        );
        let printed = postgres::run_sql(&plain, &texts);
        let lines = printed.lines().filter(|line| !line.is_empty());
        let rows = lines.map(|line| {
            let mut row: Row = serde_json::from_str(line).unwrap();
            // JSON has a `T` between day and time, where text has a blank.
            let moments = row.iter_mut().filter(|(name, _)| name.ends_with("_date"));
            for moment in moments.filter_map(|(_, value)| value.as_mut()) {
                *moment = moment.replace('T', " ");
            }
            row
        });
        rows.collect()
    });
}
