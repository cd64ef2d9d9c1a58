//! A record in its redacted form.
//!
//! `tracing` lends its values to a visitor one by one, so they are copied into slots, one a field, in
//! the form in which they may be shown, and handed on as the values of a new record of the same
//! callsite. Slots and text are a thread's own and used again: a record costs no allocation once
//! they have grown, except for an error's chain.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::ops::Range;

use privet_classify::provenance::{self, Origin};
use privet_classify::taxonomy::Label;
use privet_classify::{Redactor, ValueType, free_text, wire};
use tracing_core::Metadata;
use tracing_core::field::{self, DisplayValue, Field, FieldSet, Value, ValueSet, Visit};

use crate::policy::{Policy, Treatment};
use crate::shown_error::ShownError;

/// The longest text of a field in bytes; what is over it is cut.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// How much of the buffers a thread keeps for the next record.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// The most fields of a record. A callsite with more of them shows none: better than to guess.
const FIELDS_MAX: usize = 128;

thread_local! {
    static BUFFERS: Cell<Buffers> = const { Cell::new(Buffers::new()) };
}

#[derive(Default)]
struct Buffers {
    /// The form of each field, by its index.
    slots: Vec<Slot>,
    /// The texts of the slots.
    shown: String,
    /// A text before it is redacted.
    raw: String,
}

impl Buffers {
    const fn new() -> Self {
        Self {
            slots: Vec::new(),
            shown: String::new(),
            raw: String::new(),
        }
    }

    fn text(&self, range: &Range<usize>) -> &str {
        self.shown.get(range.clone()).unwrap_or_default()
    }
}

/// A field as it may be shown.
enum Slot {
    Absent,
    I64(i64),
    U64(u64),
    // Boxed: they are rare, and would make every slot larger.
    I128(Box<i128>),
    U128(Box<u128>),
    F64(f64),
    Bool(bool),
    /// A text that was a text.
    Text(Range<usize>),
    /// The text of something that was displayed or debugged, or that has been redacted.
    Displayed(Range<usize>),
    Error(Box<ShownError>),
}

/// The redacted values of one record.
pub(crate) struct Redaction<'p> {
    policy: &'p Policy,
    buffers: Buffers,
    metadata: Option<&'static Metadata<'static>>,
}

impl<'p> Redaction<'p> {
    /// The redacted form of what `visit` shows to the visitor.
    pub(crate) fn of(policy: &'p Policy, visit: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut redaction = Self {
            policy,
            // Empty ones, if a `Debug` that is being rendered makes a record of its own.
            buffers: BUFFERS.try_with(Cell::take).unwrap_or_default(),
            metadata: None,
        };
        // A record that is made while an answer is being written is not a part of the answer.
        wire::as_for_logs(|| visit(&mut redaction));
        redaction
    }

    /// The callsite that the values are of; none if nothing of them may be shown.
    pub(crate) fn metadata(&self) -> Option<&'static Metadata<'static>> {
        let shown = |slot: &Slot| !matches!(slot, Slot::Absent);
        self.metadata
            .filter(|_| self.buffers.slots.iter().any(shown))
    }

    /// Hands the redacted values to `then`, as values of `fields`.
    pub(crate) fn with_values<R>(
        self,
        fields: &FieldSet,
        then: impl FnOnce(&ValueSet<'_>) -> R,
    ) -> R {
        let result = match fields.len() {
            0..=8 => lend::<8, R>(&self.buffers, fields, then),
            9..=16 => lend::<16, R>(&self.buffers, fields, then),
            17..=32 => lend::<32, R>(&self.buffers, fields, then),
            33..=FIELDS_MAX => lend::<FIELDS_MAX, R>(&self.buffers, fields, then),
            _ => then(&fields.value_set(&[])),
        };
        let mut buffers = self.buffers;
        buffers.slots.clear();
        for text in [&mut buffers.shown, &mut buffers.raw] {
            text.clear();
            text.shrink_to(KEPT_BYTES_MAX);
        }
        // A thread that ends keeps nothing.
        let _ = BUFFERS.try_with(|kept| kept.set(buffers));
        result
    }

    fn set(&mut self, field: &Field, slot: Slot) {
        if self.metadata.is_none() {
            self.metadata = Some(metadata_of(field));
        }
        let index = field.index();
        if index >= FIELDS_MAX {
            return;
        }
        if index >= self.buffers.slots.len() {
            self.buffers.slots.resize_with(index + 1, || Slot::Absent);
        }
        if let Some(place) = self.buffers.slots.get_mut(index) {
            *place = slot;
        }
    }

    /// A number or a truth: kept as it is where its class is kept.
    fn plain(&mut self, field: &Field, value: &dyn fmt::Display, slot: Slot) {
        let slot = match self.policy.treatment(field.name()) {
            Treatment::Class(label, value_type) => {
                if self.policy.rules().redactor(label) == Redactor::Keep {
                    slot
                } else {
                    as_text(self.in_class(label, value_type, value))
                }
            }
            // A number that is listed as text may be a telephone number.
            Treatment::Text => self.text(field, format_args!("{value}")),
            Treatment::Unlisted => self.unlisted(),
        };
        self.set(field, slot);
    }

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
        match self.policy.rules().write(label, value_type, value, shown) {
            Ok(()) => Slot::Displayed(start..shown.len()),
            Err(_) => Slot::Absent,
        }
    }

    /// A text as it is, up to the limit.
    fn kept(&mut self, value: &str) -> Slot {
        if value.len() > TEXT_BYTES_MAX {
            return self.cut(format_args!("{value}"));
        }
        let start = self.buffers.shown.len();
        self.buffers.shown.push_str(value);
        Slot::Displayed(start..self.buffers.shown.len())
    }

    /// Something rendered as it is, up to the limit.
    fn cut(&mut self, value: fmt::Arguments<'_>) -> Slot {
        let start = self.buffers.shown.len();
        provenance::render(value, &mut self.buffers.shown, TEXT_BYTES_MAX);
        Slot::Displayed(start..self.buffers.shown.len())
    }

    /// Something with a `Debug` of its own: a classified value shows its log form.
    fn rendered(&mut self, field: &Field, value: fmt::Arguments<'_>) -> Slot {
        match self.policy.treatment(field.name()) {
            Treatment::Text => self.text(field, value),
            Treatment::Class(label, value_type) => {
                match self.policy.rules().redactor(label) {
                    // Whatever it is, nothing of it is shown.
                    Redactor::Erase => return self.in_class(label, value_type, &""),
                    Redactor::Keep => return self.cut(value),
                    Redactor::Mask | Redactor::Pseudonym => {}
                }
                let start = self.buffers.shown.len();
                let origin = provenance::render(value, &mut self.buffers.shown, TEXT_BYTES_MAX);
                if origin == Origin::Classified {
                    // A pseudonym, a mask: not to be made a pseudonym of once more.
                    return Slot::Displayed(start..self.buffers.shown.len());
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
                    return Slot::Displayed(start..self.buffers.shown.len());
                }
                self.buffers.shown.truncate(start);
                self.unlisted()
            }
        }
    }

    /// A free text.
    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) -> Slot {
        if !self.policy.searches_texts(target_of(field)) {
            return Slot::Absent;
        }
        let start = self.buffers.shown.len();
        let origin = provenance::render(value, &mut self.buffers.shown, TEXT_BYTES_MAX);
        let text = self.buffers.shown.get(start..).unwrap_or_default();
        // A pseudonym has digits too.
        if origin == Origin::Other && free_text::find(text).next().is_some() {
            let raw = self.take_back(start);
            free_text::redact(&raw, &mut self.buffers.shown);
            self.buffers.raw = raw;
        }
        Slot::Displayed(start..self.buffers.shown.len())
    }

    fn unlisted(&mut self) -> Slot {
        if !self.policy.names_unlisted() {
            return Slot::Absent;
        }
        let start = self.buffers.shown.len();
        self.buffers.shown.push_str("[unlisted]");
        Slot::Displayed(start..self.buffers.shown.len())
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
    fn error_text(&mut self, field: &Field, text: &dyn fmt::Display) -> String {
        let start = self.buffers.shown.len();
        let shown = match self.rendered(field, format_args!("{text}")) {
            Slot::Displayed(range) => self.buffers.shown.get(range).map(str::to_owned),
            _ => None,
        };
        self.buffers.shown.truncate(start);
        shown.unwrap_or_default()
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
        self.plain(field, &value, Slot::I128(Box::new(value)));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.plain(field, &value, Slot::U128(Box::new(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, &value, Slot::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let slot = match self.policy.treatment(field.name()) {
            Treatment::Class(label, value_type) => {
                if self.policy.rules().redactor(label) == Redactor::Keep {
                    self.kept(value)
                } else {
                    self.in_class(label, value_type, &value)
                }
            }
            Treatment::Text => self.text(field, format_args!("{value}")),
            Treatment::Unlisted => self.unlisted(),
        };
        self.set(field, as_text(slot));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let slot = match self.policy.treatment(field.name()) {
            Treatment::Text if !self.policy.searches_texts(target_of(field)) => Slot::Absent,
            Treatment::Unlisted => self.rendered(field, format_args!("{value}")),
            Treatment::Text | Treatment::Class(..) => {
                let shown = ShownError::of(value, |text| self.error_text(field, text));
                Slot::Error(Box::new(shown))
            }
        };
        self.set(field, slot);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let slot = self.rendered(field, format_args!("{value:?}"));
        self.set(field, slot);
    }
}

/// A text stays one, and so does what a number became: `fmt` puts quotes around it and none around
/// what was displayed, and JSON needs no copy of it.
fn as_text(slot: Slot) -> Slot {
    match slot {
        Slot::Displayed(range) => Slot::Text(range),
        other => other,
    }
}

fn target_of(field: &Field) -> &'static str {
    metadata_of(field).target()
}

/// The callsite of a field. `tracing-core` hides the way there in its documentation, because its
/// macros alone were to need it; a record of a span does not say otherwise whose fields it has.
fn metadata_of(field: &Field) -> &'static Metadata<'static> {
    field.callsite().0.metadata()
}

/// Makes values of the slots, on the stack, and hands them to `then`.
fn lend<const N: usize, R>(
    buffers: &Buffers,
    fields: &FieldSet,
    then: impl FnOnce(&ValueSet<'_>) -> R,
) -> R {
    // A value is lent by reference, and a text is a value only by a reference to itself: so these
    // are kept here, for as long as the record is.
    let mut texts: [&str; N] = [""; N];
    let mut displayed: [DisplayValue<&str>; N] = std::array::from_fn(|_| field::display(""));
    let mut errors: [Option<&(dyn Error + 'static)>; N] = [None; N];
    let places = texts.iter_mut().zip(&mut displayed).zip(&mut errors);
    for (slot, ((text, display), error)) in buffers.slots.iter().zip(places) {
        match slot {
            Slot::Text(range) => *text = buffers.text(range),
            Slot::Displayed(range) => *display = field::display(buffers.text(range)),
            Slot::Error(shown) => *error = Some(&**shown as &(dyn Error + 'static)),
            _ => {}
        }
    }
    let mut values: [Option<&dyn Value>; N] = [None; N];
    let places = texts.iter().zip(&displayed).zip(&errors);
    let slots = buffers.slots.iter().zip(places);
    for (value, (slot, ((text, display), error))) in values.iter_mut().zip(slots) {
        *value = match slot {
            Slot::Absent => None,
            Slot::I64(value) => Some(value),
            Slot::U64(value) => Some(value),
            Slot::I128(value) => Some(&**value),
            Slot::U128(value) => Some(&**value),
            Slot::F64(value) => Some(value),
            Slot::Bool(value) => Some(value),
            Slot::Text(_) => Some(text),
            Slot::Displayed(_) => Some(display),
            Slot::Error(_) => Some(error),
        };
    }
    match values.get(..fields.len()) {
        Some(values) => then(&fields.value_set_all(values)),
        None => then(&fields.value_set(&[])),
    }
}
