//! What reaches the terminal: everything, through one place. What comes from a database or a server may hold anything,
//! and must not speak to the terminal.

use std::io::{IsTerminal as _, Write as _};

use crate::Error;

/// Width that is assumed where a terminal does not say.
const WIDTH_CHARS: usize = 80;

/// Prints a text and ends its line.
pub(crate) fn show(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", printable(text)).map_err(Error::Terminal)
}

/// Prints sentences, broken between words.
pub(crate) fn say(text: &str) -> Result<(), Error> {
    show(&folded(text, width().unwrap_or(WIDTH_CHARS), "  "))
}

/// Prints beside the output, for people: what a pipe must not mix with results.
pub(crate) fn note(text: &str) -> Result<(), Error> {
    let mut out = std::io::stderr().lock();
    writeln!(out, "{}", printable(text)).map_err(Error::Terminal)
}

/// How many characters fit on a line; `None` where output goes elsewhere.
pub(crate) fn width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let width = comfy_table::Table::new().width();
    Some(width.map_or(WIDTH_CHARS, usize::from))
}

/// The text without characters that a terminal obeys, or that show a text in another order than it has.
pub(crate) fn printable(text: &str) -> String {
    let plain = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => '\u{fffd}',
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(plain).collect()
}

/// The text broken between words, so that lines have at most `width` characters where words allow; all lines but the
/// first begin with `indent`.
fn folded(text: &str, width: usize, indent: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut used = 0;
    for (number, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if number > 0 && used + 1 + length > width {
            folded.push('\n');
            folded.push_str(indent);
            used = indent.len();
        } else if number > 0 {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += length;
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_speaks_to_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\nc");
        assert_eq!(
            printable("\u{202e}drowssap\u{200b}"),
            "\u{fffd}drowssap\u{fffd}"
        );
        assert_eq!(printable("ein Gruß, 你好"), "ein Gruß, 你好");
    }

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(folded("one two three", 80, "  "), "one two three");
        assert_eq!(folded("one two three", 8, "  "), "one two\n  three");
        assert_eq!(folded("abcdefghij k", 4, "  "), "abcdefghij\n  k");
        assert_eq!(folded("", 4, "  "), "");
    }
}
