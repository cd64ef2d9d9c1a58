//! What a start makes of a log and a mirror that are not the same.

use std::path::PathBuf;

use privet_store::MemoryStores;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::Vault;
use privet_vault::audit::{EntryKind, offline};

use crate::bed::{Bed, ORIGIN, hand_clock, parts, parts_of_another, root};
use crate::engine::new_stores;
use crate::faulty::{Faulty, Mood};
use crate::place::{Mirrored, Place, files, revealed, the_log};

const OTHER: &str = "privet.example/test/2";

/// The log's store as it was lost: everything else is as it is.
async fn without_log(stores: &MemoryStores) -> MemoryStores {
    MemoryStores {
        data: stores.data.clone(),
        keys: stores.keys.clone(),
        log: new_stores().await.log,
    }
}

/// Entries enough for more than one read, and a length that is no multiple of anything.
async fn busy(bed: &Bed) {
    let ada = bed.subject("busy@example.com").await;
    let job = bed.caller("job").await;
    while bed.vault.audit().size() < 4_500 {
        bed.vault.describe_subject(&job, &ada).await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_log_is_brought_back_as_it_was() {
    let mirrored = Mirrored::new().await;
    let ada = mirrored.bed.subject("ada@example.com").await;
    busy(&mirrored.bed).await;
    let key = mirrored.key();
    let (stores, clock, place) = mirrored.stop().await;
    let before = place.verified(&key);
    let lost = without_log(&stores).await;
    let again = Mirrored::over(lost, clock, place).await.unwrap();
    let (old, new) = (&stores.log, &again.bed.stores.log);
    // Byte for byte, in the order that they had.
    let mut first = 0;
    while first < before.size {
        let entries = old.entries(ORIGIN, first, 1_000).await.unwrap();
        let count = u32::try_from(entries.len()).unwrap();
        assert_eq!(new.entries(ORIGIN, first, count).await, Ok(entries));
        first += u64::from(count);
    }
    let keys = [key];
    offline::verify_store(&**new, ORIGIN, &keys, &[before], drop)
        .await
        .unwrap();
    assert_eq!(again.bed.count(EntryKind::LogDegraded).await, 1);
    assert_eq!(revealed(&again.bed, &ada).await, "ada@example.com");
    again.caught_up().await;
    again.place.verified(&keys[0]);
}

/// Whatever was last written is the likeliest to be missing: it is written again.
#[tokio::test]
async fn what_the_mirror_lost_at_its_end_is_written_again() {
    let mirrored = Mirrored::new().await;
    busy(&mirrored.bed).await;
    let key = mirrored.key();
    let (mut stores, mut clock, mut place) = mirrored.stop().await;
    // Each file at the end in turn: lost, or torn.
    let log = the_log(&place);
    let is_last = |path: &PathBuf| path.to_string_lossy().contains(".p/");
    let mut tried = 0;
    while let Some(path) = files(&log).into_keys().filter(is_last).nth(tried) {
        let path = log.join(path);
        match tried % 2 {
            0 => std::fs::remove_file(&path).unwrap(),
            _ => std::fs::write(&path, b"torn").unwrap(),
        }
        let again = Mirrored::over(stores, clock, place).await.unwrap();
        again.caught_up().await;
        (stores, clock, place) = again.stop().await;
        place.verified(&key);
        tried += 1;
    }
    assert!(tried >= 3, "{tried}");
    // Without its checkpoint, it is one to be filled.
    std::fs::remove_file(log.join("checkpoint")).unwrap();
    let again = Mirrored::over(stores, clock, place).await.unwrap();
    again.caught_up().await;
    again.place.verified(&key);
    assert_eq!(again.bed.count(EntryKind::LogDegraded).await, 1);
}

/// Starts over stores whose log was lost; answers why that is refused.
async fn refused(stores: &MemoryStores, place: Place) -> (&'static str, String) {
    let lost = without_log(stores).await;
    refused_over(lost, place).await
}

async fn refused_over(stores: MemoryStores, place: Place) -> (&'static str, String) {
    let log = stores.log.clone();
    let before = log.state(ORIGIN).await.unwrap();
    let files_before = files(place.path());
    let path = place.path().to_owned();
    let Err(error) = Mirrored::over(stores, hand_clock(), place).await else {
        panic!("it starts");
    };
    assert_eq!(
        log.state(ORIGIN).await.unwrap(),
        before,
        "it writes nothing"
    );
    if path.exists() {
        assert_eq!(files(&path), files_before, "nor there");
    }
    (error.code(), error.to_string())
}

#[tokio::test]
async fn entries_that_are_torn_or_missing_are_not_believed() {
    let mirrored = Mirrored::new().await;
    busy(&mirrored.bed).await;
    let (stores, _, place) = mirrored.stop().await;
    let log = the_log(&place);
    let bundle = log.join("tile/entries/003");
    let whole = std::fs::read(&bundle).unwrap();
    let mut changed = whole.clone();
    // A letter within an entry: the lengths stay.
    changed[200] ^= 1;
    for (bytes, code) in [
        (Some(&changed[..]), "mirror_differs"),
        (Some(&whole[..whole.len() - 1]), "mirror_damaged"),
        (Some(&[]), "mirror_damaged"),
        (None, "mirror_damaged"),
    ] {
        match bytes {
            Some(bytes) => std::fs::write(&bundle, bytes).unwrap(),
            None => std::fs::remove_file(&bundle).unwrap(),
        }
        let copy = copied(&place);
        let (found, said) = refused(&stores, copy).await;
        assert_eq!(found, code, "{said}");
    }
    std::fs::write(&bundle, whole).unwrap();
    let lost = without_log(&stores).await;
    Mirrored::over(lost, hand_clock(), place).await.unwrap();
}

fn copied(place: &Place) -> Place {
    let copy = Place::new();
    for (name, bytes) in files(place.path()) {
        let path = copy.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    copy
}

#[tokio::test]
async fn two_histories_are_told_apart() {
    let (one, other) = (Mirrored::new().await, Mirrored::later().await);
    for mirrored in [&one, &other] {
        mirrored.bed.subject("ada@example.com").await;
    }
    // One of them is longer.
    other.bed.subject("bob@example.com").await;
    let (shorter, _, of_shorter) = one.stop().await;
    let (longer, _, of_longer) = other.stop().await;
    let (code, said) = refused_over(shorter, of_longer).await;
    assert_eq!(code, "mirror_differs", "{said}");
    let (code, said) = refused_over(longer, of_shorter).await;
    assert_eq!(code, "mirror_differs", "{said}");
    assert!(said.contains(ORIGIN), "{said}");
}

#[tokio::test]
async fn a_mirror_that_cannot_be_read_opens_nothing() {
    let mirrored = Mirrored::new().await;
    mirrored.bed.subject("ada@example.com").await;
    let (stores, clock, place) = mirrored.stop().await;
    let faulty = Faulty::new(place.mirror());
    faulty.becomes(Mood::Fails);
    let parts = parts(&stores, &clock, "test", root());
    let error = Vault::start_mirrored(parts, faulty).await.unwrap_err();
    assert_eq!(error.code(), "mirror_unreachable");
    assert!(error.to_string().contains("[log.mirror]"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_hangs_at_the_start_is_not_waited_for() {
    let faulty = Faulty::new(Place::new().mirror());
    faulty.becomes(Mood::Hangs);
    let (stores, clock) = (new_stores().await, hand_clock());
    let parts = parts(&stores, &clock, "test", root());
    let error = Vault::start_mirrored(parts, faulty).await.unwrap_err();
    assert_eq!(error.code(), "mirror_unreachable");
}

#[tokio::test]
async fn what_others_signed_is_not_believed() {
    let mirrored = Mirrored::new().await;
    let (stores, clock, place) = mirrored.stop().await;
    // The same name and another key.
    let mut foreign = parts(&new_stores().await, &clock, "test", root());
    let name = KeyName::new(ORIGIN).unwrap();
    foreign.signer = SigningKey::from_seed(name, &[9; 32]).unwrap();
    let refused = Vault::start_mirrored(foreign, place.mirror()).await;
    assert_eq!(refused.unwrap_err().code(), "mirror_foreign");
    // A log that nobody here knows of.
    let other = parts_of_another(&new_stores().await, &clock, OTHER);
    let other = Vault::start_mirrored(other, Place::new().mirror()).await;
    other.unwrap().stop().await;
    let other = parts_of_another(&new_stores().await, &clock, OTHER);
    let error = Vault::start_mirrored(other, place.mirror()).await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), "mirror_foreign");
    assert!(error.to_string().contains(ORIGIN), "{error}");
    Mirrored::over(stores, clock, place).await.unwrap();
}
