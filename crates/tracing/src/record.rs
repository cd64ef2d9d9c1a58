//! A record in its redacted form.
//!
//! `tracing` lends its values to a visitor one by one, so they are copied into slots, one a field, in
//! the form in which they may be shown, and handed on as the values of a new record of the same
//! callsite. Slots and text are a thread's own and used again, and so is what was found out about the
//! callsite: a record costs no allocation once they have grown, except for an error's chain.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

use privet_classify::provenance::{self, Origin};
use privet_classify::taxonomy::Label;
use privet_classify::{Redactors, ValueType, free_text, wire};
use tracing_core::Metadata;
use tracing_core::field::{Field, FieldSet, ValueSet, Visit};

use crate::plan::Plan;
use crate::policy::{Policy, Treatment};
use crate::shown_error::ShownError;
use crate::slot::{Buffers, FIELDS_MAX, Slot};

/// The longest text of a field in bytes; what is over it is cut.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// The redacted values of one record.
pub(crate) struct Redaction<'p> {
    policy: &'p Policy,
    /// What happens to the fields; none before the first of them.
    plan: Option<Rc<Plan>>,
    output: Output<'p>,
    /// Whether the record comes from a library whose texts are dropped, by what the record says.
    silenced: bool,
}

impl<'p> Redaction<'p> {
    /// The redacted form of what `visit` shows to the visitor.
    pub(crate) fn of(policy: &'p Policy, visit: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut redaction = Self {
            policy,
            plan: None,
            output: Output {
                rules: policy.rules(),
                names_unlisted: policy.names_unlisted(),
                buffers: Buffers::take(),
            },
            silenced: false,
        };
        // A record that is made while an answer is being written is not a part of the answer.
        wire::as_for_logs(|| visit(&mut redaction));
        if redaction.silenced {
            redaction.drop_texts();
        }
        redaction
    }

    /// The callsite that the values are of; none if nothing of them may be shown.
    pub(crate) fn metadata(&self) -> Option<&'static Metadata<'static>> {
        let plan = self.plan.as_ref()?;
        self.output.buffers.show_any().then(|| plan.metadata())
    }

    /// Hands the redacted values to `then`, as values of `fields`.
    pub(crate) fn with_values<R>(
        self,
        fields: &FieldSet,
        then: impl FnOnce(&ValueSet<'_>) -> R,
    ) -> R {
        let result = self.output.buffers.lend(fields, then);
        self.output.buffers.give_back();
        result
    }

    /// Puts into the field's slot what `make` makes of its value, told what happens to it.
    #[inline]
    fn put(&mut self, field: &Field, make: impl FnOnce(&mut Output<'p>, &Treatment) -> Slot) {
        let found;
        let planned = self.plan.as_deref();
        let treatment = match planned.and_then(|plan| plan.treatment(field)) {
            Some(treatment) => treatment,
            None => {
                found = self.found(field);
                &found
            }
        };
        let slot = make(&mut self.output, treatment);
        if let Some(place) = self.output.buffers.slots.get_mut(field.index()) {
            *place = slot;
        }
    }

    /// The treatment of the first field of a record, whose plan is to be found; and of whatever is
    /// not as the callsite says.
    fn found(&mut self, field: &Field) -> Treatment {
        let Output { rules, buffers, .. } = &mut self.output;
        let plan = buffers.plans.of(self.policy, rules, field);
        if self.plan.is_none() {
            let slots = plan.len().min(FIELDS_MAX);
            buffers.slots.resize(slots, Slot::Absent);
        }
        let target = plan.metadata().target();
        let planned = plan.treatment(field).copied();
        self.plan = Some(plan);
        planned.unwrap_or_else(|| self.policy.treatment(rules, field.name(), target))
    }

    /// Drops the free texts, after the visit: the target may come behind the message.
    fn drop_texts(&mut self) {
        for text in self.plan.iter().flat_map(|plan| plan.texts()) {
            if let Some(place) = self.output.buffers.slots.get_mut(text) {
                *place = Slot::Absent;
            }
        }
    }

    /// A number or a truth: kept as it is where its class is kept.
    fn plain(&mut self, field: &Field, value: &dyn fmt::Display, slot: Slot) {
        self.put(field, |output, treatment| match *treatment {
            Treatment::Kept => slot,
            Treatment::Erased(label) => as_text(output.erased(label)),
            Treatment::Redacted(label, value_type) => {
                as_text(output.in_class(label, value_type, value))
            }
            // A number that is listed as text may be a telephone number.
            Treatment::Text => output.text(format_args!("{value}")),
            Treatment::Dropped => Slot::Absent,
            Treatment::Unlisted => output.unlisted(),
        });
    }
}

impl Visit for Redaction<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, &value, Slot::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, &value, Slot::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, &value, Slot::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let slot = self.output.buffers.rare(Box::new(value));
        self.plain(field, &value, slot);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let slot = self.output.buffers.rare(Box::new(value));
        self.plain(field, &value, slot);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, &value, Slot::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |output, treatment| {
            as_text(match *treatment {
                Treatment::Kept => output.kept(value),
                Treatment::Erased(label) => output.erased(label),
                Treatment::Redacted(label, value_type) => {
                    output.in_class(label, value_type, &value)
                }
                Treatment::Text => output.text(format_args!("{value}")),
                Treatment::Dropped => Slot::Absent,
                Treatment::Unlisted => output.unlisted(),
            })
        });
        let plan = self.plan.as_deref();
        let names_target = plan.is_some_and(|plan| plan.is_log_target(field));
        self.silenced |= names_target && self.policy.silences(value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, |output, treatment| match treatment {
            Treatment::Dropped => Slot::Absent,
            Treatment::Unlisted => output.rendered(treatment, format_args!("{value}")),
            _ => {
                let shown = ShownError::of(value, |text| output.error_text(treatment, text));
                let shown: Box<dyn Error> = Box::new(shown);
                output.buffers.rare(Box::new(shown))
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, |output, treatment| {
            output.rendered(treatment, format_args!("{value:?}"))
        });
    }
}

/// Where values are written in the form in which they may be shown.
struct Output<'p> {
    /// One record follows one set of rules, also while a program installs others.
    rules: &'p Redactors,
    names_unlisted: bool,
    buffers: Box<Buffers>,
}

impl Output<'_> {
    /// What the class's redactor makes of a value.
    fn in_class(
        &mut self,
        label: Label,
        value_type: Option<ValueType>,
        value: &dyn fmt::Display,
    ) -> Slot {
        let shown = &mut self.buffers.shown;
        let start = shown.len();
        // Only a value's own `Display` can fail; then there is nothing that could be shown.
        match self.rules.write(label, value_type, value, shown) {
            Ok(()) => Slot::Displayed(self.buffers.since(start)),
            Err(_) => Slot::Absent,
        }
    }

    /// Whatever it is, nothing of it is shown.
    fn erased(&mut self, label: Label) -> Slot {
        self.in_class(label, None, &"")
    }

    /// A text as it is, up to the limit.
    fn kept(&mut self, value: &str) -> Slot {
        if value.len() > TEXT_BYTES_MAX {
            return self.cut(format_args!("{value}"));
        }
        let start = self.buffers.shown.len();
        self.buffers.shown.push_str(value);
        Slot::Displayed(self.buffers.since(start))
    }

    /// Something rendered as it is, up to the limit.
    fn cut(&mut self, value: fmt::Arguments<'_>) -> Slot {
        let start = self.buffers.shown.len();
        provenance::render(value, &mut self.buffers.shown, TEXT_BYTES_MAX);
        Slot::Displayed(self.buffers.since(start))
    }

    /// Something with a `Debug` of its own: a classified value shows its log form.
    fn rendered(&mut self, treatment: &Treatment, value: fmt::Arguments<'_>) -> Slot {
        match *treatment {
            Treatment::Text => self.text(value),
            Treatment::Dropped => Slot::Absent,
            Treatment::Kept => self.cut(value),
            Treatment::Erased(label) => self.erased(label),
            Treatment::Redacted(label, value_type) => {
                let start = self.buffers.shown.len();
                let origin = provenance::render(value, &mut self.buffers.shown, TEXT_BYTES_MAX);
                if origin == Origin::Classified {
                    // A pseudonym, a mask: not to be made a pseudonym of once more.
                    return Slot::Displayed(self.buffers.since(start));
                }
                let raw = self.take_back(start);
                let slot = self.in_class(label, value_type, &raw);
                self.buffers.raw = raw;
                slot
            }
            Treatment::Unlisted => {
                let start = self.buffers.shown.len();
                let origin = provenance::render(value, &mut self.buffers.shown, TEXT_BYTES_MAX);
                if origin == Origin::Classified {
                    return Slot::Displayed(self.buffers.since(start));
                }
                self.buffers.shown.truncate(start);
                self.unlisted()
            }
        }
    }

    /// A free text.
    fn text(&mut self, value: fmt::Arguments<'_>) -> Slot {
        let start = self.buffers.shown.len();
        let origin = provenance::render(value, &mut self.buffers.shown, TEXT_BYTES_MAX);
        let text = self.buffers.shown.get(start..).unwrap_or_default();
        // A pseudonym has digits too.
        if origin == Origin::Other && free_text::find(text).next().is_some() {
            let raw = self.take_back(start);
            free_text::redact(&raw, &mut self.buffers.shown);
            self.buffers.raw = raw;
        }
        Slot::Displayed(self.buffers.since(start))
    }

    fn unlisted(&mut self) -> Slot {
        if !self.names_unlisted {
            return Slot::Absent;
        }
        let start = self.buffers.shown.len();
        self.buffers.shown.push_str("[unlisted]");
        Slot::Displayed(self.buffers.since(start))
    }

    /// Takes the text from `start` out of what is shown; the buffer is to be put back.
    fn take_back(&mut self, start: usize) -> String {
        let mut raw = std::mem::take(&mut self.buffers.raw);
        raw.clear();
        raw.push_str(self.buffers.shown.get(start..).unwrap_or_default());
        self.buffers.shown.truncate(start);
        raw
    }

    /// One text of an error's chain, in the treatment of its field.
    fn error_text(&mut self, treatment: &Treatment, text: &dyn fmt::Display) -> String {
        let start = self.buffers.shown.len();
        let shown = match self.rendered(treatment, format_args!("{text}")) {
            Slot::Displayed(place) => self.buffers.text(place).to_owned(),
            _ => String::new(),
        };
        self.buffers.shown.truncate(start);
        shown
    }
}

/// A text stays one, and so does what a number became: `fmt` puts quotes around it and none around
/// what was displayed, and JSON needs no copy of it.
fn as_text(slot: Slot) -> Slot {
    match slot {
        Slot::Displayed(place) => Slot::Text(place),
        other => other,
    }
}
