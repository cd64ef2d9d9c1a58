//! The names in a data map, each of its own type, checked when made.
//!
//! Names that are ours (fields, purposes, sources, tenants) are `[a-z0-9_]`, so that they can stand
//! in URLs, markers, policies and SQL without quoting. Names that are theirs (tables, columns) may
//! be any identifier; what would need escaping inside a quoted identifier is refused.

pub mod kind;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::NameError;
use kind::Kind;

/// The name of a field, `[a-z][a-z0-9_]*`, at most 63 characters.
///
/// ```
/// use privet_classify::FieldName;
///
/// assert_eq!(FieldName::new("billing_address")?.as_str(), "billing_address");
/// assert!(FieldName::new("e-mail").is_err());
/// # Ok::<(), privet_classify::NameError>(())
/// ```
pub type FieldName = Name<kind::Field>;
/// The name of a purpose, `[a-z][a-z0-9_]*`, at most 63 characters.
///
/// ```
/// use privet_classify::PurposeName;
///
/// assert_eq!(PurposeName::new("support")?.to_string(), "support");
/// # Ok::<(), privet_classify::NameError>(())
/// ```
pub type PurposeName = Name<kind::Purpose>;
/// The name of a source (an application's own database), `[a-z][a-z0-9_]*`, at most 63 characters.
///
/// ```
/// use privet_classify::SourceName;
///
/// let shop: SourceName = "shop".parse()?;
/// assert_eq!(shop.as_str(), "shop");
/// # Ok::<(), privet_classify::NameError>(())
/// ```
pub type SourceName = Name<kind::Source>;
/// The name of a tenant, `[a-z][a-z0-9_]*`, at most 63 characters.
///
/// ```
/// use privet_classify::TenantName;
///
/// assert!(TenantName::new("acme")? < TenantName::new("zenith")?);
/// # Ok::<(), privet_classify::NameError>(())
/// ```
pub type TenantName = Name<kind::Tenant>;
/// The name of a table of an application, as its database writes it, at most 63 bytes.
///
/// ```
/// use privet_classify::TableName;
///
/// assert_eq!(TableName::new("Order Details")?.as_str(), "Order Details");
/// assert!(TableName::new("orders\"; --").is_err());
/// # Ok::<(), privet_classify::NameError>(())
/// ```
pub type TableName = Name<kind::Table>;
/// The name of a column of an application, as its database writes it, at most 63 bytes.
///
/// ```
/// use privet_classify::ColumnName;
///
/// assert_eq!(ColumnName::new("CustomerId")?.as_str(), "CustomerId");
/// # Ok::<(), privet_classify::NameError>(())
/// ```
pub type ColumnName = Name<kind::Column>;

/// The longest name in bytes: PostgreSQL's limit (`NAMEDATALEN` - 1).
pub(crate) const NAME_BYTES_MAX: usize = 63;

/// A checked name of one kind; cheap to clone. Use the aliases, as [`FieldName`].
///
/// ```
/// use privet_classify::{FieldName, Name, name_kind};
///
/// fn of_ours(name: &Name<name_kind::Field>) -> &str {
///     name.as_str()
/// }
/// assert_eq!(of_ours(&FieldName::new("email")?), "email");
/// # Ok::<(), privet_classify::NameError>(())
/// ```
pub struct Name<K> {
    text: Arc<str>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Name<K> {
    /// The name, checked.
    ///
    /// ```
    /// # use privet_classify::PurposeName;
    /// assert!(PurposeName::new("support").is_ok());
    /// assert!(PurposeName::new("").is_err());
    /// ```
    ///
    /// # Errors
    /// If the name breaks the rule for its kind; the message says which.
    pub fn new(text: &str) -> Result<Self, NameError> {
        match K::broken_rule(text) {
            Some(rule) => Err(NameError {
                kind: K::WORDS,
                rule,
            }),
            None => Ok(Self {
                text: text.into(),
                kind: PhantomData,
            }),
        }
    }
}

impl Name<kind::Tenant> {
    /// A stand-in while a data map with problems is read.
    pub(crate) fn stand_in() -> Self {
        Self {
            text: "unknown".into(),
            kind: PhantomData,
        }
    }
}

impl<K> Name<K> {
    /// The name as text.
    ///
    /// ```
    /// # use privet_classify::TableName;
    /// assert_eq!(TableName::new("straße")?.as_str(), "straße");
    /// # Ok::<(), privet_classify::NameError>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn broken_rule_of_ours(text: &str) -> Option<&'static str> {
    let inside = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    match text.bytes().next() {
        None => Some("it is empty; use `a-z`, `0-9` and `_`"),
        Some(first) if !first.is_ascii_lowercase() => Some("a name starts with a letter of `a-z`"),
        Some(_) if text.len() > NAME_BYTES_MAX => Some("a name has at most 63 characters"),
        Some(_) if !text.bytes().all(inside) => Some("a name holds only `a-z`, `0-9` and `_`"),
        Some(_) => None,
    }
}

fn broken_rule_of_theirs(text: &str) -> Option<&'static str> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-' | ' ');
    if text.is_empty() {
        Some("it is empty; use the name from the database")
    } else if text.len() > NAME_BYTES_MAX {
        Some("a name has at most 63 bytes")
    } else if text.starts_with(' ') || text.ends_with(' ') {
        Some("a name neither starts nor ends with a space")
    } else if !text.chars().all(inside) {
        Some("a name holds only letters, digits, spaces, `_`, `$` and `-`")
    } else {
        None
    }
}

// Written out because `derive` would ask the same of the kind, which has no values.

impl<K> Clone for Name<K> {
    fn clone(&self) -> Self {
        Self {
            text: Arc::clone(&self.text),
            kind: PhantomData,
        }
    }
}

impl<K> PartialEq for Name<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<K> Eq for Name<K> {}

impl<K> PartialOrd for Name<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Name<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl<K> Hash for Name<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<K> fmt::Display for Name<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<K> fmt::Debug for Name<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<K: Kind> FromStr for Name<K> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl<K> AsRef<str> for Name<K> {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl<K> Borrow<str> for Name<K> {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl<K> Serialize for Name<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Name<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: Kind>(text: &str, want: &str) {
        let got = match Name::<K>::new(text) {
            Ok(name) => format!("ok {name}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, want, "{text:?}");
    }

    #[test]
    fn our_names_need_no_quoting() {
        check::<kind::Field>("billing_address2", "ok billing_address2");
        check::<kind::Field>(
            "",
            "not a valid field name: it is empty; use `a-z`, `0-9` and `_`",
        );
        check::<kind::Field>(
            "2nd",
            "not a valid field name: a name starts with a letter of `a-z`",
        );
        let inside = "a name holds only `a-z`, `0-9` and `_`";
        check::<kind::Purpose>("e-mail", &format!("not a valid purpose name: {inside}"));
        check::<kind::Source>("sHop", &format!("not a valid source name: {inside}"));
        let long = "a".repeat(64);
        check::<kind::Tenant>(
            &long,
            "not a valid tenant name: a name has at most 63 characters",
        );
    }

    #[test]
    fn their_names_are_any_identifier() {
        check::<kind::Column>("CustomerId", "ok CustomerId");
        check::<kind::Table>("Order Details", "ok Order Details");
        check::<kind::Column>("straße", "ok straße");
        let empty = "it is empty; use the name from the database";
        check::<kind::Column>("", &format!("not a valid column name: {empty}"));
        let space = "a name neither starts nor ends with a space";
        check::<kind::Column>(" a", &format!("not a valid column name: {space}"));
        let long = "ß".repeat(32);
        check::<kind::Table>(&long, "not a valid table name: a name has at most 63 bytes");
    }

    #[test]
    fn their_names_cannot_leave_a_quoted_identifier() {
        for bad in ["\"", "'", ";", "\0", "\n", ".", "[", "`", ">", ":", "\\"] {
            let rule = "a name holds only letters, digits, spaces, `_`, `$` and `-`";
            check::<kind::Table>(
                &format!("a{bad}b"),
                &format!("not a valid table name: {rule}"),
            );
        }
    }
}
