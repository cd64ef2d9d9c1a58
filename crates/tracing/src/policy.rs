//! What happens to a field, by its name.

use std::sync::atomic::{AtomicU64, Ordering};

use privet_classify::taxonomy::Label;
use privet_classify::{Class, DataMap, Redactor, Redactors, ValueType};
use rustc_hash::FxHashMap;

/// Names whose values are about the machine: the attributes that OpenTelemetry's conventions give to
/// HTTP, RPC, databases, code and errors and that hold no value of a person, and what `tracing-log`
/// adds. Not among them, because they do: `url.path`, `url.query`, `url.full`, `client.address`,
/// `user_agent.original`, `db.query.text`, `exception.message`, `network.peer.address`.
const SYSTEM: &[&str] = &[
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "url.scheme",
    "network.protocol.name",
    "network.protocol.version",
    "rpc.system.name",
    "rpc.method",
    "rpc.response.status_code",
    "db.system.name",
    "db.operation.name",
    "db.operation.batch.size",
    "db.response.status_code",
    "db.response.returned_rows",
    "messaging.system",
    "messaging.operation.type",
    "error.type",
    "exception.type",
    "code.file.path",
    "code.function.name",
    "code.line.number",
    "thread.id",
    "otel.kind",
    "otel.status_code",
    "duration_ms",
    "log.target",
    "log.module_path",
    "log.file",
    "log.line",
];

/// Names of free text: `tracing`'s own, those of `#[instrument(err)]`, and what becomes a span's
/// name or description in OpenTelemetry.
const TEXTS: &[&str] = &["message", "error", "otel.name", "otel.status_description"];

/// Libraries whose messages are known to hold values as they are: the message of a panic, statements
/// with their literals.
const SILENT: &[&str] = &["tower_http::catch_panic", "tokio_postgres", "sqlx"];

/// What happens to the fields of a record. A field that is not listed is dropped, unless its value
/// is a classified one.
///
/// ```
/// use privet_classify::Class;
/// use privet_tracing::{Policy, Unlisted};
///
/// let policy = Policy::new()
///     .field("customer.country", Class::Udi)
///     .system(["queue.length", "attempts"])
///     .unlisted(Unlisted::Name);
/// # drop(policy);
/// ```
#[derive(Debug)]
pub struct Policy {
    id: PolicyId,
    fields: FxHashMap<Box<str>, Listed>,
    redactors: Option<Redactors>,
    texts: Texts,
    silent: Vec<Box<str>>,
    unlisted: Unlisted,
}

/// What happens to free text.
///
/// ```
/// use privet_tracing::{Policy, Texts};
///
/// let policy = Policy::new().texts(Texts::Drop); // Where fields alone are enough.
/// # drop(policy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Texts {
    /// What [`privet_classify::free_text`] finds in it is replaced. A name in a message is not
    /// found: put values into fields, and let `privet check --code` look for those that are not.
    #[default]
    Search,
    /// It is dropped. What is left says where in the program something happened, and the fields.
    Drop,
}

/// What happens to a field that nobody listed.
///
/// ```
/// use privet_tracing::{Policy, Unlisted};
///
/// let development = cfg!(debug_assertions);
/// let unlisted = if development { Unlisted::Name } else { Unlisted::Drop };
/// let policy = Policy::new().unlisted(unlisted);
/// # drop(policy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// It is dropped.
    #[default]
    Drop,
    /// Its value is dropped, its name stands there with `[unlisted]`: to find out, in development,
    /// what is still to be listed.
    Name,
}

/// Tells the policies of a process apart in what its threads remember of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PolicyId(u64);

impl PolicyId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What a field is listed as.
#[derive(Clone, Copy, Debug)]
enum Listed {
    Class(Label, Option<ValueType>),
    Text,
}

/// What happens to a field, by the rules of the time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Treatment {
    /// Shown as it is.
    Kept,
    /// Shown as its class, whatever it is.
    Erased(Label),
    /// Shown as the class's redactor makes it, unless it is a log form already.
    Redacted(Label, Option<ValueType>),
    /// Searched.
    Text,
    /// Nothing is shown of it, a log form neither.
    Dropped,
    /// Nothing is shown of it, unless it is a log form.
    Unlisted,
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy {
    /// Lists `message` and `error` as texts, and the attributes of OpenTelemetry's conventions that
    /// are about the machine. Silences the libraries whose messages are known to hold values.
    ///
    /// ```
    /// # use privet_tracing::{Policy, redacted};
    /// # use tracing_subscriber::prelude::*;
    /// let policy = Policy::new();
    /// # let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    /// # let _guard = redacted(stack, policy).set_default();
    /// tracing::info!(http.request.method = "GET", basket = "red wine", "answered");
    /// // … INFO answered http.request.method="GET"
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let policy = Self {
            id: PolicyId::next(),
            fields: FxHashMap::default(),
            redactors: None,
            texts: Texts::default(),
            silent: SILENT.iter().map(|target| (*target).into()).collect(),
            unlisted: Unlisted::default(),
        };
        let policy = policy.system(SYSTEM.iter().copied());
        TEXTS.iter().fold(policy, |policy, name| policy.text(name))
    }

    /// Lists a field with its class.
    ///
    /// ```
    /// # use privet_classify::Class;
    /// # use privet_tracing::{Policy, redacted};
    /// # use tracing_subscriber::prelude::*;
    /// let policy = Policy::new().field("country", Class::Udi);
    /// # let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    /// # let _guard = redacted(stack, policy).set_default();
    /// tracing::info!(country = "CH", "paid");
    /// // … INFO paid country="[UDI]"
    /// ```
    #[must_use]
    pub fn field(self, name: &str, class: impl Into<Label>) -> Self {
        self.with(name, Listed::Class(class.into(), None))
    }

    /// Lists a field with its class and what its values look like, for its mask.
    ///
    /// ```
    /// use privet_classify::{Class, ValueType};
    ///
    /// let policy = privet_tracing::Policy::new().typed("to", Class::Uii, ValueType::Email);
    /// # drop(policy);
    /// ```
    #[must_use]
    pub fn typed(self, name: &str, class: impl Into<Label>, value_type: ValueType) -> Self {
        self.with(name, Listed::Class(class.into(), Some(value_type)))
    }

    /// Lists fields that are about the machine alone.
    ///
    /// ```
    /// # use privet_tracing::{Policy, redacted};
    /// # use tracing_subscriber::prelude::*;
    /// let policy = Policy::new().system(["attempts"]);
    /// # let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    /// # let _guard = redacted(stack, policy).set_default();
    /// tracing::info!(attempts = 3, "sent");
    /// // … INFO sent attempts=3
    /// ```
    #[must_use]
    pub fn system<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .fold(self, |policy, name| policy.field(name, Class::Sys))
    }

    /// Lists a field as free text.
    ///
    /// ```
    /// # use privet_tracing::{Policy, redacted};
    /// # use tracing_subscriber::prelude::*;
    /// let policy = Policy::new().text("reason");
    /// # let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    /// # let _guard = redacted(stack, policy).set_default();
    /// tracing::info!(reason = "no mailbox ada@example.org", "not sent");
    /// // … INFO not sent reason="no mailbox [email]"
    /// ```
    #[must_use]
    pub fn text(self, name: &str) -> Self {
        self.with(name, Listed::Text)
    }

    /// Lists what a data map knows: its fields by their names, and its telemetry attributes.
    ///
    /// ```
    /// use privet_classify::DataMap;
    ///
    /// let map = DataMap::parse("[telemetry.attributes]\n\"user.id\" = \"UPI\"\n")?;
    /// let policy = privet_tracing::Policy::new().map(&map);
    /// # drop(policy);
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    #[must_use]
    pub fn map(self, map: &DataMap) -> Self {
        let policy = map.fields().fold(self, |policy, field| {
            policy.typed(field.name.as_str(), field.class, field.value_type)
        });
        let attributes = &map.telemetry().attributes;
        attributes.iter().fold(policy, |policy, (name, attribute)| {
            policy.field(name, attribute.class)
        })
    }

    /// Other rules from class to redactor than the process's ([`Redactors::install`]).
    ///
    /// ```
    /// use privet_classify::{Class, Redactor, Redactors};
    /// use privet_tracing::Policy;
    ///
    /// let rules = Redactors::builder().class(Class::Oi, Redactor::Keep).build()?;
    /// let policy = Policy::new().field("company", Class::Oi).redactors(rules);
    /// # drop(policy);
    /// # Ok::<(), privet_classify::RulesError>(())
    /// ```
    #[must_use]
    pub fn redactors(mut self, redactors: Redactors) -> Self {
        self.redactors = Some(redactors);
        self
    }

    /// What happens to free text.
    ///
    /// ```
    /// # use privet_tracing::{Policy, Texts, redacted};
    /// # use tracing_subscriber::prelude::*;
    /// let policy = Policy::new().texts(Texts::Drop).system(["attempts"]);
    /// # let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    /// # let _guard = redacted(stack, policy).set_default();
    /// tracing::info!(attempts = 3, "no mail to Ada");
    /// // … INFO attempts=3
    /// ```
    #[must_use]
    pub fn texts(mut self, texts: Texts) -> Self {
        self.texts = texts;
        self
    }

    /// Drops the free text of what is recorded under a target (a module's path) and below it: for a
    /// library that writes values into its messages, with `tracing` or with the `log` crate.
    ///
    /// ```
    /// # use privet_tracing::{Policy, redacted};
    /// # use tracing_subscriber::prelude::*;
    /// let policy = Policy::new().silence("mailer").system(["attempts"]);
    /// # let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    /// # let _guard = redacted(stack, policy).set_default();
    /// tracing::info!(target: "mailer::queue", attempts = 3, "no mail to Ada");
    /// // … INFO attempts=3
    /// ```
    #[must_use]
    pub fn silence(mut self, target: &str) -> Self {
        self.silent.push(target.into());
        self
    }

    /// What happens to fields that are not listed.
    ///
    /// ```
    /// # use privet_tracing::{Policy, Unlisted, redacted};
    /// # use tracing_subscriber::prelude::*;
    /// let policy = Policy::new().unlisted(Unlisted::Name);
    /// # let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    /// # let _guard = redacted(stack, policy).set_default();
    /// tracing::info!(basket = "red wine", "paid");
    /// // … INFO paid basket="[unlisted]"
    /// ```
    #[must_use]
    pub fn unlisted(mut self, unlisted: Unlisted) -> Self {
        self.unlisted = unlisted;
        self
    }

    fn with(mut self, name: &str, listed: Listed) -> Self {
        self.fields.insert(name.into(), listed);
        self
    }

    pub(crate) fn id(&self) -> PolicyId {
        self.id
    }

    /// What happens by these rules to the field of that name, in records with that target.
    pub(crate) fn treatment(&self, rules: &Redactors, name: &str, target: &str) -> Treatment {
        match self.fields.get(name) {
            None => Treatment::Unlisted,
            Some(Listed::Text) if self.searches_texts(target) => Treatment::Text,
            Some(Listed::Text) => Treatment::Dropped,
            Some(&Listed::Class(label, value_type)) => match rules.redactor(label) {
                Redactor::Keep => Treatment::Kept,
                Redactor::Erase => Treatment::Erased(label),
                Redactor::Mask | Redactor::Pseudonym => Treatment::Redacted(label, value_type),
            },
        }
    }

    pub(crate) fn rules(&self) -> &Redactors {
        match &self.redactors {
            Some(rules) => rules,
            None => Redactors::installed(),
        }
    }

    /// Whether free text of records with that target is searched, and not dropped.
    fn searches_texts(&self, target: &str) -> bool {
        self.texts == Texts::Search && !self.silences(target)
    }

    /// Whether free text of that library is dropped.
    pub(crate) fn silences(&self, target: &str) -> bool {
        let silent = |silent: &str| {
            let below = target.strip_prefix(silent);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.silent.iter().any(|target| silent(target))
    }

    pub(crate) fn names_unlisted(&self) -> bool {
        self.unlisted == Unlisted::Name
    }
}
