//! What breaks sealing is refused before anything changes.

use privet_vault::port::{Hop, SealPlan, Source};

use crate::Shop;
use crate::seal::{column, customer_plan, plan};

const T: &str = "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT);";

async fn check(schema: &str, expected: &[&str]) {
    let shop = Shop::new(schema);
    let before = shop.bytes();
    let found = shop.source().obstacles(&[customer_plan()]).await.unwrap();
    assert_eq!(found, expected, "{schema}");
    assert_eq!(shop.bytes(), before, "looking changed something");
}

#[tokio::test]
async fn tables_that_cannot_be_worked_through_are_refused() {
    check(T, &[]).await;
    check("CREATE TABLE other (a)", &["there is no table `customer`"]).await;
    check(
        "CREATE TABLE customer (id, name TEXT PRIMARY KEY, email TEXT) WITHOUT ROWID",
        &[
            "table `customer` is WITHOUT ROWID, which adopting cannot work through: \
             build it anew as an ordinary table",
        ],
    )
    .await;
    check(
        "CREATE VIRTUAL TABLE customer USING fts5(id, name, email)",
        &[
            "table `customer` is a virtual table and keeps its values elsewhere: \
             take it out of the data map",
        ],
    )
    .await;
    check(
        "CREATE TABLE customer (rowid, oid, _rowid_, id, name, email)",
        &[
            "table `customer` has columns named `rowid`, `_rowid_` and `oid`, so that its rows \
             cannot be told apart: rename one of them",
        ],
    )
    .await;
}

#[tokio::test]
async fn columns_that_something_computes_with_are_refused() {
    check(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT)",
        &["column `name` of table `customer` does not exist"],
    )
    .await;
    check(
        "CREATE TABLE customer (id INT, name INT, email ANY) STRICT",
        &[
            "column `name` of table `customer` is INT in a STRICT table: sealed values are text, \
             so make it TEXT or ANY",
        ],
    )
    .await;
    check(
        "CREATE TABLE customer (id, name TEXT CHECK (length(\"name\") < 40), email)",
        &[
            "column `name` of table `customer` is named in a CHECK constraint, which sealed values \
             would fail: build the table anew without it",
        ],
    )
    .await;
    check(
        "CREATE TABLE customer (id, name TEXT, email TEXT AS (name || '@x'))",
        &[
            "column `name` of table `customer` feeds a generated column, which would be made from \
             sealed values: drop that column",
            "column `email` of table `customer` is generated: seal the columns that it is made \
             from, and drop it",
        ],
    )
    .await;
    check(
        &format!("{T} ALTER TABLE customer ADD email_px; INSERT INTO customer VALUES (1, 'a', 'b', 'pixels')"),
        &[
            "column `email` of table `customer` needs `email_px` for its blind index, which holds \
             other values: rename that column",
        ],
    )
    .await;
}

#[tokio::test]
async fn keys_and_references_are_refused() {
    check(
        "CREATE TABLE customer (id, name TEXT PRIMARY KEY, email TEXT REFERENCES mail (x));
         CREATE TABLE mail (x UNIQUE)",
        &[
            "column `name` of table `customer` is part of the primary key: give the table another \
             key first",
            "column `name` of table `customer` has a UNIQUE constraint that sealed values would \
             make empty: give its field `lookup = { unique = true }` (for one column), or build \
             the table anew without it",
            "column `email` of table `customer` is a foreign key: classify it as an identifier \
             instead of sealing it",
        ],
    )
    .await;
    check(
        "CREATE TABLE customer (id, name, email UNIQUE);
         CREATE TABLE mail (x REFERENCES customer (email))",
        &[
            "column `email` of table `customer` is what a foreign key of table `mail` refers to: \
             refer to another column",
        ],
    )
    .await;
}

#[tokio::test]
async fn indexes_are_refused_unless_the_blind_index_takes_their_place() {
    let with = |more: &str| format!("{T} {more}");
    check(
        &with("CREATE INDEX i ON customer (name); CREATE UNIQUE INDEX u ON customer (email)"),
        &[
            "column `name` of table `customer` has the index `i`, which finds nothing among sealed \
             values: drop it first (`DROP INDEX \"i\"`)",
        ],
    )
    .await;
    check(
        &with("CREATE UNIQUE INDEX u ON customer (id, email)"),
        &[
            "column `email` of table `customer` has the unique index `u`, which sealed values \
             would make empty: give its field `lookup = { unique = true }`, or drop it first \
             (`DROP INDEX \"u\"`)",
        ],
    )
    .await;
    check(
        &with(
            "CREATE INDEX i ON customer (lower(email)); \
             CREATE INDEX j ON customer (id) WHERE name > ''",
        ),
        &[
            "column `name` of table `customer` is named in an expression of index `j`: drop it \
             first (`DROP INDEX \"j\"`)",
            "column `email` of table `customer` is named in an expression of index `i`: drop it \
             first (`DROP INDEX \"i\"`)",
        ],
    )
    .await;
}

#[tokio::test]
async fn what_keeps_copies_is_refused() {
    let with = |more: &str| format!("{T} {more}");
    check(
        &with(
            "CREATE TABLE log (x);
             CREATE TRIGGER a AFTER UPDATE OF email ON customer BEGIN SELECT 1; END;
             CREATE VIEW v AS SELECT 1;
             CREATE TRIGGER b INSTEAD OF INSERT ON v BEGIN UPDATE customer SET name = 'x'; END;
             CREATE TRIGGER c AFTER DELETE ON customer BEGIN SELECT OLD.id; END;",
        ),
        &[
            "column `name` of table `customer` is named in trigger `b`, which would work on sealed \
             values or keep copies: drop it first",
            "column `email` of table `customer` is named in trigger `a`, which would work on \
             sealed values or keep copies: drop it first",
        ],
    )
    .await;
    check(
        &with("CREATE VIRTUAL TABLE words USING fts5(name, content=customer)"),
        &["virtual table `words` is made over table `customer` and may keep its words: drop it first"],
    )
    .await;
}

#[tokio::test]
async fn a_way_that_may_lead_to_two_subjects_is_refused() {
    let shop =
        Shop::new("CREATE TABLE customer (id INT, name); CREATE TABLE note (customer INT, body);");
    let hop = Hop {
        columns: vec![("customer".into(), "id".into())],
        parent: "customer".into(),
    };
    let plan = SealPlan {
        hops: vec![hop],
        ..plan("note", vec![column("body")], "id")
    };
    assert_eq!(
        shop.source().obstacles(&[plan]).await.unwrap(),
        [
            "column `id` of table `customer` is not unique, so that a row of `note` could belong to \
          two subjects: make it unique"
        ]
    );
}
