//! Whose data, and what for.

use std::borrow::Cow;
use std::fmt::{self, Display};

use privet_wire::Oid;

/// Whose data: the operational id that Privet gave, or the row of an application's table.
///
/// ```
/// use privet::SubjectName;
///
/// assert_eq!(SubjectName::row("shop", "customer", 42).as_str(), "shop/customer:42");
/// ```
///
/// It tells who somebody is to whoever has the application's database, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectName(String);

impl SubjectName {
    /// The row of a table, by source, table and key as the data map names them.
    ///
    /// ```
    /// let name = privet::SubjectName::row("shop", "customer", 42);
    /// assert_eq!(format!("{name:?}"), "SubjectName(…)");
    /// ```
    pub fn row(source: &str, table: &str, key: impl Display) -> Self {
        Self(format!("{source}/{table}:{key}"))
    }

    /// As the API writes it.
    ///
    /// ```
    /// assert_eq!(privet::SubjectName::row("shop", "customer", "a-17").as_str(), "shop/customer:a-17");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Oid> for SubjectName {
    fn from(oid: Oid) -> Self {
        Self(oid.to_string())
    }
}

impl fmt::Debug for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectName(…)")
    }
}

/// What values are used for: a purpose of the data map.
///
/// ```
/// const SUPPORT: privet::Purpose = privet::Purpose::new("support");
/// assert_eq!(SUPPORT.as_str(), "support");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Purpose(Cow<'static, str>);

impl Purpose {
    /// The purpose of that name.
    ///
    /// ```
    /// const SERVICE: privet::Purpose = privet::Purpose::new("service");
    /// assert_eq!(SERVICE, privet::Purpose::from("service".to_owned()));
    /// ```
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Its name.
    ///
    /// ```
    /// assert_eq!(privet::Purpose::new("service").as_str(), "service");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Purpose {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
