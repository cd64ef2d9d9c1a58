//! What is wrong with settings, said to an operator before anybody logs in.

/// Why a provider cannot be used as it is set up.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An address that people's logins must not go through.
    #[error(
        "`{name}` is not an address that people can log in over: use `https://…` without a user, a query or a fragment \
         (`http://` only for this machine itself)"
    )]
    Address {
        /// Which setting.
        name: &'static str,
    },
    /// A text that does not say which claim names the subject.
    #[error(
        "`subject` says which claim names a person: write `{{claim}}` for an operational id, or `source/table:{{claim}}` for \
         the key of a row, such as `shop/customer:{{sub}}`"
    )]
    Subject,
    /// A claim that may be somebody else's tomorrow.
    #[error(
        "claim `{0}` can change hands, and whoever has it next would be shown another person's data (OpenID Connect Core, \
         section 5.7): use `sub`, or a claim that the provider never gives to anybody else"
    )]
    Claim(&'static str),
    /// Authorities that are no certificates.
    #[error(
        "the provider's `authorities` hold no certificate: name a file with certificates in PEM"
    )]
    Authorities,
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client for the identity provider")]
    Client(#[source] reqwest::Error),
}
