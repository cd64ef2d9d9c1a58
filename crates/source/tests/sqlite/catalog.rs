//! The catalog over schemas as people write them.

use std::fmt::Write;

use privet_vault::port::{Catalog, Source};

use crate::Shop;

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
        let kind = if table.is_virtual { "virtual" } else { "table" };
        writeln!(out, "{kind} {} key {:?}", table.name, table.primary_key).unwrap();
        for column in &table.columns {
            let declared = if column.declared_type.is_empty() {
                "-"
            } else {
                &column.declared_type
            };
            let not_null = if column.not_null { " not null" } else { "" };
            let generated = if column.generated { " generated" } else { "" };
            writeln!(out, "{} {declared}{not_null}{generated}", column.name).unwrap();
        }
        for key in &table.foreign_keys {
            writeln!(
                out,
                "{:?} -> {} {:?}",
                key.columns, key.parent, key.parent_columns
            )
            .unwrap();
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
async fn an_empty_file_has_an_empty_catalog() {
    check("", "").await;
}

#[tokio::test]
async fn names_may_be_anything() {
    check(
        r#"CREATE TABLE "or""der; DROP" ("e mail" "VAR ""CHAR""", [select] INT NOT NULL, 'naïve');
           CREATE INDEX "in dex" ON "or""der; DROP" ("e mail", [select]);"#,
        r#"table or"der; DROP key []
           e mail VAR "CHAR"
           select INT not null
           naïve -
           index in dex ["e mail", "select"]"#,
    )
    .await;
}

#[tokio::test]
async fn keys_references_and_indexes() {
    check(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT UNIQUE);
         CREATE TABLE c (x INT, y INT, a INT REFERENCES a, a_b TEXT REFERENCES a (b),
                         PRIMARY KEY (y, x), FOREIGN KEY (x, y) REFERENCES c (y, x)) WITHOUT ROWID;
         CREATE INDEX c_lower ON c (lower(a_b), x);
         CREATE UNIQUE INDEX c_some ON c (a) WHERE a > 0;",
        r#"table a key ["id"]
           id INTEGER
           b TEXT
           index sqlite_autoindex_a_1 ["b"] unique constraint
           table c key ["y", "x"]
           x INT not null
           y INT not null
           a INT
           a_b TEXT
           ["x", "y"] -> c ["y", "x"]
           ["a_b"] -> a ["b"]
           ["a"] -> a []
           index c_lower ["(…)", "x"]
           index c_some ["a"] unique partial
           index sqlite_autoindex_c_1 ["y", "x"] unique constraint"#,
    )
    .await;
}

#[tokio::test]
async fn generated_columns_views_triggers_and_virtual_tables() {
    check(
        "CREATE TABLE p (a TEXT, b TEXT AS (upper(a)), c TEXT AS (lower(a)) STORED);
         CREATE VIEW v AS SELECT a FROM p;
         CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN SELECT 1; END;
         CREATE VIRTUAL TABLE words USING fts5(title, body);
         CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT);
         ANALYZE;",
        r#"table auto key ["id"]
           id INTEGER
           table p key []
           a TEXT
           b TEXT generated
           c TEXT generated
           virtual words key []
           title -
           body -
           view v
           trigger t on v"#,
    )
    .await;
}

#[tokio::test]
async fn what_is_no_database_is_said_to_be_none() {
    let shop = Shop::new("");
    std::fs::write(
        shop.path(),
        "a letter to somebody, far longer than a header of a hundred bytes ".repeat(20),
    )
    .unwrap();
    let error = shop.source().catalog().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "source `shop` cannot be reached: file is not a database"
    );
}
