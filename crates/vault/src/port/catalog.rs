//! What a database says of itself: tables, columns, keys, indexes.

/// A database's own description of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Tables, by name; those that only serve an engine's own ends are left out.
    pub tables: Vec<TableInfo>,
    /// Views: name and text.
    pub views: Vec<(String, String)>,
    /// Triggers: name, table.
    pub triggers: Vec<(String, String)>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableInfo {
    /// Name.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<ColumnInfo>,
    /// Columns of the primary key in order; empty: the engine's own row id.
    pub primary_key: Vec<String>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes, including those of constraints.
    pub indexes: Vec<IndexInfo>,
    /// Made by a module of the engine (full text, R*Tree), not a table of rows.
    pub is_virtual: bool,
}

impl TableInfo {
    /// The column of this name, or else one that differs in case alone: some engines do not tell `A` from `a`.
    pub fn column(&self, name: &str) -> Option<&ColumnInfo> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| {
            let mut columns = self.columns.iter();
            columns.find(|column| column.name.eq_ignore_ascii_case(name))
        })
    }

    /// Whether at most one row can hold given values in these columns.
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        let has = |name: &String| {
            columns
                .iter()
                .any(|column| name.eq_ignore_ascii_case(column))
        };
        let primary = !self.primary_key.is_empty() && self.primary_key.iter().all(has);
        let mut indexes = self
            .indexes
            .iter()
            .filter(|index| index.unique && !index.partial);
        let all = |names: &[Option<String>]| {
            !names.is_empty() && names.iter().all(|name| name.as_ref().is_some_and(has))
        };
        primary || indexes.any(|index| all(&index.columns))
    }
}

impl Catalog {
    /// The table of this name, or else one that differs in case alone: some engines do not tell `A` from `a`.
    pub fn table(&self, name: &str) -> Option<&TableInfo> {
        let exact = self.tables.iter().find(|table| table.name == name);
        exact.or_else(|| {
            let mut tables = self.tables.iter();
            tables.find(|table| table.name.eq_ignore_ascii_case(name))
        })
    }
}

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Name.
    pub name: String,
    /// Declared type, as written.
    pub declared_type: String,
    /// NOT NULL.
    pub not_null: bool,
    /// GENERATED, so that it cannot be written.
    pub generated: bool,
}

/// One foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// Columns here.
    pub columns: Vec<String>,
    /// Table there.
    pub parent: String,
    /// Columns there; empty: its primary key.
    pub parent_columns: Vec<String>,
}

/// One index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexInfo {
    /// Name.
    pub name: String,
    /// Columns; expressions are `None`.
    pub columns: Vec<Option<String>>,
    /// UNIQUE.
    pub unique: bool,
    /// Holds only the rows that a WHERE names.
    pub partial: bool,
    /// Made by a UNIQUE or PRIMARY KEY constraint, so that it cannot be dropped alone.
    pub constraint: bool,
}
