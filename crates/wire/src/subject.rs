//! Subjects: made, described, written, erased in part, closed.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Oid, Personal, SubjectRequestId};
use crate::{Puid, personal::MaybePersonal};

/// Makes a subject.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreateSubject {
    /// First values by field name; at most 64.
    pub fields: BTreeMap<String, Personal>,
    /// Rows of applications' tables that are this subject, as `shop/customer:42`.
    #[schema(example = json!(["shop/customer:42"]))]
    pub aliases: Vec<String>,
}

// Written out here and below because a row of an application tells who somebody is to whoever has its database.
impl fmt::Debug for CreateSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateSubject")
            .field("fields", &self.fields)
            .field("aliases", &self.aliases.len())
            .finish()
    }
}

/// A subject that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubjectCreated {
    /// What the application stores from here on.
    pub oid: Oid,
}

/// What there is of a subject, without any value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subject {
    /// The operational id.
    pub oid: Oid,
    /// The organisation that it belongs to.
    pub tenant: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Names of the fields that hold a value.
    pub fields: Vec<String>,
    /// Rows of applications' tables that are this subject.
    pub aliases: Vec<String>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("oid", &self.oid)
            .field("tenant", &self.tenant)
            .field("created_at", &self.created_at)
            .field("fields", &self.fields)
            .field("aliases", &self.aliases.len())
            .finish()
    }
}

/// Writes values of one subject; fields that are not named stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutFields {
    /// Values by field name; `null` deletes a value. At most 64.
    #[schema(value_type = BTreeMap<String, MaybePersonal>)]
    pub fields: BTreeMap<String, Option<Personal>>,
}

/// Erases single fields of a subject.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseFields {
    /// Names of the fields, 1 to 64.
    #[schema(example = json!(["phone"]))]
    pub fields: Vec<String>,
    /// How it was made sure that it is this person who asks; people of the staff have to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub checked: Option<Personal>,
}

impl fmt::Debug for EraseFields {
    // How an identity was checked is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EraseFields")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// What erasing fields did, and what is left of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldsErased {
    /// The audit entry that says so.
    pub entry: u64,
    /// The fields.
    pub fields: Vec<String>,
    /// Values deleted from the vault.
    pub values_deleted: u64,
    /// Values of other fields, sealed under a new key.
    pub values_resealed: u64,
    /// What law keeps of the fields, under keys of its own.
    pub kept: Vec<KeptField>,
    /// What was done about these fields in applications' databases that know the subject, by table.
    #[serde(default)]
    pub tables: Vec<ClearedTable>,
    /// Applications' databases where something is still to be done; it goes on by itself.
    #[serde(default)]
    pub outstanding: Vec<OutstandingSource>,
    /// Until when the key opens at least that values in applications' databases were sealed under before: what was sealed before this
    /// call has to be in its table by then, or does not open any more. Absent where no application's database knows the subject and
    /// has one of the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub old_key_until: Option<Timestamp>,
    /// Columns of applications' databases that may hold these fields besides, by the data map. They are not touched.
    pub elsewhere: Vec<FieldElsewhere>,
    /// Whether the log's mirror has the entry, so that no restore of the stores undoes this. If not (the status is 202 then), it is
    /// done here all the same, and holds as soon as the mirror answers again.
    pub confirmed: bool,
    /// The request that this was entered as: `GET /v1/requests/{id}/receipt` has the receipt once everything is over. Give it to the
    /// person: nothing else leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<SubjectRequestId>,
    /// The signed receipt, where it is over and confirmed at once, and this server signs any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<serde_json::Value>,
}

/// What was done about erased fields in a table of an application's database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClearedTable {
    /// The database's name in the data map.
    pub source: String,
    /// The table.
    pub table: String,
    /// Rows in which values of these fields were cleared.
    pub cleared: u64,
    /// Values of other fields, sealed under a new key.
    pub resealed: u64,
    /// Rows with values that law keeps for now.
    pub kept: u64,
    /// Sealed values that no key opens, left as they are.
    pub unreadable: u64,
}

/// What law keeps of an erased field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptField {
    /// The field.
    pub field: String,
    /// The day on which it is destroyed.
    #[schema(value_type = String, format = Date)]
    pub expires_on: Date,
}

/// Where an application may hold an erased field, which is its own to erase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldElsewhere {
    /// The database's name in the data map.
    pub source: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The field.
    pub field: String,
}

/// What closing a subject destroyed, and what law keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Closed {
    /// The audit entry that says so.
    pub entry: u64,
    /// Keys destroyed.
    pub keys_destroyed: u64,
    /// Sealed values deleted from the vault.
    pub values_deleted: u64,
    /// Keys that law keeps until a date.
    pub kept: Vec<KeptKey>,
    /// What was done about the subject's rows in applications' databases, by table.
    #[serde(default)]
    pub rows: Vec<ErasedRows>,
    /// Applications' databases where something is still to be done; it goes on by itself.
    #[serde(default)]
    pub outstanding: Vec<OutstandingSource>,
    /// What is kept of the answers to consent; absent where nothing is. It is told here and nowhere else: keep it with the account's
    /// file, since nothing else leads to the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentKept>,
    /// Whether the log's mirror has the entry, so that no restore of the stores undoes this. If not (the status is 202 then), it is
    /// done here all the same, and holds as soon as the mirror answers again.
    #[serde(default = "confirmed")]
    pub confirmed: bool,
    /// The request that was carried out: the receipt is found by it, also when nothing else leads to the person any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<SubjectRequestId>,
    /// The signed receipt of the erasure, if it is confirmed and the server signs any; hand it to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<serde_json::Value>,
}

/// A server without a mirror has nobody to wait for.
fn confirmed() -> bool {
    true
}

/// What closing a subject did in one table of an application's database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasedRows {
    /// The database's name in the data map.
    pub source: String,
    /// The table.
    pub table: String,
    /// Rows deleted.
    pub deleted: u64,
    /// Rows that stay, without what was personal in them.
    pub cleared: u64,
    /// Rows, often of others, that stay and have lost a reference to a deleted one.
    pub detached: u64,
    /// Rows with values that law keeps for now.
    pub kept: u64,
    /// Whether the data map has no rule for this table, so that nothing was done there.
    pub without_rule: bool,
}

/// A database where rows of a closed subject are still to be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutstandingSource {
    /// The database's name in the data map.
    pub source: String,
    /// Why.
    pub why: String,
}

/// That the answers of a closed subject are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentKept {
    /// The id under which they are found.
    pub puid: Puid,
    /// The day on which they are destroyed.
    #[schema(value_type = String, format = Date)]
    pub until: Date,
}

/// A retention key that a closed subject leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptKey {
    /// The key's id.
    pub key: String,
    /// The day on which it is destroyed.
    #[schema(value_type = String, format = Date)]
    pub expires_on: Date,
}

/// Whether a person knows what another telemetry id means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotateTelemetryId {
    /// They were told, and still want it. Without it, nothing is changed and the answer says what they have to know.
    pub understood: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TelemetryIdRotation {
    /// Whether the id was made anew.
    pub rotated: bool,
    /// What it means, for the person.
    pub meaning: String,
    /// The index of the durable entry; absent where nothing was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}
