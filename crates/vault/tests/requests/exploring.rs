//! Every order in which a person can ask and cancel, and two servers can look, claim, work, fail, crash and report: all of
//! them, by breadth first, against what the model expects.

use std::collections::{HashMap, VecDeque};

use privet_vault::subject_request::SubjectRequestState;

use crate::model::{self, Grain};
use crate::world::{Action, Stored, World, act};

/// The worlds that were found, and which lead to which by what servers and time do alone.
struct Found {
    worlds: usize,
    transitions: usize,
    /// Whether a world has nothing left to do.
    ended: Vec<bool>,
    /// Of each world, from which others it is reached without the person doing anything and without a crash.
    reached_from: Vec<Vec<usize>>,
}

async fn explore(asks: [u8; 2], grain: Grain) -> Found {
    let first = World::new(asks);
    let mut numbers = HashMap::from([(model::abstracted(&first), 0)]);
    let mut ended = vec![true];
    let mut reached_from: Vec<Vec<usize>> = vec![Vec::new()];
    let mut waiting = VecDeque::from([first]);
    let (mut number, mut transitions) = (0, 0);
    while let Some(world) = waiting.pop_front() {
        check_lists(&world).await;
        for action in model::actions(&world, grain) {
            let (next, answer) = act(&world, action).await;
            model::check_answer(&world, action, &next, &answer);
            model::check_change(&world, action, &next);
            model::check(&next);
            transitions += 1;
            let known = numbers.len();
            let to = *numbers.entry(model::abstracted(&next)).or_insert(known);
            if to == known {
                ended.push(model::has_ended(&next));
                reached_from.push(Vec::new());
                waiting.push_back(next);
            }
            let goes_on = !matches!(
                action,
                Action::Ask(_)
                    | Action::LookToCancel(_)
                    | Action::Cancel
                    | Action::CancelNow(_)
                    | Action::Crash(_)
            );
            if goes_on {
                reached_from[to].push(number);
            }
        }
        number += 1;
    }
    Found {
        worlds: numbers.len(),
        transitions,
        ended,
        reached_from,
    }
}

/// What the vault says is due, or over, is what the model says.
async fn check_lists(world: &World) {
    if world.rows.iter().all(|row| row.progress.state.has_ended()) {
        return;
    }
    let stored = Stored::of(world).await;
    let mut due = stored.book.due(world.now, false, 10).await.unwrap();
    due.extend(stored.book.untold(world.now, false, 10).await.unwrap());
    let due: Vec<_> = due.iter().map(|(row, step)| (row.id, *step)).collect();
    for row in &world.rows {
        let found = due.iter().find(|(id, _)| *id == row.id);
        let expected = model::due(row, world.now);
        assert_eq!(found.map(|(_, step)| *step), expected, "{row:?}");
    }
    let over = stored.book.over(world.now, 10).await.unwrap();
    for row in &world.rows {
        let found = over.iter().any(|over| over.id == row.id);
        assert_eq!(found, model::is_over(row, world.now), "{row:?}");
    }
}

/// From every world, servers and time alone lead to one in which nothing is left to do.
fn check_ends(found: &Found) {
    let mut ends = found.ended.clone();
    let mut waiting: Vec<usize> = (0..ends.len()).filter(|number| ends[*number]).collect();
    while let Some(number) = waiting.pop() {
        for from in &found.reached_from[number] {
            if !ends[*from] {
                ends[*from] = true;
                waiting.push(*from);
            }
        }
    }
    let stuck = ends.iter().filter(|ends| !**ends).count();
    assert_eq!(stuck, 0, "requests that never end");
}

/// At most so many requests of each kind are asked for, the next as soon as the last one does not run any more.
async fn check(asks: [u8; 2], grain: Grain, worlds_min: usize) {
    let found = explore(asks, grain).await;
    check_ends(&found);
    let Found {
        worlds,
        transitions,
        ..
    } = found;
    // What cannot be reached any more is not checked any more.
    assert!(
        worlds >= worlds_min,
        "{worlds} worlds, {transitions} transitions"
    );
}

#[tokio::test]
async fn an_access_request_in_every_order() {
    check([1, 0], Grain::Fine, 4_500).await;
}

#[tokio::test]
async fn an_erasure_in_every_order() {
    check([0, 1], Grain::Fine, 170).await;
}

#[tokio::test]
async fn an_access_request_and_an_erasure_in_every_order() {
    check([1, 1], Grain::Coarse, 4_200).await;
}

#[tokio::test]
async fn two_access_requests_one_behind_the_other_in_every_order() {
    check([2, 0], Grain::Coarse, 23_000).await;
}

/// The same, looking apart from changing: minutes of it.
#[tokio::test]
async fn two_requests_in_every_finer_order() {
    if std::env::var_os("PRIVET_TEST_LONG").is_some() {
        check([0, 2], Grain::Fine, 500).await;
        check([1, 1], Grain::Fine, 120_000).await;
        check([2, 0], Grain::Fine, 690_000).await;
    }
}

#[test]
fn every_state_is_running_has_a_file_or_has_ended() {
    for state in SubjectRequestState::ALL {
        let parts = [state.is_running(), state.has_file(), state.has_ended()];
        assert_eq!(parts.iter().filter(|part| **part).count(), 1, "{state:?}");
    }
}
