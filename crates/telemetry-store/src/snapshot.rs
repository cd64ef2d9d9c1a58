//! The files that count at one moment, in all tables.

use std::sync::Arc;

use object_store::ObjectStore;

use crate::state::{DataFile, State};
use crate::{Attribute, Table, Type};

/// The files that count after one entry of the log. They stay readable for the grace time, whatever is written meanwhile.
#[derive(Debug, Clone)]
pub struct Snapshot {
    version: u64,
    files: Arc<[Arc<DataFile>]>,
    objects: Arc<dyn ObjectStore>,
}

impl Snapshot {
    pub(crate) fn new(state: &State, objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            version: state.version,
            files: state.files.values().map(Arc::clone).collect(),
            objects,
        }
    }

    /// The number of the log's entry.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The files of a table, by tenant and day.
    pub fn files(&self, table: Table) -> impl Iterator<Item = &Arc<DataFile>> {
        self.files.iter().filter(move |file| file.table == table)
    }

    /// Where the files' paths lead.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// All attributes that have a column in some file of a table, by name. Where the data map changed the type of one, the
    /// column is text, into which values of every type fit.
    pub fn attributes(&self, table: Table) -> Vec<Attribute> {
        let mut found: std::collections::BTreeMap<&str, &Attribute> = Default::default();
        let mut mixed = std::collections::BTreeSet::new();
        for attribute in self.files(table).flat_map(|file| file.attributes.iter()) {
            let known = found.entry(attribute.name()).or_insert(attribute);
            if known.of() != attribute.of() {
                mixed.insert(attribute.name());
            }
        }
        found
            .into_iter()
            .map(|(name, attribute)| {
                if mixed.contains(name) {
                    Attribute::from((name.into(), Type::String))
                } else {
                    attribute.clone()
                }
            })
            .collect()
    }
}
