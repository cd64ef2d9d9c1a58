//! Values as a page shows them: escaped, cut where they are long, with invisible characters by name.

use std::fmt::Write;

use crate::words::Words;
use crate::{Row, Value};

/// What is shown of a text. The files have all of it.
pub(crate) const TEXT_BYTES_MAX: usize = 2_000;

/// The cells of a row as HTML that is safe where an element's content stands.
pub(crate) fn cells(row: &Row, words: &Words) -> Vec<String> {
    row.values()
        .iter()
        .map(|value| cell(value, words))
        .collect()
}

fn cell(value: &Value, words: &Words) -> String {
    match value {
        Value::Null => format!("<span class=\"none\">{}</span>", words.none),
        Value::Boolean(true) => words.yes.to_owned(),
        Value::Boolean(false) => words.no.to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Bytes(bytes) => note(&words.bytes(bytes.len())),
        Value::Text(text) => self::text(text, words),
    }
}

fn text(text: &str, words: &Words) -> String {
    let shown = text
        .get(..text.floor_char_boundary(TEXT_BYTES_MAX))
        .unwrap_or(text);
    let mut html = String::with_capacity(shown.len() + 16);
    let mut letters = shown.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' | '\t' => html.push(letter),
            _ if is_invisible(letter) => {
                // Writing to a `String` does not fail.
                let _ = write!(
                    html,
                    "<span class=\"mark\">U+{:04X}</span>",
                    u32::from(letter)
                );
            }
            _ => html.push(letter),
        }
    }
    if shown.len() < text.len() {
        let more = text.get(shown.len()..).unwrap_or_default().chars().count();
        html.push_str(&note(&words.more(more)));
    }
    html
}

/// Our own words, not the value's.
fn note(text: &str) -> String {
    format!("<span class=\"note\">{text}</span>")
}

/// Characters that show nothing, or change what the others show: controls, direction, joiners of nothing, tags. The joiners
/// U+200C and U+200D stay: scripts and emoji need them.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;

    fn shown(value: &str) -> String {
        text(value, Language::English.words())
    }

    #[test]
    fn nothing_gets_out_of_its_cell() {
        let attack = "<script>alert('1')</script>&amp;\" onload=\"x";
        let safe = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;&quot; onload=&quot;x";
        assert_eq!(shown(attack), safe);
        assert_eq!(
            shown("a\r\nb\rc\td"),
            "a\nb<span class=\"mark\">U+000D</span>c\td"
        );
        assert_eq!(
            shown("in\u{202e}vert\0\u{e0041}"),
            "in<span class=\"mark\">U+202E</span>vert<span class=\"mark\">U+0000</span>\
             <span class=\"mark\">U+E0041</span>"
        );
        assert_eq!(shown("👩\u{200d}💻 é"), "👩\u{200d}💻 é");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "é".repeat(1_500);
        let html = shown(&long);
        assert!(html.starts_with(&"é".repeat(1_000)));
        assert!(html.ends_with("<span class=\"note\">… 500 more characters in the files</span>"));
        assert_eq!(shown(&"a".repeat(2_000)), "a".repeat(2_000));
    }
}
