//! A source's tables, views and indexes under object ids that stay the same while the schema does.

use privet_vault::port::{ForeignKey, TableInfo};

use super::Source;

/// Object ids below are PostgreSQL's own (`FirstNormalObjectId`).
const FIRST_OID: u32 = 16_384;

/// A table, view or index.
pub(super) struct Relation<'a> {
    pub(super) oid: u32,
    pub(super) name: &'a str,
    /// As in `pg_class.relkind`: `r`, `v` or `i`.
    pub(super) kind: char,
    /// The table of an index, else its own name.
    pub(super) table: &'a str,
    /// The description of a table; of a view, its columns.
    pub(super) info: Option<&'a TableInfo>,
    sealed: &'a [(String, String, String)],
}

/// A column of a table.
pub(super) struct RelationColumn {
    pub(super) name: String,
    pub(super) type_word: String,
    pub(super) not_null: bool,
}

/// An index of a table.
pub(super) struct RelationIndex {
    pub(super) name: String,
    pub(super) columns: String,
    pub(super) primary: bool,
    pub(super) unique: bool,
    pub(super) constraint: bool,
}

/// A foreign key.
pub(super) struct RelationKey {
    pub(super) oid: u32,
    pub(super) parent_oid: Option<u32>,
    pub(super) name: String,
    pub(super) table: String,
    pub(super) definition: String,
}

/// All relations of a source.
pub(super) struct Relations<'a>(Vec<Relation<'a>>);

impl<'a> Relations<'a> {
    pub(super) fn of(source: &Source<'a>) -> Self {
        let mut relations = Vec::new();
        let catalog = source.catalog;
        for table in &catalog.tables {
            relations.push(('r', table.name.as_str(), table.name.as_str(), Some(table)));
        }
        for (view, _) in &catalog.views {
            let columns = source.views.iter().find(|known| known.name == *view);
            relations.push(('v', view, view, columns));
        }
        for table in &catalog.tables {
            for index in &table.indexes {
                relations.push(('i', &index.name, &table.name, None));
            }
        }
        let numbered = (FIRST_OID..).zip(relations);
        let relation = |(oid, (kind, name, table, info))| Relation {
            oid,
            name,
            kind,
            table,
            info,
            sealed: source.sealed,
        };
        let mut relations: Vec<Relation<'a>> = numbered.map(relation).collect();
        relations.sort_by_key(|relation| relation.name);
        Self(relations)
    }

    /// By name.
    pub(super) fn all(&self) -> impl Iterator<Item = &Relation<'a>> {
        self.0.iter()
    }

    /// The foreign keys that `wanted` says yes to.
    pub(super) fn foreign_keys(&self, wanted: impl Fn(&RelationKey) -> bool) -> Vec<RelationKey> {
        let tables = self
            .0
            .iter()
            .filter_map(|relation| relation.info.map(|info| (relation.oid, info)));
        let keys = tables
            .flat_map(|(oid, info)| info.foreign_keys.iter().map(move |key| (oid, info, key)));
        keys.map(|(oid, info, key)| self.foreign_key(oid, info, key))
            .filter(wanted)
            .collect()
    }

    fn foreign_key(&self, oid: u32, table: &TableInfo, key: &ForeignKey) -> RelationKey {
        let parent = self.0.iter().find(|relation| {
            relation.info.is_some() && relation.name.eq_ignore_ascii_case(&key.parent)
        });
        let there = match parent.and_then(|parent| parent.info) {
            Some(parent) if key.parent_columns.is_empty() => parent.primary_key.join(", "),
            _ => key.parent_columns.join(", "),
        };
        let here = key.columns.join(", ");
        RelationKey {
            oid,
            parent_oid: parent.map(|parent| parent.oid),
            name: format!("{}_{}_fkey", table.name, key.columns.join("_")),
            table: table.name.clone(),
            definition: format!("FOREIGN KEY ({here}) REFERENCES {}({there})", key.parent),
        }
    }
}

impl Relation<'_> {
    /// As psql shows it.
    pub(super) fn kind_word(&self) -> &'static str {
        match self.kind {
            'v' => "view",
            'i' => "index",
            _ => "table",
        }
    }

    /// The columns of a table, with what seals them.
    pub(super) fn columns(&self) -> Vec<RelationColumn> {
        let columns = self
            .info
            .map(|info| info.columns.as_slice())
            .unwrap_or_default();
        let column = |column: &privet_vault::port::ColumnInfo| {
            let sealed = self.sealed.iter().find(|(table, name, _)| {
                table.eq_ignore_ascii_case(self.name) && name.eq_ignore_ascii_case(&column.name)
            });
            let declared = match column.declared_type.as_str() {
                "" => "any",
                declared => declared,
            };
            RelationColumn {
                name: column.name.clone(),
                type_word: match sealed {
                    Some((_, _, field)) => format!("{declared}, sealed as {field}"),
                    None => declared.to_owned(),
                },
                not_null: column.not_null,
            }
        };
        columns.iter().map(column).collect()
    }

    /// The indexes of a table, the primary key first.
    pub(super) fn indexes(&self) -> Vec<RelationIndex> {
        let Some(info) = self.info else {
            return Vec::new();
        };
        let same = |columns: &[Option<String>]| {
            columns.len() == info.primary_key.len()
                && columns
                    .iter()
                    .zip(&info.primary_key)
                    .all(|(column, key)| column.as_ref() == Some(key))
        };
        let mut indexes = Vec::new();
        let listed = info
            .indexes
            .iter()
            .any(|index| index.constraint && same(&index.columns));
        if !info.primary_key.is_empty() && !listed {
            indexes.push(RelationIndex {
                name: format!("{}_pkey", info.name),
                columns: info.primary_key.join(", "),
                primary: true,
                unique: true,
                constraint: true,
            });
        }
        for index in &info.indexes {
            let columns: Vec<&str> = index
                .columns
                .iter()
                .map(|column| column.as_deref().unwrap_or("(expression)"))
                .collect();
            let partial = if index.partial { ") WHERE (…" } else { "" };
            indexes.push(RelationIndex {
                name: index.name.clone(),
                columns: format!("{}{partial}", columns.join(", ")),
                primary: index.constraint && same(&index.columns),
                unique: index.unique,
                constraint: index.constraint,
            });
        }
        indexes.sort_by_key(|index| !index.primary);
        indexes
    }
}
