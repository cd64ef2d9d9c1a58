//! What erasing fields did, and what it had to leave.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::receipt::Receipt;
use crate::{SourceName, SubjectRequestId};

/// What erasing fields did, and what it had to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldsErased {
    /// The index of the durable `erasure.fields_done` entry.
    pub entry: u64,
    /// Names of the fields, in the data map's order of numbers.
    pub fields: Vec<String>,
    /// Values that were deleted from the vault.
    pub values_deleted: u64,
    /// Values that stay, sealed under the new key.
    pub values_resealed: u64,
    /// What law keeps of the fields, with the day on which it is destroyed.
    pub kept: Vec<KeptField>,
    /// What was done in applications' databases.
    pub sources: SourceFields,
    /// Where applications' databases may hold these fields besides, by the data map: what is there is theirs to erase.
    pub elsewhere: Vec<FieldElsewhere>,
    /// Whether the log's mirror has the entry, so that no restore of the stores undoes what was done.
    pub confirmed: bool,
    /// The request that this was entered as. The receipt is found by it.
    pub request: SubjectRequestId,
    /// The receipt, where it could be written at once and this server signs any.
    pub receipt: Option<Receipt>,
}

/// A retention key of an erased field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptField {
    /// The field's name.
    pub field: String,
    /// The day on which its key dies.
    pub expires_on: Date,
}

/// What was done about erased fields in applications' databases, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFields {
    /// By source and table; those where nothing was to be done are left out.
    pub tables: BTreeMap<(SourceName, String), ClearedTable>,
    /// Sources where something is still to be done, with the reason. It goes on by itself.
    pub outstanding: BTreeMap<SourceName, String>,
    /// Until when the former key opens at least, since applications may hold values that they have not written yet. Nothing where
    /// no application's database knows the person and has one of the fields.
    pub old_key_until: Option<Timestamp>,
    /// Sources that know the person and have a column of these fields.
    pub(super) asked: BTreeSet<SourceName>,
    /// Sources, tables and columns of these fields that are not cleared: keys, and what the data map keeps.
    pub(super) left: BTreeSet<(SourceName, String, String)>,
}

/// What was done in one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClearedTable {
    /// Rows in which something was cleared.
    pub cleared: u64,
    /// Values that stay, sealed under the new key.
    pub resealed: u64,
    /// Rows with values that law keeps for now.
    pub kept: u64,
    /// Sealed values that no key opens, left as they are.
    pub unreadable: u64,
}

/// A column of an application's database that may hold an erased field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldElsewhere {
    /// The database.
    pub source: SourceName,
    /// Its table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The field's name.
    pub field: String,
}
