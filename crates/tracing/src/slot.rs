//! The redacted values of a record: kept in slots, one a field, and lent as values of `tracing`.

use std::cell::Cell;

use tracing_core::field::{self, DisplayValue, FieldSet, Value, ValueSet};

use crate::plan::Plans;

/// How much text a thread keeps room for until the next record.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// The most fields of a record. A callsite with more of them shows none: better than to guess.
pub(crate) const FIELDS_MAX: usize = 128;

thread_local! {
    /// Behind a pointer, because they are taken out and put back for each record.
    static BUFFERS: Cell<Option<Box<Buffers>>> = const { Cell::new(None) };
}

/// What a thread uses again for each record.
#[derive(Default)]
pub(crate) struct Buffers {
    /// The form of each field, by its place.
    pub(crate) slots: Vec<Slot>,
    /// The texts of the slots.
    pub(crate) shown: String,
    /// Errors, and numbers that are too large for a slot.
    rare: Vec<Box<dyn Value>>,
    /// A text before it is redacted.
    pub(crate) raw: String,
    /// What was found out about callsites.
    pub(crate) plans: Plans,
}

/// A field as it may be shown. Small enough to be passed on in registers.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    Absent,
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    /// A text that was a text.
    Text(Place),
    /// The text of something that was displayed or debugged, or that has been redacted.
    Displayed(Place),
    /// One of the rare values.
    Rare(usize),
}

/// Where a text is in what is shown.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    start: u32,
    end: u32,
}

impl Buffers {
    /// The thread's; new ones if they are in use, by a record that is made while another is.
    pub(crate) fn take() -> Box<Self> {
        let kept = BUFFERS.try_with(Cell::take).ok().flatten();
        kept.unwrap_or_default()
    }

    /// Gives them back, empty.
    pub(crate) fn give_back(mut self: Box<Self>) {
        self.slots.clear();
        self.rare.clear();
        for text in [&mut self.shown, &mut self.raw] {
            text.clear();
            text.shrink_to(KEPT_BYTES_MAX);
        }
        // A thread that ends keeps nothing.
        let _ = BUFFERS.try_with(|kept| kept.set(Some(self)));
    }

    /// The text that was written from `start` on. What cannot be counted is not shown.
    pub(crate) fn since(&self, start: usize) -> Place {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Place {
            start: place(start),
            end: place(self.shown.len()),
        }
    }

    pub(crate) fn text(&self, place: Place) -> &str {
        let text = self.shown.get(place.start as usize..place.end as usize);
        text.unwrap_or_default()
    }

    /// Keeps a rare value.
    pub(crate) fn rare(&mut self, value: Box<dyn Value>) -> Slot {
        self.rare.push(value);
        Slot::Rare(self.rare.len() - 1)
    }

    /// Whether there is a value to show.
    pub(crate) fn show_any(&self) -> bool {
        let shown = |slot: &Slot| !matches!(slot, Slot::Absent);
        self.slots.iter().any(shown)
    }

    /// Hands the values to `then`, as those of `fields`.
    pub(crate) fn lend<R>(&self, fields: &FieldSet, then: impl FnOnce(&ValueSet<'_>) -> R) -> R {
        match fields.len() {
            0..=8 => self.lend_up_to::<8, R>(fields, then),
            9..=16 => self.lend_up_to::<16, R>(fields, then),
            17..=32 => self.lend_up_to::<32, R>(fields, then),
            33..=FIELDS_MAX => self.lend_up_to::<FIELDS_MAX, R>(fields, then),
            _ => then(&fields.value_set(&[])),
        }
    }

    /// The same, with the values on the stack.
    fn lend_up_to<const N: usize, R>(
        &self,
        fields: &FieldSet,
        then: impl FnOnce(&ValueSet<'_>) -> R,
    ) -> R {
        // A value is lent by reference, and a text is a value only by a reference to itself: so these
        // are kept here, for as long as the record is.
        let mut texts = [""; N];
        let mut displayed: [DisplayValue<&str>; N] = std::array::from_fn(|_| field::display(""));
        let mut values: [Option<&dyn Value>; N] = [None; N];
        let places = texts.iter_mut().zip(&mut displayed);
        for ((slot, value), (text, display)) in self.slots.iter().zip(&mut values).zip(places) {
            *value = match slot {
                Slot::Absent => None,
                Slot::I64(value) => Some(value),
                Slot::U64(value) => Some(value),
                Slot::F64(value) => Some(value),
                Slot::Bool(value) => Some(value),
                Slot::Text(place) => {
                    *text = self.text(*place);
                    Some(text)
                }
                Slot::Displayed(place) => {
                    *display = field::display(self.text(*place));
                    Some(display)
                }
                Slot::Rare(at) => self.rare.get(*at).map(|value| value as &dyn Value),
            };
        }
        match values.get(..fields.len()) {
            Some(values) => then(&fields.value_set_all(values)),
            None => then(&fields.value_set(&[])),
        }
    }
}
