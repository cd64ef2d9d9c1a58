//! What is wrong with settings and templates.

/// Settings or templates that cannot be used. Nothing in it was said by a person or a mail server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not an address of mail. The address itself is not repeated.
    #[error("not an address of mail: write `name@example.org`")]
    Address,
    /// Not what a Message-ID may be.
    #[error("a message id is 1 to 128 of `a-z`, `0-9`, `-`, `_` and `.`, an `@`, and a domain")]
    MessageId,
    /// Mail would cross a network unencrypted.
    #[error("mail to `{host}` must be encrypted: only a server on this machine may do without TLS")]
    Unencrypted {
        /// The mail server.
        host: String,
    },
    /// The file of authorities holds no certificate.
    #[error("the authorities for the mail server hold no certificate: put in PEM")]
    Authorities,
    /// TLS cannot be set up.
    #[error("TLS to the mail server cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// A template's file is not named after a notice and a language.
    #[error(
        "`{file}` is no template: it must be named NOTICE.LANGUAGE.txt or .html, and the notices are {notices}"
    )]
    Name {
        /// The file.
        file: String,
        /// Those that there are.
        notices: String,
    },
    /// A template cannot be read, or asks for what it is not given.
    #[error("`{file}`, line {line}: {problem}")]
    Template {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong, and what it may use.
        problem: String,
    },
}
