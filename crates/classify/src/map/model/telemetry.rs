//! What a data map says about telemetry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::class::Class;
use crate::error::UnknownName;
use crate::map::Period;
use crate::name::PurposeName;

/// What happens to logs, spans and metrics that applications send.
///
/// ```
/// # use privet_classify::TelemetryDefault;
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let telemetry = map.telemetry();
/// assert_eq!(telemetry.default, TelemetryDefault::Drop);
/// assert_eq!(telemetry.subject, "enduser.id");
/// assert_eq!(telemetry.keep.to_string(), "90d");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Telemetry {
    /// What happens to an attribute that is not listed.
    pub default: TelemetryDefault,
    /// The attribute that holds the `oid` of the person whom a record is about; `user.id` unless the map says otherwise.
    pub subject: String,
    /// How long what was stored is kept; 13 months unless the map says otherwise, so that a month can be compared with that
    /// of the year before.
    pub keep: Period,
    /// The listed attributes, by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// The names of log events, spans and events of spans that are stored. Another name could hold anything.
    pub events: BTreeMap<String, NameRule>,
    /// The names of instrumentation scopes that are stored.
    pub scopes: BTreeMap<String, ScopeRule>,
    /// The metrics that are stored.
    pub metrics: BTreeMap<String, MetricRule>,
}

impl Telemetry {
    /// The class of an attribute; `None` means that it is not listed and [`Self::default`] applies.
    ///
    /// ```
    /// # use privet_classify::Class;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert_eq!(map.telemetry().class("config.name"), Some(Class::Cc));
    /// assert_eq!(map.telemetry().class("anything.else"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn class(&self, attribute: &str) -> Option<Class> {
        self.attributes
            .get(attribute)
            .map(|attribute| attribute.class)
    }

    /// The attributes that may be stored, each with the type of its column. The attribute that names the person is none of
    /// them: its place is the column `tyid`.
    ///
    /// ```
    /// # use privet_classify::AttributeType;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let columns: Vec<_> = map.telemetry().columns().collect();
    /// assert!(columns.contains(&("http.response.status_code", AttributeType::Int)));
    /// assert!(!columns.iter().any(|(name, _)| *name == "enduser.id" || *name == "config.name"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn columns(&self) -> impl Iterator<Item = (&str, AttributeType)> {
        let stored = |(name, attribute): &(&String, &Attribute)| {
            **name != self.subject && attribute.may_be_stored()
        };
        self.attributes
            .iter()
            .filter(stored)
            .map(|(name, attribute)| (name.as_str(), attribute.value_type))
    }
}

/// One attribute of telemetry.
///
/// ```
/// # use privet_classify::{AttributeType, Class};
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let country = map.telemetry().attributes.get("geo.country.iso_code").ok_or("not listed")?;
/// assert_eq!((country.class, country.value_type), (Class::Udi, AttributeType::Text));
/// assert!(country.values.contains("NO"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// How personal its values are.
    pub class: Class,
    /// The type of its values, which is that of its column; always a string for `UPI`.
    pub value_type: AttributeType,
    /// For `UDI`: the values that may be stored; all others are dropped. A few large groups say little about one person, and
    /// a birthday would tell who somebody is even after the id for telemetry has changed.
    pub values: BTreeSet<String>,
}

impl Attribute {
    /// Whether a value of it can be stored at all, in whatever form: never `UII` and `CC`, and `UDI` only from its list.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse("[telemetry.attributes]\n\"user.id\" = \"UPI\"\nage = \"UDI\"\n")?;
    /// let stored = map.telemetry().attributes.values().map(|attribute| attribute.may_be_stored());
    /// assert_eq!(stored.collect::<Vec<_>>(), [false, true]);
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    #[must_use]
    pub fn may_be_stored(&self) -> bool {
        match self.class {
            Class::Uii | Class::Cc => false,
            Class::Udi => !self.values.is_empty(),
            Class::Upi | Class::Oi | Class::Sys => true,
        }
    }
}

/// The type of an attribute's values, as OTLP knows them. The text form is in lower case.
///
/// ```
/// use privet_classify::AttributeType;
///
/// assert_eq!("int".parse(), Ok(AttributeType::Int));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeType {
    /// Text: `string` in the data map. A variant that is called as a type of the language would make the compiler write
    /// `std::string::String` in every error about classified values.
    #[default]
    Text,
    /// A whole number of 64 bits with a sign.
    Int,
    /// A number of 64 bits with a floating point (IEEE 754).
    Double,
    /// `true` or `false`.
    Bool,
}

impl AttributeType {
    /// Every type.
    ///
    /// ```
    /// # use privet_classify::AttributeType;
    /// assert!(AttributeType::ALL.iter().all(|kind| kind.as_str().parse() == Ok(*kind)));
    /// ```
    pub const ALL: [Self; 4] = [Self::Text, Self::Int, Self::Double, Self::Bool];

    /// The name, as the data map writes it.
    ///
    /// ```
    /// # use privet_classify::AttributeType;
    /// assert_eq!(AttributeType::Double.as_str(), "double");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Int => "int",
            Self::Double => "double",
            Self::Bool => "bool",
        }
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AttributeType {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("type", &Self::ALL, Self::as_str, text)
    }
}

/// What is known about log events, spans and events of spans of one name.
///
/// ```
/// # use privet_classify::Class;
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let order = map.telemetry().events.get("order.placed").ok_or("not listed")?;
/// assert_eq!(order.purpose.as_ref().map(|purpose| purpose.as_str()), Some("improvement"));
/// assert_eq!((order.exportable, order.body), (true, Class::Sys));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameRule {
    /// What it is collected for, if the map says so.
    pub purpose: Option<PurposeName>,
    /// Whether it is part of what a person may download: what they did themselves.
    pub exportable: bool,
    /// The class of a log record's body; `CC` unless the map says otherwise.
    pub body: Class,
}

/// What is known about an instrumentation scope: the library or the part of an application that a record comes from.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let scope = map.telemetry().scopes.get("shop.analytics").ok_or("not listed")?;
/// assert_eq!(scope.purpose.as_ref().map(|purpose| purpose.as_str()), Some("marketing"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeRule {
    /// What its records are collected for, if the map says so.
    pub purpose: Option<PurposeName>,
}

/// What is known about a metric.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let metric = map.telemetry().metrics.get("http.server.request.duration").ok_or("not listed")?;
/// assert_eq!(metric.unit.as_deref(), Some("s"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricRule {
    /// The unit in which it has to come, if the map says so: sums over seconds and milliseconds say nothing.
    pub unit: Option<String>,
    /// What it is collected for, if the map says so.
    pub purpose: Option<PurposeName>,
}

/// What happens to telemetry that nobody classified. There is one answer, so that nothing passes by
/// oversight.
///
/// ```
/// use privet_classify::{DataMap, TelemetryDefault};
///
/// assert_eq!(DataMap::parse("")?.telemetry().default, TelemetryDefault::Drop);
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TelemetryDefault {
    /// It is dropped.
    #[default]
    Drop,
}
