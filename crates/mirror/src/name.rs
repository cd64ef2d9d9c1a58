//! What the folder of a log is called: an origin may hold what no path may.

use std::fmt::Write as _;

/// The name of an origin's folder: letters, digits, `.` and `-` stand for themselves, every other byte is `_` and two hexadecimal
/// digits, and so is a `.` at the beginning.
pub fn folder_name(origin: &str) -> String {
    let mut name = String::with_capacity(origin.len());
    for (at, byte) in origin.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => name.push_str("_2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => name.push(byte.into()),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(name, "_{byte:02X}");
            }
        }
    }
    name
}

/// The origin of a folder; `None` if it is none of ours.
pub(crate) fn origin(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'_' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    let origin = String::from_utf8(bytes).ok()?;
    // One name has one spelling.
    (!origin.is_empty() && folder_name(&origin) == name).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_lead_nowhere_else() {
        for (origin_, name) in [
            ("privet.example/prod/1", "privet.example_2Fprod_2F1"),
            ("..", "_2E."),
            (".", "_2E"),
            ("a_b", "a_5Fb"),
            ("ü", "_C3_BC"),
            ("C:\\x", "C_3A_5Cx"),
        ] {
            assert_eq!(folder_name(origin_), name);
            assert_eq!(origin(name).as_deref(), Some(origin_));
        }
        for foreign in [
            "",
            "_2f",
            "_",
            "_+1",
            "_61",
            "a b",
            ".x",
            "lost+found",
            "_FF",
            "x/y",
        ] {
            assert_eq!(origin(foreign), None, "{foreign}");
        }
    }
}
