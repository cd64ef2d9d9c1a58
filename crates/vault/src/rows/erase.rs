//! What is done with the rows of somebody who leaves.
//!
//! First what refers to rows that will be deleted is detached, then rows that stay are cleared, then the others are deleted,
//! children before parents: so whatever breaks off, the way from each row that is left to the person is still there.

use jiff::civil::{Date, date};
use privet_classify::{Column, DataMap, EraseRule, EraseWith, Field, RetainFrom, Source, Table};

use super::order::groups;
use super::{columns_exist, columns_fit, find_table, way};
use crate::SourceName;
use crate::port::{
    BySeal, Catalog, ClearedColumn, EraseAction, ErasePlan, EraseStep, Hop, Replacement,
    RetainedColumn, TableInfo, Way,
};

/// The longest retention that a data map may state, in years, and one more.
const YEARS_MAX: i16 = 101;

/// How the rows of people whom one table names are erased.
#[derive(Debug, Clone, Default)]
pub(crate) struct Erasing {
    /// In this order.
    pub(crate) plans: Vec<ErasePlan>,
    /// Tables with personal columns for which the map has no rule, so that nothing is done there.
    pub(crate) unruled: Vec<String>,
}

/// Fits the map to the catalog, for people whom `root` names.
///
/// # Errors
/// Every problem, one sentence each that says what to do.
pub(crate) fn erasing(
    map: &DataMap,
    name: &SourceName,
    catalog: &Catalog,
    root: &str,
    today: Date,
) -> Result<Erasing, Vec<String>> {
    let Some(source) = map.source(name.as_str()) else {
        return Err(vec![format!(
            "the data map has no source `{name}`: add `[sources.{name}]`"
        )]);
    };
    let mut planner = Planner::new(map, source, catalog, root, today);
    for table in &source.tables {
        if let Some(info) = find_table(table, name, catalog, &mut planner.problems) {
            planner.table(table, info);
        }
    }
    planner.references();
    planner.end()
}

pub(super) struct Planner<'m> {
    map: &'m DataMap,
    source: &'m Source,
    catalog: &'m Catalog,
    root: &'m str,
    today: Date,
    pub(super) problems: Vec<String>,
    unruled: Vec<String>,
    detach: Vec<EraseStep>,
    clear: Vec<EraseStep>,
    delete: Vec<EraseStep>,
    /// What is left of rows that law keeps in tables whose other rows are deleted.
    clear_kept: Vec<EraseStep>,
}

impl<'m> Planner<'m> {
    pub(super) fn new(
        map: &'m DataMap,
        source: &'m Source,
        catalog: &'m Catalog,
        root: &'m str,
        today: Date,
    ) -> Self {
        Self {
            map,
            source,
            catalog,
            root,
            today,
            problems: Vec::new(),
            unruled: Vec::new(),
            detach: Vec::new(),
            clear: Vec::new(),
            delete: Vec::new(),
            clear_kept: Vec::new(),
        }
    }
}

impl Planner<'_> {
    fn table(&mut self, table: &Table, info: &TableInfo) {
        columns_exist(table, info, &mut self.problems);
        let ways = self.ways(table);
        if ways.erased.is_empty() && ways.detached.is_empty() {
            return;
        }
        let Some(rule) = table.erase else {
            if table.personal_columns().next().is_some() {
                self.unruled.push(info.name.clone());
            }
            return;
        };
        for way in ways.detached {
            self.detach_shared(info, way);
        }
        let retained = self.retained(table);
        for way in ways.erased {
            let step = |action| EraseStep {
                table: info.name.clone(),
                way: way.clone(),
                action,
                retained: retained.clone(),
                by_seal: BySeal::All,
            };
            if rule == EraseRule::Row {
                self.delete.push(step(EraseAction::Delete));
                if retained.is_empty() {
                    continue;
                }
            }
            columns_fit(table, info, self.map, &mut self.problems);
            let cleared = self.cleared(table, info, rule);
            let step = step(EraseAction::Clear(cleared));
            match rule {
                EraseRule::Row => self.clear_kept.push(step),
                EraseRule::Null | EraseRule::Tombstone => self.clear.push(step),
            }
        }
    }

    fn ways(&mut self, table: &Table) -> Ways {
        let mut ways = Ways::default();
        let name = &self.source.name;
        let Some(owner) = self.map.subject_chain(name, &table.name) else {
            return ways;
        };
        // Which table on the way of a row shares it, position by position: first the row itself, then those above it.
        let above = owner.hops.iter().map(|hop| hop.parent_table.clone());
        let sharing = std::iter::once(table.name.clone()).chain(above);
        let sharing = sharing.filter_map(|name| self.source.table(name.as_str()));
        let sharing: Vec<&Table> = sharing
            .flat_map(|table| std::iter::repeat_n(table, table.shared.len()))
            .collect();
        if let Some(way) = self.way(&owner) {
            ways.erased.push(way);
        }
        let chains = self.map.shared_chains(name, &table.name);
        for (position, (chain, by)) in chains.iter().zip(sharing).enumerate() {
            let Some(way) = self.way(chain) else { continue };
            if by.erase_with == EraseWith::Either {
                // What hangs below a row goes with it, and stays with one that stays.
                let goes = by.name == table.name || by.erase == Some(EraseRule::Row);
                if goes && !ways.erased.contains(&way) {
                    ways.erased.push(way);
                }
            } else if position < table.shared.len() {
                ways.detached.push(way);
            }
        }
        ways
    }

    /// The way along this chain, if it leads to the people in question.
    pub(super) fn way(&mut self, chain: &privet_classify::SubjectChain) -> Option<Way> {
        let way = way(chain, self.catalog, &mut self.problems, &mut Vec::new())?;
        (way.root_table == self.root).then_some(way)
    }

    /// Somebody else's row stays, without its reference to the one who left.
    fn detach_shared(&mut self, info: &TableInfo, way: Way) {
        let Some(hop) = way.hops.first() else { return };
        let columns = self.detachable(info, hop);
        if columns.is_empty() {
            // The row that it refers to may stay; whether it does is looked at with the references of the database.
            return;
        }
        self.detach.push(EraseStep {
            table: info.name.clone(),
            way,
            action: EraseAction::Detach(columns),
            retained: Vec::new(),
            by_seal: BySeal::All,
        });
    }

    /// The columns of a reference that can become NULL, without the row losing its key or its owner.
    fn detachable(&self, info: &TableInfo, hop: &Hop) -> Vec<String> {
        let listed = self.source.table(&info.name);
        let path = listed.and_then(|table| table.subject.as_ref());
        let columns = hop.columns.iter().map(|(column, _)| column);
        columns
            .filter(|name| {
                let column = info.column(name);
                column.is_some_and(|column| !column.not_null && !column.generated)
                    && !info.primary_key.contains(name)
                    && !path.is_some_and(|path| {
                        path.columns().iter().any(|column| column.as_str() == *name)
                    })
            })
            .cloned()
            .collect()
    }

    /// Every reference of the database to a row that is deleted: rows that refer to it are deleted before, or detached, or the
    /// reference must be right at the end. What stays and can be neither is a problem.
    fn references(&mut self) {
        let deleted = self.delete.clone();
        let mut detach = Vec::new();
        for step in &deleted {
            let Some(parent) = self.catalog.table(&step.table) else {
                continue;
            };
            for table in &self.catalog.tables {
                let keys = table.foreign_keys.iter();
                for key in keys.filter(|key| key.parent.eq_ignore_ascii_case(&parent.name)) {
                    let hop = Hop::along(key, parent);
                    let mut way = step.way.clone();
                    way.hops.insert(0, hop.clone());
                    let same = |other: &&EraseStep| other.table == table.name;
                    let mut goes = deleted.iter().filter(same);
                    if goes.any(|other| is_same_way(&other.way, &way)) {
                        continue;
                    }
                    let columns = self.detachable(table, &hop);
                    if let Some(column) =
                        columns.iter().find(|name| is_led_by(&deleted, table, name))
                    {
                        self.problems.push(format!(
                            "rows of `{}` lead to a person by `{column}`, and would have to lose it when rows of `{}` are deleted \
                             that are somebody else's: state `erase_with = \"owner\"`, or another `erase`",
                            table.name, parent.name
                        ));
                    } else if !columns.is_empty() {
                        detach.push(EraseStep {
                            table: table.name.clone(),
                            way,
                            action: EraseAction::Detach(columns),
                            retained: Vec::new(),
                            by_seal: BySeal::All,
                        });
                    } else if !deleted.iter().any(|other| other.table == table.name) {
                        self.stays(table, &hop);
                    }
                }
            }
        }
        for step in detach {
            if !self.detach.contains(&step) {
                self.detach.push(step);
            }
        }
    }

    /// Rows of a table that is not listed are nobody's: whether the database lets the others go is its own business.
    fn stays(&mut self, table: &TableInfo, hop: &Hop) {
        if self.source.table(&table.name).is_none() {
            return;
        }
        let columns: Vec<&str> = hop
            .columns
            .iter()
            .map(|(column, _)| column.as_str())
            .collect();
        self.problems.push(format!(
            "rows of `{}` stay when a person leaves, and `{}` in them, which cannot become NULL, refers to rows of `{}`, which \
             are deleted: state another `erase` for one of the two, or let the column be NULL",
            table.name,
            columns.join(", "),
            hop.parent
        ));
    }

    /// What is cleared in a row that stays.
    fn cleared(&mut self, table: &Table, info: &TableInfo, rule: EraseRule) -> Vec<ClearedColumn> {
        let mut cleared = Vec::new();
        for column in table.personal_columns() {
            let name = column.name.as_str();
            let Some(found) = info.column(name) else {
                continue;
            };
            if column.keep.is_some() || found.generated || self.is_needed(table, info, column) {
                continue;
            }
            let may_be_null = !found.not_null;
            let with = match column.field() {
                None if may_be_null => Replacement::Null,
                Some(_) if may_be_null && rule != EraseRule::Tombstone => Replacement::Null,
                Some(_) if rule != EraseRule::Null => tombstone(info, name),
                Some(_) => {
                    self.problems.push(format!(
                        "column `{name}` of table `{}` cannot become NULL: state `erase = \"tombstone\"`",
                        table.name
                    ));
                    continue;
                }
                None => {
                    self.problems.push(format!(
                        "column `{name}` of table `{}` cannot become NULL and is not sealed, so that it cannot be cleared: \
                         state `erase = \"row\"`, or why its value stays: `keep = \"…\"`",
                        table.name
                    ));
                    continue;
                }
            };
            cleared.push(ClearedColumn {
                name: name.to_owned(),
                with,
                index_of: None,
            });
            cleared.extend(self.cleared_index(info, column));
        }
        cleared
    }

    /// The blind index of a column that is cleared, if there is one.
    pub(super) fn cleared_index(&self, info: &TableInfo, column: &Column) -> Option<ClearedColumn> {
        self.field(column)?.lookup?;
        let index = column.name.index_column()?;
        info.column(index.as_str())?;
        Some(ClearedColumn {
            name: index.to_string(),
            with: Replacement::Null,
            index_of: Some(column.name.to_string()),
        })
    }

    pub(super) fn field(&self, column: &Column) -> Option<&Field> {
        self.map.field(column.field()?.as_str())
    }

    /// Keys, and what rows are found by: without them nobody could tell whose a row is that is still to be erased, and
    /// somebody else's reference to it would lead nowhere.
    pub(super) fn is_needed(&self, table: &Table, info: &TableInfo, column: &Column) -> bool {
        let name = column.name.as_str();
        let is = |other: &str| other.eq_ignore_ascii_case(name);
        let own = table.subject.iter().chain(&table.shared);
        let is_path = own
            .flat_map(|path| path.columns())
            .any(|column| is(column.as_str()));
        let is_key = info.primary_key.iter().any(|key| is(key));
        let referred = self
            .catalog
            .tables
            .iter()
            .flat_map(|other| &other.foreign_keys);
        let is_referred = referred
            .filter(|key| key.parent.eq_ignore_ascii_case(&info.name))
            .any(|key| key.parent_columns.iter().any(|there| is(there)));
        let name = &self.source.name;
        let chains = self.source.tables.iter().flat_map(|other| {
            let owner = self.map.subject_chain(name, &other.name);
            owner
                .into_iter()
                .chain(self.map.shared_chains(name, &other.name))
        });
        let is_stated = chains.flat_map(|chain| chain.hops).any(|hop| {
            hop.parent_table == table.name && hop.parent_columns.iter().any(|one| is(one.as_str()))
        });
        is_path || is_key || is_referred || is_stated
    }

    /// The columns whose values a law wants, with the day from which on it wants them still.
    pub(super) fn retained(&self, table: &Table) -> Vec<RetainedColumn> {
        let columns = table.columns.iter().filter_map(|column| {
            let field = self.field(column)?;
            let RetainFrom::Column(from) = &field.retain.as_ref()?.from else {
                return None;
            };
            Some(RetainedColumn {
                name: column.name.to_string(),
                from: from.to_string(),
                since: since(field, self.today)?,
            })
        });
        columns.collect()
    }

    fn end(mut self) -> Result<Erasing, Vec<String>> {
        if !self.problems.is_empty() {
            self.problems.dedup();
            return Err(self.problems);
        }
        let alone = |step| ErasePlan {
            steps: vec![step],
            together: false,
        };
        let mut plans: Vec<ErasePlan> = self.detach.into_iter().map(alone).collect();
        plans.extend(self.clear.into_iter().map(alone));
        for group in groups(self.delete, self.catalog) {
            if group.together {
                plans.push(group);
            } else {
                plans.extend(group.steps.into_iter().map(alone));
            }
        }
        plans.extend(self.clear_kept.into_iter().map(alone));
        Ok(Erasing {
            plans,
            unruled: self.unruled,
        })
    }
}

/// The ways of a table's rows to the people in question.
#[derive(Debug, Default)]
struct Ways {
    /// By which its rows are erased.
    erased: Vec<Way>,
    /// By which they are somebody else's, and lose their reference.
    detached: Vec<Way>,
}

fn is_same_way(one: &Way, other: &Way) -> bool {
    one.root_table == other.root_table
        && one.hops.len() == other.hops.len()
        && one
            .hops
            .iter()
            .zip(&other.hops)
            .all(|(one, other)| one.is_like(other))
}

/// Whether rows are found over this column of a table.
fn is_led_by(steps: &[EraseStep], table: &TableInfo, column: &str) -> bool {
    let mut hops = steps.iter().flat_map(|step| {
        let tables = step.way.hops.iter().map(|hop| hop.parent.as_str());
        std::iter::once(step.table.as_str())
            .chain(tables)
            .zip(&step.way.hops)
    });
    hops.any(|(from, hop)| {
        from == table.name
            && hop
                .columns
                .iter()
                .any(|(here, _)| here.eq_ignore_ascii_case(column))
    })
}

/// A column in a unique index takes no value twice.
pub(super) fn tombstone(info: &TableInfo, column: &str) -> Replacement {
    let has = |name: &Option<String>| {
        name.as_deref()
            .is_none_or(|name| name.eq_ignore_ascii_case(column))
    };
    let mut unique = info.indexes.iter().filter(|index| index.unique);
    if unique.any(|index| index.columns.iter().any(has)) {
        Replacement::OwnTombstone
    } else {
        Replacement::Tombstone
    }
}

/// The first day of the first year whose values are still kept; keys of retained values die for a whole year at once.
fn since(field: &Field, today: Date) -> Option<String> {
    let years = (0..YEARS_MAX).map(|back| today.year().saturating_sub(back));
    let kept = years.take_while(|year| kept_until(field, *year).is_some_and(|end| end > today));
    kept.last().map(|year| format!("{year:04}-01-01"))
}

/// The day on which a value of that year need be kept no more.
fn kept_until(field: &Field, year: i16) -> Option<Date> {
    field.retain.as_ref()?.for_.after(date(year, 12, 31))
}

/// The first day on which a value that is kept need be kept no more; `first` is per retained column of the table, as the
/// source says it.
pub(crate) fn next_end(
    map: &DataMap,
    source: &SourceName,
    step: &EraseStep,
    first: &[Option<String>],
) -> Option<Date> {
    let table = map.source(source.as_str())?.table(&step.table)?;
    let ends = step
        .retained
        .iter()
        .zip(first)
        .filter_map(|(column, first)| {
            let year = first.as_ref()?.get(..4)?.parse().ok()?;
            let field = table.column(&column.name)?.field()?;
            kept_until(map.field(field.as_str())?, year)
        });
    ends.min()
}
