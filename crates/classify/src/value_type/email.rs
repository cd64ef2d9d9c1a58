//! Mail addresses after RFC 5321 (form, lengths) and RFC 6531 (letters of any script). Quoted local
//! parts and address literals are refused: legal, unheard of, and a trap for whoever compares them.

use unicode_normalization::UnicodeNormalization;

use super::{Wrong, host};

const RIGHT: &str = "write it like `ada@example.org`";

/// Lower case throughout. A local part may by law of RFC 5321 differ by case; no provider lets two
/// people differ by it, and a look-up that misses is worse. Tags (`+news`) and dots count: not all
/// providers ignore them.
pub(super) fn normalize(value: &str) -> Result<String, Wrong> {
    let lower: String = value.trim().nfc().flat_map(char::to_lowercase).collect();
    let normal: String = lower.nfc().collect();
    let Some((local, domain)) = normal.rsplit_once('@') else {
        return Err(("it has no `@`", RIGHT));
    };
    check_local(local)?;
    if domain.len() > 255 || normal.len() > 254 {
        return Err(("it is longer than 254 bytes", RIGHT));
    }
    if !domain.contains('.') {
        return Err(("the domain has no dot", RIGHT));
    }
    if !host::is_domain(domain) {
        return Err(("the domain is malformed", RIGHT));
    }
    Ok(normal)
}

/// A dot-atom of RFC 5322, section 3.2.3, with any letter outside ASCII.
fn check_local(local: &str) -> Result<(), Wrong> {
    if local.is_empty() {
        return Err(("nothing stands before the `@`", RIGHT));
    }
    if local.len() > 64 {
        return Err(("more than 64 bytes stand before the `@`", RIGHT));
    }
    let atom = |c: char| {
        if c.is_ascii() {
            c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
        } else {
            is_visible(c)
        }
    };
    let atoms = local
        .split('.')
        .all(|part| !part.is_empty() && part.chars().all(atom));
    if atoms {
        Ok(())
    } else {
        Err(("a character before the `@` is not allowed there", RIGHT))
    }
}

fn is_visible(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !host::is_invisible(c)
}

pub(super) fn is_reserved(normal: &str) -> bool {
    normal
        .rsplit_once('@')
        .is_some_and(|(_, domain)| host::is_reserved(domain))
}
