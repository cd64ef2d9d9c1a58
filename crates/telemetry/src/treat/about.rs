//! What a record says to the door itself: whom it is about, and what it is for.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use privet_vault::Oid;

use crate::rules::{PurposeRule, Rules};

/// The attribute that names what a record is collected for.
const PURPOSE: &str = "privet.purpose";
/// The attribute that says that the person did this themselves, so that it is part of what they can download.
const USER_INITIATED: &str = "privet.user_initiated";
/// Where an event's name stood before OTLP had a place for it.
const EVENT_NAME: &str = "event.name";

/// What a record says; what is nearer to it wins over what is around it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct About {
    pub(crate) subject: Subject,
    pub(crate) purpose: Stated,
    pub(crate) user_initiated: bool,
}

/// Whom a record is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing says so here.
    #[default]
    Unstated,
    /// What is said is no operational id.
    Nobody,
    /// Whoever has this one, if anybody has.
    Person(Oid),
}

/// What a record is collected for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Stated {
    /// Nothing says so here.
    #[default]
    Not,
    /// What is said is no purpose of the data map.
    Unknown,
    /// This.
    Known(PurposeRule),
}

/// The purposes of the data map's tables, in the order in which they are asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Purposes {
    pub(crate) of_name: Option<PurposeRule>,
    pub(crate) of_scope: Option<PurposeRule>,
}

impl Purposes {
    pub(crate) fn first(self) -> Option<PurposeRule> {
        self.of_name.or(self.of_scope)
    }
}

impl About {
    /// Reads what these attributes say.
    pub(crate) fn of(attributes: &[KeyValue], rules: &Rules) -> Self {
        let mut about = Self::default();
        for attribute in attributes {
            if *attribute.key == *rules.subject {
                // Of two, the first counts, and the other is dropped like it.
                if about.subject == Subject::Unstated {
                    about.subject = subject(attribute);
                }
            } else if attribute.key == PURPOSE {
                about.purpose = match text(attribute).and_then(|name| rules.purpose(name)) {
                    Some(purpose) => Stated::Known(purpose),
                    None => Stated::Unknown,
                };
            } else if attribute.key == USER_INITIATED {
                let value = attribute.value.as_ref();
                about.user_initiated =
                    value.and_then(|value| value.value.as_ref()) == Some(&Value::BoolValue(true));
            }
        }
        about
    }

    /// The same, where what is around it says something.
    pub(crate) fn within(self, around: &Self) -> Self {
        Self {
            subject: match self.subject {
                Subject::Unstated => around.subject,
                stated => stated,
            },
            purpose: match self.purpose {
                Stated::Not => around.purpose,
                stated => stated,
            },
            user_initiated: self.user_initiated || around.user_initiated,
        }
    }

    /// What a resource says: whom its records are about. A process as a whole is not there for one purpose.
    pub(crate) fn of_resource(attributes: &[KeyValue], rules: &Rules) -> Self {
        Self {
            subject: Self::of(attributes, rules).subject,
            ..Self::default()
        }
    }
}

/// Whether an attribute was for the door alone, so that it is neither stored nor lost.
pub(crate) fn is_for_the_door(key: &str) -> bool {
    matches!(key, PURPOSE | USER_INITIATED | EVENT_NAME)
}

/// The name of the event, where an older client puts it.
pub(crate) fn event_name(attributes: &[KeyValue]) -> Option<&str> {
    let found = attributes
        .iter()
        .find(|attribute| attribute.key == EVENT_NAME);
    found.and_then(text)
}

/// The operational id that these attributes state, if they do.
pub(crate) fn subject_of(attributes: &[KeyValue], rules: &Rules) -> Option<Oid> {
    let found = attributes
        .iter()
        .find(|attribute| *attribute.key == *rules.subject)?;
    match subject(found) {
        Subject::Person(oid) => Some(oid),
        Subject::Nobody | Subject::Unstated => None,
    }
}

fn subject(attribute: &KeyValue) -> Subject {
    let oid = text(attribute).and_then(|text| text.parse().ok());
    oid.map_or(Subject::Nobody, Subject::Person)
}

fn text(attribute: &KeyValue) -> Option<&str> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
