//! Several sources behind one door, chosen by the name of the database: one in a file, two on a PostgreSQL server.

use std::path::Path;
use std::sync::Arc;

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_source::{PostgresAddresses, PostgresSource};
use privet_vault::port::Source;

use crate::psql::psql;
use crate::world::{World, run};
use crate::{Case, shop};

pub(crate) const CASES: &[Case] = &[(
    "several::sources_are_chosen_by_the_name_of_the_database",
    chosen_by_name,
)];

/// The sources on the server, and the first customer of each.
const OTHERS: [(&str, &str); 2] = [("orders", "Olive"), ("billing", "Bill")];

/// A database as an application has it, and the two roles of docs/postgres.md.
fn create(cluster: &Cluster, name: &str, first: &str) {
    cluster.database(name).unwrap();
    let password = cluster.password();
    let (console, reader) = (format!("{name}_console"), format!("{name}_reader"));
    let sql = format!(
        "SET search_path = public;
         CREATE TABLE customer (id integer PRIMARY KEY, first_name text NOT NULL, email text, phone text, note text,
                                country text, visits integer);
         CREATE TABLE invoice (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customer (id),
                               total numeric, paid boolean, scan bytea);
         INSERT INTO customer VALUES (1, '{first}', '{first}@example.com', '+1 555 0103', 'a note', 'NZ', 1);
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         CREATE ROLE {console} LOGIN PASSWORD '{password}';
         CREATE ROLE {reader} LOGIN PASSWORD '{password}';
         ALTER ROLE {console} SET log_min_error_statement = panic;
         ALTER ROLE {console} SET log_error_verbosity = terse;
         ALTER ROLE {reader} SET log_min_error_statement = panic;
         ALTER ROLE {reader} SET log_error_verbosity = terse;
         GRANT SELECT ON customer, invoice TO {console}, {reader};"
    );
    cluster.sql(name, &sql).unwrap();
}

fn source(cluster: &Cluster, name: &str) -> Arc<dyn Source> {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let address = |role: &str| {
        let url = cluster.url(name).replace("privet:", &format!("{role}:"));
        Arc::new(Address::new(&url, &rules).unwrap())
    };
    let addresses = PostgresAddresses {
        console: address(&format!("{name}_console")),
        reader: address(&format!("{name}_reader")),
        owner: Some(address("privet")),
    };
    let indexes = vec![("customer".to_owned(), "email_px".to_owned())];
    Arc::new(PostgresSource::new(
        name.parse().unwrap(),
        addresses,
        indexes,
    ))
}

/// What an engineer does in one of them. The same reason would not be taken twice.
fn work(name: &str) -> String {
    format!(
        "SELECT 'before a reason', first_name FROM customer;
         CALL privet.justify('customer 1 cannot log in to {name}', 'https://t.example.com/1');
         SELECT 'sealed', first_name FROM customer WHERE id = 1;
         CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1', 'first_name');
         SELECT 'opened', first_name FROM customer WHERE id = 1;\n"
    )
}

fn chosen_by_name() {
    run(async {
        let cluster = Cluster::start().unwrap();
        for (name, first) in OTHERS {
            create(&cluster, name, first);
        }
        let sources = OTHERS.map(|(name, _)| source(&cluster, name)).into();
        let world = World::beside(sources, |_| ()).await;
        let operator = world.caller("olga").await;
        for (name, _) in OTHERS {
            let sealed = shop::adopt_source(&world.vault, &operator, name).await;
            assert_eq!(sealed, 4);
        }

        // psql changes the database in the middle, as people do. A reason and a grant are for one source.
        let mut script = work("shop");
        for (name, _) in OTHERS {
            script.push_str(&format!("\\connect {name}\n{}", work(name)));
        }
        script.push_str("\\connect shop\nSELECT 'again', first_name FROM customer WHERE id = 1;\n");
        script.push_str("\\connect nowhere\n");
        let said = psql(&world, "ann", &[], &script).await;
        let lines = |start: &str| -> Vec<&str> {
            let lines = said.lines().filter_map(|line| line.strip_prefix(start));
            lines.collect()
        };
        assert_eq!(lines("opened|"), ["Ada", "Olive", "Bill"], "{said}");
        assert_eq!(lines("before a reason|"), [""; 0], "{said}");
        assert_eq!(said.matches("42501").count(), 3, "{said}");
        let sealed = lines("sealed|");
        assert_eq!(sealed.len(), 3, "{said}");
        assert!(sealed.iter().all(|cell| cell.starts_with("pv1_")), "{said}");
        // The reason still holds, and the grant was the former connection's.
        assert!(lines("again|")[0].starts_with("pv1_"), "{said}");
        assert!(said.contains("there is no source of this name"), "{said}");

        // What is sealed in one source is nobody's in another.
        let foreign = sealed[1];
        let script = format!(
            "CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1', 'first_name');
             SELECT 'foreign', '{foreign}', first_name FROM customer WHERE id = 1;"
        );
        let said = psql(&world, "ann", &[], &script).await;
        assert!(said.contains(&format!("foreign|{foreign}|Ada")), "{said}");
        world.stop().await;
    });
}
