//! Reads SQL text just far enough to say where a statement ends and which names it mentions.
//!
//! It follows the tokenizer of SQLite (`tokenize.c`) and, for the end of a statement, the states of
//! `sqlite3_complete` (`complete.c`). Nothing that must be safe rests on it: what it cuts is given to
//! the engine, which refuses a piece that holds more than one statement; and where it looks for
//! names, a name in a string counts, so that it rather sees one too many.

use std::borrow::Cow;

/// One token. White space and comments are skipped.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A keyword, a bare name or a number.
    Word(&'a str),
    /// A name or text in any of the four kinds of quotes.
    Quoted(Cow<'a, str>),
    /// Any other character.
    Mark(u8),
}

struct Tokens<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.sql.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Moves behind white space and comments.
    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let step = match rest {
                [first, ..] if first.is_ascii_whitespace() || *first == 0x0b => 1,
                [b'-', b'-', ..] => find(rest, b"\n").map_or(rest.len(), |end| end + 1),
                [b'/', b'*', inside @ ..] => find(inside, b"*/").map_or(rest.len(), |end| end + 4),
                _ => return,
            };
            self.at += step;
        }
    }

    fn quoted(&mut self, open: u8) -> Token<'a> {
        let close = if open == b'[' { b']' } else { open };
        let start = self.at + 1;
        let inside = self.sql.as_bytes().get(start..).unwrap_or_default();
        let mut end = 0;
        let mut doubled = false;
        loop {
            match find(inside.get(end..).unwrap_or_default(), &[close]) {
                None => {
                    end = inside.len();
                    break;
                }
                Some(found) => end += found,
            }
            if close == b']' || inside.get(end + 1) != Some(&close) {
                break;
            }
            doubled = true;
            end += 2;
        }
        self.at = (start + end + 1).min(self.sql.len());
        let text = self.sql.get(start..start + end).unwrap_or_default();
        let close = char::from(close);
        Token::Quoted(if doubled {
            Cow::Owned(text.replace(&format!("{close}{close}"), &close.to_string()))
        } else {
            Cow::Borrowed(text)
        })
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let rest = self.rest();
        let first = *rest.first()?;
        if matches!(first, b'\'' | b'"' | b'`' | b'[') {
            return Some(self.quoted(first));
        }
        let len = rest.iter().take_while(|byte| is_word(**byte)).count();
        if len == 0 {
            self.at += 1;
            return Some(Token::Mark(first));
        }
        let word = self.sql.get(self.at..self.at + len).unwrap_or_default();
        self.at += len;
        Some(Token::Word(word))
    }
}

/// Every byte above ASCII is part of a name, as in SQLite.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Where the first statement of `sql` ends, semicolon included, empty statements before it skipped;
/// `None` when there is none (blanks, comments, semicolons).
pub(crate) fn first_statement_end(sql: &str) -> Option<usize> {
    let mut tokens = Tokens::new(sql);
    let mut head = Head::default();
    let mut begun = false;
    // The last two tokens, as far as they matter: `;` and `; END` before the `;` that ends a trigger.
    let (mut after_mark, mut after_end) = (false, false);
    while let Some(token) = tokens.next() {
        if token == Token::Mark(b';') {
            if !begun {
                continue;
            }
            if !head.is_trigger || after_end {
                return Some(tokens.at);
            }
            (after_mark, after_end) = (true, false);
            continue;
        }
        begun = true;
        head.see(&token);
        after_end = after_mark && is_keyword(&token, "END");
        after_mark = false;
    }
    begun.then_some(sql.len())
}

/// Whether the first words say that this creates a trigger, the only statement with semicolons inside.
#[derive(Default)]
struct Head {
    is_trigger: bool,
    decided: bool,
    create: bool,
}

impl Head {
    fn see(&mut self, token: &Token<'_>) {
        if self.decided {
            return;
        }
        let is = |word| is_keyword(token, word);
        if !self.create && (is("EXPLAIN") || is("QUERY") || is("PLAN")) {
            return;
        }
        if !self.create && is("CREATE") {
            self.create = true;
        } else if !(self.create && (is("TEMP") || is("TEMPORARY"))) {
            self.decided = true;
            self.is_trigger = self.create && is("TRIGGER");
        }
    }
}

fn is_keyword(token: &Token<'_>, keyword: &str) -> bool {
    matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
}

/// Whether `sql` mentions this name anywhere, bare or in quotes.
pub(crate) fn mentions(sql: &str, name: &str) -> bool {
    Tokens::new(sql).any(|token| names(&token, name))
}

fn names(token: &Token<'_>, name: &str) -> bool {
    match token {
        Token::Word(word) => word.eq_ignore_ascii_case(name),
        Token::Quoted(word) => word.eq_ignore_ascii_case(name),
        Token::Mark(_) => false,
    }
}

/// Whether a clause `KEYWORD ( … )` of `sql` mentions this name inside its parentheses.
pub(crate) fn clause_mentions(sql: &str, keyword: &str, name: &str) -> bool {
    let mut tokens = Tokens::new(sql);
    let mut before = false;
    while let Some(token) = tokens.next() {
        if before && token == Token::Mark(b'(') {
            let mut depth = 1_u32;
            for token in tokens.by_ref() {
                match token {
                    Token::Mark(b'(') => depth += 1,
                    Token::Mark(b')') => depth -= 1,
                    token if names(&token, name) => return true,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
        before = is_keyword(&token, keyword);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, first: Option<&str>) {
        let end = first_statement_end(sql);
        assert_eq!(end.and_then(|end| sql.get(..end)), first, "{sql}");
    }

    #[test]
    fn a_statement_ends_where_sqlite_ends_it() {
        check("", None);
        check(" -- nothing\n /* at; all */ ; ;", None);
        check("select 1", Some("select 1"));
        check("select ';' ; select 2", Some("select ';' ;"));
        check("; select 1;2", Some("; select 1;"));
        check(
            "select \"a\"\";\" from [b;];x",
            Some("select \"a\"\";\" from [b;];"),
        );
        check("select 1 -- a;\n; x", Some("select 1 -- a;\n;"));
        check("select 1 /* ; */; x", Some("select 1 /* ; */;"));
        check("select 'open; ", Some("select 'open; "));
        check("select `;`; x", Some("select `;`;"));
        check("/* open", None);
    }

    #[test]
    fn a_trigger_ends_at_its_end() {
        let trigger = "create temp trigger t after insert on a begin \
                       select case when 1 then 2 end; delete from b; end;";
        check(&format!("{trigger} select 1;"), Some(trigger));
        let explained = format!("EXPLAIN QUERY PLAN {trigger}");
        check(&format!("{explained}x"), Some(&explained));
        check(
            "create table trigger_a(a); x",
            Some("create table trigger_a(a);"),
        );
        check("create \"trigger\" a; x", Some("create \"trigger\" a;"));
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for sql in [
            "x(EMAIL)",
            "x([email])",
            "x('email')",
            "x(\"Email\")",
            "x(`email`)",
        ] {
            assert!(mentions(sql, "email"), "{sql}");
        }
        for sql in ["x(e_mail)", "-- email\n", "/* email */", "x(email2)", ""] {
            assert!(!mentions(sql, "email"), "{sql}");
        }
        assert!(mentions("\"a\"\"b\"", "a\"b"));
    }

    #[test]
    fn only_the_clause_counts() {
        let sql = "CREATE TABLE t (email TEXT, age INT CHECK ((age) > 0), b AS (length(email)))";
        assert!(!clause_mentions(sql, "CHECK", "email"));
        assert!(clause_mentions(sql, "CHECK", "age"));
        assert!(clause_mentions(sql, "AS", "email"));
        assert!(!clause_mentions(sql, "AS", "age"));
    }
}
