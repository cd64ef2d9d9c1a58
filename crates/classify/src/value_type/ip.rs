//! IP addresses.

use std::net::IpAddr;

use super::Wrong;

/// The address as the standard library writes it (RFC 5952); an IPv4 address inside IPv6 as IPv4.
pub(super) fn normalize(value: &str) -> Result<String, Wrong> {
    match value.trim().parse::<IpAddr>() {
        Ok(address) => Ok(address.to_canonical().to_string()),
        Err(_) => Err((
            "it is not an IP address",
            "write it like `192.0.2.1` or `2001:db8::1`",
        )),
    }
}

/// Addresses kept for documentation: RFC 5737 (IPv4), RFC 3849 and RFC 9637 (IPv6).
pub(super) fn is_reserved(normal: &str) -> bool {
    match normal.parse() {
        Ok(IpAddr::V4(address)) => {
            matches!(
                address.octets(),
                [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _]
            )
        }
        Ok(IpAddr::V6(address)) => match address.segments() {
            [0x2001, 0x0db8, ..] => true,
            [0x3fff, second, ..] => second < 0x1000,
            _ => false,
        },
        Err(_) => false,
    }
}
