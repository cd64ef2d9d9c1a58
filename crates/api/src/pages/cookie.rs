//! The cookies that hold the secrets of logins.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use crate::refusal::Refusal;
use crate::router::Transport;

/// Hexadecimal digits of a secret.
const SECRET_DIGITS: usize = 64;
/// How long a browser keeps what it began a login with, in seconds.
const ATTEMPT_SECONDS: u32 = 600;

/// What a cookie is for. Each has a name of its own, so that none is ever taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jar {
    /// A login of somebody of the staff.
    Staff,
    /// A login of a person to their own pages.
    Own,
    /// Such a login under way.
    Attempt,
    /// Such a login that waits for a link to come by mail.
    Mail,
}

impl Jar {
    /// Under TLS with a prefix: browsers take such a name from this host alone, for all of it, and never without TLS
    /// (RFC 6265bis section 4.1.3.2). A narrower path would take that away, and is no boundary. On loopback without TLS
    /// a browser would not take it.
    fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Staff, Transport::Tls) => "__Host-privet",
            (Self::Staff, Transport::Loopback) => "privet",
            (Self::Own, Transport::Tls) => "__Host-privet-me",
            (Self::Own, Transport::Loopback) => "privet-me",
            (Self::Attempt, Transport::Tls) => "__Host-privet-me-login",
            (Self::Attempt, Transport::Loopback) => "privet-me-login",
            (Self::Mail, Transport::Tls) => "__Host-privet-me-mail",
            (Self::Mail, Transport::Loopback) => "privet-me-mail",
        }
    }

    /// When a browser sends it: of people's own, also when another site leads here, which a provider does, and a mail. What
    /// changes something is a form, and bears more.
    fn same_site(self) -> &'static str {
        match self {
            Self::Staff => "Strict",
            Self::Own | Self::Attempt | Self::Mail => "Lax",
        }
    }

    /// The secret that a request carries.
    pub(super) fn secret(self, headers: &HeaderMap, transport: Transport) -> Option<&str> {
        let wanted = self.name(transport);
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

    /// Hands a browser its secret, until it is closed, or the login is under way no more.
    pub(super) fn set(
        self,
        response: &mut Response,
        transport: Transport,
        secret: &str,
    ) -> Result<(), Refusal> {
        match self {
            Self::Staff | Self::Own => self.put(response, transport, secret, ""),
            Self::Attempt | Self::Mail => {
                let more = format!("; Max-Age={ATTEMPT_SECONDS}");
                self.put(response, transport, secret, &more)
            }
        }
    }

    /// Takes it back.
    pub(super) fn clear(
        self,
        response: &mut Response,
        transport: Transport,
    ) -> Result<(), Refusal> {
        self.put(response, transport, "", "; Max-Age=0")
    }

    fn put(
        self,
        response: &mut Response,
        transport: Transport,
        value: &str,
        more: &str,
    ) -> Result<(), Refusal> {
        let secure = match transport {
            Transport::Tls => "; Secure",
            Transport::Loopback => "",
        };
        let (name, site) = (self.name(transport), self.same_site());
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={site}{secure}{more}");
        let mut cookie = HeaderValue::from_str(&text).map_err(|_| Refusal::internal())?;
        cookie.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, cookie);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cookie: &str, transport: Transport) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().unwrap());
        Jar::Staff.secret(&headers, transport).map(str::to_owned)
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

    #[test]
    fn no_cookie_is_taken_for_another() {
        let jars = [Jar::Staff, Jar::Own, Jar::Attempt, Jar::Mail];
        for transport in [Transport::Tls, Transport::Loopback] {
            for jar in jars {
                let mut headers = HeaderMap::new();
                let cookie = format!("{}={}", jar.name(transport), "0a".repeat(32));
                headers.insert(COOKIE, cookie.parse().unwrap());
                for other in jars {
                    let found = other.secret(&headers, transport);
                    assert_eq!(found.is_some(), other == jar, "{jar:?} as {other:?}");
                }
            }
        }
    }
}
