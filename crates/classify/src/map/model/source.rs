//! What a data map says about applications' databases: sources, tables, columns, and whose a row is.

use crate::class::Class;
use crate::name::{ColumnName, FieldName, SourceName, TableName, TenantName};

use super::rights::{EraseRule, EraseWith, ExportRule};

/// An application's own database.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let shop = map.source("shop").ok_or("no source")?;
/// let tables: Vec<&str> = shop.tables.iter().map(|table| table.name.as_str()).collect();
/// assert_eq!(tables, ["Support Messages", "customer", "invoice", "orders", "product"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// Which tenant a row belongs to.
    pub tenant: TenantRule,
    /// The tables with personal data, by name.
    pub tables: Vec<Table>,
}

impl Source {
    /// The table of that name, letter for letter.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let shop = map.source("shop").ok_or("no source")?;
    /// assert!(shop.table("customer").is_some() && shop.table("Customer").is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.as_str() == name)
    }
}

/// Which tenant the rows of a source belong to.
///
/// ```
/// # use privet_classify::TenantRule;
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let rule = |name| map.source(name).map(|source| &source.tenant);
/// assert!(matches!(rule("crm"), Some(TenantRule::Fixed(tenant)) if tenant.as_str() == "acme"));
/// assert!(matches!(rule("shop"), Some(TenantRule::Column(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantRule {
    /// All to one.
    Fixed(TenantName),
    /// To the one that this column of the subject's row (the root of the subject path) names.
    Column(ColumnName),
}

/// A table with personal data.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let customer = map.source("shop").and_then(|shop| shop.table("customer")).ok_or("no table")?;
/// assert!(customer.subject.is_some());
/// assert_eq!(customer.columns.len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Whose a row is; always there if a column is a field.
    pub subject: Option<SubjectPath>,
    /// Who else may see a row: each a foreign key ([`SubjectPath::Via`]) to a row whose person it is.
    pub shared: Vec<SubjectPath>,
    /// What becomes of the rows of somebody who left; `None` where the map does not say, and then nothing is done to them.
    pub erase: Option<EraseRule>,
    /// With whose leaving that happens to a shared row.
    pub erase_with: EraseWith,
    /// How its rows appear in the copy that a person gets of their data.
    pub export: ExportRule,
    /// All its columns but those of blind indexes, by name.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of that name, letter for letter.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let customer = map.source("shop").and_then(|shop| shop.table("customer")).ok_or("no table")?;
    /// let field = customer.column("email").and_then(|column| column.field());
    /// assert_eq!(field.map(|field| field.as_str()), Some("email"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name.as_str() == name)
    }

    /// The columns to seal, each with its field.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let customer = map.source("shop").and_then(|shop| shop.table("customer")).ok_or("no table")?;
    /// let sealed: Vec<&str> = customer.sealed_columns().map(|(_, field)| field.as_str()).collect();
    /// assert_eq!(sealed, ["birthday", "email"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sealed_columns(&self) -> impl Iterator<Item = (&Column, &FieldName)> {
        self.columns
            .iter()
            .filter_map(|column| column.field().map(|field| (column, field)))
    }
}

/// How the subject of a row is found.
///
/// ```
/// # use privet_classify::SubjectPath;
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let orders = map.source("shop").and_then(|shop| shop.table("orders")).ok_or("no table")?;
/// assert!(matches!(&orders.subject, Some(SubjectPath::Via { table, .. }) if table.as_str() == "customer"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectPath {
    /// The table is a root: this column of its own names the subject, whose alias is `table:value`.
    Own {
        /// The column.
        column: ColumnName,
    },
    /// The row belongs to whom the row in another table belongs to.
    Via {
        /// The foreign key; several columns where it has several (`(a, b) -> t`).
        columns: Vec<ColumnName>,
        /// The table that it leads to.
        table: TableName,
        /// The columns there that it refers to, one for each, where the map says so (`a -> t.b`); else none.
        parent_columns: Vec<ColumnName>,
    },
}

impl SubjectPath {
    /// The columns of the row itself with which the path starts.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let orders = map.source("shop").and_then(|shop| shop.table("orders")).ok_or("no table")?;
    /// let path = orders.subject.as_ref().ok_or("no subject")?;
    /// assert_eq!(path.columns().iter().map(|column| column.as_str()).collect::<Vec<_>>(), ["customer_id"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn columns(&self) -> &[ColumnName] {
        match self {
            Self::Own { column } => std::slice::from_ref(column),
            Self::Via { columns, .. } => columns,
        }
    }
}

/// The way from a row to its subject: foreign keys to follow one after the other, then the root.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let chain = map.subject_chain(&"shop".parse()?, &"invoice".parse()?).ok_or("no subject")?;
/// let tables: Vec<&str> = chain.hops.iter().map(|hop| hop.parent_table.as_str()).collect();
/// assert_eq!(tables, ["orders", "customer"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectChain {
    /// The foreign keys; none if the table is itself a root.
    pub hops: Vec<Hop>,
    /// Where the way ends.
    pub root: Root,
}

/// One foreign key on the way to a subject.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let chain = map.subject_chain(&"shop".parse()?, &"orders".parse()?).ok_or("no subject")?;
/// let hop = chain.hops.first().ok_or("no hop")?;
/// assert_eq!(format!("{}.{} -> {}", hop.table, hop.columns[0], hop.parent_table), "orders.customer_id -> customer");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// The table that has the foreign key.
    pub table: TableName,
    /// The foreign key, of one column or several.
    pub columns: Vec<ColumnName>,
    /// The table that it leads to.
    pub parent_table: TableName,
    /// The columns there that it refers to, one for each: as stated, else the subject column of a root; none
    /// means the primary key of `parent_table`.
    pub parent_columns: Vec<ColumnName>,
}

/// The end of every subject path.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let chain = map.subject_chain(&"crm".parse()?, &"contact".parse()?).ok_or("no subject")?;
/// assert_eq!(format!("{}:{}", chain.root.table, chain.root.column), "contact:id");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// The table, first half of the subject's alias.
    pub table: TableName,
    /// The column whose value names the subject, second half of the alias.
    pub column: ColumnName,
}

/// A column of an application's table.
///
/// ```
/// # use privet_classify::Treatment;
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let product = map.source("shop").and_then(|shop| shop.table("product")).ok_or("no table")?;
/// let price = product.column("price").ok_or("no column")?;
/// assert!(matches!(price.treatment, Treatment::Class { clear: true, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: ColumnName,
    /// What Privet does with it.
    pub treatment: Treatment,
    /// Why its value stays in a row that is cleared when the person leaves, where it does.
    pub keep: Option<String>,
    /// Why it is left out of the copy that a person gets of their data, where it is.
    pub withheld: Option<String>,
}

impl Column {
    /// The field that the column is sealed as, if it is.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let contact = map.source("crm").and_then(|crm| crm.table("contact")).ok_or("no table")?;
    /// let fields: Vec<_> = contact.columns.iter().map(|column| column.field().is_some()).collect();
    /// assert_eq!(fields, [false, true]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn field(&self) -> Option<&FieldName> {
        match &self.treatment {
            Treatment::Field(field) => Some(field),
            Treatment::Class { .. } => None,
        }
    }
}

impl Table {
    /// The columns that say something about people, or name them: those of a field, and those of class `UPI`, `UDI` or `CC`.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let orders = map.source("shop").and_then(|shop| shop.table("orders")).ok_or("no table")?;
    /// let personal: Vec<&str> = orders.personal_columns().map(|column| column.name.as_str()).collect();
    /// assert_eq!(personal, ["customer_id"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn personal_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|column| match &column.treatment {
                Treatment::Field(_) => true,
                Treatment::Class { class, .. } => class.is_about_a_person() || *class == Class::Upi,
            })
    }
}

impl ColumnName {
    /// The column of the blind index over this one: `email_px` for `email`. `None` if that name
    /// would be too long; a checked map has no such column with a look-up.
    ///
    /// ```
    /// # use privet_classify::ColumnName;
    /// let column = ColumnName::new("email")?;
    /// assert_eq!(column.index_column(), Some(ColumnName::new("email_px")?));
    /// # Ok::<(), privet_classify::NameError>(())
    /// ```
    #[must_use]
    pub fn index_column(&self) -> Option<Self> {
        Self::new(&format!("{self}_px")).ok()
    }
}

/// What Privet does with a column.
///
/// ```
/// # use privet_classify::{Class, Treatment};
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let contact = map.source("crm").and_then(|crm| crm.table("contact")).ok_or("no table")?;
/// let id = contact.column("id").map(|column| &column.treatment);
/// assert_eq!(id, Some(&Treatment::Class { class: Class::Upi, clear: false }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Seals it as a value of this field.
    Field(FieldName),
    /// Leaves it as it is.
    Class {
        /// How personal it is; never `UII`.
        class: Class,
        /// Whether the map says in so many words that it stays readable; always so for `UDI` and
        /// `CC`.
        clear: bool,
    },
}
