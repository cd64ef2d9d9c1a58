//! When an input is complete: a command of ours on one line, or SQL that ends with a semicolon outside of quotes and
//! comments. The rules are those of SQL's own tokens; nothing but the end of input is decided here.

use reedline::{ValidationResult, Validator};

/// Tells the line editor when Enter sends.
pub(crate) struct Complete;

impl Validator for Complete {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

/// Whether `input` can be sent.
pub(crate) fn is_complete(input: &str) -> bool {
    let input = input.trim();
    input.is_empty() || is_command(input) || ends_statement(input)
}

/// Whether it is a command of the console rather than SQL.
pub(crate) fn is_command(input: &str) -> bool {
    let input = input.trim();
    input.starts_with('\\') || matches!(input, "decrypt!" | "encrypt!" | "exit" | "quit")
}

fn ends_statement(input: &str) -> bool {
    let mut rest = input.chars().peekable();
    let mut ended = false;
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' => {
                if !rest.any(|end| end == c) {
                    return false;
                }
                ended = false;
            }
            '-' if rest.peek() == Some(&'-') => {
                if !rest.any(|end| end == '\n') {
                    return ended;
                }
            }
            '/' if rest.peek() == Some(&'*') => {
                let mut last = ' ';
                if !rest.any(|c| std::mem::replace(&mut last, c) == '*' && c == '/') {
                    return false;
                }
            }
            ';' => ended = true,
            c if c.is_whitespace() => {}
            _ => ended = false,
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn what_can_be_sent() {
        for input in [
            "",
            "  ",
            "\\d",
            "decrypt!",
            "SELECT 1;",
            "SELECT ';' ;",
            "SELECT 1; -- why",
            "SELECT 1 /* ; */ ;",
            "SELECT 'it''s';",
        ] {
            assert!(is_complete(input), "{input}");
        }
    }

    #[test]
    fn what_goes_on() {
        for input in [
            "SELECT 1",
            "SELECT ';",
            "SELECT \";",
            "SELECT 1 -- ;",
            "SELECT 1 /* ;",
            "SELECT 1; SELECT 2",
            "decrypt",
        ] {
            assert!(!is_complete(input), "{input}");
        }
    }
}
