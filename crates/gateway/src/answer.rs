//! Rows that the gateway makes itself, and the shape of the SELECTs that ask for them.

use privet_vault::port::SqlValue;

use crate::text::{self, Kind, Token};
use crate::value::Type;

/// Columns and rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// Names and types.
    pub(crate) columns: Vec<(String, Type)>,
    /// One value per column.
    pub(crate) rows: Vec<Vec<SqlValue>>,
    /// What CommandComplete says; `SELECT` gets the number of rows.
    pub(crate) tag: &'static str,
}

/// A text.
pub(crate) fn text_value(text: impl Into<String>) -> SqlValue {
    SqlValue::Text(text.into())
}

/// A truth as PostgreSQL's text form shows it.
pub(crate) fn truth(truth: bool) -> SqlValue {
    text_value(if truth { "t" } else { "f" })
}

/// One SELECT taken apart; of a UNION, the first branch.
#[derive(Debug)]
pub(crate) struct Select<'t, 'a> {
    /// Its result columns.
    pub(crate) items: Vec<Item<'t, 'a>>,
    /// From FROM on.
    pub(crate) from: &'t [Token<'a>],
}

/// One result column.
#[derive(Debug)]
pub(crate) struct Item<'t, 'a> {
    /// What is computed.
    pub(crate) tokens: &'t [Token<'a>],
    /// What PostgreSQL would call it.
    pub(crate) name: String,
}

impl Item<'_, '_> {
    /// The expression, normalized, without `pg_catalog.`.
    pub(crate) fn expression(&self, sql: &str) -> String {
        text::normalized(sql, self.tokens).replace("pg_catalog.", "")
    }
}

impl<'t, 'a> Select<'t, 'a> {
    /// Takes `SELECT a, b AS c FROM …` apart.
    pub(crate) fn parse(tokens: &'t [Token<'a>]) -> Option<Self> {
        let (first, rest) = tokens.split_first()?;
        if !first.is_word("select") {
            return None;
        }
        let rest = match rest.split_first() {
            Some((distinct, rest)) if distinct.is_word("distinct") => rest,
            _ => rest,
        };
        let depths = depths(rest);
        let at = |found: &dyn Fn(&Token<'a>) -> bool| {
            let mut zipped = rest.iter().zip(&depths);
            zipped.position(|(token, depth)| *depth == 0 && found(token))
        };
        let end = at(&|token| token.is_word("union")).unwrap_or(rest.len());
        let from = at(&|token| token.is_word("from")).unwrap_or(end).min(end);
        let (list, from) = (rest.get(..from)?, rest.get(from..end)?);
        let mut items = Vec::new();
        let mut start = 0;
        let commas = list.iter().zip(&depths).enumerate();
        let commas = commas.filter(|(_, (token, depth))| **depth == 0 && token.is_symbol(','));
        for end in commas.map(|(at, _)| at).chain([list.len()]) {
            items.push(Item::parse(list.get(start..end)?)?);
            start = end + 1;
        }
        Some(Self { items, from })
    }
}

impl<'t, 'a> Item<'t, 'a> {
    fn parse(tokens: &'t [Token<'a>]) -> Option<Self> {
        let last = tokens.last()?;
        if let [expression @ .., keyword, _] = tokens
            && keyword.is_word("as")
        {
            return Some(Self {
                tokens: expression,
                name: last.name()?.into_owned(),
            });
        }
        Some(Self {
            tokens,
            name: implied_name(tokens),
        })
    }
}

/// What PostgreSQL calls a result column without an alias.
fn implied_name(tokens: &[Token<'_>]) -> String {
    let mut tokens = tokens;
    // A cast keeps the name of what it casts.
    if let Some(cast) = tokens
        .windows(2)
        .position(|pair| pair.iter().all(|token| token.is_symbol(':')))
    {
        tokens = tokens.get(..cast).unwrap_or_default();
    }
    if tokens.first().is_some_and(|first| first.is_word("case")) {
        return "case".into();
    }
    let before = tokens.iter().position(|token| token.is_symbol('('));
    let named = match before {
        Some(call) => tokens.get(..call).and_then(<[Token<'_>]>::last),
        None => tokens.last(),
    };
    match named.map(|token| (&token.kind, token.name())) {
        Some((Kind::Word(_) | Kind::Quoted(_), Some(name))) => name.into_owned(),
        _ => "?column?".into(),
    }
}

/// How many parentheses are open before each token.
fn depths(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    let depth_of = |token: &Token<'_>| {
        if token.is_symbol(')') {
            depth = depth.saturating_sub(1);
        }
        let here = depth;
        if token.is_symbol('(') {
            depth += 1;
        }
        here
    };
    tokens.iter().map(depth_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_select_is_taken_apart() {
        let sql = "SELECT c.oid, n.nspname AS \"Schema\", pg_catalog.f(a, b), CASE x WHEN 1 THEN 2 END, \
                   (SELECT 1 FROM y), c.oid::pg_catalog.regclass, 'x' FROM pg_class c WHERE a = 1 UNION SELECT 2";
        let tokens = text::tokens(sql);
        let select = Select::parse(&tokens).unwrap();
        let names: Vec<&str> = select.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(
            names,
            ["oid", "Schema", "f", "case", "?column?", "oid", "?column?"]
        );
        assert_eq!(select.items[2].expression(sql), "f(a, b)");
        assert_eq!(
            text::source(sql, select.from),
            "FROM pg_class c WHERE a = 1"
        );
    }

    #[test]
    fn what_is_no_select_list_is_nothing() {
        for sql in ["", "UPDATE t", "SELECT", "SELECT ,", "SELECT a,"] {
            assert!(Select::parse(&text::tokens(sql)).is_none(), "{sql}");
        }
    }
}
