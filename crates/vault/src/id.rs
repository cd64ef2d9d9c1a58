//! Identifiers, each its own type, so that one cannot stand where another is meant.

use std::fmt;
use std::str::FromStr;

use privet_seal::Entropy;
use uuid::Uuid;

/// Why a text is not a name or an id. The text itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a UUID.
    #[error("expected a UUID such as `6f1c2d3e-…`")]
    Id,
    /// Not 1 to 64 characters of the alphabet that names have.
    #[error("expected 1 to 64 characters of `a-z`, `0-9`, `_`, `-` (and `.` in names of people)")]
    Name,
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random id (UUID version 4, RFC 9562 section 5.4).
            pub fn random(entropy: &dyn Entropy) -> Self {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The id that these 16 bytes are.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The id's 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Uuid::try_parse(text).map(Self).map_err(|_| NameError::Id)
            }
        }
    };
}

random_id!(
    /// The persistent id of a subject's account; it never leaves Privet and the account system.
    Puid
);
random_id!(
    /// The operational id of a subject: what applications store and show.
    Oid
);
random_id!(
    /// How the audit log names a subject; linked to ids in the key store alone.
    SubjectRef
);
random_id!(
    /// A supervised stretch of work.
    SessionId
);
random_id!(
    /// What a decrypted session may open.
    GrantId
);
random_id!(
    /// A question to a second person: may this be decrypted?
    GrantRequestId
);
random_id!(
    /// What a person asks for: to see everything that is held of them, or to be forgotten.
    SubjectRequestId
);
random_id!(
    /// One attempt of one server at a step of such a request.
    RequestRunId
);
random_id!(
    /// One token of a principal.
    TokenId
);
random_id!(
    /// A long run inside the server, such as an adoption.
    JobId
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $extra:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check_name(text, $extra).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }
    };
}

name!(
    /// `dev`, `staging`, `prod`, …: environments share nothing.
    Environment, ""
);
name!(
    /// The organisation that a subject or object belongs to.
    TenantName, ""
);
name!(
    /// A person of the staff, a job or a subject, by the name that policies and tokens use.
    PrincipalName, "."
);
name!(
    /// An application's own database, as the data map names it.
    SourceName, ""
);

fn check_name(text: &str, extra: &str) -> Result<(), NameError> {
    let allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-') || extra.contains(c)
    };
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        Ok(())
    } else {
        Err(NameError::Name)
    }
}
