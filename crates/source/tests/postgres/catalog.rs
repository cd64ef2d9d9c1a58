//! The catalog over schemas as people write them.

use std::fmt::Write;

use privet_vault::port::{Catalog, Source};

use crate::{Shop, source};

async fn check(schema: &str, expected: &str) {
    let catalog = Shop::new(schema).source().catalog().await.unwrap();
    assert_eq!(shown(&catalog).trim(), unindented(expected));
}

fn unindented(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

fn shown(catalog: &Catalog) -> String {
    let mut out = String::new();
    for table in &catalog.tables {
        let kind = if table.is_virtual { "foreign" } else { "table" };
        writeln!(out, "{kind} {} key {:?}", table.name, table.primary_key).unwrap();
        for column in &table.columns {
            let not_null = if column.not_null { " not null" } else { "" };
            let generated = if column.generated { " generated" } else { "" };
            let declared = &column.declared_type;
            writeln!(out, "{} {declared}{not_null}{generated}", column.name).unwrap();
        }
        for key in &table.foreign_keys {
            let (columns, parent) = (&key.columns, &key.parent);
            writeln!(out, "{columns:?} -> {parent} {:?}", key.parent_columns).unwrap();
        }
        for index in &table.indexes {
            let columns: Vec<&str> = index
                .columns
                .iter()
                .map(|c| c.as_deref().unwrap_or("(…)"))
                .collect();
            let mut marks = String::new();
            for (mark, set) in [
                (" unique", index.unique),
                (" partial", index.partial),
                (" constraint", index.constraint),
            ] {
                marks.push_str(if set { mark } else { "" });
            }
            writeln!(out, "index {} {columns:?}{marks}", index.name).unwrap();
        }
    }
    for (name, _) in &catalog.views {
        writeln!(out, "view {name}").unwrap();
    }
    for (name, table) in &catalog.triggers {
        writeln!(out, "trigger {name} on {table}").unwrap();
    }
    out
}

#[tokio::test]
async fn names_may_be_anything() {
    check(
        r#"CREATE TABLE "or""der; DROP" ("e mail" "char", "select" int NOT NULL, "naïve" text);
           CREATE INDEX "in dex" ON "or""der; DROP" ("e mail", "select");"#,
        r#"table or"der; DROP key []
           e mail "char"
           select integer not null
           naïve text
           index in dex ["e mail", "select"]"#,
    )
    .await;
}

#[tokio::test]
async fn keys_references_and_indexes() {
    check(
        "CREATE TABLE a (id bigserial PRIMARY KEY, b varchar(40) UNIQUE);
         CREATE TABLE c (x int, y int, a bigint REFERENCES a, a_b text REFERENCES a (b),
                         PRIMARY KEY (y, x), FOREIGN KEY (x, y) REFERENCES c (y, x));
         CREATE INDEX c_lower ON c (lower(a_b), x);
         CREATE UNIQUE INDEX c_some ON c (a) INCLUDE (a_b) WHERE a > 0;",
        r#"table a key ["id"]
           id bigint not null
           b character varying(40)
           index a_b_key ["b"] unique constraint
           index a_pkey ["id"] unique constraint
           table c key ["y", "x"]
           x integer not null
           y integer not null
           a bigint
           a_b text
           ["a_b"] -> a ["b"]
           ["a"] -> a ["id"]
           ["x", "y"] -> c ["y", "x"]
           index c_lower ["(…)", "x"]
           index c_pkey ["y", "x"] unique constraint
           index c_some ["a"] unique partial"#,
    )
    .await;
}

#[tokio::test]
async fn generated_columns_views_triggers_and_partitions() {
    check(
        "CREATE TABLE p (id int GENERATED ALWAYS AS IDENTITY, a text, b text GENERATED ALWAYS AS (upper(a)) STORED);
         CREATE VIEW v AS SELECT a FROM p;
         CREATE MATERIALIZED VIEW m AS SELECT a FROM p;
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION f();
         CREATE TABLE year (at date) PARTITION BY RANGE (at);
         CREATE TABLE year_2026 PARTITION OF year FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
        "table p key []
         id integer not null generated
         a text
         b text generated
         table year key []
         at date
         view m
         view v
         trigger t on p",
    )
    .await;
}

#[tokio::test]
async fn the_search_path_decides_which_tables_have_bare_names() {
    let shop = Shop::new(
        "CREATE SCHEMA billing; CREATE TABLE billing.invoice (id int); CREATE TABLE billing.person (id int);
         CREATE TABLE person (id int);",
    );
    let names = async |address: &str| {
        let catalog = source(address).catalog().await.unwrap();
        let names: Vec<String> = catalog.tables.into_iter().map(|table| table.name).collect();
        names.join(" ")
    };
    assert_eq!(
        names(&shop.address).await,
        "billing.invoice billing.person person"
    );
    let address = format!("{}?options=-c%20search_path%3Dbilling,public", shop.address);
    assert_eq!(names(&address).await, "invoice person public.person");
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_to_be_so() {
    let shop = Shop::new("");
    let wrong = shop.address.replace("only-for-tests", "wrong");
    let error = source(&wrong).catalog().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "source `shop` cannot be reached: password authentication failed for user \"privet\" (SQLSTATE 28P01)"
    );
}
