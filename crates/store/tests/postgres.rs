//! What is PostgreSQL's alone: several servers at once, a database that goes away, is slow, or is too new.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use privet_cluster::Cluster;
use privet_store::{PostgresOptions, PostgresStores, PostgresUrls};
use privet_vault::port::StoreError;

/// All three stores in one database, as a development environment may have them.
fn urls(cluster: &Cluster) -> PostgresUrls {
    let url = cluster.database("privet").unwrap();
    PostgresUrls {
        data: url.clone(),
        keys: url.clone(),
        log: url,
    }
}

fn hurried() -> PostgresOptions {
    PostgresOptions {
        connections_max: 2,
        connect_wait: Duration::from_secs(2),
        answer_wait: Duration::from_millis(500),
    }
}

async fn connect(urls: &PostgresUrls) -> PostgresStores {
    PostgresStores::connect(urls, &PostgresOptions::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn servers_that_start_at_once_share_one_format() {
    let cluster = Cluster::start().unwrap();
    let urls = urls(&cluster);
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let urls = urls.clone();
        starting.spawn(async move { connect(&urls).await.keys.sequence().await });
    }
    while let Some(started) = starting.join_next().await {
        assert_eq!(started.unwrap(), Ok(0));
    }
    for schema in ["privet_data", "privet_keys", "privet_log"] {
        let versions = cluster
            .sql("privet", &format!("SELECT version FROM {schema}.format"))
            .unwrap();
        assert_eq!(versions, "1\n", "{schema}");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let cluster = Cluster::start().unwrap();
    let urls = urls(&cluster);
    drop(connect(&urls).await);
    cluster
        .sql("privet", "UPDATE privet_keys.format SET version = 99")
        .unwrap();
    let refused = PostgresStores::connect(&urls, &PostgresOptions::default()).await;
    let newer = StoreError::NewerVersion {
        found: 99,
        known: 1,
    };
    assert_eq!(refused.err(), Some(newer));
}

#[tokio::test]
async fn a_database_that_went_away_is_used_again_when_it_is_back() {
    let cluster = Cluster::start().unwrap();
    let stores = connect(&urls(&cluster)).await;
    stores.keys.sequence().await.unwrap();
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'privet'";
    cluster.sql("privet", end_all).unwrap();
    // At most each connection of the pool is found to be dead once.
    let mut errors = Vec::new();
    while let Err(error) = stores.keys.sequence().await {
        errors.push(error.to_string());
        assert!(errors.len() <= 16, "{errors:?}");
    }
    for error in errors {
        assert!(error.contains("the database of the key store"), "{error}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for_and_nothing_stays_behind() {
    let cluster = Cluster::start().unwrap();
    let urls = urls(&cluster);
    let stores = PostgresStores::connect(&urls, &hurried()).await.unwrap();
    let (mut client, connection) = tokio_postgres::connect(&urls.keys, tokio_postgres::NoTls)
        .await
        .unwrap();
    let driver = tokio::spawn(connection);
    let holding = client.transaction().await.unwrap();
    holding
        .batch_execute("LOCK TABLE privet_keys.log_position")
        .await
        .unwrap();
    let error = stores
        .keys
        .set_log_position("example.org/1", 7)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("did not answer in time"),
        "{error}"
    );
    // Others are served meanwhile.
    stores.keys.sequence().await.unwrap();
    holding.rollback().await.unwrap();
    stores
        .keys
        .set_log_position("example.org/1", 9)
        .await
        .unwrap();
    assert_eq!(stores.keys.log_position("example.org/1").await, Ok(9));
    drop(client);
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_wrong_url_is_said_without_repeating_it() {
    let urls = PostgresUrls {
        data: "postgresql://privet:secret@127.0.0.1:1/none".to_owned(),
        keys: "postgresql://privet:secret@127.0.0.1:1/none".to_owned(),
        log: "postgresql://privet:secret@127.0.0.1:notaport/none".to_owned(),
    };
    let error = PostgresStores::connect(&urls, &hurried())
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(said.contains("the "), "{said}");
    assert!(!said.contains("secret"), "{said}");
    assert!(!format!("{urls:?}").contains("secret"));
}
