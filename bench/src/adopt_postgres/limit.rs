//! What an adoption cannot be faster than: writing text of the same length into the same rows, and sealing as many values.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use privet_classify::ValueType;
use privet_cluster::Cluster;
use privet_seal::{
    Block, FieldNumber, IndexKey, KeyId, NonceSource, Scope, Secret32, SubjectKey, Value,
};
use privet_vault::ThreadEntropy;
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

use super::shop;

/// Rows of one statement, as adopting has them.
const BATCH: usize = 2_000;

/// Tables of the demo's shop with their keys, their columns that are sealed and those of their blind indexes.
const TABLES: [(&str, &str, &[&str], &[&str]); 3] = [
    (
        "customer",
        "customer_id",
        &[
            "first_name",
            "last_name",
            "email",
            "phone",
            "address",
            "birthday",
            "note",
        ],
        &["email_px", "phone_px"],
    ),
    (
        "invoice",
        "invoice_id",
        &["billing_name", "billing_address"],
        &[],
    ),
    ("support_message", "message_id", &["body"], &[]),
];

/// A short sealed value as text, and a blind index.
const SEALED_CHARS: usize = 111;
const INDEX_CHARS: usize = 28;

/// Values a second of plain updates in a shop of its own.
pub(super) async fn update(cluster: &Cluster, database: &str, customers: u32) -> Result<f64> {
    let url = cluster.database(database)?;
    shop::demo(cluster, database, customers)?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connection = tokio::spawn(connection);
    client.batch_execute("SET synchronous_commit = off").await?;
    let (mut values, mut seconds) = (0, 0.0);
    for (table, key, columns, indexes) in TABLES {
        let types = columns
            .iter()
            .map(|column| format!("ALTER {column} TYPE text"));
        let added = indexes.iter().map(|index| format!("ADD {index} text"));
        let alter: Vec<String> = types.chain(added).collect();
        client
            .batch_execute(&format!("ALTER TABLE {table} {}", alter.join(", ")))
            .await?;
        let set: Vec<String> = columns
            .iter()
            .chain(indexes)
            .enumerate()
            .map(|(at, column)| format!("{column} = u.v{at}"))
            .collect();
        let arrays: Vec<String> = (0..set.len())
            .map(|at| format!(", ${}::text[]", at + 2))
            .collect();
        let names: Vec<String> = (0..set.len()).map(|at| format!(", v{at}")).collect();
        let statement = client
            .prepare(&format!(
                "UPDATE {table} AS t SET {} FROM unnest($1::bigint[]{}) AS u(key{}) WHERE t.{key} = u.key",
                set.join(", "),
                arrays.concat(),
                names.concat(),
            ))
            .await?;
        let count = client
            .query_one(&format!("SELECT count(*) FROM {table}"), &[])
            .await?;
        let keys: Vec<i64> = (1..=count.try_get::<_, i64>(0)?).collect();
        let (sealed, index) = ("x".repeat(SEALED_CHARS), "x".repeat(INDEX_CHARS));
        let texts: Vec<Vec<&str>> = columns
            .iter()
            .map(|_| sealed.as_str())
            .chain(indexes.iter().map(|_| index.as_str()))
            .map(|text| vec![text; BATCH])
            .collect();
        let started = Instant::now();
        for keys in keys.chunks(BATCH) {
            let texts: Vec<&[&str]> = texts
                .iter()
                .filter_map(|texts| texts.get(..keys.len()))
                .collect();
            let mut given: Vec<&(dyn ToSql + Sync)> = vec![&keys];
            given.extend(texts.iter().map(|texts| texts as &(dyn ToSql + Sync)));
            client.execute(&statement, &given).await?;
        }
        seconds += started.elapsed().as_secs_f64();
        values += keys.len() * columns.len();
    }
    drop(client);
    connection.await??;
    cluster.sql("postgres", &format!("DROP DATABASE \"{database}\""))?;
    Ok(values as f64 / seconds)
}

/// Values a second of sealing the customers' values on one thread: a key for each customer, values as text, and blind
/// indexes where there is a look-up.
pub(super) fn sealing(customers: u32) -> Result<f64> {
    let entropy = ThreadEntropy;
    let scope = Scope::new("bench", "acme")?;
    let mut nonces = NonceSource::new(Arc::new(entropy));
    let index = IndexKey::new(Secret32::generate(&entropy), 1);
    let people: Vec<_> = (1..=u64::from(customers)).map(shop::person).collect();
    let mut values = 0_u64;
    let started = Instant::now();
    for person in &people {
        let cipher = SubjectKey::generate(&entropy).cipher(&scope, KeyId::random(&entropy));
        let address = person.address.to_string();
        let columns = [
            &person.first_name,
            &person.last_name,
            &person.email,
            &person.phone,
            &address,
            &person.birthday,
            &person.note,
        ];
        for (number, value) in (1..).zip(columns) {
            let block = if number == 7 {
                Block::FREE_TEXT
            } else {
                Block::SHORT
            };
            let sealed = cipher.seal(
                FieldNumber(number),
                Value::Text(value),
                block,
                nonces.next(),
            )?;
            black_box(privet_seal::to_text(&sealed));
            values += 1;
        }
        for (kind, value) in [
            (ValueType::Email, &person.email),
            (ValueType::Phone, &person.phone),
        ] {
            black_box(index.index(&kind.normalize(value)?).to_text());
        }
    }
    Ok(values as f64 / started.elapsed().as_secs_f64())
}
