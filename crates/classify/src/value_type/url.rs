//! Absolute URLs with a host (RFC 3986).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Wrong, host, ip};

const RIGHT: &str = "write it like `https://example.org/ada`";

/// Scheme and host in lower case, a missing path as `/`; the rest as it is, for it may depend on
/// case.
pub(super) fn normalize(value: &str) -> Result<String, Wrong> {
    let value = value.trim();
    if value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(("it holds a space or a control character", RIGHT));
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return Err(("it has no scheme", RIGHT));
    };
    if !is_scheme(scheme) {
        return Err(("the scheme is malformed", RIGHT));
    }
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (format!("{user}@"), place),
        None => (String::new(), authority),
    };
    let place = place.to_lowercase();
    let (name, port) = split_port(&place);
    if !is_host(name) {
        return Err(("the host is missing or malformed", RIGHT));
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return Err(("the port is not a number up to 65535", RIGHT));
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(format!(
        "{}://{user}{place}{slash}{path}",
        scheme.to_ascii_lowercase()
    ))
}

/// RFC 3986, section 3.1.
fn is_scheme(scheme: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(inside)
}

/// The host, in brackets if it is IPv6, and the port.
fn split_port(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (place, None),
    }
}

fn bracketed(name: &str) -> Option<&str> {
    name.strip_prefix('[')?.strip_suffix(']')
}

fn is_host(name: &str) -> bool {
    match bracketed(name) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host::is_domain(name),
    }
}

/// Whether the host is reserved for examples; who stands before an `@` could be anybody.
pub(super) fn is_reserved(normal: &str) -> bool {
    let rest = normal.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest
        .find(['/', '?', '#'])
        .map_or(rest, |at| rest.split_at(at).0);
    let (name, _) = split_port(authority);
    match (bracketed(name), name.parse::<Ipv4Addr>()) {
        (Some(address), _) => ip::is_reserved(address),
        (None, Ok(_)) => ip::is_reserved(name),
        (None, Err(_)) => !authority.contains('@') && host::is_reserved(name),
    }
}
