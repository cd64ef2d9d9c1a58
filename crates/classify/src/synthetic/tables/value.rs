//! The values of invented rows, and what somebody may say of them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::Serialize;

use crate::error::SyntheticError;
use crate::name::TableName;

/// A value of an invented row. Serialized as itself: a number, a Boolean, a string.
///
/// ```
/// use privet_classify::synthetic::Value;
///
/// assert_eq!(Value::Text("Ada".to_owned()).to_string(), "Ada");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// Text; days as `2024-12-31`, moments as `2024-12-31 23:59:59`.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(flag) => flag.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// What stands in a column by somebody's word: `1..40`, `new,paid,sent`, `rows:employee`, or nothing
/// at all.
///
/// ```
/// use privet_classify::synthetic::Fill;
///
/// assert_eq!("1..40".parse::<Fill>()?, Fill::Numbers(1..=40));
/// assert_eq!("".parse::<Fill>()?, Fill::Nothing);
/// # Ok::<(), privet_classify::SyntheticError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The column is left out.
    Nothing,
    /// Numbers from the first to the last.
    Numbers(RangeInclusive<i64>),
    /// One of these words; never empty.
    Words(Vec<String>),
    /// The key of a row of this table, which has one for each person.
    Rows(TableName),
}

impl FromStr for Fill {
    type Err = SyntheticError;

    fn from_str(text: &str) -> Result<Self, SyntheticError> {
        if text.is_empty() {
            return Ok(Self::Nothing);
        }
        // `00412` is no number: it would lose its zeros.
        if let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
        {
            return Ok(Self::Numbers(number..=number));
        }
        if let Some((first, last)) = text.split_once("..")
            && let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse())
        {
            if first <= last {
                return Ok(Self::Numbers(first..=last));
            }
            return Err(SyntheticError::Fill {
                what: format!("the numbers `{text}` count down"),
                right: "write the smaller first, as `1..40`",
            });
        }
        if let Some(table) = text.strip_prefix("rows:") {
            let table = table.trim().parse().map_err(|_| SyntheticError::Fill {
                what: format!("`{text}` names no table"),
                right: "write the table's name as the data map does: `rows:employee`",
            })?;
            return Ok(Self::Rows(table));
        }
        let words: Vec<_> = text.split(',').map(|word| word.trim().to_owned()).collect();
        // What a server may read as an escape, by a setting of its own, is not worth the trouble.
        let bad = |c: char| c.is_control() || c == '\\';
        if words
            .iter()
            .any(|word| word.is_empty() || word.contains(bad))
        {
            return Err(SyntheticError::Fill {
                what: format!("`{text}` is no list of words"),
                right: "write `new,paid,sent`, without backslashes and line breaks, or numbers as `1..40`",
            });
        }
        Ok(Self::Words(words))
    }
}
