//! `privet synth`: what it writes is pinned, a `synthetic_only` environment takes it, both engines run it.

mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use privet_cluster::Cluster;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Place, Ran, post, privet};

/// The demo's data map.
fn map() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/datamap.toml")
}

/// The command over the demo's data map, in a folder.
fn synth_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = privet();
    command.current_dir(folder).arg("synth").args(arguments);
    command.arg("--map").arg(map());
    command
}

fn synth(arguments: &[&str]) -> Ran {
    Ran::of(&mut synth_in(Path::new("/"), arguments))
}

/// The shop's tables, empty but for its 40 products.
fn empty_shop(path: &Path) {
    privet_source::sample::create_shop(path, 0, 1).unwrap();
}

/// The statements that make the shop's tables, as they stand in a file of SQLite; PostgreSQL takes them, too.
fn schema() -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sqlite");
    empty_shop(&path);
    let shop = Connection::open(path).unwrap();
    let asked = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid";
    let mut statement = shop.prepare(asked).unwrap();
    let made = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    made.map(|made| made.unwrap() + ";\n").collect()
}

const SHOP: [&str; 4] = ["--source", "shop", "--fill", "orders.product_id=1..40"];

#[test]
fn the_same_seed_makes_the_same_output() {
    let seed = ["--seed", "7", "--count"];
    let made = |more: &[&str]| synth(&[&seed, more].concat()).ok();
    let all = [
        made(&["2"]),
        made(&["2", "--format", "csv"]),
        made(&["2", "--source", "shop"]),
        made(&[
            "3", "--source", "shop", "--table", "customer", "--format", "csv",
        ]),
        made(&[&["2", "--format", "sql"], &SHOP[..]].concat()),
    ];
    insta::assert_snapshot!(all.join("\n"));
    assert_ne!(synth(&["--seed", "8", "--count", "2"]).ok(), all[0]);
}

#[test]
fn an_environment_for_synthetic_people_takes_them_and_no_others() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "10"]);
    let facts = place.facts();
    let fact = |path: &str| facts.pointer(path).and_then(Value::as_str).unwrap();
    let (api, job) = (fact("/api"), fact("/tokens/job"));
    let made = synth(&["--count", "40"]).ok();
    let mut bodies: Vec<Value> = made
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(bodies.len(), 40);
    for body in &bodies {
        let (status, answer) = post(api, "/v1/subjects", job, body);
        assert_eq!(status, 201, "{answer}");
        let read: privet_wire::CreateSubject = serde_json::from_value(body.clone()).unwrap();
        let oid = answer["oid"].as_str().unwrap();
        let asked = json!({ "subjects": [oid], "fields": ["email"], "purpose": "service" });
        let (_, revealed) = post(api, "/v1/reveal", job, &asked);
        assert_eq!(
            revealed["subjects"][0]["values"]["email"],
            read.fields["email"].as_str()
        );
    }
    // The same people once more: their addresses are taken.
    assert_eq!(post(api, "/v1/subjects", job, &bodies[0]).0, 409);
    for (field, real) in [
        ("email", "ada.lovelace@gmail.com"),
        ("phone", "+1 202 555 0200"),
        ("phone", "+41 44 668 18 00"),
        ("last_name", "Zyxwvut"),
        ("address", "1 Main Street, 8001 Zurich"),
    ] {
        let body = &mut bodies[1];
        body["fields"]["email"] = json!(format!("nobody.{field}@example.com"));
        let invented = std::mem::replace(&mut body["fields"][field], json!(real));
        let (status, problem) = post(api, "/v1/subjects", job, body);
        assert_eq!(
            (status, &problem["code"]),
            (403, &json!("synthetic_only")),
            "{field}: {problem}"
        );
        body["fields"][field] = invented;
    }
}

/// Into a file of SQLite, through `privet check` and `privet adopt` of an environment that refuses real people.
#[test]
fn rows_fill_a_file_of_sqlite_that_can_be_adopted() {
    let place = Place::new();
    place.init(&["--environment", "test", "--tenant", "acme"]);
    place.edit("privet.toml", |text| {
        text.replace(
            "development = true",
            "development = true\nsynthetic_only = true",
        )
    });
    let path = place.path("shop.sqlite");
    empty_shop(&path);
    let sql = synth(&[&["--count", "500", "--format", "sql"], &SHOP[..]].concat()).ok();
    let shop = Connection::open(&path).unwrap();
    // As the bundled SQLite is, each foreign key is checked when its row comes, and all of them afterwards.
    shop.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    shop.execute_batch(&sql).unwrap();
    let count = |what: &str| -> u32 {
        let asked = format!("SELECT count(*) FROM {what}");
        shop.query_row(&asked, [], |row| row.get(0)).unwrap()
    };
    for (what, rows) in [
        ("customer", 500),
        ("orders", 750),
        ("support_message", 750),
        ("invoice", 1_125),
        ("pragma_foreign_key_check", 0),
        ("(SELECT DISTINCT email FROM customer)", 500),
        (
            "orders WHERE typeof(quantity) = 'integer' AND typeof(product_id) = 'integer'",
            750,
        ),
    ] {
        assert_eq!(count(what), rows, "{what}");
    }
    drop(shop);

    let _server = place.server(&["serve"]);
    let done = place.run(&["adopt", "shop"]).ok();
    assert!(done.contains("no plaintext is left"), "{done}");
    place.run(&["check", "--source", "shop"]).ok();
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start().unwrap());

/// Runs psql over a database of the cluster; answers what it printed.
fn psql(database: &str, arguments: &[&str]) -> String {
    let mut psql = Command::new(CLUSTER.program("psql"));
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
    Ran::of(psql.args(arguments).arg(CLUSTER.url(database))).ok()
}

/// By `psql -f` and by `\copy` from the files of CSV: the server checks each foreign key, and both are the same rows.
#[test]
fn rows_fill_a_database_of_postgresql_from_sql_and_from_csv() {
    const TABLES: [(&str, &str); 4] = [
        ("customer", "500"),
        ("orders", "750"),
        ("support_message", "750"),
        ("invoice", "1125"),
    ];
    let place = Place::new();
    let folder = place.path("");
    let products = "INSERT INTO product SELECT n, 'Lamp', 100 FROM generate_series(1, 40) n;";
    for database in ["from_sql", "from_csv"] {
        CLUSTER.database(database).unwrap();
        CLUSTER.sql(database, &(schema() + products)).unwrap();
    }
    let make = |more: &[&str]| {
        let arguments = [&["--count", "500"], more, &SHOP[..]].concat();
        Ran::of(&mut synth_in(&folder, &arguments)).ok()
    };
    make(&["--format", "sql", "--out", "shop.sql"]);
    psql(
        "from_sql",
        &["-f", folder.join("shop.sql").to_str().unwrap()],
    );
    make(&["--format", "csv", "--out", "rows"]);
    for (table, rows) in TABLES {
        let path = folder.join(format!("rows/{table}.csv"));
        let text = fs::read_to_string(&path).unwrap();
        let columns = text.lines().next().unwrap();
        let copy = format!(
            "\\copy {table} ({columns}) FROM '{}' CSV HEADER",
            path.display()
        );
        psql("from_csv", &["-c", &copy]);
        let asked = format!(
            "SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {table} t"
        );
        let [sql, csv] = ["from_sql", "from_csv"].map(|database| psql(database, &["-c", &asked]));
        assert_eq!(sql, csv, "{table}");
        assert!(sql.starts_with(&format!("{rows}|")), "{table}: {sql}");
    }
}

/// Keys of type `uuid`, as many a schema of PostgreSQL has them; the server refuses anything else.
#[test]
fn keys_that_are_uuids_fill_columns_of_that_type() {
    let keys = ["customer_id", "order_id", "invoice_id", "message_id"];
    let typed = |line: &str| {
        let is_key = keys.iter().any(|key| line.trim_start().starts_with(key));
        if is_key {
            line.replace("INTEGER", "uuid")
        } else {
            line.to_owned()
        }
    };
    let schema: Vec<_> = schema().lines().map(typed).collect();
    CLUSTER.database("uuids").unwrap();
    CLUSTER.sql("uuids", &schema.join("\n")).unwrap();
    CLUSTER
        .sql(
            "uuids",
            "INSERT INTO product SELECT n, 'Lamp', 100 FROM generate_series(1, 40) n",
        )
        .unwrap();
    let sql = synth(&[&["--count", "40", "--format", "sql", "--uuids"], &SHOP[..]].concat()).ok();
    CLUSTER.sql("uuids", &sql).unwrap();
    let joined = "SELECT count(*), count(DISTINCT invoice_id) FROM invoice JOIN orders USING (order_id) JOIN customer USING (customer_id)";
    assert_eq!(CLUSTER.sql("uuids", joined).unwrap(), "90|90\n");
}

#[test]
fn what_cannot_be_made_is_explained() {
    for (arguments, said) in [
        (
            &["--format", "sql"][..],
            "SQL is for the tables of a source: name it with --source (the data map has `shop`)",
        ),
        (
            &["--source", "shoop"],
            "there is no source `shoop` in the data map; there is: `shop`",
        ),
        (
            &["--source", "shop", "--table", "customers"],
            "there is no table of source `shop` `customers` in the data map; there is: `customer`, `orders`,",
        ),
        (
            &["--source", "shop", "--format", "csv"],
            "CSV holds one table: name a folder with --out",
        ),
        (
            &["--source", "shop", "--fill", "orders.product=1..2"],
            "there is no column of table `orders` `product`",
        ),
        (
            &["--source", "shop", "--fill", "customer.email=a"],
            "column `email` of table `customer` cannot be filled",
        ),
        (
            &["--out", "/dev"],
            "`/dev` is a folder: name a file in it with --out",
        ),
        (
            &["--out", "/dev/null"],
            "`/dev/null` is there already: name another file, or add --force",
        ),
        (
            &["--out", "/dev/null", "--force"],
            "`/dev/null` is no ordinary file, so it is not replaced",
        ),
        (
            &["--out", "/nowhere/people"],
            "cannot write `/nowhere/people.new`",
        ),
    ] {
        let failed = synth(arguments).failed();
        assert!(failed.contains(said), "{failed}");
    }
    for (arguments, said) in [
        (&["--fill", "orders.product_id=1..2"][..], "--source <NAME>"),
        (
            &["--source", "shop", "--fill", "product_id=1..2"],
            "write it like `orders.product_id=1..40`",
        ),
        (
            &["--source", "shop", "--fill", "orders.product_id=2..1"],
            "write the smaller first",
        ),
        (&["--count", "0"], "0 is not in 1..="),
        (&["--force"], "--out <PATH>"),
    ] {
        let ran = synth(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
    let left = synth(&["--source", "shop", "--count", "1"]);
    assert_eq!(
        left.stderr,
        "left out: column `product_id` of table `orders`: it seems to refer to something that the data map does not \
         lead to; if it needs values, see --fill\n"
    );
}
