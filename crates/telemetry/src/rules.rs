//! The data map as the door asks it: for each name of a record, in one look-up, what becomes of it.

use std::collections::BTreeSet;

use privet_classify::{AttributeType, Class, DataMap, Period};
use rustc_hash::FxHashMap;

/// A name that the data map lists, by its place in [`Rules::names`].
pub(crate) type NameId = u32;

/// What the door knows of the data map.
#[derive(Debug)]
pub struct Rules {
    pub(crate) subject: Box<str>,
    /// How long records are kept.
    pub(crate) keep: Period,
    attributes: FxHashMap<Box<str>, AttributeRule>,
    events: FxHashMap<Box<str>, EventRule>,
    scopes: FxHashMap<Box<str>, NamedRule>,
    metrics: FxHashMap<Box<str>, MetricRule>,
    purposes: FxHashMap<Box<str>, PurposeRule>,
    names: Vec<Box<str>>,
    columns: Vec<(Box<str>, AttributeType)>,
    /// Of each column its place, and its attribute.
    places: FxHashMap<Box<str>, (usize, Box<str>)>,
}

/// What becomes of an attribute.
#[derive(Debug)]
pub(crate) struct AttributeRule {
    pub(crate) treatment: Treatment,
    /// The names of its columns, where it is an attribute of a record, a resource, a scope.
    pub(crate) columns: [NameId; 3],
}

/// What becomes of a value.
#[derive(Debug)]
pub(crate) enum Treatment {
    /// Its class never passes.
    Drop,
    /// An object id stands in its place.
    Object,
    /// It passes if it is in the list.
    Listed(BTreeSet<String>),
    /// It passes if it is of this type.
    Pass(AttributeType),
}

/// What is known of an event's or span's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventRule {
    pub(crate) name: NameId,
    pub(crate) purpose: Option<PurposeRule>,
    pub(crate) exportable: bool,
    /// Whether a body that is text passes.
    pub(crate) keeps_body: bool,
}

/// What is known of a scope's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedRule {
    pub(crate) name: NameId,
    pub(crate) purpose: Option<PurposeRule>,
}

/// What is known of a metric.
#[derive(Debug)]
pub(crate) struct MetricRule {
    pub(crate) name: NameId,
    pub(crate) purpose: Option<PurposeRule>,
    pub(crate) unit: Option<Box<str>>,
}

/// A purpose, and the bit that it rests on if it rests on consent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PurposeRule {
    pub(crate) name: NameId,
    pub(crate) bit: Option<u8>,
}

/// Whose attribute it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Record,
    Resource,
    Scope,
}

impl Level {
    const ALL: [Self; 3] = [Self::Record, Self::Resource, Self::Scope];

    fn column(self, attribute: &str) -> String {
        match self {
            Self::Record => attribute.to_owned(),
            Self::Resource => format!("resource.{attribute}"),
            Self::Scope => format!("scope.{attribute}"),
        }
    }
}

impl Rules {
    /// What `map` says.
    pub fn new(map: &DataMap) -> Self {
        let telemetry = map.telemetry();
        let mut names = Names::default();
        let purposes: FxHashMap<Box<str>, PurposeRule> = map
            .purposes()
            .map(|purpose| {
                let name = purpose.name.as_str();
                let rule = PurposeRule {
                    name: names.id(name),
                    bit: purpose.bit,
                };
                (name.into(), rule)
            })
            .collect();
        let purpose = |name: &Option<privet_classify::PurposeName>| {
            name.as_ref()
                .and_then(|name| purposes.get(name.as_str()).copied())
        };
        let events = telemetry.events.iter().map(|(name, rule)| {
            let event = EventRule {
                name: names.id(name),
                purpose: purpose(&rule.purpose),
                exportable: rule.exportable,
                keeps_body: matches!(rule.body, Class::Oi | Class::Sys),
            };
            (name.as_str().into(), event)
        });
        let events = events.collect();
        let scopes = telemetry.scopes.iter().map(|(name, rule)| {
            let scope = NamedRule {
                name: names.id(name),
                purpose: purpose(&rule.purpose),
            };
            (name.as_str().into(), scope)
        });
        let scopes = scopes.collect();
        let metrics = telemetry.metrics.iter().map(|(name, rule)| {
            let metric = MetricRule {
                name: names.id(name),
                purpose: purpose(&rule.purpose),
                unit: rule.unit.as_deref().map(Into::into),
            };
            (name.as_str().into(), metric)
        });
        let metrics = metrics.collect();
        let mut rules = Self {
            subject: telemetry.subject.as_str().into(),
            keep: telemetry.keep,
            attributes: FxHashMap::default(),
            events,
            scopes,
            metrics,
            purposes,
            names: Vec::new(),
            columns: Vec::new(),
            places: FxHashMap::default(),
        };
        for (name, attribute) in &telemetry.attributes {
            let columns = Level::ALL.map(|level| names.id(&level.column(name)));
            let treatment = treatment(attribute);
            rules
                .attributes
                .insert(name.as_str().into(), AttributeRule { treatment, columns });
        }
        rules.names = names.list;
        rules.add_columns(map);
        rules
    }

    fn add_columns(&mut self, map: &DataMap) {
        for (name, value_type) in map.telemetry().columns() {
            for level in Level::ALL {
                let column: Box<str> = level.column(name).into();
                let place = (self.columns.len(), name.into());
                self.places.insert(column.clone(), place);
                self.columns.push((column, value_type));
            }
        }
    }

    /// The columns of attributes that stored records may have.
    pub fn columns(&self) -> &[(Box<str>, AttributeType)] {
        &self.columns
    }

    /// The place of a column in [`columns`](Self::columns) and what becomes of its values, if it is still one.
    pub(crate) fn place(&self, column: &str) -> Option<(usize, &Treatment)> {
        let (place, attribute) = self.places.get(column)?;
        let rule = self.attributes.get(attribute)?;
        Some((*place, &rule.treatment))
    }

    /// The attribute that a column is of, if it is still one.
    pub(crate) fn attribute_of(&self, column: &str) -> Option<&str> {
        self.places.get(column).map(|(_, attribute)| &**attribute)
    }

    pub(crate) fn attribute(&self, key: &str) -> Option<&AttributeRule> {
        self.attributes.get(key)
    }

    pub(crate) fn event(&self, name: &str) -> Option<&EventRule> {
        self.events.get(name)
    }

    pub(crate) fn scope(&self, name: &str) -> Option<&NamedRule> {
        self.scopes.get(name)
    }

    pub(crate) fn metric(&self, name: &str) -> Option<&MetricRule> {
        self.metrics.get(name)
    }

    pub(crate) fn purpose(&self, name: &str) -> Option<PurposeRule> {
        self.purposes.get(name).copied()
    }

    /// The text of a name.
    pub(crate) fn name(&self, id: NameId) -> &str {
        usize::try_from(id)
            .ok()
            .and_then(|id| self.names.get(id))
            .map_or("", |name| name)
    }

    pub(crate) fn names(&self) -> usize {
        self.names.len()
    }
}

fn treatment(attribute: &privet_classify::Attribute) -> Treatment {
    match attribute.class {
        Class::Uii | Class::Cc => Treatment::Drop,
        Class::Upi => Treatment::Object,
        Class::Udi if attribute.values.is_empty() => Treatment::Drop,
        Class::Udi => Treatment::Listed(attribute.values.clone()),
        Class::Oi | Class::Sys => Treatment::Pass(attribute.value_type),
    }
}

/// Names while they are collected.
#[derive(Default)]
struct Names {
    list: Vec<Box<str>>,
    ids: FxHashMap<Box<str>, NameId>,
}

impl Names {
    fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        // A data map has a mebibyte at most, and so fewer names than this counts.
        let id = NameId::try_from(self.list.len()).unwrap_or(NameId::MAX);
        self.list.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }
}
