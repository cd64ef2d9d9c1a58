//! Backups of the key store on PostgreSQL: a standby that follows it, a copy that was restored, and what is none.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_seal::{KeyId, KeyKind};
use privet_store::{
    Clusters, PostgresAddresses, PostgresKeyReplica, PostgresOptions, PostgresStores,
};
use privet_vault::port::{KeyBackup, KeyRow, KeyStore};

const DATABASE: &str = "privet";

fn address(url: &str) -> Address {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    Address::new(url, &rules).unwrap()
}

fn options(clusters: Clusters) -> PostgresOptions {
    PostgresOptions {
        connections_max: 2,
        connect_wait: Duration::from_secs(60),
        answer_wait: Duration::from_secs(60),
        clusters,
    }
}

/// The keys of a server whose stores are all in one database.
async fn keys(cluster: &Cluster) -> PostgresStores {
    let address = address(&cluster.database(DATABASE).unwrap());
    let addresses = PostgresAddresses {
        data: address.clone(),
        keys: address.clone(),
        log: address,
    };
    let connected = PostgresStores::connect(&addresses, &options(Clusters::MayBeShared)).await;
    connected.unwrap()
}

fn key(number: u8) -> KeyRow {
    KeyRow {
        id: KeyId([number; 16]),
        tenant: "acme".parse().unwrap(),
        kind: KeyKind::Index,
        owner: [number; 16],
        generation: 1,
        wrapped: vec![number; 90],
        commitment: [number; 32],
        created_at: Timestamp::UNIX_EPOCH,
        expires_on: None,
        told: 0,
    }
}

fn replica(live: &Cluster, url: &str, clusters: Clusters) -> PostgresKeyReplica {
    let live = address(&live.url(DATABASE));
    PostgresKeyReplica::new(live, address(url), options(clusters))
}

async fn refusal(replica: &PostgresKeyReplica) -> String {
    replica.open().await.err().unwrap().to_string()
}

async fn has(store: &dyn KeyStore, number: u8) -> bool {
    let found = store.keys_by_id(&[KeyId([number; 16])]).await.unwrap();
    found == [Some(key(number))]
}

#[tokio::test]
async fn a_standby_has_what_its_primary_has_by_now() {
    let cluster = Cluster::start().unwrap();
    let stores = keys(&cluster).await;
    let standby = cluster.standby().unwrap();
    let copy = replica(&cluster, &standby.url(DATABASE), Clusters::Apart);
    for number in 1..=5 {
        stores.keys.add_keys(vec![key(number)]).await.unwrap();
        let opened = copy.open().await.unwrap();
        assert!(has(&*opened, number).await, "{number}");
        let written = opened.add_keys(vec![key(100)]).await;
        assert!(written.is_err());
    }
    // One that was told to stand still is read as it is.
    standby
        .sql("postgres", "SELECT pg_wal_replay_pause()")
        .unwrap();
    stores.keys.add_keys(vec![key(6)]).await.unwrap();
    let opened = copy.open().await.unwrap();
    assert!(has(&*opened, 5).await && !has(&*opened, 6).await);
    standby
        .sql("postgres", "SELECT pg_wal_replay_resume()")
        .unwrap();
    assert!(has(&*copy.open().await.unwrap(), 6).await);
    // A standby that took over is a server of its own, which nobody waits for.
    standby.promote().unwrap();
    stores.keys.add_keys(vec![key(7)]).await.unwrap();
    let opened = copy.open().await.unwrap();
    assert!(has(&*opened, 6).await && !has(&*opened, 7).await);
}

#[tokio::test]
async fn a_copy_that_was_restored_elsewhere_will_do() {
    let [cluster, other] = [(); 2].map(|()| Cluster::start().unwrap());
    let stores = keys(&cluster).await;
    stores.keys.add_keys(vec![key(1)]).await.unwrap();
    let copy = replica(
        &cluster,
        &other.database(DATABASE).unwrap(),
        Clusters::Apart,
    );
    let said = refusal(&copy).await;
    assert!(said.contains("holds no store yet"), "{said}");
    let dump = Command::new(cluster.program("pg_dump"))
        .arg("--schema=privet_keys")
        .arg(cluster.url(DATABASE))
        .output()
        .unwrap();
    other
        .sql(DATABASE, &String::from_utf8(dump.stdout).unwrap())
        .unwrap();
    assert!(has(&*copy.open().await.unwrap(), 1).await);
}

#[tokio::test]
async fn the_key_store_itself_is_no_backup_by_whatever_name() {
    let cluster = Cluster::start().unwrap();
    let _stores = keys(&cluster).await;
    let url = cluster.url(DATABASE);
    let itself = "the database is the key store itself, which is no backup of it: name a replica, or a copy that was restored";
    for clusters in [Clusters::Apart, Clusters::MayBeShared] {
        for name in [url.clone(), url.replace("127.0.0.1", "localhost")] {
            assert_eq!(
                refusal(&replica(&cluster, &name, clusters)).await,
                itself,
                "{name}"
            );
        }
    }
    // What goes down with it is none either; development may have nothing else.
    let beside = cluster.database("beside").unwrap();
    let said = refusal(&replica(&cluster, &beside, Clusters::Apart)).await;
    assert_eq!(
        said,
        "the database lies on the key store's own server, so that one failure ends both: name one on another server"
    );
    let said = refusal(&replica(&cluster, &beside, Clusters::MayBeShared)).await;
    assert!(said.contains("holds no store yet"), "{said}");
}
