//! TLS to the gateway: whom it trusts, and what its failures mean to whoever typed `privet console`.

use privet_postgres::{Distrust, Tls, Trust};

use crate::Error;

/// How the gateway is reached.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Without encryption: to this machine alone.
    Plain,
    /// With TLS.
    Tls {
        /// Whose certificates are trusted.
        trust: Trust,
        /// The name or address that the certificate must be for.
        name: String,
    },
}

/// Connections to the gateway of this name.
pub(crate) fn to(name: &str, trust: &Trust) -> Result<Tls, Error> {
    Tls::to(name, trust).map_err(|error| Error::Tls {
        why: match error {
            privet_postgres::Error::NoAuthority => {
                "this machine trusts no authority: name the one that signed the gateway's certificate with --ca FILE"
                    .to_owned()
            }
            other => other.to_string(),
        },
    })
}

/// What a failed handshake means for whoever connects to `name`; `None`: it was no handshake that failed.
pub(crate) fn explain(error: &tokio_postgres::Error, name: &str) -> Option<String> {
    Some(match Distrust::of(error)? {
        Distrust::Plain => {
            "it does not speak TLS: nothing was sent. Give it a certificate (`tls` under [gateway] in `privet.toml`)"
                .to_owned()
        }
        Distrust::Name => format!(
            "its certificate is not for `{name}`: connect to a name in it, or write that name as `tls.name` under \
             [gateway]"
        ),
        Distrust::Issuer => {
            "nobody who is trusted signed its certificate: name who did with --ca FILE".to_owned()
        }
        other => other.to_string(),
    })
}
