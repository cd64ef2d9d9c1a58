//! Databases of PostgreSQL.

use std::path::Path;

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{Clusters, PostgresAddresses, PostgresOptions, PostgresStores};

use crate::rows::{self, Grants, Literals};

const LITERALS: Literals = Literals {
    id: |byte| format!("'{}'::uuid", format!("{byte:02x}").repeat(16)),
    bytes: |byte, count| format!("'\\x{}'::bytea", format!("{byte:02x}").repeat(count)),
    subjects: |subject| format!("ARRAY[{subject}]"),
    fields: "{1,3}",
    indexes: true,
};

/// Each older format of a store, from 1.
const DATA: [&str; 4] = [
    include_str!("schemas/postgres-data-1.sql"),
    include_str!("schemas/postgres-data-2.sql"),
    include_str!("schemas/postgres-data-3.sql"),
    include_str!("schemas/postgres-data-4.sql"),
];
const KEYS: [(&str, Grants); 6] = [
    (include_str!("schemas/postgres-keys-1.sql"), Grants::OfOne),
    (
        include_str!("schemas/postgres-keys-2.sql"),
        Grants::OfSeveral,
    ),
    (
        include_str!("schemas/postgres-keys-3.sql"),
        Grants::OfSeveral,
    ),
    (
        include_str!("schemas/postgres-keys-4.sql"),
        Grants::OfSeveral,
    ),
    (
        include_str!("schemas/postgres-keys-5.sql"),
        Grants::OfSeveral,
    ),
    (
        include_str!("schemas/postgres-keys-6.sql"),
        Grants::OfSeveral,
    ),
];

async fn connect(cluster: &Cluster, database: &str) -> PostgresStores {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let address = Address::new(&cluster.database(database).unwrap(), &rules).unwrap();
    let addresses = PostgresAddresses {
        data: address.clone(),
        keys: address.clone(),
        log: address,
    };
    let options = PostgresOptions {
        clusters: Clusters::MayBeShared,
        ..PostgresOptions::default()
    };
    PostgresStores::connect(&addresses, &options).await.unwrap()
}

/// Writes a schema as the version with that format did.
fn write(cluster: &Cluster, database: &str, schema: &str, version: usize, old: &str, rows: &str) {
    cluster.database(database).unwrap();
    let sql = format!(
        "CREATE SCHEMA {schema}; SET search_path = {schema};
         CREATE TABLE format (version integer NOT NULL); INSERT INTO format VALUES ({version}); {old}; {rows}"
    );
    cluster.sql(database, &sql).unwrap();
}

/// Format, columns and indexes of a schema.
fn schema(cluster: &Cluster, database: &str, schema: &str) -> String {
    let sql = format!(
        "SELECT version FROM {schema}.format;
         SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default FROM information_schema.columns
          WHERE table_schema = '{schema}' ORDER BY table_name, ordinal_position;
         SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY 1;
         SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint
          WHERE connamespace = '{schema}'::regnamespace ORDER BY 1, 2"
    );
    cluster.sql(database, &sql).unwrap()
}

#[tokio::test]
async fn rows_of_each_older_format_are_read() {
    let cluster = Cluster::start().unwrap();
    drop(connect(&cluster, "new").await);
    for (version, old) in (1..).zip(DATA) {
        let database = format!("data_{version}");
        let rows = rows::data(&LITERALS);
        write(&cluster, &database, "privet_data", version, old, &rows);
        let stores = connect(&cluster, &database).await;
        rows::find_data(&*stores.data).await;
        let [made, new] =
            [&database, "new"].map(|database| schema(&cluster, database, "privet_data"));
        assert_eq!(made, new);
    }
    for (version, (old, grants)) in (1..).zip(KEYS) {
        let database = format!("keys_{version}");
        let rows = rows::keys(&LITERALS, grants) + "UPDATE sequence_head SET sequence = 3";
        write(&cluster, &database, "privet_keys", version, old, &rows);
        let stores = connect(&cluster, &database).await;
        rows::find_keys(&*stores.keys).await;
        let [made, new] =
            [&database, "new"].map(|database| schema(&cluster, database, "privet_keys"));
        assert_eq!(made, new);
    }
    // Whoever adds a format adds the one before it here.
    for (schema, known) in [
        ("privet_data", DATA.len()),
        ("privet_keys", KEYS.len()),
        ("privet_log", 0),
    ] {
        let version = cluster.sql("new", &format!("SELECT version FROM {schema}.format"));
        assert_eq!(version.unwrap(), format!("{}\n", known + 1), "{schema}");
    }
}
