//! What of a kept batch still passes.
//!
//! A journal may be older than the data map: a server was stopped, the map was changed, the server was started. So each name and
//! each value is asked once more, whoever reads the batch.

use privet_classify::AttributeType;
use privet_seal::ObjectId;

use crate::record::{Attribute, Batch, Common, Log, Origin, Person, Value};
use crate::rules::{MetricRule, Rules, Treatment};

/// A batch beside the data map of now.
#[derive(Clone, Copy)]
pub(crate) struct Passing<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) rules: &'a Rules,
}

/// A value that passes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed<'a> {
    /// The place of its column in [`Rules::columns`].
    pub(crate) place: usize,
    /// The column's name.
    pub(crate) column: &'a str,
    /// What the data map says that it is; an older value can be of another type.
    pub(crate) of: AttributeType,
    pub(crate) value: &'a Value,
}

impl<'a> Passing<'a> {
    /// A value, if the data map still lets it pass.
    pub(crate) fn value(&self, attribute: &'a Attribute) -> Option<Passed<'a>> {
        let column = at(&self.batch.names, attribute.column)?;
        let (place, treatment) = self.rules.place(column)?;
        let value = attribute.value.as_ref()?;
        let (of, passes) = match (treatment, value) {
            (Treatment::Drop, _) => return None,
            (Treatment::Pass(of), _) => (*of, true),
            (Treatment::Object, Value::String(text)) => {
                (AttributeType::Text, ObjectId::parse(text).is_ok())
            }
            (Treatment::Listed(values), Value::String(text)) => {
                (AttributeType::Text, values.contains(text))
            }
            (Treatment::Object | Treatment::Listed(_), _) => return None,
        };
        passes.then_some(Passed {
            place,
            column,
            of,
            value,
        })
    }

    /// A name of the batch.
    pub(crate) fn name(&self, index: Option<u32>) -> Option<&'a str> {
        at(&self.batch.names, index?).map(String::as_str)
    }

    /// An event's or a span's name.
    pub(crate) fn event(&self, index: Option<u32>) -> Option<&'a str> {
        let name = self.name(index);
        name.filter(|name| self.rules.event(name).is_some())
    }

    /// A log record's text.
    pub(crate) fn body(&self, log: &'a Log) -> Option<&'a str> {
        let event = self.rules.event(self.name(log.event)?)?;
        log.body.as_deref().filter(|_| event.keeps_body)
    }

    /// A metric's name and what the data map says of it.
    pub(crate) fn metric(&self, index: u32) -> Option<(&'a str, &'a MetricRule)> {
        let name = self.name(Some(index))?;
        Some((name, self.rules.metric(name)?))
    }

    /// The name of a record's scope.
    pub(crate) fn scope(&self, common: &Common) -> Option<&'a str> {
        let name = self.name(self.origin(common)?.scope);
        name.filter(|name| self.rules.scope(name).is_some())
    }

    /// Where a record comes from.
    pub(crate) fn origin(&self, common: &Common) -> Option<&'a Origin> {
        at(&self.batch.origins, common.origin?)
    }

    /// Whom a record is about.
    pub(crate) fn person(&self, common: &Common) -> Option<&'a Person> {
        at(&self.batch.people, common.person?)
    }
}

fn at<T>(list: &[T], index: u32) -> Option<&T> {
    usize::try_from(index)
        .ok()
        .and_then(|index| list.get(index))
}
