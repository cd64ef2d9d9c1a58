//! Last week's copies of the stores, each alone and together, put back wherever an erasure was cut short: whoever was told that
//! they are erased stays so, and nobody else loses anything.

use std::sync::Arc;

use privet_mirror::{FolderMirror, folder_name};
use privet_store::{FailNth, Faults, MemoryStores};
use privet_tlog::note::{KeyName, SigningKey, VerifierKey};
use privet_tlog::{EntryBundle, TilePath, tile_width};
use privet_vault::audit::offline;
use privet_vault::port::StoreError;
use privet_vault::{Parts, SubjectName, Vault};

use crate::bed::{Bed, ORIGIN, hand_clock, parts, parts_of_another, root};
use crate::place::{revealed, until};
use crate::world::{STEP, STORES, World};

const OTHER: &str = "privet.example/test/2";

/// Every choice of stores.
fn choices() -> impl Iterator<Item = Vec<&'static str>> {
    (0..8_u8).map(|choice| {
        let chosen = STORES.iter().enumerate();
        let chosen = chosen.filter(|(at, _)| choice & (1 << at) != 0);
        chosen.map(|(_, name)| *name).collect()
    })
}

impl World {
    fn mirror(&self) -> Arc<FolderMirror> {
        Arc::new(FolderMirror::open(&self.mirror_folder()).unwrap())
    }

    async fn vault(&self, parts: Parts) -> Vault {
        Vault::start_mirrored(parts, self.mirror()).await.unwrap()
    }

    async fn start(&self) -> Bed {
        let stores = self.stores().await;
        let vault = self.vault(parts(&stores, &self.clock, "test", root()));
        Bed {
            vault: vault.await,
            clock: self.clock.clone(),
            stores,
        }
    }

    /// Whether the mirror's log says that an erasure was meant. Files that no checkpoint speaks of say nothing.
    fn mirror_knows(&self) -> bool {
        let log = self.mirror_folder().join(folder_name(ORIGIN));
        let key = parts_signer();
        let size = offline::verify_directory(&log, &[key], &[], drop)
            .unwrap()
            .size;
        let word = b"\"erasure.intended\"";
        (0..size.div_ceil(256)).any(|n| {
            let width = tile_width(0, n, size);
            let path = |width| log.join(TilePath::entries(n, width).to_string());
            let bytes = std::fs::read(path(width)).or_else(|_| std::fs::read(path(256)));
            let bytes = bytes.unwrap();
            let entries = EntryBundle::decode(&bytes).take(width.into());
            entries
                .map(Result::unwrap)
                .any(|entry| entry.windows(word.len()).any(|found| found == word))
        })
    }
}

/// Waits until everything is in the mirror, however slow the machine is.
async fn mirrored(vault: &Vault) {
    let behind = || vault.audit().health().mirror.unwrap().behind;
    until("it is mirrored", || behind() == 0).await;
}

async fn stop(bed: Bed) {
    bed.vault.stop().await;
}

fn parts_signer() -> VerifierKey {
    let name = KeyName::new(ORIGIN).unwrap();
    SigningKey::from_seed(name, &[7; 32]).unwrap().verifier()
}

struct People {
    ada: SubjectName,
    bob: SubjectName,
}

/// A week ago: two people, and their server stopped.
async fn a_week_ago() -> (World, People) {
    let world = World::new(hand_clock());
    let bed = world.start().await;
    let people = People {
        ada: bed.subject("ada@example.com").await,
        bob: bed.subject("bob@example.com").await,
    };
    stop(bed).await;
    world.rests().await;
    (world, people)
}

/// Puts back what was chosen and starts: Ada must be gone if she has to be, and Bob is well.
async fn check(world: &World, week_ago: &World, chosen: &[&str], people: &People, gone: bool) {
    let trial = world.copy();
    trial.restore(week_ago, chosen);
    let bed = trial.start().await;
    let shown = revealed(&bed, &people.ada).await;
    let what = format!("{chosen:?} put back");
    if gone {
        assert_eq!(shown, "nobody", "{what}");
        let SubjectName::Oid(oid) = people.ada else {
            panic!()
        };
        let rows = bed.stores.keys.subjects_by_oid(&[oid]).await;
        assert_eq!(rows, Ok(vec![None]), "{what}");
        let count = bed.stores.keys.subject_count().await;
        assert_eq!(count, Ok(1), "{what}");
    } else {
        // As a whole or not at all.
        assert!(
            ["nobody", "ada@example.com"].contains(&&*shown),
            "{what}: {shown}"
        );
    }
    assert_eq!(
        revealed(&bed, &people.bob).await,
        "bob@example.com",
        "{what}"
    );
    let key = bed.vault.audit().verifier_key().clone();
    let log = bed.stores.log.clone();
    stop(bed).await;
    whole(&trial, &*log, &key).await;
}

/// The log and its mirror are one history to the last entry.
async fn whole(world: &World, log: &dyn privet_vault::port::LogStore, key: &VerifierKey) {
    let origin = key.name().to_string();
    let keys = std::slice::from_ref(key);
    let folder = world.mirror_folder();
    let folder = folder.join(folder_name(&origin));
    let copy = offline::verify_directory(&folder, keys, &[], drop).unwrap();
    let since = [copy.clone()];
    let stored = offline::verify_store(log, &origin, keys, &since, drop).await;
    assert_eq!(stored.unwrap(), copy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_erased_stays_so_whatever_is_put_back() {
    let (week_ago, people) = a_week_ago().await;
    let today = week_ago.copy();
    let bed = today.start().await;
    let operator = bed.caller("operator").await;
    let closed = bed.vault.close_subject(&operator, &people.ada).await;
    closed.unwrap();
    mirrored(&bed.vault).await;
    stop(bed).await;
    today.rests().await;
    for chosen in choices() {
        check(&today, &week_ago, &chosen, &people, true).await;
    }
}

/// The same without an end in good order: the process dies at each call of the data and key stores that an erasure makes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_is_cut_short_anywhere_is_whole_or_none() {
    let (week_ago, people) = a_week_ago().await;
    let all: Vec<_> = choices().collect();
    let (mut confirmed, mut cut_short, mut forgotten) = (0, 0, 0);
    for nth in (1..=30_u64).step_by(STEP) {
        let today = week_ago.copy();
        let faults = Faults::new();
        let closed = {
            let stores = today.stores().await;
            let mut failing = parts(&stores, &today.clock, "test", root());
            failing.data = Arc::new(FailNth::new(stores.data.clone(), &faults));
            failing.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
            let bed = Bed {
                vault: today.vault(failing).await,
                clock: today.clock.clone(),
                stores,
            };
            let operator = bed.caller("operator").await;
            faults.die_at(nth, StoreError::Unavailable("dead".into()));
            let closed = bed.vault.close_subject(&operator, &people.ada).await;
            if nth % 3 != 0 {
                // The process was slow to die: what the log has reached its mirror.
                mirrored(&bed.vault).await;
            }
            closed
        };
        today.rests().await;
        let is_confirmed = closed.is_ok_and(|closed| closed.confirmed);
        let known = today.mirror_knows();
        confirmed += u32::from(is_confirmed);
        cut_short += u32::from(known && !is_confirmed);
        forgotten += u32::from(!known);
        assert!(known || !is_confirmed);
        // Each time others of the stores, so that each step meets several and each choice meets several steps.
        for more in 0..2 {
            let chosen = &all[(nth as usize * 3 + more * 4) % all.len()];
            check(&today, &week_ago, chosen, &people, known).await;
        }
    }
    // All three happened, or this test says nothing.
    assert!(
        cut_short > 0 && forgotten > 0,
        "{confirmed} {cut_short} {forgotten}"
    );
}

/// Two servers on the same stores, of which one erased and does not come back: all three stores are put back, and the other
/// one starts alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_server_erased_stays_so() {
    let (week_ago, people) = a_week_ago().await;
    // Both were there a week ago.
    let stores = week_ago.stores().await;
    let other = |stores: &MemoryStores| parts_of_another(stores, &week_ago.clock, OTHER);
    week_ago.vault(other(&stores)).await.stop().await;
    drop(stores);
    week_ago.rests().await;

    let today = week_ago.copy();
    let bed = today.start().await;
    let second = today.vault(other(&bed.stores)).await;
    let operator = bed.token("operator").await;
    let operator = second.authenticate(&operator, "192.0.2.1").await.unwrap();
    let closed = second.close_subject(&operator, &people.ada).await;
    closed.unwrap();
    mirrored(&second).await;
    second.stop().await;
    drop((second, operator));
    stop(bed).await;
    today.rests().await;

    for chosen in choices() {
        check(&today, &week_ago, &chosen, &people, true).await;
    }
    // Once it is back, its log is whole as well.
    today.restore(&week_ago, &STORES);
    let bed = today.start().await;
    assert_eq!(revealed(&bed, &people.ada).await, "nobody");
    let second = today.vault(other(&bed.stores)).await;
    let key = second.audit().verifier_key().clone();
    second.stop().await;
    let log = bed.stores.log.clone();
    whole(&today, &*log, &key).await;
    assert_eq!(revealed(&bed, &people.bob).await, "bob@example.com");
    assert_eq!(bed.vault.audit().origin(), ORIGIN);
}
