//! A standby takes over. One that had everything is simply used; one that had not is a store that went back, which must
//! neither lose an entry unnoticed nor give back what was taken away.

use std::sync::Arc;
use std::time::Instant;

use privet_seal::Zeroizing;
use privet_vault::audit::offline;
use privet_vault::port::ChangeKind;
use privet_vault::{Caller, SubjectName};

use crate::bed::{Bed, ORIGIN, Servers, caller, subject, verifier};
use crate::{PATIENCE, check_log, reveal, until_it_goes_on};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_has_everything_is_used_without_a_restart() {
    let names = ["data store", "key store", "log store"];
    let bed = Bed::new(Servers::with_standbys(&names)).await;
    for name in names {
        reveal(&bed).await.unwrap();
        let (primary, standby) = bed.servers.pair(name);
        primary.stop().unwrap();
        standby.promote().unwrap();
        until_it_goes_on(&bed).await;
        assert!(!bed.vault.audit().health().stopped, "{name}");
    }
    check_log(&bed).await;
    // A start finds them, too: they are still three different clusters.
    let place = bed.stop().await;
    let bed = Bed::at(&place).await.unwrap();
    reveal(&bed).await.unwrap();
    check_log(&bed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_may_take_over_the_address_itself() {
    let names = ["key store", "log store"];
    let bed = Bed::new(Servers::with_standbys(&names)).await;
    for name in names {
        reveal(&bed).await.unwrap();
        let (primary, standby) = bed.servers.pair(name);
        primary.stop().unwrap();
        standby.take_over(primary).unwrap();
        until_it_goes_on(&bed).await;
        assert!(!bed.vault.audit().health().stopped, "{name}");
    }
    check_log(&bed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_lost_its_end_is_not_written_on() {
    let bed = Bed::new(Servers::with_standbys(&["log store"])).await;
    reveal(&bed).await.unwrap();
    let servers = Arc::clone(&bed.servers);
    let (primary, standby) = servers.pair("log store");
    standby.stop().unwrap();
    // The standby never hears of these.
    for _ in 0..3 {
        reveal(&bed).await.unwrap();
    }
    let (signed, revealed) = (bed.vault.audit().size(), bed.revealed());
    primary.stop().unwrap();
    standby.start_again().unwrap();
    standby.promote().unwrap();

    // Its first append finds that it is not where it was.
    let began = Instant::now();
    loop {
        let code = bed.reveal().await.unwrap_err().code();
        if code == "audit_went_back" {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{code}");
    }
    for _ in 0..5 {
        let error = bed.reveal().await.unwrap_err();
        assert_eq!(error.code(), "audit_went_back");
        assert!(
            error.to_string().contains("nothing was revealed"),
            "{error}"
        );
    }
    assert!(bed.vault.audit().health().stopped);
    assert_eq!(bed.revealed(), revealed);
    let left = bed.stores.log.state(ORIGIN).await.unwrap().unwrap();
    assert!(left.size < signed, "the standby had all of it");

    // A start finds it, too: the key store knows how far the log had come.
    let place = bed.stop().await;
    let error = Bed::at(&place).await.err().unwrap();
    assert_eq!(error.code(), "audit_went_back", "{error}");
    let written = left.size;

    // Back to the one that has everything.
    standby.stop().unwrap();
    primary.start_again().unwrap();
    let bed = Bed::at(&place).await.unwrap();
    reveal(&bed).await.unwrap();
    assert!(written < signed && signed < bed.vault.audit().size());
    let (log, keys) = (&*bed.stores.log, [verifier()]);
    offline::verify_store(log, ORIGIN, &keys, &[], drop)
        .await
        .unwrap();
    check_log(&bed).await;
}

/// Somebody to be erased, and a token to be revoked.
struct Doomed {
    operator: Caller,
    subject: SubjectName,
    token: Zeroizing<String>,
}

impl Doomed {
    async fn new(bed: &Bed, email: &str) -> Self {
        let job = "job".parse().unwrap();
        let issued = bed.vault.issue_first_token(&job, 30).await.unwrap();
        let doomed = Self {
            operator: caller(&bed.vault, "operator").await.unwrap(),
            subject: subject(&bed.vault, &bed.job, email).await.unwrap(),
            token: issued.text,
        };
        assert!(bed.reveal_of(&doomed.subject).await.unwrap());
        doomed
    }

    /// Takes both away.
    async fn take_away(&self, bed: &Bed) {
        let (vault, operator) = (&bed.vault, &self.operator);
        vault.close_subject(operator, &self.subject).await.unwrap();
        let token = vault.authenticate(&self.token, "192.0.2.1").await.unwrap();
        vault.revoke_token(operator, token.token()).await.unwrap();
    }

    async fn assert_gone(&self, bed: &Bed) {
        assert!(!bed.reveal_of(&self.subject).await.unwrap());
        let let_in = bed.vault.authenticate(&self.token, "192.0.2.1").await;
        assert!(let_in.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_store_took_away_stays_away() {
    let bed = Bed::new(Servers::with_standbys(&["key store"])).await;
    let (first, second) = (
        Doomed::new(&bed, "first@example.com").await,
        Doomed::new(&bed, "second@example.com").await,
    );
    first.take_away(&bed).await;
    let servers = Arc::clone(&bed.servers);
    let (primary, standby) = servers.pair("key store");
    standby.stop().unwrap();
    // The standby never hears of these.
    second.take_away(&bed).await;
    let before = changes(&bed).await;
    primary.stop().unwrap();
    standby.start_again().unwrap();
    let count = "SELECT count(*) FROM privet_keys.change";
    assert_eq!(standby.sql("privet", count).unwrap().trim(), "2");
    standby.promote().unwrap();

    // They are done once more by the server that remembers.
    let began = Instant::now();
    while changes(&bed).await != before {
        assert!(began.elapsed() < PATIENCE, "they are not done again");
        tokio::task::yield_now().await;
    }
    until_it_goes_on(&bed).await;
    for doomed in [&first, &second] {
        doomed.assert_gone(&bed).await;
    }
    // And a start finds nothing that it would have to open.
    let place = bed.stop().await;
    let bed = Bed::at(&place).await.unwrap();
    for doomed in [&first, &second] {
        doomed.assert_gone(&bed).await;
    }
    check_log(&bed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_takes_from_the_log_what_a_key_store_lost() {
    let bed = Bed::new(Servers::with_standbys(&["key store"])).await;
    let doomed = Doomed::new(&bed, "gone@example.com").await;
    let servers = Arc::clone(&bed.servers);
    let (primary, standby) = servers.pair("key store");
    standby.stop().unwrap();
    doomed.take_away(&bed).await;
    // Nobody who remembers is there any more when the standby takes over.
    let place = bed.stop().await;
    primary.stop().unwrap();
    standby.start_again().unwrap();
    standby.promote().unwrap();
    let bed = Bed::at(&place).await.unwrap();
    doomed.assert_gone(&bed).await;
    check_log(&bed).await;
}

/// What the key store says was taken away, in the order of its kinds; nothing while it cannot be asked.
async fn changes(bed: &Bed) -> Vec<String> {
    let changes = bed.stores.keys.changes_after(0).await.unwrap_or_default();
    let mut said: Vec<String> = changes
        .iter()
        .map(|change| match change.kind {
            ChangeKind::Erased(subject) => format!("erased {subject}"),
            ChangeKind::TokenRevoked(token) => format!("revoked {token}"),
            other => format!("{other:?}"),
        })
        .collect();
    said.sort();
    said
}
