//! What is PostgreSQL's alone: several servers at once, a database that goes away, is slow, or is too new.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use privet_cluster::{Cluster, Setup};
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{Clusters, PostgresAddresses, PostgresOptions, PostgresStores};
use privet_vault::port::StoreError;

fn address(url: &str) -> Address {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    Address::new(url, &rules).unwrap()
}

/// All three stores in one database, as a development environment may have them.
fn addresses(cluster: &Cluster) -> PostgresAddresses {
    let address = address(&cluster.database("privet").unwrap());
    PostgresAddresses {
        data: address.clone(),
        keys: address.clone(),
        log: address,
    }
}

/// With patience: a busy machine is not what is tested.
fn shared() -> PostgresOptions {
    PostgresOptions {
        connect_wait: Duration::from_secs(60),
        answer_wait: Duration::from_secs(60),
        clusters: Clusters::MayBeShared,
        ..PostgresOptions::default()
    }
}

fn hurried() -> PostgresOptions {
    PostgresOptions {
        connections_max: 2,
        connect_wait: Duration::from_secs(20),
        answer_wait: Duration::from_secs(3),
        clusters: Clusters::MayBeShared,
    }
}

async fn connect(addresses: &PostgresAddresses) -> PostgresStores {
    PostgresStores::connect(addresses, &shared()).await.unwrap()
}

#[tokio::test]
async fn servers_that_start_at_once_share_one_format() {
    let cluster = Cluster::start().unwrap();
    let addresses = addresses(&cluster);
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let addresses = addresses.clone();
        starting.spawn(async move { connect(&addresses).await.keys.sequence().await });
    }
    while let Some(started) = starting.join_next().await {
        assert_eq!(started.unwrap(), Ok(0));
    }
    for schema in ["privet_data", "privet_keys", "privet_log"] {
        let versions = cluster
            .sql("privet", &format!("SELECT count(*) FROM {schema}.format"))
            .unwrap();
        assert_eq!(versions, "1\n", "{schema}");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let cluster = Cluster::start().unwrap();
    let addresses = addresses(&cluster);
    drop(connect(&addresses).await);
    cluster
        .sql(
            "privet",
            "UPDATE privet_keys.format SET version = 99; UPDATE privet_log.format SET version = 99",
        )
        .unwrap();
    let newer = |error: Option<StoreError>| match error {
        Some(StoreError::NewerVersion { found: 99, known }) => known < 99,
        _ => false,
    };
    // The stores are opened side by side: which of the two is refused first is not said.
    let refused = PostgresStores::connect(&addresses, &shared()).await.err();
    assert!(newer(refused.clone()), "{refused:?}");
    let read = PostgresStores::read_log(&addresses.log, &shared())
        .await
        .err();
    assert!(newer(read.clone()), "{read:?}");
}

#[tokio::test]
async fn stores_in_one_cluster_are_refused_by_whatever_name() {
    let [one, other] = [(); 2].map(|()| Cluster::start().unwrap());
    let url = one.database("a").unwrap();
    let addresses = PostgresAddresses {
        data: address(&url),
        // Another name of the same machine, and another database.
        keys: address(&one.database("b").unwrap().replace("127.0.0.1", "localhost")),
        log: address(&other.database("c").unwrap()),
    };
    let apart = PostgresOptions::default();
    let error = PostgresStores::connect(&addresses, &apart)
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("the data store and the key store lie in one cluster"),
        "{said}"
    );
    assert!(said.contains("`development = true`"), "{said}");
    // Nothing was made.
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'privet%'";
    assert_eq!(one.sql("a", schemas).unwrap(), "0\n");
    let wrong = PostgresStores::inspect(&addresses, &apart)
        .await
        .unwrap_err();
    assert_eq!(wrong, [error]);

    PostgresStores::inspect(&addresses, &shared())
        .await
        .unwrap();
    assert_eq!(one.sql("a", schemas).unwrap(), "0\n");
    let stores = PostgresStores::connect(&addresses, &shared())
        .await
        .unwrap();
    assert!(stores.share_a_cluster());
}

#[tokio::test]
async fn a_server_that_would_lose_entries_is_refused() {
    let cluster = Setup::new().setting("fsync", "off").start().unwrap();
    let error = PostgresStores::connect(&addresses(&cluster), &shared()).await;
    let said = error.unwrap_err().to_string();
    assert!(said.contains("`fsync = off`"), "{said}");
}

#[tokio::test]
async fn a_log_is_read_beside_its_server_and_not_written() {
    let cluster = Cluster::start().unwrap();
    let addresses = addresses(&cluster);
    let read = PostgresStores::read_log(&addresses.log, &shared()).await;
    let said = read.err().unwrap().to_string();
    assert!(said.contains("holds no store yet"), "{said}");
    let stores = connect(&addresses).await;
    let beside = PostgresStores::read_log(&addresses.log, &shared())
        .await
        .unwrap();
    assert_eq!(beside.origins().await, stores.log.origins().await);
    let error = beside.delete_sides(&[[0; 32]]).await.unwrap_err();
    assert!(error.to_string().contains("takes no writes"), "{error}");
}

#[tokio::test]
async fn a_log_has_one_server_and_a_dead_one_lets_go() {
    let cluster = Cluster::start().unwrap();
    let addresses = addresses(&cluster);
    let first = connect(&addresses).await;
    first.lease("example.org/1").await.unwrap();
    let second = connect(&addresses).await;
    // Another origin is another log.
    second.lease("example.org/2").await.unwrap();
    let third = connect(&addresses).await;
    assert_eq!(third.lease("example.org/1").await, Err(StoreError::InUse));
    // However it ends, its connections end with it.
    drop(first);
    third.lease("example.org/1").await.unwrap();
}

#[tokio::test]
async fn a_lease_is_taken_again_after_a_restart_of_the_database() {
    let cluster = Cluster::start().unwrap();
    let addresses = addresses(&cluster);
    let first = connect(&addresses).await;
    first.lease("example.org/1").await.unwrap();
    let holders = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    assert_eq!(cluster.sql("privet", holders).unwrap(), "1\n");
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'privet'";
    cluster.sql("privet", end_all).unwrap();
    let taken = async {
        while cluster.sql("privet", holders).unwrap() != "1\n" {
            // Asking holds up the thread, which whoever takes the lock again needs, too.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taken)
        .await
        .unwrap();
    let second = connect(&addresses).await;
    assert_eq!(second.lease("example.org/1").await, Err(StoreError::InUse));
}

#[tokio::test]
async fn a_database_that_went_away_is_used_again_when_it_is_back() {
    let cluster = Cluster::start().unwrap();
    let stores = connect(&addresses(&cluster)).await;
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
    let addresses = addresses(&cluster);
    // What a database takes longest for is done before anybody is in a hurry.
    drop(connect(&addresses).await);
    let stores = PostgresStores::connect(&addresses, &hurried())
        .await
        .unwrap();
    let (mut client, connection) = addresses
        .keys
        .config()
        .connect(tokio_postgres::NoTls)
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
async fn what_is_wrong_with_a_login_is_said_without_repeating_it() {
    let cluster = Cluster::start().unwrap();
    let url = cluster.database("privet").unwrap();
    let elsewhere = cluster.url("hunter2");
    for (wrong, wanted) in [
        (
            url.replace(cluster.password(), "hunter2"),
            "does not let us in",
        ),
        (elsewhere.clone(), "does not exist"),
        (url.replace("/privet:", "/hunter2:"), "does not let us in"),
        (
            url.replace(&cluster.port().to_string(), "1"),
            "cannot be used: error connecting to server (",
        ),
    ] {
        let mut addresses = addresses(&cluster);
        addresses.keys = address(&wrong);
        let error = PostgresStores::connect(&addresses, &shared()).await;
        let said = error.unwrap_err().to_string();
        assert!(said.starts_with("the database of the key store"), "{said}");
        assert!(said.contains(wanted), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    // Each store is looked at, and all that is wrong is said.
    let mut addresses = addresses(&cluster);
    addresses.data = address(&elsewhere);
    addresses.log = addresses.data.clone();
    let wrong = PostgresStores::inspect(&addresses, &shared()).await;
    assert_eq!(wrong.unwrap_err().len(), 2);
}

/// A certificate for a name that signs itself, and its key.
fn certificate(name: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn stores_are_reached_through_tls_by_the_right_name_alone() {
    let (chain, key) = certificate("db.example");
    let cluster = Setup::new().certificate(&chain, &key).start().unwrap();
    cluster.database("privet").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("right.crt"), &chain).unwrap();
    let (stranger, _) = certificate("db.example");
    std::fs::write(folder.path().join("stranger.crt"), stranger).unwrap();
    let named = |host: &str, trusted: &str| {
        let (port, password) = (cluster.port(), cluster.password());
        let text = format!(
            "host={host} hostaddr=127.0.0.1 port={port} user=privet password={password} dbname=privet \
             sslmode=verify-full sslrootcert={trusted} channel_binding=require"
        );
        let rules = Rules {
            folder: folder.path(),
            plaintext: Plaintext::Local,
        };
        let address = Address::new(&text, &rules).unwrap();
        PostgresAddresses {
            data: address.clone(),
            keys: address.clone(),
            log: address,
        }
    };
    let stores = connect(&named("db.example", "right.crt")).await;
    stores.lease("example.org/1").await.unwrap();
    let open = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE application_name = 'privet' AND NOT ssl";
    assert_eq!(cluster.sql("privet", open).unwrap(), "0\n");
    for (host, trusted, wanted) in [
        ("other.example", "right.crt", "is not for that name"),
        ("db.example", "stranger.crt", "nobody who is trusted signed"),
    ] {
        let refused = PostgresStores::connect(&named(host, trusted), &hurried()).await;
        let said = refused.unwrap_err().to_string();
        assert!(
            said.contains("is not trusted") && said.contains(wanted),
            "{said}"
        );
    }
}
