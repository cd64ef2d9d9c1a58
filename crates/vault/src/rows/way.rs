//! From the chain of the data map to the way through a database's tables.

use privet_classify::SubjectChain;

use crate::port::{Catalog, Hop, TableInfo, Way};

/// The steps to the subject, as far as the catalog has what they need.
pub(crate) fn way(
    chain: &SubjectChain,
    catalog: &Catalog,
    problems: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Option<Way> {
    let mut hops = Vec::with_capacity(chain.hops.len());
    for hop in &chain.hops {
        let table = catalog.table(hop.table.as_str())?;
        let parent = catalog.table(hop.parent_table.as_str())?;
        let columns: Vec<&str> = hop.columns.iter().map(|column| column.as_str()).collect();
        let stated = hop.parent_columns.iter().map(ToString::to_string);
        let referred = match stated.collect::<Vec<_>>() {
            stated if !stated.is_empty() => stated,
            _ if parent.primary_key.len() == columns.len() => parent.primary_key.clone(),
            _ => {
                problems.push(no_key(&hop.table, &columns, &parent.name));
                return None;
            }
        };
        if let Some(missing) = referred.iter().find(|name| parent.column(name).is_none()) {
            problems.push(format!(
                "the subject of `{}` leads to column `{missing}` of `{}`, which does not exist",
                hop.table, parent.name
            ));
            return None;
        }
        let columns = columns.iter().map(|column| (*column).to_owned());
        let step = Hop {
            columns: columns.zip(referred).collect(),
            parent: parent.name.clone(),
        };
        if !table.foreign_keys.iter().any(|key| step.is(key, parent)) {
            notes.push(format!(
                "the database declares no foreign key from `{}.{}` to `{}.{}`; the data map is followed",
                hop.table,
                names(step.columns.iter().map(|(column, _)| column)),
                parent.name,
                names(step.columns.iter().map(|(_, there)| there)),
            ));
        }
        hops.push(step);
    }
    Some(Way {
        hops,
        root_table: chain.root.table.to_string(),
        root_column: chain.root.column.to_string(),
    })
}

fn no_key(table: &impl std::fmt::Display, columns: &[&str], parent: &str) -> String {
    match columns {
        [column] => format!(
            "the subject of `{table}` leads to `{parent}`, which has no primary key of one column: \
             write `{column} -> {parent}.COLUMN`"
        ),
        several => format!(
            "the subject of `{table}` leads to `{parent}`, which has no primary key of {} columns: \
             write `({}) -> {parent}.(COLUMN, …)`",
            several.len(),
            several.join(", ")
        ),
    }
}

/// One name as it is, several in parentheses.
fn names<'n>(names: impl Iterator<Item = &'n String>) -> String {
    match names.map(String::as_str).collect::<Vec<_>>().as_slice() {
        [only] => (*only).to_owned(),
        several => format!("({})", several.join(", ")),
    }
}

impl Hop {
    /// Whether a foreign key to `parent` is this step.
    pub(crate) fn is(&self, key: &crate::port::ForeignKey, parent: &TableInfo) -> bool {
        let there = if key.parent_columns.is_empty() {
            &parent.primary_key
        } else {
            &key.parent_columns
        };
        let has = |(column, referred): (&String, &String)| {
            self.columns.iter().any(|(here, there)| {
                here.eq_ignore_ascii_case(column) && there.eq_ignore_ascii_case(referred)
            })
        };
        key.parent.eq_ignore_ascii_case(&self.parent)
            && key.columns.len() == self.columns.len()
            && there.len() == self.columns.len()
            && key.columns.iter().zip(there).all(has)
    }

    /// Whether both lead from the same columns to the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.parent.eq_ignore_ascii_case(&other.parent)
            && self.columns.len() == other.columns.len()
            && self.columns.iter().all(|(here, there)| {
                other.columns.iter().any(|(column, referred)| {
                    here.eq_ignore_ascii_case(column) && there.eq_ignore_ascii_case(referred)
                })
            })
    }

    /// The step along a foreign key of the catalog.
    pub(crate) fn along(key: &crate::port::ForeignKey, parent: &TableInfo) -> Self {
        let there = if key.parent_columns.is_empty() {
            &parent.primary_key
        } else {
            &key.parent_columns
        };
        Self {
            columns: key
                .columns
                .iter()
                .cloned()
                .zip(there.iter().cloned())
                .collect(),
            parent: parent.name.clone(),
        }
    }
}
