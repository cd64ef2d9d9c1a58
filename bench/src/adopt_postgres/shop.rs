//! Shops of synthetic people as databases of PostgreSQL.

use std::fmt::Write;

use anyhow::Result;
use privet_classify::synthetic::{Person, product_name, support_message};
use privet_cluster::Cluster;

use crate::place::SEED;

/// The demo's shop as people write it for PostgreSQL.
const DEMO: &str = "
CREATE TABLE customer (customer_id bigint PRIMARY KEY, first_name varchar(60) NOT NULL, last_name varchar(60) NOT NULL,
    email varchar(120) NOT NULL, phone varchar(40), address text, birthday text, note text, country char(2) NOT NULL,
    joined_on date NOT NULL);
CREATE TABLE product (product_id int PRIMARY KEY, name text NOT NULL, price_cents int NOT NULL);
CREATE TABLE orders (order_id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer,
    product_id int NOT NULL REFERENCES product, quantity int NOT NULL, ordered_on date NOT NULL);
CREATE TABLE invoice (invoice_id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders, invoice_date date NOT NULL,
    billing_name varchar(120) NOT NULL, billing_address text NOT NULL, total_cents int NOT NULL);
CREATE TABLE support_message (message_id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer,
    received_on date NOT NULL, body text NOT NULL);
CREATE INDEX orders_of_customer ON orders (customer_id);
CREATE INDEX invoice_of_order ON invoice (order_id);
CREATE INDEX message_of_customer ON support_message (customer_id);";

const PRODUCTS: u64 = 40;
/// Lines that are sent at once.
const LINES_MAX: usize = 50_000;

/// The person who is customer `id`.
pub(super) fn person(id: u64) -> Person {
    Person::new(SEED, id - 1)
}

/// Fills an empty database with the demo's shop: one to three orders for each customer with an invoice each, and a message
/// of every second one.
pub(super) fn demo(cluster: &Cluster, database: &str, customers: u32) -> Result<()> {
    cluster.sql(database, DEMO)?;
    let customers = u64::from(customers);
    copy(
        cluster,
        database,
        "customer",
        (1..=customers).map(|id| customer(id, &person(id))),
    )?;
    let product = |id| format!("{id}\t{}\t{}", product_name(SEED, id), 500 + id * 250);
    copy(cluster, database, "product", (1..=PRODUCTS).map(product))?;
    let orders = || (1..=customers).flat_map(|id| (0..=id % 3).map(move |nth| (id, nth)));
    let order = |(at, (id, nth)): (usize, (u64, u64))| {
        let product = (id * 7 + nth * 11) % PRODUCTS + 1;
        format!(
            "{}\t{id}\t{product}\t{}\t{}",
            at + 1,
            nth + 1,
            day(id * 5 + nth * 40)
        )
    };
    copy(cluster, database, "orders", orders().enumerate().map(order))?;
    let invoice = |(at, (id, nth)): (usize, (u64, u64))| {
        let (person, on, at) = (person(id), day(id * 5 + nth * 40), at + 1);
        format!(
            "{at}\t{at}\t{on}\t{}\t{}\t{}",
            person.full_name(),
            person.address,
            750 * (nth + 1)
        )
    };
    copy(
        cluster,
        database,
        "invoice",
        orders().enumerate().map(invoice),
    )?;
    let writers = (1..=customers).step_by(2).enumerate();
    let message = |(at, id): (usize, u64)| {
        format!(
            "{}\t{id}\t{}\t{}",
            at + 1,
            day(id * 3),
            support_message(SEED, id)
        )
    };
    copy(cluster, database, "support_message", writers.map(message))?;
    cluster.sql(database, "VACUUM ANALYZE")?;
    Ok(())
}

fn customer(id: u64, person: &Person) -> String {
    let Person {
        first_name,
        last_name,
        email,
        phone,
        address,
        birthday,
        note,
        ..
    } = person;
    let joined = day(id * 7);
    format!(
        "{id}\t{first_name}\t{last_name}\t{email}\t{phone}\t{address}\t{birthday}\t{note}\tDK\t{joined}"
    )
}

/// A day of the years 2022 to 2025, spread by `n`.
fn day(n: u64) -> String {
    format!(
        "{}-{:02}-{:02}",
        2022 + n % 4,
        n / 4 % 12 + 1,
        n / 48 % 28 + 1
    )
}

/// Sends rows to a table, in the text form of COPY. Nothing of synthetic people needs to be escaped.
pub(super) fn copy(
    cluster: &Cluster,
    database: &str,
    table: &str,
    rows: impl Iterator<Item = String>,
) -> Result<()> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let mut sql = format!("COPY {table} FROM STDIN;\n");
        for row in rows.by_ref().take(LINES_MAX) {
            writeln!(sql, "{row}")?;
        }
        sql.push_str("\\.\n");
        cluster.sql(database, &sql)?;
    }
    Ok(())
}
