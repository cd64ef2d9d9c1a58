//! One call: what is asked for, and what asking twice would do.

use std::fmt;

use bytes::Bytes;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use privet_wire::SecretBuffer;
use serde::Serialize;

use crate::Error;
use crate::retry::Repeat;

/// A request to be, and to be again.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path's template, for messages.
    pub(crate) template: &'static str,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) body: Bytes,
    pub(crate) repeat: Repeat,
}

impl Call {
    pub(crate) fn get(template: &'static str) -> Self {
        Self {
            method: Method::GET,
            template,
            path: template.to_owned(),
            body: Bytes::new(),
            repeat: Repeat::Harmless,
        }
    }

    pub(crate) fn new(method: Method, template: &'static str, repeat: Repeat) -> Self {
        Self {
            method,
            repeat,
            ..Self::get(template)
        }
    }

    /// Puts the id where the first `{…}` is that is left. Ids are UUIDs and numbers: nothing has to be escaped.
    pub(crate) fn id(mut self, id: impl fmt::Display) -> Self {
        if let (Some(start), Some(end)) = (self.path.find('{'), self.path.find('}')) {
            self.path.replace_range(start..=end, &id.to_string());
        }
        self
    }

    /// The same with a name, whatever characters it has.
    pub(crate) fn name(self, name: &str) -> Self {
        self.id(utf8_percent_encode(name, NON_ALPHANUMERIC))
    }

    pub(crate) fn query(mut self, query: &impl Serialize) -> Result<Self, Error> {
        let query = serde_urlencoded::to_string(query)
            .map_err(|_| Error::setting("a query holds what a URL cannot"))?;
        if !query.is_empty() {
            self.path.push('?');
            self.path.push_str(&query);
        }
        Ok(self)
    }

    /// One line of JSON for each of them.
    pub(crate) fn json_lines(mut self, lines: &[impl Serialize]) -> Result<Self, Error> {
        let mut buffer = SecretBuffer::with_capacity(512 * lines.len());
        for line in lines {
            serde_json::to_writer(&mut buffer, line)
                .map_err(|_| Error::setting("a body holds what JSON cannot"))?;
            buffer.push(b"\n");
        }
        self.body = buffer.into_bytes();
        Ok(self)
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let mut buffer = SecretBuffer::with_capacity(512);
        serde_json::to_writer(&mut buffer, body)
            .map_err(|_| Error::setting("a body holds what JSON cannot"))?;
        self.body = buffer.into_bytes();
        Ok(self)
    }
}
