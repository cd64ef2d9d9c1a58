//! What stands in a column because somebody says so, and the order of the tables that follows from it.

use super::content::Content;
use super::key::Key;
use super::{Fill, Table, Tables, Why, list};
use crate::error::SyntheticError;
use crate::name::TableName;

impl Tables {
    /// Says what stands in a column, in place of what its name says.
    ///
    /// ```
    /// # use privet_classify::synthetic::{Fill, Tables};
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let mut shop = Tables::new(&map, "shop", 2026)?;
    /// shop.fill("product", "price", &Fill::Numbers(5..=5))?;
    /// shop.fill("customer", "country", &"rows:product".parse()?)?;
    /// assert!(shop.fill("product", "colour", &Fill::Nothing).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such table or column, if rows would refer to each other in a circle, or if it
    /// holds a field, whose values are made by its type, or a key along which rows of one table lead
    /// to those of another.
    pub fn fill(&mut self, table: &str, column: &str, fill: &Fill) -> Result<(), SyntheticError> {
        self.table(table)?;
        let row_of = match fill {
            Fill::Rows(other) => Some(self.key_of_people(other.as_str())?),
            Fill::Nothing | Fill::Numbers(_) | Fill::Words(_) => None,
        };
        let mut tables = self.tables.clone();
        for changed in tables
            .iter_mut()
            .filter(|known| known.name.as_str() == table)
        {
            changed.fill(column, fill, row_of)?;
        }
        self.tables = in_order(tables)?;
        Ok(())
    }

    /// The key of a table that has a row for each person, so that it is known which rows are there.
    fn key_of_people(&self, name: &str) -> Result<Key, SyntheticError> {
        let table = self.table(name)?;
        let key = table.contents().find_map(|(_, content)| match content {
            Content::Key(key) => Some(*key),
            _ => None,
        });
        key.filter(|_| table.way.is_empty())
            .ok_or_else(|| SyntheticError::Fill {
                what: format!("no column can refer to rows of table `{name}`"),
                right: "name a table with a key and a row for each person, or write numbers as `1..40`",
            })
    }
}

impl Table {
    fn fill(
        &mut self,
        column: &str,
        fill: &Fill,
        row_of: Option<Key>,
    ) -> Result<(), SyntheticError> {
        let unknown = SyntheticError::Unknown {
            what: format!("column of table `{}`", self.name),
            name: column.to_owned(),
            known: list(self.columns.iter().map(|known| known.name.as_str())),
        };
        let mut columns = self.columns.iter_mut();
        let planned = columns.find(|known| known.name.as_str() == column);
        let planned = planned.ok_or(unknown)?;
        if planned.fixed {
            return Err(SyntheticError::Fill {
                what: format!(
                    "column `{column}` of table `{}` cannot be filled",
                    self.name
                ),
                right: "what stands in a column with a field, or in a key that leads to a person, follows from the data map",
            });
        }
        let stream = planned.stream;
        planned.content = match (fill, row_of) {
            (Fill::Rows(table), Some(key)) => Ok(Content::RowOf {
                table: table.clone(),
                stream,
                key,
            }),
            _ => Content::filled(fill, stream).ok_or(Why::Asked),
        };
        Ok(())
    }

    /// Whether its rows refer to rows of one of these, itself excepted: those are there in time.
    fn refers_to_any(&self, others: &[Self]) -> bool {
        let is_other =
            |name: &TableName| *name != self.name && others.iter().any(|other| other.name == *name);
        let mut above = self.parent.iter();
        let mut named = self.contents().filter_map(|(_, content)| match content {
            Content::RowOf { table, .. } => Some(table),
            _ => None,
        });
        above.any(is_other) || named.any(is_other)
    }
}

/// The tables, each after those that its rows refer to, else as they were.
fn in_order(mut waiting: Vec<Table>) -> Result<Vec<Table>, SyntheticError> {
    let mut placed = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .position(|table| !table.refers_to_any(&waiting));
        let Some(ready) = ready else {
            return Err(SyntheticError::Fill {
                what: format!(
                    "rows of these tables would refer to each other: {}",
                    list(waiting.iter().map(|table| table.name.as_str()))
                ),
                right: "leave one of the columns out, and set it once both tables are filled",
            });
        };
        placed.push(waiting.remove(ready));
    }
    Ok(placed)
}
