//! The roles behind the door, made by the SQL that we print: what the guard says of them, and what they can do.

use std::sync::Arc;

use privet_postgres::Address;
use privet_source::{PostgresAddresses, PostgresSource, RolePlan, RoleTable};
use privet_vault::port::{RunMode, UpstreamError, Upstreams as _};

use crate::{CLUSTER, Shop, rules};

const SCHEMA: &str = "
    CREATE TABLE customer (id serial PRIMARY KEY, name text, email text, email_px text UNIQUE);
    CREATE TABLE invoice (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), total numeric);
    CREATE TABLE plan (id integer PRIMARY KEY, name text);
    CREATE SCHEMA \"Sales\";
    CREATE TABLE \"Sales\".lead (id integer PRIMARY KEY, \"Mail\" text);
    CREATE SCHEMA privet;
    CREATE TABLE privet.unclean (at timestamptz);";

fn table(name: &str, columns: &[&str], has_index: bool) -> RoleTable {
    RoleTable {
        name: name.to_owned(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        has_index,
    }
}

/// A plan of roles with names of their own: roles are the cluster's, and its tests run beside each other.
fn plan(shop: &Shop) -> RolePlan {
    RolePlan {
        console: format!("{}'s \"console\"", shop.database),
        reader: format!("{}_reader", shop.database),
        schema: "public".to_owned(),
        tables: vec![
            table("customer", &["id", "name", "email"], true),
            table("public.invoice", &["id", "customer_id", "total"], false),
            table("Sales.lead", &["id", "Mail"], false),
        ],
    }
}

/// Runs the SQL, and lets the roles in.
fn made(shop: &Shop, plan: &RolePlan) {
    shop.sql(&plan.sql());
    let quoted = |role: &str| format!("\"{}\"", role.replace('"', "\"\""));
    for role in [&plan.console, &plan.reader] {
        let (role, password) = (quoted(role), CLUSTER.password());
        shop.sql(&format!("ALTER ROLE {role} PASSWORD '{password}'"));
    }
}

fn address(shop: &Shop, role: &str) -> Arc<Address> {
    let (port, password) = (CLUSTER.port(), CLUSTER.password());
    let (role, database) = (role.replace('\'', "\\'"), &shop.database);
    let text =
        format!("host=127.0.0.1 port={port} user='{role}' password='{password}' dbname={database}");
    Arc::new(Address::new(&text, &rules()).unwrap())
}

/// What the guard says when a client connects.
async fn guarded(shop: &Shop, plan: &RolePlan, mode: RunMode) -> Result<(), Vec<String>> {
    let addresses = PostgresAddresses {
        console: address(shop, &plan.console),
        reader: address(shop, &plan.reader),
        owner: None,
    };
    let indexes = vec![("customer".to_owned(), "email_px".to_owned())];
    let source = PostgresSource::new("shop".parse().unwrap(), addresses, indexes);
    match source.upstream(mode, &[]).await {
        Ok(_) => Ok(()),
        Err(UpstreamError::TooStrong { excess, .. }) => Err(excess),
        Err(error) => Err(vec![error.to_string()]),
    }
}

/// Whether a role may run this.
async fn may(shop: &Shop, role: &str, sql: &str) -> bool {
    let address = address(shop, role);
    let (client, connection) = address
        .config()
        .connect(tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.is_ok()
}

#[tokio::test]
async fn the_printed_roles_pass_the_guard_and_may_work() {
    let shop = Shop::new(SCHEMA);
    let plan = plan(&shop);
    // Before PostgreSQL 15 everybody could make things in `public`.
    shop.sql("GRANT CREATE ON SCHEMA public TO PUBLIC");
    made(&shop, &plan);
    for mode in [RunMode::Ordinary, RunMode::ReadOnly] {
        assert_eq!(guarded(&shop, &plan, mode).await, Ok(()), "{mode:?}");
    }
    let (console, reader) = (&*plan.console, &*plan.reader);
    for (role, sql, allowed) in [
        (console, "INSERT INTO customer (name) VALUES ('x')", true),
        (console, "UPDATE customer SET email = 'pv1_x'", true),
        (console, "UPDATE customer SET email_px = 'px1_x'", false),
        (
            console,
            "INSERT INTO customer (email_px) VALUES ('px1_x')",
            false,
        ),
        (
            console,
            "INSERT INTO invoice VALUES (1, 1, 2); DELETE FROM invoice",
            true,
        ),
        (console, "UPDATE \"Sales\".lead SET \"Mail\" = NULL", true),
        (console, "SELECT count(*) FROM plan", true),
        (console, "DELETE FROM plan", false),
        (console, "CREATE TABLE mine (id integer)", false),
        (console, "SELECT * FROM privet.unclean", false),
        (reader, "SELECT email_px FROM customer", true),
        (reader, "SELECT * FROM \"Sales\".lead", true),
        (reader, "UPDATE customer SET name = 'y'", false),
        (reader, "SELECT nextval('customer_id_seq')", false),
        (reader, "CREATE TABLE mine (id integer)", false),
    ] {
        assert_eq!(may(&shop, role, sql).await, allowed, "{role}: {sql}");
    }
    let logged = shop.sql(&format!(
        "SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c \
          WHERE r.rolname IN ('{}', '{reader}')",
        console.replace('\'', "''")
    ));
    assert_eq!(logged.trim(), "10");
}

/// What somebody granted too much is taken back by running it again; a right of everybody's is not ours to take.
#[tokio::test]
async fn running_it_again_takes_back_what_is_too_much() {
    let shop = Shop::new(SCHEMA);
    let plan = plan(&shop);
    made(&shop, &plan);
    let console = format!("\"{}\"", plan.console.replace('"', "\"\""));
    let reader = &plan.reader;
    shop.sql(&format!(
        "GRANT ALL ON customer TO {console}, {reader}; GRANT UPDATE (name) ON plan TO {reader};
         ALTER ROLE {console} CREATEROLE"
    ));
    for mode in [RunMode::Ordinary, RunMode::ReadOnly] {
        let excess = guarded(&shop, &plan, mode).await.unwrap_err();
        assert!(!excess.is_empty(), "{mode:?}");
    }
    shop.sql(&plan.sql());
    for mode in [RunMode::Ordinary, RunMode::ReadOnly] {
        assert_eq!(guarded(&shop, &plan, mode).await, Ok(()), "{mode:?}");
    }
}
