//! From the tables of a data map to what stands in each of their columns.

use super::children::Children;
use super::content::Content;
use super::guess::guess;
use super::key::{Keys, is_foreign, is_stated, parent, primary, referred, resolve};
use super::{Planned, Table, Why};
use crate::class::Class;
use crate::error::SyntheticError;
use crate::map::{self, DataMap, RetainFrom, Source, SubjectPath, TenantRule, Treatment};
use crate::name::ColumnName;
use crate::synthetic::label::Label;
use crate::synthetic::part::{Part, Slot};
use crate::synthetic::rng::Stream;

/// Plans the tables of a source, those first that others refer to.
pub(super) fn tables(
    map: &DataMap,
    source: &Source,
    keys: Keys,
) -> Result<Vec<Table>, SyntheticError> {
    let seed = keys.seed;
    let is_root = |table: &&map::Table| matches!(table.subject, Some(SubjectPath::Own { .. }));
    let roots: Vec<_> = source.tables.iter().filter(is_root).collect();
    let mut tables = Vec::with_capacity(source.tables.len());
    for table in &source.tables {
        let above = above(source, table, seed)?;
        let root = above.last().map_or(table, |(table, _)| *table);
        let rank = roots.iter().position(|known| known.name == root.name);
        let planner = Planner {
            map,
            source,
            table,
            keys,
            several: above
                .iter()
                .any(|(_, children)| matches!(children, Children::Several(_))),
        };
        let columns = planner.columns(&above)?;
        let way: Vec<_> = above.iter().map(|(_, children)| *children).collect();
        tables.push(Table {
            name: table.name.clone(),
            seed,
            columns,
            parent: above.first().map(|(parent, _)| parent.name.clone()),
            way,
            // People of different roots are different people. Rows without a subject are nobody's.
            roots: rank.map_or(1, |_| roots.len() as u64),
            rank: rank.map_or(0, |rank| rank as u64),
        });
    }
    tables.sort_by_key(|table| {
        let listed = source.table(table.name.as_str());
        let has_subject = listed.is_some_and(|listed| listed.subject.is_some());
        (has_subject, table.way.len())
    });
    Ok(tables)
}

/// The tables above, nearest first, each with how the rows below it hang there.
fn above<'s>(
    source: &'s Source,
    table: &'s map::Table,
    seed: u64,
) -> Result<Vec<(&'s map::Table, Children)>, SyntheticError> {
    let mut all = Vec::new();
    let mut here = table;
    while let Some((parent, _)) = parent(source, here)? {
        all.push((parent, here));
        // A checked map has no path that runs in a circle.
        if all.len() > source.tables.len() {
            break;
        }
        here = parent;
    }
    let hang = |child: &map::Table| match primary(source, child) {
        // Without a key of its own, a table may have the foreign key as its key.
        None => Children::One,
        Some(_) => Children::Several(Stream::new(seed, child.name.as_str())),
    };
    Ok(all
        .into_iter()
        .map(|(parent, child)| (parent, hang(child)))
        .collect())
}

struct Planner<'m> {
    map: &'m DataMap,
    source: &'m Source,
    table: &'m map::Table,
    keys: Keys,
    /// Whether a person may have several rows.
    several: bool,
}

impl Planner<'_> {
    /// The key first, then what leads to the person, then the rest by name.
    fn columns(&self, above: &[(&map::Table, Children)]) -> Result<Vec<Planned>, SyntheticError> {
        let key = primary(self.source, self.table);
        let mut columns: Vec<_> = self.table.columns.iter().collect();
        columns.sort_by_key(|column| {
            (
                key != Some(&column.name),
                !is_foreign(self.table, &column.name),
            )
        });
        let mut planned = Vec::with_capacity(columns.len());
        for column in columns {
            let (content, fixed) = match &column.treatment {
                Treatment::Field(field) => (self.field(field.as_str(), &column.name), true),
                Treatment::Class { class, .. } => match self.key(&column.name)? {
                    Some(key) => (Ok(key), self.is_relied_on(&column.name)),
                    None => (self.classed(&column.name, *class, above)?, false),
                },
            };
            planned.push(Planned {
                name: column.name.clone(),
                stream: self.stream(&column.name),
                content,
                fixed,
            });
        }
        Ok(planned)
    }

    fn stream(&self, column: &ColumnName) -> Stream {
        Stream::new(self.keys.seed, &format!("{}.{column}", self.table.name))
    }

    /// What the field's name says; of a whole name or address, the column may hold a piece.
    fn field(&self, name: &str, column: &ColumnName) -> Result<Content, Why> {
        // A checked map declares every field that a column names.
        let field = self.map.field(name).ok_or(Why::Unknown)?;
        let unique = field.lookup.is_some_and(|lookup| lookup.unique);
        let label = Label::of(name);
        let part = match Part::of(field.value_type, field.class, &label) {
            Part::FullName | Part::Address => {
                Part::of(field.value_type, field.class, &Label::of(column.as_str()))
            }
            part => part,
        };
        let slot = Slot::new(part, &label, (unique, self.several), self.keys.seed);
        Ok(Content::Person(Box::new(slot), part == Part::Integer))
    }

    /// The key of the row, or what leads to the row above.
    fn key(&self, column: &ColumnName) -> Result<Option<Content>, SyntheticError> {
        if let Some((above, key)) = referred(self.source, self.table, column)? {
            let (steps, key) = resolve(self.source, above, key, self.keys)?;
            return Ok(Some(Content::Above(steps + 1, key)));
        }
        let is_key = primary(self.source, self.table) == Some(column)
            || is_stated(self.source, self.table, column);
        Ok(is_key.then(|| Content::Key(self.keys.of(self.table, column))))
    }

    /// Whether the column leads to another table, or rows of another table lead here.
    fn is_relied_on(&self, column: &ColumnName) -> bool {
        let leads_here = |child: &map::Table| match &child.subject {
            Some(SubjectPath::Via { table, .. }) => *table == self.table.name,
            _ => false,
        };
        is_foreign(self.table, column) || self.source.tables.iter().any(leads_here)
    }

    fn classed(
        &self,
        column: &ColumnName,
        class: Class,
        above: &[(&map::Table, Children)],
    ) -> Result<Result<Content, Why>, SyntheticError> {
        let label = Label::of(column.as_str());
        if let TenantRule::Column(tenant) = &self.source.tenant
            && tenant == column
        {
            let stream = Stream::new(self.keys.seed, "tenant");
            return Ok(Ok(Content::Tenant(stream)));
        }
        if let Some(content) = self.reference(&label, above)? {
            return Ok(Ok(content));
        }
        let stream = self.stream(column);
        if self.is_retained_from(column) {
            return Ok(Ok(Content::day(stream)));
        }
        Ok(guess(&label, class, self.several, (self.keys.seed, stream)))
    }

    /// A further reference to a row above, as `customer_id` of an invoice that hangs below orders,
    /// or to a row of a table that is nobody's.
    fn reference(
        &self,
        label: &Label,
        above: &[(&map::Table, Children)],
    ) -> Result<Option<Content>, SyntheticError> {
        let Some(key) = label.key_of() else {
            return Ok(None);
        };
        let is_row_of = |table: &map::Table| key.is_row_of(&Label::of(table.name.as_str()));
        for (steps, (table, _)) in (1..).zip(above) {
            if is_row_of(table)
                && let Some(column) = primary(self.source, table)
            {
                let (more, key) = resolve(self.source, table, column, self.keys)?;
                return Ok(Some(Content::Above(steps + more, key)));
            }
        }
        if self.table.subject.is_none() {
            return Ok(None);
        }
        let mut nobodys = self
            .source
            .tables
            .iter()
            .filter(|table| table.subject.is_none());
        let found = nobodys.find(|table| is_row_of(table));
        let found = found.and_then(|table| Some((table, primary(self.source, table)?)));
        Ok(found.map(|(table, column)| {
            let stream = Stream::new(
                self.keys.seed,
                &format!("{} of {}", table.name, self.table.name),
            );
            Content::RowOf {
                table: table.name.clone(),
                stream,
                key: self.keys.of(table, column),
            }
        }))
    }

    /// Whether a retention counts from this column, which then holds a day.
    fn is_retained_from(&self, column: &ColumnName) -> bool {
        self.table.sealed_columns().any(|(_, field)| {
            let retain = self
                .map
                .field(field.as_str())
                .and_then(|field| field.retain.as_ref());
            retain.is_some_and(|retain| retain.from == RetainFrom::Column(column.clone()))
        })
    }
}
