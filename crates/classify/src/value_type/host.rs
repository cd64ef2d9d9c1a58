//! Domain names, as mail and web addresses hold them.

/// Whether `name` (in lower case) is a domain name: labels of letters, digits and inner hyphens, 63
/// bytes each, 253 in all (RFC 1035, section 2.3.4). Letters of any script pass (RFC 5890); a name
/// in its ASCII form (`xn--…`) and the same in letters stay two names.
pub(super) fn is_domain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let inside = |c: char| {
        if c.is_ascii() {
            c.is_ascii_alphanumeric() || c == '-'
        } else {
            is_label_mark(c)
        }
    };
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(inside)
}

/// Letters, digits and combining marks; not what looks like nothing or like an ASCII sign.
fn is_label_mark(c: char) -> bool {
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

/// Characters that take no place on the screen, so that two addresses could look alike.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether the domain is one that RFC 2606 reserves for examples and tests, or below one.
pub(super) fn is_reserved(domain: &str) -> bool {
    let mut labels = domain.rsplit('.');
    let (top, below) = (labels.next(), labels.next());
    let reserved_top = matches!(top, Some("test" | "example" | "invalid" | "localhost"));
    reserved_top || (below == Some("example") && matches!(top, Some("com" | "net" | "org")))
}
