//! Names in PostgreSQL's SQL text.

pub(crate) use crate::sqlite::name::{literal, quoted};

/// Where everything of ours lies that is not part of an application's table.
pub(crate) const SCHEMA: &str = "privet";

/// A table by its schema and name, both as the catalog writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl Relation {
    /// As SQL names it, whatever the search path is.
    pub(crate) fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}
