//! Redacting takes nothing from the heap, once a thread's buffers have grown.

use privet_classify::{Class, PseudonymKey, Redactor, Redactors, Uii};
use privet_tracing::{Policy, redacted};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, dispatcher, info};

/// Looks at every value of an event, and keeps none.
struct Reads;

impl Subscriber for Reads {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut seen = 0;
        event.record(&mut |_: &tracing::field::Field, _: &dyn std::fmt::Debug| seen += 1);
        assert_eq!(seen, 6);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_record_takes_nothing_from_the_heap() {
    let rules = Redactors::builder()
        .key(PseudonymKey::new("k1", [7; 32]).unwrap())
        .class(Class::Upi, Redactor::Pseudonym)
        .build()
        .unwrap();
    let policy = Policy::new()
        .redactors(rules)
        .field("user.id", Class::Upi)
        .field("name", Class::Uii)
        .system(["attempts", "queue"]);
    let email: Uii<&str> = "ada@example.org".into();
    let record = |user: u32| {
        info!(user.id = user, name = "Ada", attempts = 3, queue = "mails", to = %email, secret = 1, "sent {user}");
    };
    dispatcher::with_default(&redacted(Reads, policy), || {
        (0..100).for_each(record);
        // Users that were seen and users that were not.
        let counted = allocation_counter::measure(|| (90..300).for_each(record));
        assert_eq!(counted.count_total, 0);
    });
}
