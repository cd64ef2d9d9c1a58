//! One question to the catalogs: which table it asks, what it compares, which columns it wants.

use privet_vault::port::SqlValue;

use super::not_understood;
use super::pattern::Pattern;
use crate::answer::{Answer, Item, Select};
use crate::fault::Fault;
use crate::text::{Kind, Token};
use crate::value::Type;

/// One question.
pub(super) struct Question<'q> {
    pub(super) sql: &'q str,
    pub(super) select: &'q Select<'q, 'q>,
    pub(super) parameters: &'q [SqlValue],
}

impl Question<'_> {
    /// The first table asked.
    pub(super) fn table(&self) -> Option<String> {
        let mut tokens = self.select.from.iter().skip(1);
        let first = tokens.next()?.name()?.to_ascii_lowercase();
        if first == "pg_catalog" {
            tokens.next();
            return tokens.next()?.name().map(|name| name.to_ascii_lowercase());
        }
        Some(first)
    }

    /// Whether a name occurs after FROM.
    pub(super) fn has(&self, name: &str) -> bool {
        self.select.from.iter().any(|token| token.is_word(name))
    }

    /// `WHERE 1<>1`: only the shape is asked for.
    pub(super) fn says_nothing(&self) -> bool {
        crate::text::normalized(self.sql, self.select.from).contains("where 1<>1")
    }

    /// What `column = …` is compared to: a text, a number or a parameter. `column` is `name` or `alias.name`.
    pub(super) fn operand(&self, column: &str) -> Option<String> {
        self.compared(column, |after| match after {
            [sign, value, ..] if sign.is_symbol('=') => self.literal(value),
            _ => None,
        })
    }

    /// What `column` must look like: `column ~ '^(…)$'`, in either spelling, or `column LIKE '…'`.
    pub(super) fn pattern(&self, column: &str) -> Result<Option<Pattern>, Fault> {
        let regex = self.compared(column, |after| match after {
            [operator, open, schema, dot, sign, close, value, ..]
                if operator.is_word("operator")
                    && open.is_symbol('(')
                    && schema.is_word("pg_catalog")
                    && dot.is_symbol('.')
                    && sign.is_symbol('~')
                    && close.is_symbol(')') =>
            {
                self.literal(value)
            }
            [sign, value, ..] if sign.is_symbol('~') => self.literal(value),
            _ => None,
        });
        if let Some(regex) = regex {
            return Pattern::regex(&regex).map(Some).ok_or_else(not_understood);
        }
        let like = self.compared(column, |after| match after {
            [close, like, value, ..] if close.is_symbol(')') && like.is_word("like") => {
                self.literal(value)
            }
            [like, value, ..] if like.is_word("like") => self.literal(value),
            _ => None,
        });
        Ok(like
            .map(|like| Pattern::like(&like))
            .or_else(|| self.operand(column).map(|name| Pattern::exact(&name))))
    }

    /// The first answer of `read` to what follows an occurrence of `column`.
    pub(super) fn compared(
        &self,
        column: &str,
        read: impl Fn(&[Token<'_>]) -> Option<String>,
    ) -> Option<String> {
        let (alias, name) = column
            .split_once('.')
            .map_or((None, column), |(alias, name)| (Some(alias), name));
        let tokens = self.select.from;
        (0..tokens.len()).find_map(|at| {
            let token = tokens.get(at)?;
            let aliased = match alias {
                Some(alias) => {
                    at >= 2 && tokens.get(at - 2).is_some_and(|token| token.is_word(alias))
                }
                None => true,
            };
            if token.is_word(name) && aliased {
                read(tokens.get(at + 1..)?)
            } else {
                None
            }
        })
    }

    pub(super) fn literal(&self, token: &Token<'_>) -> Option<String> {
        match &token.kind {
            Kind::Text(text) => Some(text.clone().into_owned()),
            Kind::Number(digits) => Some((*digits).to_owned()),
            Kind::Parameter(number) => {
                let value = self.parameters.get(usize::from(*number).checked_sub(1)?)?;
                crate::value::recorded(value)
            }
            _ => None,
        }
    }

    /// The kinds in `relkind IN ('r', …)`.
    pub(super) fn kinds(&self) -> Option<Vec<char>> {
        let tokens = self.select.from;
        let at = tokens
            .windows(2)
            .position(|pair| matches!(pair, [a, b] if a.is_word("relkind") && b.is_word("in")))?;
        let list = tokens
            .get(at + 2..)?
            .iter()
            .take_while(|token| !token.is_symbol(')'));
        Some(
            list.filter_map(|token| match &token.kind {
                Kind::Text(kind) => kind.chars().next(),
                _ => None,
            })
            .collect(),
        )
    }

    /// An answer with a row for each of `rows`; `cell` computes the value of an expression.
    pub(super) fn rows<R>(
        &self,
        rows: impl IntoIterator<Item = R>,
        cell: impl Fn(&R, &str) -> SqlValue,
    ) -> Answer {
        let expressions: Vec<String> = self
            .select
            .items
            .iter()
            .map(|item| item.expression(self.sql))
            .collect();
        let row = |row: R| {
            expressions
                .iter()
                .map(|expression| cell(&row, expression))
                .collect()
        };
        let columns = self
            .select
            .items
            .iter()
            .map(|item: &Item<'_, '_>| (item.name.clone(), Type::Text));
        Answer {
            columns: columns.collect(),
            rows: rows.into_iter().map(row).collect(),
            tag: "SELECT",
        }
    }

    /// An answer without rows.
    pub(super) fn none(&self) -> Answer {
        self.rows(std::iter::empty::<()>(), |(), _| SqlValue::Null)
    }

    /// As [`rows`](Self::rows), for questions with `alias.*`: its columns are written out.
    pub(super) fn rows_with_star<R>(
        &self,
        star: &[&str],
        rows: impl IntoIterator<Item = R>,
        cell: impl Fn(&R, &str) -> SqlValue,
    ) -> Answer {
        let mut columns = Vec::new();
        let mut expressions = Vec::new();
        for item in &self.select.items {
            let expression = item.expression(self.sql);
            if expression == "*" || expression.ends_with(".*") {
                columns.extend(star.iter().map(|name| ((*name).to_owned(), Type::Text)));
                expressions.extend(star.iter().map(|name| (*name).to_owned()));
            } else {
                columns.push((item.name.clone(), Type::Text));
                expressions.push(expression);
            }
        }
        let row = |row: R| {
            expressions
                .iter()
                .map(|expression| cell(&row, column_of(expression)))
                .collect()
        };
        Answer {
            columns,
            rows: rows.into_iter().map(row).collect(),
            tag: "SELECT",
        }
    }
}

/// `d.datname` without its alias.
fn column_of(expression: &str) -> &str {
    match expression.split_once('.') {
        Some((alias, column)) if alias.len() <= 2 => column,
        _ => expression,
    }
}
