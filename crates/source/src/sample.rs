//! A synthetic shop as a file of SQLite, for the demo and the benchmarks: customers, orders, invoices and support
//! messages in plaintext. Every value lies in a range reserved for examples, so nobody in it is real.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use privet_classify::synthetic::{Person, product_name, support_message};
use rusqlite::{Connection, Transaction, params};

const SCHEMA: &str = "
    CREATE TABLE customer (
        customer_id INTEGER PRIMARY KEY,
        first_name  TEXT NOT NULL,
        last_name   TEXT NOT NULL,
        email       TEXT NOT NULL,
        phone       TEXT,
        address     TEXT,
        birthday    TEXT,
        note        TEXT,
        country     TEXT NOT NULL,
        joined_on   TEXT NOT NULL
    );
    CREATE TABLE product (
        product_id  INTEGER PRIMARY KEY,
        name        TEXT NOT NULL,
        price_cents INTEGER NOT NULL
    );
    CREATE TABLE orders (
        order_id    INTEGER PRIMARY KEY,
        customer_id INTEGER NOT NULL REFERENCES customer (customer_id),
        product_id  INTEGER NOT NULL REFERENCES product (product_id),
        quantity    INTEGER NOT NULL,
        ordered_on  TEXT NOT NULL
    );
    CREATE TABLE invoice (
        invoice_id      INTEGER PRIMARY KEY,
        order_id        INTEGER NOT NULL REFERENCES orders (order_id),
        invoice_date    TEXT NOT NULL,
        billing_name    TEXT NOT NULL,
        billing_address TEXT NOT NULL,
        total_cents     INTEGER NOT NULL
    );
    CREATE TABLE support_message (
        message_id  INTEGER PRIMARY KEY,
        customer_id INTEGER NOT NULL REFERENCES customer (customer_id),
        received_on TEXT NOT NULL,
        body        TEXT NOT NULL
    );
    CREATE INDEX orders_of_customer ON orders (customer_id);
    CREATE INDEX invoice_of_order ON invoice (order_id);
    CREATE INDEX message_of_customer ON support_message (customer_id);
";

const PRODUCTS: u32 = 40;
const COUNTRIES: [&str; 8] = ["AT", "CH", "DE", "DK", "ES", "FR", "IT", "NL"];

/// Makes the shop with this many customers: each has one to three orders with an invoice each, and every second one a
/// support message. Customer `n` of the table is `Person::new(seed, n - 1)`. The file appears whole or not at all; one
/// that is there is replaced.
///
/// # Errors
/// What SQLite or the file system says.
pub fn create_shop(path: &Path, customers: u32, seed: u64) -> io::Result<()> {
    let unfinished = unfinished(path);
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fill(&unfinished, customers, seed).map_err(io::Error::other)?;
    File::open(&unfinished)?.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn fill(path: &Path, customers: u32, seed: u64) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    // A file that was not finished is thrown away, so it needs no journal; a journal left behind would be taken for
    // that of the next file.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    let mut shop = Shop {
        transaction: &transaction,
        seed,
        orders: 0,
        messages: 0,
    };
    shop.products()?;
    for customer in 1..=customers {
        shop.customer(customer)?;
    }
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

struct Shop<'a> {
    transaction: &'a Transaction<'a>,
    seed: u64,
    orders: u32,
    messages: u32,
}

impl Shop<'_> {
    fn products(&self) -> rusqlite::Result<()> {
        for product in 1..=PRODUCTS {
            self.transaction
                .prepare_cached("INSERT INTO product VALUES (?1, ?2, ?3)")?
                .execute(params![
                    product,
                    product_name(self.seed, product.into()),
                    price_cents(product)
                ])?;
        }
        Ok(())
    }

    fn customer(&mut self, id: u32) -> rusqlite::Result<()> {
        let person = Person::new(self.seed, u64::from(id) - 1);
        let country = COUNTRIES.iter().cycle().nth((id % 8) as usize);
        self.transaction
            .prepare_cached(
                "INSERT INTO customer VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                id,
                person.first_name,
                person.last_name,
                person.email,
                person.phone,
                person.address.to_string(),
                person.birthday,
                person.note,
                country,
                day(u64::from(id) * 7)
            ])?;
        for nth in 0..=(id % 3) {
            self.order(id, nth, &person)?;
        }
        if id % 2 == 1 {
            self.message(id)?;
        }
        Ok(())
    }

    /// An order and its invoice, which bears the same number.
    fn order(&mut self, customer: u32, nth: u32, person: &Person) -> rusqlite::Result<()> {
        self.orders += 1;
        let product = (customer % PRODUCTS * 7 + nth * 11) % PRODUCTS + 1;
        let quantity = nth + 1;
        let ordered_on = day(u64::from(customer) * 5 + u64::from(nth) * 40);
        self.transaction
            .prepare_cached("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                self.orders,
                customer,
                product,
                quantity,
                ordered_on
            ])?;
        self.transaction
            .prepare_cached("INSERT INTO invoice VALUES (?1, ?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                self.orders,
                ordered_on,
                person.full_name(),
                person.address.to_string(),
                quantity * price_cents(product)
            ])?;
        Ok(())
    }

    fn message(&mut self, customer: u32) -> rusqlite::Result<()> {
        self.messages += 1;
        let body = support_message(self.seed, customer.into());
        self.transaction
            .prepare_cached("INSERT INTO support_message VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                self.messages,
                customer,
                day(u64::from(customer) * 3),
                body
            ])?;
        Ok(())
    }
}

fn price_cents(product: u32) -> u32 {
    500 + product * 250
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

#[cfg(test)]
mod tests {
    use super::*;

    fn count(connection: &Connection, what: &str) -> i64 {
        connection
            .query_row(&format!("SELECT count(*) FROM {what}"), [], |row| {
                row.get(0)
            })
            .unwrap()
    }

    #[test]
    fn a_shop_has_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.sqlite");
        // What a start that was killed leaves behind.
        std::fs::write(unfinished(&path), "half a file").unwrap();
        create_shop(&path, 12, 7).unwrap();
        assert!(!unfinished(&path).exists());
        let shop = Connection::open(&path).unwrap();
        let tables = [
            ("customer", 12),
            ("product", i64::from(PRODUCTS)),
            ("orders", 24),
            ("invoice", 24),
            ("support_message", 6),
            ("pragma_foreign_key_check", 0),
        ];
        for (table, rows) in tables {
            assert_eq!(count(&shop, table), rows, "{table}");
        }
        let email: String = shop
            .query_row(
                "SELECT email FROM customer WHERE customer_id = 3",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(email, Person::new(7, 2).email);
    }
}
