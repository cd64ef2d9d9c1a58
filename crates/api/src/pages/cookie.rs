//! The cookie that holds a login's secret.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::refusal::Refusal;
use crate::router::Transport;

/// Under TLS: browsers take this name from this host alone, for all of it, and never without TLS (RFC 6265bis section
/// 4.1.3.2).
const SECURE_NAME: &str = "__Host-privet";
/// On loopback without TLS, where a browser would not take the other.
const LOOPBACK_NAME: &str = "privet";
/// Hexadecimal digits of a secret.
const SECRET_DIGITS: usize = 64;

fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tls => SECURE_NAME,
        Transport::Loopback => LOOPBACK_NAME,
    }
}

/// The secret that a request carries.
pub(super) fn secret(headers: &HeaderMap, transport: Transport) -> Option<&str> {
    let wanted = name(transport);
    let cookies = headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    let found = pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })?;
    let is_secret =
        found.len() == SECRET_DIGITS && found.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_secret.then_some(found)
}

/// Hands a browser its secret, until it is closed.
pub(super) fn set(
    response: &mut Response,
    transport: Transport,
    secret: &str,
) -> Result<(), Refusal> {
    put(response, transport, secret, "")
}

/// Takes it back.
pub(super) fn clear(response: &mut Response, transport: Transport) -> Result<(), Refusal> {
    put(response, transport, "", "; Max-Age=0")
}

fn put(
    response: &mut Response,
    transport: Transport,
    value: &str,
    more: &str,
) -> Result<(), Refusal> {
    let secure = match transport {
        Transport::Tls => "; Secure",
        Transport::Loopback => "",
    };
    let name = name(transport);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    let mut cookie = HeaderValue::from_str(&text).map_err(|_| Refusal::internal())?;
    cookie.set_sensitive(true);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cookie: &str, transport: Transport) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().unwrap());
        secret(&headers, transport).map(str::to_owned)
    }

    #[test]
    fn only_the_cookie_of_this_transport_counts() {
        let secret = "0a".repeat(32);
        let both = format!("other=1; privet={secret}; x=y");
        assert_eq!(check(&both, Transport::Loopback), Some(secret.clone()));
        assert_eq!(check(&both, Transport::Tls), None);
        let host = format!("__Host-privet={secret}");
        assert_eq!(check(&host, Transport::Tls), Some(secret));
        assert_eq!(check("privet=short", Transport::Loopback), None);
        assert_eq!(
            check(&format!("privet={}", "zz".repeat(32)), Transport::Loopback),
            None
        );
    }
}
