//! The attacker: whoever has the data stores of before and after, the telemetry, the whole audit log and everything that was
//! printed, but not the keys, ties no telemetry id that was severed to a person. With the salts the same attacker ties
//! nearly all of them, and who knew which answers are whose would recognize some by how many there are.
//!
//! Ten thousand people whose consent changes at odd times, whose things turn up in telemetry, and of whom one half has the
//! id made anew while the other leaves.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod answers;
mod attacks;
#[path = "../monitor/bed.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod bed;
mod engine;
mod evidence;
#[path = "../monitor/unwrapping.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod unwrapping;
mod world;

use std::collections::BTreeMap;

use evidence::{Claims, Id};
use world::{Person, World};

/// People who are severed.
const PEOPLE: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_severed_id_leads_to_nobody() {
    let mut world = World::lived(PEOPLE).await;
    let truth = world.truth();
    assert_eq!(truth.len(), PEOPLE, "everybody was seen, and severed");
    assert!(world.kept_read() > 0, "proof was read of some who left");
    let evidence = world.evidence().await;
    let tried = |(name, attack): (&str, attacks::Attack)| {
        let claims = attack(&evidence);
        let right = right(&claims, &truth);
        println!("{name}: {} claims, {right} right", claims.len());
        (claims, right)
    };
    for attack in attacks::ALL {
        let (claims, right) = tried(attack);
        let count = claims.len();
        assert!(
            right <= by_chance(count),
            "{}: {right} of {count} claims",
            attack.0
        );
    }

    // The same attacker with what they must not have: whose each answer is, and the salts.
    let claims = answers::with_owners(&evidence, world.owners_of_answers());
    let recognized = right(&claims, &truth);
    println!(
        "with the answers' owners: {} claims, {recognized} right",
        claims.len()
    );
    assert!(recognized > 0, "counting could not have found anybody");
    let claims = attacks::with_salts(&evidence, world.salts_of_before());
    let right = right(&claims, &truth);
    println!("with the salts: {} claims, {right} right", claims.len());
    assert!(
        right > PEOPLE * 99 / 100,
        "the test could not fail: {right}"
    );
}

/// How many claims name the person whose id it was.
fn right(claims: &Claims, truth: &BTreeMap<Id, Person>) -> usize {
    let right = claims
        .iter()
        .filter(|(tyid, person)| truth.get(*tyid).is_some_and(|is| is.is(**person)));
    right.count()
}

/// Whoever gives each of ten thousand ids a person without knowing anything is right once, as a rule; a dozen times,
/// never. Who claims less is right less often, and who claims little, not at all.
fn by_chance(claims: usize) -> usize {
    if claims < PEOPLE / 100 { 0 } else { 12 }
}
