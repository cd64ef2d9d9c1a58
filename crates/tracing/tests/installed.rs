//! The rules of the process. In a program of their own: they can be set once.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use privet_classify::{Class, Redactor, Redactors};
use privet_tracing::{Policy, redacted};
use tracing::field::Field;
use tracing::{Event, dispatcher, info};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut |field: &Field, value: &dyn Debug| {
            self.0.lock().unwrap().push(format!("{field}={value:?}"));
        });
    }
}

/// A program may install its rules after its first records were made.
#[test]
fn rules_that_come_later_are_followed() {
    let seen = Seen::default();
    let policy = Policy::new().system(["attempts"]);
    let stack = tracing_subscriber::registry().with(seen.clone());
    let pay = || info!(attempts = 3);
    dispatcher::with_default(&redacted(stack, policy), || {
        pay();
        let rules = Redactors::builder().class(Class::Sys, Redactor::Erase);
        rules.build().unwrap().install().unwrap();
        pay();
    });
    let seen = seen.0.lock().unwrap();
    assert_eq!(*seen, ["attempts=3", "attempts=\"[SYS]\""]);
}
