//! What the tokens of an expression tell of its type and its parameters, without asking the engine.

use crate::text::{Kind, Token};
use crate::value::Type;

pub(super) fn highest_parameter(tokens: &[Token<'_>]) -> usize {
    let numbers = tokens.iter().map(|token| match token.kind {
        Kind::Parameter(number) => usize::from(number),
        _ => 0,
    });
    numbers.max().unwrap_or(0)
}

/// The type of an expression that can have one only.
pub(super) fn type_of_expression(tokens: &[Token<'_>]) -> Option<Type> {
    let (first, rest) = tokens.split_first()?;
    match (&first.kind, rest) {
        (Kind::Number(digits), []) if digits.parse::<i64>().is_ok() => Some(Type::Integer),
        (Kind::Text(_), []) => Some(Type::Text),
        (Kind::Word(function), [open, inside @ .., close])
            if open.is_symbol('(')
                && close.is_symbol(')')
                && !inside.iter().any(|token| token.is_symbol('(')) =>
        {
            match function.to_ascii_lowercase().as_str() {
                "count" | "length" | "unicode" | "instr" | "last_insert_rowid" | "changes" => {
                    Some(Type::Integer)
                }
                "avg" | "total" => Some(Type::Real),
                "lower" | "upper" | "hex" | "group_concat" | "typeof" | "date" | "datetime" => {
                    Some(Type::Text)
                }
                "cast" => cast(inside),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The type that `CAST(… AS type)` makes.
fn cast(inside: &[Token<'_>]) -> Option<Type> {
    match inside {
        [.., keyword, last] if keyword.is_word("as") => match Type::declared(&last.name()?)? {
            // NUMERIC, DATE and the like keep whatever fits.
            Type::Text if !last.is_word("text") => None,
            known => Some(known),
        },
        _ => None,
    }
}
