//! What is expected of requests, said once more and in other words than the vault says it: which actions are open, what they
//! lead to, and what must hold of every world.

use jiff::{SignedDuration, Timestamp};
use privet_vault::port::{StoreError, SubjectRequestRow};
use privet_vault::subject_request::{
    Outcome, Refusal, Step, SubjectRequestKind, SubjectRequestState as State,
};

use crate::world::{Action, Answer, Hand, World, rules};

/// Whether a row's person is still waiting for it.
fn runs(row: &SubjectRequestRow) -> bool {
    use State::{Collecting, Confirming, Cooling, Destroying, Waiting};
    [Waiting, Collecting, Cooling, Destroying, Confirming].contains(&row.progress.state)
}

/// What a server may do about a row, looked at apart from the vault's own answer.
pub(crate) fn due(row: &SubjectRequestRow, now: Timestamp) -> Option<Step> {
    let free = row
        .progress
        .lease
        .as_ref()
        .is_none_or(|lease| lease.until <= now);
    let file_is_there = |row: &SubjectRequestRow| {
        let file = row.progress.file.as_ref();
        file.is_some_and(|file| now < file.until)
    };
    let step = match row.progress.state {
        State::Waiting | State::Collecting => Step::Collect,
        State::Ready if row.progress.notify && file_is_there(row) => Step::Notify,
        State::Cooling | State::Destroying => Step::Destroy,
        State::Confirming => Step::Confirm,
        _ => return None,
    };
    (free && row.progress.due_at <= now).then_some(step)
}

/// Whether a row's file is over.
pub(crate) fn is_over(row: &SubjectRequestRow, now: Timestamp) -> bool {
    let there = [State::Ready, State::Notified].contains(&row.progress.state);
    there
        && row
            .progress
            .file
            .as_ref()
            .is_some_and(|file| file.until <= now)
}

/// How finely what a person or a server does is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// Whoever looks at something changes it only afterwards, when others may have changed it.
    Fine,
    /// Looking and changing are one, attempts do not fail but by a crash, and no lease is made longer: many fewer worlds.
    Coarse,
}

/// Everything that may happen next. Failures are bounded, since each leads to the same again.
pub(crate) fn actions(world: &World, grain: Grain) -> Vec<Action> {
    let mut open = vec![Action::Wait, Action::NextDay];
    for kind in SubjectRequestKind::ALL {
        if world.asks[kind as usize] > 0 {
            open.push(Action::Ask(kind));
        }
    }
    if !world.files.is_empty() {
        open.push(Action::Sweep);
    }
    let ids = world.rows.iter().map(|row| row.id);
    match (grain, &world.cancelling) {
        (Grain::Coarse, _) => open.extend(ids.map(Action::CancelNow)),
        (Grain::Fine, Some(_)) => open.push(Action::Cancel),
        (Grain::Fine, None) => open.extend(ids.map(Action::LookToCancel)),
    }
    for row in world.rows.iter().filter(|row| is_over(row, world.now)) {
        open.push(Action::Expire(row.id));
    }
    for (server, hand) in world.hands.iter().enumerate() {
        match hand {
            None => {
                let due = world
                    .rows
                    .iter()
                    .filter(|row| due(row, world.now).is_some());
                open.extend(due.map(|row| match grain {
                    Grain::Fine => Action::Look(server, row.id),
                    Grain::Coarse => Action::Take(server, row.id),
                }));
            }
            Some(Hand::Looked(_)) => open.extend([Action::Claim(server), Action::Crash(server)]),
            Some(Hand::Holding {
                request,
                worked,
                step,
                ..
            }) => {
                open.push(Action::Crash(server));
                if *step == Step::Notify && !worked {
                    open.push(Action::GiveUp(server));
                }
                open.push(match worked {
                    true => Action::Finish(server),
                    false => Action::Work(server),
                });
                let attempts = world.row(*request).map_or(0, |row| row.progress.attempts);
                if grain == Grain::Fine && !worked {
                    open.push(Action::Prolong(server));
                }
                if grain == Grain::Fine && attempts < 1 {
                    open.push(match (step, worked) {
                        (Step::Destroy | Step::Confirm, true) => Action::Unconfirmed(server),
                        _ => Action::Fail(server),
                    });
                }
            }
        }
    }
    open
}

/// Whether the store answered as it should.
pub(crate) fn check_answer(before: &World, action: Action, after: &World, answer: &Answer) {
    match (action, answer) {
        (Action::Ask(kind), Answer::Asked(added)) => {
            let running = |row: &SubjectRequestRow| row.kind == kind && runs(row);
            let may = before.known && !before.rows.iter().any(running);
            let expected = if may {
                Ok(())
            } else {
                Err(StoreError::Conflict)
            };
            assert_eq!(*added, expected);
        }
        (Action::Claim(server), Answer::Claimed(is_mine)) => {
            let Some(Hand::Looked(seen)) = &before.hands[server] else {
                panic!("it has not looked");
            };
            let expected = before.is_current(seen) && due(seen, before.now).is_some();
            assert_eq!(*is_mine, expected);
        }
        (Action::Take(..), Answer::Claimed(is_mine)) => assert!(is_mine, "nobody was between"),
        (Action::Cancel | Action::CancelNow(_), Answer::Outcome(Some(outcome))) => {
            let seen = match action {
                Action::CancelNow(id) => before.row(id).unwrap(),
                _ => before.cancelling.as_ref().unwrap(),
            };
            let expected = match seen.progress.state {
                State::Destroying | State::Confirming => Some(Refusal::TooLate),
                State::Expired | State::Done | State::Cancelled => Some(Refusal::Ended),
                _ => None,
            };
            match (outcome, expected) {
                (Outcome::Refused(refusal), Some(expected)) => assert_eq!(*refusal, expected),
                (Outcome::Behind, None) => assert!(!before.is_current(seen)),
                (Outcome::Changed(row, _), None) => {
                    assert!(before.is_current(seen));
                    assert_eq!(row.progress.state, State::Cancelled);
                    assert!(!after.keys.contains(&row.id));
                }
                other => panic!("{other:?}"),
            }
        }
        (
            Action::Finish(server)
            | Action::Fail(server)
            | Action::GiveUp(server)
            | Action::Unconfirmed(server)
            | Action::Prolong(server),
            answer,
        ) => {
            let Some(Hand::Holding { request, run, .. }) = &before.hands[server] else {
                panic!("it holds nothing");
            };
            let changed = matches!(answer, Answer::Outcome(Some(Outcome::Changed(..))));
            let asked = *answer != Answer::None;
            assert_eq!(changed, asked && before.holds(*request, *run));
        }
        (Action::Work(server), Answer::Outcome(Some(outcome))) => {
            // What is about to be destroyed is stored by whoever holds the request, before anybody destroyed it.
            let Some(Hand::Holding { request, run, .. }) = &before.hands[server] else {
                panic!("it holds nothing");
            };
            let changed = matches!(outcome, Outcome::Changed(..));
            assert_eq!(changed, before.holds(*request, *run) && before.known);
        }
        (Action::Expire(_), answer) => {
            let changed = matches!(answer, Answer::Outcome(Some(Outcome::Changed(..))));
            assert!(changed, "nobody else was at it");
        }
        (_, answer) => assert_eq!(*answer, Answer::None),
    }
}

/// What must hold whatever happened.
pub(crate) fn check(world: &World) {
    for kind in SubjectRequestKind::ALL {
        let running = world
            .rows
            .iter()
            .filter(|row| row.kind == kind && runs(row));
        assert!(running.count() <= 1, "a person waits for one of a kind");
    }
    for row in &world.rows {
        let state = row.progress.state;
        let ended = [State::Expired, State::Done, State::Cancelled].contains(&state);
        let opens = !ended && state != State::Confirming;
        assert_eq!(
            world.keys.contains(&row.id),
            opens,
            "a key lives as long as its request, and its person"
        );
        assert_eq!(row.details.is_empty(), !opens);
        let receipt = row.progress.receipt.as_deref();
        match state {
            State::Confirming => assert_eq!(receipt, Some(&[1][..]), "what was destroyed is known"),
            State::Done => assert_eq!(receipt, Some(&[2][..]), "whoever is erased has a receipt"),
            State::Destroying => {}
            _ => assert_eq!(receipt, None),
        }
        assert_eq!(
            row.subject.is_some(),
            world.known,
            "nobody's once they are gone"
        );
        if !world.known {
            assert!(
                [State::Confirming, State::Done].contains(&state),
                "of those who are gone stays that it was done"
            );
        }
        if [State::Ready, State::Notified].contains(&state) {
            let file = row.progress.file.as_ref().unwrap();
            assert!(
                world.files.contains(&(row.id, file.run)),
                "the file is there"
            );
        }
        if !row.progress.notify && state == State::Ready {
            assert!(row.progress.failure.is_some(), "it says why nobody is told");
        }
        if state == State::Notified {
            assert!(world.mailed.contains(&row.id), "at least one mail");
        }
        let holders = world.hands.iter().flatten().filter(|hand| match hand {
            Hand::Holding { request, run, .. } => *request == row.id && world.holds(*request, *run),
            Hand::Looked(_) => false,
        });
        assert!(holders.count() <= 1, "one server takes a step");
    }
    for id in &world.keys {
        assert!(world.row(*id).is_some(), "no key without its request");
    }
}

/// What must hold of a change.
pub(crate) fn check_change(before: &World, action: Action, after: &World) {
    if before.known && !after.known {
        let is_due = |row: &SubjectRequestRow| {
            row.progress.state == State::Destroying && row.asked_at + rules().cooling <= after.now
        };
        assert!(
            before.rows.iter().any(is_due),
            "{action:?}: nobody is destroyed early"
        );
    }
    for row in &before.rows {
        let Some(next) = after.row(row.id) else {
            assert!(
                !after.known,
                "{action:?}: requests go with their person alone"
            );
            continue;
        };
        if row.progress.state != State::Ready && next.progress.state == State::Ready {
            assert!(row.progress.file.is_none(), "one file for a request");
        }
        if row.progress.state.has_ended() {
            assert_eq!(row.progress, next.progress, "what ended stays as it is");
        }
    }
}

/// Where nothing is left to do.
pub(crate) fn has_ended(world: &World) -> bool {
    let ended = |row: &SubjectRequestRow| {
        [State::Expired, State::Done, State::Cancelled].contains(&row.progress.state)
    };
    world.rows.iter().all(ended) && world.files.is_empty() && world.keys.is_empty()
}

/// Everything that what may happen next depends on: the same text, the same future. Attempts have no names, times are as far
/// as the next ticks can tell them apart, what was looked at and has changed since is the same whatever it was.
pub(crate) fn abstracted(world: &World) -> String {
    let mut rows: Vec<String> = world.rows.iter().map(|row| row_text(world, row)).collect();
    rows.sort();
    // Hands on what is no more, and looks at it.
    let gone = |id| world.row(id).is_none();
    let lost = world.hands.iter().flatten().filter_map(|hand| match hand {
        Hand::Looked(seen) if gone(seen.id) => Some("looked".to_owned()),
        Hand::Holding {
            request,
            step,
            prepared,
            worked,
            ..
        } if gone(*request) => Some(format!("{step:?} {prepared} {worked}")),
        _ => None,
    });
    let mut lost: Vec<String> = lost.collect();
    lost.sort();
    let files = world.files.iter().any(|(id, _)| gone(*id));
    let cancelling = world.cancelling.as_ref().filter(|seen| gone(seen.id));
    format!(
        "{} {:?} {rows:?} {lost:?} {files} {:?}",
        world.known,
        world.asks,
        cancelling.map(|seen| seen.progress.state),
    )
}

fn row_text(world: &World, row: &SubjectRequestRow) -> String {
    let progress = &row.progress;
    let lease = progress.lease.as_ref();
    let lease = lease.map(|lease| ahead(world, lease.until));
    let file = progress.file.as_ref();
    let file = file.map(|file| ahead(world, file.until));
    let mut files = world.files.iter().filter(|(id, _)| *id == row.id);
    let is_left_over = files.any(|(_, run)| !progress.needs(*run));
    let hands = world.hands.iter().flatten().filter_map(|hand| match hand {
        Hand::Looked(seen) if seen.id == row.id => {
            Some(format!("looked {}", world.is_current(seen)))
        }
        Hand::Holding {
            request,
            run,
            step,
            prepared,
            worked,
        } if *request == row.id => {
            let holds = world.holds(*request, *run);
            let written = world.files.contains(&(*request, *run));
            Some(format!("{step:?} {prepared} {worked} {holds} {written}"))
        }
        _ => None,
    });
    let mut hands: Vec<String> = hands.collect();
    hands.sort();
    let due = match progress.state.has_ended() {
        true => 0,
        false => ahead(world, progress.due_at),
    };
    let cancelling = world.cancelling.as_ref().filter(|seen| seen.id == row.id);
    format!(
        "{:?} {:?} {:?} due {due} {} lease {lease:?} file {file:?} left {is_left_over} notify {} mailed {} {hands:?} {:?}",
        row.kind,
        progress.state,
        progress.receipt,
        progress.attempts,
        progress.notify,
        world.mailed.contains(&row.id),
        cancelling.map(|seen| world.is_current(seen)),
    )
}

/// How far ahead a moment is, in steps that the ticks can tell apart.
fn ahead(world: &World, moment: Timestamp) -> usize {
    let left = moment.duration_since(world.now);
    let steps = [
        SignedDuration::ZERO,
        rules().lease,
        SignedDuration::from_hours(8),
        SignedDuration::from_hours(16),
        SignedDuration::from_hours(24),
    ];
    steps.iter().filter(|step| left > **step).count()
}
