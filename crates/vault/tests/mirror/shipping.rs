//! What is written to the mirror, and what happens while it cannot be.

use std::time::Duration;

use privet_vault::audit::{Entry, EntryKind, offline};

use crate::bed::{ORIGIN, values};
use crate::faulty::Mood;
use crate::place::{Mirrored, files, revealed, the_log, until};

#[tokio::test]
async fn the_mirror_is_what_an_export_writes() {
    let mirrored = Mirrored::new().await;
    let (bed, key) = (&mirrored.bed, mirrored.key());
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    // Enough that bundles and tiles become full while they are copied, and more than one copy has to be made.
    while bed.vault.audit().size() < 600 {
        bed.vault.describe_subject(&job, &ada).await.unwrap();
    }
    mirrored.caught_up().await;
    let checkpoint = mirrored.place.verified(&key);
    assert!(checkpoint.size >= 600);
    let (stores, _, place) = mirrored.stop().await;
    // Down to the entry that says that it ended, and without a file too many.
    let exported = tempfile::tempdir().unwrap();
    let keys = [key];
    let whole = offline::export(&*stores.log, ORIGIN, &keys, exported.path(), drop).await;
    let size = whole.unwrap().size;
    assert_eq!(place.verified(&keys[0]).size, size);
    assert_eq!(files(&the_log(&place)), files(exported.path()));
}

/// Time passes only while nobody works, so that the machine may be slow.
#[tokio::test(start_paused = true)]
async fn an_erasure_is_confirmed_by_the_mirror() {
    let mirrored = Mirrored::new().await;
    let bed = &mirrored.bed;
    let ada = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    let closed = bed.vault.close_subject(&operator, &ada).await.unwrap();
    assert!(closed.confirmed);
    // It is there at this moment, not some time later.
    assert!(mirrored.place.verified(&mirrored.key()).size > closed.entry);
}

/// Reveals go on, an erasure is carried out and not confirmed, and all of it is told once.
async fn goes_on_without_its_mirror(mood: Mood) {
    let mirrored = Mirrored::new().await;
    let bed = &mirrored.bed;
    let ada = bed.subject("ada@example.com").await;
    let bob = bed.subject("bob@example.com").await;
    let operator = bed.caller("operator").await;
    mirrored.caught_up().await;
    let before = mirrored.place.verified(&mirrored.key()).size;
    mirrored.mirror.becomes(mood);
    let closed = bed.vault.close_subject(&operator, &ada).await.unwrap();
    assert!(!closed.confirmed);
    assert_eq!(revealed(bed, &ada).await, "nobody");
    assert_eq!(revealed(bed, &bob).await, "bob@example.com");
    bed.clock.advance(Duration::from_secs(11));
    until("it is told", || !bed.vault.health().warnings.is_empty()).await;
    let health = bed.vault.health();
    assert_eq!(health.warnings[0].code, "mirror_behind");
    let mirror = health.audit.mirror.unwrap();
    assert_eq!(mirror.size, before);
    assert!(mirror.behind > 0 && mirror.late >= Duration::from_secs(11));
    let degraded = async || bed.count(EntryKind::LogDegraded).await;
    let recorded = async {
        while degraded().await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::place::PATIENCE, recorded)
        .await
        .unwrap();
    // A second look finds nothing new.
    bed.clock.advance(Duration::from_secs(11));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(degraded().await, 1);
    assert_eq!(mirrored.place.verified(&mirrored.key()).size, before);

    mirrored.mirror.becomes(Mood::Works);
    mirrored.caught_up().await;
    assert!(bed.vault.health().warnings.is_empty());
    assert!(mirrored.place.verified(&mirrored.key()).size > closed.entry);
    assert_eq!(revealed(bed, &bob).await, "bob@example.com");
}

#[tokio::test]
async fn a_mirror_that_fails_stops_nobody() {
    goes_on_without_its_mirror(Mood::Fails).await;
}

#[tokio::test]
async fn a_mirror_that_hangs_stops_nobody() {
    goes_on_without_its_mirror(Mood::Hangs).await;
}

#[tokio::test]
async fn a_lost_answer_is_found_out_about() {
    let mirrored = Mirrored::new().await;
    let bed = &mirrored.bed;
    mirrored.caught_up().await;
    mirrored.mirror.becomes(Mood::LosesAnswers);
    let ada = bed.subject("ada@example.com").await;
    let size = bed.vault.audit().size();
    until("it is there", || {
        mirrored.place.verified(&mirrored.key()).size >= size
    })
    .await;
    mirrored.mirror.becomes(Mood::Works);
    mirrored.caught_up().await;
    assert_eq!(revealed(bed, &ada).await, "ada@example.com");
    mirrored.caught_up().await;
    assert!(!bed.vault.audit().health().stopped);
}

/// Two servers under one origin, each with a mirror: the checkpoint of one comes to where that of the other is.
#[tokio::test]
async fn another_history_in_the_mirror_stops_the_server() {
    let (one, other) = (Mirrored::new().await, Mirrored::later().await);
    for mirrored in [&one, &other] {
        mirrored.bed.subject("ada@example.com").await;
        mirrored.caught_up().await;
    }
    let [ours, theirs] = [&one, &other].map(|of| the_log(&of.place).join("checkpoint"));
    std::fs::copy(&theirs, &ours).unwrap();
    // Whatever comes next is to be written there, too.
    let (job, vault) = (one.bed.caller("job").await, &one.bed.vault);
    until("it stops", || vault.audit().health().stopped).await;
    let bob = values(&[("email", "bob@example.com")]);
    let refused = vault.create_subject(&job, bob, &[]).await.unwrap_err();
    assert_eq!(refused.code(), "mirror_differs");
    assert_eq!(vault.health().reasons[0].code, "mirror_differs");
    // What is there is left as it is.
    let [ours, theirs] = [ours, theirs].map(|path| std::fs::read(path).unwrap());
    assert_eq!(ours, theirs);
}

/// Somebody removed everything while the server ran: it comes again.
#[tokio::test]
async fn a_mirror_that_lost_everything_gets_it_again() {
    let mirrored = Mirrored::new().await;
    mirrored.bed.subject("ada@example.com").await;
    mirrored.caught_up().await;
    std::fs::remove_dir_all(the_log(&mirrored.place)).unwrap();
    mirrored.bed.subject("bob@example.com").await;
    mirrored.caught_up().await;
    mirrored.place.verified(&mirrored.key());
}

/// A mirror that begins late gets everything, and that it did is on record.
#[tokio::test]
async fn an_empty_mirror_gets_the_whole_log() {
    let mirrored = Mirrored::new().await;
    mirrored.bed.subject("ada@example.com").await;
    assert_eq!(mirrored.bed.count(EntryKind::LogDegraded).await, 0);
    let key = mirrored.key();
    let (stores, clock, old) = mirrored.stop().await;
    let moved = Mirrored::over(stores, clock, crate::place::Place::new()).await;
    let moved = moved.unwrap();
    moved.caught_up().await;
    let size = moved.place.verified(&key).size;
    assert!(size > old.verified(&key).size);
    let entries = moved.bed.vault.audit().entries(0, 4_000).await.unwrap();
    let degraded = entries.iter().map(|entry| Entry::parse(entry).unwrap());
    let degraded: Vec<_> = degraded
        .filter(|entry| entry.kind() == Some(EntryKind::LogDegraded))
        .collect();
    assert_eq!(degraded.len(), 1);
    assert_eq!(degraded[0].facts["what"], "mirror");
}
