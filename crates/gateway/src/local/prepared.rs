//! Prepared statements and portals of one client, bounded.

use std::collections::HashMap;

use privet_vault::port::{Described, SqlValue};

use super::rows::{Cursor, Shape};
use crate::answer::Answer;
use crate::fault::Fault;
use crate::frame::Format;
use crate::statement::Plan;
use crate::value::Type;

const STATEMENTS_MAX: usize = 1_000;
const STATEMENT_BYTES_MAX: usize = 16 << 20;
const PORTALS_MAX: usize = 100;
const PORTAL_BYTES_MAX: usize = 32 << 20;

/// A prepared statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// Its text.
    pub(super) sql: String,
    /// What it is.
    pub(super) plan: Plan,
    /// The types of its parameters, as described to the client.
    pub(super) types: Vec<u32>,
    /// The engine's description, if the statement is the engine's.
    pub(super) described: Option<Described>,
    /// The column types that the client was told by a Describe of the statement.
    pub(super) told: Option<Vec<Type>>,
}

/// A portal: a statement with its parameters.
pub(super) struct Portal {
    /// The statement's text.
    pub(super) sql: String,
    /// What it is.
    pub(super) plan: Plan,
    /// The engine's description, if the statement is the engine's.
    pub(super) described: Option<Described>,
    /// Its parameters.
    pub(super) parameters: Vec<SqlValue>,
    /// What the client wants of the result.
    pub(super) shape: Shape,
    /// How far it is.
    pub(super) progress: Progress,
}

/// How far a portal is.
pub(super) enum Progress {
    /// Nothing done.
    Bound,
    /// The engine runs it; boxed, for it is much larger than the rest.
    Running(Box<Cursor>),
    /// The gateway made its answer; so many rows were sent.
    Answered(Answer, usize),
    /// Its last row was sent; it is called so.
    Done(String),
    /// It was ended by another statement.
    Ended,
}

/// The statements and portals of one client.
#[derive(Default)]
pub(super) struct Prepared {
    statements: HashMap<String, Statement>,
    portals: HashMap<String, Portal>,
}

impl Prepared {
    /// Keeps a statement; the unnamed one is replaced, a named one must be new.
    pub(super) fn add_statement(
        &mut self,
        name: String,
        statement: Statement,
    ) -> Result<(), Fault> {
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(Fault::error(
                "42P05",
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        let others = self.statements.iter().filter(|(known, _)| **known != name);
        let bytes: usize = others.map(|(_, statement)| statement.sql.len()).sum();
        if self.statements.len() >= STATEMENTS_MAX
            || bytes + statement.sql.len() > STATEMENT_BYTES_MAX
        {
            return Err(Fault::error(
                "53400",
                "too many prepared statements: close some",
            ));
        }
        self.statements.insert(name, statement);
        Ok(())
    }

    /// A statement.
    pub(super) fn statement(&self, name: &str) -> Result<&Statement, Fault> {
        self.statements.get(name).ok_or_else(|| no_statement(name))
    }

    /// Remembers what the client was told of a statement's columns.
    pub(super) fn told(&mut self, name: &str, types: Vec<Type>) {
        if let Some(statement) = self.statements.get_mut(name) {
            statement.told = Some(types);
        }
    }

    /// Forgets a statement; one that is not there is forgotten already.
    pub(super) fn remove_statement(&mut self, name: &str) -> bool {
        self.statements.remove(name).is_some()
    }

    /// Forgets all statements.
    pub(super) fn forget_statements(&mut self) {
        self.statements.clear();
    }

    /// Keeps a portal; the unnamed one is replaced, a named one must be new.
    pub(super) fn add_portal(&mut self, name: String, portal: Portal) -> Result<(), Fault> {
        if !name.is_empty() && self.portals.contains_key(&name) {
            return Err(Fault::error(
                "42P03",
                format!("portal \"{name}\" already exists"),
            ));
        }
        let others = self.portals.iter().filter(|(known, _)| **known != name);
        let bytes: usize = others.map(|(_, portal)| size(&portal.parameters)).sum();
        if self.portals.len() >= PORTALS_MAX || bytes + size(&portal.parameters) > PORTAL_BYTES_MAX
        {
            return Err(Fault::error("53400", "too many portals: close some"));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    /// Takes a portal out, to work on it.
    pub(super) fn take_portal(&mut self, name: &str) -> Result<Portal, Fault> {
        let missing = || Fault::error("34000", format!("portal \"{name}\" does not exist"));
        self.portals.remove(name).ok_or_else(missing)
    }

    /// Puts a portal back that was taken out.
    pub(super) fn put_portal(&mut self, name: &str, portal: Portal) {
        self.portals.insert(name.to_owned(), portal);
    }

    /// Forgets a portal that runs nothing.
    pub(super) fn remove_portal(&mut self, name: &str) -> Option<Portal> {
        self.portals.remove(name)
    }

    /// Takes the running statement out of its portal, which has ended then.
    pub(super) fn take_running(&mut self) -> Option<Box<Cursor>> {
        let running = |portal: &&mut Portal| matches!(portal.progress, Progress::Running(_));
        let portal = self.portals.values_mut().find(running)?;
        match std::mem::replace(&mut portal.progress, Progress::Ended) {
            Progress::Running(cursor) => Some(cursor),
            _ => None,
        }
    }

    /// Forgets all portals; none may be running.
    pub(super) fn forget_portals(&mut self) {
        self.portals.clear();
    }
}

/// A statement that is not there.
pub(super) fn no_statement(name: &str) -> Fault {
    Fault::error(
        "26000",
        format!("prepared statement \"{name}\" does not exist"),
    )
}

/// One format for all, one each, or none: how `formats` of a Bind message are read.
pub(super) fn format_at(formats: &[Format], index: usize) -> Format {
    match formats {
        [] => Format::Text,
        [all] => *all,
        each => each.get(index).copied().unwrap_or(Format::Text),
    }
}

fn size(parameters: &[SqlValue]) -> usize {
    let bytes = |value: &SqlValue| match value {
        SqlValue::Text(text) => text.len(),
        SqlValue::Blob(bytes) => bytes.len(),
        _ => 8,
    };
    parameters.iter().map(bytes).sum()
}
