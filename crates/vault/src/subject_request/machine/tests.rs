//! What the states of a request allow, one rule at a time; every order of events is explored in `tests/requests`.

use super::*;

const RUN: RequestRunId = RequestRunId::from_bytes([1; 16]);
const OTHER: RequestRunId = RequestRunId::from_bytes([2; 16]);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-26T12:00:00Z")
}

fn rules() -> RequestRules {
    RequestRules::default()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// A request in this state, whose next step is due, held by [`RUN`] where it is being worked on.
fn standing(state: SubjectRequestState) -> Progress {
    let lease = Lease {
        run: RUN,
        server: "a".into(),
        until: now() + hours(-1),
    };
    let file = RequestFile {
        run: RUN,
        server: "a".into(),
        size_bytes: 9,
        made_at: now() + hours(-2),
        until: now() + hours(48),
    };
    let works = matches!(
        state,
        SubjectRequestState::Collecting
            | SubjectRequestState::Ready
            | SubjectRequestState::Destroying
            | SubjectRequestState::Confirming
    );
    Progress {
        state,
        due_at: now() + hours(-3),
        attempts: 0,
        failure: None,
        lease: works.then_some(lease),
        notify: true,
        file: state.has_file().then_some(file),
        receipt: None,
        ended_at: state.has_ended().then(now),
    }
}

fn events() -> Vec<(&'static str, Event)> {
    let claimed = |at_once| Event::Claimed {
        run: OTHER,
        server: "b".into(),
        at_once,
    };
    let failed = |run| Event::Failed {
        run,
        code: "store_unavailable".into(),
        at_least: SignedDuration::ZERO,
        jitter: 0,
    };
    let untold = |run| Event::Untold {
        run,
        code: "no_address".into(),
    };
    let collected = |run| Event::Collected { run, size_bytes: 9 };
    let hastened = Event::Hastened {
        run: OTHER,
        server: "b".into(),
    };
    let prepared = |run| Event::Prepared {
        run,
        receipt: vec![1],
    };
    let noted = |run| Event::Noted {
        run,
        receipt: vec![1],
    };
    let confirmed = |run| Event::Confirmed {
        run,
        receipt: Some(vec![2]),
    };
    vec![
        ("cancelled", Event::Cancelled),
        ("claimed", claimed(false)),
        ("claimed at once", claimed(true)),
        ("prolonged", Event::Prolonged { run: RUN }),
        ("collected", collected(RUN)),
        ("collected by another", collected(OTHER)),
        ("told", Event::Told { run: RUN }),
        ("told by another", Event::Told { run: OTHER }),
        ("untold", untold(RUN)),
        ("untold by another", untold(OTHER)),
        ("failed", failed(RUN)),
        ("failed by another", failed(OTHER)),
        ("hastened", hastened),
        ("prepared", prepared(RUN)),
        ("prepared by another", prepared(OTHER)),
        ("noted", noted(RUN)),
        ("noted by another", noted(OTHER)),
        ("destroyed", Event::Destroyed),
        ("confirmed", confirmed(RUN)),
        ("confirmed by another", confirmed(OTHER)),
        ("passed", Event::Passed),
    ]
}

/// What each event makes of each state, for a person to read: nothing that is missing here can happen.
#[test]
fn every_event_in_every_state() {
    let mut text = String::new();
    for state in SubjectRequestState::ALL {
        for (name, event) in events() {
            let outcome = match next(&standing(state), &event, now(), &rules()) {
                Err(refusal) => format!("{refusal:?}"),
                Ok((progress, effects)) => {
                    let mut outcome = format!("-> {}", progress.state.as_str());
                    if let Some(lease) = &progress.lease {
                        outcome += &format!(", held by {}", lease.server);
                    }
                    if let Some(step) = effects.step {
                        outcome += &format!(", {step:?}");
                    }
                    if effects.destroys_key && effects.deletes_files {
                        outcome += ", key and files go";
                    }
                    outcome
                }
            };
            text += &format!("{:<10}  {name:<20}  {outcome}\n", state.as_str());
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn access_waits_for_the_next_batch_and_erasure_for_its_days() {
    let check = |kind, asked: &str, due: &str| {
        let progress = Progress::asked(kind, true, at(asked), &rules());
        assert_eq!(progress.due_at, at(due));
        assert_eq!(progress.wakes_at(), Some(at(due)));
        assert_eq!(progress.notify, kind == SubjectRequestKind::Access);
    };
    let (access, erasure) = (SubjectRequestKind::Access, SubjectRequestKind::Erasure);
    check(access, "2026-11-26T01:59:59Z", "2026-11-26T02:00:00Z");
    check(access, "2026-11-26T02:00:00Z", "2026-11-27T02:00:00Z");
    check(access, "2026-12-31T12:00:00Z", "2027-01-01T02:00:00Z");
    check(erasure, "2026-11-26T12:00:00Z", "2026-12-03T12:00:00Z");
}

#[test]
fn nothing_cuts_the_time_short_in_which_an_erasure_can_be_taken_back() {
    let asked = Progress::asked(SubjectRequestKind::Erasure, false, now(), &rules());
    let early = now() + rules().cooling - SignedDuration::from_nanos(1);
    for moment in [now(), early, now() + hours(-10_000)] {
        assert_eq!(asked.due(moment, true, &rules()), Err(Refusal::NotDue));
    }
    let due = asked.due(now() + rules().cooling, false, &rules());
    assert_eq!(due, Ok(Step::Destroy));
}

#[test]
fn pauses_double_up_to_an_hour_and_half_of_each_is_chance() {
    let check = |attempts, least, most| {
        let seconds = |jitter| pause(attempts, jitter, &rules()).as_secs();
        assert_eq!((seconds(0), seconds(u32::MAX)), (least, most));
    };
    check(1, 15, 30);
    check(2, 30, 60);
    check(7, 960, 1_920);
    check(8, 1_800, 3_600);
    check(31, 1_800, 3_600);
    check(u32::MAX, 1_800, 3_600);
}

#[test]
fn a_pause_can_be_as_long_as_is_of_use_and_never_longer_than_any() {
    let ready = standing(SubjectRequestState::Ready);
    let check = |at_least, seconds| {
        let failed = Event::Failed {
            run: RUN,
            code: "mail_deferred".into(),
            at_least,
            jitter: 0,
        };
        let (paused, _) = next(&ready, &failed, now(), &rules()).unwrap();
        assert_eq!(paused.due_at, now() + SignedDuration::from_secs(seconds));
    };
    check(SignedDuration::ZERO, 15);
    check(SignedDuration::from_mins(10), 600);
    check(hours(48), 3_600);
}

#[test]
fn who_cannot_be_told_keeps_the_file_and_is_not_tried_again() {
    let untold = Event::Untold {
        run: RUN,
        code: "no_address".into(),
    };
    let ready = standing(SubjectRequestState::Ready);
    let (left, effects) = next(&ready, &untold, now(), &rules()).unwrap();
    assert_eq!(left.state, SubjectRequestState::Ready);
    assert_eq!(left.failure.as_deref(), Some("no_address"));
    assert_eq!(left.file, ready.file);
    assert_eq!(effects, Effects::default());
    assert_eq!(left.due(now(), true, &rules()), Err(Refusal::NotDue));
    let over = left.file.as_ref().map(|file| file.until);
    assert_eq!(left.wakes_at(), over);
}

#[test]
fn who_lost_its_lease_changes_nothing_and_who_only_let_it_lapse_does() {
    let held = standing(SubjectRequestState::Collecting);
    let collected = Event::Collected {
        run: RUN,
        size_bytes: 9,
    };
    // Nobody took over.
    let (ready, _) = next(&held, &collected, now(), &rules()).unwrap();
    assert_eq!(ready.state, SubjectRequestState::Ready);
    let claim = Event::Claimed {
        run: OTHER,
        server: "b".into(),
        at_once: false,
    };
    let (taken, _) = next(&held, &claim, now(), &rules()).unwrap();
    let late = next(&taken, &collected, now(), &rules());
    assert_eq!(late, Err(Refusal::Lost));
    let again = next(&taken, &claim, now(), &rules());
    assert_eq!(again, Err(Refusal::Taken));
}

#[test]
fn a_clock_that_was_put_right_holds_nobody_up() {
    let mut held = standing(SubjectRequestState::Collecting);
    let year = hours(365 * 24);
    // The lease was given, or the pause begun, while the clock was a year ahead.
    if let Some(lease) = &mut held.lease {
        lease.until = now() + year;
    }
    assert_eq!(held.due(now(), false, &rules()), Ok(Step::Collect));
    held.lease = None;
    held.due_at = now() + year;
    assert_eq!(held.due(now(), false, &rules()), Ok(Step::Collect));
    // Another server's clock that is a little ahead is believed.
    held.due_at = now() + SignedDuration::from_mins(90);
    assert_eq!(held.due(now(), false, &rules()), Err(Refusal::NotDue));
}

#[test]
fn a_file_ends_at_its_time_whether_anybody_was_told_or_not() {
    for state in [SubjectRequestState::Ready, SubjectRequestState::Notified] {
        let file = standing(state);
        let end = now() + hours(48);
        assert_eq!(
            next(
                &file,
                &Event::Passed,
                end - SignedDuration::from_nanos(1),
                &rules()
            ),
            Err(Refusal::NotDue)
        );
        let (over, effects) = next(&file, &Event::Passed, end, &rules()).unwrap();
        assert_eq!(over.state, SubjectRequestState::Expired);
        assert!(effects.destroys_key && effects.deletes_files);
        // Nobody is told of what is over.
        let claim = file.due(end, true, &rules());
        assert_eq!(claim, Err(Refusal::NotDue));
    }
}
