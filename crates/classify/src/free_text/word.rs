//! What is found by a sign in its middle: mail addresses by `@`, IPv6 addresses by `:`.

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::{Found, Seen, before, end_of, in_word, start_of};

/// The longest parts of a mail address, RFC 5321, section 4.5.3.1.
const LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_BYTES_MAX: usize = 255;
/// The longest IPv6 address as text.
const IPV6_BYTES_MAX: usize = 45;

/// The mail address around the `@` at `at`.
pub(super) fn email(bytes: &[u8], from: usize, at: usize) -> Seen {
    let from = from.max(at.saturating_sub(LOCAL_BYTES_MAX));
    let mut start = start_of(bytes, from, at, in_local_part);
    // `mailto:ada@…` stops at the colon by itself; a dot or a quote before the address is not of it.
    // Nor is the rest of a letter that the limit cut.
    while start < at
        && !bytes
            .get(start)
            .is_some_and(|byte| in_word(Some(*byte)) && !continues(*byte))
    {
        start += 1;
    }
    let limit = (at + 1 + DOMAIN_BYTES_MAX).min(bytes.len());
    let domain = bytes.get(..limit).unwrap_or(bytes);
    let end = end_of(domain, at + 1, in_domain);
    let end = start_of(bytes, at + 1, end, |byte| matches!(byte, b'.' | b'-')).min(end);
    let end = end_of(bytes, end, continues);
    let host = bytes.get(at + 1..end).unwrap_or_default();
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let dotted = host.len() > last.len() + 1;
    let named = last.len() >= 2 && last.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80);
    if start < at && dotted && named {
        (start..end, Some(Found::Email))
    } else {
        (at..at + 1, None)
    }
}

/// Whether a byte of UTF-8 goes on with a letter that began before it.
fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn in_local_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn in_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-')
}

/// The IPv6 address around the `:` at `at`.
pub(super) fn ipv6(bytes: &[u8], from: usize, at: usize) -> Seen {
    let of_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let start = start_of(bytes, from, at, of_address);
    let end = end_of(bytes, at, of_address);
    // A sentence may end behind the address.
    let end = start_of(bytes, at, end, |byte| byte == b'.').min(end);
    let nothing = (at..end, None);
    let alone = !in_word(before(bytes, start)) && !in_word(bytes.get(end).copied());
    let Some(text) = bytes.get(start..end) else {
        return nothing;
    };
    // Without a digit it is more likely a path of a program: `a::b`.
    let likely = text.len() <= IPV6_BYTES_MAX && text.iter().any(u8::is_ascii_digit);
    if !alone || !likely {
        return nothing;
    }
    let address = std::str::from_utf8(text).ok();
    // A port behind a socket's address stands outside of brackets, so all of it is the address; and
    // a colon of the sentence may follow.
    let trimmed = address.map(|text| {
        text.strip_suffix(':')
            .filter(|t| !t.ends_with(':'))
            .unwrap_or(text)
    });
    match trimmed {
        Some(text) if Ipv6Addr::from_str(text).is_ok() => {
            (start..start + text.len(), Some(Found::Ip))
        }
        _ => nothing,
    }
}
