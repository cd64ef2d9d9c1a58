//! `[mail]`: the server that mail to people goes through.

use std::path::PathBuf;

use serde::Deserialize;

/// The mail server, and as whom we send.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mail {
    pub(crate) server: String,
    /// The usual one of the encryption, if absent.
    pub(crate) port: Option<u16>,
    #[serde(default)]
    pub(crate) encryption: MailEncryption,
    pub(crate) from: String,
    /// The data map's controller, if absent.
    pub(crate) from_name: Option<String>,
    pub(crate) user: Option<String>,
    /// A file with the password, which only its owner may read.
    pub(crate) password_file: Option<PathBuf>,
    /// The environment variable that holds the same.
    pub(crate) password_env: Option<String>,
    /// The authorities that the server's certificate is checked with, PEM; without it, this machine's.
    pub(crate) authorities: Option<PathBuf>,
    /// A folder with texts that take the place of ours.
    pub(crate) templates: Option<PathBuf>,
    #[serde(default = "seconds_max")]
    pub(crate) seconds_max: u16,
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailEncryption {
    #[default]
    StartTls,
    Tls,
    None,
}

fn seconds_max() -> u16 {
    60
}
