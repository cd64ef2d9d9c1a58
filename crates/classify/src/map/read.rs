//! Reading TOML piece by piece, so that one problem does not hide the next. A `serde` derive would
//! stop at the first and could not say on which line a rule across two tables is broken.
//!
//! Where a value is missing or wrong, the problem is noted and reading goes on with a stand-in; a
//! map with a noted problem is never handed out.

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{NameError, UnknownName};
use crate::name::{Name, kind::Kind};

use super::problems::{Problems, join, list, quoted};

/// The longest text of a data map, in bytes; one of this size lists some ten thousand columns.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// What a section declared, by name.
#[derive(Debug)]
pub(super) struct Declared<K, V>(BTreeMap<Name<K>, V>);

impl<K, V> Declared<K, V> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn insert(&mut self, name: Name<K>, value: V) {
        self.0.insert(name, value);
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        self.0.get(name)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }

    /// The declared names for a message: "`a`, `b`", or "none".
    pub(super) fn names(&self) -> String {
        list(self.0.keys().map(Name::as_str))
    }

    /// The values, once no problem was noted.
    pub(super) fn into_good(self) -> BTreeMap<Name<K>, V> {
        self.0
    }
}

/// A data map as TOML.
#[derive(Debug)]
pub(super) struct Document<'t> {
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// The TOML, and its errors. After an error of syntax the tree is left empty: what follows from
    /// half a file would only distract. A key given twice is an error too, but the tree is still
    /// good.
    pub(super) fn parse(text: &'t str) -> (Self, Problems<'t>) {
        let mut problems = Problems::of(text);
        if text.len() > TEXT_BYTES_MAX {
            problems.add("", "the file is longer than 1 MiB", "split the environment");
            return (
                Self {
                    root: DeTable::new(),
                },
                problems,
            );
        }
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut root = root.into_inner();
        for error in &errors {
            let advice = if error.message() == DUPLICATE_KEY {
                "give each key once and each table one heading"
            } else {
                root = DeTable::new();
                "correct it; the rest is checked after that"
            };
            let offset = error.span().map_or(0, |span| span.start);
            problems.add_at(offset, error.message().replace('\n', ", "), advice);
        }
        locate(&root, "", &mut problems);
        (Self { root }, problems)
    }

    pub(super) fn root(&self) -> Section<'_> {
        Section::new(String::new(), &self.root)
    }
}

/// What `toml` says about a key that is given twice.
const DUPLICATE_KEY: &str = "duplicate key";

fn locate(table: &DeTable<'_>, around: &str, problems: &mut Problems<'_>) {
    for (key, value) in table {
        let path = join(around, key.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            locate(inner, &path, problems);
        }
        problems.locate(path, key.span().start);
    }
}

/// A table of the file, whose keys are taken out one by one.
#[derive(Debug)]
pub(super) struct Section<'d> {
    /// Its dotted key.
    pub(super) key: String,
    rest: Vec<(&'d str, &'d DeValue<'d>)>,
    known: Vec<&'static str>,
}

impl<'d> Section<'d> {
    fn new(key: String, table: &'d DeTable<'d>) -> Self {
        let mut rest: Vec<_> = table.iter().collect();
        // In the order of the file, so that of two that collide the second is blamed.
        rest.sort_by_key(|(key, _)| key.span().start);
        let rest = rest
            .into_iter()
            .map(|(key, value)| (&**key.get_ref(), value.get_ref()))
            .collect();
        Self {
            key,
            rest,
            known: Vec::new(),
        }
    }

    /// An empty table, in place of one that is missing.
    fn empty(key: String) -> Self {
        Self {
            key,
            rest: Vec::new(),
            known: Vec::new(),
        }
    }

    /// The dotted key of this table.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The dotted key of `name` in this table.
    pub(super) fn path(&self, name: &str) -> String {
        join(&self.key, name)
    }

    /// Takes out the value of `name`.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Item<'d>> {
        self.known.push(name);
        let index = self.rest.iter().position(|(key, _)| *key == name)?;
        let (_, value) = self.rest.remove(index);
        Some(Item {
            key: self.path(name),
            value,
        })
    }

    /// Takes out the value of `name`, which must be there; `example` says what it looks like.
    pub(super) fn required(
        &mut self,
        name: &'static str,
        example: &str,
        problems: &mut Problems<'_>,
    ) -> Option<Item<'d>> {
        let item = self.optional(name);
        if item.is_none() {
            problems.add(
                &self.key,
                format!("`{name}` is missing"),
                format!("add {example}"),
            );
        }
        item
    }

    /// Takes out the table `name`; one that is missing is empty.
    pub(super) fn section(
        &mut self,
        name: &'static str,
        problems: &mut Problems<'_>,
    ) -> Section<'d> {
        let item = self.optional(name);
        item.and_then(|item| item.section(problems))
            .unwrap_or_else(|| Self::empty(self.path(name)))
    }

    /// Takes out everything: a table whose keys are the operator's own names.
    pub(super) fn entries(&mut self) -> Vec<(&'d str, Item<'d>)> {
        let rest = std::mem::take(&mut self.rest);
        rest.into_iter()
            .map(|(name, value)| {
                (
                    name,
                    Item {
                        key: self.path(name),
                        value,
                    },
                )
            })
            .collect()
    }

    /// Reports every key that nobody took out.
    pub(super) fn finish(self, problems: &mut Problems<'_>) {
        for (name, _) in &self.rest {
            let known = list(self.known.iter().copied());
            problems.add(
                &self.path(name),
                "unknown key",
                format!("known here: {known}"),
            );
        }
    }
}

/// A value of the file.
#[derive(Debug)]
pub(super) struct Item<'d> {
    /// Its dotted key.
    pub(super) key: String,
    value: &'d DeValue<'d>,
}

/// What type a value should have, and how to write one.
pub(super) type Wanted = (&'static str, &'static str);

const STRING: Wanted = ("a string", "write it in quotes");
const BOOLEAN: Wanted = ("`true` or `false`", "write it without quotes");
const NUMBER: Wanted = ("a number", "write digits without quotes or a point");
const STRINGS: Wanted = ("a list of strings", "write `[\"…\"]`, each in quotes");
const TABLE: Wanted = (
    "a table",
    "write `{ … }`, or give it a heading of its own in brackets",
);

impl<'d> Item<'d> {
    fn wrong_type<T>(&self, wanted: Wanted, problems: &mut Problems<'_>) -> Option<T> {
        let (wanted, advice) = wanted;
        let problem = format!("expected {wanted}, found {}", self.value.type_str());
        problems.add(&self.key, problem, advice);
        None
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub(super) fn string(&self, problems: &mut Problems<'_>) -> Option<&'d str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => self.wrong_type(STRING, problems),
        }
    }

    /// A text for people, so not blank.
    pub(super) fn words(&self, problems: &mut Problems<'_>) -> Option<String> {
        let text = self.string(problems)?.trim();
        if text.is_empty() {
            problems.add(&self.key, "it is blank", "say it in words");
            return None;
        }
        Some(text.to_owned())
    }

    pub(super) fn boolean(&self, problems: &mut Problems<'_>) -> bool {
        match self.value {
            DeValue::Boolean(value) => *value,
            _ => self.wrong_type(BOOLEAN, problems).unwrap_or(false),
        }
    }

    pub(super) fn is_string(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// `true` or `false`, where something else is allowed, too, which `wanted` says.
    pub(super) fn boolean_or(&self, wanted: Wanted, problems: &mut Problems<'_>) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong_type(wanted, problems),
        }
    }

    /// An integer from `min` to `max`.
    pub(super) fn integer(&self, min: u16, max: u16, problems: &mut Problems<'_>) -> Option<u16> {
        let DeValue::Integer(integer) = self.value else {
            return self.wrong_type(NUMBER, problems);
        };
        match u16::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                let problem = format!("{} is out of range", quoted(integer.as_str()));
                problems.add(&self.key, problem, format!("use {min} to {max}"));
                None
            }
        }
    }

    /// A word of a closed list.
    pub(super) fn word<T: FromStr<Err = UnknownName>>(
        &self,
        problems: &mut Problems<'_>,
    ) -> Option<T> {
        let text = self.string(problems)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(UnknownName { kind, known }) => {
                let problem = format!("unknown {kind} {}", quoted(text));
                problems.add(&self.key, problem, format!("known: {known}"));
                None
            }
        }
    }

    pub(super) fn name<K: Kind>(&self, problems: &mut Problems<'_>) -> Option<Name<K>> {
        name(&self.key, self.string(problems)?, problems)
    }

    /// A list of strings.
    pub(super) fn strings(&self, problems: &mut Problems<'_>) -> Option<Vec<&'d str>> {
        let DeValue::Array(array) = self.value else {
            return self.wrong_type(STRINGS, problems);
        };
        let items = array
            .iter()
            .map(|value: &Spanned<DeValue<'_>>| value.get_ref());
        let texts: Option<Vec<_>> = items
            .map(|value| match value {
                DeValue::String(text) => Some(&**text),
                _ => None,
            })
            .collect();
        texts.or_else(|| self.wrong_type(STRINGS, problems))
    }

    pub(super) fn section(self, problems: &mut Problems<'_>) -> Option<Section<'d>> {
        match self.value {
            DeValue::Table(table) => Some(Section::new(self.key, table)),
            _ => self.wrong_type(TABLE, problems),
        }
    }
}

/// `text` as a name; a problem of `key` if it breaks the rule.
pub(super) fn name<K: Kind>(key: &str, text: &str, problems: &mut Problems<'_>) -> Option<Name<K>> {
    match Name::new(text) {
        Ok(name) => Some(name),
        Err(NameError { kind, rule }) => {
            problems.add(key, format!("{} is not a valid {kind}", quoted(text)), rule);
            None
        }
    }
}
