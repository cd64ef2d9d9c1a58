//! `[people]`: the own pages of the people whom data is about.

use std::path::PathBuf;

use serde::Deserialize;

/// Where the pages are, and how people log in to them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct People {
    /// Where people reach the pages, without a path.
    pub(crate) address: String,
    /// How old a look at their data is before they are shown it.
    #[serde(default)]
    pub(crate) looks_after_days: u16,
    /// Whether people may log in by a link that they get by mail.
    #[serde(default)]
    pub(crate) mail_login: bool,
    pub(crate) login: Login,
}

/// `[people.login]`: the application's identity provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// Its name, as people know it.
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    /// A file with the client's secret, which only its owner may read.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// The environment variable that holds the same.
    pub(crate) client_secret_env: Option<String>,
    /// Which claim names the subject.
    pub(crate) subject: String,
    /// The authorities that the provider's certificate is checked with, PEM; without it, this machine's.
    pub(crate) authorities: Option<PathBuf>,
}
