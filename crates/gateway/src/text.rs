//! Just enough reading of SQL text to tell statements apart, to recognize what the gateway answers itself and to label
//! the record. Nothing here decides what may be seen: whatever is not recognized goes to the engine as it was written.

use std::borrow::Cow;

/// One token with the place it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind<'a>,
    /// Where its text starts.
    pub(crate) start: usize,
    /// Where its text ends.
    pub(crate) end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A bare word: a keyword or an identifier.
    Word(&'a str),
    /// An identifier in double quotes, back quotes or brackets, without them.
    Quoted(Cow<'a, str>),
    /// A string literal, without its quotes.
    Text(Cow<'a, str>),
    /// A number.
    Number(&'a str),
    /// `$n`.
    Parameter(u16),
    /// Anything else, one character at a time.
    Symbol(char),
    /// A quote or comment that does not end: the rest of the text.
    Unfinished,
}

impl Token<'_> {
    /// Whether this is the bare word `word` (given in lower case).
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self.kind, Kind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    /// Whether this is the character `symbol`.
    pub(crate) fn is_symbol(&self, symbol: char) -> bool {
        self.kind == Kind::Symbol(symbol)
    }

    /// The name it stands for as an identifier: bare words fold to lower case as in PostgreSQL.
    pub(crate) fn name(&self) -> Option<Cow<'_, str>> {
        match &self.kind {
            Kind::Word(word) if word.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Some(Cow::Owned(word.to_ascii_lowercase()))
            }
            Kind::Word(word) => Some(Cow::Borrowed(word)),
            Kind::Quoted(name) => Some(Cow::Borrowed(name)),
            _ => None,
        }
    }
}

/// The tokens of `sql` without white space and comments.
pub(crate) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut reader = Reader { sql, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = reader.next() {
        tokens.push(token);
    }
    tokens
}

/// The statements of `tokens`, split at semicolons; empty ones are left out.
pub(crate) fn statements<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t [Token<'a>]> {
    tokens
        .split(|token| token.is_symbol(';'))
        .filter(|statement| !statement.is_empty())
}

/// The first of the statements of `tokens`, without its semicolon.
pub(crate) fn first_statement<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    statements(tokens).next().unwrap_or_default()
}

/// The text that these neighbouring tokens were read from.
pub(crate) fn source<'a>(sql: &'a str, tokens: &[Token<'_>]) -> &'a str {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => sql.get(first.start..last.end).unwrap_or_default(),
        _ => "",
    }
}

/// A statement with white space and comments reduced to single spaces, bare words in lower case and no semicolon at
/// its end: equal for texts that differ in nothing that matters.
pub(crate) fn normalized(sql: &str, tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut end = None;
    for token in tokens {
        if end.is_some_and(|end| end != token.start) {
            text.push(' ');
        }
        end = Some(token.end);
        let source = sql.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            Kind::Word(_) => text.push_str(&source.to_ascii_lowercase()),
            _ => text.push_str(source),
        }
    }
    text.trim_end_matches([';', ' ']).to_owned()
}

struct Reader<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.sql.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let skipped = self.skip_blank();
        let start = self.at;
        let rest = self.rest();
        let first = rest.chars().next()?;
        let kind = if skipped.is_err() {
            self.at = self.sql.len();
            Kind::Unfinished
        } else {
            self.kind(first, rest)
        };
        Some(Token {
            kind,
            start,
            end: self.at,
        })
    }

    fn kind(&mut self, first: char, rest: &'a str) -> Kind<'a> {
        match first {
            'e' | 'E' if rest.get(1..2) == Some("'") => {
                self.at += 1;
                self.escaped()
            }
            '\'' => self.quoted('\'').map_or(Kind::Unfinished, Kind::Text),
            '"' => self.quoted('"').map_or(Kind::Unfinished, Kind::Quoted),
            '`' => self.quoted('`').map_or(Kind::Unfinished, Kind::Quoted),
            '[' if rest.get(1..2).is_some_and(|next| next.starts_with(is_word)) => {
                match rest.find(']') {
                    Some(end) => {
                        self.at += end + 1;
                        Kind::Quoted(Cow::Borrowed(rest.get(1..end).unwrap_or_default()))
                    }
                    None => self.unfinished(),
                }
            }
            '$' => self.parameter(rest),
            _ if first.is_ascii_digit() => {
                Kind::Number(self.take_while(|c| is_word(c) || c == '.'))
            }
            _ if is_word(first) => Kind::Word(self.take_while(is_word)),
            _ => {
                self.at += first.len_utf8();
                Kind::Symbol(first)
            }
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn unfinished(&mut self) -> Kind<'a> {
        self.at = self.sql.len();
        Kind::Unfinished
    }

    /// Skips white space and comments; a comment that does not end is an error and leaves the place where it starts.
    fn skip_blank(&mut self) -> Result<(), ()> {
        loop {
            self.take_while(|c| c.is_ascii_whitespace() || c == '\u{feff}');
            let rest = self.rest();
            if rest.starts_with("--") {
                self.take_while(|c| c != '\n');
            } else if rest.starts_with("/*") {
                let inside = rest.get(2..).unwrap_or_default();
                self.at += 4 + inside.find("*/").ok_or(())?;
            } else {
                return Ok(());
            }
        }
    }

    /// A text in `quote`s, in which a doubled quote stands for itself.
    fn quoted(&mut self, quote: char) -> Option<Cow<'a, str>> {
        let inside = self.rest().get(1..)?;
        let mut end = 0;
        loop {
            let Some(found) = inside.get(end..).and_then(|rest| rest.find(quote)) else {
                self.at = self.sql.len();
                return None;
            };
            end += found;
            if inside
                .get(end + 1..)
                .is_some_and(|rest| rest.starts_with(quote))
            {
                end += 2;
                continue;
            }
            self.at += end + 2;
            let text = inside.get(..end)?;
            return Some(if text.contains(quote) {
                let quote = quote.to_string();
                Cow::Owned(text.replace(&quote.repeat(2), &quote))
            } else {
                Cow::Borrowed(text)
            });
        }
    }

    /// PostgreSQL's `E'…'` with backslashes; only those that clients write are understood, the rest stand for
    /// themselves.
    fn escaped(&mut self) -> Kind<'a> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, other)) => text.push(other),
                    None => break,
                },
                '\'' if chars.next_if(|(_, next)| *next == '\'').is_some() => text.push('\''),
                '\'' => {
                    self.at += at + 1;
                    return Kind::Text(Cow::Owned(text));
                }
                _ => text.push(c),
            }
        }
        self.unfinished()
    }

    fn parameter(&mut self, rest: &'a str) -> Kind<'a> {
        let digits = rest.get(1..).unwrap_or_default();
        let end = digits.find(|c| !is_word(c)).unwrap_or(digits.len());
        match digits.get(..end).and_then(|digits| digits.parse().ok()) {
            Some(number) => {
                self.at += end + 1;
                Kind::Parameter(number)
            }
            None => {
                self.at += 1;
                Kind::Symbol('$')
            }
        }
    }
}

/// Characters of bare words; `$` belongs to them after the first (as in PostgreSQL and SQLite).
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[Kind<'_>]) {
        let found: Vec<Kind<'_>> = tokens(sql).into_iter().map(|token| token.kind).collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn tokens_are_told_apart() {
        check("", &[]);
        check(" -- only a comment", &[]);
        check(
            "SELECT a.\"b\"\"c\", 'it''s', 1.5, $2 /* ; */;",
            &[
                Kind::Word("SELECT"),
                Kind::Word("a"),
                Kind::Symbol('.'),
                Kind::Quoted("b\"c".into()),
                Kind::Symbol(','),
                Kind::Text("it's".into()),
                Kind::Symbol(','),
                Kind::Number("1.5"),
                Kind::Symbol(','),
                Kind::Parameter(2),
                Kind::Symbol(';'),
            ],
        );
        check(r"E'a\'b'", &[Kind::Text("a'b".into())]);
        check("a$1", &[Kind::Word("a$1")]);
        check("$a", &[Kind::Symbol('$'), Kind::Word("a")]);
        check("x[1]", &[Kind::Word("x"), Kind::Quoted("1".into())]);
        check("Zoë", &[Kind::Word("Zoë")]);
    }

    #[test]
    fn what_does_not_end_is_the_rest() {
        for sql in ["'a; CALL x", "\"a", "/* a", "E'a\\'", "[a", "`a"] {
            check(sql, &[Kind::Unfinished]);
        }
        check("a /* b", &[Kind::Word("a"), Kind::Unfinished]);
    }

    #[test]
    fn statements_split_outside_quotes_only() {
        let found = tokens("SELECT ';'; ; SELECT 2;");
        assert_eq!(statements(&found).count(), 2);
        let sql = " SELECT  Version( ) -- c\n ;";
        assert_eq!(normalized(sql, &tokens(sql)), "select version( )");
    }
}
