//! The subscriber around a stack of subscribers.

use std::any::TypeId;

use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::subscriber::{Interest, Subscriber};
use tracing_core::{Dispatch, Event, LevelFilter, Metadata};

use crate::policy::Policy;
use crate::record::Redaction;

/// Puts the policy in front of everything in `subscriber`: of all its layers, filters and exporters.
/// The result is to be made the process's (`.init()` of `tracing-subscriber`, or
/// `tracing::dispatcher::set_global_default`).
///
/// It is a `Dispatch`, so that no layer can be put in front of it, where records are not yet redacted.
///
/// ```
/// use privet_tracing::{Policy, redacted};
/// use tracing_subscriber::prelude::*;
///
/// let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
/// let _guard = redacted(stack, Policy::new()).set_default(); // In earnest: `.init()`.
/// tracing::info!(name = "Ada", "no mail to ada@example.org");
/// // … INFO no mail to [email]
/// ```
pub fn redacted<S: Subscriber + Send + Sync + 'static>(subscriber: S, policy: Policy) -> Dispatch {
    Dispatch::new(Redacting {
        inner: subscriber,
        policy,
    })
}

struct Redacting<S> {
    inner: S,
    policy: Policy,
}

impl<S: Subscriber> Subscriber for Redacting<S> {
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.inner.on_register_dispatch(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let metadata = span.metadata();
        Redaction::of(&self.policy, |visitor| span.record(visitor)).with_values(
            metadata.fields(),
            |values| {
                let redacted = if span.is_root() {
                    Attributes::new_root(metadata, values)
                } else if let Some(parent) = span.parent() {
                    Attributes::child_of(parent.clone(), metadata, values)
                } else {
                    Attributes::new(metadata, values)
                };
                self.inner.new_span(&redacted)
            },
        )
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let redaction = Redaction::of(&self.policy, |visitor| values.record(visitor));
        // Without a value there is nothing to say: formatters would put an empty place.
        if let Some(metadata) = redaction.metadata() {
            redaction.with_values(metadata.fields(), |values| {
                self.inner.record(span, &Record::new(values));
            });
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.inner.record_follows_from(span, follows);
    }

    /// Asked with the record as it was, so the answer waits until it is redacted: see `event`.
    fn event_enabled(&self, _event: &Event<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        Redaction::of(&self.policy, |visitor| event.record(visitor)).with_values(
            metadata.fields(),
            |values| {
                let redacted = if event.is_contextual() {
                    Event::new(metadata, values)
                } else {
                    Event::new_child_of(event.parent().cloned(), metadata, values)
                };
                if self.inner.event_enabled(&redacted) {
                    self.inner.event(&redacted);
                }
            },
        );
    }

    fn enter(&self, span: &Id) {
        self.inner.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.inner.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.inner.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.inner.try_close(id)
    }

    fn current_span(&self) -> Current {
        self.inner.current_span()
    }

    /// How a span finds the layer that it talks to past `tracing` (OpenTelemetry's context of a
    /// span): without it, a trace would end at each process.
    #[expect(
        unsafe_code,
        reason = "the method is unsafe in the trait; forwarding it is all that is done"
    )]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        // SAFETY: the pointer that the inner subscriber gives is valid for as long as the inner
        // subscriber is; it is a field of `self` and never replaced, so it is for as long as `self`.
        unsafe { self.inner.downcast_raw(id) }
    }
}
