//! What can be wrong with a value, a name or a data map. Messages about values never repeat the
//! value: they go to logs and clients. Messages about the data map quote its own names, which are
//! not personal.

use std::fmt;

use crate::value_type::ValueType;

/// A value that is not of its type. Safe to log and to show: it holds two constant texts.
///
/// ```
/// use privet_classify::ValueType;
///
/// let error = ValueType::Email.validate("4711").unwrap_err();
/// assert_eq!(error.value_type, ValueType::Email);
/// assert!(!error.to_string().contains("4711"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid `{value_type}`: {wrong}; {right}")]
pub struct ValueError {
    /// The type that the value was to be of.
    pub value_type: ValueType,
    /// What is wrong.
    pub wrong: &'static str,
    /// What would be right.
    pub right: &'static str,
}

/// A name that breaks the rules for its kind.
///
/// ```
/// use privet_classify::FieldName;
///
/// let error = FieldName::new("2nd").unwrap_err();
/// assert_eq!(error.to_string(), "not a valid field name: a name starts with a letter of `a-z`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: {rule}")]
pub struct NameError {
    /// The kind of name, as `field name`.
    pub kind: &'static str,
    /// The rule that it breaks, as a sentence that says what would be right.
    pub rule: &'static str,
}

/// A word that is not in a closed list, such as a class or a legal basis.
///
/// ```
/// use privet_classify::Basis;
///
/// let error = "habit".parse::<Basis>().unwrap_err();
/// assert_eq!(error.kind, "basis");
/// assert!(error.known.contains("`consent`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind}; known: {known}")]
pub struct UnknownName {
    /// What the list is of, as `class`.
    pub kind: &'static str,
    /// The list, each word in backticks.
    pub known: String,
}

impl UnknownName {
    /// The item of `all` whose name is `text`, else an error with every name.
    pub(crate) fn find<T: Copy>(
        kind: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        text: &str,
    ) -> Result<T, Self> {
        match all.iter().find(|item| name(**item) == text) {
            Some(item) => Ok(*item),
            None => {
                let names: Vec<_> = all
                    .iter()
                    .map(|item| format!("`{}`", name(*item)))
                    .collect();
                Err(Self {
                    kind,
                    known: names.join(", "),
                })
            }
        }
    }
}

/// Why invented records or rows cannot be made as asked. Names are those of the data map.
///
/// ```
/// use privet_classify::{DataMap, synthetic::Records};
///
/// let map = DataMap::parse(
///     "[purposes]\nsupport = { basis = \"contract\" }\n[fields.phone]\nnumber = 1\nclass = \"UII\"\n\
///      type = \"phone\"\nlookup = { unique = true }\npurposes = [\"support\"]\n",
/// )?;
/// let error = Records::new(&map, 7).check(u64::MAX).unwrap_err();
/// assert!(error.to_string().starts_with("field `phone` must be unique"));
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntheticError {
    /// A value would have to come twice where the data map says that each comes once.
    #[error(
        "{what} must be unique, and only {different} different values of it are reserved for examples, \
         fewer than the {wanted} that are asked for: ask for fewer, or leave `unique = true` out of the data map"
    )]
    TooFew {
        /// The field, or the column and its table, in words.
        what: String,
        /// How many different values there are.
        different: u64,
        /// How many it would take.
        wanted: u64,
    },
    /// The data map has no such source, table or column.
    #[error("there is no {what} `{name}` in the data map; there is: {known}")]
    Unknown {
        /// What was looked for, and where: `table of source `shop``.
        what: String,
        /// The name that was asked for.
        name: String,
        /// The names that are there, in backticks.
        known: String,
    },
    /// Rows of one table refer to rows of another whose key cannot be told from its columns' names.
    #[error(
        "table `{table}` refers to rows of `{parent}`, and no column there looks like the key: say which one it is \
         in the data map, as `subject = \"{column} -> {parent}.id\"`"
    )]
    NoKey {
        /// The table that refers.
        table: String,
        /// Its foreign key.
        column: String,
        /// The table that it refers to.
        parent: String,
    },
    /// What was to stand in a column does not fit it, or cannot be read.
    #[error("{what}: {right}")]
    Fill {
        /// What is wrong.
        what: String,
        /// What would be right.
        right: &'static str,
    },
}

/// One problem of a data map.
///
/// ```
/// use privet_classify::DataMap;
///
/// let errors = DataMap::parse("[purposes]\n\nsupport = { basis = \"habit\" }\n").unwrap_err();
/// let error = errors.as_slice().first().ok_or("none")?;
/// assert_eq!((error.line, error.key.as_str()), (3, "purposes.support.basis"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapError {
    /// The line, counted from 1.
    pub line: usize,
    /// The key in question, dotted: `fields.email.number`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        write!(f, "{}; {}", self.problem, self.advice)
    }
}

/// Every problem of a data map, by line. Displayed as one line per problem.
///
/// ```
/// use privet_classify::DataMap;
///
/// let errors = DataMap::parse("[fields.email]\nnumber = 0\n").unwrap_err();
/// assert!(errors.to_string().lines().all(|line| line.starts_with("line ")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapErrors(Vec<MapError>);

impl MapErrors {
    pub(crate) fn new(mut errors: Vec<MapError>) -> Self {
        errors.sort_by(|a, b| a.line.cmp(&b.line).then_with(|| a.key.cmp(&b.key)));
        errors.dedup();
        Self(errors)
    }

    /// The problems, by line; never empty.
    ///
    /// ```
    /// # use privet_classify::DataMap;
    /// let errors = DataMap::parse("[fields.email]\nnumber = 0\n").unwrap_err();
    /// assert!(errors.as_slice().iter().any(|error| error.key == "fields.email.number"));
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[MapError] {
        &self.0
    }
}

impl fmt::Display for MapErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for MapErrors {}
