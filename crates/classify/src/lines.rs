//! Log lines of other programs, redacted: JSON by key and class, anything else as free text.
//!
//! The weaker tool: it sees lines, not values. A program that can use the types and the layer
//! should. What it can do, it does strictly: a key that nobody listed is dropped with its value.
//!
//! ```
//! use privet_classify::{DataMap, Redactors, lines::LineFilter};
//!
//! let map = DataMap::parse("[telemetry.attributes]\n\"user.id\" = \"UPI\"\nretries = \"SYS\"\n")?;
//! let filter = LineFilter::new(Redactors::strictest()).map(&map);
//! let mut out = String::new();
//! filter.redact(
//!     r#"{"level":"info","user":{"id":4711,"name":"Ada"},"retries":3,"msg":"mail to ada@example.org"}"#,
//!     &mut out,
//! );
//! assert_eq!(out, r#"{"level":"info","user":{"id":"[UPI]"},"retries":3,"msg":"mail to [email]"}"#);
//! # Ok::<(), privet_classify::MapErrors>(())
//! ```

mod json;

use rustc_hash::FxHashMap;

use crate::class::Class;
use crate::free_text;
use crate::map::DataMap;
use crate::redactor::Redactors;
use crate::taxonomy::Label;
use crate::value_type::ValueType;

/// The keys that the usual loggers give to what is about the machine: of `tracing`, `slog`, `pino`,
/// `zap`, `logback` and Elastic's schema.
const SYSTEM: &[&str] = &[
    "@timestamp",
    "@version",
    "caller",
    "level",
    "level_value",
    "lineno",
    "log.level",
    "log.logger",
    "logger",
    "logger_name",
    "pid",
    "severity",
    "target",
    "thread",
    "thread_name",
    "threadId",
    "time",
    "timestamp",
    "ts",
];

/// Their keys for free text. `tracing` puts its fields below `fields`.
const TEXTS: &[&str] = &[
    "err",
    "err.message",
    "error",
    "error.message",
    "exc_info",
    "fields.error",
    "fields.message",
    "message",
    "msg",
    "stack_trace",
    "stacktrace",
];

/// What happens to lines. Keys are names with dots between the levels of objects, as `user.id`,
/// however the line writes them.
///
/// ```
/// use privet_classify::{Class, Redactors, lines::LineFilter};
///
/// let filter = LineFilter::new(Redactors::strictest()).key("retries", Class::Sys);
/// let mut out = String::new();
/// filter.redact(r#"{"msg":"sent","retries":3,"to":"Ada"}"#, &mut out);
/// assert_eq!(out, r#"{"msg":"sent","retries":3}"#);
/// ```
#[derive(Debug)]
pub struct LineFilter {
    keys: FxHashMap<Box<str>, Treatment>,
    rules: Redactors,
}

/// What happens to the value of a key.
#[derive(Clone, Copy, Debug)]
enum Treatment {
    Class(Label, Option<ValueType>),
    Text,
}

impl LineFilter {
    /// Lists the keys of the usual loggers, for what is about the machine and for free text.
    ///
    /// ```
    /// # use privet_classify::{Redactors, lines::LineFilter};
    /// let filter = LineFilter::new(Redactors::strictest());
    /// let mut out = String::new();
    /// filter.redact(r#"{"level":"info","message":"sent"}"#, &mut out);
    /// assert_eq!(out, r#"{"level":"info","message":"sent"}"#);
    /// ```
    #[must_use]
    pub fn new(rules: Redactors) -> Self {
        let filter = Self {
            keys: FxHashMap::default(),
            rules,
        };
        let filter = SYSTEM
            .iter()
            .fold(filter, |filter, key| filter.key(key, Class::Sys));
        TEXTS.iter().fold(filter, |filter, key| filter.text(key))
    }

    /// Lists a key with its class.
    ///
    /// ```
    /// # use privet_classify::{Class, Redactors, lines::LineFilter};
    /// let filter = LineFilter::new(Redactors::strictest()).key("user.id", Class::Upi);
    /// let mut out = String::new();
    /// filter.redact(r#"{"user":{"id":4711}}"#, &mut out);
    /// assert_eq!(out, r#"{"user":{"id":"[UPI]"}}"#);
    /// ```
    #[must_use]
    pub fn key(self, key: &str, class: impl Into<Label>) -> Self {
        self.with(key, Treatment::Class(class.into(), None))
    }

    /// Lists a key as free text.
    ///
    /// ```
    /// # use privet_classify::{Redactors, lines::LineFilter};
    /// let filter = LineFilter::new(Redactors::strictest()).text("reason");
    /// let mut out = String::new();
    /// filter.redact(r#"{"reason":"no mail to ada@example.org"}"#, &mut out);
    /// assert_eq!(out, r#"{"reason":"no mail to [email]"}"#);
    /// ```
    #[must_use]
    pub fn text(self, key: &str) -> Self {
        self.with(key, Treatment::Text)
    }

    /// Lists what a data map knows: its fields by their names, and its telemetry attributes.
    ///
    /// ```
    /// # use privet_classify::{DataMap, Redactors, lines::LineFilter};
    /// let map = DataMap::parse("[telemetry.attributes]\nshard = \"SYS\"\n")?;
    /// let filter = LineFilter::new(Redactors::strictest()).map(&map);
    /// let mut out = String::new();
    /// filter.redact(r#"{"shard":"eu-2"}"#, &mut out);
    /// assert_eq!(out, r#"{"shard":"eu-2"}"#);
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    #[must_use]
    pub fn map(self, map: &DataMap) -> Self {
        let filter = map.fields().fold(self, |filter, field| {
            let treatment = Treatment::Class(field.class.into(), Some(field.value_type));
            filter.with(field.name.as_str(), treatment)
        });
        let attributes = &map.telemetry().attributes;
        attributes.iter().fold(filter, |filter, (key, attribute)| {
            filter.key(key, attribute.class)
        })
    }

    fn with(mut self, key: &str, treatment: Treatment) -> Self {
        self.keys.insert(key.into(), treatment);
        self
    }

    /// Appends the redacted form of a line (without its end) to `out`. What begins like an object of
    /// JSON and is none becomes `{"unreadable":true}`: half of it could be anything.
    ///
    /// ```
    /// # use privet_classify::{Redactors, lines::LineFilter};
    /// let filter = LineFilter::new(Redactors::strictest());
    /// let mut out = String::new();
    /// filter.redact("mail to ada@example.org", &mut out);
    /// filter.redact(r#"{"message":"cut of"#, &mut out);
    /// assert_eq!(out, r#"mail to [email]{"unreadable":true}"#);
    /// ```
    pub fn redact(&self, line: &str, out: &mut String) {
        if !line.trim_start().starts_with('{') {
            free_text::redact(line, out);
            return;
        }
        let start = out.len();
        if json::redact(self, line, out).is_none() {
            out.truncate(start);
            out.push_str(r#"{"unreadable":true}"#);
        }
    }

    fn treatment(&self, key: &str) -> Option<Treatment> {
        self.keys.get(key).copied()
    }
}
