//! In which order the tables of a database let go of their rows.

use crate::port::{Catalog, ErasePlan, EraseStep, Hop, TableInfo};

/// Deletions in groups, children before parents. Tables that refer to each other in a circle, by columns that cannot become
/// NULL, and a table that refers to itself so, are one transaction.
pub(super) fn groups(steps: Vec<EraseStep>, catalog: &Catalog) -> Vec<ErasePlan> {
    let mut tables: Vec<String> = steps.iter().map(|step| step.table.clone()).collect();
    tables.sort();
    tables.dedup();
    let before = Before::new(&tables, &steps, catalog);
    let mut left: Vec<usize> = (0..tables.len()).collect();
    let mut groups = Vec::new();
    while let Some(group) = before.next_group(&left) {
        left.retain(|table| !group.contains(table));
        let together = group.len() > 1 || group.iter().any(|table| before.reaches(*table, *table));
        let mut members: Vec<EraseStep> = group
            .iter()
            .filter_map(|table| tables.get(*table))
            .flat_map(|name| {
                steps
                    .iter()
                    .filter(move |step| step.table == *name)
                    .cloned()
            })
            .collect();
        // In a circle, too, rows are found along the way of each: the longest way first.
        members.sort_by_key(|step| std::cmp::Reverse(step.way.hops.len()));
        groups.push(ErasePlan {
            steps: members,
            together,
        });
    }
    groups
}

/// Which table has to let go before which, by position.
struct Before(Vec<Vec<bool>>);

impl Before {
    fn new(tables: &[String], steps: &[EraseStep], catalog: &Catalog) -> Self {
        let position = |name: &str| {
            tables
                .iter()
                .position(|table| table.eq_ignore_ascii_case(name))
        };
        let mut reaches = vec![vec![false; tables.len()]; tables.len()];
        let mut add = |child: &str, parent: &str| {
            if let (Some(child), Some(parent)) = (position(child), position(parent))
                && let Some(edge) = reaches.get_mut(child).and_then(|row| row.get_mut(parent))
            {
                *edge = true;
            }
        };
        for step in steps {
            for hop in &step.way.hops {
                add(&step.table, &hop.parent);
            }
        }
        for table in &catalog.tables {
            for key in &table.foreign_keys {
                let Some(parent) = catalog.table(&key.parent) else {
                    continue;
                };
                if !can_be_null(table, &Hop::along(key, parent)) {
                    add(&table.name, &parent.name);
                }
            }
        }
        // Warshall: whatever is reached over one in between is reached.
        for middle in 0..tables.len() {
            let from_middle = reaches.get(middle).cloned().unwrap_or_default();
            for row in &mut reaches {
                if row.get(middle) == Some(&true) {
                    let both = row.iter_mut().zip(&from_middle);
                    both.for_each(|(here, there)| *here |= there);
                }
            }
        }
        Self(reaches)
    }

    fn reaches(&self, child: usize, parent: usize) -> bool {
        self.0.get(child).and_then(|row| row.get(parent)) == Some(&true)
    }

    /// Of those left, the ones that nothing else left has to go before: one table, or a circle.
    fn next_group(&self, left: &[usize]) -> Option<Vec<usize>> {
        let first = left.iter().find(|table| {
            let mut others = left.iter();
            others.all(|other| !self.reaches(*other, **table) || self.reaches(**table, *other))
        })?;
        let circle = left.iter().filter(|other| {
            *other == first || (self.reaches(**other, *first) && self.reaches(*first, **other))
        });
        Some(circle.copied().collect())
    }
}

/// Whether some column of a reference can become NULL, so that it was detached before.
fn can_be_null(table: &TableInfo, hop: &Hop) -> bool {
    hop.columns.iter().any(|(name, _)| {
        let column = table.column(name);
        column.is_some_and(|column| !column.not_null && !column.generated)
            && !table.primary_key.contains(name)
    })
}
