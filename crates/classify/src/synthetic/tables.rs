//! Rows of invented people for the tables of an application's database.

mod children;
mod content;
mod fill;
mod guess;
mod key;
mod plan;
mod value;

use std::fmt;

use super::part::Someone;
use super::rng::Stream;
use crate::error::SyntheticError;
use crate::map::DataMap;
use crate::name::{ColumnName, SourceName, TableName};
use children::Children;
use content::{Content, Row};
use key::Keys;
pub use value::{Fill, Value};

/// The tables of a source with rows for any number of invented people.
///
/// ```
/// use privet_classify::{DataMap, synthetic::{Tables, Value}};
///
/// let map = DataMap::parse(
///     r#"
///     [purposes]
///     support = { basis = "contract" }
///     [fields.email]
///     number = 1
///     class = "UII"
///     type = "email"
///     purposes = ["support"]
///     [sources.shop]
///     tenant = "acme"
///     [sources.shop.tables.customer]
///     subject = "customer_id"
///     columns = { customer_id = { class = "UPI" }, email = { field = "email" } }
///     [sources.shop.tables.orders]
///     subject = "customer_id -> customer"
///     columns = { order_id = { class = "SYS" }, customer_id = { class = "UPI" }, ordered_on = { class = "SYS" } }
///     "#,
/// )?;
/// let shop = Tables::new(&map, "shop", 2026)?;
/// let names: Vec<_> = shop.tables().iter().map(|table| table.name().as_str()).collect();
/// assert_eq!(names, ["customer", "orders"]);
/// let [customer, orders] = shop.tables() else { panic!("two tables") };
/// assert_eq!((customer.rows(1_000), orders.rows(1_000)), (1_000, 1_500));
/// let email = Value::Text("deepa.silva.0@example.net".to_owned());
/// assert_eq!(customer.row(0)?, [Value::Integer(1), email]);
/// assert_eq!(orders.row(0)?[..2], [Value::Integer(1), Value::Integer(1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Keys count up from 1 (or are UUIDs, where they are called so, see [`Self::with_uuids`]), foreign keys lead to rows that are
/// there, and a table below another has none to three rows for each of its rows, or one where it has
/// no key of its own. A column with a field holds what the person has there; another what its name
/// says, or it is left out ([`Self::left_out`]). Row `n` of the only table with people is subject
/// `n` of [`Records`](super::Records); the people of several such tables differ.
#[derive(Clone, Debug)]
pub struct Tables {
    source: SourceName,
    tables: Vec<Table>,
}

impl Tables {
    /// Those of a source: the same for the same map and seed, on every machine.
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert!(Tables::new(&map, "crm", 2026).is_ok());
    /// assert!(Tables::new(&map, "warehouse", 2026).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the map has no such source, or if the key of a table that others refer to cannot be told.
    pub fn new(map: &DataMap, source: &str, seed: u64) -> Result<Self, SyntheticError> {
        Self::with_keys(map, source, Keys { seed, uuids: false })
    }

    /// As [`Self::new`], with UUIDs as keys whatever these are called, but for numbers (`member_no`).
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::with_uuids(&map, "crm", 2026)?;
    /// let row = crm.table("contact")?.row(4)?;
    /// assert!(row[0].to_string().ends_with("-8000-000000000004"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_uuids(map: &DataMap, source: &str, seed: u64) -> Result<Self, SyntheticError> {
        Self::with_keys(map, source, Keys { seed, uuids: true })
    }

    fn with_keys(map: &DataMap, source: &str, keys: Keys) -> Result<Self, SyntheticError> {
        let names = || list(map.sources().map(|source| source.name.as_str()));
        let source = map.source(source).ok_or_else(|| SyntheticError::Unknown {
            what: "source".to_owned(),
            name: source.to_owned(),
            known: names(),
        })?;
        Ok(Self {
            source: source.name.clone(),
            tables: plan::tables(map, source, keys)?,
        })
    }

    /// The tables, each after those that its rows refer to.
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::new(&map, "crm", 2026)?;
    /// assert_eq!(crm.tables().len(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table of that name.
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::new(&map, "crm", 2026)?;
    /// assert!(crm.table("contact").is_ok() && crm.table("contacts").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the source has none: the names that it has.
    pub fn table(&self, name: &str) -> Result<&Table, SyntheticError> {
        let found = self.tables.iter().find(|table| table.name.as_str() == name);
        found.ok_or_else(|| self.unknown_table(name))
    }

    fn unknown_table(&self, name: &str) -> SyntheticError {
        SyntheticError::Unknown {
            what: format!("table of source `{}`", self.source),
            name: name.to_owned(),
            known: list(self.tables.iter().map(|table| table.name.as_str())),
        }
    }

    /// The columns that have no values, with the reason.
    ///
    /// ```
    /// # use privet_classify::synthetic::{Fill, Tables, Why};
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let mut shop = Tables::new(&map, "shop", 2026)?;
    /// shop.fill("product", "price", &Fill::Nothing)?;
    /// assert!(shop.left_out().any(|left| left.column.as_str() == "price" && left.why == Why::Asked));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn left_out(&self) -> impl Iterator<Item = LeftOut<'_>> {
        self.tables.iter().flat_map(|table| {
            let left = table.columns.iter().filter_map(|column| {
                let why = *column.content.as_ref().err()?;
                Some((&column.name, why))
            });
            left.map(|(column, why)| LeftOut {
                table: &table.name,
                column,
                why,
            })
        })
    }
}

/// A table with rows of invented people.
///
/// ```
/// # use privet_classify::synthetic::{Table, Tables};
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let crm = Tables::new(&map, "crm", 2026)?;
/// let contact: &Table = crm.table("contact")?;
/// assert_eq!(contact.row(0)?.len(), contact.columns().count());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    name: TableName,
    seed: u64,
    columns: Vec<Planned>,
    /// The table above.
    parent: Option<TableName>,
    /// How its rows hang below those of other tables, up to the person's own row.
    way: Vec<Children>,
    /// How many tables of the source have people of their own, and which of them this one's are of.
    roots: u64,
    rank: u64,
}

/// What was made out of a column.
#[derive(Clone, Debug)]
struct Planned {
    name: ColumnName,
    stream: Stream,
    content: Result<Content, Why>,
    /// Whether others, or the field's type, rely on what stands there.
    fixed: bool,
}

impl Table {
    /// Its name.
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::new(&map, "crm", 2026)?;
    /// assert_eq!(crm.table("contact")?.name().as_str(), "contact");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// The columns that have values, in the order of [`Self::row`].
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::new(&map, "crm", 2026)?;
    /// let columns: Vec<&str> = crm.table("contact")?.columns().map(|column| column.as_str()).collect();
    /// assert_eq!(columns, ["id", "mail"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn columns(&self) -> impl Iterator<Item = &ColumnName> {
        self.contents().map(|(column, _)| &column.name)
    }

    fn contents(&self) -> impl Iterator<Item = (&Planned, &Content)> {
        let columns = self.columns.iter();
        columns.filter_map(|column| Some((column, column.content.as_ref().ok()?)))
    }

    /// How many rows belong to so many people. Rows without a subject are as many as people.
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::new(&map, "crm", 2026)?;
    /// assert_eq!(crm.table("contact")?.rows(1_000), 1_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rows(&self, people: u64) -> u64 {
        let way = self.way.iter().rev();
        way.fold(people, |parents, children| children.before(parents))
    }

    /// Checks that there are that many different rows.
    ///
    /// ```
    /// # use privet_classify::synthetic::Tables;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::new(&map, "crm", 2026)?;
    /// assert!(crm.table("contact")?.check(1_000_000).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a column must be unique and has fewer values: the column, and how many there are.
    pub fn check(&self, rows: u64) -> Result<(), SyntheticError> {
        for (column, content) in self.contents() {
            if let Content::Person(slot, _) = content
                && let Some(different) = slot.different()
                && rows > different
            {
                return Err(SyntheticError::TooFew {
                    what: format!("column `{}` of table `{}`", column.name, self.name),
                    different,
                    wanted: rows,
                });
            }
        }
        Ok(())
    }

    /// The row of that index, from 0.
    ///
    /// ```
    /// # use privet_classify::synthetic::{Tables, Value};
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let crm = Tables::new(&map, "crm", 2026)?;
    /// assert_eq!(crm.table("contact")?.row(6)?[0], Value::Integer(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::check`], if a value would be one that an earlier row has.
    pub fn row(&self, index: u64) -> Result<Vec<Value>, SyntheticError> {
        self.check(index.saturating_add(1))?;
        let way = self.way.iter();
        let root = way.fold(index, |row, children| children.parent(row).0);
        let person = root.wrapping_mul(self.roots).wrapping_add(self.rank);
        let row = Row {
            index,
            way: &self.way,
            root,
            someone: Someone::new(self.seed, person),
        };
        Ok(self
            .contents()
            .map(|(_, content)| content.value(&row))
            .collect())
    }
}

/// A column without values.
///
/// ```
/// # use privet_classify::synthetic::{Fill, LeftOut, Tables};
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let mut shop = Tables::new(&map, "shop", 2026)?;
/// shop.fill("product", "price", &Fill::Nothing)?;
/// let shown = |left: LeftOut<'_>| format!("{}.{}: {}", left.table, left.column, left.why);
/// assert!(shop.left_out().map(shown).any(|left| left == "product.price: as asked"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut<'t> {
    /// The table.
    pub table: &'t TableName,
    /// The column.
    pub column: &'t ColumnName,
    /// The reason.
    pub why: Why,
}

/// Why a column has no values.
///
/// ```
/// use privet_classify::synthetic::Why;
///
/// assert_eq!(Why::Asked.to_string(), "as asked");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It refers to rows of a table that the data map does not lead to.
    Refers,
    /// It says when a row was over, and these rows are not.
    Over,
    /// Its name does not say what is in it.
    Unknown,
    /// Somebody said so.
    Asked,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refers => "it seems to refer to something that the data map does not lead to",
            Self::Over => "it says when or that something is over",
            Self::Unknown => "its name does not say what is in it",
            Self::Asked => "as asked",
        })
    }
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
