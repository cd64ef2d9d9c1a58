//! When an input is complete: a command of ours on one line, or SQL that ends with a semicolon outside of quotes and
//! comments. The rules are those of SQL's own tokens; nothing but the end of input is decided here.

use reedline::{ValidationResult, Validator};

/// Tells the line editor when Enter sends.
pub(crate) struct Complete;

impl Validator for Complete {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) || split_command(line).is_some() {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

/// Whether `input` can be sent.
pub(crate) fn is_complete(input: &str) -> bool {
    let input = input.trim();
    input.is_empty() || is_command(input) || state(input) == State::Ended
}

/// Whether it is a command of the console rather than SQL.
pub(crate) fn is_command(input: &str) -> bool {
    let input = input.trim();
    let word = input.split_whitespace().next().unwrap_or_default();
    input.starts_with('\\')
        || matches!(
            word.trim_end_matches(';'),
            "decrypt!" | "emergency!" | "approve!" | "deny!"
        )
        || matches!(
            input.trim_end_matches(';'),
            "encrypt!" | "requests!" | "exit" | "quit" | "help"
        )
}

/// An unfinished statement whose last line is a command of the console: the statement and the command.
pub(crate) fn split_command(input: &str) -> Option<(&str, &str)> {
    let (statement, last) = input.trim_end().rsplit_once('\n')?;
    let command = last.trim();
    (command.starts_with('\\') && state(statement) == State::Open).then_some((statement, command))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Ended by a semicolon.
    Ended,
    /// More may follow.
    Open,
    /// Within quotes or a comment.
    Inside,
}

fn state(input: &str) -> State {
    let mut rest = input.chars().peekable();
    let mut state = State::Open;
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' | '`' => {
                if !rest.any(|end| end == c) {
                    return State::Inside;
                }
                state = State::Open;
            }
            '-' if rest.peek() == Some(&'-') => {
                if !rest.any(|end| end == '\n') {
                    return state;
                }
            }
            '/' if rest.peek() == Some(&'*') => {
                rest.next();
                let mut last = ' ';
                if !rest.any(|c| std::mem::replace(&mut last, c) == '*' && c == '/') {
                    return State::Inside;
                }
            }
            ';' => state = State::Ended,
            c if c.is_whitespace() => {}
            _ => state = State::Open,
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::{is_complete, split_command};

    #[test]
    fn what_can_be_sent() {
        for input in [
            "",
            "  ",
            "\\d",
            "decrypt!",
            "decrypt!;",
            "decrypt! customer:1",
            "encrypt! ;",
            "quit;",
            "help",
            "SELECT 1;",
            "SELECT ';' ;",
            "SELECT 1; -- why",
            "SELECT 1 /* ; */ ;",
            "SELECT /*/ ; */ 1;",
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
            "SELECT 1 /*/ ;",
            "SELECT 1; SELECT 2",
            "decrypt",
        ] {
            assert!(!is_complete(input), "{input}");
        }
    }

    #[test]
    fn commands_work_within_a_statement() {
        assert_eq!(
            split_command("SELECT 1\n  FROM\n\\d "),
            Some(("SELECT 1\n  FROM", "\\d"))
        );
        for input in ["SELECT '\n\\d", "SELECT 1 /*\n\\d", "\\d", "SELECT 1\n+ 2"] {
            assert_eq!(split_command(input), None, "{input}");
        }
    }
}
