//! Names of files that are safe on every system: nothing that leads elsewhere, is a device of Windows, or is another file
//! where upper and lower case are the same.

use std::collections::HashSet;

/// Longest name without its ending.
const LEN_MAX: usize = 80;

/// The names given so far.
#[derive(Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// A name after `wish` that was not given before: `a-z`, `0-9`, and single `-`, `_` and `.` between them.
    pub(crate) fn name(&mut self, wish: &str) -> String {
        let name = plain(wish);
        let mut candidate = name.clone();
        for number in 2_u64.. {
            if self.0.insert(candidate.clone()) {
                break;
            }
            candidate = format!("{name}-{number}");
        }
        candidate
    }
}

fn plain(wish: &str) -> String {
    let mut name = String::with_capacity(wish.len().min(LEN_MAX));
    for letter in wish.chars() {
        if name.len() == LEN_MAX {
            break;
        }
        match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => name.push(letter),
            // Never first, and never two of them: so neither `..` nor a hidden file can be made.
            _ if name.is_empty() || name.ends_with(['-', '_', '.']) => {}
            letter @ ('_' | '.') => name.push(letter),
            _ => name.push('-'),
        }
    }
    name.truncate(name.trim_end_matches(['-', '_', '.']).len());
    if name.is_empty() {
        return "data".to_owned();
    }
    if is_device(&name) {
        name.insert_str(0, "data-");
    }
    name
}

/// Names that Windows keeps for devices, whatever follows behind a dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let numbered = |device| {
        let number = stem.strip_prefix(device);
        number.is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9']))
    };
    matches!(
        stem,
        "con" | "prn" | "aux" | "nul" | "conin" | "conout" | "clock"
    ) || numbered("com")
        || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_wished_the_name_is_safe() {
        let mut names = Names::default();
        let wishes = [
            ("shop.customer", "shop.customer"),
            ("Shop.Customer", "shop.customer-2"),
            ("../../etc/passwd", "etc-passwd"),
            ("..\\..\\windows", "windows"),
            ("/", "data"),
            ("", "data-2"),
            ("..", "data-3"),
            ("C:\\x", "c-x"),
            ("con", "data-con"),
            ("CON.txt", "data-con.txt"),
            ("lpt1", "data-lpt1"),
            ("com", "com"),
            ("com10", "com10"),
            ("a\0b\nc\u{202e}d", "a-b-c-d"),
            ("Bücher 📚", "b-cher"),
            ("trailing. ", "trailing"),
            ("a..b--c", "a.b-c"),
            (".hidden", "hidden"),
        ];
        for (wish, name) in wishes {
            assert_eq!(names.name(wish), name, "{wish:?}");
        }
        assert_eq!(names.name(&"x".repeat(500)).len(), LEN_MAX);
    }
}
