//! TLS of the SQL door, and what SCRAM binds to it.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::Error;

/// The protocol's name in ALPN; direct TLS must offer it (PostgreSQL 17).
pub(crate) const ALPN: &[u8] = b"postgresql";

/// A certificate with its key, ready to accept connections.
///
/// Use an ECDSA P-256 certificate: channel binding has no hash for Ed25519 (RFC 5929 section 4.1), and clients that
/// insist on it could not connect.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) end_point: Option<Vec<u8>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("binds", &self.end_point.is_some())
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// TLS 1.2 and 1.3 with this certificate chain (the server's own first) and its key.
    ///
    /// # Errors
    /// [`Error::Tls`] when the key does not fit the certificate or there is none.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        let end_point = chain.first().and_then(|certificate| end_point(certificate));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(Error::Tls)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            end_point,
        })
    }
}

/// The `tls-server-end-point` (RFC 5929 section 4.1): the certificate under the hash of its signature, SHA-256 instead of
/// MD5 and SHA-1. `None` where the signature names no such hash. Clients bind their login to the same bytes.
/// `privet-postgres` has the client's side of it: a door does not depend on what reaches databases.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match signature_algorithm(certificate)? {
        // ecdsa-with-SHA256/384/512 (RFC 5758 section 3.2).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02] => &digest::SHA256,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => &digest::SHA384,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => &digest::SHA512,
        // md5, sha1, sha256, sha384, sha512 WithRSAEncryption (RFC 8017 appendix A.2.4).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 4 | 5 | 11] => &digest::SHA256,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 12] => &digest::SHA384,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 13] => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { algorithm OBJECT IDENTIFIER, … }, … }`
/// (RFC 5280 section 4.1).
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (certificate, _) = der(certificate, SEQUENCE)?;
    let (_signed, rest) = der(certificate, SEQUENCE)?;
    let (algorithm, _) = der(rest, SEQUENCE)?;
    der(algorithm, OBJECT_IDENTIFIER).map(|(oid, _)| oid)
}

/// One DER value of the given tag, and what follows it.
fn der(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        // Certificates are far below 16 MiB.
        let digits = Some(digits).filter(|digits| digits.len() <= 3)?;
        (
            digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit)),
            rest,
        )
    };
    if found == tag {
        rest.split_at_checked(length)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_point_of_a_p256_certificate_is_its_sha_256() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let wanted = digest::digest(&digest::SHA256, certificate.der());
        assert_eq!(
            end_point(certificate.der()).as_deref(),
            Some(wanted.as_ref())
        );
    }

    #[test]
    fn an_ed25519_certificate_binds_nothing() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        assert_eq!(end_point(certificate.der()), None);
    }

    #[test]
    fn what_is_no_certificate_binds_nothing() {
        for bytes in [
            &b""[..],
            b"\x30",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x02\x30\x00",
            b"noise",
        ] {
            assert_eq!(end_point(bytes), None);
        }
    }
}
