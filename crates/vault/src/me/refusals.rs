//! Why somebody is not let in to their own pages. What a provider said of them goes to the server's log alone.

use crate::Error;
use crate::port::IdentityError;

pub(super) fn not_proved(error: &IdentityError) -> Error {
    match error {
        IdentityError::Refused(_) => {
            tracing::warn!(%error, "an identity provider's answer was refused");
            refused()
        }
        IdentityError::Unavailable(_) => {
            tracing::error!(%error, "the identity provider is out of reach");
            Error::unready(
                "provider_unavailable",
                "the provider that people log in with does not answer: try again in a few minutes",
            )
        }
    }
}

pub(super) fn strange() -> Error {
    Error::denied(
        "own_login",
        "this login was begun in another browser, was used already, or its ten minutes are over: begin again",
    )
}

pub(super) fn strange_link() -> Error {
    Error::denied(
        "own_login_link",
        "this link was asked for in another browser, was used already, or its ten minutes are over: ask for a new one",
    )
}

pub(super) fn refused() -> Error {
    Error::denied(
        "own_login_refused",
        "the provider did not confirm who you are: begin again",
    )
}

pub(super) fn unknown() -> Error {
    Error::denied(
        "own_unknown",
        "nothing is held here under this login: if you expected something, write to whoever runs the service",
    )
}

pub(super) fn too_many() -> Error {
    Error::limited(
        "login_limit",
        "too many attempts to log in: wait a minute, then try again",
    )
}
