//! No value is sealed whose keys are not in a replica of the key store.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use privet_store::{Clusters, MemoryStores, PostgresKeyReplica};
use privet_vault::port::{KeyBackup, KeyStore, StoreError};
use privet_vault::{JobState, JobStatus, Vault};

use crate::bed::{Setting, Stores, adopt, parts};
use crate::engine::{CLUSTER, address, new_database, options, stores_at};
use crate::postgres::{ROWS, SCHEMA, map, new_database as new_shop, run_sql, source, url};

async fn adopted(vault: &Vault) -> JobStatus {
    adopt(vault, &"shop".parse().unwrap(), false).await
}

/// Whatever the settings name at the moment; a server takes one for as long as it runs.
struct Named(Mutex<PostgresKeyReplica>);

#[async_trait]
impl KeyBackup for Named {
    async fn open(&self) -> Result<Arc<dyn KeyStore>, StoreError> {
        let named = self.0.lock().unwrap().clone();
        named.open().await
    }
}

#[tokio::test]
async fn what_is_sealed_is_in_the_standby_first() {
    let keys_url = new_database();
    let standby = CLUSTER.standby().unwrap();
    let MemoryStores { data, keys, log } = stores_at(&keys_url).await;
    let stores = Stores { data, keys, log };
    let shop = new_shop();
    run_sql(&shop, &format!("{SCHEMA}{ROWS}"));
    let name = || run_sql(&shop, "SELECT name FROM customer WHERE id = 1");
    let setting = Setting {
        map: map(),
        ..Setting::default()
    };
    let mut parts = parts(&stores, Arc::new(source("shop", &url(&shop))), &setting);
    parts.config.development = false;
    let vault = Vault::start(parts).await.unwrap();
    let replica = |url: &str| {
        let (live, copy) = (address(&keys_url), address(url));
        PostgresKeyReplica::new(live, copy, options(Clusters::Apart))
    };

    // Its own database under another name.
    let itself = keys_url.replace("127.0.0.1", "localhost");
    let named = Arc::new(Named(Mutex::new(replica(&itself))));
    vault.back_keys_up(named.clone());
    let status = adopted(&vault).await;
    assert_eq!(
        status.problems,
        [
            "the backup of the key store cannot be used: the database is the key store itself, which is no backup of it: name \
             a replica, or a copy that was restored"
        ]
    );
    assert_eq!(name(), "Ada Marker");

    // A standby that stands still lacks what was made just now.
    let standing = keys_url.replace(&CLUSTER.port().to_string(), &standby.port().to_string());
    standby.catches_up_with(&CLUSTER).unwrap();
    standby
        .sql("postgres", "SELECT pg_wal_replay_pause()")
        .unwrap();
    *named.0.lock().unwrap() = replica(&standing);
    // The keys were made when the first backup was asked for; these people are new.
    run_sql(
        &shop,
        "INSERT INTO customer (id, name) VALUES (11, 'Di Marker'), (12, 'Ed Marker')",
    );
    let status = adopted(&vault).await;
    assert_eq!(
        status.problems,
        [
            "the backup of the key store lacks the keys of 2 people whose values are to be sealed: let it catch up, or make a \
             new one, then start again"
        ]
    );
    assert_eq!(name(), "Ada Marker");

    // One that goes on is waited for.
    standby
        .sql("postgres", "SELECT pg_wal_replay_resume()")
        .unwrap();
    run_sql(
        &shop,
        "INSERT INTO customer (id, name) VALUES (13, 'Fi Marker')",
    );
    let status = adopted(&vault).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!((status.state, status.left), (JobState::Done, 0));
    assert!(name().starts_with("pv1_"));
    let kept = vault.audit().entries(0, 4_000).await.unwrap();
    let verified = kept
        .iter()
        .filter(|entry| {
            let text = String::from_utf8_lossy(entry);
            text.contains("\"adopt.started\"") && text.contains("\"key_backup\":\"verified\"")
        })
        .count();
    assert_eq!(verified, 1);
}
