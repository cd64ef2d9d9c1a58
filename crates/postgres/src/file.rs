//! The files that an address names: certificates, and secrets that nobody else may read.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::Error;

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let content = fs::read(path).map_err(|error| unusable(path, error.to_string()))?;
    let certificates = CertificateDer::pem_slice_iter(&content)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| unusable(path, "it is no PEM file of certificates"))?;
    if certificates.is_empty() {
        return Err(unusable(path, "it holds no certificate"));
    }
    Ok(certificates)
}

/// The private key of a PEM file that only its owner may read.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    // What the parser says could hold a line of the key.
    PrivateKeyDer::from_pem_slice(&secret(path)?)
        .map_err(|_| unusable(path, "it holds no private key in PEM without a passphrase"))
}

/// A password: the file's content without the line's end.
pub(crate) fn password(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let content = secret(path)?;
    let line = content.strip_suffix(b"\n").unwrap_or(&content);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.contains(&b'\n') || line.contains(&0) {
        return Err(unusable(
            path,
            "it must hold the password on one line, and nothing else",
        ));
    }
    Ok(Zeroizing::new(line.to_vec()))
}

fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let told = |error: std::io::Error| unusable(path, error.to_string());
    let mode = fs::metadata(path).map_err(told)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let shown = path.display();
        let why = format!("it has mode {mode:04o}, so others may read it: run `chmod 600 {shown}`");
        return Err(unusable(path, why));
    }
    fs::read(path).map(Zeroizing::new).map_err(told)
}

pub(crate) fn unusable(path: &Path, why: impl Into<String>) -> Error {
    Error::File {
        path: path.to_owned(),
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8]) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        password(&path).ok().map(|password| password.to_vec())
    }

    #[test]
    fn a_password_is_one_line() {
        assert_eq!(check(b"secret").as_deref(), Some(&b"secret"[..]));
        assert_eq!(check(b"secret \n").as_deref(), Some(&b"secret "[..]));
        assert_eq!(check(b"secret\r\n").as_deref(), Some(&b"secret"[..]));
        assert_eq!(check(b""), None);
        assert_eq!(check(b"\n"), None);
        assert_eq!(check(b"one\ntwo\n"), None);
        assert_eq!(check(b"one\0two"), None);
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let said = password(&path).unwrap_err().to_string();
        assert!(
            said.contains("mode 0640") && said.contains("chmod 600"),
            "{said}"
        );
    }

    #[test]
    fn a_broken_key_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "-----BEGIN PRIVATE KEY-----\nMC4CAQAw!!\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let said = private_key(&path).unwrap_err().to_string();
        assert!(
            said.contains("holds no private key") && !said.contains("MC4C"),
            "{said}"
        );
    }
}
