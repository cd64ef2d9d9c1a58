//! What an operator says about a provider.

use openidconnect::url::{Host, Url};
use zeroize::Zeroize;

use crate::{SettingsError, SubjectClaim};

/// A provider, and how we are known to it.
#[derive(Debug)]
pub struct Settings {
    /// Its name, as people know it.
    pub name: String,
    /// The issuer, exactly as its tokens and its discovery document say it.
    pub issuer: String,
    /// The client id that it gave us.
    pub client_id: String,
    /// The secret with it; none for a public client, which PKCE alone protects.
    pub client_secret: Option<ClientSecret>,
    /// Which claim names the subject.
    pub subject: SubjectClaim,
    /// Where people reach our pages, without a path: browsers come back to `/me/login/back` there.
    pub pages: String,
    /// The authorities that the provider's certificate is checked with, PEM; without them, this machine's.
    pub authorities: Option<Vec<u8>>,
}

/// A client's secret.
pub struct ClientSecret(String);

impl ClientSecret {
    /// Takes it over, without white space around it.
    pub fn new(mut text: String) -> Self {
        let secret = text.trim().to_owned();
        text.zeroize();
        Self(secret)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSecret").finish_non_exhaustive()
    }
}

impl Drop for ClientSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// An address that a login may go through, without anything behind its path.
pub(crate) fn checked(name: &'static str, address: &str) -> Result<Url, SettingsError> {
    let url = Url::parse(address).map_err(|_| SettingsError::Address { name })?;
    let is_bare = url.query().is_none() && url.fragment().is_none();
    if is_bare && url.username().is_empty() && url.password().is_none() && is_protected(&url) {
        return Ok(url);
    }
    Err(SettingsError::Address { name })
}

/// Whether nobody listens on the way: through TLS, or without it within this machine.
pub(crate) fn is_protected(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        // A name for this machine that no server of names can change (RFC 6761 section 6.3).
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_here,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_go_through_tls() {
        for address in [
            "https://login.shop.example",
            "https://login.shop.example/tenant/1",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost:3000/oidc",
        ] {
            assert!(checked("issuer", address).is_ok(), "{address}");
        }
        for address in [
            "http://login.shop.example",
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "ftp://login.shop.example",
            "https://ada:secret@login.shop.example",
            "https://login.shop.example/?tenant=1",
            "https://login.shop.example/#x",
            "login.shop.example",
            "",
        ] {
            assert!(checked("issuer", address).is_err(), "{address}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = ClientSecret::new(" hunter2\n".to_owned());
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?}"), "ClientSecret { .. }");
    }
}
