//! Why a server is not trusted, told from other failures.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;

/// Why a server that answers is not trusted. Its text is for who wrote the address; who asks for a server in other
/// words says what to do in those.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It does not speak TLS. Nothing was sent.
    #[error(
        "it does not speak TLS, so nothing was sent: switch its `ssl` on, or reach it on its own machine"
    )]
    Plain,
    /// Its certificate is for somebody else.
    #[error(
        "its certificate is not for that name: connect to a name in it (`hostaddr` may say where that is)"
    )]
    Name,
    /// Nobody who is trusted signed its certificate.
    #[error("nobody who is trusted signed its certificate: name who did with `sslrootcert`")]
    Issuer,
    /// Its certificate is no longer valid.
    #[error("its certificate has expired: renew it")]
    Expired,
    /// The server refused ours, or wants one.
    #[error(
        "it does not accept our certificate, or wants one: name yours with `sslcert` and `sslkey`"
    )]
    Client,
    /// The login cannot be bound to its certificate.
    #[error(
        "its certificate does not bind the login: give it one with an ECDSA P-256 or RSA key, signed with SHA-256"
    )]
    Unbound,
    /// Anything else that TLS says.
    #[error("{0}")]
    Other(String),
}

impl Distrust {
    /// Why, if an error came from TLS; `None` if it is something else.
    pub fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            next = cause.source();
            // An I/O error's source is that of the error in it, so that the error itself is passed over.
            let inner = cause
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
                .and_then(|inner| inner.downcast_ref::<rustls::Error>());
            if let Some(rustls) = inner.or_else(|| cause.downcast_ref::<rustls::Error>()) {
                return Some(Self::of_tls(rustls));
            }
            // The driver's own words; it has no type for them.
            let said = cause.to_string();
            if said.contains("does not support TLS") {
                return Some(Self::Plain);
            }
            if said.contains("did not use channel binding") {
                return Some(Self::Unbound);
            }
        }
        None
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::{AlertDescription, Error};
        match error {
            Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::Name,
            // The other is what an authority of the same name looks like.
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => Self::Issuer,
            Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => Self::Expired,
            Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown,
            ) => Self::Client,
            other => Self::Other(other.to_string()),
        }
    }
}
