//! What the client has prepared: the texts, for the record, and the session commands, which the server never sees.

use std::collections::HashMap;
use std::sync::Arc;

use crate::commands::Call;
use crate::fault::Fault;
use crate::frame::Format;

const STATEMENTS_MAX: usize = 10_000;
const STATEMENT_BYTES_MAX: usize = 32 << 20;
const CALLS_MAX: usize = 100;

/// A prepared session command.
#[derive(Clone)]
pub(super) struct PreparedCall {
    /// What it calls.
    pub(super) call: Call,
    /// The types that the client stated for its parameters.
    pub(super) types: Vec<u32>,
}

/// A session command that is bound.
pub(super) struct CallPortal {
    /// The portal's name.
    pub(super) name: String,
    /// What it calls.
    pub(super) prepared: PreparedCall,
    /// The parameters, with their formats.
    pub(super) parameters: Vec<(Format, Option<bytes::Bytes>)>,
    /// Whether it ran.
    pub(super) is_done: bool,
}

/// The statements of one client.
#[derive(Default)]
pub(super) struct Prepared {
    texts: HashMap<String, Arc<str>>,
    bytes: usize,
    calls: HashMap<String, PreparedCall>,
    /// The session command that is bound; one at a time is enough.
    pub(super) portal: Option<CallPortal>,
}

impl Prepared {
    /// Keeps the text of a statement that goes to the server.
    ///
    /// # Errors
    /// Too many, or too much text.
    pub(super) fn keep(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        self.calls.remove(name);
        let former = self.texts.get(name).map_or(0, |former| former.len());
        if self.texts.get(name).is_some_and(|former| **former == *text) {
            return Ok(());
        }
        if self.texts.len() >= STATEMENTS_MAX
            || self.bytes - former + text.len() > STATEMENT_BYTES_MAX
        {
            return Err(Fault::error(
                "53400",
                "too many prepared statements: close some",
            ));
        }
        self.bytes = self.bytes - former + text.len();
        match self.texts.get_mut(name) {
            Some(kept) => *kept = Arc::from(text),
            None => {
                self.texts.insert(name.to_owned(), Arc::from(text));
            }
        }
        Ok(())
    }

    /// The text of a statement; of one that SQL itself prepared, its name.
    pub(super) fn text(&self, name: &str) -> Arc<str> {
        match self.texts.get(name) {
            Some(text) => Arc::clone(text),
            None => format!("-- the statement that was prepared as \"{name}\"").into(),
        }
    }

    /// Keeps a session command.
    ///
    /// # Errors
    /// Too many.
    pub(super) fn keep_call(&mut self, name: String, call: PreparedCall) -> Result<(), Fault> {
        if self.calls.len() >= CALLS_MAX {
            return Err(Fault::error(
                "53400",
                "too many prepared session commands: close some",
            ));
        }
        self.calls.insert(name, call);
        Ok(())
    }

    /// The session command of this name.
    pub(super) fn call(&self, name: &str) -> Option<&PreparedCall> {
        self.calls.get(name)
    }

    /// Whether there are session commands, so that names must be looked at.
    pub(super) fn has_calls(&self) -> bool {
        !self.calls.is_empty() || self.portal.is_some()
    }

    /// Forgets a statement; answers whether it was a session command.
    pub(super) fn forget(&mut self, name: &str) -> bool {
        if let Some(text) = self.texts.remove(name) {
            self.bytes -= text.len();
        }
        self.calls.remove(name).is_some()
    }

    /// Forgets the statements that the server had; session commands stay.
    pub(super) fn forget_texts(&mut self) {
        self.texts.clear();
        self.bytes = 0;
    }

    /// A simple query ends the unnamed statement and portal.
    pub(super) fn forget_unnamed(&mut self) {
        self.forget("");
        self.portal.take_if(|portal| portal.name.is_empty());
    }
}
