//! Keys: which column of a table tells its rows apart, what it holds, and how rows of other tables
//! refer to it.

use super::Value;
use crate::error::SyntheticError;
use crate::map::{Column, Source, SubjectPath, Table, Treatment};
use crate::name::ColumnName;
use crate::synthetic::label::Label;
use crate::synthetic::rng::Stream;

/// What a key column holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// 1, 2, 3 …
    Counted,
    /// A UUID, where the column is called so.
    Uuid(Stream),
}

/// The bits of a UUID that hold the row.
const UUID_ROW: u64 = (1 << 62) - 1;

/// What keys are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub(super) seed: u64,
    /// Whether they are UUIDs whatever they are called, but for numbers (`member_no`).
    pub(super) uuids: bool,
}

impl Keys {
    /// What a key column holds.
    pub(super) fn of(self, table: &Table, column: &ColumnName) -> Key {
        let label = Label::of(column.as_str());
        let is_number = label.ends(&["no", "nr", "num", "number"]);
        if label.has(&["uuid", "guid"]) || (self.uuids && !is_number) {
            Key::Uuid(Stream::new(self.seed, &format!("{}.{column}", table.name)))
        } else {
            Key::Counted
        }
    }
}

impl Key {
    /// The key of a row: another for each.
    pub(super) fn value(self, row: u64) -> Value {
        match self {
            Self::Counted => {
                Value::Integer(i64::try_from(row).map_or(i64::MAX, |row| row.saturating_add(1)))
            }
            Self::Uuid(stream) => {
                // Drawn in front, in the form of version 4; the row behind, so that no two are equal.
                let front = stream.at(row).next();
                let (high, middle, low) = (front >> 32, front >> 16 & 0xffff, front & 0xfff);
                let (row_high, row_low) = ((row & UUID_ROW) >> 48, row & 0xffff_ffff_ffff);
                Value::Text(format!(
                    "{high:08x}-{middle:04x}-4{low:03x}-{:04x}-{row_low:012x}",
                    0x8000 | row_high
                ))
            }
        }
    }
}

/// The column that tells the rows of a table apart, as its name says.
pub(super) fn primary<'s>(source: &'s Source, table: &'s Table) -> Option<&'s ColumnName> {
    if let Some(SubjectPath::Own { column }) = &table.subject {
        return Some(column);
    }
    let foreign = table.subject.as_ref().map_or(&[][..], SubjectPath::columns);
    let called = Label::of(table.name.as_str());
    let clear = |column: &&Column| matches!(column.treatment, Treatment::Class { .. });
    let keys: Vec<_> = table
        .columns
        .iter()
        .filter(clear)
        .map(|column| &column.name)
        .filter(|name| !foreign.contains(name))
        .filter_map(|name| Some((name, Label::of(name.as_str()).key_of()?)))
        // The key of a row of another table.
        .filter(|(_, key)| {
            let mut others = source
                .tables
                .iter()
                .filter(|other| other.name != table.name);
            !others.any(|other| key.is_row_of(&Label::of(other.name.as_str())))
        })
        .collect();
    let find = |fits: &dyn Fn(&ColumnName, &Label) -> bool| {
        let mut found = keys.iter().filter(|(name, key)| fits(name, key));
        found.next().map(|(name, _)| *name)
    };
    let bare = |name: &ColumnName, key: &Label| {
        key.is_empty() && Label::of(name.as_str()).ends(&["id", "uuid", "guid", "key"])
    };
    find(&bare)
        .or_else(|| find(&|_, key| key.is_row_of(&called)))
        .or_else(|| find(&|name, _| is_referred_to(source, table, name)))
        .or_else(|| find(&|_, key| key.is_short_for(&called)))
}

/// Whether rows of another table refer to this one by a column of the same name.
fn is_referred_to(source: &Source, table: &Table, name: &ColumnName) -> bool {
    source.tables.iter().any(|child| match &child.subject {
        Some(SubjectPath::Via {
            columns,
            table: parent,
            parent_columns,
        }) => *parent == table.name && parent_columns.is_empty() && columns.contains(name),
        _ => false,
    })
}

/// Whether the data map says that rows of another table refer to this column.
pub(super) fn is_stated(source: &Source, table: &Table, name: &ColumnName) -> bool {
    source.tables.iter().any(|child| match &child.subject {
        Some(SubjectPath::Via {
            table: parent,
            parent_columns,
            ..
        }) => *parent == table.name && parent_columns.contains(name),
        _ => false,
    })
}

/// The table above, and the column there that the rows of `table` refer to, the first of several;
/// nothing for a table without one above.
pub(super) fn parent<'s>(
    source: &'s Source,
    table: &'s Table,
) -> Result<Option<(&'s Table, &'s ColumnName)>, SyntheticError> {
    match &table.subject {
        Some(SubjectPath::Via { columns, .. }) => match columns.first() {
            Some(column) => referred(source, table, column),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The table above, and the column there that this column of `table` refers to; nothing for a
/// column that does not lead there.
pub(super) fn referred<'s>(
    source: &'s Source,
    table: &'s Table,
    column: &ColumnName,
) -> Result<Option<(&'s Table, &'s ColumnName)>, SyntheticError> {
    let Some(SubjectPath::Via {
        columns,
        table: parent,
        parent_columns,
    }) = &table.subject
    else {
        return Ok(None);
    };
    let Some(position) = columns.iter().position(|foreign| foreign == column) else {
        return Ok(None);
    };
    let no_key = || SyntheticError::NoKey {
        table: table.name.to_string(),
        column: column.to_string(),
        parent: parent.to_string(),
    };
    // A checked map lists the tables that its paths lead to.
    let above = source.table(parent.as_str()).ok_or_else(no_key)?;
    // Of several columns, only the map can say which is which there.
    let key = parent_columns.get(position);
    let key = key.or_else(|| primary(source, above).filter(|_| columns.len() == 1));
    Ok(Some((above, key.ok_or_else(no_key)?)))
}

/// What a column of `table` that rows refer to holds: the key of the row so many steps above.
/// Where one row hangs below each, the key may be that of the row above.
pub(super) fn resolve(
    source: &Source,
    table: &Table,
    column: &ColumnName,
    keys: Keys,
) -> Result<(usize, Key), SyntheticError> {
    let (mut here, mut column) = (table, column);
    for steps in 0..source.tables.len() {
        match referred(source, here, column)? {
            Some((above, key)) => (here, column) = (above, key),
            None => return Ok((steps, keys.of(here, column))),
        }
    }
    Ok((0, keys.of(table, column)))
}

/// Whether the column is the foreign key along which the table's subject is found.
pub(super) fn is_foreign(table: &Table, column: &ColumnName) -> bool {
    matches!(&table.subject, Some(SubjectPath::Via { columns, .. }) if columns.contains(column))
}
