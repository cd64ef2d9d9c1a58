//! What people typed, as it is shown to other people: invisible characters made visible, nothing reordered, and links only
//! where they are web addresses. Escaping for HTML is the templates' part.

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The text, or the name of an invisible character such as `U+202E`.
    pub(crate) text: String,
    /// Whether it stands for an invisible character.
    pub(crate) is_mark: bool,
}

/// A text in pieces, in order.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for c in text.chars() {
        if is_hidden(c) {
            pieces.push(Piece {
                text: format!("U+{:04X}", u32::from(c)),
                is_mark: true,
            });
            continue;
        }
        match pieces.last_mut() {
            Some(last) if !last.is_mark => last.text.push(c),
            _ => pieces.push(Piece {
                text: c.to_string(),
                is_mark: false,
            }),
        }
    }
    pieces
}

/// A text in one piece: invisible characters as `<U+202E>`.
pub(crate) fn visible(text: &str) -> String {
    let pieces = pieces(text).into_iter();
    pieces
        .map(|piece| match piece.is_mark {
            true => format!("<{}>", piece.text),
            false => piece.text,
        })
        .collect()
}

/// Whether a character is not seen, or changes how others are seen: control characters, directional marks, fillers,
/// characters without width, tags (Unicode Technical Report 36, sections 2 and 3).
fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        c if c.is_control() => true,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

/// Whether a link may be followed: a web address without anything that hides where it leads.
pub(crate) fn is_web_link(link: &str) -> bool {
    let rest = link
        .strip_prefix("https://")
        .or_else(|| link.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && link.chars().all(|c| {
                !is_hidden(c) && !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | '\\')
            })
    })
}

/// The host that a web address leads to, which is said beside a link whose text could mislead.
pub(crate) fn host_of(link: &str) -> &str {
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invisible_is_named() {
        assert_eq!(visible("a\u{202e}b\0c\n"), "a<U+202E>b<U+0000>c\n");
        assert_eq!(visible("żółć 漢字 🦀"), "żółć 漢字 🦀");
        let marks: Vec<bool> = pieces("a\u{200b}b")
            .iter()
            .map(|piece| piece.is_mark)
            .collect();
        assert_eq!(marks, [false, true, false]);
    }

    #[test]
    fn only_web_addresses_are_links() {
        for link in ["https://tickets.example.com/1?a=b#c", "http://localhost/x"] {
            assert!(is_web_link(link), "{link}");
        }
        for link in [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "//evil.example",
            "https://",
            "https://a\u{202e}b",
            "https://a b",
            "https://a\"onclick=x",
            " https://a.example",
            "HTTPS://a.example",
        ] {
            assert!(!is_web_link(link), "{link}");
        }
        assert_eq!(
            host_of("https://a.example@evil.example:8080/x"),
            "evil.example:8080"
        );
    }
}
