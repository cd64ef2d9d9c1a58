//! What is remembered about a callsite holds for that callsite and that policy alone.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use privet_classify::Class;
use privet_tracing::{Policy, redacted};
use tracing::field::{FieldSet, Value};
use tracing::{Dispatch, Event, Metadata, dispatcher, info, info_span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;

/// Keeps each event as its fields are shown, and its callsite.
#[derive(Clone, Default)]
struct Seen {
    events: Arc<Mutex<Vec<String>>>,
    callsite: Arc<Mutex<Option<&'static Metadata<'static>>>>,
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut shown = Vec::new();
        event.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                shown.push(format!("{field}={value:?}"));
            },
        );
        self.events.lock().unwrap().push(shown.join(" "));
        *self.callsite.lock().unwrap() = Some(event.metadata());
    }
}

impl Seen {
    fn behind(&self, policy: Policy) -> Dispatch {
        redacted(tracing_subscriber::registry().with(self.clone()), policy)
    }

    fn events(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }
}

fn pay() {
    info!(user.id = 4711, attempts = 3, "paid");
}

#[test]
fn each_policy_has_its_own() {
    let seen = Seen::default();
    let lists = |field, class| Policy::new().field(field, class);
    let first = seen.behind(lists("attempts", Class::Sys));
    let second = seen.behind(lists("user.id", Class::Upi));
    for dispatch in [&first, &second, &first] {
        dispatcher::with_default(dispatch, pay);
    }
    let shown = ["message=paid attempts=3", "message=paid user.id=\"[UPI]\""];
    assert_eq!(seen.events(), [shown[0], shown[1], shown[0]]);
}

#[test]
fn each_target_has_its_own() {
    let seen = Seen::default();
    let dispatch = seen.behind(Policy::new().silence("mailer").system(["attempts"]));
    dispatcher::with_default(&dispatch, || {
        for _ in 0..2 {
            info!(target: "mailer", attempts = 1, "to Ada");
            info!(target: "orders", attempts = 2, "paid");
        }
    });
    let both = ["attempts=1", "message=paid attempts=2"];
    assert_eq!(seen.events(), [both, both].concat());
}

#[test]
fn each_thread_finds_the_same() {
    let seen = Seen::default();
    let dispatch = seen.behind(Policy::new().system(["attempts"]));
    for _ in 0..2 {
        let dispatch = dispatch.clone();
        std::thread::spawn(move || dispatcher::with_default(&dispatch, pay))
            .join()
            .unwrap();
    }
    assert_eq!(seen.events(), ["message=paid attempts=3"; 2]);
}

/// Names that are not the callsite's, in its places: what `tracing` lets nobody write by accident.
#[test]
fn a_field_in_the_place_of_another_is_not_treated_as_it() {
    let seen = Seen::default();
    let dispatch = seen.behind(Policy::new().system(["attempts", "size"]));
    dispatcher::with_default(&dispatch, || {
        info!(attempts = 3, size = 4);
        let metadata = seen.callsite.lock().unwrap().unwrap();
        let others = FieldSet::new(&["password", "attempts"], metadata.callsite());
        let [first, second] = ["password", "attempts"].map(|name| others.field(name).unwrap());
        let value: Option<&dyn Value> = Some(&"hunter2");
        let values = [(&first, value), (&second, value)];
        let values = others.value_set(&values);
        dispatcher::get_default(|dispatch| dispatch.event(&Event::new(metadata, &values)));
    });
    let events = seen.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], "attempts=3 size=4");
    // The second is listed; where it is shown is what the program asked for.
    assert_eq!(events[1], "size=\"hunter2\"");
}

/// Fields that are recorded later come without their callsite, and each alone.
#[test]
fn a_field_recorded_later_is_found_by_its_place() {
    let seen = Seen::default();
    let dispatch = seen.behind(Policy::new().system(["attempts"]));
    dispatcher::with_default(&dispatch, || {
        let span = info_span!("pay", secret = 1, attempts = tracing::field::Empty);
        span.record("attempts", 2).record("secret", 2);
        span.in_scope(|| info!(attempts = 3, "paid"));
    });
    assert_eq!(seen.events(), ["message=paid attempts=3"]);
}
