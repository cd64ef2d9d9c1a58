//! One object of JSON (RFC 8259), redacted while it is read: what may be shown is copied as it
//! stands, so that a number keeps its digits and a line its order.

use std::borrow::Cow;
use std::fmt::Display;

use super::{LineFilter, Treatment};
use crate::free_text;
use crate::redactor::Redactor;
use crate::taxonomy::Label;
use crate::value_type::ValueType;

/// How deep objects may lie in each other.
const DEPTH_MAX: usize = 64;

/// Appends the redacted form of the object in `line`; `None` if there is none, or something behind it.
pub(super) fn redact(filter: &LineFilter, line: &str, out: &mut String) -> Option<()> {
    let mut reader = Reader {
        filter,
        line,
        at: 0,
        path: String::new(),
        scratch: String::new(),
    };
    reader.space();
    reader.object(DEPTH_MAX, out)?;
    reader.space();
    (reader.at == line.len()).then_some(())
}

struct Reader<'a> {
    filter: &'a LineFilter,
    line: &'a str,
    at: usize,
    /// The key of the value that is read, with those of the objects around it.
    path: String,
    /// A text before it stands in quotes.
    scratch: String,
}

impl<'a> Reader<'a> {
    /// Reads an object and appends what may be shown of it.
    fn object(&mut self, depth: usize, out: &mut String) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.expect(b'{')?;
        out.push('{');
        self.space();
        if self.take(b'}') {
            out.push('}');
            return Some(());
        }
        let mut first = true;
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(b':')?;
            self.space();
            let kept = out.len();
            if !first {
                out.push(',');
            }
            out.push_str(key);
            out.push(':');
            let around = self.path.len();
            if around > 0 {
                self.path.push('.');
            }
            self.path.push_str(&text_of(key)?);
            let shown = self.value(depth, out)?;
            self.path.truncate(around);
            if shown {
                first = false;
            } else {
                out.truncate(kept);
            }
            self.space();
            if self.take(b'}') {
                out.push('}');
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads the value of the key at `path`, appends what may be shown; answers whether there was any.
    fn value(&mut self, depth: usize, out: &mut String) -> Option<bool> {
        let nested = self.peek() == Some(b'{');
        match self.filter.treatment(&self.path) {
            // That a value is about the machine says nothing about what other keys lie in it.
            Some(Treatment::Class(label, _)) if nested && self.keeps(label) => {
                self.listed_within(depth, out)
            }
            Some(Treatment::Class(label, value_type)) => {
                let raw = self.any(depth)?;
                if raw.starts_with('[') && raw.contains('{') && self.keeps(label) {
                    return Some(false);
                }
                self.in_class(label, value_type, raw, out)?;
                Some(true)
            }
            Some(Treatment::Text) => {
                let raw = self.any(depth)?;
                Some(text(raw, out)?)
            }
            None if nested => self.listed_within(depth, out),
            None => {
                self.any(depth)?;
                Some(false)
            }
        }
    }

    /// Reads an object of which keys within may be listed.
    fn listed_within(&mut self, depth: usize, out: &mut String) -> Option<bool> {
        let start = out.len();
        self.object(depth, out)?;
        Some(out.len() > start + 2)
    }

    fn keeps(&self, label: Label) -> bool {
        self.filter.rules.redactor(label) == Redactor::Keep
    }

    fn in_class(
        &mut self,
        label: Label,
        value_type: Option<ValueType>,
        raw: &str,
        out: &mut String,
    ) -> Option<()> {
        let filter = self.filter;
        let rules = &filter.rules;
        let redactor = rules.redactor(label);
        if redactor == Redactor::Keep || raw == "null" {
            out.push_str(raw);
            return Some(());
        }
        let text;
        let value: &dyn Display = match raw.as_bytes().first()? {
            _ if redactor == Redactor::Erase => &"",
            b'"' => {
                text = text_of(raw)?;
                &text
            }
            // A list or an object has a pseudonym as a whole: its text, as it stands.
            _ => &raw,
        };
        self.scratch.clear();
        rules
            .write(label, value_type, value, &mut self.scratch)
            .ok()?;
        push_string(&self.scratch, out)
    }

    /// Reads any value and gives it as it stands.
    fn any(&mut self, depth: usize) -> Option<&'a str> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.nested(depth)?,
            _ => {
                let rest = self.line.as_bytes().get(start..)?;
                let in_word =
                    |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
                self.at += rest.iter().take_while(in_word).count();
                let word = self.line.get(start..self.at)?;
                let number = word.bytes().next()?;
                let number = number == b'-' || number.is_ascii_digit();
                if !number && !matches!(word, "true" | "false" | "null") {
                    return None;
                }
            }
        }
        self.line.get(start..self.at)
    }

    /// Skips a list or an object: only its strings and brackets are looked at.
    fn nested(&mut self, depth: usize) -> Option<()> {
        let mut open = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                close @ (b'}' | b']') if open.pop() != Some(close) => return None,
                _ => {}
            }
            self.at += 1;
            if open.is_empty() {
                return Some(());
            }
            if open.len() > depth {
                return None;
            }
        }
    }

    /// Reads a string and gives it as it stands, with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.expect(b'"')?;
        let bytes = self.line.as_bytes();
        loop {
            let rest = bytes.get(self.at..)?;
            let next = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += next + 1;
            if rest.get(next) == Some(&b'"') {
                return self.line.get(start..self.at);
            }
            self.at += 1;
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }
}

/// Appends a text that is searched; answers whether the value was one.
fn text(raw: &str, out: &mut String) -> Option<bool> {
    match raw.as_bytes().first()? {
        b'"' => {
            let text = text_of(raw)?;
            if free_text::find(&text).next().is_none() {
                out.push_str(raw);
                return Some(true);
            }
            let mut shown = String::new();
            free_text::redact(&text, &mut shown);
            push_string(&shown, out)?;
            Some(true)
        }
        // A list or an object of texts is more than a text.
        b'[' | b'{' => Some(false),
        // A number may be a telephone number, and has no sign that would tell.
        _ if raw.len() < 7 => {
            out.push_str(raw);
            Some(true)
        }
        _ => Some(false),
    }
}

/// The text of a string that stands in its quotes.
fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

/// Appends a text as a string with its quotes.
fn push_string(text: &str, out: &mut String) -> Option<()> {
    let special = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if !text.bytes().fold(false, |any, byte| any | special(byte)) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).ok()?);
    }
    Some(())
}
