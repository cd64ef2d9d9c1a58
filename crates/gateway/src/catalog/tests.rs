//! The questions of real clients, as recorded, against a small source.

use privet_vault::port::{ColumnInfo, ForeignKey, IndexInfo};

use super::*;
use crate::text;

fn column(name: &str, declared: &str, not_null: bool) -> ColumnInfo {
    ColumnInfo {
        name: name.into(),
        declared_type: declared.into(),
        not_null,
        generated: false,
    }
}

fn shop() -> Catalog {
    let customer = TableInfo {
        name: "customer".into(),
        columns: vec![
            column("id", "INTEGER", true),
            column("email", "TEXT", false),
        ],
        primary_key: vec!["id".into()],
        indexes: vec![IndexInfo {
            name: "customer_email_px".into(),
            columns: vec![Some("email_px".into())],
            unique: true,
            partial: false,
            constraint: false,
        }],
        ..TableInfo::default()
    };
    let invoice = TableInfo {
        name: "invoice".into(),
        columns: vec![
            column("id", "INTEGER", true),
            column("customer_id", "INTEGER", false),
        ],
        primary_key: vec!["id".into()],
        foreign_keys: vec![ForeignKey {
            columns: vec!["customer_id".into()],
            parent: "customer".into(),
            parent_columns: vec![],
        }],
        ..TableInfo::default()
    };
    Catalog {
        tables: vec![customer, invoice],
        views: vec![("latest".into(), "CREATE VIEW latest AS SELECT 1".into())],
        triggers: vec![("guard".into(), "customer".into())],
    }
}

/// The answer as lines: names, then cells.
fn asked(sql: &str) -> String {
    let settings = Settings::new("ann");
    let sealed = [(
        "customer".to_owned(),
        "email".to_owned(),
        "email".to_owned(),
    )];
    let views = [TableInfo {
        name: "latest".into(),
        columns: vec![column("n", "", false)],
        ..TableInfo::default()
    }];
    let source = Source {
        name: "shop",
        user: "ann",
        catalog: &shop(),
        views: &views,
        sealed: &sealed,
        settings: &settings,
    };
    let answer = match answer(sql, &text::tokens(sql), &[text_value("shop")], &source) {
        Ok(answer) => answer,
        Err(fault) => return format!("{} {}", fault.code, fault.hint.unwrap()),
    };
    let names: Vec<&str> = answer
        .columns
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let line = |row: &Vec<SqlValue>| {
        let cells = row
            .iter()
            .map(|cell| crate::value::recorded(cell).unwrap_or_else(|| "-".into()));
        cells.collect::<Vec<_>>().join("|")
    };
    let lines = answer.rows.iter().map(line);
    std::iter::once(names.join("|"))
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

fn check(sql: &str, expected: &[&str]) {
    assert_eq!(asked(sql), expected.join("\n"), "{sql}");
}

const LIST: &str = "SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE c.relkind WHEN 'r' THEN 'table' \
    WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' END as \"Type\", pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\" \
    FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ";

#[test]
fn relations_are_listed() {
    let everything = format!(
        "{LIST} WHERE c.relkind IN ('r','p','v','m','S','f','') AND n.nspname <> 'pg_catalog' \
         AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema' \
         AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2;"
    );
    check(
        &everything,
        &[
            "Schema|Name|Type|Owner",
            "public|customer|table|shop",
            "public|invoice|table|shop",
            "public|latest|view|shop",
        ],
    );
    let some = format!(
        "{LIST} WHERE c.relkind IN ('r','p','t','s','') AND c.relname OPERATOR(pg_catalog.~) '^(cust.*)$' \
         COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2;"
    );
    check(
        &some,
        &["Schema|Name|Type|Owner", "public|customer|table|shop"],
    );
    let elsewhere = format!(
        "{LIST} WHERE c.relkind IN ('r','p','t','s','') AND c.relname OPERATOR(pg_catalog.~) '^(customer)$' \
         COLLATE pg_catalog.default AND n.nspname OPERATOR(pg_catalog.~) '^(other)$' COLLATE pg_catalog.default"
    );
    check(&elsewhere, &["Schema|Name|Type|Owner"]);
}

#[test]
fn a_table_is_found_and_described() {
    check(
        "SELECT c.oid,\n  n.nspname,\n  c.relname\nFROM pg_catalog.pg_class c\n LEFT JOIN pg_catalog.pg_namespace n \
         ON n.oid = c.relnamespace\nWHERE c.relname OPERATOR(pg_catalog.~) '^(customer)$' COLLATE \
         pg_catalog.default\n  AND pg_catalog.pg_table_is_visible(c.oid)\nORDER BY 2, 3;",
        &["oid|nspname|relname", "16384|public|customer"],
    );
    check(
        "SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity, \
         c.relforcerowsecurity, false AS relhasoids, c.relispartition, '', c.reltablespace, CASE WHEN c.reloftype = 0 \
         THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END, c.relpersistence, c.relreplident, \
         am.amname\nFROM pg_catalog.pg_class c\n LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)\n\
         LEFT JOIN pg_catalog.pg_am am ON (c.relam = am.oid)\nWHERE c.oid = '16384';",
        &[
            "relchecks|relkind|relhasindex|relhasrules|relhastriggers|relrowsecurity|relforcerowsecurity|relhasoids|relispartition|?column?|reltablespace|case|relpersistence|relreplident|amname",
            "0|r|t|f|t|f|f|f|f||0||p|d|-",
        ],
    );
    check(
        "SELECT a.attname,\n  pg_catalog.format_type(a.atttypid, a.atttypmod),\n  (SELECT \
         pg_catalog.pg_get_expr(d.adbin, d.adrelid, true)\n   FROM pg_catalog.pg_attrdef d\n   WHERE d.adrelid = \
         a.attrelid AND d.adnum = a.attnum AND a.atthasdef),\n  a.attnotnull\nFROM pg_catalog.pg_attribute a\nWHERE \
         a.attrelid = '16384' AND a.attnum > 0 AND NOT a.attisdropped\nORDER BY a.attnum;",
        &[
            "attname|format_type|?column?|attnotnull",
            "id|INTEGER|-|t",
            "email|TEXT, sealed as email|-|f",
        ],
    );
    check(
        "SELECT attname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a WHERE \
         a.attrelid = '16386'",
        &["attname|format_type", "n|any"],
    );
}

#[test]
fn indexes_and_keys_are_described() {
    check(
        "SELECT c2.relname, i.indisprimary, i.indisunique, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), contype\n\
         FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i\n  LEFT JOIN \
         pg_catalog.pg_constraint con ON (conrelid = i.indrelid)\nWHERE c.oid = '16384' AND c.oid = i.indrelid AND \
         i.indexrelid = c2.oid\nORDER BY i.indisprimary DESC, c2.relname;",
        &[
            "relname|indisprimary|indisunique|pg_get_indexdef|contype",
            "customer_pkey|t|t| USING btree (id)|p",
            "customer_email_px|f|t| USING btree (email_px)|-",
        ],
    );
    let foreign = "FOREIGN KEY (customer_id) REFERENCES customer(id)";
    check(
        "SELECT true as sametable, conname,\n  pg_catalog.pg_get_constraintdef(r.oid, true) as condef,\n  \
         conrelid::pg_catalog.regclass AS ontable\nFROM pg_catalog.pg_constraint r\nWHERE r.conrelid = '16385' AND \
         r.contype = 'f'\n     AND conparentid = 0\nORDER BY conname",
        &[
            "sametable|conname|condef|ontable",
            &format!("t|invoice_customer_id_fkey|{foreign}|invoice"),
        ],
    );
    check(
        "SELECT conname, conrelid::pg_catalog.regclass AS ontable,\n       \
         pg_catalog.pg_get_constraintdef(oid, true) AS condef\n  FROM pg_catalog.pg_constraint c\n WHERE confrelid IN \
         (SELECT pg_catalog.pg_partition_ancestors('16384')\n  UNION ALL VALUES ('16384'::pg_catalog.regclass))\n \
         AND contype = 'f' AND conparentid = 0\nORDER BY conname;",
        &[
            "conname|ontable|condef",
            &format!("invoice_customer_id_fkey|invoice|{foreign}"),
        ],
    );
    check(
        "SELECT t.tgname, pg_catalog.pg_get_triggerdef(t.oid, true), t.tgenabled, t.tgisinternal\nFROM \
         pg_catalog.pg_trigger t\nWHERE t.tgrelid = '16384' AND NOT t.tgisinternal",
        &[
            "tgname|pg_get_triggerdef|tgenabled|tgisinternal",
            "guard|CREATE TRIGGER guard|O|f",
        ],
    );
}

#[test]
fn databases_schemas_and_settings_are_answered() {
    check(
        "SELECT d.datname as \"Name\", pg_catalog.pg_encoding_to_char(d.encoding) as \"Encoding\", CASE \
         d.datlocprovider WHEN 'c' THEN 'libc' END AS \"Locale Provider\", NULL as \"ICU Rules\" FROM \
         pg_catalog.pg_database d ORDER BY 1;",
        &[
            "Name|Encoding|Locale Provider|ICU Rules",
            "shop|UTF8|libc|-",
        ],
    );
    check(
        "SELECT n.nspname AS \"Name\" FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' ORDER BY 1;",
        &["Name", "public"],
    );
    check(
        "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d \
         ON d.objoid=n.oid ORDER BY nspname",
        &[
            "oid|oid|nspname|nspowner|nspacl|description",
            "2200|2200|public|10|-|-",
        ],
    );
    check(
        "SELECT reset_val FROM pg_settings WHERE name = 'search_path'",
        &["reset_val", "\"$user\", public"],
    );
    check(
        "SELECT pubname FROM pg_catalog.pg_publication p",
        &["pubname"],
    );
}

#[test]
fn completion_is_answered() {
    check(
        "SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'S', 'v') AND \
         (c.relname) LIKE 'cu%' AND pg_catalog.pg_table_is_visible(c.oid)\nUNION ALL\nSELECT NULL::pg_catalog.text, \
         n.nspname FROM pg_catalog.pg_namespace n LIMIT 1000",
        &["relname|null", "customer|-"],
    );
    check(
        "SELECT attname, NULL::pg_catalog.text FROM pg_catalog.pg_attribute a, pg_catalog.pg_class c WHERE c.oid = \
         a.attrelid AND a.attnum > 0 AND NOT a.attisdropped AND (attname) LIKE 'em%' AND c.relname = 'customer'",
        &["attname|null", "email|-"],
    );
}

#[test]
fn what_is_not_understood_says_a_way_out() {
    for sql in [
        "SELECT * FROM pg_catalog.pg_stat_activity",
        "SELECT relname FROM pg_class WHERE reltuples > 5",
        "SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relkind IN ('r') AND c.relname ~ '^([a-c]+)$'",
        "SELECT table_name FROM information_schema.tables",
    ] {
        assert!(
            asked(sql).starts_with("0A000 SELECT name FROM sqlite_schema"),
            "{sql}"
        );
    }
}
