//! Two tenants over the same stores: whoever belongs to one is nobody at the other's telemetry door.

use std::time::Duration;

use privet_vault::{Oid, SubjectName, Vault};

use crate::bed::{bed, parts_of_another};

/// What the door is told of somebody, once the server has read the shared sequence.
async fn is_known(vault: &Vault, oid: Oid) -> bool {
    let lent = vault.pseudonymizer();
    let known = async {
        loop {
            if let Ok(stamps) = lent.stamps(&[oid]).await {
                return stamps[0].is_some();
            }
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(120);
    tokio::time::timeout(patience, known).await.unwrap()
}

#[tokio::test]
async fn people_of_another_tenant_are_nobody_to_telemetry() {
    let bed = bed().await;
    let SubjectName::Oid(ada) = bed.subject("ada@example.com").await else {
        panic!("subjects of these tests are named by their ids");
    };
    // A tenant that has never been there before.
    let mut parts = parts_of_another(&bed.stores, &bed.clock, "privet.example/test/2");
    parts.config.tenant = "umbrella".parse().unwrap();
    let other = Vault::start(parts).await.unwrap();
    let salt = async || {
        let rows = bed.stores.keys.subjects_by_oid(&[ada]).await.unwrap();
        let reference = rows[0].as_ref().unwrap().reference;
        let salts = bed.stores.keys.salts_of(&[reference]).await;
        salts.unwrap().remove(0)
    };
    assert!(!is_known(&other, ada).await);
    assert_eq!(salt().await, None, "nothing is made for her there");
    assert!(is_known(&bed.vault, ada).await, "where she belongs");
    assert!(salt().await.is_some());
    assert!(!is_known(&other, ada).await);
    other.stop().await;
}
