//! The problems of a data map, noted while it is read, and how their messages quote the file.

use std::collections::HashMap;

use crate::error::{MapError, MapErrors};

/// The problems found so far, and where in the text each key stands.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    text: &'t str,
    offsets: HashMap<String, usize>,
    list: Vec<MapError>,
}

impl<'t> Problems<'t> {
    /// No problems yet in `text`.
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text,
            offsets: HashMap::new(),
            list: Vec::new(),
        }
    }

    /// Remembers that `key` stands at that byte of the text.
    pub(super) fn locate(&mut self, key: String, offset: usize) {
        self.offsets.insert(key, offset);
    }

    /// Notes a problem of no key, at that byte of the text.
    pub(super) fn add_at(&mut self, offset: usize, problem: String, advice: &str) {
        let line = line_of(self.text, offset);
        let (key, advice) = (String::new(), advice.to_owned());
        self.list.push(MapError {
            line,
            key,
            problem,
            advice,
        });
    }

    /// Notes a problem of the key `key` (dotted). A key that is not in the file is reported on the
    /// line of the nearest table around it.
    pub(super) fn add(&mut self, key: &str, problem: impl Into<String>, advice: impl Into<String>) {
        let line = self.line(key);
        let (problem, advice) = (problem.into(), advice.into());
        self.list.push(MapError {
            line,
            key: printable(key),
            problem,
            advice,
        });
    }

    /// Whether `key` itself already has a problem.
    pub(super) fn any(&self, key: &str) -> bool {
        let key = printable(key);
        self.list.iter().any(|problem| problem.key == key)
    }

    /// The line of `key`, counted from 1.
    pub(super) fn line(&self, key: &str) -> usize {
        let mut prefix = key;
        let offset = loop {
            match (self.offsets.get(prefix), prefix.rsplit_once('.')) {
                (Some(offset), _) => break *offset,
                (None, Some((shorter, _))) => prefix = shorter,
                (None, None) => break 0,
            }
        };
        line_of(self.text, offset)
    }

    pub(super) fn into_result(self) -> Result<(), MapErrors> {
        if self.list.is_empty() {
            Ok(())
        } else {
            Err(MapErrors::new(self.list))
        }
    }
}

/// Names for a message: "`a`, `b`", or "none".
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Text from the file for a message: in backticks, on one line, at most 40 characters.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// `key` below `around`, dotted.
pub(super) fn join(around: &str, key: &str) -> String {
    if around.is_empty() {
        key.to_owned()
    } else {
        format!("{around}.{key}")
    }
}

/// A key for a message: control characters, which a terminal would obey, are escaped.
fn printable(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for c in key.chars() {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}
