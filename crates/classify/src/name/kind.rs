//! The kinds of names, which say what a [`Name`](crate::Name) names and which rule it keeps.
//!
//! ```
//! use privet_classify::{Name, name_kind};
//!
//! let column: Name<name_kind::Column> = "CustomerId".parse()?;
//! assert_eq!(column.as_str(), "CustomerId");
//! # Ok::<(), privet_classify::NameError>(())
//! ```

use super::{broken_rule_of_ours, broken_rule_of_theirs};

/// What a [`Name`](crate::Name) names, and so which rule it keeps.
///
/// ```
/// use privet_classify::{Name, NameError, name_kind::{self, Kind}};
///
/// fn checked<K: Kind>(text: &str) -> Result<Name<K>, NameError> {
///     Name::new(text)
/// }
/// assert!(checked::<name_kind::Table>("Order Details").is_ok());
/// assert!(checked::<name_kind::Field>("Order Details").is_err());
/// ```
pub trait Kind {
    /// The kind in words, for messages: `field name`.
    ///
    /// ```
    /// # use privet_classify::name_kind::{Column, Kind};
    /// assert_eq!(Column::WORDS, "column name");
    /// ```
    const WORDS: &'static str;

    /// The rule that `text` breaks, if it breaks one, as a sentence that says what would be right.
    ///
    /// ```
    /// # use privet_classify::name_kind::{Field, Kind};
    /// assert_eq!(Field::broken_rule("email"), None);
    /// assert_eq!(Field::broken_rule("Email"), Some("a name starts with a letter of `a-z`"));
    /// ```
    fn broken_rule(text: &str) -> Option<&'static str>;
}

/// A field.
///
/// ```
/// use privet_classify::{Name, name_kind};
///
/// assert!(Name::<name_kind::Field>::new("email").is_ok());
/// ```
#[derive(Debug)]
pub enum Field {}
/// A purpose.
///
/// ```
/// use privet_classify::{Name, name_kind};
///
/// assert!(Name::<name_kind::Purpose>::new("support").is_ok());
/// ```
#[derive(Debug)]
pub enum Purpose {}
/// A source.
///
/// ```
/// use privet_classify::{Name, name_kind};
///
/// assert!(Name::<name_kind::Source>::new("shop").is_ok());
/// ```
#[derive(Debug)]
pub enum Source {}
/// A tenant.
///
/// ```
/// use privet_classify::{Name, name_kind};
///
/// assert!(Name::<name_kind::Tenant>::new("acme").is_ok());
/// ```
#[derive(Debug)]
pub enum Tenant {}
/// A table of an application.
///
/// ```
/// use privet_classify::{Name, name_kind};
///
/// assert!(Name::<name_kind::Table>::new("orders").is_ok());
/// ```
#[derive(Debug)]
pub enum Table {}
/// A column of an application.
///
/// ```
/// use privet_classify::{Name, name_kind};
///
/// assert!(Name::<name_kind::Column>::new("email").is_ok());
/// ```
#[derive(Debug)]
pub enum Column {}

impl Kind for Field {
    const WORDS: &'static str = "field name";
    fn broken_rule(text: &str) -> Option<&'static str> {
        broken_rule_of_ours(text)
    }
}
impl Kind for Purpose {
    const WORDS: &'static str = "purpose name";
    fn broken_rule(text: &str) -> Option<&'static str> {
        broken_rule_of_ours(text)
    }
}
impl Kind for Source {
    const WORDS: &'static str = "source name";
    fn broken_rule(text: &str) -> Option<&'static str> {
        broken_rule_of_ours(text)
    }
}
impl Kind for Tenant {
    const WORDS: &'static str = "tenant name";
    fn broken_rule(text: &str) -> Option<&'static str> {
        broken_rule_of_ours(text)
    }
}
impl Kind for Table {
    const WORDS: &'static str = "table name";
    fn broken_rule(text: &str) -> Option<&'static str> {
        broken_rule_of_theirs(text)
    }
}
impl Kind for Column {
    const WORDS: &'static str = "column name";
    fn broken_rule(text: &str) -> Option<&'static str> {
        broken_rule_of_theirs(text)
    }
}
