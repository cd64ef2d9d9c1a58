//! What must hold when a store call fails: nothing is revealed without its entry, and the vault recovers.

use std::sync::Arc;
use std::time::Duration;

use privet_store::{FailNth, Faults, Moment};
use privet_vault::Vault;
use privet_vault::audit::EntryKind;
use privet_vault::port::StoreError;

use crate::bed::{Bed, bed, hand_clock, parts, request, root};
use crate::engine::new_stores;

#[tokio::test]
async fn a_reveal_without_its_entry_does_not_happen() {
    let faults = Faults::new();
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.log = Arc::new(FailNth::new(stores.log.clone(), &faults));
    let vault = Vault::start(failing).await.unwrap();
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    let subject = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let before = bed.count(EntryKind::Reveal).await;
    for error in [StoreError::Full, StoreError::Unavailable("disk".into())] {
        faults.fail_nth(1, Moment::Before, error);
        let wish = request(&subject, &["email"], "service");
        let refused = bed.vault.reveal(&job, &wish).await.unwrap_err();
        assert!(refused.code().starts_with("audit_"), "{}", refused.code());
        faults.clear();
    }
    assert_eq!(bed.count(EntryKind::Reveal).await, before);
}

#[tokio::test]
async fn a_key_store_that_falls_silent_opens_nothing() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let wish = request(&subject, &["email"], "service");
    bed.vault.reveal(&job, &wish).await.unwrap();
    // Time passes without the sequence having been read; no other task runs in between.
    bed.clock.advance(Duration::from_millis(1_500));
    assert_eq!(
        bed.vault.reveal(&job, &wish).await.unwrap_err().code(),
        "key_store_unread"
    );
}
