//! Values: revealed from the vault, found by value, sealed and opened for applications that keep them themselves.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::personal::MaybePersonal;
use crate::{Oid, Personal};

/// How a value is shown, from the most open to the most closed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The value itself.
    Clear,
    /// A mask of fixed length by value type.
    Masked,
    /// A keyed stand-in that joins neither recipients nor purposes.
    Pseudonym,
    /// The sealed value.
    Sealed,
}

/// Asks for values of many subjects, for one purpose.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealRequest {
    /// Whose: operational ids, or rows of applications' tables as `shop/customer:42`. 1 to 1,000.
    #[schema(example = json!(["shop/customer:42"]))]
    pub subjects: Vec<String>,
    /// Names of fields of the data map. 1 to 64.
    #[schema(example = json!(["email"]))]
    pub fields: Vec<String>,
    /// A purpose of the data map.
    #[schema(example = "service")]
    pub purpose: String,
    /// The form wanted. Without one: masked for people, and the most open that policy allows for jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Why, in words; kept sealed with the audit entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal>,
}

// Written out here and below because a row of an application tells who somebody is to whoever has its database.
impl fmt::Debug for RevealRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealRequest")
            .field("subjects", &self.subjects.len())
            .field("fields", &self.fields)
            .field("purpose", &self.purpose)
            .field("form", &self.form)
            .field("reason", &self.reason)
            .finish()
    }
}

/// Values in the form that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevealAnswer {
    /// The form of all values.
    pub form: Form,
    /// The index of the audit entry that records this.
    pub entry: u64,
    /// One for each subject asked for, in that order.
    pub subjects: Vec<RevealedSubject>,
}

/// The values of one subject.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevealedSubject {
    /// As the request named it.
    pub subject: String,
    /// Whether there is such a subject.
    pub found: bool,
    /// Values by field name; `null` where the subject has none or it does not open.
    #[schema(value_type = BTreeMap<String, MaybePersonal>)]
    pub values: BTreeMap<String, Option<Personal>>,
    /// Fields that hold a value which does not open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// Why nothing is shown of this subject while others are: `consent_missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "consent_missing")]
    pub refused: Option<String>,
}

impl fmt::Debug for RevealedSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealedSubject")
            .field("found", &self.found)
            .field("values", &self.values)
            .field("unreadable", &self.unreadable)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// Looks for subjects by the value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupRequest {
    /// A field that has a `lookup` in the data map.
    #[schema(example = "email")]
    pub field: String,
    /// The whole value; upper and lower case or spaces do not matter where the value's type says so.
    pub value: Personal,
    /// A purpose of the data map.
    pub purpose: String,
}

/// Who holds the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LookupAnswer {
    /// Operational ids of those who hold it in the vault; empty when nobody does. For a purpose that rests on consent, of those
    /// among them who agree.
    pub subjects: Vec<Oid>,
    /// The value's blind indexes, newest first: what the index column of an application's own table holds for it. Two while
    /// the index key changes.
    #[schema(example = json!(["px1_AAEzGtnMd5uHHi0qbJPJlvLE"]))]
    pub indexes: Vec<String>,
}

/// Seals values for an application that keeps them in its own database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SealRequest {
    /// 1 to 1,000 values.
    pub items: Vec<SealItem>,
}

/// One value to seal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SealItem {
    /// Whose: an operational id or `shop/customer:42`.
    pub subject: String,
    /// A field of the data map.
    pub field: String,
    /// The value.
    pub value: Personal,
}

impl fmt::Debug for SealItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealItem")
            .field("field", &self.field)
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

/// The sealed values in the request's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealAnswer {
    /// One for each item.
    pub items: Vec<SealedItem>,
}

/// A sealed value, with its blind index where the field has a `lookup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SealedItem {
    /// `pv1_…`.
    pub sealed: String,
    /// `px1_…`, for a column with a unique or plain index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
}

/// Opens values that an application kept. Each item says whose and which field it must be: a value that was moved
/// does not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    /// 1 to 1,000 values.
    pub items: Vec<OpenItem>,
    /// A purpose of the data map.
    pub purpose: String,
    /// The form wanted. Without one: masked for people, clear for jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// One value to open.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenItem {
    /// Whose it must be.
    pub subject: String,
    /// Which field it must be.
    pub field: String,
    /// `pv1_…`.
    pub sealed: String,
}

impl fmt::Debug for OpenItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenItem")
            .field("field", &self.field)
            .field("sealed", &self.sealed)
            .finish_non_exhaustive()
    }
}

/// The opened values in the request's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenAnswer {
    /// The form of all values.
    pub form: Form,
    /// One for each item.
    pub items: Vec<OpenedItem>,
}

/// One opened value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenedItem {
    /// The value; `null` when it does not open, for whatever reason: damaged, another person's, another field's,
    /// another tenant's or environment's, or its key was destroyed.
    pub value: Option<Personal>,
    /// Why nothing is shown of this subject while others are: `consent_missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "consent_missing")]
    pub refused: Option<String>,
}
