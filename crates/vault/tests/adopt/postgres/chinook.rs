//! The Chinook sample database, where the environment variable `PRIVET_CHINOOK_POSTGRES` names its script.

use std::env;
use std::io::Write;

use privet_vault::{AdoptOrder, JobState};

use super::Shop;
use crate::bed::Setting;

/// The script makes a database of its own and connects to it; here that exists already.
pub(crate) fn script(path: &std::ffi::OsStr) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let kept = text.lines().filter(|line| {
        !(line.starts_with("DROP DATABASE")
            || line.starts_with("CREATE DATABASE")
            || line.starts_with("\\c "))
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// `CustomerId` is `customer_id` there.
fn snake_case(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let is_about_names =
            line.starts_with("[sources") || line.contains('=') && !line.starts_with('#');
        let mut before = ' ';
        for letter in line.chars() {
            // Names of classes are all capitals, and words of sentences follow a blank.
            let starts = letter.is_ascii_uppercase() && before.is_ascii_lowercase();
            if is_about_names && starts {
                out.push('_');
            }
            before = letter;
            out.push(letter);
        }
        out.push('\n');
    }
    out
}

/// The example's data map, as the script names things.
pub(crate) fn map() -> String {
    let mut map = String::new();
    let example = include_str!("../../../../../examples/chinook/datamap.toml");
    let mut in_sources = false;
    for line in snake_case(example).lines() {
        in_sources |= line.starts_with("[sources");
        let is_retain = line.starts_with("retain");
        let lowered = if in_sources || is_retain {
            lower_names(line)
        } else {
            line.to_owned()
        };
        map.push_str(&lowered);
        map.push('\n');
    }
    map
}

/// Dates are timestamps there: the refusal says how to make them text, which is done.
pub(crate) async fn dates_as_text(shop: &Shop) {
    let status = shop.adopt(AdoptOrder::SEAL).await;
    let (dates, others): (Vec<String>, Vec<String>) = status
        .problems
        .into_iter()
        .partition(|problem| problem.contains("is `timestamp"));
    assert_eq!(others, Vec::<String>::new());
    for problem in &dates {
        let statement = problem
            .split('`')
            .find(|part| part.starts_with("ALTER TABLE"))
            .unwrap();
        shop.sql(statement);
    }
}

#[tokio::test]
async fn chinook_is_adopted() {
    let Some(path) = env::var_os("PRIVET_CHINOOK_POSTGRES") else {
        writeln!(
            std::io::stderr(),
            "\nSKIPPED: postgres::chinook (set PRIVET_CHINOOK_POSTGRES to the path of chinook_postgres.sql)"
        )
        .unwrap();
        return;
    };
    let setting = Setting {
        map: map(),
        tenant: "chinook",
        ..Setting::default()
    };
    let shop = Shop::with(&setting, "chinook", &script(&path)).await;
    dates_as_text(&shop).await;
    let status = shop.adopt(AdoptOrder::SEAL).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!((status.state, status.left), (JobState::Done, 0));
    let rows: Vec<_> = status
        .tables
        .iter()
        .map(|table| (table.table.as_str(), table.rows, table.findings.len()))
        .collect();
    assert_eq!(
        rows,
        [("customer", 59, 0), ("employee", 8, 0), ("invoice", 412, 0)]
    );
    let email = "SELECT email FROM customer WHERE customer_id = 59";
    assert_eq!(
        shop.opened("customer:59", "email", email).await,
        "puja_srivastava@yahoo.in"
    );
}

fn lower_names(line: &str) -> String {
    let classes = [
        "\"UII\"", "\"UPI\"", "\"UDI\"", "\"CC\"", "\"OI\"", "\"SYS\"",
    ];
    let mut lowered = line.to_lowercase();
    for class in classes {
        lowered = lowered.replace(&class.to_lowercase(), class);
    }
    lowered
}
